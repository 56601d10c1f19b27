//! The bytes of blobs: one file each, `BLOBS/ab/abcdef…`, written in order.
//!
//! Invariant: the index says how much of a file counts. What lies behind that (a crash came between writing and
//! recording) is overwritten by the next write, and a file that the index does not know is removed at the next start.
//! Everything here blocks; callers run it off the async threads.

use std::{
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use undertone_wire::BlobId;

use crate::data_dir;

/// A file that is being written.
pub(crate) struct Writer(File);

impl Writer {
    /// Opens the file of a blob at `offset` bytes, making it when absent.
    pub(crate) fn open(blobs: &Path, id: BlobId, offset: u64) -> io::Result<Self> {
        let path = path(blobs, id);
        let folder = path.parent().unwrap_or(blobs);
        data_dir::make_private(folder)?;
        let fresh = !path.exists();
        let mut file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)?;
        if fresh {
            File::open(folder)?.sync_all()?;
        }
        file.set_len(offset)?;
        file.seek(SeekFrom::Start(offset))?;
        Ok(Self(file))
    }

    /// Appends.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    /// Makes everything written durable.
    pub(crate) fn sync(&mut self) -> io::Result<()> {
        self.0.sync_data()
    }
}

/// A part of a file that is being read.
pub(crate) struct Reader {
    file: File,
    left: u64,
}

impl Reader {
    /// Opens `length` bytes from `offset` of a blob's file.
    pub(crate) fn open(blobs: &Path, id: BlobId, offset: u64, length: u64) -> io::Result<Self> {
        let mut file = File::open(path(blobs, id))?;
        file.seek(SeekFrom::Start(offset))?;
        Ok(Self { file, left: length })
    }

    /// The next bytes, at most `max`; empty at the end.
    pub(crate) fn read(&mut self, max: usize) -> io::Result<Vec<u8>> {
        let want = usize::try_from(self.left).unwrap_or(usize::MAX).min(max);
        let mut bytes = vec![0; want];
        self.file.read_exact(&mut bytes)?;
        self.left -= u64::try_from(want).unwrap_or(self.left);
        Ok(bytes)
    }
}

/// Removes the file of a blob; that there is none is fine.
pub(crate) fn remove(blobs: &Path, id: BlobId) -> io::Result<()> {
    match fs::remove_file(path(blobs, id)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// The folders that hold files.
pub(crate) fn folders(blobs: &Path) -> io::Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for entry in fs::read_dir(blobs)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            folders.push(entry.path());
        }
    }
    Ok(folders)
}

/// The blobs that have a file in a folder. Files of other names are not ours and are left alone.
pub(crate) fn ids_in(folder: &Path) -> io::Result<Vec<BlobId>> {
    let mut ids = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        ids.extend(name.to_str().and_then(parse_id));
    }
    Ok(ids)
}

/// An id from its text.
pub(crate) fn parse_id(text: &str) -> Option<BlobId> {
    let mut bytes = [0; BlobId::LEN];
    hex::decode_to_slice(text, &mut bytes).ok()?;
    Some(BlobId::from_bytes(bytes))
}

/// The text of an id: 32 hex digits.
pub(crate) fn id_text(id: BlobId) -> String {
    hex::encode(id.as_bytes())
}

fn path(blobs: &Path, id: BlobId) -> PathBuf {
    let text = id_text(id);
    blobs.join(&text[..2]).join(text)
}

#[cfg(test)]
#[path = "blob_files_tests.rs"]
mod tests;
