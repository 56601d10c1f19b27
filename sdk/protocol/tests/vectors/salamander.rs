//! `salamander.json`: one sealed body that AES-256-GCM opens under two keys, to two well-padded contents ("invisible
//! salamanders": Dodis, Grubbs, Ristenpart and Woodage, 2018). A library must open it with the first message key and
//! reject it by the commitment with the second.
//!
//! GCM's tag is a polynomial in the hash key: with two keys, one free block of ciphertext makes both tags the same.

use aes::{
    Aes256,
    cipher::{BlockCipherEncrypt, KeyInit},
};

use crate::support::{Case, check, expand, seal, sha256};

/// A key as GCM uses it with one nonce.
struct Gcm {
    cipher: Aes256,
    nonce: [u8; 12],
    /// H.
    hash_key: u128,
}

impl Gcm {
    fn new(key: &[u8; 32], nonce: [u8; 12]) -> Self {
        let mut gcm = Self {
            cipher: Aes256::new(key.into()),
            nonce,
            hash_key: 0,
        };
        gcm.hash_key = gcm.block([0; 16]);
        gcm
    }

    fn block(&self, block: [u8; 16]) -> u128 {
        let mut block = block.into();
        self.cipher.encrypt_block(&mut block);
        u128::from_be_bytes(block.into())
    }

    /// E(nonce ‖ counter): counter 1 masks the tag, the following ones are the keystream.
    fn counter(&self, counter: u32) -> u128 {
        let counter = counter.to_be_bytes();
        self.block([&self.nonce[..], &counter].concat().try_into().unwrap())
    }

    fn keystream(&self, len: usize) -> Vec<u8> {
        let blocks = (2..).map(|counter| self.counter(counter).to_be_bytes());
        blocks.flatten().take(len).collect()
    }

    fn tag(&self, ad: &[u8], ciphertext: &[u8]) -> u128 {
        let bits = |bytes: &[u8]| u128::try_from(bytes.len() * 8).unwrap();
        let blocks = ad.chunks(16).chain(ciphertext.chunks(16)).map(padded);
        let lengths = bits(ad) << 64 | bits(ciphertext);
        let hash = blocks
            .chain([lengths])
            .fold(0, |hash, block| multiply(hash ^ block, self.hash_key));
        hash ^ self.counter(1)
    }

    /// What the tag is multiplied by for the first block of a ciphertext of `len` bytes: H^(blocks + 1).
    fn weight_of_the_first_block(&self, len: usize) -> u128 {
        (0..len.div_ceil(16)).fold(self.hash_key, |power, _| multiply(power, self.hash_key))
    }
}

fn padded(bytes: &[u8]) -> u128 {
    let mut block = [0; 16];
    block[..bytes.len()].copy_from_slice(bytes);
    u128::from_be_bytes(block)
}

/// Multiplication in GCM's field (NIST SP 800-38D, section 6.3).
fn multiply(x: u128, y: u128) -> u128 {
    let (mut product, mut v) = (0, y);
    for bit in (0..128).rev() {
        if x >> bit & 1 == 1 {
            product ^= v;
        }
        v = v >> 1 ^ if v & 1 == 1 { 0xe1 << 120 } else { 0 };
    }
    product
}

/// x^(2^128 − 2).
fn inverse(x: u128) -> u128 {
    let one = 1 << 127;
    let (mut result, mut square) = (one, x);
    for _ in 1..128 {
        square = multiply(square, square);
        result = multiply(result, square);
    }
    assert_eq!(multiply(result, x), one);
    result
}

