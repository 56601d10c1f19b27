//! Primitives under different keys.

use rand::rngs::StdRng;
use undertone_protocol::labels;
use undertone_protocol::primitives::aead;
use undertone_protocol::primitives::block::{BlockDecryptor, BlockEncryptor};
use undertone_protocol::primitives::dh;
use undertone_protocol::primitives::kdf;
use undertone_protocol::primitives::kem::{mlkem768, mlkem1024};
use undertone_protocol::primitives::role;
use undertone_protocol::primitives::secret::SecretBytes;
use undertone_protocol::primitives::signature::SigningKey;

use rand::SeedableRng;

use super::input::{check, different_keys, pack, random, rng, unpack_array, wrong_guesses};
use super::{ConstantTimeError, Operation, traced};

pub(super) const OPERATIONS: &[Operation] = &[
    Operation {
        name: "x25519",
        inputs: scalars,
        run: x25519,
    },
    keyed("x25519_public_key", x25519_public_key),
    keyed("ed25519_sign", ed25519_sign),
    keyed("aes_block", aes_block),
    keyed("aead_seal", aead_seal),
    keyed("key_derivation", key_derivation),
    Operation {
        name: "ml_kem_1024_encapsulate",
        inputs: ml_kem_1024_coins,
        run: ml_kem_1024_encapsulate,
    },
    Operation {
        name: "ml_kem_1024_decapsulate",
        inputs: ml_kem_1024_ciphertexts,
        run: ml_kem_1024_decapsulate,
    },
    Operation {
        name: "ml_kem_768_encapsulate",
        inputs: ml_kem_768_coins,
        run: ml_kem_768_encapsulate,
    },
    Operation {
        name: "ml_kem_768_decapsulate",
        inputs: ml_kem_768_ciphertexts,
        run: ml_kem_768_decapsulate,
    },
];

/// An operation whose input is a key of 32 bytes.
const fn keyed(name: &'static str, run: fn(&[u8]) -> Result<(), ConstantTimeError>) -> Operation {
    Operation {
        name,
        inputs: || Ok(different_keys::<32>()),
        run,
    }
}

/// Each with the public key of somebody else.
fn scalars() -> Result<Vec<Vec<u8>>, ConstantTimeError> {
    let theirs = dh::SecretKey::<dh::role::Ratchet>::generate(&mut rng(1)).public_key();
    let scalars = different_keys::<32>();
    let inputs = scalars.iter().map(|ours| pack(&[ours, theirs.as_bytes()]));
    inputs.collect()
}

fn x25519(mut input: &[u8]) -> Result<(), ConstantTimeError> {
    let scalar = unpack_array(&mut input)?;
    let theirs = dh::PublicKey::<dh::role::Ratchet>::parse(unpack_array(&mut input)?)?;
    let ours = dh::SecretKey::<dh::role::Ratchet>::from_parts(scalar, theirs);
    check(traced(|| ours.agree(&theirs)).is_ok())
}

fn x25519_public_key(scalar: &[u8]) -> Result<(), ConstantTimeError> {
    let scalar = scalar.try_into()?;
    traced(|| dh::SecretKey::<dh::role::Ratchet>::from_bytes(scalar));
    Ok(())
}

fn ed25519_sign(seed: &[u8]) -> Result<(), ConstantTimeError> {
    let seed = SecretBytes::copy_from(seed.try_into()?);
    traced(|| SigningKey::<role::Device>::from_seed(&seed).sign(labels::SIGNED_PREKEY, &[7; 100]));
    Ok(())
}

/// Both directions of a tag.
fn aes_block(key: &[u8]) -> Result<(), ConstantTimeError> {
    let key = key.try_into()?;
    traced(|| {
        (
            BlockEncryptor::new(key).encrypt([7; 16]),
            BlockDecryptor::new(key).decrypt([7; 16]),
        )
    });
    Ok(())
}

fn aead_seal(key: &[u8]) -> Result<(), ConstantTimeError> {
    let key = key.try_into()?;
    let mut buffer = [7; 256 + aead::TAG_LEN];
    Ok(traced(|| {
        aead::seal(key, &[1; aead::NONCE_LEN], b"associated", &mut buffer)
    })?)
}

fn key_derivation(key: &[u8]) -> Result<(), ConstantTimeError> {
    let key: &[u8; 32] = key.try_into()?;
    let ikm: [&[u8]; 2] = [key.as_slice(), key.as_slice()];
    traced(|| kdf::hkdf::<96>(key, &ikm, labels::DR_ROOT, &[]));
    Ok(())
}

macro_rules! ml_kem {
    ($algorithm:ident, $coins:ident, $encapsulate:ident, $ciphertexts:ident, $decapsulate:ident) => {
        /// Seeds of the generator of what is encapsulated, each with one public key.
        fn $coins() -> Result<Vec<Vec<u8>>, ConstantTimeError> {
            let public = $algorithm::SecretKey::generate(&mut rng(1)).public_key();
            let seeds = different_keys::<32>();
            let inputs = seeds.iter().map(|seed| pack(&[seed, public.as_bytes()]));
            inputs.collect()
        }

        fn $encapsulate(mut input: &[u8]) -> Result<(), ConstantTimeError> {
            let mut coins = StdRng::from_seed(*unpack_array(&mut input)?);
            let public = $algorithm::PublicKey::parse(unpack_array(&mut input)?)?;
            traced(|| public.encapsulate(&mut coins));
            Ok(())
        }

        /// One key pair, of which the secret that implicit rejection answers with differs too; the ciphertext that belongs to it, and
        /// others.
        fn $ciphertexts() -> Result<Vec<Vec<u8>>, ConstantTimeError> {
            let (pair, rejection) = (random::<32>(1), random::<32>(2));
            let secret = |rejection: &[u8]| {
                let mut seed = SecretBytes::zeroed();
                let (d, z) = seed.expose_mut().split_at_mut(32);
                d.copy_from_slice(&pair);
                z.copy_from_slice(rejection);
                $algorithm::SecretKey::from_seed(seed)
            };
            let (valid, _) = secret(&rejection).public_key().encapsulate(&mut rng(3));
            let mut ciphertexts = wrong_guesses(&*valid.0);
            ciphertexts.push(random::<{ $algorithm::CIPHERTEXT_LEN }>(4).to_vec());
            ciphertexts.push(valid.0.to_vec());
            let mut inputs = Vec::new();
            for ciphertext in &ciphertexts {
                inputs.push(pack(&[secret(&rejection).expose(), ciphertext])?);
            }
            inputs.push(pack(&[secret(&[0; 32]).expose(), &*valid.0])?);
            Ok(inputs)
        }

        fn $decapsulate(mut input: &[u8]) -> Result<(), ConstantTimeError> {
            let seed = SecretBytes::copy_from(unpack_array(&mut input)?);
            let secret = $algorithm::SecretKey::from_seed(seed);
            let ciphertext = $algorithm::Ciphertext(Box::new(*unpack_array(&mut input)?));
            traced(|| secret.decapsulate(&ciphertext));
            Ok(())
        }
    };
}

ml_kem!(
    mlkem1024,
    ml_kem_1024_coins,
    ml_kem_1024_encapsulate,
    ml_kem_1024_ciphertexts,
    ml_kem_1024_decapsulate
);
ml_kem!(
    mlkem768,
    ml_kem_768_coins,
    ml_kem_768_encapsulate,
    ml_kem_768_ciphertexts,
    ml_kem_768_decapsulate
);
