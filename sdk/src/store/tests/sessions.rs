//! Sessions, skipped keys, prekeys, accepted first messages, identity, invites.

use undertone_protocol::device::MailboxId;
use undertone_protocol::prekeys::{PrekeyId, PrekeyKind};
use undertone_protocol::session::limits::{MAX_SKIPPED_PER_DEVICE, MAX_SKIPPED_PER_SESSION};
use undertone_protocol::session::{MessageNumber, SessionId, SkippedKey};
use undertone_protocol::tag::Tag;
use undertone_protocol::time::Timestamp;

use super::support::*;
use crate::store::*;

fn sid(byte: u8) -> SessionId {
    SessionId::from_bytes([byte; 16])
}

fn session(peer: &Peer, byte: u8) -> SessionRow {
    SessionRow {
        id: sid(byte),
        peer_device: peer.device,
        role: SessionRole::Initiator,
        status: SessionStatus::Active,
        created: NOW,
        last_sent: None,
        last_received: None,
    }
}

fn tag(session: u8, n: u32) -> Tag {
    let mut bytes = [session; 16];
    bytes[..4].copy_from_slice(&n.to_be_bytes());
    Tag::from_bytes(bytes)
}

fn skipped(session: u8, numbers: std::ops::Range<u32>) -> Vec<SkippedKey> {
    numbers
        .map(|n| {
            let mut key = [session; 32];
            key[..4].copy_from_slice(&n.to_be_bytes());
            SkippedKey::from_parts(MessageNumber { chain: 3, n }, tag(session, n), key)
        })
        .collect()
}

fn with_session() -> (Fixture, Peer) {
    let mut fixture = Fixture::new();
    let peer = fixture.write(|tx| {
        let peer = peer(tx, 1);
        tx.sessions()
            .insert(&session(&peer, 1), b"state 0")
            .unwrap();
        peer
    });
    (fixture, peer)
}

/// Which messages of session 1 may be asked for, three times each.
fn to_ask(tx: &Tx<'_>, now: Timestamp, limit: usize) -> Vec<u32> {
    tx.skipped()
        .to_ask(&sid(1), (now, now.plus(100)), 3, limit)
        .unwrap()
        .iter()
        .map(|number| number.n)
        .collect()
}

#[test]
fn each_skipped_message_is_asked_for_by_itself() {
    let (mut fixture, _) = with_session();
    let tx = fixture.store.transaction().unwrap();
    let skipped_keys = tx.skipped();
    skipped_keys
        .insert(&sid(1), &skipped(1, 0..3), NOW)
        .unwrap();
    let number = |n| MessageNumber { chain: 3, n };
    let ask = |n, again| skipped_keys.asked(&sid(1), number(n), again).unwrap();
    ask(0, NOW.plus(10));
    assert_eq!(to_ask(&tx, NOW, 9), [1, 2]);
    assert_eq!(to_ask(&tx, NOW.plus(10), 9), [1, 2, 0]);
    skipped_keys.unavailable(&sid(1), number(1)).unwrap();
    assert_eq!(to_ask(&tx, NOW.plus(10), 9), [2, 0]);
    ask(2, NOW.plus(101));
    assert_eq!(
        to_ask(&tx, NOW, 9),
        [2],
        "a time so far off was written by a clock that was wrong"
    );
    let tag = skipped_keys.remove_number(&sid(1), number(2)).unwrap();
    assert!(tag.is_some());
    for _ in 0..2 {
        ask(0, NOW.plus(10));
    }
    let awaited = |now| skipped_keys.is_awaited(&sid(1), now, 3).unwrap();
    assert!(awaited(NOW.plus(9)));
    assert!(!awaited(NOW.plus(10)), "nobody is asked a fourth time");
    assert_eq!(to_ask(&tx, NOW.plus(50), 9), Vec::<u32>::new());
}

