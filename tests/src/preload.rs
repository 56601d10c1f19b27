//! Libraries that stand between a built program and the system (`LD_PRELOAD`), in C because that is what the system's own
//! are called like.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Builds `NAME/shim.c` of this crate with the C compiler, into `scratch`.
///
/// # Errors
/// When the compiler is missing or fails.
pub fn build(name: &str, scratch: &Path) -> io::Result<PathBuf> {
    let shim = scratch.join(format!("{name}.so"));
    let source = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join(name)
        .join("shim.c");
    let status = Command::new("cc")
        .args(["-shared", "-fPIC", "-O2", "-o"])
        .arg(&shim)
        .arg(source)
        .args(["-ldl", "-lpthread"])
        .status()?;
    if status.success() {
        Ok(shim)
    } else {
        Err(io::Error::other(format!(
            "cc could not build {name}/shim.c"
        )))
    }
}
