//! A known-answer test of the primitives on the processor that they run on.
//!
//! The implementations choose their instructions when they start (AES and carry-less multiplication, AVX2 in ML-KEM), so that
//! a build whose tests passed elsewhere can compute something else here, and has (attack row S7). Whoever opens an account
//! calls [`run`] before any key is touched. It costs less than a millisecond, once in a process.
//!
//! Not its concern: whether an implementation is right in every case (that is what the tests of this folder show), or a
//! processor that fails later.

use std::sync::OnceLock;

use super::dh::role::Ratchet;
use super::hash::{HASH_LEN, sha256};
use super::role::Mailbox;
use super::secret::SecretBytes;
use super::{aead, block, dh, kdf, kem, signature};

/// A primitive, as SPEC.md section 1 names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Primitive {
    /// SHA-256, on which HMAC and HKDF stand.
    Sha256,
    /// HMAC-SHA-256 and HKDF-SHA-256.
    Hkdf,
    /// One block of AES-256.
    AesBlock,
    /// AES-256-GCM.
    AesGcm,
    /// X25519.
    X25519,
    /// Ed25519.
    Ed25519,
    /// ML-KEM-768.
    MlKem768,
    /// ML-KEM-1024.
    MlKem1024,
}

impl Primitive {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Sha256,
        Self::Hkdf,
        Self::AesBlock,
        Self::AesGcm,
        Self::X25519,
        Self::Ed25519,
        Self::MlKem768,
        Self::MlKem1024,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "SHA-256",
            Self::Hkdf => "HKDF-SHA-256",
            Self::AesBlock => "AES-256",
            Self::AesGcm => "AES-256-GCM",
            Self::X25519 => "X25519",
            Self::Ed25519 => "Ed25519",
            Self::MlKem768 => "ML-KEM-768",
            Self::MlKem1024 => "ML-KEM-1024",
        }
    }
}

/// A primitive computes something wrong on this processor. Nothing may be encrypted or signed with it, and trying again does
/// not help: the developer must act, by building for this processor with other features, and by reporting it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this build computes {} wrongly on this processor: it needs another build", .0.name())]
pub struct SelfTestError(pub Primitive);

static RESULT: OnceLock<Result<(), SelfTestError>> = OnceLock::new();

/// Tests every primitive at the first call in a process, and says the same again at each further one.
///
/// # Errors
/// [`SelfTestError`] names the first primitive that fails.
pub fn run() -> Result<(), SelfTestError> {
    *RESULT.get_or_init(|| judge(answer))
}

/// The first primitive whose answer is not the known one.
fn judge(answer: impl Fn(Primitive) -> Option<Digest>) -> Result<(), SelfTestError> {
    let wrong = |primitive: &Primitive| answer(*primitive) != Some(known(*primitive));
    match Primitive::ALL.into_iter().find(wrong) {
        Some(primitive) => Err(SelfTestError(primitive)),
        None => Ok(()),
    }
}

type Digest = [u8; HASH_LEN];

/// SHA-256 of what the right answer is; of SHA-256 the digest itself.
fn known(primitive: Primitive) -> Digest {
    match primitive {
        Primitive::Sha256 => SHA_256,
        Primitive::Hkdf => HKDF,
        Primitive::AesBlock => AES_BLOCK,
        Primitive::AesGcm => AES_GCM,
        Primitive::X25519 => X25519,
        Primitive::Ed25519 => ED25519,
        Primitive::MlKem768 => ML_KEM_768,
        Primitive::MlKem1024 => ML_KEM_1024,
    }
}

/// The same of what the primitive gives here; `None` when it contradicts itself or accepts what it must reject.
fn answer(primitive: Primitive) -> Option<Digest> {
    match primitive {
        Primitive::Sha256 => Some(sha256(&[
            b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
        ])),
        Primitive::Hkdf => Some(hkdf()),
        Primitive::AesBlock => aes_block(),
        Primitive::AesGcm => aes_gcm(aead::open),
        Primitive::X25519 => x25519(dh::PublicKey::parse, dh::SecretKey::agree),
        Primitive::Ed25519 => ed25519(signature::PublicKey::verify_bytes),
        Primitive::MlKem768 => ml_kem_768(),
        Primitive::MlKem1024 => ml_kem_1024(),
    }
}

