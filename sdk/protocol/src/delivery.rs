//! Delivery bearers: the right of contacts to send to a mailbox.
//!
//! All contacts share one secret per account, so that the relay cannot tell them apart, and derive one bearer per
//! mailbox, so that the mailboxes of an account share no value. The relay keeps only the bearer's hash, which the wire
//! format defines.

use rand_core::CryptoRng;
use zeroize::{ZeroizeOnDrop, Zeroizing};

use crate::{
    device::MailboxId,
    labels,
    primitives::{kdf, secret::SecretBytes},
};

/// Bytes of a delivery secret.
pub const DELIVERY_SECRET_LEN: usize = 32;
/// Bytes of a bearer.
pub const BEARER_LEN: usize = 16;

/// The secret that an account's contacts share. Wiped on drop.
pub struct DeliverySecret(SecretBytes<DELIVERY_SECRET_LEN>);

impl ZeroizeOnDrop for DeliverySecret {}

/// What is shown to the relay with an envelope for one mailbox. Wiped on drop.
pub struct Bearer(pub(crate) Zeroizing<[u8; BEARER_LEN]>);

impl ZeroizeOnDrop for Bearer {}

impl DeliverySecret {
    /// A fresh random secret.
    #[must_use]
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        Self(SecretBytes::random(rng))
    }

    /// Reads a secret that [`DeliverySecret::expose`] gave. The caller wipes the original.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; DELIVERY_SECRET_LEN]) -> Self {
        Self(SecretBytes::copy_from(bytes))
    }

    /// The bytes, for a message to a contact and for sealed storage.
    #[must_use]
    pub fn expose(&self) -> &[u8; DELIVERY_SECRET_LEN] {
        self.0.expose()
    }

    /// The bearer for `mailbox`: `Expand(secret, L("delivery-bearer") ‖ mailbox id, 16)`.
    #[must_use]
    pub fn bearer(&self, mailbox: &MailboxId) -> Bearer {
        Bearer(kdf::expand(
            self.expose(),
            labels::DELIVERY_BEARER,
            &[mailbox.as_bytes()],
        ))
    }
}

impl Bearer {
    /// The bytes, for the relay.
    #[must_use]
    pub fn expose(&self) -> &[u8; BEARER_LEN] {
        &self.0
    }
}

#[cfg(test)]
#[path = "delivery_tests.rs"]
mod tests;
