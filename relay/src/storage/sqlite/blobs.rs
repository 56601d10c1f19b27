//! The index of blobs in SQLite.

use rusqlite::{OptionalExtension, params};
use undertone_wire::BlobId;

use super::error::storage_error;
use super::{SqliteStorage, signed, unsigned};
use crate::storage::Blobs;
use crate::storage::types::{BlobAdvance, BlobCreate, BlobEntry, StorageError, Timestamp};

impl Blobs for SqliteStorage {
    fn create_blob(
        &mut self,
        id: BlobId,
        entry: &BlobEntry,
        quota: u64,
    ) -> Result<BlobCreate, StorageError> {
        if self.blob(id)?.is_some() {
            return Ok(BlobCreate::Exists);
        }
        if self.blob_bytes()?.saturating_add(entry.length) > quota {
            return Ok(BlobCreate::Full);
        }
        self.run(
            "INSERT INTO blob (id, length, received, secret_hash, expires_minute)
             VALUES (?1, ?2, ?3, ?4, ?5)",
            params![
                id.as_bytes().as_slice(),
                signed(entry.length),
                signed(entry.received),
                entry.secret_hash.as_slice(),
                signed(entry.expires.minutes()),
            ],
        )?;
        let totals = self.counters.change();
        totals.blobs += 1;
        totals.blob_bytes = totals.blob_bytes.saturating_add(entry.length);
        Ok(BlobCreate::Created)
    }

    fn blob(&mut self, id: BlobId) -> Result<Option<BlobEntry>, StorageError> {
        self.prepare(
            "SELECT length, received, secret_hash, expires_minute FROM blob WHERE id = ?1",
        )?
        .query_row([id.as_bytes().as_slice()], |row| {
            Ok(BlobEntry {
                length: unsigned(row.get(0)?),
                received: unsigned(row.get(1)?),
                secret_hash: row.get(2)?,
                expires: Timestamp(unsigned(row.get(3)?) * 60_000),
            })
        })
        .optional()
        .map_err(storage_error)
    }

    fn advance_blob(
        &mut self,
        id: BlobId,
        from: u64,
        to: u64,
        expires: Timestamp,
    ) -> Result<BlobAdvance, StorageError> {
        let Some(entry) = self.blob(id)? else {
            return Ok(BlobAdvance::NoBlob);
        };
        if entry.received != from || to < from || to > entry.length {
            return Ok(BlobAdvance::Conflict(entry.received));
        }
        self.run(
            "UPDATE blob SET received = ?2, expires_minute = ?3 WHERE id = ?1",
            params![
                id.as_bytes().as_slice(),
                signed(to),
                signed(expires.minutes())
            ],
        )?;
        Ok(BlobAdvance::Advanced)
    }

    fn delete_blob(&mut self, id: BlobId) -> Result<bool, StorageError> {
        let Some(entry) = self.blob(id)? else {
            return Ok(false);
        };
        self.run("DELETE FROM blob WHERE id = ?1", [id.as_bytes().as_slice()])?;
        let totals = self.counters.change();
        totals.blobs = totals.blobs.saturating_sub(1);
        totals.blob_bytes = totals.blob_bytes.saturating_sub(entry.length);
        Ok(true)
    }

    fn expired_blobs(&mut self, now: Timestamp, limit: usize) -> Result<Vec<BlobId>, StorageError> {
        let mut select = self.prepare(
            "SELECT id FROM blob WHERE expires_minute <= ?1 ORDER BY expires_minute, id LIMIT ?2",
        )?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = select
            .query_map([signed(now.minutes()), limit], |row| {
                row.get(0).map(BlobId::from_bytes)
            })
            .map_err(storage_error)?;
        rows.collect::<Result<_, _>>().map_err(storage_error)
    }

    fn blob_bytes(&mut self) -> Result<u64, StorageError> {
        Ok(self.counters.now().blob_bytes)
    }
}
