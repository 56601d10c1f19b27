//! Opening: every check that can refuse a file runs before anything is written to it.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::thread;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, OptionalExtension};
use undertone_protocol::primitives::secret::SecretBytes;
use zeroize::Zeroizing;

use super::error::{OpenError, StoreError};
use super::key::{SALT_LEN, StoreKey};
use super::limits::{PAGE_CACHE_KIB, STATEMENT_CACHE, WAL_CHECKPOINT_PAGES};
use super::seal::{ColumnKey, Place, random};
use super::{Durability, StoreOptions, erase, migrate};
use crate::operation::Watch;

/// Where the wrapped column key is.
const COLUMN_KEY: &str = "store.column-key";
const WRAPPED: Place<'static> = Place {
    table: "meta",
    column: "value",
    row: COLUMN_KEY.as_bytes(),
};

/// What the file holds before SQLite looks at it.
enum Head {
    New,
    Salt([u8; SALT_LEN]),
}

/// How often it is looked whether SQLCipher is ready: some seconds, of the microseconds that it takes.
const LOOKS: u32 = 100_000;

/// Waits until SQLCipher takes keys. SQLite initialises it by itself with the first database that a process opens, but after
/// it gave up its own lock: another thread's database would meanwhile refuse its key.
fn await_sqlcipher() {
    static READY: Once = Once::new();
    let takes_keys = |connection: Connection| {
        connection
            .execute_batch("PRAGMA cipher_log_level = NONE; PRAGMA key = 'none';")
            .is_ok()
    };
    READY.call_once(|| {
        for _ in 0..LOOKS {
            if Connection::open_in_memory().is_ok_and(takes_keys) {
                return;
            }
            thread::yield_now();
        }
    });
}

/// Opens or makes the file, and brings its schema to this version.
pub(super) fn connect(
    path: &Path,
    key: &StoreKey,
    options: &StoreOptions,
) -> Result<(Connection, ColumnKey), OpenError> {
    let salt = match read_head(path)? {
        Head::Salt(salt) if key.matches(&salt)? => salt,
        Head::Salt(_) => return Err(OpenError::WrongKey),
        Head::New => {
            erase::go_on(path).map_err(OpenError::Io)?;
            fresh_salt(key)?
        }
    };
    await_sqlcipher();
    let mut connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )
    .map_err(OpenError::from_sqlite)?;
    // Until everything is checked, closing must not move the log of a crash into the file. Without such a log, closing
    // removes the empty one that opening makes.
    let keep_log = beside(path, "-wal").exists();
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, keep_log)
        .map_err(OpenError::from_sqlite)?;
    prepare(&connection, key, &salt).map_err(OpenError::from_sqlite)?;
    undertone_tokenizer::register(&connection).map_err(OpenError::from_sqlite)?;
    // The first read takes the exclusive lock and decrypts page 1.
    migrate::check(&connection)?;
    configure(&connection, options).map_err(OpenError::from_sqlite)?;
    migrate::migrate(&mut connection, |tx| make_column_key(tx, key))?;
    let column_key = column_key(&connection, key)?;
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)
        .map_err(OpenError::from_sqlite)?;
    Ok((connection, column_key))
}

/// The first bytes of a new file.
pub(super) fn fresh_salt(key: &StoreKey) -> Result<[u8; SALT_LEN], OpenError> {
    let mut fresh = [0; SALT_LEN / 2];
    random(&mut fresh)?;
    key.new_salt(fresh)
}

/// What kept a store from being opened. SQLite names a full disk only when a write fails for it, not when a file beside the
/// database cannot be made; so a failure without a better name is looked into.
pub(super) fn looked_into(error: OpenError, path: &Path) -> OpenError {
    let is_full = |error: &io::Error| {
        matches!(
            error.kind(),
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded
        )
    };
    if matches!(error, OpenError::Io(_)) && try_room(path).is_err_and(|error| is_full(&error)) {
        OpenError::Full
    } else {
        error
    }
}

/// Bytes that opening may write before anything else: a few pages.
const OPENING_BYTES: usize = 16 * 1024;

/// Tries whether the disk and its quotas have room for another file.
fn try_room(path: &Path) -> io::Result<()> {
    let path = beside(path, "-room");
    let tried = File::create(&path).and_then(|mut file| {
        file.write_all(&[0; OPENING_BYTES])?;
        file.sync_all()
    });
    // Empty at worst, and written over the next time.
    let _ = fs::remove_file(&path);
    tried
}

/// The key of the sealed columns, unwrapped.
pub(super) fn column_key(connection: &Connection, key: &StoreKey) -> Result<ColumnKey, OpenError> {
    let wrapped: Option<Vec<u8>> = connection
        .query_row(
            "SELECT value FROM meta WHERE key = ?1",
            [COLUMN_KEY],
            |row| row.get(0),
        )
        .optional()
        .map_err(OpenError::from_sqlite)?;
    let wrapped = wrapped.ok_or(OpenError::Corrupt)?;
    let opened = ColumnKey::new(&key.wrapping_key()?).open(&WRAPPED, &wrapped)?;
    let opened = <&[u8; 32]>::try_from(opened.as_slice()).map_err(|_| OpenError::Corrupt)?;
    Ok(ColumnKey::new(&SecretBytes::copy_from(opened)))
}

