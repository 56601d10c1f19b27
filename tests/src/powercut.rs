//! A power cut, simulated: programs run on a file layer that remembers what each write replaced since the last
//! fsync (`powercut/shim.c`), and [`PowerCut::cut`] puts those bytes back after the program was killed; so also the names of
//! files, if their folder was not synced since they changed (`names`).
//!
//! Invariant: whatever a program synced before it was killed is never touched.

mod names;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use rand::{Rng, RngExt};

use crate::preload;

/// Unit in which unsynced bytes survive or vanish, in bytes: the sector that disks promise to write whole.
const SECTOR: u64 = 512;

/// The file layer for one folder.
pub struct PowerCut {
    directory: PathBuf,
    log: PathBuf,
    shim: PathBuf,
}

/// What a cut takes back of what was not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// All of it.
    Everything,
    /// Each sector with a chance of one half: a disk may write in any order. Of the names the last ones, some number of
    /// them: a file system keeps their order.
    Random,
}

impl PowerCut {
    /// Builds the layer with the C compiler, for files below `directory`; `scratch` keeps its records.
    ///
    /// # Errors
    /// When the compiler is missing or fails, or a folder cannot be made.
    pub fn new(directory: &Path, scratch: &Path) -> io::Result<Self> {
        fs::create_dir_all(directory)?;
        let log = scratch.join("unsynced");
        fs::create_dir_all(&log)?;
        Ok(Self {
            directory: directory.canonicalize()?,
            log,
            shim: preload::build("powercut", scratch)?,
        })
    }

    /// Puts the layer under a program that has not been started yet.
    pub fn lay_under<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command
            .env("LD_PRELOAD", &self.shim)
            .env("POWERCUT_DIR", &self.directory)
            .env("POWERCUT_LOG", &self.log)
    }

    /// The same, with a disk that lies: syncs change nothing. A program must lose data on it.
    pub fn lay_under_without_sync<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        self.lay_under(command).env("POWERCUT_IGNORE_SYNC", "1")
    }

    /// Takes unsynced names and bytes back. The program must have been killed before. Returns how many names and sectors
    /// changed.
    ///
    /// # Errors
    /// When a file or its records cannot be read or written.
    pub fn cut(&self, loss: Loss, rng: &mut impl Rng) -> io::Result<usize> {
        let mut reverted = names::revert(&self.log.join("names"), loss, rng)?;
        let mut files = BTreeMap::new();
        files_below(&self.directory, &mut files)?;
        for (inode, path) in files {
            let log = self.log.join(format!("{inode}.undo"));
            if log.exists() {
                reverted += revert(&path, &fs::read(&log)?, loss, rng)?;
            }
        }
        fs::remove_dir_all(&self.log)?;
        fs::create_dir(&self.log)?;
        Ok(reverted)
    }
}

/// The files of a folder and those in it, by inode.
fn files_below(folder: &Path, files: &mut BTreeMap<u64, PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            files_below(&entry.path(), files)?;
        } else {
            files.insert(entry.metadata()?.ino(), entry.path());
        }
    }
    Ok(())
}

struct Record<'a> {
    offset: u64,
    size_before: u64,
    old: &'a [u8],
}

fn records(mut log: &[u8]) -> io::Result<Vec<Record<'_>>> {
    let mut records = Vec::new();
    // A record that the kill cut short belongs to a write that never happened.
    while let Some((head, rest)) = log.split_at_checked(24) {
        let word = |at: usize| u64::from_ne_bytes(std::array::from_fn(|i| head[at + i]));
        let length = usize::try_from(word(8)).map_err(io::Error::other)?;
        let Some((old, rest)) = rest.split_at_checked(length) else {
            break;
        };
        records.push(Record {
            offset: word(0),
            size_before: word(16),
            old,
        });
        log = rest;
    }
    Ok(records)
}

/// Rebuilds what the file held when it was last synced, and moves the chosen sectors back to it.
fn revert(target: &Path, log: &[u8], loss: Loss, rng: &mut impl Rng) -> io::Result<usize> {
    let records = records(log)?;
    let Some(first) = records.first() else {
        return Ok(0);
    };
    let synced_size = first.size_before;
    let current = fs::read(target)?;
    let mut synced = current.clone();
    for record in records.iter().rev() {
        let offset = usize::try_from(record.offset).map_err(io::Error::other)?;
        let size_before = usize::try_from(record.size_before).map_err(io::Error::other)?;
        synced.resize(size_before.max(offset + record.old.len()), 0);
        synced[offset..offset + record.old.len()].copy_from_slice(record.old);
        synced.truncate(size_before);
    }
    debug_assert_eq!(synced.len() as u64, synced_size);
    let sector = |bytes: &[u8], at: u64| -> Vec<u8> {
        let start = usize::try_from(at * SECTOR)
            .unwrap_or(usize::MAX)
            .min(bytes.len());
        let end = usize::try_from((at + 1) * SECTOR)
            .unwrap_or(usize::MAX)
            .min(bytes.len());
        bytes[start..end].to_vec()
    };
    let longest = current.len().max(synced.len()) as u64;
    let mut changed = BTreeMap::new();
    for at in 0..longest.div_ceil(SECTOR) {
        let old = sector(&synced, at);
        if old != sector(&current, at) && (loss == Loss::Everything || rng.random_bool(0.5)) {
            changed.insert(at, old);
        }
    }
    // Under random loss the length is one more thing that may or may not have reached the disk; zeros fill a hole.
    let keep_length = loss == Loss::Random && rng.random_bool(0.5);
    let file = fs::OpenOptions::new().write(true).open(target)?;
    if !keep_length {
        file.set_len(synced_size)?;
    }
    for (at, old) in &changed {
        if at * SECTOR < file.metadata()?.len() {
            file.write_all_at(old, at * SECTOR)?;
        }
    }
    Ok(changed.len())
}

#[cfg(test)]
#[path = "powercut_tests.rs"]
mod tests;
