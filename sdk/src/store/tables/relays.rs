//! Relays of contacts: which store each had when it was last spoken to.

use super::{StoreError, Tx, table};

table! {
    /// The relays that were spoken to.
    Relays, relays
}

impl Relays<'_> {
    /// Remembers a relay's store epoch. Whether it is another one than before, or the first.
    pub fn met(&self, address: &str, store_epoch: &[u8; 16]) -> Result<bool, StoreError> {
        let changed = self.tx.run(
            "INSERT INTO relay (address, store_epoch) VALUES (?1, ?2)
             ON CONFLICT (address) DO UPDATE SET store_epoch = ?2 WHERE store_epoch <> ?2",
            (address, store_epoch),
        )?;
        Ok(changed > 0)
    }

    /// Forgets the relays that no device of a contact uses any more.
    pub fn remove_unused(&self) -> Result<(), StoreError> {
        self.tx.run(
            "DELETE FROM relay WHERE address NOT IN (SELECT relay FROM peer_device)",
            [],
        )?;
        Ok(())
    }
}