#[test]
fn a_session_advances() {
    let (mut fixture, peer) = with_session();
    fixture.write(|tx| {
        let sessions = tx.sessions();
        sessions
            .advance(&sid(1), b"state 1", SessionStep::Sent, NOW.plus(1))
            .unwrap();
        sessions
            .advance(&sid(1), b"state 2", SessionStep::Received, NOW.plus(2))
            .unwrap();
        sessions
            .set_status(&sid(1), SessionStatus::ReceiveOnly, NOW.plus(3))
            .unwrap();
    });
    let tx = fixture.store.transaction().unwrap();
    let row = tx.sessions().get(&sid(1)).unwrap().unwrap();
    let expected = SessionRow {
        status: SessionStatus::ReceiveOnly,
        last_sent: Some(NOW.plus(1)),
        last_received: Some(NOW.plus(2)),
        ..session(&peer, 1)
    };
    assert_eq!(row, expected);
    assert_eq!(
        tx.sessions().state(&sid(1)).unwrap().unwrap().as_slice(),
        b"state 2"
    );
    assert_eq!(tx.sessions().of_device(peer.device).unwrap(), [expected]);
    assert_eq!(
        tx.sessions().insert(&session(&peer, 1), b"").unwrap_err(),
        StoreError::Constraint
    );
    assert_eq!(
        tx.sessions()
            .advance(&sid(2), b"", SessionStep::Sent, NOW)
            .unwrap_err(),
        StoreError::Constraint
    );
}

#[test]
fn pq_material_comes_and_goes_with_its_session() {
    let (mut fixture, peer) = with_session();
    let material = |fixture: &mut Fixture| -> Vec<Vec<u8>> {
        let tx = fixture.store.transaction().unwrap();
        let all = tx.sessions().all().unwrap();
        all.iter()
            .map(|stored| stored.pq_material.to_vec())
            .collect()
    };
    assert_eq!(material(&mut fixture), [b""]);
    for bytes in [&b"a key"[..], b"another", b"", b"a third"] {
        fixture.write(|tx| tx.sessions().set_pq_material(&sid(1), bytes).unwrap());
        assert_eq!(material(&mut fixture), [bytes]);
    }
    fixture.write(|tx| {
        tx.sessions().insert(&session(&peer, 2), b"other").unwrap();
        tx.sessions()
            .set_pq_material(&sid(2), b"of another")
            .unwrap();
        let unknown = tx.sessions().set_pq_material(&sid(3), b"of nobody");
        assert_eq!(unknown, Err(StoreError::Constraint));
        tx.sessions().remove(&sid(1)).unwrap();
    });
    assert_eq!(material(&mut fixture), [b"of another"]);
    let rows = "SELECT count(*) FROM session_pq";
    let left = fixture
        .store
        .connection
        .query_row(rows, [], |row| row.get(0));
    assert_eq!(left, Ok(1));
}

#[test]
fn a_state_cannot_be_moved_to_another_session() {
    let (mut fixture, peer) = with_session();
    fixture
        .write(|tx| tx.sessions().insert(&session(&peer, 2), b"other"))
        .unwrap();
    fixture
        .store
        .connection
        .execute(
            "UPDATE session SET state = (SELECT state FROM session WHERE sid = ?1)",
            [sid(1).as_bytes()],
        )
        .unwrap();
    let tx = fixture.store.transaction().unwrap();
    assert_eq!(
        tx.sessions().state(&sid(2)).unwrap_err(),
        StoreError::Corrupt
    );
    assert!(tx.sessions().state(&sid(1)).unwrap().is_some());
}

#[test]
fn sessions_load_most_recent_first() {
    let (mut fixture, peer) = with_session();
    fixture.write(|tx| {
        tx.sessions().insert(&session(&peer, 2), b"second").unwrap();
        tx.sessions().insert(&session(&peer, 3), b"third").unwrap();
        tx.sessions()
            .advance(&sid(2), b"second", SessionStep::Received, NOW.plus(5))
            .unwrap();
    });
    let tx = fixture.store.transaction().unwrap();
    let all = tx.sessions().all().unwrap();
    let ids: Vec<_> = all
        .iter()
        .map(|stored| (stored.row.id, stored.state.as_slice()))
        .collect();
    assert_eq!(
        ids,
        [
            (sid(2), &b"second"[..]),
            (sid(1), b"state 0"),
            (sid(3), b"third")
        ]
    );
}