/// FIPS 180-4's example of two blocks.
const SHA_256: Digest = digest(b"248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
/// RFC 5869, appendix A.1.
const HKDF: Digest = digest(b"b421bf493199866037dfe54b7dc67467326bad6055cdb78e48525eb1db5841a8");
/// FIPS 197, appendix C.3.
const AES_BLOCK: Digest =
    digest(b"321294aa1c766b466b0a7d5fd8cb1c29e1bd12d7a847c7f9a006e479db726698");
/// Made with OpenSSL.
const AES_GCM: Digest = digest(b"3a2be8209afe0a1437878bc38d7c7c70edbe779ce0d33148ac724954ed3726ac");
/// RFC 7748, section 6.1.
const X25519: Digest = digest(b"6adc2decc4c84c69d996b78fe9656934769641b192aeb0e65200bc7035b33efc");
/// RFC 8032, section 7.1, test 2.
const ED25519: Digest = digest(b"9e79b5677ee9bd365c0edcdc59ffb29b26827b732cc80439f9ab85e818c613cc");
/// The second implementation in this crate's tests gives the same.
const ML_KEM_768: Digest =
    digest(b"ccc686279ad52a4d466ab91717bfcc09627cef0e86eb99993fc2e7b652b3dbd5");
/// As for ML-KEM-768.
const ML_KEM_1024: Digest =
    digest(b"64824a6a985a51c0da407a216ea7bfe48254bf4f79026c9ef82c50d2983b7772");

/// 32 bytes from lower-case hexadecimal digits, at compile time.
const fn digest(hex: &[u8; 2 * HASH_LEN]) -> Digest {
    const fn value(digit: u8) -> u8 {
        if digit >= b'a' {
            digit - b'a' + 10
        } else {
            digit - b'0'
        }
    }
    let mut bytes = [0; HASH_LEN];
    let mut i = 0;
    while i < HASH_LEN {
        bytes[i] = value(hex[2 * i]) << 4 | value(hex[2 * i + 1]);
        i += 1;
    }
    bytes
}

/// 0, 1, 2, … 255, 0, 1, …
fn counting<const N: usize>() -> [u8; N] {
    let mut next = 0_u8;
    [(); N].map(|()| {
        let byte = next;
        next = next.wrapping_add(1);
        byte
    })
}

fn hkdf() -> Digest {
    let mut salt = [0; HASH_LEN];
    for (to, from) in salt.iter_mut().zip(counting::<13>()) {
        *to = from;
    }
    let prk = kdf::extract(&salt, &[&[0x0b; 22]]);
    let info = [0xf0, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9];
    let mut okm = [0; 42];
    kdf::expand_raw(&kdf::HmacKey::new(&prk), &info, &[], &mut okm);
    sha256(&[&okm])
}

/// One block forward, and many at once back, which may take other instructions.
fn aes_block() -> Option<Digest> {
    let key = counting();
    let plain = counting::<{ block::BLOCK_LEN }>().map(|byte| byte * 0x11);
    let image = block::BlockEncryptor::new(&key).encrypt(plain);
    let mut images = [image; 16];
    block::BlockDecryptor::new(&key).decrypt_all(&mut images);
    (images == [plain; 16]).then(|| sha256(&[&image]))
}

/// 272 bytes, so that all instructions for many blocks at once have their turn.
fn aes_gcm(
    open: impl for<'b> Fn(
        &[u8; aead::KEY_LEN],
        &[u8; aead::NONCE_LEN],
        &[u8],
        &'b mut [u8],
    ) -> Result<&'b mut [u8], aead::AeadError>,
) -> Option<Digest> {
    const LEN: usize = 272;
    let (key, nonce, ad) = (counting(), counting(), counting::<48>());
    let plain = counting::<LEN>();
    let mut buffer = [0; LEN + aead::TAG_LEN];
    for (to, from) in buffer.iter_mut().zip(plain) {
        *to = from;
    }
    aead::seal(&key, &nonce, &ad, &mut buffer).ok()?;
    let sealed = sha256(&[&buffer]);
    let mut changed = buffer;
    changed[LEN] = !buffer[LEN];
    let rejected = open(&key, &nonce, &ad, &mut changed).is_err();
    let opened = open(&key, &nonce, &ad, &mut buffer).ok()?;
    (rejected && opened == plain).then_some(sealed)
}

fn x25519(
    parse: impl Fn(&[u8; dh::KEY_LEN]) -> Result<dh::PublicKey<Ratchet>, dh::DhError>,
    agree: impl Fn(
        &dh::SecretKey<Ratchet>,
        &dh::PublicKey<Ratchet>,
    ) -> Result<dh::SharedSecret, dh::DhError>,
) -> Option<Digest> {
    use dh::SecretKey;
    let a = SecretKey::<Ratchet>::from_bytes(&digest(
        b"77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
    ));
    let b = SecretKey::<Ratchet>::from_bytes(&digest(
        b"5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
    ));
    let ours = agree(&a, &b.public_key()).ok()?;
    let theirs = agree(&b, &a.public_key()).ok()?;
    let rejected = parse(&[0; dh::KEY_LEN]).is_err();
    (rejected && ours.expose() == theirs.expose()).then(|| {
        sha256(&[
            a.public_key().as_bytes(),
            b.public_key().as_bytes(),
            ours.expose(),
        ])
    })
}

fn ed25519(
    verify: impl Fn(
        &signature::PublicKey<Mailbox>,
        &[u8],
        &signature::Signature,
    ) -> Result<(), signature::SignatureError>,
) -> Option<Digest> {
    let seed = digest(b"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
    let key = signature::SigningKey::<Mailbox>::from_seed(&SecretBytes::copy_from(&seed));
    let public = key.public_key();
    let signature = key.sign_framed(&[0x72]);
    let verified = verify(&public, &[0x72], &signature).is_ok();
    let rejected = verify(&public, &[0x73], &signature).is_err();
    (verified && rejected).then(|| sha256(&[public.as_bytes(), &signature.0]))
}

macro_rules! ml_kem {
    ($test:ident, $module:ident) => {
        /// SHA-256 of encapsulation key, ciphertext, shared secret, and the secret of a changed ciphertext.
        fn $test() -> Option<Digest> {
            let key = kem::$module::SecretKey::from_seed(SecretBytes::copy_from(&counting()));
            let public = kem::$module::PublicKey::parse(key.public_key().as_bytes()).ok()?;
            let (mut ciphertext, secret) = public.encapsulate_with(&counting());
            let (decapsulated, _) = key.decapsulate(&ciphertext);
            let sent = ciphertext.clone();
            ciphertext.0[0] ^= 1;
            let (other, _) = key.decapsulate(&ciphertext);
            (decapsulated.expose() == secret.expose()).then(|| {
                sha256(&[
                    public.as_bytes(),
                    &sent.0[..],
                    secret.expose(),
                    other.expose(),
                ])
            })
        }
    };
}

ml_kem!(ml_kem_768, mlkem768);
ml_kem!(ml_kem_1024, mlkem1024);

#[cfg(test)]
#[path = "self_test_tests.rs"]
mod tests;
