//! The right to send: tokens, invites, knocks; and what a stranger learns (attack rows T4 and T7).

use bytes::Bytes;
use undertone_wire::frame::Body;
use undertone_wire::limits::{MAX_KNOCK_ENVELOPE_BYTES, WORK_CHALLENGE_MS};
use undertone_wire::{ErrorCode, Send, Sent, SetTokens, TokenHash, TokenKind};

use super::{BASE, MINUTE, Owner, Relay, bearer, config, send_to, token, work, work_for};
use crate::service::ServiceConfig;
use crate::service::limits::KNOCK_DIFFICULTY_RISE;

fn register(relay: &mut Relay, owner: &Owner, tokens: Vec<TokenHash>) {
    let conn = relay.online(owner);
    relay.ask(conn, Body::SetTokens(SetTokens { tokens }));
    relay.batch(|batch| batch.close(conn));
}

fn with_bearer(owner: &Owner, n: u8, by: u8) -> Send {
    Send {
        right: Some(bearer(by)),
        ..send_to(owner, n, 100)
    }
}

#[test]
fn t7_a_stranger_gets_one_answer() {
    let mut relay = Relay::with(ServiceConfig {
        mailbox_messages: 1,
        source_share: 0,
        ..config()
    });
    let (full, open, unknown) = (relay.mailbox(1), relay.mailbox(2), Owner::new(3));
    let sender = relay.connect();
    relay.ask(sender, Body::Send(send_to(&full, 1, 100)));
    let none = |owner: &Owner| Send {
        right: None,
        ..send_to(owner, 9, 100)
    };
    let mut answers = Vec::new();
    for owner in [&full, &open, &unknown] {
        answers.push(relay.failure(sender, Body::Send(with_bearer(owner, 9, 77))));
        answers.push(relay.failure(sender, Body::Send(none(owner))));
        let ephemeral = Send {
            ephemeral: true,
            ..with_bearer(owner, 9, 77)
        };
        answers.push(relay.failure(sender, Body::Send(ephemeral)));
    }
    assert_eq!(answers[0].code(), ErrorCode::Denied);
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    // Whoever has the token learns more.
    let refused = relay.refused(sender, Body::Send(send_to(&full, 2, 100)));
    assert_eq!(refused, ErrorCode::MailboxFull);
}

#[test]
fn t7_a_strangers_work_below_the_base_tells_nothing_either() {
    let mut relay = Relay::new();
    let (known, unknown) = (relay.mailbox(1), Owner::new(3));
    let sender = relay.connect();
    let challenge = relay.challenge(sender);
    let mut answers = Vec::new();
    for owner in [&known, &unknown] {
        for nonce in 0..3 {
            let send = Send {
                right: Some(work(&challenge, nonce)),
                // A nonce of little worth, whatever the envelope.
                ..send_to(owner, 9, 100)
            };
            answers.push(relay.failure(sender, Body::Send(send)));
        }
    }
    assert!(answers.iter().all(|a| a.code() == ErrorCode::WorkRequired));
    assert!(answers.iter().all(|a| a.required_difficulty == 0));
}

#[test]
fn a_token_ends_with_its_time_or_its_replacement() {
    let mut relay = Relay::new();
    let owner = relay.mailbox(1);
    let sender = relay.connect();
    let short = TokenHash {
        expires_ms: relay.now.plus(MINUTE).0,
        ..token(8, TokenKind::Delivery)
    };
    register(
        &mut relay,
        &owner,
        vec![short, token(9, TokenKind::Delivery)],
    );
    let refused = relay.refused(sender, Body::Send(send_to(&owner, 1, 100)));
    assert_eq!(refused, ErrorCode::Denied);
    let sent = Body::Sent(Sent {});
    assert_eq!(
        relay.ask(sender, Body::Send(with_bearer(&owner, 1, 8))),
        sent
    );
    assert_eq!(
        relay.ask(sender, Body::Send(with_bearer(&owner, 2, 9))),
        sent
    );
    relay.now = relay.now.plus(MINUTE);
    let refused = relay.refused(sender, Body::Send(with_bearer(&owner, 3, 8)));
    assert_eq!(refused, ErrorCode::Denied);
    assert_eq!(
        relay.ask(sender, Body::Send(with_bearer(&owner, 3, 9))),
        sent
    );
}

#[test]
fn a_quota_is_counted_once_per_message_and_survives_registering_again() {
    let mut relay = Relay::new();
    let owner = relay.mailbox(1);
    let sender = relay.connect();
    let invite = TokenHash {
        quota: 2,
        ..token(8, TokenKind::Invite)
    };
    register(&mut relay, &owner, vec![invite.clone()]);
    let sent = Body::Sent(Sent {});
    assert_eq!(
        relay.ask(sender, Body::Send(with_bearer(&owner, 1, 8))),
        sent
    );
    assert_eq!(
        relay.ask(sender, Body::Send(with_bearer(&owner, 1, 8))),
        sent
    );
    register(&mut relay, &owner, vec![invite]);
    assert_eq!(
        relay.ask(sender, Body::Send(with_bearer(&owner, 2, 8))),
        sent
    );
    let refused = relay.refused(sender, Body::Send(with_bearer(&owner, 3, 8)));
    assert_eq!(refused, ErrorCode::Denied);
    // A lost answer to the last one that was admitted does not turn into a refusal.
    assert_eq!(
        relay.ask(sender, Body::Send(with_bearer(&owner, 2, 8))),
        sent
    );
}

