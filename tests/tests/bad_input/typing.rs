//! What a person types or pastes wrongly: one line says what is wrong, nothing is sent, and the talk goes on.

use crate::talk::Talk;

/// Bytes of the longest text (the SDK's `MAX_TEXT_BYTES`).
const LONGEST: usize = undertone::engine::limits::MAX_TEXT_BYTES;

#[test]
fn a_message_that_is_too_long_is_for_the_user_and_the_longest_one_arrives() {
    let mut talk = Talk::new();
    let refused = talk.alice_tries(&"x".repeat(LONGEST + 1)).unwrap();
    assert_eq!(
        refused,
        (
            "user".to_owned(),
            "the text is longer than a message may be".to_owned()
        )
    );
    talk.alice_says(&"y".repeat(LONGEST));
    talk.goes_on();
}

#[test]
fn a_malformed_invite_link_is_for_the_user() {
    let mut talk = Talk::new();
    let invite = talk.alice().ask("/invite");
    let link = invite
        .iter()
        .find(|line| line.kind() == "invite")
        .unwrap()
        .field(1)
        .to_owned();
    let (address, seed) = link.split_once('#').unwrap();
    let mistyped = format!("{}q", &link[..link.len() - 1]);
    let mistyped = if mistyped == link {
        format!("{}p", &link[..link.len() - 1])
    } else {
        mistyped
    };
    for (link, wrong) in [
        (
            "nonsense",
            "no invitation in the link: the part behind # is missing",
        ),
        (
            address,
            "no invitation in the link: the part behind # is missing",
        ),
        (&link[..link.len() - 5], "invitation cut off or mistyped"),
        (mistyped.as_str(), "invitation cut off or mistyped"),
        (
            &format!("http://relay.example/#{seed}"),
            "not the address of a relay: without TLS only a relay on this machine is allowed",
        ),
    ] {
        let answer = talk.bob().ask(&format!("/add {link} hello"));
        assert_eq!(answer.len(), 1, "{answer:?}");
        assert_eq!(
            (answer[0].kind(), answer[0].field(1), answer[0].field(2)),
            (
                "error",
                "user",
                format!("that is no invite link: {wrong}").as_str()
            )
        );
    }
    assert_eq!(talk.bob().ask("/contacts").len(), 1);
    talk.goes_on();
}

#[test]
fn ones_own_invite_link_is_for_the_user() {
    let mut talk = Talk::new();
    let invite = talk.alice().ask("/invite");
    let link = invite.iter().find(|line| line.kind() == "invite").unwrap();
    let command = format!("/add {} hello", link.field(1));
    let answer = talk.alice().ask(&command);
    assert_eq!(
        (answer[0].kind(), answer[0].field(1), answer[0].field(2)),
        ("error", "user", "this invite link is your own")
    );
    talk.goes_on();
}
