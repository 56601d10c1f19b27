use proptest::prelude::*;

use super::*;
use crate::account::{AccountId, Root};
use crate::content::{Body, Content, MAX_QUOTE, MessageId, Style, TextRange};
use crate::relay_address::RelayAddress;
use crate::session::testing::content;
use crate::test_support::rng;

fn encoded(post: &Post) -> Result<Vec<u8>, ContentError> {
    let mut out = Vec::new();
    content(Body::Post(post.clone())).encode(&mut out)?;
    Ok(out)
}

fn read(bytes: &[u8]) -> Result<Body, ContentError> {
    Content::parse(bytes).map(|content| content.body)
}

fn range(start: u16, len: u16) -> TextRange {
    TextRange { start, len }
}

fn somebody(seed: u8) -> Root {
    Root::generate(&mut rng(seed))
}

fn account(seed: u8) -> AccountId {
    AccountId::of(&somebody(seed).account_key())
}

fn card() -> ContactCard {
    ContactCard {
        account: account(1),
        manifest_write_key: somebody(1).manifest_write_key().public_key(),
        relay: RelayAddress::parse("https://relay.example").unwrap(),
        name: "Ada".to_owned(),
    }
}

/// A post with every part.
fn full() -> Post {
    Post {
        text: "Ada wrote https://example.org/x, see Grüße".to_owned(),
        reply: Some(Reply {
            message: MessageId::from_bytes([9; 16]),
            author: account(2),
            quote: "what do you mean?".to_owned(),
        }),
        mentions: vec![Mention {
            range: range(0, 3),
            account: account(1),
        }],
        formats: vec![
            FormatRange {
                range: range(0, 9),
                style: Style::BOLD,
            },
            FormatRange {
                range: range(0, 9),
                style: Style(200),
            },
        ],
        preview: Some(LinkPreview {
            url: "https://example.org/x".to_owned(),
            title: "An example".to_owned(),
            description: String::new(),
        }),
        card: Some(card()),
        location: Some(Location {
            latitude_e7: -900_000_000,
            longitude_e7: 1_800_000_000,
            accuracy_m: 12,
            label: "Südpol".to_owned(),
        }),
        payload: Some(AppPayload {
            mime_type: "application/vnd.example.call+json".to_owned(),
            bytes: vec![1, 2, 3],
        }),
        disappears_after: Timer::from_seconds(5),
        view_once: true,
        unknown: vec![
            UnknownPart {
                kind: 128,
                bytes: vec![7],
            },
            UnknownPart {
                kind: 200,
                bytes: Vec::new(),
            },
        ],
    }
}

#[test]
fn every_part_is_read_back() {
    for post in [Post::text("x"), full()] {
        let Body::Post(read) = read(&encoded(&post).unwrap()).unwrap() else {
            panic!("another type");
        };
        assert_eq!(read, post);
    }
    for post in [Post::text("x"), full()] {
        let parts = post.parts().unwrap();
        assert_eq!(parts.is_empty(), post.is_plain());
        assert_eq!(Post::from_parts(&post.text, &parts), Ok(post));
    }
    assert!(Post::from_parts("shorter", &full().parts().unwrap()).is_err());
    assert!(Post::text("x").is_plain());
    assert!(!full().is_plain());
}