#[test]
fn only_contacts_send_ephemeral_messages() {
    let mut relay = Relay::new();
    let owner = relay.mailbox(1);
    register(
        &mut relay,
        &owner,
        vec![token(1, TokenKind::Delivery), token(8, TokenKind::Invite)],
    );
    relay.online(&owner);
    let sender = relay.connect();
    let ephemeral = |send: Send| Send {
        ephemeral: true,
        ..send
    };
    let by_invite = ephemeral(with_bearer(&owner, 1, 8));
    let refused = relay.refused(sender, Body::Send(by_invite));
    assert_eq!(refused, ErrorCode::Denied);
    let by_work = relay.knock(sender, ephemeral(send_to(&owner, 2, 100)), BASE);
    let refused = relay.refused(sender, Body::Send(by_work));
    assert_eq!(refused, ErrorCode::Denied);
}

#[test]
fn a_knock_costs_work_and_is_bound_to_its_message() {
    let mut relay = Relay::new();
    let owner = relay.mailbox(1);
    let sender = relay.connect();
    let first = send_to(&owner, 1, MAX_KNOCK_ENVELOPE_BYTES);
    let knock = relay.knock(sender, first, 16);
    assert_eq!(
        relay.ask(sender, Body::Send(knock.clone())),
        Body::Sent(Sent {})
    );
    // The same again is the same message; the work serves no other.
    assert_eq!(
        relay.ask(sender, Body::Send(knock.clone())),
        Body::Sent(Sent {})
    );
    let other = Send {
        message_id: send_to(&owner, 2, 1).message_id,
        ..knock.clone()
    };
    let refused = relay.refused(sender, Body::Send(other));
    assert_eq!(refused, ErrorCode::WorkRequired);
    let large = send_to(&owner, 3, MAX_KNOCK_ENVELOPE_BYTES + 1);
    let large = relay.knock(sender, large, BASE);
    assert_eq!(
        relay.refused(sender, Body::Send(large)),
        ErrorCode::TooLarge
    );
    let unknown = relay.knock(sender, send_to(&Owner::new(9), 1, 100), BASE);
    let refused = relay.refused(sender, Body::Send(unknown));
    assert_eq!(refused, ErrorCode::Denied);
    assert_eq!(relay.storage.totals().unwrap().messages, 1);
}

#[test]
fn a_challenge_ends_after_five_minutes_and_cannot_be_made_up() {
    let mut relay = Relay::new();
    let owner = relay.mailbox(1);
    let sender = relay.connect();
    let knock = relay.knock(sender, send_to(&owner, 1, 100), BASE);
    relay.now = relay.now.plus(WORK_CHALLENGE_MS);
    let refused = relay.refused(sender, Body::Send(knock));
    assert_eq!(refused, ErrorCode::WorkRequired);
    // One that was never given: another counter, and the work done for it.
    let mut forged = relay.challenge(sender);
    let mut bytes = forged.challenge.to_vec();
    bytes[15] ^= 1;
    forged.challenge = Bytes::from(bytes);
    let worked = work_for(&forged, send_to(&owner, 2, 100), BASE);
    let refused = relay.refused(sender, Body::Send(worked));
    assert_eq!(refused, ErrorCode::WorkRequired);
}

#[test]
fn the_knock_lane_is_small_and_gets_harder() {
    let mut relay = Relay::with(ServiceConfig {
        knocks: 4,
        base_difficulty: 1,
        ..config()
    });
    let owner = relay.mailbox(1);
    let sender = relay.connect();
    // One that did the base work exactly learns what is asked now.
    let mut asked = Vec::new();
    for n in 1..=4 {
        let mut difficulty = 1;
        loop {
            let knock = relay.knock(sender, send_to(&owner, n, 100), difficulty);
            match relay.ask(sender, Body::Send(knock)) {
                Body::Sent(_) => break,
                Body::Failure(failure) => {
                    assert_eq!(failure.code(), ErrorCode::WorkRequired);
                    difficulty = failure.required_difficulty;
                    asked.push(difficulty);
                }
                other => panic!("{other:?}"),
            }
        }
    }
    assert!(asked.is_sorted());
    let most = 1 + KNOCK_DIFFICULTY_RISE;
    let fifth = relay.knock(sender, send_to(&owner, 5, 100), most);
    let refused = relay.refused(sender, Body::Send(fifth));
    assert_eq!(refused, ErrorCode::MailboxFull);
    // Contacts are not held up by it.
    let sent = relay.ask(sender, Body::Send(send_to(&owner, 6, 100)));
    assert_eq!(sent, Body::Sent(Sent {}));
}
