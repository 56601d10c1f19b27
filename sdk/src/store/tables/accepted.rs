//! Digests of accepted first messages that used up no one-time key, so that none is accepted twice while its prekeys exist.

use super::{StoreError, Tx, table};
use crate::store::ids::{Uint, at};
use undertone_protocol::prekeys::PrekeyId;
use undertone_protocol::time::Timestamp;

/// A first message that was accepted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AcceptedFirstMessage {
    /// SHA-256(EK ‖ ct).
    pub digest: [u8; 32],
    /// The signed prekey that it used.
    pub signed_prekey_id: PrekeyId,
    /// The KEM prekey that it used.
    pub kem_prekey_id: PrekeyId,
    /// When it was accepted.
    pub accepted: Timestamp,
}

table! {
    /// Digests of accepted first messages.
    AcceptedFirstMessages, accepted_first_messages
}

impl AcceptedFirstMessages<'_> {
    /// Whether this one was accepted before.
    pub fn contains(&self, digest: &[u8; 32]) -> Result<bool, StoreError> {
        self.tx.value(
            "SELECT EXISTS (SELECT 1 FROM accepted_first_message WHERE digest = ?1)",
            [digest],
        )
    }

    /// Remembers one. [`StoreError::Constraint`] when it is known.
    pub fn insert(&self, message: &AcceptedFirstMessage) -> Result<(), StoreError> {
        self.tx.insert(
            "INSERT INTO accepted_first_message (digest, signed_prekey_id, kem_prekey_id, accepted_ms)
             VALUES (?1, ?2, ?3, ?4)",
            (message.digest, message.signed_prekey_id.get(), message.kem_prekey_id.get(), at(message.accepted)),
        )?;
        Ok(())
    }

    /// How many are remembered.
    pub fn count(&self) -> Result<u64, StoreError> {
        let count: Uint = self
            .tx
            .value("SELECT count(*) FROM accepted_first_message", [])?;
        Ok(count.0)
    }

    /// Forgets those whose signed prekey and KEM prekey are both deleted: their private halves cannot be used again.
    /// Returns how many.
    pub fn remove_unusable(&self) -> Result<usize, StoreError> {
        self.tx.run(
            "DELETE FROM accepted_first_message WHERE
                 NOT EXISTS (SELECT 1 FROM prekey WHERE kind = 1 AND key_id = signed_prekey_id)
                 OR NOT EXISTS (SELECT 1 FROM prekey WHERE kind IN (3, 4) AND key_id = kem_prekey_id)",
            [],
        )
    }
}
