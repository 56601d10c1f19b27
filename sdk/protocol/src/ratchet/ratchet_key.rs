//! DHs and DHr: the keys whose agreement heals the root key.

use crate::primitives::dh::{PublicKey, SecretKey, role};

/// DHs.
pub(crate) type RatchetKey = SecretKey<role::Ratchet>;

/// DHr.
pub(crate) type RatchetPublicKey = PublicKey<role::Ratchet>;
