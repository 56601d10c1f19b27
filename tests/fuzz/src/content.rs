//! What is inside the padding: content, and the introduction of a first message; and what a profile's record holds.
//!
//! Asserted: what is read is written again as the same bytes, within the limits; so is the content inside an answer to a resend request.

use undertone_protocol::account::ManifestWriteKey;
use undertone_protocol::content::{
    Acceptance, AppPayload, Body, ContactCard, Content, DeliveryReceipt, Edit, FormatRange,
    Introduction, LinkPreview, Location, MAX_ENTRIES, MAX_NAME, MAX_REACTIONS, MAX_TEXT, Mention,
    MessageId, MissingMessage, Post, Presence, PresenceState, ProfilePlace, Reactions, Reply,
    Resent, Style, TextRange, Timer, UnknownPart,
};
use undertone_protocol::delivery::DeliverySecret;
use undertone_protocol::padding::MAX_CONTENT;
use undertone_protocol::primitives::kem::mlkem768::PUBLIC_KEY_LEN;
use undertone_protocol::profile::{Profile, ProfileDigest, ProfileKey};
use undertone_protocol::relay_address::RelayAddress;
use undertone_protocol::session::{MessageNumber, SessionId};

use crate::edit::chosen;
use crate::party::{ALICE, content, introduction, rng};

/// The first byte chooses between content, an introduction and a profile.
pub fn run(data: &[u8]) {
    let Some((choice, bytes)) = data.split_first() else {
        return;
    };
    match choice % 4 {
        1 => introduced(bytes),
        3 => shown(bytes),
        _ if bytes.len() <= MAX_CONTENT => said(bytes),
        _ => {}
    }
}

fn said(bytes: &[u8]) {
    let Ok(content) = Content::parse(bytes) else {
        return;
    };
    let mut again = Vec::new();
    content.encode(&mut again).unwrap();
    assert_eq!(again, bytes);
    match content.body {
        Body::Text(text) => assert!(text.len() <= MAX_TEXT),
        Body::DeliveryReceipt(receipt) => {
            let entries = receipt.delivered.len() + receipt.missing.len();
            assert!((1..=MAX_ENTRIES).contains(&entries));
        }
        Body::ResendRequest(missing) => assert!((1..=MAX_ENTRIES).contains(&missing.len())),
        Body::Acceptance(acceptance) => assert!(acceptance.name.len() <= MAX_NAME),
        Body::Resent(resent) => said(&resent.content),
        Body::Post(post) => posted(&post),
        Body::Edit(edit) => posted(&edit.post),
        Body::Deletion(ids) | Body::ReadReceipt(ids) => {
            assert!((1..=MAX_ENTRIES).contains(&ids.len()));
        }
        Body::Reactions(reactions) => assert!(reactions.emoji.len() <= MAX_REACTIONS),
        Body::Nothing
        | Body::Unavailable(_)
        | Body::Timer(_)
        | Body::Typing(_)
        | Body::Profile(_)
        | Body::Presence(_)
        | Body::Unknown { .. } => {}
    }
}

/// Ranges can be used on the text as they are, and text and parts can be kept apart.
fn posted(post: &Post) {
    let mentions = post.mentions.iter().map(|mention| mention.range);
    let formats = post.formats.iter().map(|format| format.range);
    for range in mentions.chain(formats) {
        assert!(!post.text[usize::from(range.start)..range.end()].is_empty());
    }
    let again = Post::from_parts(&post.text, &post.parts().unwrap());
    assert_eq!(again.as_ref(), Ok(post));
}

/// What a later version added is not written again.
fn shown(bytes: &[u8]) {
    if let Ok(profile) = Profile::parse(bytes) {
        let again = profile.encode().unwrap();
        assert!(again.len() <= bytes.len());
        assert_eq!(again[..again.len() - 2], bytes[..again.len() - 2]);
        assert_eq!(Profile::parse(&again), Ok(profile));
    }
}

