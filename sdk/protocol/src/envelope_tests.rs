use super::*;
use crate::pq_ratchet::{PqFields, Slot};
use crate::primitives::block::BlockEncryptor;
use crate::primitives::dh::PublicKey;
use crate::ratchet::{ContentKey, HeaderSeed, MessageKey};

fn sealer<'a>(
    keys: &'a HeaderKeys,
    message_key: &'a MessageKey,
    transcript: &'a TranscriptHash,
) -> Sealer<'a, MessageKey> {
    let dh = PublicKey::parse(&[9; 32]).unwrap();
    let header = Header {
        dh,
        previous_length: 0,
        n: 5,
        pq: PqFields {
            epoch: 1,
            slot: Slot::Idle,
        },
    };
    Sealer {
        context: Context::Session(transcript),
        keys,
        tag: keys.tag.maker().tag(header.n),
        header,
        message_key,
        salt: [3; 12],
    }
}

fn envelope(content: &[u8]) -> Vec<u8> {
    let (keys, transcript) = (
        HeaderSeed::from_bytes([1; 32]).expand(),
        TranscriptHash::from_bytes([2; 32]),
    );
    let message_key = MessageKey::from_bytes([4; 32]);
    let mut bytes = vec![KIND_MESSAGE];
    let padded_len = padding::padded_len(content.len()).unwrap();
    sealer(&keys, &message_key, &transcript)
        .seal(content, padded_len, &mut bytes)
        .unwrap();
    bytes
}

#[test]
fn an_envelope_is_256_bytes_over_its_padded_plaintext() {
    for (content, len) in [
        (0, 512),
        (100, 512),
        (255, 512),
        (256, 1_024),
        (65_279, 65_536),
    ] {
        let bytes = envelope(&vec![0; content]);
        assert_eq!(bytes.len(), len);
        assert!(Envelope::parse(&bytes).is_ok());
    }
}

#[test]
fn other_kinds_and_lengths_are_no_envelopes() {
    let mut bytes = envelope(b"text");
    for kind in (0..=u8::MAX).filter(|kind| *kind != KIND_MESSAGE) {
        bytes[0] = kind;
        assert_eq!(Envelope::parse(&bytes).err(), Some(NotAnEnvelope));
    }
    for len in [0, 1, 256, 511, 513, 1_023, 131_072] {
        assert!(
            Envelope::parse(&vec![KIND_MESSAGE; len]).is_err(),
            "{len} bytes"
        );
    }
}

#[test]
fn the_transcript_and_the_front_of_a_first_message_are_associated_data() {
    let (keys, transcript) = (
        HeaderSeed::from_bytes([1; 32]).expand(),
        TranscriptHash::from_bytes([2; 32]),
    );
    let message_key = MessageKey::from_bytes([4; 32]);
    let other = TranscriptHash::from_bytes([5; 32]);
    let bytes = envelope(b"text");
    let sealed = Envelope::parse(&bytes).unwrap().sealed();
    let mut content = Vec::new();
    assert!(
        sealed
            .open_header(Context::Session(&transcript), &keys.header)
            .is_ok()
    );
    sealed
        .open_body(Context::Session(&transcript), &message_key, &mut content)
        .unwrap();
    assert_eq!(content, b"text");
    for context in [
        Context::Session(&other),
        Context::First(&transcript, [0; 32]),
    ] {
        assert_eq!(
            sealed.open_header(context, &keys.header).err(),
            Some(SealedError::Header)
        );
        assert_eq!(
            sealed.open_body(context, &message_key, &mut content),
            Err(SealedError::Body)
        );
    }
}

#[test]
fn a_body_without_padding_is_rejected() {
    let (keys, transcript) = (
        HeaderSeed::from_bytes([1; 32]).expand(),
        TranscriptHash::from_bytes([2; 32]),
    );
    let message_key = MessageKey::from_bytes([4; 32]);
    let mut bytes = vec![KIND_MESSAGE];
    sealer(&keys, &message_key, &transcript)
        .seal(b"text", 256, &mut bytes)
        .unwrap();
    // The same front, and a body of zeros sealed by the peer itself.
    let (_, key) = message_key.expand();
    let ad = [transcript.as_bytes(), &bytes[..1 + BODY]].concat();
    let mut body = vec![0; 256 + 16];
    key.seal(&[3; 12], &ad, &mut body).unwrap();
    bytes.truncate(1 + BODY);
    bytes.extend(body);
    let mut content = Vec::new();
    let sealed = Envelope::parse(&bytes).unwrap().sealed();
    let opened = sealed.open_body(Context::Session(&transcript), &message_key, &mut content);
    assert_eq!((opened, content.len()), (Err(SealedError::Padding), 0));
}