/// What each part refuses, to be encoded and to be read.
#[test]
fn parts_keep_their_limits() {
    type Change = fn(&mut Post);
    let refused: [(Change, ContentError); 21] = [
        (|post| post.text = "x".repeat(65_536), ContentError::TooLong),
        (
            |post| post.reply.as_mut().unwrap().quote = "x".repeat(MAX_QUOTE + 1),
            ContentError::TooLong,
        ),
        (
            |post| post.mentions[0].range = range(0, 0),
            ContentError::Malformed,
        ),
        (
            |post| post.mentions[0].range = range(40, 9),
            ContentError::Malformed,
        ),
        // In the middle of a character.
        (
            |post| post.mentions[0].range = range(40, 1),
            ContentError::Malformed,
        ),
        (
            |post| {
                post.mentions.push(Mention {
                    range: range(2, 4),
                    account: account(3),
                })
            },
            ContentError::Malformed,
        ),
        (
            |post| post.mentions = vec![post.mentions[0]; 65],
            ContentError::TooLong,
        ),
        (|post| post.formats.swap(0, 1), ContentError::Malformed),
        (
            |post| post.formats[1] = post.formats[0],
            ContentError::Malformed,
        ),
        (
            |post| post.formats[0].range = range(65_535, 65_535),
            ContentError::Malformed,
        ),
        (
            |post| post.preview.as_mut().unwrap().url = String::new(),
            ContentError::Malformed,
        ),
        (
            |post| post.preview.as_mut().unwrap().url = "https://example.net".to_owned(),
            ContentError::Malformed,
        ),
        (
            |post| post.preview.as_mut().unwrap().title = "x".repeat(301),
            ContentError::TooLong,
        ),
        (
            |post| post.card.as_mut().unwrap().name = "x".repeat(65),
            ContentError::TooLong,
        ),
        (
            |post| post.location.as_mut().unwrap().latitude_e7 = 900_000_001,
            ContentError::Malformed,
        ),
        (
            |post| post.location.as_mut().unwrap().longitude_e7 = i32::MIN,
            ContentError::Malformed,
        ),
        (
            |post| post.payload.as_mut().unwrap().mime_type = "text/plain x".to_owned(),
            ContentError::Malformed,
        ),
        (
            |post| post.payload.as_mut().unwrap().mime_type = String::new(),
            ContentError::Malformed,
        ),
        (|post| post.unknown[0].kind = 9, ContentError::Malformed),
        (|post| post.unknown.swap(0, 1), ContentError::Malformed),
        (
            |post| post.unknown = vec![post.unknown[0].clone(); 2],
            ContentError::Malformed,
        ),
    ];
    for (number, (change, error)) in refused.into_iter().enumerate() {
        let mut post = full();
        change(&mut post);
        assert_eq!(encoded(&post), Err(error), "{number}");
    }
}

#[test]
fn lists_at_their_limits_are_read_back() {
    let each = (0..64).map(|at| range(at, 1));
    let post = Post {
        mentions: each
            .clone()
            .map(|range| Mention {
                range,
                account: account(1),
            })
            .collect(),
        formats: each
            .flat_map(|range| {
                (0..4).map(move |style| FormatRange {
                    range,
                    style: Style(style),
                })
            })
            .collect(),
        ..Post::text("x".repeat(64))
    };
    assert_eq!((post.mentions.len(), post.formats.len()), (64, 256));
    let Body::Post(read) = read(&encoded(&post).unwrap()).unwrap() else {
        panic!("another type");
    };
    assert_eq!(read, post);
}

#[test]
fn a_mention_lies_in_the_text_and_begins_where_the_one_before_it_ends_or_later() {
    let check = |ranges: &[(u16, u16)]| {
        let mention = |&(start, len)| Mention {
            range: range(start, len),
            account: account(1),
        };
        encoded(&Post {
            mentions: ranges.iter().map(mention).collect(),
            ..Post::text("Grüße")
        })
        .map(|_| ())
    };
    for taken in [&[(0, 2), (2, 5)][..], &[(1, 1), (4, 2)], &[(0, 7)]] {
        assert_eq!(check(taken), Ok(()), "{taken:?}");
    }
    for refused in [
        &[(0, 4), (2, 5)][..],
        &[(2, 5), (0, 2)],
        &[(2, 6)],
        &[(2, 1)],
    ] {
        assert_eq!(check(refused), Err(ContentError::Malformed), "{refused:?}");
    }
}

