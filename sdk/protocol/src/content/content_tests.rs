use proptest::prelude::*;

use super::*;
use crate::primitives::kem::mlkem768::PUBLIC_KEY_LEN;
use crate::session::testing::{content, introduction};

fn encoded(body: Body) -> Vec<u8> {
    let mut out = Vec::new();
    content(body).encode(&mut out).unwrap();
    out
}

fn missing(n: u32) -> MissingMessage {
    MissingMessage {
        session: SessionId::from_bytes([4; 16]),
        number: MessageNumber { chain: 2, n },
    }
}

fn receipt(delivered: usize, missing_count: u32) -> Body {
    Body::DeliveryReceipt(DeliveryReceipt {
        delivered: vec![MessageId::from_bytes([1; 16]); delivered],
        missing: (0..missing_count).map(missing).collect(),
    })
}

fn acceptance(name: &str) -> Body {
    Body::Acceptance(Acceptance {
        delivery_secret: DeliverySecret::from_bytes(&[1; 32]),
        profile_key: ProfileKey::from_bytes(&[2; 32]),
        name: name.to_owned(),
    })
}

fn resent(len: usize) -> Body {
    Body::Resent(Resent {
        missing: missing(7),
        content: vec![3; len],
    })
}

fn unknown(len: usize) -> Body {
    Body::Unknown {
        kind: 200,
        bytes: vec![3; len],
    }
}

fn every_type() -> Vec<Body> {
    vec![
        Body::Nothing,
        Body::Text("Grüße, 世界".to_owned()),
        Body::Text(String::new()),
        receipt(3, 0),
        receipt(0, 1),
        receipt(100, 156),
        receipt(MAX_ENTRIES, 0),
        acceptance("Bob"),
        acceptance(&"n".repeat(MAX_NAME)),
        Body::ResendRequest(vec![missing(0), missing(998)]),
        Body::Unavailable(missing(7)),
        resent(CONTENT_HEADER_LEN),
        resent(MAX_RESENT),
        unknown(3),
        unknown(MAX_TEXT),
    ]
}

#[test]
fn the_type_is_read_of_what_cannot_be_parsed() {
    let bytes = encoded(unknown(3));
    assert_eq!(type_of(&bytes), Some(200));
    assert_eq!(type_of(&bytes[..2]), Some(200));
    assert_eq!(type_of(&bytes[..1]), None);
}

#[test]
fn the_header_is_76_bytes_where_the_specification_says() {
    let bytes = encoded(Body::Nothing);
    assert_eq!(bytes.len(), CONTENT_HEADER_LEN);
    assert_eq!(bytes[..4], [1, 0, 0, 0]);
    assert_eq!(bytes[4..20], [7; 16]);
    assert_eq!(bytes[20..28], 1_u64.to_be_bytes());
    assert_eq!(bytes[28..44], [0; 16]);
    assert_eq!(bytes[44..52], (1_800_000_000_000_u64 << 16).to_be_bytes());
    assert_eq!(bytes[52..60], 3_u64.to_be_bytes());
    assert_eq!(bytes[60..], [8; 16]);
}

#[test]
fn every_type_is_read_back() {
    for body in every_type() {
        let bytes = encoded(body);
        let mut again = Vec::new();
        Content::parse(&bytes).unwrap().encode(&mut again).unwrap();
        assert_eq!(again, bytes);
    }
}

/// C10: the size of an envelope does not tell one kind from another.
#[test]
fn c10_every_type_fits_the_lowest_bucket() {
    for body in [
        Body::Nothing,
        Body::Text(String::new()),
        Body::Text("x".repeat(179)),
        receipt(11, 0),
        receipt(4, 4),
        acceptance(&"n".repeat(MAX_NAME)),
        Body::ResendRequest((0..7).map(missing).collect()),
        Body::Unavailable(missing(7)),
        resent(CONTENT_HEADER_LEN + 79),
        Body::Post(Post::text("x".repeat(177))),
        Body::Post(Post {
            view_once: true,
            ..Post::text("x".repeat(174))
        }),
        Body::Edit(Edit {
            target: MessageId::from_bytes([1; 16]),
            post: Post::text("x".repeat(161)),
        }),
        Body::Deletion(vec![MessageId::from_bytes([1; 16]); 11]),
        Body::ReadReceipt(vec![MessageId::from_bytes([1; 16]); 11]),
    ] {
        assert_eq!(crate::padding::padded_len(encoded(body).len()), Some(256));
    }
}

#[test]
fn what_exceeds_a_limit_is_not_encoded() {
    let too_long = [
        Body::Text("x".repeat(MAX_TEXT + 1)),
        receipt(MAX_ENTRIES + 1, 0),
        receipt(1, 256),
        acceptance(&"n".repeat(MAX_NAME + 1)),
        Body::ResendRequest(vec![missing(0); MAX_ENTRIES + 1]),
        resent(MAX_RESENT + 1),
        unknown(MAX_TEXT + 1),
    ];
    for body in too_long {
        let mut out = vec![1];
        assert_eq!(content(body).encode(&mut out), Err(ContentError::TooLong));
        assert_eq!(out, [1]);
    }
    let malformed = [
        receipt(0, 0),
        Body::ResendRequest(Vec::new()),
        resent(CONTENT_HEADER_LEN - 1),
        Body::Unknown {
            kind: 5,
            bytes: Vec::new(),
        },
    ];
    for body in malformed {
        assert_eq!(
            content(body).encode(&mut Vec::new()),
            Err(ContentError::Malformed)
        );
    }
    for longest in [
        Body::Text("x".repeat(MAX_TEXT)),
        resent(MAX_RESENT),
        unknown(MAX_TEXT),
    ] {
        assert_eq!(encoded(longest).len(), crate::padding::MAX_CONTENT);
    }
}

