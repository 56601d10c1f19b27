//! Writing and comparing vector files, and the primitives as their own crates give them.

use std::{env, fs, path::PathBuf};

use hkdf::Hkdf;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use serde::{Serialize, Serializer, ser::SerializeMap};
use sha2::{Digest, Sha256};

/// One case: named values in the order in which they are computed.
#[derive(Default)]
pub(crate) struct Case(Vec<(String, Value)>);

#[derive(Serialize)]
#[serde(untagged)]
enum Value {
    Text(String),
    Number(u64),
    Flag(bool),
    Cases(Vec<Case>),
}

impl Case {
    pub(crate) fn new(name: &str) -> Self {
        Self::default().text("case", name)
    }

    /// Bytes, written in hexadecimal.
    pub(crate) fn hex(self, name: &str, bytes: impl AsRef<[u8]>) -> Self {
        self.text(name, &hex::encode(bytes))
    }

    pub(crate) fn text(self, name: &str, text: &str) -> Self {
        self.with(name, Value::Text(text.to_owned()))
    }

    pub(crate) fn number(self, name: &str, number: u64) -> Self {
        self.with(name, Value::Number(number))
    }

    pub(crate) fn flag(self, name: &str, flag: bool) -> Self {
        self.with(name, Value::Flag(flag))
    }

    pub(crate) fn cases(self, name: &str, cases: Vec<Self>) -> Self {
        self.with(name, Value::Cases(cases))
    }

    fn with(mut self, name: &str, value: Value) -> Self {
        self.0.push((name.to_owned(), value));
        self
    }
}

impl Serialize for Case {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// Compares `cases` with the stored file of that name, or stores them when `UNDERTONE_BLESS` is 1.
pub(crate) fn check(name: &str, cases: &[Case]) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("vectors")
        .join(format!("{name}.json"));
    let text = serde_json::to_string_pretty(cases).unwrap() + "\n";
    if env::var("UNDERTONE_BLESS").is_ok_and(|bless| bless == "1") {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &text).unwrap();
        return;
    }
    let stored = fs::read_to_string(&path).unwrap_or_default();
    let changed = stored
        .lines()
        .zip(text.lines())
        .position(|(old, new)| old != new);
    assert!(
        stored == text,
        "vectors/{name}.json differs from what the code computes, first in line {}: a format changed, or \
         UNDERTONE_BLESS=1 must store new cases",
        changed.unwrap_or_else(|| stored.lines().count().min(text.lines().count())) + 1
    );
}

/// A generator whose stream is a function of `seed`. What is drawn from it is given in the vectors as input.
pub(crate) fn rng(seed: u8) -> ChaCha20Rng {
    ChaCha20Rng::from_seed([seed; 32])
}

/// `L(name)`.
pub(crate) fn label(name: &str) -> Vec<u8> {
    [b"undertone/v1/", name.as_bytes()].concat()
}

pub(crate) fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    Sha256::digest(parts.concat()).into()
}

/// `HKDF(0, ikm, L(name) ‖ context, N)`.
pub(crate) fn hkdf<const N: usize>(ikm: &[u8], name: &str, context: &[u8]) -> [u8; N] {
    let mut okm = [0; N];
    Hkdf::<Sha256>::new(None, ikm)
        .expand(&[&label(name), context].concat(), &mut okm)
        .unwrap();
    okm
}

/// `Expand(prk, L(name) ‖ context, N)`.
pub(crate) fn expand<const N: usize>(prk: &[u8], name: &str, context: &[u8]) -> [u8; N] {
    let mut okm = [0; N];
    Hkdf::<Sha256>::from_prk(prk)
        .unwrap()
        .expand(&[&label(name), context].concat(), &mut okm)
        .unwrap();
    okm
}

/// The framed message of a signature.
pub(crate) fn framed(name: &str, body: &[u8]) -> Vec<u8> {
    let label = label(name);
    let body_len = u64::try_from(body.len()).unwrap().to_be_bytes();
    [
        &[u8::try_from(label.len()).unwrap()],
        &label[..],
        &body_len,
        body,
    ]
    .concat()
}

/// Signs the framed message.
pub(crate) fn sign(seed: &[u8; 32], name: &str, body: &[u8]) -> [u8; 64] {
    use ed25519_dalek::Signer;
    ed25519_dalek::SigningKey::from_bytes(seed)
        .sign(&framed(name, body))
        .to_bytes()
}

/// AES-256-GCM: ciphertext followed by tag.
pub(crate) fn seal(key: &[u8; 32], nonce: &[u8; 12], ad: &[u8], plain: &[u8]) -> Vec<u8> {
    use aes_gcm::{
        Aes256Gcm, KeyInit,
        aead::{Aead, Payload},
    };
    Aes256Gcm::new(key.into())
        .encrypt(
            nonce.into(),
            Payload {
                msg: plain,
                aad: ad,
            },
        )
        .unwrap()
}
