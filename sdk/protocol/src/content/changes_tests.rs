use super::super::{Body, CONTENT_HEADER_LEN, Content, Timer};
use super::*;
use crate::session::testing::content;

const TARGET: MessageId = MessageId::from_bytes([9; 16]);

fn encoded(body: Body) -> Result<Vec<u8>, ContentError> {
    let mut out = Vec::new();
    content(body).encode(&mut out)?;
    Ok(out)
}

fn reactions(emoji: &[&str]) -> Body {
    Body::Reactions(Reactions {
        target: TARGET,
        emoji: emoji.iter().map(|&emoji| emoji.to_owned()).collect(),
    })
}

#[test]
fn changes_are_read_back() {
    let bodies = [
        Body::Edit(Edit {
            target: TARGET,
            post: Post::text("what I meant"),
        }),
        Body::Deletion(vec![TARGET; MAX_ENTRIES]),
        Body::ReadReceipt(vec![TARGET]),
        reactions(&[]),
        reactions(&["❤️", "👍🏽"]),
        Body::Timer(None),
        Body::Typing(true),
        Body::Typing(false),
        Body::Timer(Timer::from_seconds(3_600)),
    ];
    for body in bodies {
        let bytes = encoded(body).unwrap();
        let mut again = Vec::new();
        let read = Content::parse(&bytes).unwrap();
        assert!(!matches!(read.body, Body::Unknown { .. }));
        read.encode(&mut again).unwrap();
        assert_eq!(again, bytes);
    }
}

#[test]
fn an_edit_is_as_strict_as_a_post() {
    let edit = |text: &str| {
        encoded(Body::Edit(Edit {
            target: TARGET,
            post: Post::text(text),
        }))
    };
    assert_eq!(edit("").err(), Some(ContentError::Malformed));
    let mut later = edit("x").unwrap();
    later.extend([100, 0, 0]);
    let read = Content::parse(&later).unwrap();
    assert!(matches!(read.body, Body::Unknown { kind: 8, .. }));
}

#[test]
fn reactions_keep_their_limits() {
    let longest = "x".repeat(MAX_EMOJI);
    assert!(encoded(reactions(&[&longest])).is_ok());
    let long = "x".repeat(MAX_EMOJI + 1);
    assert_eq!(encoded(reactions(&[&long])), Err(ContentError::TooLong));
    let many: Vec<String> = (b'a'..)
        .take(17)
        .map(|c| char::from(c).to_string())
        .collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert!(encoded(reactions(&many[..16])).is_ok());
    assert_eq!(encoded(reactions(&many)), Err(ContentError::TooLong));
    for malformed in [&["b", "a"][..], &["a", "a"], &[""], &["a\n"]] {
        assert_eq!(encoded(reactions(malformed)), Err(ContentError::Malformed));
    }
}

#[test]
fn malformed_changes_are_rejected() {
    let parse = |kind: u8, body: &[u8]| {
        let mut bytes = encoded(Body::Nothing).unwrap();
        assert_eq!(bytes.len(), CONTENT_HEADER_LEN);
        bytes[1] = kind;
        bytes.extend(body);
        Content::parse(&bytes).map(drop)
    };
    for kind in [9, 11] {
        assert!(parse(kind, &[7; 16]).is_ok());
        assert!(parse(kind, &[7; 256 * 16]).is_ok());
        for len in [0, 15, 17, 257 * 16] {
            assert_eq!(parse(kind, &vec![7; len]), Err(ContentError::Malformed));
        }
    }
    let target = [7; 16];
    for emoji in [&[0][..], &[2, b'a'], &[1, b'b', 1, b'a'], &[65; 66]] {
        let body = [&target[..], emoji].concat();
        assert_eq!(parse(10, &body), Err(ContentError::Malformed), "{emoji:?}");
    }
    assert_eq!(parse(10, &target), Ok(()));
    assert_eq!(
        parse(10, &[&target[..], &[1, 0xff]].concat()),
        Err(ContentError::NotUtf8)
    );
    assert_eq!(parse(12, &[0; 4]), Ok(()));
    for timer in [&[0, 0, 0, 4][..], &[0xff; 4], &[0; 3], &[0; 5]] {
        assert_eq!(parse(12, timer), Err(ContentError::Malformed), "{timer:?}");
    }
    for typing in [&[2][..], &[], &[1, 0]] {
        assert_eq!(
            parse(13, typing),
            Err(ContentError::Malformed),
            "{typing:?}"
        );
    }
}
