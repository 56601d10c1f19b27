//! Message keys of skipped messages, one row a key: found by tag, deleted one by one when used or too old.
//!
//! A row a key and not a blob a gap: a late message then deletes its key without rewriting a thousand others.

use zeroize::Zeroizing;

use super::{StoreError, Tx, table};
use crate::store::ids::{SessionId, SkippedId, Timestamp, Uint, at};
use crate::store::limits::{MAX_SKIPPED, MAX_SKIPPED_PER_SESSION};
use crate::store::seal::Place;

/// Length of an envelope's tag.
pub const TAG_LEN: usize = 16;

/// A key kept for a message that has not come.
pub struct SkippedKey {
    /// The row.
    pub id: SkippedId,
    /// Whose session it is.
    pub session: SessionId,
    /// The message's number in its chain.
    pub n: u32,
    /// The message's tag.
    pub tag: [u8; TAG_LEN],
    /// The message key.
    pub message_key: Zeroizing<Vec<u8>>,
    /// When it was skipped.
    pub created: Timestamp,
}

/// Where a skipped message would be found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SkippedTag {
    /// The first 8 bytes of its tag.
    pub prefix: [u8; 8],
    /// Its session.
    pub session: SessionId,
    /// Its number in its chain.
    pub n: u32,
}

table! {
    /// Message keys of skipped messages.
    Skipped, skipped
}

fn prefix(tag: &[u8; TAG_LEN]) -> i64 {
    let mut head = [0; 8];
    head.copy_from_slice(&tag[..8]);
    i64::from_be_bytes(head)
}

/// The row's natural key: session, number and tag prefix.
fn row_key(session: &SessionId, n: u32, prefix: i64) -> [u8; 28] {
    let mut key = [0; 28];
    key[..16].copy_from_slice(session.as_bytes());
    key[16..20].copy_from_slice(&n.to_be_bytes());
    key[20..].copy_from_slice(&prefix.to_be_bytes());
    key
}

fn place(row: &[u8; 28]) -> Place<'_> {
    Place {
        table: "skipped",
        column: "sealed",
        row,
    }
}

impl Skipped<'_> {
    /// Keeps the keys of skipped messages of a session: `(n, tag, message key)` each. Evicts beyond the limits, the oldest of
    /// this session first, then the oldest of the largest session.
    pub fn insert<'k>(
        &self,
        session: &SessionId,
        keys: impl IntoIterator<Item = (u32, &'k [u8; TAG_LEN], &'k [u8])>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        for (n, tag, message_key) in keys {
            let prefix = prefix(tag);
            let mut plain = Zeroizing::new(Vec::with_capacity(TAG_LEN + message_key.len()));
            plain.extend_from_slice(tag);
            plain.extend_from_slice(message_key);
            let sealed = self.tx.seal(&place(&row_key(session, n, prefix)), &plain)?;
            self.tx.insert(
                "INSERT INTO skipped (tag, session, n, created_ms, sealed) VALUES (?1, ?2, ?3, ?4, ?5)",
                (prefix, session.as_bytes(), n, at(now), sealed),
            )?;
        }
        self.evict(session, self.count_of(session)?, MAX_SKIPPED_PER_SESSION)?;
        self.evict_from_largest()
    }

    /// The key for a message with this tag.
    pub fn find(&self, tag: &[u8; TAG_LEN]) -> Result<Option<SkippedKey>, StoreError> {
        let prefix = prefix(tag);
        let rows: Vec<(SkippedId, [u8; 16], u32, Uint, Vec<u8>)> = self.tx.all(
            "SELECT id, session, n, created_ms, sealed FROM skipped WHERE tag = ?1",
            [prefix],
            |row| {
                Ok((
                    row.get(0)?,
                    row.get(1)?,
                    row.get(2)?,
                    row.get(3)?,
                    row.get(4)?,
                ))
            },
        )?;
        for (id, session, n, created, sealed) in rows {
            let session = SessionId::from_bytes(session);
            let plain = self
                .tx
                .open(&place(&row_key(&session, n, prefix)), &sealed)?;
            let (found, key) = plain.split_at_checked(TAG_LEN).ok_or(StoreError::Corrupt)?;
            if found == tag {
                let message_key = Zeroizing::new(key.to_vec());
                return Ok(Some(SkippedKey {
                    id,
                    session,
                    n,
                    tag: *tag,
                    message_key,
                    created: created.into(),
                }));
            }
        }
        Ok(None)
    }

    /// Deletes a key after its message was opened.
    pub fn remove(&self, id: SkippedId) -> Result<(), StoreError> {
        self.tx.run("DELETE FROM skipped WHERE id = ?1", [id])?;
        Ok(())
    }

    /// Where all skipped messages would be found: read once when the engine starts.
    pub fn all_tags(&self) -> Result<Vec<SkippedTag>, StoreError> {
        self.tx.all(
            "SELECT tag, session, n FROM skipped ORDER BY id",
            [],
            |row| {
                Ok(SkippedTag {
                    prefix: row.get::<_, i64>(0)?.to_be_bytes(),
                    session: SessionId::from_bytes(row.get(1)?),
                    n: row.get(2)?,
                })
            },
        )
    }

    /// Deletes the keys that were skipped before `before`. Returns how many.
    pub fn remove_older(&self, before: Timestamp) -> Result<usize, StoreError> {
        self.tx
            .run("DELETE FROM skipped WHERE created_ms < ?1", [at(before)])
    }

    /// How many keys are kept.
    pub fn count(&self) -> Result<u64, StoreError> {
        Ok(self.tx.value::<Uint>("SELECT count(*) FROM skipped", [])?.0)
    }

    fn count_of(&self, session: &SessionId) -> Result<u64, StoreError> {
        Ok(self
            .tx
            .value::<Uint>(
                "SELECT count(*) FROM skipped WHERE session = ?1",
                [session.as_bytes()],
            )?
            .0)
    }

    /// Deletes the oldest of a session that has `count`, until `limit` are left.
    fn evict(&self, session: &SessionId, count: u64, limit: u64) -> Result<(), StoreError> {
        let excess = count.saturating_sub(limit);
        if excess > 0 {
            self.tx.run(
                "DELETE FROM skipped WHERE id IN (SELECT id FROM skipped WHERE session = ?1 ORDER BY id LIMIT ?2)",
                (session.as_bytes(), Uint(excess)),
            )?;
        }
        Ok(())
    }

    fn evict_from_largest(&self) -> Result<(), StoreError> {
        let mut excess = self.count()?.saturating_sub(MAX_SKIPPED);
        while excess > 0 {
            let Some((session, count)) = self.tx.one(
                "SELECT session, count(*) AS keys FROM skipped GROUP BY session ORDER BY keys DESC, session LIMIT 1",
                [],
                |row| Ok((SessionId::from_bytes(row.get(0)?), row.get::<_, Uint>(1)?.0)),
            )?
            else {
                return Ok(());
            };
            let taken = excess.min(count);
            self.evict(&session, count, count - taken)?;
            excess -= taken;
        }
        Ok(())
    }
}
