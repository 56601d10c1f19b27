//! A profile: a folder with the encrypted store and its key.
//!
//! The key lies beside the store, readable by its owner only (mode 0600). That protects a copied store, not a machine that
//! somebody else reads: a real app asks the platform's key store instead.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rand::Rng;

/// Where the parts of a profile are.
pub(crate) struct Profile {
    pub(crate) store: PathBuf,
    pub(crate) key: [u8; 32],
    /// The key that the store was being given when the program ended: it has one of the two.
    pub(crate) next_key: Option<[u8; 32]>,
}

/// The file of the key, and of the one that will be.
const KEY: &str = "store.key";
const NEXT_KEY: &str = "store.key.next";

/// A profile cannot be used; the user must act.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProfileError {
    #[error("the profile folder {0} cannot be used: {1}")]
    Folder(PathBuf, #[source] io::Error),
    #[error("the key file {0} cannot be used: {1}")]
    Key(PathBuf, #[source] io::Error),
    #[error(
        "{0} is not a key file: 64 hexadecimal digits are expected. Restore it; without it the store stays closed"
    )]
    NotAKey(PathBuf),
    #[error(
        "the key file {0} is missing, but there is a store. Restore it; without it the store stays closed"
    )]
    KeyMissing(PathBuf),
}

impl Profile {
    /// Opens the profile in `folder`, or makes one.
    pub(crate) fn open(folder: &Path) -> Result<Self, ProfileError> {
        make_folder(folder).map_err(|error| ProfileError::Folder(folder.to_owned(), error))?;
        let (store, key_file) = (folder.join("store.db"), folder.join(KEY));
        let key = match read(&key_file)? {
            Some(key) => key,
            None if store.exists() => return Err(ProfileError::KeyMissing(key_file)),
            None => make(folder, KEY)?,
        };
        let next_key = read(&folder.join(NEXT_KEY))?;
        Ok(Self {
            store,
            key,
            next_key,
        })
    }
}

/// The key of a file, if there is one.
fn read(file: &Path) -> Result<Option<[u8; 32]>, ProfileError> {
    match fs::read_to_string(file) {
        Ok(text) => {
            let key = parse(text.trim());
            key.map(Some).ok_or(ProfileError::NotAKey(file.to_owned()))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(ProfileError::Key(file.to_owned(), error)),
    }
}

/// Makes the key that the store is to have, and keeps it beside the one that it has.
pub(crate) fn make_next_key(folder: &Path) -> Result<[u8; 32], ProfileError> {
    make(folder, NEXT_KEY)
}

/// The store has its next key: the old one is forgotten.
pub(crate) fn adopt_next_key(folder: &Path) -> Result<(), ProfileError> {
    let key_file = folder.join(KEY);
    fs::rename(folder.join(NEXT_KEY), &key_file)
        .and_then(|()| File::open(folder)?.sync_all())
        .map_err(|error| ProfileError::Key(key_file, error))
}

/// The store keeps its old key.
pub(crate) fn forget_next_key(folder: &Path) -> Result<(), ProfileError> {
    let file = folder.join(NEXT_KEY);
    fs::remove_file(&file).map_err(|error| ProfileError::Key(file, error))
}

/// The store is gone: its keys open nothing any more.
pub(crate) fn forget_keys(folder: &Path) -> io::Result<()> {
    for name in [KEY, NEXT_KEY] {
        match fs::remove_file(folder.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

/// Makes a folder that its owner only reads, unless it is there. A new one survives a power cut: it will hold a store that does.
fn make_folder(folder: &Path) -> io::Result<()> {
    let is_new = !folder.exists();
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    match folder.canonicalize()?.parent() {
        Some(above) if is_new => File::open(above)?.sync_all(),
        Some(_) | None => Ok(()),
    }
}

/// Writes an invite link to a file in the profile's folder, for a person to copy; only its owner reads it.
pub(crate) fn write_invite(folder: &Path, link: &str) -> io::Result<PathBuf> {
    let path = folder.join("invite.txt");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&path)?;
    writeln!(file, "{link}")?;
    Ok(path)
}

/// Makes a key. It has its name only once it is whole on the disk, so that a crash leaves none or all of it.
fn make(folder: &Path, name: &str) -> Result<[u8; 32], ProfileError> {
    let mut key = [0; 32];
    rand::rng().fill_bytes(&mut key);
    write_key(folder, name, &key).map_err(|error| ProfileError::Key(folder.join(name), error))?;
    Ok(key)
}

fn write_key(folder: &Path, name: &str, key: &[u8; 32]) -> io::Result<()> {
    let unfinished = folder.join("store.key.new");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&unfinished)?;
    for byte in key {
        write!(file, "{byte:02x}")?;
    }
    file.sync_all()?;
    fs::rename(&unfinished, folder.join(name))?;
    File::open(folder)?.sync_all()
}

fn parse(text: &str) -> Option<[u8; 32]> {
    let mut key = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (byte, digits) in key.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(key)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_key_is_made_once_and_only_its_owner_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let first = Profile::open(folder.path()).unwrap();
        assert_eq!(Profile::open(folder.path()).unwrap().key, first.key);
        let mode = fs::metadata(folder.path().join("store.key"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_key_that_the_store_is_given_is_kept_beside_the_old_one_until_it_has_it() {
        let folder = tempfile::tempdir().unwrap();
        let old = Profile::open(folder.path()).unwrap();
        assert_eq!(old.next_key, None);
        let next = make_next_key(folder.path()).unwrap();
        let both = Profile::open(folder.path()).unwrap();
        assert_eq!((both.key, both.next_key), (old.key, Some(next)));
        adopt_next_key(folder.path()).unwrap();
        let new = Profile::open(folder.path()).unwrap();
        assert_eq!((new.key, new.next_key), (next, None));
    }

    #[test]
    fn a_store_without_its_key_is_not_given_another() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("store.db"), "store").unwrap();
        assert!(matches!(
            Profile::open(folder.path()),
            Err(ProfileError::KeyMissing(_))
        ));
        fs::write(folder.path().join("store.key"), "not hexadecimal").unwrap();
        assert!(matches!(
            Profile::open(folder.path()),
            Err(ProfileError::NotAKey(_))
        ));
    }
}
