//! Copies of a data directory: `backup` while the relay runs, `restore` into a new directory.
//!
//! Invariant: the database is copied first, by SQLite's online backup, then the files of the blobs. A blob that is
//! finished in between is an orphan of the copy and removed at its first start; one that is deleted in between is found
//! missing when somebody asks. A restored store has a new epoch, by which clients know that it may have forgotten
//! things, and send them again.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use crate::{
    data_dir::{self, DataDir, DataDirError},
    server::blob_files,
    storage::{StorageError, sqlite::SqliteStorage},
};

/// Why there is no copy. The operator must act on every one of them; the source is untouched.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// One of the two directories cannot be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The database cannot be copied.
    #[error("{}: {cause}. {}", path.display(), cause.advice())]
    Store {
        /// The database that was read or written.
        path: PathBuf,
        /// What is wrong with it.
        cause: StorageError,
    },
    /// A file cannot be copied.
    #[error("{} cannot be copied: {cause}. Check permissions and the space on the disk.", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
}

/// Copies the data directory `data`, whether a relay runs on it or not, into `to`.
///
/// # Errors
/// [`BackupError`]; what was written to `to` is incomplete then.
pub fn backup(data: &Path, to: &Path) -> Result<(), BackupError> {
    let target = DataDir::hold_empty(to)?;
    copy(data, &target)
}

/// Makes the data directory `data` from the backup `from`, under a new store epoch.
///
/// # Errors
/// [`BackupError`]; what was written to `data` is incomplete then.
pub fn restore(from: &Path, data: &Path) -> Result<(), BackupError> {
    let target = DataDir::hold_empty(data)?;
    copy(from, &target)?;
    let path = target.database();
    SqliteStorage::renew_epoch(&path, &mut rand::rng())
        .map_err(|cause| BackupError::Store { path, cause })
}

fn copy(from: &Path, target: &DataDir) -> Result<(), BackupError> {
    let database = data_dir::database_in(from);
    if !database.is_file() {
        return Err(DataDirError::NoDatabase(from.to_owned()).into());
    }
    SqliteStorage::backup(&database, &target.database()).map_err(|cause| BackupError::Store {
        path: database,
        cause,
    })?;
    let blobs = data_dir::blobs_in(from);
    if !blobs.is_dir() {
        return Ok(());
    }
    for folder in blob_files::folders(&blobs).map_err(|cause| failed(&blobs, cause))? {
        copy_folder(&folder, &target.blobs())?;
    }
    Ok(())
}

fn copy_folder(folder: &Path, blobs: &Path) -> Result<(), BackupError> {
    let Some(name) = folder.file_name() else {
        return Ok(());
    };
    let into = blobs.join(name);
    data_dir::make_private(&into).map_err(|cause| failed(&into, cause))?;
    for id in blob_files::ids_in(folder).map_err(|cause| failed(folder, cause))? {
        let name = blob_files::id_text(id);
        copy_file(&folder.join(&name), &into.join(&name)).map_err(|cause| failed(folder, cause))?;
    }
    sync(&into)
        .and_then(|()| sync(blobs))
        .map_err(|cause| failed(&into, cause))
}

/// Copies durably; a file that was removed meanwhile is no loss.
fn copy_file(from: &Path, to: &Path) -> io::Result<()> {
    match fs::copy(from, to) {
        Ok(_) => sync(to),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

fn sync(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

fn failed(path: &Path, cause: io::Error) -> BackupError {
    BackupError::File {
        path: path.to_owned(),
        cause,
    }
}
