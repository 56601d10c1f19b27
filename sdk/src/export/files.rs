//! The folder of an export: written beside its place, and put there when it is whole and durable.
//!
//! Invariant: under the name that the user gave there is a whole export or nothing. What is written until then has `.partial`
//! behind its name and an empty file `unfinished` in it, is removed when the export fails, and by the next export to that place
//! when a crash left it. Only its owner reads any of it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::error::ExportError;

pub(super) const HEAD: &str = "export.json";
pub(super) const CONTACTS: &str = "contacts.jsonl";
pub(super) const CONVERSATIONS: &str = "conversations";
pub(super) const MEDIA: &str = "media";
const UNFINISHED: &str = "unfinished";

/// A folder that is being written. Removed when it is dropped before it is finished.
pub(super) struct Partial {
    at: PathBuf,
    target: PathBuf,
    finished: bool,
}

impl Partial {
    /// Begins an export that will be at `target`, where nothing or an empty folder is.
    pub(super) fn begin(target: &Path) -> Result<Self, ExportError> {
        let mut name = target.file_name().ok_or(ExportError::NotEmpty)?.to_owned();
        if !is_free(target)? {
            return Err(ExportError::NotEmpty);
        }
        name.push(".partial");
        let at = target.with_file_name(name);
        // Written in this order: one of the two is there at any time but the very beginning.
        if at.join(UNFINISHED).exists() || at.join(HEAD).exists() {
            fs::remove_dir_all(&at)?;
        }
        if at.exists() {
            return Err(ExportError::NotEmpty);
        }
        make_folder(&at)?;
        let partial = Self {
            at,
            target: target.to_owned(),
            finished: false,
        };
        make_file(&partial.at.join(UNFINISHED))?;
        make_folder(&partial.at.join(CONVERSATIONS))?;
        make_folder(&partial.at.join(MEDIA))?;
        Ok(partial)
    }

    /// A new file of lines.
    pub(super) fn lines(&self, name: &Path) -> io::Result<Lines> {
        let file = make_file(&self.at.join(name))?;
        Ok(Lines(BufWriter::new(file)))
    }

    /// Keeps bytes under their SHA-256, which is returned.
    pub(super) fn media(&self, bytes: &[u8]) -> io::Result<String> {
        let name = media_name(bytes);
        match make_file(&self.at.join(MEDIA).join(&name)) {
            Ok(mut file) => {
                file.write_all(bytes)?;
                file.sync_all()?;
            }
            // The same bytes were sent before.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
        Ok(name)
    }

    /// Puts the folder in its place, durably.
    pub(super) fn finish(mut self) -> io::Result<()> {
        for folder in [MEDIA, CONVERSATIONS] {
            sync_folder(&self.at.join(folder))?;
        }
        fs::remove_file(self.at.join(UNFINISHED))?;
        sync_folder(&self.at)?;
        match fs::remove_dir(&self.target) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        fs::rename(&self.at, &self.target)?;
        self.finished = true;
        sync_folder(&self.target.join(".."))
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.finished {
            // What stays is no export, and says so by its name.
            let _ = fs::remove_dir_all(&self.at);
        }
    }
}

/// A file of lines that is being written.
pub(super) struct Lines(BufWriter<File>);

impl Lines {
    /// Writes one object and ends the line.
    pub(super) fn line(&mut self, line: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut self.0, line)?;
        self.0.write_all(b"\n")
    }

    /// Makes it durable.
    pub(super) fn close(mut self) -> io::Result<()> {
        self.0.flush()?;
        self.0.get_ref().sync_all()
    }
}

/// What bytes are called in `media`.
pub(super) fn media_name(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// The file of the conversation with an account, by the account's text.
pub(super) fn conversation_file(account: &str) -> PathBuf {
    Path::new(CONVERSATIONS).join(format!("{account}.jsonl"))
}

fn is_free(target: &Path) -> io::Result<bool> {
    match fs::read_dir(target) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotADirectory => Ok(false),
        Err(error) => Err(error),
    }
}

fn make_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

fn make_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn sync_folder(path: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(path)?.sync_all()?;
    }
    Ok(())
}
