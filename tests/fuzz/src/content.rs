//! What is inside the padding: content, and the introduction of a first message.
//!
//! Asserted: what is read is written again as the same bytes, within the limits; so is the content inside an answer to a resend request.

use undertone_protocol::content::{
    Acceptance, Body, Content, DeliveryReceipt, Introduction, MAX_ENTRIES, MAX_NAME, MAX_TEXT,
    MessageId, MissingMessage, Resent,
};
use undertone_protocol::delivery::DeliverySecret;
use undertone_protocol::padding::MAX_CONTENT;
use undertone_protocol::primitives::kem::mlkem768::PUBLIC_KEY_LEN;
use undertone_protocol::profile::ProfileKey;
use undertone_protocol::session::{MessageNumber, SessionId};

use crate::edit::chosen;
use crate::party::{content, introduction};

/// The first byte chooses between content and an introduction.
pub fn run(data: &[u8]) {
    let Some((choice, bytes)) = data.split_first() else {
        return;
    };
    if choice % 2 == 1 {
        introduced(bytes);
    } else if bytes.len() <= MAX_CONTENT {
        said(bytes);
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
        Body::Nothing | Body::Unavailable(_) | Body::Unknown { .. } => {}
    }
}

fn introduced(bytes: &[u8]) {
    if let Ok((introduction, ratchet_key)) = Introduction::parse(bytes) {
        let again = introduction.encode(ratchet_key).unwrap();
        assert_eq!(again.as_slice(), bytes);
    }
}

/// A content of each type, and an introduction.
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
        Body::Unknown {
            kind: 7,
            bytes: vec![1, 2, 3],
        },
    ];
    let mut seeds: Vec<_> = bodies
        .into_iter()
        .map(|body| chosen(0, &encoded(body)))
        .collect();
    let introduction = introduction().encode(&[1; PUBLIC_KEY_LEN]).unwrap();
    seeds.push(chosen(1, &introduction));
    seeds
}
