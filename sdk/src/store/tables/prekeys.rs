//! The private halves of published prekeys, and the public items until the relay has them.

use zeroize::Zeroizing;

use super::{StoreError, Tx, exactly_one, table};
use crate::store::ids::{Uint, at, malformed};
use crate::store::seal::Place;
use undertone_protocol::prekeys::{PrekeyId, PrekeyKind};
use undertone_protocol::time::Timestamp;

/// A prekey to be stored.
pub struct NewPrekey<'a> {
    /// What it is for.
    pub kind: PrekeyKind,
    /// Its random id, unique within its kind.
    pub key_id: PrekeyId,
    /// The private half, in the protocol's encoding.
    pub private: &'a [u8],
    /// What the relay gets.
    pub item: &'a [u8],
    /// When it was made.
    pub created: Timestamp,
}

/// A prekey's public item that the relay does not have yet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnpublishedPrekey {
    /// What it is for.
    pub kind: PrekeyKind,
    /// Its id.
    pub key_id: PrekeyId,
    /// What the relay gets.
    pub item: Vec<u8>,
}

table! {
    /// The private halves of prekeys.
    Prekeys, prekeys
}

fn row_key(kind: PrekeyKind, key_id: PrekeyId) -> [u8; 5] {
    let mut key = [0; 5];
    key[0] = kind.to_byte();
    key[1..].copy_from_slice(&key_id.to_bytes());
    key
}

fn place(row: &[u8; 5]) -> Place<'_> {
    Place {
        table: "prekey",
        column: "private",
        row,
    }
}

fn read_kind(byte: u8) -> rusqlite::Result<PrekeyKind> {
    PrekeyKind::from_byte(byte).map_err(malformed)
}

fn read_id(number: u32) -> rusqlite::Result<PrekeyId> {
    PrekeyId::new(number).ok_or(rusqlite::Error::IntegralValueOutOfRange(0, number.into()))
}

