//! `content.json`: one content of each type, and the stream hash.

use undertone_protocol::{
    content::{
        Acceptance, Body, Content, ContentHeader, DeliveryReceipt, Hlc, MessageId, MissingMessage,
        PreviousHash, Resent, stream_hash,
    },
    delivery::DeliverySecret,
    profile::ProfileKey,
    session::{MessageNumber, SessionId},
    time::Timestamp,
};

use crate::support::{Case, check, label, sha256};

fn case(name: &str, kind: u8, body: Body, body_bytes: &[u8]) -> Case {
    let hlc = Hlc::from_packed(Hlc::at(Timestamp(1_800_000_000_123)).as_packed() | 0x0102);
    let header = ContentHeader {
        flags: 0x8001,
        message_id: MessageId::from_bytes([0x11; 16]),
        stream_seq: 0x0102_0304,
        previous: PreviousHash::from_bytes([0x22; 16]),
        hlc,
        manifest_version: 0x0000_0001_0000_0002,
        manifest_hash: [0x33; 16],
    };
    let mut encoded = Vec::new();
    Content { header, body }.encode(&mut encoded).unwrap();
    let expected = [
        &[1, kind, 0x80, 0x01][..],
        &[0x11; 16],
        &0x0102_0304_u64.to_be_bytes(),
        &[0x22; 16],
        &(1_800_000_000_123_u64 << 16 | 0x0102).to_be_bytes(),
        &0x0000_0001_0000_0002_u64.to_be_bytes(),
        &[0x33; 16],
        body_bytes,
    ]
    .concat();
    assert_eq!(encoded, expected);
    let hash = sha256(&[&label("stream-hash"), &encoded]);
    assert_eq!(stream_hash(&encoded).as_bytes(), &hash[..16]);
    Case::new(name)
        .number("type", u64::from(kind))
        .hex("encoded", &encoded)
        .hex("stream_hash", &hash[..16])
}

#[test]
fn content_vectors() {
    let missing = |n| MissingMessage {
        session: SessionId::from_bytes([0x44; 16]),
        number: MessageNumber { chain: 5, n },
    };
    let missing_bytes = |n: u8| [&[0x44; 16][..], &[0, 0, 0, 5, 0, 0, 0, n]].concat();
    let acceptance = Acceptance {
        delivery_secret: DeliverySecret::from_bytes(&[0x55; 32]),
        profile_key: ProfileKey::from_bytes(&[0x66; 32]),
        name: "Bob".to_owned(),
    };
    let receipt = DeliveryReceipt {
        delivered: vec![MessageId::from_bytes([0x77; 16]); 2],
        missing: vec![missing(6)],
    };
    check(
        "content",
        &[
            case("nothing", 0, Body::Nothing, &[]),
            case(
                "text",
                1,
                Body::Text("Grüße".to_owned()),
                "Grüße".as_bytes(),
            ),
            case(
                "delivery receipt",
                2,
                Body::DeliveryReceipt(receipt),
                &[&[0, 2][..], &[0x77; 32], &missing_bytes(6)].concat(),
            ),
            case(
                "acceptance",
                3,
                Body::Acceptance(acceptance),
                &[&[0x55; 32][..], &[0x66; 32], b"Bob"].concat(),
            ),
            case(
                "resend request",
                4,
                Body::ResendRequest(vec![missing(7), missing(8)]),
                &[missing_bytes(7), missing_bytes(8)].concat(),
            ),
            case(
                "unavailable",
                5,
                Body::Unavailable(missing(9)),
                &missing_bytes(9),
            ),
            case(
                "resent",
                6,
                Body::Resent(Resent {
                    missing: missing(10),
                    content: vec![0x88; 100],
                }),
                &[&missing_bytes(10)[..], &[0x88; 100]].concat(),
            ),
            case(
                "a type of a later version",
                200,
                Body::Unknown {
                    kind: 200,
                    bytes: vec![1, 2, 3],
                },
                &[1, 2, 3],
            ),
        ],
    );
}
