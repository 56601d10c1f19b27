//! Records in memory.

use bytes::Bytes;
use undertone_wire::RecordId;

use super::MemoryStorage;
use crate::storage::types::{RecordPut, RecordState, StorageError, Timestamp};
use crate::storage::{DAY_MS, Records};

#[derive(Clone)]
pub(super) struct Record {
    pub(super) state: RecordState,
    pub(super) written_day: u64,
}

impl Record {
    pub(super) fn size(&self) -> u64 {
        let len = self.state.value.as_ref().map_or(0, Bytes::len);
        u64::try_from(len).unwrap_or(u64::MAX)
    }
}

impl Records for MemoryStorage {
    fn record(&mut self, id: RecordId) -> Result<RecordState, StorageError> {
        let record = self.records.get(&id);
        Ok(record.map_or_else(RecordState::default, |record| record.state.clone()))
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
        let state = RecordState {
            version,
            value: value.map(|bytes| Bytes::copy_from_slice(bytes)),
        };
        let written_day = now.0 / DAY_MS;
        self.records.insert(id, Record { state, written_day });
        Ok(RecordPut::Stored(version))
    }
}