/// C1: one body that is authentic under two message keys ("invisible salamander"). AES-GCM accepts both; the commitment
/// accepts the one that the sender committed to.
#[test]
fn c1_a_body_that_opens_under_two_keys_is_rejected_under_the_second() {
    let transcript = TranscriptHash::from_bytes([2; 32]);
    let keys = HeaderSeed::from_bytes([1; 32]).expand();
    let (one, two) = (
        MessageKey::from_bytes([4; 32]),
        MessageKey::from_bytes([5; 32]),
    );
    let mut bytes = vec![KIND_MESSAGE];
    sealer(&keys, &one, &transcript)
        .seal(b"text", 256, &mut bytes)
        .unwrap();
    bytes.truncate(1 + BODY);
    let ad = [transcript.as_bytes(), &bytes[..]].concat();
    let (raw_one, raw_two) = (raw_key(&one), raw_key(&two));
    let body = salamander(&raw_one, &raw_two, &[3; 12], &ad);
    bytes.extend(&body);

    // The control: without the commitment, both keys open it, to different texts.
    let open = |key: &MessageKey| {
        let (_, key): (_, ContentKey) = key.expand();
        let mut body = body.clone();
        key.open(&[3; 12], &ad, &mut body).map(|text| text.to_vec())
    };
    assert_ne!(open(&one).unwrap(), open(&two).unwrap());

    let sealed = Envelope::parse(&bytes).unwrap().sealed();
    let mut content = Vec::new();
    let context = Context::Session(&transcript);
    // Padding is the salamander's problem, not the cipher's: under the first key, everything up to it is accepted.
    assert_ne!(
        sealed.open_body(context, &one, &mut content),
        Err(SealedError::Commitment)
    );
    assert_ne!(
        sealed.open_body(context, &one, &mut content),
        Err(SealedError::Body)
    );
    assert_eq!(
        sealed.open_body(context, &two, &mut content),
        Err(SealedError::Commitment)
    );
}

fn raw_key(key: &MessageKey) -> [u8; 32] {
    let okm = crate::primitives::kdf::expand::<64>(key.as_bytes(), crate::labels::DR_MSG, &[]);
    okm[32..].try_into().unwrap()
}

/// 256 bytes of ciphertext and a tag that are authentic under both keys: all blocks but one are zero, and that one
/// solves the equality of both tags in GF(2^128).
fn salamander(one: &[u8; 32], two: &[u8; 32], nonce: &[u8; 12], ad: &[u8]) -> Vec<u8> {
    const BLOCKS: usize = 16;
    let mut counter = [0; 16];
    counter[..12].copy_from_slice(nonce);
    counter[15] = 1;
    let hash_key = |key: &[u8; 32]| u128::from_be_bytes(BlockEncryptor::new(key).encrypt([0; 16]));
    let mask = |key: &[u8; 32]| u128::from_be_bytes(BlockEncryptor::new(key).encrypt(counter));
    let lengths = (ad.len() as u128 * 8) << 64 | (BLOCKS as u128 * 128);
    let tag = |key: &[u8; 32], first: u128| {
        let h = hash_key(key);
        let mut blocks: Vec<u128> = ad.chunks(16).map(block).collect();
        blocks.push(first);
        blocks.extend([0; BLOCKS - 1]);
        blocks.push(lengths);
        blocks
            .iter()
            .fold(0, |hash, block| multiply(hash ^ block, h))
            ^ mask(key)
    };
    // tag(key, x) = tag(key, 0) ^ x · h^(BLOCKS + 1).
    let power =
        |key: &[u8; 32]| (0..BLOCKS).fold(hash_key(key), |power, _| multiply(power, hash_key(key)));
    let difference = tag(one, 0) ^ tag(two, 0);
    let first = multiply(difference, inverse(power(one) ^ power(two)));
    assert_eq!(tag(one, first), tag(two, first));
    let mut body = first.to_be_bytes().to_vec();
    body.resize(BLOCKS * 16, 0);
    body.extend(tag(one, first).to_be_bytes());
    body
}

fn block(bytes: &[u8]) -> u128 {
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

/// N of a chain is limited; that of ephemeral messages beside it is not.
#[test]
fn numbers_of_a_chain_are_limited() {
    let (keys, transcript) = (
        HeaderSeed::from_bytes([1; 32]).expand(),
        TranscriptHash::from_bytes([2; 32]),
    );
    let message_key = MessageKey::from_bytes([4; 32]);
    for n in [998, 999, 1_000, 1_001, u32::MAX - 1, u32::MAX] {
        let mut sealer = sealer(&keys, &message_key, &transcript);
        sealer.header.n = n;
        let mut bytes = vec![KIND_MESSAGE];
        sealer.seal(b"text", 256, &mut bytes).unwrap();
        let sealed = Envelope::parse(&bytes).unwrap().sealed();
        let context = Context::Session(&transcript);
        let of_chain = sealed.open_header(context, &keys.header);
        assert_eq!(of_chain.is_ok(), n <= 998, "N = {n}");
        let any = sealed.open_any_header(context, &keys.header);
        assert_eq!(any.ok().unwrap().n, n);
    }
}
