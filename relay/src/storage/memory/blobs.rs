//! The index of blobs in memory.

use undertone_wire::BlobId;

use super::MemoryStorage;
use crate::storage::Blobs;
use crate::storage::types::{BlobAdvance, BlobCreate, BlobEntry, StorageError, Timestamp};

impl Blobs for MemoryStorage {
    fn create_blob(
        &mut self,
        id: BlobId,
        entry: &BlobEntry,
        quota: u64,
    ) -> Result<BlobCreate, StorageError> {
        if self.blobs.get(&id).is_some() {
            return Ok(BlobCreate::Exists);
        }
        if self.blob_bytes()?.saturating_add(entry.length) > quota {
            return Ok(BlobCreate::Full);
        }
        self.blobs.insert(id, *entry);
        Ok(BlobCreate::Created)
    }

    fn blob(&mut self, id: BlobId) -> Result<Option<BlobEntry>, StorageError> {
        Ok(self.blobs.get(&id).copied())
    }

    fn advance_blob(
        &mut self,
        id: BlobId,
        from: u64,
        to: u64,
        expires: Timestamp,
    ) -> Result<BlobAdvance, StorageError> {
        let Some(entry) = self.blobs.get_mut(&id) else {
            return Ok(BlobAdvance::NoBlob);
        };
        if entry.received != from || to < from || to > entry.length {
            return Ok(BlobAdvance::Conflict(entry.received));
        }
        entry.received = to;
        entry.expires = expires;
        Ok(BlobAdvance::Advanced)
    }

    fn delete_blob(&mut self, id: BlobId) -> Result<bool, StorageError> {
        Ok(self.blobs.remove(&id).is_some())
    }

    fn expired_blobs(&mut self, now: Timestamp, limit: usize) -> Result<Vec<BlobId>, StorageError> {
        let mut due: Vec<(Timestamp, BlobId)> = self
            .blobs
            .iter()
            .filter(|(_, entry)| entry.expires <= now)
            .map(|(id, entry)| (entry.expires, *id))
            .collect();
        due.sort();
        Ok(due.into_iter().take(limit).map(|(_, id)| id).collect())
    }

    fn blob_bytes(&mut self) -> Result<u64, StorageError> {
        Ok(self.blobs.iter().map(|(_, entry)| entry.length).sum())
    }
}