impl Prekeys<'_> {
    /// Stores a prekey. [`StoreError::Constraint`] when the id is taken: choose another.
    pub fn insert(&self, prekey: &NewPrekey<'_>) -> Result<(), StoreError> {
        let sealed = self
            .tx
            .seal(&place(&row_key(prekey.kind, prekey.key_id)), prekey.private)?;
        self.tx.insert(
            "INSERT INTO prekey (kind, key_id, private, item, created_ms) VALUES (?1, ?2, ?3, ?4, ?5)",
            (prekey.kind.to_byte(), prekey.key_id.get(), sealed, prekey.item, at(prekey.created)),
        )?;
        Ok(())
    }

    /// A private half.
    pub fn private(
        &self,
        kind: PrekeyKind,
        key_id: PrekeyId,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        let sealed: Option<Vec<u8>> = self.tx.one(
            "SELECT private FROM prekey WHERE kind = ?1 AND key_id = ?2",
            (kind.to_byte(), key_id.get()),
            |row| row.get(0),
        )?;
        sealed
            .map(|sealed| self.tx.open(&place(&row_key(kind, key_id)), &sealed))
            .transpose()
    }

    /// Deletes a prekey, after its only use. Whether there was one.
    pub fn remove(&self, kind: PrekeyKind, key_id: PrekeyId) -> Result<bool, StoreError> {
        Ok(self.tx.run(
            "DELETE FROM prekey WHERE kind = ?1 AND key_id = ?2",
            (kind.to_byte(), key_id.get()),
        )? > 0)
    }

    /// What the relay does not have yet, oldest first.
    pub fn unpublished(&self) -> Result<Vec<UnpublishedPrekey>, StoreError> {
        self.tx.all(
            "SELECT kind, key_id, item FROM prekey WHERE published_ms IS NULL AND item IS NOT NULL ORDER BY id",
            [],
            |row| Ok(UnpublishedPrekey { kind: read_kind(row.get(0)?)?, key_id: read_id(row.get(1)?)?, item: row.get(2)? }),
        )
    }

    /// The relay has it: the public item is dropped.
    pub fn mark_published(
        &self,
        kind: PrekeyKind,
        key_id: PrekeyId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        exactly_one(self.tx.run(
            "UPDATE prekey SET published_ms = ?3, item = NULL WHERE kind = ?1 AND key_id = ?2",
            (kind.to_byte(), key_id.get(), at(now)),
        )?)
    }

    /// A successor of this kind was published: every older published one of the kind is replaced as of `now`.
    pub fn mark_replaced(
        &self,
        kind: PrekeyKind,
        successor: PrekeyId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.tx.run(
            "UPDATE prekey SET replaced_ms = ?3 WHERE kind = ?1 AND key_id <> ?2 AND replaced_ms IS NULL",
            (kind.to_byte(), successor.get(), at(now)),
        )?;
        Ok(())
    }

    /// What was replaced later than `latest`, by a clock that was wrong, was replaced at `now`.
    pub fn replaced_by(&self, latest: Timestamp, now: Timestamp) -> Result<(), StoreError> {
        self.tx.run(
            "UPDATE prekey SET replaced_ms = ?2 WHERE replaced_ms > ?1",
            (at(latest), at(now)),
        )?;
        Ok(())
    }

    /// Deletes those that were replaced before `before`. Returns how many.
    pub fn remove_replaced(&self, before: Timestamp) -> Result<usize, StoreError> {
        self.tx
            .run("DELETE FROM prekey WHERE replaced_ms < ?1", [at(before)])
    }

    /// Deletes the long-lived ones that were replaced, whenever that was. Returns how many.
    pub fn remove_replaced_long_lived(&self) -> Result<usize, StoreError> {
        self.tx.run(
            "DELETE FROM prekey WHERE kind IN (1, 4) AND replaced_ms IS NOT NULL",
            [],
        )
    }

    /// The relay lost its store: none of the one-time prekeys is given out from now on. Their private halves age like
    /// those of replaced ones, because first messages that name them may be on their way. Returns how many.
    pub fn retire_one_time(&self, now: Timestamp) -> Result<usize, StoreError> {
        self.tx.run(
            "UPDATE prekey SET item = NULL, published_ms = coalesce(published_ms, ?1), replaced_ms = ?1
             WHERE kind IN (2, 3) AND replaced_ms IS NULL",
            [at(now)],
        )
    }

    /// How many one-time prekeys have their private half here, whether the relay still gives them out or not.
    pub fn one_time_kept(&self) -> Result<u64, StoreError> {
        Ok(self
            .tx
            .value::<Uint>("SELECT count(*) FROM prekey WHERE kind IN (2, 3)", [])?
            .0)
    }

    /// Deletes the one-time prekeys that were made before `before`. Returns how many.
    pub fn remove_one_time_before(&self, before: Timestamp) -> Result<usize, StoreError> {
        self.tx.run(
            "DELETE FROM prekey WHERE kind IN (2, 3) AND created_ms < ?1",
            [at(before)],
        )
    }

    /// How many of a kind are in use: published or to be published, and not replaced.
    pub fn count(&self, kind: PrekeyKind) -> Result<u64, StoreError> {
        let count: Uint = self.tx.value(
            "SELECT count(*) FROM prekey WHERE kind = ?1 AND replaced_ms IS NULL",
            [kind.to_byte()],
        )?;
        Ok(count.0)
    }

    /// Of a kind, the id and the time of making of the newest.
    pub fn newest(&self, kind: PrekeyKind) -> Result<Option<(PrekeyId, Timestamp)>, StoreError> {
        self.tx.one(
            "SELECT key_id, created_ms FROM prekey WHERE kind = ?1 ORDER BY id DESC LIMIT 1",
            [kind.to_byte()],
            |row| Ok((read_id(row.get(0)?)?, row.get::<_, Uint>(1)?.into())),
        )
    }
}
