//! The primitives of the floors, from the crates that the protocol uses, each called in the cheapest way that its crate offers.

use std::hint::black_box;

use aes::cipher::{BlockCipherDecrypt, BlockCipherEncrypt};
use aes::{Aes256Dec, Aes256Enc, Block};
use aes_gcm::Aes256Gcm;
use aes_gcm::aead::{AeadInOut, KeyInit};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use libcrux_ml_kem::{mlkem768, mlkem1024};
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand_core::Rng;
use sha2::{Digest, Sha256};
use x25519_dalek::{PublicKey, StaticSecret};

use crate::bench::BenchError;
use crate::bench::measure::cpu_us;

/// Microseconds of CPU time that one pass of a primitive should take: far above the clock's resolution, short enough to take turns often.
const PASS_US: f64 = 1_500.0;
/// Operations that tell how many fit a pass.
const PROBE: u32 = 8;

/// One primitive, repeatable.
pub struct Primitive {
    /// What it is, as the table prints it.
    pub name: String,
    operation: Box<dyn FnMut()>,
    /// Operations a pass; found at the first pass.
    batch: Option<u32>,
}

impl Primitive {
    fn new(name: impl Into<String>, operation: impl FnMut() + 'static) -> Self {
        Self {
            name: name.into(),
            operation: Box::new(operation),
            batch: None,
        }
    }

    /// Microseconds for one operation in one pass.
    ///
    /// # Errors
    /// None of its own.
    pub(super) fn pass(&mut self) -> Result<f64, BenchError> {
        let batch = match self.batch {
            Some(batch) => batch,
            None => self.batch_of_a_pass()?,
        };
        self.batch = Some(batch);
        self.repeat(batch)
    }

    fn batch_of_a_pass(&mut self) -> Result<u32, BenchError> {
        let mut batch = PROBE;
        while self.repeat(batch)? * f64::from(batch) < PASS_US {
            batch = batch.saturating_mul(2);
        }
        Ok(batch)
    }

    fn repeat(&mut self, times: u32) -> Result<f64, BenchError> {
        let operation = &mut self.operation;
        cpu_us(times, || {
            for _ in 0..times {
                operation();
            }
            Ok(())
        })
    }
}

/// X25519 with another's public key.
pub fn x25519() -> Primitive {
    let (secret, public) = (
        StaticSecret::from([7; 32]),
        PublicKey::from(&StaticSecret::from([9; 32])),
    );
    Primitive::new("X25519", move || {
        black_box(black_box(&secret).diffie_hellman(black_box(&public)));
    })
}

/// A new X25519 key pair: 32 random bytes and a multiplication of the base point.
pub fn x25519_key_pair() -> Primitive {
    let mut rng = rng();
    Primitive::new("X25519 key pair", move || {
        black_box(PublicKey::from(&StaticSecret::random_from_rng(&mut rng)));
    })
}

/// Strict verification of an Ed25519 signature over `length` bytes, the key decoded before.
pub fn ed25519_verify(length: usize) -> Primitive {
    let (key, message, signature) = signed(length);
    Primitive::new(format!("Ed25519 verify_strict of {length} B"), move || {
        let verified = black_box(&key).verify_strict(black_box(&message), &signature);
        debug_assert!(verified.is_ok());
        let _ = black_box(verified);
    })
}

/// An Ed25519 signature over `length` bytes.
pub fn ed25519_sign(length: usize) -> Primitive {
    let key = SigningKey::from_bytes(&[7; 32]);
    let message = vec![1; length];
    Primitive::new(format!("Ed25519 sign {length} B"), move || {
        black_box(key.sign(black_box(&message)));
    })
}

/// Strict verification of an Ed25519 signature over `length` bytes, the key as it arrives, encoded.
pub fn ed25519_decode_and_verify(length: usize) -> Primitive {
    let (key, message, signature) = signed(length);
    let encoded = key.to_bytes();
    Primitive::new(
        format!("Ed25519 decode key and verify_strict of {length} B"),
        move || {
            let verified = VerifyingKey::from_bytes(black_box(&encoded))
                .and_then(|key| key.verify_strict(black_box(&message), &signature));
            debug_assert!(verified.is_ok());
            let _ = black_box(verified);
        },
    )
}

fn signed(length: usize) -> (VerifyingKey, Vec<u8>, Signature) {
    let key = SigningKey::from_bytes(&[7; 32]);
    let message = vec![1; length];
    let signature = key.sign(&message);
    (key.verifying_key(), message, signature)
}

/// ML-KEM-1024 validation of a public key and encapsulation to it.
pub fn ml_kem_1024_encapsulate() -> Primitive {
    let pair = mlkem1024::generate_key_pair([7; 64]);
    let mut rng = rng();
    Primitive::new("ML-KEM-1024 validate and encapsulate", move || {
        let mut coins = [0; 32];
        rng.fill_bytes(&mut coins);
        black_box(mlkem1024::validate_public_key(black_box(pair.public_key())));
        black_box(mlkem1024::encapsulate(black_box(pair.public_key()), coins));
    })
}

/// ML-KEM-1024 decapsulation with a private key kept as its 64-byte seed.
pub fn ml_kem_1024_decapsulate_from_seed() -> Primitive {
    let pair = mlkem1024::generate_key_pair([7; 64]);
    let (ciphertext, _) = mlkem1024::encapsulate(pair.public_key(), [1; 32]);
    Primitive::new("ML-KEM-1024 decapsulate from seed", move || {
        let pair = mlkem1024::generate_key_pair(black_box([7; 64]));
        black_box(mlkem1024::decapsulate(
            pair.private_key(),
            black_box(&ciphertext),
        ));
    })
}

