//! Records in SQLite.

use bytes::Bytes;
use rusqlite::{OptionalExtension, params};
use undertone_wire::RecordId;

use super::error::storage_error;
use super::{SqliteStorage, signed, unsigned};
use crate::storage::types::{RecordPut, RecordState, StorageError, Timestamp};
use crate::storage::{DAY_MS, Records};

impl Records for SqliteStorage {
    fn record(&mut self, id: RecordId) -> Result<RecordState, StorageError> {
        let found = self
            .prepare("SELECT version, value FROM record WHERE id = ?1")?
            .query_row([id.as_bytes().as_slice()], |row| {
                Ok(RecordState {
                    version: unsigned(row.get(0)?),
                    value: row.get::<_, Option<Vec<u8>>>(1)?.map(Bytes::from),
                })
            })
            .optional()
            .map_err(storage_error)?;
        Ok(found.unwrap_or_default())
    }

    fn put_record(
        &mut self,
        id: RecordId,
        expected: u64,
        value: Option<&Bytes>,
        now: Timestamp,
    ) -> Result<RecordPut, StorageError> {
        let current = self.record(id)?;
        let stands = current.value.as_ref() == value;
        if current.version != 0 && stands && Some(current.version) == expected.checked_add(1) {
            return Ok(RecordPut::Stored(current.version));
        }
        if current.version != expected || current.version == 0 && value.is_none() {
            return Ok(RecordPut::Conflict(current));
        }
        let version = expected.saturating_add(1);
        self.run(
            "INSERT INTO record (id, version, written_day, value) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (id) DO UPDATE SET
                version = excluded.version,
                written_day = excluded.written_day,
                value = excluded.value",
            params![
                id.as_bytes().as_slice(),
                signed(version),
                signed(now.0 / DAY_MS),
                value.map(AsRef::<[u8]>::as_ref),
            ],
        )?;
        let totals = self.counters.change();
        totals.records = totals
            .records
            .saturating_sub(u64::from(current.value.is_some()))
            + u64::from(value.is_some());
        Ok(RecordPut::Stored(version))
    }
}
