//! The embedded engine: SQLite, with one writer and a write-ahead log that is synced at each commit.
//!
//! Invariants:
//! - `commit` returns after the log is on the disk (`synchronous=FULL`).
//! - A damaged store is reported and left alone; nothing is ever deleted because of damage.
//! - While the disk or the configured size is nearly used up, [`Room::Low`] keeps what is left for acks and deletes.
//!
//! Not its concern: that no second relay uses the same directory (its shell holds a lock on it).

mod blobs;
mod busy;
mod cache;
mod checkpoint;
mod error;
pub mod inspect;
mod limits;
mod mailboxes;
mod maintenance;
mod prekeys;
mod records;
mod schema;
mod sweep;
mod totals;

use std::cell::Cell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use rand_core::CryptoRng;
use rusqlite::{CachedStatement, Connection, Params};
use undertone_wire::StoreEpoch;

use self::cache::Cache;
use self::checkpoint::Checkpointer;
use self::error::{opening_error, storage_error};
use self::limits::{CACHE_KIB, HARD_LIMIT_ABOVE, RESERVE_BYTES, RESERVE_PART, STATEMENTS};
use self::totals::Counters;
use super::Storage;
use super::types::{Retention, Room, StorageError, Swept, Timestamp, Totals};

/// How sure a commit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// It survives a power cut.
    #[default]
    Full,
    /// It survives the end of the process only. For tests that show what `Full` is for.
    None,
}

/// How the store is opened.
#[derive(Debug, Clone, Copy, Default)]
pub struct SqliteOptions {
    /// How sure a commit is.
    pub durability: Durability,
    /// Bytes that the database may use; `None`: what the disk has.
    pub max_bytes: Option<u64>,
}

/// Storage in one SQLite file.
pub struct SqliteStorage {
    /// Before the connection, so that its own is closed first and the last one tidies up.
    checkpointer: Checkpointer,
    db: Connection,
    log_path: PathBuf,
    folder: PathBuf,
    epoch: StoreEpoch,
    sequence_base: u64,
    max_bytes: Option<u64>,
    cache: Cache,
    counters: Counters,
    /// Whether this batch has written, and so may have changed the cache.
    writing: Cell<bool>,
    /// Payloads that were stored in this batch.
    new_payloads: BTreeSet<i64>,
}

impl SqliteStorage {
    /// Opens the store in `path`, making it when there is none.
    ///
    /// # Errors
    /// [`StorageError`]; the file is unchanged then.
    pub fn open<R: CryptoRng + ?Sized>(
        path: &Path,
        now: Timestamp,
        rng: &mut R,
    ) -> Result<Self, StorageError> {
        Self::open_with(path, SqliteOptions::default(), now, rng)
    }

    /// Opens the store with options.
    ///
    /// # Errors
    /// [`StorageError`]; the file is unchanged then.
    pub fn open_with<R: CryptoRng + ?Sized>(
        path: &Path,
        options: SqliteOptions,
        now: Timestamp,
        rng: &mut R,
    ) -> Result<Self, StorageError> {
        Self::open_file(path, options, now, rng).map_err(|error| opening_error(error, path))
    }

    fn open_file<R: CryptoRng + ?Sized>(
        path: &Path,
        options: SqliteOptions,
        now: Timestamp,
        rng: &mut R,
    ) -> Result<Self, StorageError> {
        let mut db = Connection::open(path).map_err(storage_error)?;
        busy::wait_in_commits(&mut db)?;
        configure(&db, options.durability)?;
        schema::migrate(&db, StoreEpoch::random(rng))?;
        if let Some(max) = options.max_bytes {
            limit_pages(&db, max)?;
        }
        let mut log_path = path.as_os_str().to_owned();
        log_path.push("-wal");
        let folder = path.parent().unwrap_or(Path::new(".")).to_owned();
        Ok(Self {
            checkpointer: Checkpointer::start(path)?,
            epoch: schema::epoch(&db)?,
            counters: Counters::read(&db)?,
            writing: Cell::new(false),
            log_path: log_path.into(),
            folder,
            sequence_base: now.sequence_base(),
            max_bytes: options.max_bytes,
            cache: Cache::default(),
            new_payloads: BTreeSet::new(),
            db,
        })
    }

    /// Opens the transaction at the first write of a batch: reading needs none, and a batch that only reads syncs
    /// nothing.
    fn write(&self) -> Result<(), StorageError> {
        if !self.writing.get() {
            self.writing.set(true);
            self.db
                .execute_batch("BEGIN IMMEDIATE")
                .map_err(storage_error)?;
        }
        Ok(())
    }