/// Whether a key unwraps the column key, as that of the file does.
pub(super) fn is_key(connection: &Connection, key: &StoreKey) -> Result<bool, OpenError> {
    match column_key(connection, key) {
        Ok(_) => Ok(true),
        // It was whole when the store was opened.
        Err(OpenError::Corrupt) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Gives a new store a random column key.
fn make_column_key(connection: &Connection, key: &StoreKey) -> Result<(), OpenError> {
    let column = random_key()?;
    put_column_key(connection, key, &column)
}

/// A random column key.
pub(super) fn random_key() -> Result<SecretBytes<32>, StoreError> {
    let mut key = SecretBytes::zeroed();
    random(key.expose_mut())?;
    Ok(key)
}

/// Wraps a column key and keeps it.
pub(super) fn put_column_key(
    connection: &Connection,
    key: &StoreKey,
    column: &SecretBytes<32>,
) -> Result<(), OpenError> {
    let wrapped = ColumnKey::new(&key.wrapping_key()?).seal(&WRAPPED, column.expose())?;
    connection
        .execute(
            "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = ?2",
            (COLUMN_KEY, wrapped),
        )
        .map_err(OpenError::from_sqlite)?;
    Ok(())
}

/// The file beside the store whose name goes on so.
pub(super) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn read_head(path: &Path) -> Result<Head, OpenError> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Head::New),
        Err(error) => return Err(OpenError::Io(error)),
    };
    if file.metadata().map_err(OpenError::Io)?.len() == 0 {
        return Ok(Head::New);
    }
    let mut salt = [0; SALT_LEN];
    match file.read_exact(&mut salt) {
        Ok(()) => Ok(Head::Salt(salt)),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Err(OpenError::Corrupt),
        Err(error) => Err(OpenError::Io(error)),
    }
}

/// What must be set before the first read. None of it writes.
pub(super) fn prepare(
    connection: &Connection,
    key: &StoreKey,
    salt: &[u8; SALT_LEN],
) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    // Somebody else's lock is refused at once, not waited for.
    connection.busy_timeout(Duration::ZERO)?;
    // SQLCipher writes its errors to standard error by itself; a library must not.
    connection.execute_batch("PRAGMA cipher_log_level = NONE;")?;
    let mut sql = Zeroizing::new(String::with_capacity(160));
    sql.push_str("PRAGMA key = \"");
    sql.push_str(&key.pragma(salt));
    sql.push_str("\";");
    connection.execute_batch(&sql)?;
    // `cipher_memory_security` makes search fifty times slower; the sealed columns stand in for it.
    // Exclusive before the first read: no shared-memory file, and no second process.
    connection
        .execute_batch("PRAGMA cipher_memory_security = OFF; PRAGMA locking_mode = EXCLUSIVE;")
}

pub(super) fn configure(connection: &Connection, options: &StoreOptions) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(
        None,
        "synchronous",
        match options.durability {
            Durability::Full => "FULL",
            Durability::None => "OFF",
        },
    )?;
    // Apple's fsync does not reach the medium by itself; elsewhere this means nothing.
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "checkpoint_fullfsync", true)?;
    connection.pragma_update_and_check(None, "secure_delete", "ON", |_| Ok(()))?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "cache_size", -PAGE_CACHE_KIB)?;
    connection
        .pragma_update_and_check(None, "wal_autocheckpoint", WAL_CHECKPOINT_PAGES, |_| Ok(()))?;
    if let Some(pages) = options.max_pages {
        connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))?;
    }
    Ok(())
}

/// Moves the WAL into the file and empties it, so that what was deleted is nowhere.
pub(super) fn checkpoint(connection: &Connection) -> Result<(), StoreError> {
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    Ok(())
}

/// How many checks [`verify`] makes.
const CHECKS: u64 = 3;

/// Checks every page, the structure and the index.
pub(super) fn verify(connection: &Connection, watch: &dyn Watch) -> Result<(), StoreError> {
    watch.at(0, CHECKS)?;
    checkpoint(connection)?;
    let interrupt = connection.get_interrupt_handle();
    watch.interrupt(Some(Box::new(move || interrupt.interrupt())));
    let checked = verify_each(connection, watch);
    watch.interrupt(None);
    checked
}

fn verify_each(connection: &Connection, watch: &dyn Watch) -> Result<(), StoreError> {
    // Reports one row per page whose authentication fails.
    if connection
        .prepare("PRAGMA cipher_integrity_check")?
        .exists([])?
    {
        return Err(StoreError::Corrupt);
    }
    watch.at(1, CHECKS)?;
    let report: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    // Interrupted, it reports that as damage.
    watch.at(2, CHECKS)?;
    if report != "ok" {
        return Err(StoreError::Corrupt);
    }
    let indexed = connection.execute_batch(
        "INSERT INTO message_fts (message_fts, rank) VALUES ('integrity-check', 1);
         INSERT INTO reacted_fts (reacted_fts, rank) VALUES ('integrity-check', 1);",
    );
    watch.at(CHECKS, CHECKS)?;
    indexed?;
    Ok(())
}
