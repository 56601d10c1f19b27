//! Message keys of skipped messages, one row a key: found by tag, deleted one by one when used or too old.
//!
//! A row a key and not a blob a gap: a late message then deletes its key without rewriting a thousand others.

use rusqlite::Row;
use undertone_protocol::session::{
    MessageNumber, SessionId, SkippedKey, device_eviction, session_eviction,
};
use undertone_protocol::tag::Tag;
use undertone_protocol::time::Timestamp;

use super::{StoreError, Tx, page, table};
use crate::store::ids::{SkippedId, Uint, at, packed, unpacked};
use crate::store::seal::Place;

/// A key that was kept for a message.
pub struct SkippedRow {
    /// The row.
    pub id: SkippedId,
    /// Whose session it is.
    pub session: SessionId,
    /// The key.
    pub key: SkippedKey,
}

/// Where a skipped message would be found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SkippedTag {
    /// Its tag.
    pub tag: Tag,
    /// Its session.
    pub session: SessionId,
    /// Its number there.
    pub number: MessageNumber,
}

table! {
    /// Message keys of skipped messages.
    Skipped, skipped
}

fn place(tag: &Tag) -> Place<'_> {
    Place {
        table: "skipped",
        column: "message_key",
        row: tag.as_bytes(),
    }
}

fn read_tag(row: &Row<'_>) -> rusqlite::Result<Tag> {
    Ok(Tag::from_bytes(row.get(0)?))
}