#[test]
fn a_skipped_key_is_found_by_its_tag_once() {
    let (mut fixture, _) = with_session();
    assert!(
        fixture
            .write(|tx| tx.skipped().insert(&sid(1), &skipped(1, 0..50), NOW))
            .unwrap()
            .is_empty()
    );
    let tx = fixture.store.transaction().unwrap();
    let found = tx.skipped().find(&tag(1, 7)).unwrap().unwrap();
    assert_eq!(found.session, sid(1));
    assert_eq!(found.key.number(), MessageNumber { chain: 3, n: 7 });
    assert_eq!(found.key.expose(), skipped(1, 7..8)[0].expose());
    assert!(tx.skipped().find(&tag(1, 50)).unwrap().is_none());
    tx.skipped().remove(found.id).unwrap();
    assert!(tx.skipped().find(&tag(1, 7)).unwrap().is_none());
    let tags = tx.skipped().all_tags().unwrap();
    assert_eq!(tags.len(), 49);
    let oldest = to_ask(&tx, NOW, 8);
    assert_eq!(oldest, [0, 1, 2, 3, 4, 5, 6, 8]);
    assert_eq!(
        tags[7],
        SkippedTag {
            tag: tag(1, 8),
            session: sid(1),
            number: MessageNumber { chain: 3, n: 8 }
        }
    );
}

#[test]
fn skipped_keys_age_and_go_with_their_session() {
    let (mut fixture, peer) = with_session();
    fixture.write(|tx| {
        tx.sessions().insert(&session(&peer, 2), b"").unwrap();
        tx.skipped()
            .insert(&sid(1), &skipped(1, 0..3), NOW)
            .unwrap();
        tx.skipped()
            .insert(&sid(1), &skipped(1, 3..5), NOW.plus(10))
            .unwrap();
        tx.skipped()
            .insert(&sid(2), &skipped(2, 0..3), NOW.plus(10))
            .unwrap();
    });
    let tx = fixture.store.transaction().unwrap();
    let mut old = tx.skipped().remove_older(NOW.plus(10)).unwrap();
    old.sort_unstable_by_key(|tag| *tag.as_bytes());
    assert_eq!(old, [tag(1, 0), tag(1, 1), tag(1, 2)]);
    tx.sessions().remove(&sid(2)).unwrap();
    let left: Vec<_> = tx
        .skipped()
        .all_tags()
        .unwrap()
        .into_iter()
        .map(|it| it.tag)
        .collect();
    assert_eq!(left, [tag(1, 3), tag(1, 4)]);
}

#[test]
fn a_session_keeps_its_newest_skipped_keys() {
    let (mut fixture, _) = with_session();
    let limit = u32::try_from(MAX_SKIPPED_PER_SESSION).unwrap();
    let evicted = fixture.write(|tx| {
        tx.skipped()
            .insert(&sid(1), &skipped(1, 0..limit), NOW)
            .unwrap();
        tx.skipped()
            .insert(&sid(1), &skipped(1, limit..limit + 2), NOW)
            .unwrap()
    });
    assert_eq!(evicted, [tag(1, 0), tag(1, 1)]);
    let left = fixture.write(|tx| tx.skipped().all_tags().unwrap());
    assert_eq!(left.len(), MAX_SKIPPED_PER_SESSION);
}