#[test]
fn malformed_content_is_rejected() {
    let change = |body: Body, change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = encoded(body);
        change(&mut bytes);
        Content::parse(&bytes).err()
    };
    let malformed = Some(ContentError::Malformed);
    assert_eq!(
        change(Body::Nothing, &|bytes| bytes[0] = 2),
        Some(ContentError::Version)
    );
    assert_eq!(change(Body::Nothing, &|bytes| bytes.push(0)), malformed);
    assert_eq!(
        change(Body::Text("x".to_owned()), &|bytes| bytes.push(0xff)),
        Some(ContentError::NotUtf8)
    );
    assert_eq!(change(receipt(1, 0), &|bytes| bytes.push(0)), malformed);
    assert_eq!(change(receipt(1, 0), &|bytes| bytes[77] = 2), malformed);
    assert_eq!(change(receipt(1, 0), &|bytes| bytes[76] = 1), malformed);
    assert_eq!(
        change(receipt(1, 0), &|bytes| bytes.truncate(78)),
        malformed
    );
    assert_eq!(
        change(receipt(1, 255), &|bytes| bytes.extend([0; 24])),
        malformed
    );
    assert_eq!(
        change(receipt(MAX_ENTRIES, 0), &|bytes| {
            bytes[77] = 1;
            bytes.extend([0; 16]);
        }),
        malformed
    );
    assert_eq!(
        change(acceptance("Bob"), &|bytes| bytes.truncate(76 + 63)),
        malformed
    );
    assert_eq!(
        change(acceptance("Bob"), &|bytes| bytes.extend([b'x'; 62])),
        malformed
    );
    assert_eq!(
        change(Body::ResendRequest(vec![missing(1)]), &|bytes| bytes
            .truncate(76)),
        malformed
    );
    assert_eq!(
        change(Body::Unavailable(missing(1)), &|bytes| bytes.push(0)),
        malformed
    );
    assert_eq!(
        change(resent(CONTENT_HEADER_LEN), &|bytes| _ = bytes.pop()),
        malformed
    );
    for len in 0..CONTENT_HEADER_LEN {
        assert_eq!(
            Content::parse(&encoded(Body::Nothing)[..len]).err(),
            malformed.filter(|_| true),
            "{len} bytes"
        );
    }
}

#[test]
fn the_stream_hash_covers_every_byte() {
    let bytes = encoded(Body::Text("text".to_owned()));
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        assert_ne!(stream_hash(&changed), stream_hash(&bytes));
    }
}

fn longest_introduction() -> Introduction {
    let mut longest = introduction(&"x".repeat(MAX_INTRODUCTION_BODY));
    longest.name = "n".repeat(MAX_NAME);
    longest.relay_address = crate::relay_address::RelayAddress::parse(&format!(
        "https://{}.example",
        ["a".repeat(55), "b".repeat(56)].join(".")
    ))
    .unwrap();
    assert_eq!(longest.relay_address.as_str().len(), 128);
    longest
}

#[test]
fn an_introduction_is_read_back_and_always_fits() {
    for introduction in [introduction(""), longest_introduction()] {
        let bytes = introduction.encode(&[4; PUBLIC_KEY_LEN]).unwrap();
        assert!(bytes.len() < crate::first_message::BODY_LEN);
        let (read, key) = Introduction::parse(&bytes).unwrap();
        assert_eq!(key, &[4; PUBLIC_KEY_LEN]);
        assert_eq!(*read.encode(key).unwrap(), *bytes);
        for len in 0..bytes.len().min(1_500) {
            assert!(Introduction::parse(&bytes[..len]).is_err());
        }
    }
}

/// Bytes that grow leave a copy of the secrets behind.
#[test]
fn an_introduction_is_encoded_where_it_stays() {
    let bytes = longest_introduction().encode(&[4; PUBLIC_KEY_LEN]).unwrap();
    assert_eq!((bytes.len(), bytes.capacity()), (1_870, 1_870));
}

#[test]
fn an_introduction_that_exceeds_a_limit_is_refused_on_both_sides() {
    let long = introduction(&"x".repeat(MAX_INTRODUCTION_BODY + 1));
    let key = &[4; PUBLIC_KEY_LEN];
    assert_eq!(
        long.encode(key).err(),
        Some(IntroductionError::ContentTooLong)
    );
    let mut named = introduction("");
    named.name = "n".repeat(MAX_NAME + 1);
    assert_eq!(named.encode(key).err(), Some(IntroductionError::Name));

    let bytes = introduction(&"x".repeat(MAX_INTRODUCTION_BODY))
        .encode(key)
        .unwrap();
    let longer = [&bytes[..], b"x"].concat();
    assert_eq!(
        Introduction::parse(&longer).err(),
        Some(IntroductionError::ContentTooLong)
    );
    // A relay address that is not in canonical form.
    let mut shouted = bytes.to_vec();
    let at = PUBLIC_KEY_LEN + 3 * 32 + 1;
    shouted[at] = b'H';
    assert_eq!(
        Introduction::parse(&shouted).err(),
        Some(IntroductionError::RelayAddress)
    );
}

proptest! {
    #[test]
    fn c9_whatever_parses_encodes_to_the_same_bytes(kind in 0..17_u8, body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut bytes = encoded(Body::Nothing);
        bytes[1] = kind;
        bytes.extend(body);
        if let Ok(content) = Content::parse(&bytes) {
            let mut again = Vec::new();
            content.encode(&mut again).unwrap();
            prop_assert_eq!(again, bytes);
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        let _ = Content::parse(&bytes);
        let _ = Introduction::parse(&bytes);
    }
}
