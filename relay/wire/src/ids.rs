//! Newtypes for the opaque ids of the wire, so that one kind is never taken for another.
//!
//! None of them implements `Display`, and `Debug` shows no byte: ids never reach logs or errors.

use bytes::Bytes;
use rand_core::CryptoRng;
use sha2::{Digest, Sha256};

use crate::labels;

/// A field that should hold an id has another length. Acts: the peer that sent it (a bug).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an id has the wrong length")]
pub struct BadIdLength;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name([u8; 16]);

        impl $name {
            /// Bytes of an id.
            pub const LEN: usize = 16;

            /// The id with these bytes.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            /// A random id.
            #[must_use]
            pub fn random<R: CryptoRng + ?Sized>(rng: &mut R) -> Self {
                let mut bytes = [0; 16];
                rng.fill_bytes(&mut bytes);
                Self(bytes)
            }

            /// The bytes of the id.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }

            /// The id as a field of a message.
            #[must_use]
            pub fn to_field(self) -> Bytes {
                Bytes::copy_from_slice(&self.0)
            }
        }

        impl TryFrom<&[u8]> for $name {
            type Error = BadIdLength;

            fn try_from(bytes: &[u8]) -> Result<Self, BadIdLength> {
                bytes.try_into().map(Self).map_err(|_| BadIdLength)
            }
        }

        impl TryFrom<&Bytes> for $name {
            type Error = BadIdLength;

            fn try_from(bytes: &Bytes) -> Result<Self, BadIdLength> {
                Self::try_from(bytes.as_ref())
            }
        }

        impl From<$name> for Bytes {
            fn from(id: $name) -> Bytes {
                id.to_field()
            }
        }

        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }
    };
}

id! {
    /// A mailbox: `SHA-256(mailbox public key)[..16]`.
    MailboxId
}
id! {
    /// A message, chosen at random by its sender; a multi-recipient send derives one for each entry.
    MessageId
}
id! {
    /// A record: `SHA-256(label ‖ write public key)[..16]`, so that nobody can squat on it.
    RecordId
}
id! {
    /// A blob, random.
    BlobId
}
id! {
    /// One taking of prekeys, random; a retry repeats it.
    PopId
}
id! {
    /// One life of a relay's store; a restored store has another one.
    StoreEpoch
}

impl MailboxId {
    /// The mailbox of this Ed25519 public key.
    #[must_use]
    pub fn of_key(mailbox_key: &[u8; 32]) -> Self {
        Self(truncate(Sha256::digest(mailbox_key)))
    }
}

impl RecordId {
    /// The record that this Ed25519 public key may write.
    #[must_use]
    pub fn of_write_key(write_key: &[u8; 32]) -> Self {
        let mut hash = Sha256::new();
        hash.update(labels::RECORD_ID);
        hash.update(write_key);
        Self(truncate(hash.finalize()))
    }
}

impl MessageId {
    /// The id of entry `index` of a multi-recipient send whose base id is `base`: the base with the index added to its
    /// last four bytes, wrapping.
    #[must_use]
    pub fn derive(base: Self, index: u32) -> Self {
        let mut bytes = base.0;
        let (_, last) = bytes.split_at_mut(12);
        let mut counter = [0; 4];
        counter.copy_from_slice(last);
        last.copy_from_slice(
            &u32::from_be_bytes(counter)
                .wrapping_add(index)
                .to_be_bytes(),
        );
        Self(bytes)
    }
}

fn truncate(digest: impl AsRef<[u8]>) -> [u8; 16] {
    let mut out = [0; 16];
    for (to, from) in out.iter_mut().zip(digest.as_ref()) {
        *to = *from;
    }
    out
}

#[cfg(test)]
#[path = "ids_tests.rs"]
mod tests;