    fn prepare(&self, sql: &str) -> Result<CachedStatement<'_>, StorageError> {
        self.db.prepare_cached(sql).map_err(storage_error)
    }

    /// Runs a writing statement; the rows it changed.
    fn run(&self, sql: &str, params: impl Params) -> Result<usize, StorageError> {
        self.write()?;
        self.prepare(sql)?.execute(params).map_err(storage_error)
    }

    fn pragma(&self, name: &str) -> Result<u64, StorageError> {
        let value: i64 = self
            .db
            .pragma_query_value(None, name, |row| row.get(0))
            .map_err(storage_error)?;
        Ok(unsigned(value))
    }

    fn finish(&mut self) -> Result<(), StorageError> {
        if !self.writing.get() {
            return Ok(());
        }
        self.write_mailboxes()?;
        self.drop_unused_payloads()?;
        self.db.execute_batch("COMMIT").map_err(storage_error)
    }

    fn used_bytes(&self) -> Result<u64, StorageError> {
        let pages = self.pragma("page_count")?;
        let free = self.pragma("freelist_count")?;
        Ok(pages.saturating_sub(free) * self.pragma("page_size")?)
    }
}

impl Storage for SqliteStorage {
    fn epoch(&self) -> StoreEpoch {
        self.epoch
    }

    fn begin(&mut self) -> Result<(), StorageError> {
        self.rollback();
        Ok(())
    }

    fn commit(&mut self) -> Result<(), StorageError> {
        if let Err(error) = self.finish() {
            self.rollback();
            return Err(error);
        }
        self.writing.set(false);
        self.cache.written();
        self.counters.keep();
        self.new_payloads.clear();
        if let Ok(log) = std::fs::metadata(&self.log_path) {
            self.checkpointer.log_is(log.len());
        }
        Ok(())
    }

    fn rollback(&mut self) {
        if !self.writing.replace(false) {
            return;
        }
        if !self.db.is_autocommit() {
            // Fails only if SQLite has rolled back by itself.
            let _ = self.db.execute_batch("ROLLBACK");
        }
        self.cache.clear();
        self.counters.take_back();
        self.new_payloads.clear();
    }

    fn room(&mut self) -> Room {
        if let (Some(max), Ok(used)) = (self.max_bytes, self.used_bytes())
            && used >= max
        {
            return Room::Low;
        }
        let Ok(disk) = rustix::fs::statvfs(&self.folder) else {
            return Room::Plenty;
        };
        let (least, most) = RESERVE_BYTES;
        let total = disk.f_blocks.saturating_mul(disk.f_frsize);
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        if free < (total / RESERVE_PART).clamp(least, most) {
            Room::Low
        } else {
            Room::Plenty
        }
    }

    fn totals(&mut self) -> Result<Totals, StorageError> {
        Ok(self.counters.now())
    }

    fn sweep(
        &mut self,
        now: Timestamp,
        retention: &Retention,
        budget: u32,
    ) -> Result<Swept, StorageError> {
        self.sweep_rows(now, retention, budget)
    }
}

fn configure(db: &Connection, durability: Durability) -> Result<(), StorageError> {
    let set = |name: &str, value: i64| db.pragma_update(None, name, value).map_err(storage_error);
    db.set_prepared_statement_cache_capacity(STATEMENTS);
    set(
        "synchronous",
        match durability {
            Durability::Full => 2,
            Durability::None => 0,
        },
    )?;
    set("wal_autocheckpoint", 0)?;
    set("cache_size", -CACHE_KIB)?;
    set("cell_size_check", 1)?;
    set("temp_store", 2)
}

/// The hard bound is above the soft one, so that acks and deletes have room to work in.
fn limit_pages(db: &Connection, max_bytes: u64) -> Result<(), StorageError> {
    let page: i64 = db
        .pragma_query_value(None, "page_size", |row| row.get(0))
        .map_err(storage_error)?;
    let pages = signed(max_bytes.saturating_add(max_bytes / HARD_LIMIT_ABOVE)) / page.max(1);
    db.pragma_update(None, "max_page_count", pages.max(1))
        .map_err(storage_error)
}

/// SQLite's integers are signed; what does not fit is as good as the greatest.
fn signed(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// What this program wrote is never negative.
fn unsigned(n: i64) -> u64 {
    u64::try_from(n).unwrap_or(0)
}

/// A count that is bounded far below its type.
fn count(n: i64) -> u32 {
    u32::try_from(n).unwrap_or(if n < 0 { 0 } else { u32::MAX })
}