fn introduced(bytes: &[u8]) {
    if let Ok((introduction, ratchet_key)) = Introduction::parse(bytes) {
        let again = introduction.encode(ratchet_key).unwrap();
        assert_eq!(again.as_slice(), bytes);
    }
}

/// A post with every part.
fn full_post() -> Post {
    let account = ALICE.account;
    let range = TextRange { start: 0, len: 3 };
    Post {
        text: "Ada: https://example.org".to_owned(),
        reply: Some(Reply {
            message: MessageId::from_bytes([8; 16]),
            author: account,
            quote: "why?".to_owned(),
        }),
        mentions: vec![Mention { range, account }],
        formats: vec![FormatRange {
            range,
            style: Style::BOLD,
        }],
        preview: Some(LinkPreview {
            url: "https://example.org".to_owned(),
            title: "An example".to_owned(),
            description: String::new(),
        }),
        card: Some(ContactCard {
            account,
            manifest_write_key: ManifestWriteKey::generate(&mut rng(3)).public_key(),
            relay: RelayAddress::parse("https://relay.example").unwrap(),
            name: "Ada".to_owned(),
        }),
        location: Some(Location {
            latitude_e7: 1,
            longitude_e7: -1,
            accuracy_m: 0,
            label: "here".to_owned(),
        }),
        payload: Some(AppPayload {
            mime_type: "text/x".to_owned(),
            bytes: vec![1],
        }),
        disappears_after: Timer::from_seconds(5),
        view_once: true,
        unknown: vec![UnknownPart {
            kind: 200,
            bytes: vec![],
        }],
    }
}

/// A content of each type, an introduction and a profile.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let missing = MissingMessage {
        session: SessionId::from_bytes([1; 16]),
        number: MessageNumber { chain: 2, n: 3 },
    };
    let encoded = |body| {
        let mut bytes = Vec::new();
        content(body).encode(&mut bytes).unwrap();
        bytes
    };
    let bodies = [
        Body::Nothing,
        Body::Text("Good day, \u{1f600}".to_owned()),
        Body::DeliveryReceipt(DeliveryReceipt {
            delivered: vec![MessageId::from_bytes([4; 16])],
            missing: vec![missing],
        }),
        Body::Acceptance(Acceptance {
            delivery_secret: DeliverySecret::from_bytes(&[5; 32]),
            profile_key: ProfileKey::from_bytes(&[6; 32]),
            name: "Bob".to_owned(),
        }),
        Body::ResendRequest(vec![missing, missing]),
        Body::Unavailable(missing),
        Body::Resent(Resent {
            missing,
            content: encoded(Body::Text("again".to_owned())),
        }),
        Body::Post(full_post()),
        Body::Edit(Edit {
            target: MessageId::from_bytes([7; 16]),
            post: Post::text("better"),
        }),
        Body::Deletion(vec![MessageId::from_bytes([7; 16])]),
        Body::Reactions(Reactions {
            target: MessageId::from_bytes([7; 16]),
            emoji: vec!["\u{2764}".to_owned()],
        }),
        Body::ReadReceipt(vec![MessageId::from_bytes([7; 16])]),
        Body::Timer(Timer::from_seconds(3_600)),
        Body::Typing(true),
        Body::Profile(ProfilePlace {
            write_key: ManifestWriteKey::generate(&mut rng(4)).public_key(),
            digest: ProfileDigest([8; 16]),
            tells_last_seen: true,
        }),
        Body::Presence(Presence {
            state: PresenceState::Online,
            asks: true,
        }),
        Body::Unknown {
            kind: 200,
            bytes: vec![1, 2, 3],
        },
    ];
    let mut seeds: Vec<_> = bodies
        .into_iter()
        .map(|body| chosen(0, &encoded(body)))
        .collect();
    let introduction = introduction().encode(&[1; PUBLIC_KEY_LEN]).unwrap();
    seeds.push(chosen(1, &introduction));
    let profile = Profile {
        name: "Ada".to_owned(),
        about: "\u{1f600}".to_owned(),
        avatar: vec![1, 2],
    };
    seeds.push(chosen(3, &profile.encode().unwrap()));
    seeds
}
