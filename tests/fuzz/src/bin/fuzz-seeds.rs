//! Writes each target's seeds into its corpus, beside what is there.
#![forbid(unsafe_code)]

use std::path::Path;
use std::{fs, io};

use undertone_fuzz_targets::TARGETS;

fn main() -> io::Result<()> {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    for target in TARGETS {
        let folder = corpora.join(target.name);
        fs::create_dir_all(&folder)?;
        for (at, seed) in (target.seeds)().iter().enumerate() {
            fs::write(folder.join(format!("seed-{at:02}")), seed)?;
        }
    }
    Ok(())
}
