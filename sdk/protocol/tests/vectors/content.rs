//! `content.json`: one content of each type, and the stream hash.

use undertone_protocol::{
    account::{AccountId, ManifestWriteKey},
    content::{
        Acceptance, AppPayload, Body, ContactCard, Content, ContentHeader, DeliveryReceipt, Edit,
        FormatRange, Hlc, LinkPreview, Location, Mention, MessageId, MissingMessage, Post,
        Presence, PresenceState, PreviousHash, ProfilePlace, Reactions, Reply, Resent, Style,
        TextRange, Timer, UnknownPart, stream_hash,
    },
    delivery::DeliverySecret,
    primitives::secret::SecretBytes,
    profile::{ProfileDigest, ProfileKey},
    relay_address::RelayAddress,
    session::{MessageNumber, SessionId},
    time::Timestamp,
};

use crate::account::root;
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

/// A post with every part, and its encoding.
fn post() -> (Post, Vec<u8>) {
    let root = root([0x99; 32]);
    let account = AccountId::of(&root.account_key());
    let manifest_write_key = root.manifest_write_key().public_key();
    let text = "Ada: https://example.org é";
    let range = |start, len| TextRange { start, len };
    let format = |range, style| FormatRange { range, style };
    let post = Post {
        text: text.to_owned(),
        reply: Some(Reply {
            message: MessageId::from_bytes([0xaa; 16]),
            author: account,
            quote: "why?".to_owned(),
        }),
        mentions: vec![Mention {
            range: range(0, 3),
            account,
        }],
        formats: vec![
            format(range(0, 3), Style::BOLD),
            format(range(25, 2), Style::SPOILER),
        ],
        preview: Some(LinkPreview {
            url: "https://example.org".to_owned(),
            title: "An example".to_owned(),
            description: "It says so.".to_owned(),
        }),
        card: Some(ContactCard {
            account,
            manifest_write_key,
            relay: RelayAddress::parse("https://relay.example").unwrap(),
            name: "Ada".to_owned(),
        }),
        location: Some(Location {
            latitude_e7: 525_200_000,
            longitude_e7: -1,
            accuracy_m: 30,
            label: "here".to_owned(),
        }),
        payload: Some(AppPayload {
            mime_type: "text/x".to_owned(),
            bytes: vec![1, 2],
        }),
        disappears_after: Timer::from_seconds(3_600),
        view_once: false,
        unknown: vec![UnknownPart {
            kind: 200,
            bytes: vec![3],
        }],
    };
    let part = |kind: u8, value: &[&[u8]]| {
        let value = value.concat();
        let len = u16::try_from(value.len()).unwrap().to_be_bytes();
        [&[kind][..], &len, &value].concat()
    };
    let account = account.as_bytes();
    let encoded = [
        &[0, 27][..],
        text.as_bytes(),
        &part(1, &[&[0xaa; 16], account, b"why?"]),
        &part(2, &[&[0, 0, 0, 3], account]),
        &part(3, &[&[0, 0, 0, 3, 1], &[0, 25, 0, 2, 5]]),
        &part(
            4,
            &[
                &[0, 19],
                b"https://example.org",
                &[0, 10],
                b"An example",
                b"It says so.",
            ],
        ),
        &part(
            5,
            &[
                account,
                manifest_write_key.as_bytes(),
                &[21],
                b"https://relay.example",
                b"Ada",
            ],
        ),
        &part(
            6,
            &[
                &525_200_000_i32.to_be_bytes(),
                &[0xff; 4],
                &[0, 0, 0, 30],
                b"here",
            ],
        ),
        &part(7, &[&[6], b"text/x", &[1, 2]]),
        &part(8, &[&[0, 0, 0x0e, 0x10]]),
        &part(200, &[&[3]]),
    ];
    (post, encoded.concat())
}

#[test]
fn content_vectors() {
    let (post, post_bytes) = post();
    let target = MessageId::from_bytes([0xbb; 16]);
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
    let write_key = ManifestWriteKey::from_seed(&SecretBytes::copy_from(&[0xcc; 32])).public_key();
    let place = ProfilePlace {
        write_key,
        digest: ProfileDigest([0xdd; 16]),
        tells_last_seen: true,
    };
    let once = Post {
        view_once: true,
        ..Post::text("once")
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
            case("post", 7, Body::Post(post), &post_bytes),
            case(
                "edit",
                8,
                Body::Edit(Edit {
                    target,
                    post: Post::text("better"),
                }),
                &[&[0xbb; 16][..], &[0, 6], b"better"].concat(),
            ),
            case("deletion", 9, Body::Deletion(vec![target; 2]), &[0xbb; 32]),
            case(
                "reactions",
                10,
                Body::Reactions(Reactions {
                    target,
                    emoji: vec!["❤".to_owned(), "👍".to_owned()],
                }),
                &[&[0xbb; 16][..], &[3], "❤".as_bytes(), &[4], "👍".as_bytes()].concat(),
            ),
            case(
                "read receipt",
                11,
                Body::ReadReceipt(vec![target]),
                &[0xbb; 16],
            ),
            case(
                "timer",
                12,
                Body::Timer(Timer::from_seconds(5)),
                &[0, 0, 0, 5],
            ),
            case("no timer", 12, Body::Timer(None), &[0; 4]),
            case("typing", 13, Body::Typing(true), &[1]),
            case(
                "profile",
                14,
                Body::Profile(place),
                &[write_key.as_bytes(), &[0xdd; 16][..], &[1]].concat(),
            ),
            case(
                "presence",
                15,
                Body::Presence(Presence {
                    state: PresenceState::Away,
                    asks: true,
                }),
                &[2, 1],
            ),
            case(
                "post to be viewed once",
                7,
                Body::Post(once),
                &[&[0, 4][..], b"once", &[9, 0, 0]].concat(),
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
