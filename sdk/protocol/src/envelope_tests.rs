use super::*;
use crate::pq_ratchet::{PqFields, Slot};
use crate::primitives::dh::PublicKey;
use crate::ratchet::{HeaderSeed, MessageKey};

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

/// What is sealed in one context opens in that one only, header and body alike.
#[test]
fn the_transcript_and_the_front_of_a_first_message_are_associated_data() {
    let keys = HeaderSeed::from_bytes([1; 32]).expand();
    let transcript = TranscriptHash::from_bytes([2; 32]);
    let other = TranscriptHash::from_bytes([5; 32]);
    let message_key = MessageKey::from_bytes([4; 32]);
    let contexts = [
        Context::Session(&transcript),
        Context::Session(&other),
        Context::First(&transcript, [0; 32]),
        Context::First(&transcript, [1; 32]),
        Context::First(&other, [0; 32]),
    ];
    for (at, context) in contexts.into_iter().enumerate() {
        let mut bytes = Vec::new();
        let sealer = Sealer {
            context,
            ..sealer(&keys, &message_key, &transcript)
        };
        sealer.seal(b"text", 256, &mut bytes).unwrap();
        let sealed = Sealed::parse(&bytes).unwrap();
        for (tried, context) in contexts.into_iter().enumerate() {
            let mut content = Vec::new();
            let header = sealed.open_header(context, &keys.header).err();
            let body = sealed.open_body(context, &message_key, &mut content);
            if at == tried {
                assert_eq!((header, body), (None, Ok(())));
                assert_eq!(content, b"text");
            } else {
                let rejected = (Some(SealedError::Header), Err(SealedError::Body));
                assert_eq!((header, body), rejected, "{at} as {tried}");
            }
        }
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

/// C1: bodies that AES-GCM opens under two message keys ("invisible salamanders"), as a message and as a first message. The
/// commitment accepts the key that the sender committed to, and no other.
#[test]
fn c1_a_body_that_opens_under_two_keys_is_rejected_under_the_second() {
    let cases: Vec<Salamander> =
        serde_json::from_str(include_str!("../vectors/salamander.json")).unwrap();
    assert_eq!(cases.len(), 2);
    for case in cases {
        let (context, sealed) = (bytes(&case.context), bytes(&case.sealed));
        let transcript = TranscriptHash::from_bytes(context[..32].try_into().unwrap());
        let context = match context[32..].split_last().unwrap() {
            (&KIND_MESSAGE, []) => Context::Session(&transcript),
            (&KIND_FIRST_MESSAGE, front) => Context::First(&transcript, front.try_into().unwrap()),
            other => panic!("{other:?}"),
        };
        let sealed = Sealed::parse(&sealed).unwrap();
        let header_key = HeaderKey::from_bytes(bytes(&case.hk).try_into().unwrap());
        assert!(sealed.open_header(context, &header_key).is_ok());
        let key = |hex: &str| MessageKey::from_bytes(bytes(hex).try_into().unwrap());
        let (one, two) = (key(&case.first_mk), key(&case.second_mk));

        // The control: without the commitment, the second key opens it as well, to another content.
        let mut body = sealed.body.to_vec();
        let ad = AssociatedData::new(context, sealed.front);
        let (_, content_key) = two.expand();
        let padded = content_key
            .open(sealed.salt, ad.as_slice(), &mut body)
            .unwrap();
        let len = padding::unpadded_len(padded).unwrap();
        assert_eq!(
            padded[..len],
            bytes(&case.second_content_without_commitment)
        );

        let mut content = Vec::new();
        assert_eq!(
            sealed.open_body(context, &two, &mut content),
            Err(SealedError::Commitment)
        );
        assert!(content.is_empty());
        assert_eq!(sealed.open_body(context, &one, &mut content), Ok(()));
        assert_eq!(content, bytes(&case.first_content));
    }
}

/// A case of `vectors/salamander.json`; bytes are in hexadecimal.
#[derive(serde::Deserialize)]
struct Salamander {
    /// What the associated data begin with.
    context: String,
    hk: String,
    first_mk: String,
    second_mk: String,
    /// From the tag on.
    sealed: String,
    first_content: String,
    second_content_without_commitment: String,
}

fn bytes(hex: &str) -> Vec<u8> {
    hex::decode(hex).unwrap()
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
