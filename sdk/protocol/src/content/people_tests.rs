use super::super::{Body, CONTENT_HEADER_LEN, Content};
use super::*;
use crate::account::ManifestWriteKey;
use crate::session::testing::content;
use crate::test_support::rng;

fn encoded(body: Body) -> Vec<u8> {
    let mut out = Vec::new();
    content(body).encode(&mut out).unwrap();
    out
}

fn place(tells_last_seen: bool) -> Body {
    Body::Profile(ProfilePlace {
        write_key: ManifestWriteKey::generate(&mut rng(1)).public_key(),
        digest: ProfileDigest([9; 16]),
        tells_last_seen,
    })
}

fn presence(state: PresenceState, asks: bool) -> Body {
    Body::Presence(Presence { state, asks })
}

#[test]
fn what_people_tell_of_themselves_is_read_back() {
    let bodies = [
        place(false),
        place(true),
        presence(PresenceState::Online, true),
        presence(PresenceState::Away, false),
    ];
    for body in bodies {
        let bytes = encoded(body);
        let read = Content::parse(&bytes).unwrap();
        assert!(!matches!(read.body, Body::Unknown { .. }));
        let mut again = Vec::new();
        read.encode(&mut again).unwrap();
        assert_eq!(again, bytes);
        // C10: like everything else.
        assert_eq!(crate::padding::padded_len(bytes.len()), Some(256));
    }
}

#[test]
fn what_they_tell_has_one_form() {
    let refused = |body: Body, change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = encoded(body);
        change(&mut bytes);
        assert_eq!(Content::parse(&bytes).err(), Some(ContentError::Malformed));
    };
    let body = CONTENT_HEADER_LEN;
    refused(place(true), &|bytes| bytes[body + 48] = 2);
    refused(place(true), &|bytes| bytes.push(0));
    refused(place(true), &|bytes| _ = bytes.pop());
    // A key of low order is none.
    refused(place(true), &|bytes| bytes[body..body + 32].fill(0));
    let online = || presence(PresenceState::Online, false);
    refused(online(), &|bytes| bytes[body] = 0);
    refused(online(), &|bytes| bytes[body] = 3);
    refused(online(), &|bytes| bytes[body + 1] = 2);
    refused(online(), &|bytes| bytes.push(0));
}