#[test]
fn a_flood_evicts_from_the_largest_sessions() {
    let (mut fixture, peer) = with_session();
    let per_session = u32::try_from(MAX_SKIPPED_PER_SESSION).unwrap();
    let floods = u8::try_from(MAX_SKIPPED_PER_DEVICE / MAX_SKIPPED_PER_SESSION).unwrap();
    let evicted = fixture.write(|tx| {
        tx.skipped()
            .insert(&sid(1), &skipped(1, 0..20), NOW)
            .unwrap();
        let mut evicted = Vec::new();
        for number in 2..2 + floods {
            tx.sessions().insert(&session(&peer, number), b"").unwrap();
            evicted.extend(
                tx.skipped()
                    .insert(&sid(number), &skipped(number, 0..per_session), NOW)
                    .unwrap(),
            );
        }
        evicted
    });
    assert!(evicted.len() >= 20);
    assert!(
        evicted.iter().all(|tag| tag.as_bytes()[15] != 1),
        "the honest session keeps its keys"
    );
    assert!(fixture.write(|tx| tx.skipped().all_tags().unwrap()).len() <= MAX_SKIPPED_PER_DEVICE);
}

fn prekey(kind: PrekeyKind, id: u32) -> NewPrekey<'static> {
    let key_id = PrekeyId::new(id).unwrap();
    NewPrekey {
        kind,
        key_id,
        private: b"private half",
        item: b"public item",
        created: NOW.plus(u64::from(id)),
    }
}

#[test]
fn a_prekey_is_published_used_and_gone() {
    let mut fixture = Fixture::new();
    let id = PrekeyId::new(7).unwrap();
    fixture.write(|tx| {
        tx.prekeys()
            .insert(&prekey(PrekeyKind::OneTime, 7))
            .unwrap();
        tx.prekeys()
            .insert(&prekey(PrekeyKind::KemOneTime, 7))
            .unwrap();
    });
    let tx = fixture.store.transaction().unwrap();
    let prekeys = tx.prekeys();
    assert_eq!(
        prekeys.insert(&prekey(PrekeyKind::OneTime, 7)).unwrap_err(),
        StoreError::Constraint
    );
    let unpublished = prekeys.unpublished().unwrap();
    assert_eq!(unpublished.len(), 2);
    assert_eq!(unpublished[0].item, b"public item");
    prekeys
        .mark_published(PrekeyKind::OneTime, id, NOW)
        .unwrap();
    assert_eq!(
        prekeys.unpublished().unwrap()[0].kind,
        PrekeyKind::KemOneTime
    );
    assert_eq!(
        prekeys
            .private(PrekeyKind::OneTime, id)
            .unwrap()
            .unwrap()
            .as_slice(),
        b"private half"
    );
    assert!(prekeys.private(PrekeyKind::Signed, id).unwrap().is_none());
    assert!(prekeys.remove(PrekeyKind::OneTime, id).unwrap());
    assert!(!prekeys.remove(PrekeyKind::OneTime, id).unwrap());
    assert_eq!(prekeys.count(PrekeyKind::OneTime).unwrap(), 0);
    assert_eq!(prekeys.count(PrekeyKind::KemOneTime).unwrap(), 1);
}

