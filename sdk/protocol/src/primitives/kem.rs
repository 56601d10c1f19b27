//! ML-KEM, private keys kept as 64-byte seeds.
//!
//! Invariant: a public key has passed the modulus check of FIPS 203, section 7.2, before anything is encapsulated to it,
//! and no expanded private key can be parsed from anywhere, so that nobody can hand one in that breaks the binding of
//! the KEM (eprint 2024/523). The shared secret is bound to the key that the seed expands to. ML-KEM-1024 is used for
//! prekeys and recovery, ML-KEM-768 in the ratchet.

use core::fmt;

use rand_core::CryptoRng;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::secret::SecretBytes;

/// Bytes of the seed (d ‖ z, FIPS 203, section 7.1) that a private key is kept as.
pub const SEED_LEN: usize = 64;
/// Bytes of a shared secret.
pub const SHARED_SECRET_LEN: usize = 32;
/// Bytes of randomness that one encapsulation uses.
pub const ENCAPSULATION_RANDOMNESS_LEN: usize = 32;

/// The bytes are no encapsulation key: a coefficient is not below the modulus (FIPS 203, section 7.2). The peer who sent
/// it is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a valid ML-KEM encapsulation key")]
pub struct InvalidEncapsulationKey;

/// What both sides of an encapsulation share. Wiped on drop. A KDF input, not a key.
pub struct SharedSecret(Zeroizing<[u8; SHARED_SECRET_LEN]>);

impl SharedSecret {
    /// The bytes, as KDF input.
    #[must_use]
    pub fn expose(&self) -> &[u8; SHARED_SECRET_LEN] {
        &self.0
    }
}

impl ZeroizeOnDrop for SharedSecret {}