#[test]
fn a_post_says_something() {
    let mut post = full();
    (post.text, post.mentions, post.formats, post.preview) = Default::default();
    assert!(encoded(&post).is_ok());
    (post.card, post.location) = Default::default();
    assert!(encoded(&post).is_ok());
    post.payload = None;
    assert_eq!(encoded(&post), Err(ContentError::Malformed));
}

#[test]
fn timers_are_five_seconds_to_four_weeks() {
    let seconds = |seconds| Timer::from_seconds(seconds).map(Timer::seconds);
    assert_eq!(seconds(4), None);
    assert_eq!(seconds(5), Some(5));
    assert_eq!(seconds(2_419_200), Some(2_419_200));
    assert_eq!(seconds(2_419_201), None);
}

/// A part below 128 must be understood; from 128 a post is shown without it.
#[test]
fn a_post_of_a_later_version_is_kept_as_it_came() {
    let mut bytes = encoded(&Post::text("x")).unwrap();
    bytes.extend([100, 0, 1, 5, 200, 0, 0]);
    let later = read(&bytes).unwrap();
    assert!(matches!(later, Body::Unknown { kind: 7, .. }));
    let mut again = Vec::new();
    content(later).encode(&mut again).unwrap();
    assert_eq!(again, bytes);
    // What this version can read is no unknown content.
    let unknown = |bytes: &[u8]| Body::Unknown {
        kind: 7,
        bytes: bytes.to_vec(),
    };
    let readable = content(unknown(&[0, 1, b'x'])).encode(&mut Vec::new());
    assert_eq!(readable, Err(ContentError::Malformed));
    // And a post that is malformed beside the unknown part is malformed.
    bytes.extend([150, 0]);
    assert!(read(&bytes).is_err());
}

#[test]
fn parts_come_in_ascending_order_and_once() {
    let post = encoded(&Post::text("x")).unwrap();
    let with = |parts: &[&[u8]]| read(&[&post, &parts.concat()[..]].concat());
    let (payload, later) = ([7, 0, 2, 1, b'x'], [200, 0, 0]);
    assert!(with(&[&payload, &later]).is_ok());
    for parts in [[&later[..], &payload[..]], [&later[..], &later[..]]] {
        assert_eq!(with(&parts).err(), Some(ContentError::Malformed));
    }
    for bad in [
        &[7, 0, 1, 1][..],
        &[7, 0, 2, 2, b'x'],
        &[6, 0, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        &[8, 0, 3, 0, 0, 9],
        &[8, 0, 4, 0, 0, 0, 4],
        &[9, 0, 1, 1],
        &[2, 0, 0],
        &[3, 0, 4, 0, 0, 0, 1],
        &[5, 0, 0],
    ] {
        assert!(with(&[bad]).is_err(), "{bad:?}");
    }
}

/// The longest post of text alone is one byte count shorter than plain text: its length is written.
#[test]
fn a_post_that_fits_no_envelope_is_refused() {
    let room = crate::padding::MAX_CONTENT - crate::content::CONTENT_HEADER_LEN - 2;
    assert!(encoded(&Post::text("x".repeat(room))).is_ok());
    let mut out = vec![1];
    let long = content(Body::Post(Post::text("x".repeat(room + 1))));
    assert_eq!(long.encode(&mut out), Err(ContentError::TooLong));
    assert_eq!(out, [1]);
}

proptest! {
    #[test]
    fn c9_a_post_that_was_changed_and_parses_encodes_to_the_same_bytes(
        at in any::<prop::sample::Index>(), to in any::<u8>(), cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = encoded(&full()).unwrap();
        let header = crate::content::CONTENT_HEADER_LEN;
        let index = header + at.index(bytes.len() - header);
        bytes[index] = to;
        for bytes in [&bytes[..], &bytes[..header + cut.index(bytes.len() - header)]] {
            if let Ok(content) = Content::parse(bytes) {
                let mut again = Vec::new();
                content.encode(&mut again).unwrap();
                prop_assert_eq!(again, bytes);
            }
        }
    }
}