#[test]
fn replaced_prekeys_are_kept_for_their_time() {
    let mut fixture = Fixture::new();
    fixture.write(|tx| {
        let prekeys = tx.prekeys();
        prekeys.insert(&prekey(PrekeyKind::Signed, 1)).unwrap();
        prekeys.insert(&prekey(PrekeyKind::Signed, 2)).unwrap();
        prekeys
            .insert(&prekey(PrekeyKind::KemLastResort, 1))
            .unwrap();
        prekeys
            .mark_replaced(PrekeyKind::Signed, PrekeyId::new(2).unwrap(), NOW)
            .unwrap();
        // A later replacement does not make the first one younger.
        prekeys.insert(&prekey(PrekeyKind::Signed, 3)).unwrap();
        prekeys
            .mark_replaced(PrekeyKind::Signed, PrekeyId::new(3).unwrap(), NOW.plus(5))
            .unwrap();
    });
    let tx = fixture.store.transaction().unwrap();
    let prekeys = tx.prekeys();
    assert_eq!(
        prekeys.newest(PrekeyKind::Signed).unwrap(),
        Some((PrekeyId::new(3).unwrap(), NOW.plus(3)))
    );
    assert_eq!(prekeys.count(PrekeyKind::Signed).unwrap(), 1);
    assert_eq!(prekeys.remove_replaced(NOW).unwrap(), 0);
    assert_eq!(prekeys.remove_replaced(NOW.plus(1)).unwrap(), 1);
    assert!(
        prekeys
            .private(PrekeyKind::Signed, PrekeyId::new(1).unwrap())
            .unwrap()
            .is_none()
    );
    assert!(
        prekeys
            .private(PrekeyKind::Signed, PrekeyId::new(2).unwrap())
            .unwrap()
            .is_some()
    );
    assert!(
        prekeys
            .private(PrekeyKind::KemLastResort, PrekeyId::new(1).unwrap())
            .unwrap()
            .is_some()
    );
    // One that a wrong clock replaced in the future was replaced now.
    prekeys.replaced_by(NOW.plus(5), NOW).unwrap();
    assert_eq!(prekeys.remove_replaced(NOW.plus(1)).unwrap(), 0);
    prekeys.replaced_by(NOW.plus(4), NOW).unwrap();
    assert_eq!(prekeys.remove_replaced(NOW.plus(1)).unwrap(), 1);
}

#[test]
fn lost_one_time_prekeys_age_like_replaced_ones_and_others_stay() {
    let mut fixture = Fixture::new();
    let tx = fixture.store.transaction().unwrap();
    for kind in [
        PrekeyKind::Signed,
        PrekeyKind::OneTime,
        PrekeyKind::KemOneTime,
        PrekeyKind::KemLastResort,
    ] {
        tx.prekeys().insert(&prekey(kind, 1)).unwrap();
        tx.prekeys().insert(&prekey(kind, 9)).unwrap();
    }
    assert_eq!(tx.prekeys().remove_one_time_before(NOW.plus(9)).unwrap(), 2);
    assert_eq!(tx.prekeys().retire_one_time(NOW.plus(10)).unwrap(), 2);
    assert_eq!(tx.prekeys().count(PrekeyKind::OneTime).unwrap(), 0);
    assert_eq!(tx.prekeys().count(PrekeyKind::KemOneTime).unwrap(), 0);
    let unpublished = tx.prekeys().unpublished().unwrap();
    assert!(
        unpublished
            .iter()
            .all(|item| matches!(item.kind, PrekeyKind::Signed | PrekeyKind::KemLastResort))
    );
    let private = |kind| {
        let id = PrekeyId::new(9).unwrap();
        tx.prekeys().private(kind, id).unwrap()
    };
    assert!(private(PrekeyKind::OneTime).is_some());
    assert_eq!(tx.prekeys().remove_replaced(NOW.plus(11)).unwrap(), 2);
    assert!(private(PrekeyKind::OneTime).is_none());
    assert_eq!(tx.prekeys().count(PrekeyKind::Signed).unwrap(), 2);
    assert_eq!(tx.prekeys().count(PrekeyKind::KemLastResort).unwrap(), 2);
}

#[test]
fn a_first_message_is_remembered_while_its_prekeys_exist() {
    let mut fixture = Fixture::new();
    let tx = fixture.store.transaction().unwrap();
    let (signed, kem) = (PrekeyId::new(1).unwrap(), PrekeyId::new(2).unwrap());
    tx.prekeys().insert(&prekey(PrekeyKind::Signed, 1)).unwrap();
    tx.prekeys()
        .insert(&prekey(PrekeyKind::KemLastResort, 2))
        .unwrap();
    let accepted = AcceptedFirstMessage {
        digest: [4; 32],
        signed_prekey_id: signed,
        kem_prekey_id: kem,
        accepted: NOW,
    };
    let table = tx.accepted_first_messages();
    assert!(!table.contains(&[4; 32]).unwrap());
    table.insert(&accepted).unwrap();
    assert_eq!(table.insert(&accepted).unwrap_err(), StoreError::Constraint);
    assert_eq!(table.remove_unusable().unwrap(), 0);
    assert!(table.contains(&[4; 32]).unwrap());
    tx.prekeys().remove(PrekeyKind::KemLastResort, kem).unwrap();
    assert_eq!(table.remove_unusable().unwrap(), 1);
    assert!(!table.contains(&[4; 32]).unwrap());
}