/// A new ML-KEM-768 key pair.
pub fn ml_kem_768_key_pair() -> Primitive {
    let mut rng = rng();
    Primitive::new("ML-KEM-768 key pair", move || {
        let mut seed = [0; 64];
        rng.fill_bytes(&mut seed);
        black_box(mlkem768::generate_key_pair(seed));
    })
}

/// One step of a symmetric chain: HMAC(CK, 01) and HMAC(CK, 02) over one key schedule.
pub fn chain_step() -> Primitive {
    let mut chain_key = [7; 32];
    Primitive::new("chain step (2 HMAC-SHA256, 1 schedule)", move || {
        let schedule = hmac_schedule(&chain_key);
        black_box(schedule.clone().chain_update([1]).finalize());
        chain_key = schedule.chain_update([2]).finalize().into_bytes().into();
    })
}

/// HKDF-Expand-SHA256 of 64 bytes with an info of one block.
pub fn expand_64() -> Primitive {
    let key = [7; 32];
    Primitive::new("HKDF-Expand 64 B", move || {
        let schedule = hmac_schedule(black_box(&key));
        let info = [0; 19];
        let first = schedule
            .clone()
            .chain_update(info)
            .chain_update([1])
            .finalize()
            .into_bytes();
        let second = schedule
            .chain_update(first)
            .chain_update(info)
            .chain_update([2])
            .finalize();
        black_box((first, second));
    })
}

/// HKDF-SHA256, extract and expand: `input` bytes of key material, `info` bytes of info, `output` bytes.
pub fn hkdf(input: usize, info: usize, output: usize) -> Primitive {
    let (input_key, info_bytes, mut out) = (vec![7; input], vec![1; info], vec![0; output]);
    Primitive::new(format!("HKDF {input} B to {output} B"), move || {
        let expanded = Hkdf::<Sha256>::new(Some(&[3; 32]), black_box(&input_key))
            .expand(&info_bytes, &mut out);
        debug_assert!(expanded.is_ok());
        let _ = black_box((expanded, &out));
    })
}

/// SHA-256 of `length` bytes.
pub fn sha256(length: usize) -> Primitive {
    let message = vec![1; length];
    Primitive::new(format!("SHA-256 of {length} B"), move || {
        black_box(Sha256::digest(black_box(&message)));
    })
}

/// AES-256-GCM seal of `length` bytes with `associated` bytes of associated data, under a new key.
pub fn gcm_seal(length: usize, associated: usize) -> Primitive {
    let (mut buffer, associated_data) = (vec![1; length], vec![2; associated]);
    Primitive::new(format!("AES-256-GCM seal {length} B"), move || {
        let sealed = Aes256Gcm::new(&black_box([7; 32]).into()).encrypt_inout_detached(
            &[3; 12].into(),
            &associated_data,
            buffer.as_mut_slice().into(),
        );
        debug_assert!(sealed.is_ok());
        let _ = black_box(sealed);
    })
}

/// AES-256-GCM open of `length` bytes with `associated` bytes of associated data, under a new key.
pub fn gcm_open(length: usize, associated: usize) -> Primitive {
    let (mut buffer, associated_data) = (vec![1; length], vec![2; associated]);
    let tag = Aes256Gcm::new(&[7; 32].into())
        .encrypt_inout_detached(
            &[3; 12].into(),
            &associated_data,
            buffer.as_mut_slice().into(),
        )
        .unwrap_or_default();
    let ciphertext = buffer.clone();
    Primitive::new(format!("AES-256-GCM open {length} B"), move || {
        buffer.copy_from_slice(&ciphertext);
        let opened = Aes256Gcm::new(&black_box([7; 32]).into()).decrypt_inout_detached(
            &[3; 12].into(),
            &associated_data,
            buffer.as_mut_slice().into(),
            &tag,
        );
        debug_assert!(opened.is_ok());
        let _ = black_box(opened);
    })
}

/// AES-256: a key schedule and one block.
pub fn aes_block() -> Primitive {
    Primitive::new("AES-256 schedule and block", || {
        let mut block = Block::default();
        Aes256Enc::new(&black_box([7; 32]).into()).encrypt_block(&mut block);
        black_box(block);
    })
}

/// AES-256: a key schedule and one block inverted.
pub fn aes_inversion() -> Primitive {
    Primitive::new("AES-256 schedule and inverted block", || {
        let mut block = Block::default();
        Aes256Dec::new(&black_box([7; 32]).into()).decrypt_block(&mut block);
        black_box(block);
    })
}

/// AES-256: `count` blocks under one schedule.
pub fn aes_blocks(count: usize) -> Primitive {
    let key = Aes256Enc::new(&[7; 32].into());
    let mut blocks = vec![Block::default(); count];
    Primitive::new(format!("AES-256 {count} blocks"), move || {
        black_box(&key).encrypt_blocks(&mut blocks);
        black_box(&blocks);
    })
}

/// 12 random bytes from the generator that the operation is given.
pub fn salt() -> Primitive {
    let mut rng = rng();
    Primitive::new("12 random bytes", move || {
        let mut salt = [0; 12];
        rng.fill_bytes(&mut salt);
        black_box(salt);
    })
}

/// The generator that measured operations are given.
#[must_use]
pub fn rng() -> StdRng {
    StdRng::seed_from_u64(2)
}

fn hmac_schedule(key: &[u8; 32]) -> Hmac<Sha256> {
    let mut padded = [0; 64];
    padded[..32].copy_from_slice(key);
    Hmac::new(&padded.into())
}
