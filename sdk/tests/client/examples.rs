//! The examples are what an app could be: they reach nothing behind the public surface, which tests may.

use std::fs;
use std::path::Path;

/// What only the feature `internals` makes public.
const INTERNAL: [&str; 3] = [
    "undertone::engine",
    "undertone::store",
    "undertone::transport",
];

fn check(folder: &Path) -> usize {
    let mut files = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files += check(&path);
            continue;
        }
        let source = fs::read_to_string(&path).unwrap();
        for module in INTERNAL {
            assert!(!source.contains(module), "{}: {module}", path.display());
        }
        files += 1;
    }
    files
}

#[test]
fn examples_use_the_public_surface_alone() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    assert!(check(&examples) > 10);
}