macro_rules! ml_kem {
    ($module:ident, $name:literal, $public_len:literal, $ciphertext_len:literal, $expanded_len:literal) => {
        #[doc = concat!($name, " (FIPS 203).")]
        pub mod $module {
            use super::*;
            use libcrux_ml_kem::$module as algorithm;

            /// Bytes of an encapsulation key.
            pub const PUBLIC_KEY_LEN: usize = $public_len;
            /// Bytes of a ciphertext.
            pub const CIPHERTEXT_LEN: usize = $ciphertext_len;

            /// A validated encapsulation key.
            #[derive(Clone, PartialEq, Eq)]
            pub struct PublicKey(Box<[u8; PUBLIC_KEY_LEN]>);

            /// A decapsulation key, as its seed. Wiped on drop; neither `Clone` nor `Debug`.
            pub struct SecretKey(SecretBytes<SEED_LEN>);

            /// An encapsulated secret. Any bytes of the right length decapsulate to something (implicit rejection).
            #[derive(Clone, PartialEq, Eq)]
            pub struct Ciphertext(pub Box<[u8; CIPHERTEXT_LEN]>);

            impl ZeroizeOnDrop for SecretKey {}

            impl PublicKey {
                /// Parses and validates an encapsulation key.
                ///
                /// # Errors
                /// [`InvalidEncapsulationKey`] when a coefficient is not below the modulus.
                pub fn parse(
                    bytes: &[u8; PUBLIC_KEY_LEN],
                ) -> Result<Self, InvalidEncapsulationKey> {
                    if algorithm::validate_public_key(&bytes.into()) {
                        Ok(Self(Box::new(*bytes)))
                    } else {
                        Err(InvalidEncapsulationKey)
                    }
                }

                /// The encoding (FIPS 203).
                #[must_use]
                pub fn as_bytes(&self) -> &[u8; PUBLIC_KEY_LEN] {
                    &self.0
                }

                /// Encapsulates a fresh secret.
                #[must_use]
                pub fn encapsulate(&self, rng: &mut impl CryptoRng) -> (Ciphertext, SharedSecret) {
                    #[cfg(test)]
                    instrument::count();
                    let mut randomness = Zeroizing::new([0; ENCAPSULATION_RANDOMNESS_LEN]);
                    rng.fill_bytes(randomness.as_mut_slice());
                    self.encapsulate_with(&randomness)
                }

                /// Encapsulates the secret that `randomness` makes; the same one each time.
                pub(in crate::primitives) fn encapsulate_with(
                    &self,
                    randomness: &[u8; ENCAPSULATION_RANDOMNESS_LEN],
                ) -> (Ciphertext, SharedSecret) {
                    let (ciphertext, mut secret) =
                        algorithm::encapsulate(&(&*self.0).into(), *randomness);
                    let shared = SharedSecret(Zeroizing::new(secret));
                    secret.zeroize();
                    (Ciphertext(Box::new(ciphertext.into())), shared)
                }
            }

            impl SecretKey {
                /// A fresh random key.
                #[must_use]
                pub fn generate(rng: &mut impl CryptoRng) -> Self {
                    Self(SecretBytes::random(rng))
                }

                /// The key of a seed.
                #[must_use]
                pub fn from_seed(seed: SecretBytes<SEED_LEN>) -> Self {
                    Self(seed)
                }

                /// The seed, for sealed storage.
                #[must_use]
                pub fn expose(&self) -> &[u8; SEED_LEN] {
                    self.0.expose()
                }

                /// The public half.
                #[must_use]
                pub fn public_key(&self) -> PublicKey {
                    self.with_expanded(|_, public| PublicKey(Box::new(*public)))
                }

                /// The secret that `ciphertext` carries; an unpredictable one when it was made for another key. With it
                /// the public half, which expanding the seed gives anyway.
                #[must_use]
                pub fn decapsulate(&self, ciphertext: &Ciphertext) -> (SharedSecret, PublicKey) {
                    self.with_expanded(|private, public| {
                        let mut secret = algorithm::decapsulate(private, &(&*ciphertext.0).into());
                        let shared = SharedSecret(Zeroizing::new(secret));
                        secret.zeroize();
                        (shared, PublicKey(Box::new(*public)))
                    })
                }

                /// Expands the seed for the time of one call and wipes the expanded key.
                fn with_expanded<T>(
                    &self,
                    use_it: impl FnOnce(
                        &libcrux_ml_kem::MlKemPrivateKey<$expanded_len>,
                        &[u8; PUBLIC_KEY_LEN],
                    ) -> T,
                ) -> T {
                    #[cfg(test)]
                    instrument::count();
                    let pair = algorithm::generate_key_pair(*self.0.expose());
                    let result = use_it(pair.private_key(), pair.pk());
                    let (private, _) = pair.into_parts();
                    Zeroizing::new(<[u8; $expanded_len]>::from(private)).zeroize();
                    result
                }
            }

            impl fmt::Debug for PublicKey {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str(concat!($name, " encapsulation key"))
                }
            }

            impl fmt::Debug for Ciphertext {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str(concat!($name, " ciphertext"))
                }
            }
        }
    };
}

ml_kem!(mlkem768, "ML-KEM-768", 1184, 1088, 2400);
ml_kem!(mlkem1024, "ML-KEM-1024", 1568, 1568, 3168);

/// Counting of what costs time, for tests only.
#[cfg(test)]
pub(crate) mod instrument {
    use std::cell::Cell;

    thread_local! {
        static OPERATIONS: Cell<u32> = const { Cell::new(0) };
    }

    pub(super) fn count() {
        OPERATIONS.with(|count| count.set(count.get() + 1));
    }

    /// Keys expanded from seeds and secrets encapsulated or decapsulated on this thread while `run` ran.
    pub(crate) fn operations<T>(run: impl FnOnce() -> T) -> (T, u32) {
        let before = OPERATIONS.with(Cell::get);
        let result = run();
        (result, OPERATIONS.with(Cell::get) - before)
    }
}

#[cfg(test)]
#[path = "kem_tests.rs"]
mod tests;
