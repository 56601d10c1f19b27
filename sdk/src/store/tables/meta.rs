//! Single values by name: positions, generations, settings of the engine, each under a constant key.

use zeroize::Zeroizing;

use super::{StoreError, Tx, table};
use crate::store::seal::Place;

/// The name of a value. Declared as constants by whoever owns the value; names that start with `store.` are the store's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MetaKey(pub &'static str);

impl MetaKey {
    fn place(&self) -> Place<'static> {
        Place {
            table: "meta",
            column: "value",
            row: self.0.as_bytes(),
        }
    }
}

table! {
    /// Single values by name.
    Meta, meta
}

impl Meta<'_> {
    /// A plain value.
    pub fn get(&self, key: MetaKey) -> Result<Option<Vec<u8>>, StoreError> {
        self.tx
            .one("SELECT value FROM meta WHERE key = ?1", [key.0], |row| {
                row.get(0)
            })
    }

    /// Sets a plain value.
    pub fn put(&self, key: MetaKey, value: &[u8]) -> Result<(), StoreError> {
        self.tx.run(
            "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = ?2",
            (key.0, value),
        )?;
        Ok(())
    }

    /// A secret value, set by [`Meta::put_secret`].
    pub fn get_secret(&self, key: MetaKey) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        self.get(key)?
            .map(|sealed| self.tx.open(&key.place(), &sealed))
            .transpose()
    }

    /// Sets a secret value; it is sealed.
    pub fn put_secret(&self, key: MetaKey, value: &[u8]) -> Result<(), StoreError> {
        self.put(key, &self.tx.seal(&key.place(), value)?)
    }

    /// Removes a value.
    pub fn remove(&self, key: MetaKey) -> Result<(), StoreError> {
        self.tx.run("DELETE FROM meta WHERE key = ?1", [key.0])?;
        Ok(())
    }
}