#[test]
fn an_identity_is_made_once() {
    let mut fixture = Fixture::new();
    let identity = IdentityRow {
        account: account(1),
        device: device(1).id,
        mailbox: MailboxId::from_bytes([5; 16]),
        relay: "https://relay.example".to_owned(),
        name: "Ada".to_owned(),
        created: NOW,
    };
    let tx = fixture.store.transaction().unwrap();
    assert!(tx.identity().get().unwrap().is_none());
    assert!(tx.identity().secrets().unwrap().is_none());
    tx.identity().create(&identity, b"keys").unwrap();
    assert_eq!(
        tx.identity().create(&identity, b"keys").unwrap_err(),
        StoreError::Constraint
    );
    assert_eq!(
        tx.identity().secrets().unwrap().unwrap().as_slice(),
        b"keys"
    );
    tx.identity().set_secrets(b"other keys").unwrap();
    tx.identity().set_name("Ada L.").unwrap();
    assert_eq!(
        tx.identity().get().unwrap(),
        Some(IdentityRow {
            name: "Ada L.".to_owned(),
            ..identity
        })
    );
    assert_eq!(
        tx.identity().secrets().unwrap().unwrap().as_slice(),
        b"other keys"
    );
}

#[test]
fn an_invite_is_named_and_revoked_once() {
    let mut fixture = Fixture::new();
    let id = InviteId::from_bytes([1; 16]);
    let tx = fixture.store.transaction().unwrap();
    let invites = tx.invites();
    invites
        .insert(&id, "poster", "https://relay.example", b"token", NOW)
        .unwrap();
    assert_eq!(invites.live().unwrap(), 1);
    invites.revoke(&id, NOW.plus(1)).unwrap();
    invites.revoke(&id, NOW.plus(2)).unwrap();
    assert_eq!(invites.live().unwrap(), 0);
    let row = invites.get(&id).unwrap().unwrap();
    assert_eq!(
        (row.name.as_str(), row.revoked),
        ("poster", Some(NOW.plus(1)))
    );
    assert_eq!(invites.all().unwrap(), [row]);
    assert_eq!(invites.get(&InviteId::from_bytes([2; 16])).unwrap(), None);
    assert_eq!(invites.token(&id).unwrap().unwrap().as_slice(), b"token");
    assert_eq!(
        invites
            .revoke(&InviteId::from_bytes([2; 16]), NOW)
            .unwrap_err(),
        StoreError::Constraint
    );
}

#[test]
fn a_session_that_only_receives_is_idle_when_nothing_came_for_long() {
    let (mut fixture, peer) = with_session();
    let tx = fixture.store.transaction().unwrap();
    let sessions = tx.sessions();
    let second = SessionRow {
        status: SessionStatus::ReceiveOnly,
        ..session(&peer, 2)
    };
    sessions.insert(&second, b"state").unwrap();
    let idle = |cut| sessions.idle_before(NOW.plus(cut)).unwrap();
    assert_eq!(idle(0), []);
    assert_eq!(idle(1), [sid(2)], "the first one sends");
    let status = |status, at| sessions.set_status(&sid(1), status, NOW.plus(at)).unwrap();
    status(SessionStatus::ReceiveOnly, 5);
    status(SessionStatus::Retired, 8);
    assert_eq!((idle(5), idle(6)), (vec![sid(2)], vec![sid(1), sid(2)]));
    sessions
        .advance(&sid(1), b"state", SessionStep::Received, NOW.plus(9))
        .unwrap();
    assert_eq!((idle(9), idle(10)), (vec![sid(2)], vec![sid(1), sid(2)]));
    status(SessionStatus::Active, 9);
    assert_eq!(idle(10), [sid(2)]);
}
