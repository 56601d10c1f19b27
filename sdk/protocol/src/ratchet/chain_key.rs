//! CK: gives each message of a chain its key and forgets how.

use zeroize::{Zeroize, ZeroizeOnDrop};

use super::MessageKey;
use crate::primitives::kdf::HmacKey;

const MESSAGE: &[u8] = &[1];
const NEXT: &[u8] = &[2];

/// A chain key (Double Ratchet specification, section 2.2).
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct ChainKey([u8; 32]);

impl ChainKey {
    pub(crate) const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The key, for sealed storage and for the search of what it gives.
    pub(crate) const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// A second copy, to run ahead on before it is known whether a message is authentic.
    pub(crate) const fn fork(&self) -> Self {
        Self(self.0)
    }

    /// mk = HMAC(CK, 0x01), CK = HMAC(CK, 0x02), under one key schedule.
    #[inline]
    pub(crate) fn step(&mut self) -> MessageKey {
        let hmac = HmacKey::new(&self.0);
        let key = MessageKey::filled(|bytes| hmac.mac_into(&[MESSAGE], bytes));
        hmac.finish_into(&[NEXT], &mut self.0);
        key
    }
}
