//! Envelopes that are kept until they can be handled: those that matched no session yet, and first messages that wait.

use rusqlite::Row;

use super::{StoreError, Tx, page, table};
use crate::store::ids::{EnvelopeId, Uint, at, coded};
use undertone_protocol::park::ParkedId;
use undertone_protocol::time::Timestamp;

coded! {
    /// Why an envelope is kept.
    pub enum ParkedKind {
        /// It matched no session. Bounded; may be replaced by another.
        Unmatched = 1,
        /// A first message that cannot be handled now. Never evicted.
        FirstMessage = 2,
    }
}

/// A kept envelope.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ParkedRow {
    /// The row.
    pub id: ParkedId,
    /// Why it is kept.
    pub kind: ParkedKind,
    /// The relay's id of it.
    pub envelope_id: EnvelopeId,
    /// Its bytes.
    pub envelope: Vec<u8>,
    /// When it came.
    pub received: Timestamp,
}

/// How much is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ParkedSize {
    /// Envelopes.
    pub count: u64,
    /// Bytes of all of them together.
    pub bytes: u64,
}

table! {
    /// Envelopes that are kept until they can be handled.
    Parked, parked
}

fn read(row: &Row<'_>) -> rusqlite::Result<ParkedRow> {
    Ok(ParkedRow {
        id: ParkedId(row.get::<_, Uint>(0)?.0),
        kind: row.get(1)?,
        envelope_id: EnvelopeId::from_bytes(row.get(2)?),
        envelope: row.get(3)?,
        received: row.get::<_, Uint>(4)?.into(),
    })
}

impl Parked<'_> {
    /// Keeps an envelope. `None` when it is kept already.
    pub fn insert(
        &self,
        kind: ParkedKind,
        envelope_id: &EnvelopeId,
        envelope: &[u8],
        now: Timestamp,
    ) -> Result<Option<ParkedId>, StoreError> {
        self.tx.one(
            "INSERT INTO parked (kind, envelope_id, envelope, received_ms) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO NOTHING RETURNING id",
            (kind, envelope_id.as_bytes(), envelope, at(now)),
            |row| Ok(ParkedId(row.get::<_, Uint>(0)?.0)),
        )
    }

    /// A kept envelope.
    pub fn get(&self, id: ParkedId) -> Result<Option<ParkedRow>, StoreError> {
        self.tx.one(
            "SELECT id, kind, envelope_id, envelope, received_ms FROM parked WHERE id = ?1",
            [Uint(id.0)],
            read,
        )
    }

    /// The kept envelopes of a kind after a row, oldest first.
    pub fn page(
        &self,
        kind: ParkedKind,
        after: Option<ParkedId>,
        limit: usize,
    ) -> Result<Vec<ParkedRow>, StoreError> {
        self.tx.all(
            "SELECT id, kind, envelope_id, envelope, received_ms FROM parked WHERE kind = ?1 AND id > ?2
             ORDER BY id LIMIT ?3",
            (kind, Uint(after.map_or(0, |id| id.0)), page(limit)),
            read,
        )
    }

    /// How much of a kind is kept.
    pub fn size(&self, kind: ParkedKind) -> Result<ParkedSize, StoreError> {
        let size = self.tx.one(
            "SELECT count(*), coalesce(sum(length(envelope)), 0) FROM parked WHERE kind = ?1",
            [kind],
            |row| {
                Ok(ParkedSize {
                    count: row.get::<_, Uint>(0)?.0,
                    bytes: row.get::<_, Uint>(1)?.0,
                })
            },
        )?;
        Ok(size.unwrap_or(ParkedSize { count: 0, bytes: 0 }))
    }

    /// Removes a kept envelope: it was handled, or replaced.
    pub fn remove(&self, id: ParkedId) -> Result<(), StoreError> {
        self.tx
            .run("DELETE FROM parked WHERE id = ?1", [Uint(id.0)])?;
        Ok(())
    }

    /// Removes the unmatched ones that came before `before`. Returns how many.
    pub fn remove_older(&self, before: Timestamp) -> Result<usize, StoreError> {
        self.tx.run(
            "DELETE FROM parked WHERE kind = ?1 AND received_ms < ?2",
            (ParkedKind::Unmatched, at(before)),
        )
    }
}
