//! Destroying files: what held a store is overwritten before its blocks are given back.
//!
//! Invariant: a store is whole under its name, or has lost it; what has lost it is removed whenever a store is made at that path.
//! Not its concern: copies that flash, file systems or backups keep. They are noise without the key.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::limits::ERASE_BYTES;
use super::open::beside;

/// What SQLite keeps beside a database, and what this module and `rotate` do.
const BESIDE: [&str; 3] = ["-wal", "-journal", super::rotate::COPY];

/// The name of a store that is being destroyed.
fn doomed(path: &Path) -> PathBuf {
    beside(path, "-erased")
}

/// Destroys a store that is closed, and what is beside it.
pub(super) fn erase(path: &Path) -> io::Result<()> {
    for ending in BESIDE {
        remove(&beside(path, ending))?;
    }
    fs::rename(path, doomed(path))?;
    sync_folder(path)?;
    go_on(path)
}

/// Goes on with what a crash left of [`erase`], if there is anything.
pub(super) fn go_on(path: &Path) -> io::Result<()> {
    let doomed = doomed(path);
    match File::options().write(true).open(&doomed) {
        Ok(mut file) => overwrite(&mut file)?,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    }
    remove(&doomed)?;
    sync_folder(path)
}

/// Writes zeros over a whole file.
pub(super) fn overwrite(file: &mut File) -> io::Result<()> {
    let zeros = vec![0; ERASE_BYTES];
    let mut left = file.seek(SeekFrom::End(0))?;
    file.rewind()?;
    while left > 0 {
        let part = usize::try_from(left).map_or(ERASE_BYTES, |left| left.min(ERASE_BYTES));
        file.write_all(zeros.get(..part).unwrap_or_default())?;
        left = left.saturating_sub(u64::try_from(part).unwrap_or(left));
    }
    file.sync_all()
}

/// Removes a file, if there is one.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Makes durable which files there are beside a path.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        Some(_) | None => Path::new("."),
    };
    if cfg!(unix) {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}
