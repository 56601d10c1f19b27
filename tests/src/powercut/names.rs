//! The names of files, as a power cut leaves them: whatever became of a name since its folder was last synced is undone.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

use rand::{Rng, RngExt};

use super::Loss;

/// What became of a name; `powercut/shim.c` has the form of the lines.
enum Change<'a> {
    Created {
        path: &'a Path,
    },
    Renamed {
        from: &'a Path,
        to: &'a Path,
        kept: Option<&'a Path>,
    },
    Removed {
        path: &'a Path,
        kept: Option<&'a Path>,
    },
    Synced {
        folder: &'a Path,
    },
}

impl<'a> Change<'a> {
    fn parse(line: &'a str) -> io::Result<Self> {
        let fields: Vec<_> = line.split('\t').collect();
        let kept = |field: &'a str| (field != "-").then(|| Path::new(field));
        match fields[..] {
            ["created", path] => Ok(Self::Created {
                path: Path::new(path),
            }),
            ["renamed", from, to, other] => Ok(Self::Renamed {
                from: Path::new(from),
                to: Path::new(to),
                kept: kept(other),
            }),
            ["removed", path, other] => Ok(Self::Removed {
                path: Path::new(path),
                kept: kept(other),
            }),
            ["synced", folder] => Ok(Self::Synced {
                folder: Path::new(folder),
            }),
            _ => Err(io::Error::other(format!("{line:?} is no record"))),
        }
    }

    /// Whether syncing a folder makes it last.
    fn is_in(&self, folder: &Path) -> bool {
        match self {
            Self::Created { path } | Self::Removed { path, .. } => path.parent() == Some(folder),
            Self::Renamed { to, .. } => to.parent() == Some(folder),
            Self::Synced { .. } => false,
        }
    }

    /// What the program was killed before it did has nothing to undo.
    fn undo(&self) -> io::Result<()> {
        match self {
            Self::Created { path } if path.is_dir() => fs::remove_dir_all(path),
            Self::Created { path } => unless_absent(fs::remove_file(path)),
            Self::Renamed { from, to, kept } => {
                if !from.exists() {
                    unless_absent(fs::rename(to, from))?;
                }
                restore(to, *kept)
            }
            Self::Removed { path, kept } => restore(path, *kept),
            Self::Synced { .. } => Ok(()),
        }
    }
}

fn unless_absent(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn restore(path: &Path, kept: Option<&Path>) -> io::Result<()> {
    match kept {
        Some(kept) if !path.exists() => fs::hard_link(kept, path),
        Some(_) | None => Ok(()),
    }
}

/// Undoes what was not synced, the last first; returns how many changes that were.
pub(super) fn revert(log: &Path, loss: Loss, rng: &mut impl Rng) -> io::Result<usize> {
    let text = match fs::read_to_string(log) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error),
    };
    let mut unsynced: Vec<Change<'_>> = Vec::new();
    // A line that the kill cut short belongs to a change that never happened.
    for line in text.split_inclusive('\n') {
        let Some(line) = line.strip_suffix('\n') else {
            break;
        };
        match Change::parse(line)? {
            Change::Synced { folder } => unsynced.retain(|change| !change.is_in(folder)),
            change @ (Change::Created { .. } | Change::Renamed { .. } | Change::Removed { .. }) => {
                unsynced.push(change);
            }
        }
    }
    let kept = match loss {
        Loss::Everything => 0,
        Loss::Random => rng.random_range(0..=unsynced.len()),
    };
    let lost = unsynced.split_off(kept);
    for change in lost.iter().rev() {
        change.undo()?;
    }
    Ok(lost.len())
}
