//! The private halves of published prekeys, and the public items until the relay has them.

use zeroize::Zeroizing;

use super::{StoreError, Tx, exactly_one, table};
use crate::store::ids::{Timestamp, Uint, at, coded};
use crate::store::seal::Place;

coded! {
    /// What a prekey is for.
    pub enum PrekeyKind {
        /// A signed X25519 prekey.
        Signed = 1,
        /// A one-time X25519 prekey.
        OneTime = 2,
        /// A one-time ML-KEM-1024 prekey.
        KemOneTime = 3,
        /// A last-resort ML-KEM-1024 prekey.
        KemLastResort = 4,
    }
}

/// A prekey to be stored.
pub struct NewPrekey<'a> {
    /// What it is for.
    pub kind: PrekeyKind,
    /// Its random id, unique within its kind.
    pub key_id: u32,
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
    pub key_id: u32,
    /// What the relay gets.
    pub item: Vec<u8>,
}

table! {
    /// The private halves of prekeys.
    Prekeys, prekeys
}

fn row_key(kind: PrekeyKind, key_id: u32) -> [u8; 12] {
    let mut key = [0; 12];
    key[..8].copy_from_slice(&kind.code().to_be_bytes());
    key[8..].copy_from_slice(&key_id.to_be_bytes());
    key
}

fn place(row: &[u8; 12]) -> Place<'_> {
    Place {
        table: "prekey",
        column: "private",
        row,
    }
}

impl Prekeys<'_> {
    /// Stores a prekey. [`StoreError::Constraint`] when the id is taken: choose another.
    pub fn insert(&self, prekey: &NewPrekey<'_>) -> Result<(), StoreError> {
        let sealed = self
            .tx
            .seal(&place(&row_key(prekey.kind, prekey.key_id)), prekey.private)?;
        self.tx.insert(
            "INSERT INTO prekey (kind, key_id, private, item, created_ms) VALUES (?1, ?2, ?3, ?4, ?5)",
            (prekey.kind, prekey.key_id, sealed, prekey.item, at(prekey.created)),
        )?;
        Ok(())
    }

    /// A private half.
    pub fn private(
        &self,
        kind: PrekeyKind,
        key_id: u32,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        let sealed: Option<Vec<u8>> = self.tx.one(
            "SELECT private FROM prekey WHERE kind = ?1 AND key_id = ?2",
            (kind, key_id),
            |row| row.get(0),
        )?;
        sealed
            .map(|sealed| self.tx.open(&place(&row_key(kind, key_id)), &sealed))
            .transpose()
    }

    /// Deletes a prekey, after its only use. Whether there was one.
    pub fn remove(&self, kind: PrekeyKind, key_id: u32) -> Result<bool, StoreError> {
        Ok(self.tx.run(
            "DELETE FROM prekey WHERE kind = ?1 AND key_id = ?2",
            (kind, key_id),
        )? > 0)
    }

    /// What the relay does not have yet, oldest first.
    pub fn unpublished(&self) -> Result<Vec<UnpublishedPrekey>, StoreError> {
        self.tx.all(
            "SELECT kind, key_id, item FROM prekey WHERE published_ms IS NULL AND item IS NOT NULL ORDER BY id",
            [],
            |row| Ok(UnpublishedPrekey { kind: row.get(0)?, key_id: row.get(1)?, item: row.get(2)? }),
        )
    }

    /// The relay has it: the public item is dropped.
    pub fn mark_published(
        &self,
        kind: PrekeyKind,
        key_id: u32,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        exactly_one(self.tx.run(
            "UPDATE prekey SET published_ms = ?3, item = NULL WHERE kind = ?1 AND key_id = ?2",
            (kind, key_id, at(now)),
        )?)
    }

    /// A successor of this kind was published: every older published one of the kind is replaced as of `now`.
    pub fn mark_replaced(
        &self,
        kind: PrekeyKind,
        successor: u32,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.tx.run(
            "UPDATE prekey SET replaced_ms = ?3 WHERE kind = ?1 AND key_id <> ?2 AND replaced_ms IS NULL",
            (kind, successor, at(now)),
        )?;
        Ok(())
    }

    /// Deletes those that were replaced before `before`. Returns how many.
    pub fn remove_replaced(&self, before: Timestamp) -> Result<usize, StoreError> {
        self.tx
            .run("DELETE FROM prekey WHERE replaced_ms < ?1", [at(before)])
    }

    /// Deletes all of a kind that were never published, or all: after a relay lost its store everything is made anew.
    pub fn remove_unpublished(&self, kind: PrekeyKind) -> Result<usize, StoreError> {
        self.tx.run(
            "DELETE FROM prekey WHERE kind = ?1 AND published_ms IS NULL",
            [kind],
        )
    }

    /// How many of a kind are in use: published or to be published, and not replaced.
    pub fn count(&self, kind: PrekeyKind) -> Result<u64, StoreError> {
        let count: Uint = self.tx.value(
            "SELECT count(*) FROM prekey WHERE kind = ?1 AND replaced_ms IS NULL",
            [kind],
        )?;
        Ok(count.0)
    }

    /// Of a kind, the id and the time of making of the newest.
    pub fn newest(&self, kind: PrekeyKind) -> Result<Option<(u32, Timestamp)>, StoreError> {
        self.tx.one(
            "SELECT key_id, created_ms FROM prekey WHERE kind = ?1 ORDER BY id DESC LIMIT 1",
            [kind],
            |row| Ok((row.get(0)?, row.get::<_, Uint>(1)?.into())),
        )
    }
}