/// Ciphertext and tag that are authentic under both keys. Under the first, all but the first block decrypts to `padded`.
fn collide(one: &Gcm, two: &Gcm, ad: &[u8], padded: &[u8]) -> Vec<u8> {
    let keystream = one.keystream(padded.len());
    let mut body: Vec<u8> = padded.iter().zip(keystream).map(|(a, b)| a ^ b).collect();
    body[..16].fill(0);
    let difference = one.tag(ad, &body) ^ two.tag(ad, &body);
    let weights =
        one.weight_of_the_first_block(body.len()) ^ two.weight_of_the_first_block(body.len());
    let first = multiply(difference, inverse(weights));
    body[..16].copy_from_slice(&first.to_be_bytes());
    let tag = one.tag(ad, &body);
    assert_eq!(tag, two.tag(ad, &body));
    body.extend(tag.to_be_bytes());
    body
}

/// commitment ‖ K of a message key.
fn expanded(message_key: &[u8; 32]) -> ([u8; 32], [u8; 32]) {
    let okm: [u8; 64] = expand(message_key, "dr-msg", &[]);
    (okm[..32].try_into().unwrap(), okm[32..].try_into().unwrap())
}

/// What AES-256-GCM alone makes of it.
fn open(key: &[u8; 32], nonce: &[u8; 12], ad: &[u8], sealed: &[u8]) -> Vec<u8> {
    use aes_gcm::{
        Aes256Gcm,
        aead::{Aead, Payload},
    };
    let payload = Payload {
        msg: sealed,
        aad: ad,
    };
    Aes256Gcm::new(key.into())
        .decrypt(nonce.into(), payload)
        .expect("AES-GCM accepts both keys")
}

/// One case: `padded_len` bytes of body behind `context`, which is TH ‖ kind, or TH ‖ hash of the handshake ‖ kind.
fn case(name: &str, context: &[u8], padded_len: usize) -> Case {
    let salt = [3; 12];
    let header_key = [4; 32];
    let tag: [u8; 16] = sha256(&[b"tag"])[..16].try_into().unwrap();
    // DH, PN, N, and an idle post-quantum part of epoch 1.
    let header = [&[9; 32][..], &[0; 4], &[0, 0, 0, 5], &[0, 1], &[0; 121]].concat();
    let sealed_header = seal(&header_key, &salt, &[context, &tag].concat(), &header);
    let first_key = [0x11; 32];
    let (commitment, one_key) = expanded(&first_key);
    let front = [&tag[..], &salt, &sealed_header, &commitment].concat();
    let ad = [context, &front].concat();
    let one = Gcm::new(&one_key, salt);
    let last = |gcm: &Gcm| gcm.keystream(padded_len)[padded_len - 1];
    // Both contents end in the padding's 0x80 when the last bytes of both keystreams are the same: one key in 256.
    let (second_key, two_key) = (0_u32..)
        .map(|n| sha256(&[b"second key", &n.to_be_bytes()]))
        .map(|key| (key, expanded(&key).1))
        .find(|(_, key)| last(&Gcm::new(key, salt)) == last(&one))
        .unwrap();
    let padded = [&vec![b'a'; padded_len - 1][..], &[0x80]].concat();
    let two = Gcm::new(&two_key, salt);
    let body = collide(&one, &two, &ad, &padded);
    let (first, second) = (
        open(&one_key, &salt, &ad, &body),
        open(&two_key, &salt, &ad, &body),
    );
    assert_eq!(first[16..], padded[16..]);
    assert_ne!(first[16..], second[16..]);
    assert_eq!((first.last(), second.last()), (Some(&0x80), Some(&0x80)));
    Case::new(name)
        .hex("context", context)
        .hex("hk", header_key)
        .hex("first_mk", first_key)
        .hex("second_mk", second_key)
        .hex("sealed", [front, body].concat())
        .hex("first_content", &first[..padded_len - 1])
        .hex(
            "second_content_without_commitment",
            &second[..padded_len - 1],
        )
}

#[test]
fn salamander_vectors() {
    let (transcript, handshake) = (sha256(&[b"transcript"]), sha256(&[b"handshake"]));
    check(
        "salamander",
        &[
            case("message", &[&transcript[..], &[0x11]].concat(), 256),
            case(
                "first message",
                &[&transcript[..], &handshake, &[0x12]].concat(),
                1_923,
            ),
        ],
    );
}
