//! The one directory that holds everything a relay keeps.
//!
//! ```text
//! DATA/relay.lock   held by the process that runs on this directory
//! DATA/relay.db     mailboxes, prekeys, records, the index of blobs (SQLite, with its -wal and -shm)
//! DATA/blobs/ab/…   the bytes of blobs, a folder for each first byte of the id
//! ```
//! Invariant: at most one process runs on a directory; the lock goes with the process, so that kill -9 leaves none.

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
};

const LOCK: &str = "relay.lock";
const DATABASE: &str = "relay.db";
const BLOBS: &str = "blobs";

/// A data directory that this process holds.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    _lock: File,
}

/// Why a data directory cannot be used. The operator must act on every one of them.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// The directory or something in it cannot be made or opened.
    #[error("the data directory {path} cannot be used: {cause}. {}", advice(cause))]
    Unusable {
        /// The path that failed.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// Another process runs on it.
    #[error("another relay runs on {0}. Stop it first, or give another --data.")]
    InUse(PathBuf),
    /// The target of a copy holds something already.
    #[error("{0} is not empty. Give a directory that does not exist or holds nothing.")]
    NotEmpty(PathBuf),
    /// There is no relay's database where one was expected.
    #[error("{0} holds no relay's data. Give the directory that `serve` used or `backup` wrote.")]
    NoDatabase(PathBuf),
}

/// What the operator does about a directory that cannot be used.
fn advice(cause: &io::Error) -> &'static str {
    if is_full(cause) {
        "Free some space on the disk."
    } else {
        "Check its permissions and the disk."
    }
}

/// Whether a file could not be made or written because the disk, or what this user may have of it, is used up.
pub(crate) fn is_full(error: &io::Error) -> bool {
    use io::ErrorKind::{QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded)
}

impl DataDir {
    /// Makes the directory when absent, readable by its owner only, and takes its lock.
    ///
    /// # Errors
    /// [`DataDirError`] when it cannot be used or another process holds it.
    pub fn hold(path: &Path) -> Result<Self, DataDirError> {
        let unusable = |cause| DataDirError::Unusable {
            path: path.to_owned(),
            cause,
        };
        make_private(path).map_err(unusable)?;
        make_private(&path.join(BLOBS)).map_err(unusable)?;
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path.join(LOCK))
            .map_err(unusable)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self {
                path: path.to_owned(),
                _lock: lock,
            }),
            Err(TryLockError::WouldBlock) => Err(DataDirError::InUse(path.to_owned())),
            Err(TryLockError::Error(cause)) => Err(unusable(cause)),
        }
    }

    /// Takes the lock of a directory that must hold nothing yet.
    ///
    /// # Errors
    /// As [`DataDir::hold`], and when something is there.
    pub fn hold_empty(path: &Path) -> Result<Self, DataDirError> {
        let unusable = |cause| DataDirError::Unusable {
            path: path.to_owned(),
            cause,
        };
        if path.exists() && fs::read_dir(path).map_err(unusable)?.next().is_some() {
            return Err(DataDirError::NotEmpty(path.to_owned()));
        }
        Self::hold(path)
    }

    /// The database file.
    pub fn database(&self) -> PathBuf {
        database_in(&self.path)
    }

    /// The folder of blobs.
    pub fn blobs(&self) -> PathBuf {
        blobs_in(&self.path)
    }

    /// The directory itself.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// The database file of a directory that this process need not hold.
pub(crate) fn database_in(path: &Path) -> PathBuf {
    path.join(DATABASE)
}

/// The folder of blobs of a directory that this process need not hold.
pub(crate) fn blobs_in(path: &Path) -> PathBuf {
    path.join(BLOBS)
}

/// Makes a directory with its parents, and closes it to others when this call made it. What it made survives a power cut.
pub(crate) fn make_private(path: &Path) -> io::Result<()> {
    let named = path.ancestors().filter(|folder| *folder != Path::new(""));
    let missing: Vec<&Path> = named.take_while(|folder| !folder.exists()).collect();
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)?;
    for folder in missing {
        // A name belongs to the folder that it is in.
        let above = folder.parent().filter(|above| *above != Path::new(""));
        File::open(above.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    Ok(())
}