impl Skipped<'_> {
    /// Keeps the keys of skipped messages of a session. Returns the tags whose keys were evicted for them by the protocol's
    /// rule ([`session_eviction`], [`device_eviction`]): the oldest of this session, then of the largest.
    pub fn insert(
        &self,
        session: &SessionId,
        keys: &[SkippedKey],
        now: Timestamp,
    ) -> Result<Vec<Tag>, StoreError> {
        for key in keys {
            let tag = key.tag();
            self.tx.insert(
                "INSERT INTO skipped (tag, session, number, created_ms, message_key) VALUES (?1, ?2, ?3, ?4, ?5)",
                (
                    tag.as_bytes(),
                    session.as_bytes(),
                    packed(key.number()),
                    at(now),
                    self.tx.seal(&place(&tag), key.expose())?,
                ),
            )?;
        }
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let held = self.tx.value::<Uint>(
            "SELECT count(*) FROM skipped WHERE session = ?1",
            [session.as_bytes()],
        )?;
        let mut evicted = self.evict(session, session_eviction(size(held)))?;
        for eviction in device_eviction(&self.held()?) {
            evicted.extend(self.evict(&eviction.session, eviction.count)?);
        }
        Ok(evicted)
    }

    /// The key for a message with this tag.
    pub fn find(&self, tag: &Tag) -> Result<Option<SkippedRow>, StoreError> {
        let row: Option<(SkippedId, [u8; 16], MessageNumber, Vec<u8>)> = self.tx.one(
            "SELECT id, session, number, message_key FROM skipped WHERE tag = ?1",
            [tag.as_bytes()],
            |row| Ok((row.get(0)?, row.get(1)?, unpacked(row.get(2)?), row.get(3)?)),
        )?;
        let Some((id, session, number, sealed)) = row else {
            return Ok(None);
        };
        let opened = self.tx.open(&place(tag), &sealed)?;
        let key = <[u8; 32]>::try_from(opened.as_slice()).map_err(|_| StoreError::Corrupt)?;
        let key = SkippedKey::from_parts(number, *tag, key);
        Ok(Some(SkippedRow {
            id,
            session: SessionId::from_bytes(session),
            key,
        }))
    }

    /// Deletes a key after its message was opened.
    pub fn remove(&self, id: SkippedId) -> Result<(), StoreError> {
        self.tx.run("DELETE FROM skipped WHERE id = ?1", [id])?;
        Ok(())
    }

    /// Where all skipped messages would be found: read once when the engine starts.
    pub fn all_tags(&self) -> Result<Vec<SkippedTag>, StoreError> {
        self.tx.all(
            "SELECT tag, session, number FROM skipped ORDER BY id",
            [],
            |row| {
                Ok(SkippedTag {
                    tag: read_tag(row)?,
                    session: SessionId::from_bytes(row.get(1)?),
                    number: unpacked(row.get(2)?),
                })
            },
        )
    }

    /// The messages of a session that were skipped, have not come and may be asked for at `now`: those that were asked for
    /// least first, at most `limit`. Who was asked `most` times for one is not asked again. A time to ask again that is
    /// beyond `latest` was written by a clock that was wrong: it is no reason to wait.
    pub fn to_ask(
        &self,
        session: &SessionId,
        (now, latest): (Timestamp, Timestamp),
        most: u32,
        limit: usize,
    ) -> Result<Vec<MessageNumber>, StoreError> {
        self.tx.all(
            "SELECT number FROM skipped WHERE session = ?1 AND requests < ?2 AND (ask_ms <= ?3 OR ask_ms > ?4)
             ORDER BY requests, id LIMIT ?5",
            (session.as_bytes(), most, at(now), at(latest), page(limit)),
            |row| Ok(unpacked(row.get(0)?)),
        )
    }

    /// Whether an answer may still come for a message of a session: one may be asked for, or was asked for a short time ago.
    pub fn is_awaited(
        &self,
        session: &SessionId,
        now: Timestamp,
        most: u32,
    ) -> Result<bool, StoreError> {
        self.tx.value(
            "SELECT EXISTS (SELECT 1 FROM skipped WHERE session = ?1 AND (requests < ?2 AND ask_ms IS NOT NULL OR ask_ms > ?3))",
            (session.as_bytes(), most, at(now)),
        )
    }

    /// A message was asked for; `again` is when it may be asked for again.
    pub fn asked(
        &self,
        session: &SessionId,
        number: MessageNumber,
        again: Timestamp,
    ) -> Result<(), StoreError> {
        self.tx.run(
            "UPDATE skipped SET requests = requests + 1, ask_ms = ?3 WHERE session = ?1 AND number = ?2",
            (session.as_bytes(), packed(number), at(again)),
        )?;
        Ok(())
    }

    /// The sender of a message has it no more. Its key stays: the envelope may still be on its way.
    pub fn unavailable(
        &self,
        session: &SessionId,
        number: MessageNumber,
    ) -> Result<(), StoreError> {
        self.tx.run(
            "UPDATE skipped SET ask_ms = NULL WHERE session = ?1 AND number = ?2",
            (session.as_bytes(), packed(number)),
        )?;
        Ok(())
    }

    /// Deletes the key of a message that came another way. Returns its tag.
    pub fn remove_number(
        &self,
        session: &SessionId,
        number: MessageNumber,
    ) -> Result<Option<Tag>, StoreError> {
        self.tx.one(
            "DELETE FROM skipped WHERE session = ?1 AND number = ?2 RETURNING tag",
            (session.as_bytes(), packed(number)),
            read_tag,
        )
    }

    /// Deletes the keys that were skipped before `before`. Returns their tags.
    pub fn remove_older(&self, before: Timestamp) -> Result<Vec<Tag>, StoreError> {
        self.tx.all(
            "DELETE FROM skipped WHERE created_ms < ?1 RETURNING tag",
            [at(before)],
            read_tag,
        )
    }

    /// How many keys each session has.
    fn held(&self) -> Result<Vec<(SessionId, usize)>, StoreError> {
        self.tx.all(
            "SELECT session, count(*) FROM skipped GROUP BY session",
            [],
            |row| Ok((SessionId::from_bytes(row.get(0)?), size(row.get(1)?))),
        )
    }

    /// Deletes the oldest keys of a session.
    fn evict(&self, session: &SessionId, count: usize) -> Result<Vec<Tag>, StoreError> {
        if count == 0 {
            return Ok(Vec::new());
        }
        let count = u64::try_from(count).map_err(|_| StoreError::OutOfRange)?;
        self.tx.all(
            "DELETE FROM skipped WHERE id IN (SELECT id FROM skipped WHERE session = ?1 ORDER BY id LIMIT ?2)
             RETURNING tag",
            (session.as_bytes(), Uint(count)),
            read_tag,
        )
    }
}

/// A count of rows.
fn size(count: Uint) -> usize {
    usize::try_from(count.0).unwrap_or(usize::MAX)
}
