//! The schema and its migrations.
//!
//! Invariant: `user_version` counts the migrations that were applied; a released migration is never changed. What may
//! be stored at all is listed by the allow-list test: opaque ids, hashes, ciphertext, sizes, counts, times in minutes
//! or days. No account, no sender, no address.

use rusqlite::Connection;
use undertone_wire::StoreEpoch;

use super::error::storage_error;
use super::limits::PAGE_BYTES;
use crate::storage::StorageError;

/// Marks the file as a relay's store: "UTRS".
pub(super) const APPLICATION_ID: i32 = 0x5554_5253;

/// Each takes the schema one version further.
const MIGRATIONS: [&str; 1] = [
    // Rowid tables with indexes throughout: WITHOUT ROWID measured five times larger and slower.
    "CREATE TABLE meta (
        name TEXT NOT NULL PRIMARY KEY,
        value BLOB NOT NULL
    ) STRICT;

    CREATE TABLE mailbox (
        no INTEGER PRIMARY KEY,
        id BLOB NOT NULL UNIQUE,
        seen_day INTEGER NOT NULL,
        last_seq INTEGER NOT NULL DEFAULT 0,
        acked_seq INTEGER NOT NULL DEFAULT 0,
        messages INTEGER NOT NULL DEFAULT 0,
        bytes INTEGER NOT NULL DEFAULT 0,
        knocks INTEGER NOT NULL DEFAULT 0,
        expired_first INTEGER,
        expired_last INTEGER
    ) STRICT;
    CREATE INDEX mailbox_by_seen_day ON mailbox (seen_day);

    CREATE TABLE message (
        no INTEGER PRIMARY KEY,
        mailbox INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        id BLOB NOT NULL,
        knock INTEGER NOT NULL,
        arrived_minute INTEGER NOT NULL,
        size INTEGER NOT NULL,
        payload INTEGER,
        envelope BLOB
    ) STRICT;
    CREATE UNIQUE INDEX message_by_seq ON message (mailbox, seq);
    CREATE UNIQUE INDEX message_by_id ON message (mailbox, id);

    -- Ids that were acked within the last ten minutes, in the order of the acks.
    CREATE TABLE acked (
        no INTEGER PRIMARY KEY,
        mailbox INTEGER NOT NULL,
        id BLOB NOT NULL,
        minute INTEGER NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX acked_by_id ON acked (mailbox, id);

    CREATE TABLE payload (
        no INTEGER PRIMARY KEY,
        refs INTEGER NOT NULL,
        envelope BLOB NOT NULL
    ) STRICT;

    CREATE TABLE token (
        no INTEGER PRIMARY KEY,
        mailbox INTEGER NOT NULL,
        hash BLOB NOT NULL,
        invite INTEGER NOT NULL,
        expires_ms INTEGER,
        quota INTEGER,
        used INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX token_by_mailbox ON token (mailbox);

    CREATE TABLE prekey_page (
        mailbox INTEGER PRIMARY KEY,
        page BLOB,
        last_resort BLOB,
        strangers_x25519 INTEGER NOT NULL DEFAULT 0,
        strangers_kem INTEGER NOT NULL DEFAULT 0
    ) STRICT;

    CREATE TABLE prekey (
        no INTEGER PRIMARY KEY,
        mailbox INTEGER NOT NULL,
        kem INTEGER NOT NULL,
        id BLOB NOT NULL,
        item BLOB NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX prekey_by_id ON prekey (mailbox, kem, id);

    CREATE TABLE pop (
        no INTEGER PRIMARY KEY,
        mailbox INTEGER NOT NULL,
        id BLOB NOT NULL,
        minute INTEGER NOT NULL,
        page BLOB NOT NULL,
        x25519 BLOB NOT NULL,
        kem BLOB NOT NULL,
        last_resort INTEGER NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX pop_by_id ON pop (mailbox, id);

    CREATE TABLE record (
        no INTEGER PRIMARY KEY,
        id BLOB NOT NULL UNIQUE,
        version INTEGER NOT NULL,
        written_day INTEGER NOT NULL,
        value BLOB
    ) STRICT;
    CREATE INDEX record_by_written_day ON record (written_day);

    CREATE TABLE blob (
        no INTEGER PRIMARY KEY,
        id BLOB NOT NULL UNIQUE,
        length INTEGER NOT NULL,
        received INTEGER NOT NULL,
        secret_hash BLOB NOT NULL,
        expires_minute INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX blob_by_expiry ON blob (expires_minute);",
];

/// Brings the store to this program's schema, or finds out that it cannot be.
pub(super) fn migrate(db: &Connection, new_epoch: StoreEpoch) -> Result<(), StorageError> {
    let sql = storage_error;
    let pragma = |name: &str| -> Result<i32, StorageError> {
        db.pragma_query_value(None, name, |row| row.get(0))
            .map_err(sql)
    };
    let tables: i64 = db
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(sql)?;
    let is_new = tables == 0;
    if is_new {
        db.pragma_update(None, "page_size", PAGE_BYTES)
            .map_err(sql)?;
    } else if pragma("application_id")? != APPLICATION_ID {
        return Err(StorageError::NotAStore);
    }
    let found = u32::try_from(pragma("user_version")?).map_err(|_| StorageError::Corrupt)?;
    let known = u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX);
    if found > known {
        return Err(StorageError::NewerSchema { found, known });
    }
    db.pragma_update(None, "journal_mode", "WAL").map_err(sql)?;
    if found == known {
        return Ok(());
    }
    db.execute_batch("BEGIN IMMEDIATE").map_err(sql)?;
    let applied = usize::try_from(found).unwrap_or(usize::MAX);
    for migration in MIGRATIONS.iter().skip(applied) {
        db.execute_batch(migration).map_err(sql)?;
    }
    if is_new {
        db.pragma_update(None, "application_id", APPLICATION_ID)
            .map_err(sql)?;
        set_epoch(db, new_epoch)?;
    }
    db.pragma_update(None, "user_version", known).map_err(sql)?;
    db.execute_batch("COMMIT").map_err(sql)
}

pub(super) fn epoch(db: &Connection) -> Result<StoreEpoch, StorageError> {
    let value: Vec<u8> = db
        .query_row("SELECT value FROM meta WHERE name = 'epoch'", [], |row| {
            row.get(0)
        })
        .map_err(storage_error)?;
    StoreEpoch::try_from(value.as_slice()).map_err(|_| StorageError::Corrupt)
}

pub(super) fn set_epoch(db: &Connection, epoch: StoreEpoch) -> Result<(), StorageError> {
    db.execute(
        "INSERT INTO meta (name, value) VALUES ('epoch', ?1)
         ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        [epoch.as_bytes().as_slice()],
    )
    .map_err(storage_error)?;
    Ok(())
}
