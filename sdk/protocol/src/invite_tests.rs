use proptest::prelude::*;

use super::*;
use crate::{account::Root, test_support::rng};

fn link() -> InviteLink {
    let root = Root::generate(&mut rng(1));
    InviteLink {
        relay: RelayAddress::parse("https://relay.example:8443").unwrap(),
        account: AccountId::of(&root.account_key()),
        manifest_write_key: root.manifest_write_key().public_key(),
        token: InviteSeed::generate(&mut rng(2)).token(0),
    }
}

fn same(a: &InviteLink, b: &InviteLink) -> bool {
    a.relay == b.relay
        && a.account == b.account
        && a.manifest_write_key == b.manifest_write_key
        && a.token.expose() == b.token.expose()
}

#[test]
fn a_link_round_trips() {
    let link = link();
    let text = link.to_text();
    assert!(text.starts_with("https://relay.example:8443/#ut1"));
    for text in [
        text.to_string(),
        format!("  {}\n", text.as_str()),
        text.to_uppercase(),
        text.replace("/#", "#"),
    ] {
        assert!(same(&InviteLink::parse(&text).unwrap(), &link), "{text}");
    }
}

#[test]
fn a_seed_is_stored_as_it_is_and_gives_tokens_of_its_own() {
    let [one, other] = [9, 10].map(|byte| InviteSeed::from_bytes(&[byte; INVITE_SEED_LEN]));
    assert_eq!(one.expose(), &[9; INVITE_SEED_LEN]);
    assert_ne!(one.token(0).expose(), one.token(1).expose());
    assert_ne!(one.token(0).expose(), other.token(0).expose());
}

#[test]
fn other_texts_are_refused_for_what_they_are() {
    let link = link();
    let text = link.to_text();
    let payload = |parts: &[&[u8]]| format!("https://relay.example/#{}", bech32m::encode(parts));
    let (account, write_key) = (
        *link.account.as_bytes(),
        *link.manifest_write_key.as_bytes(),
    );
    for (wrong, error) in [
        (String::new(), InviteLinkError::NoInvitation),
        (
            "https://relay.example/".to_owned(),
            InviteLinkError::NoInvitation,
        ),
        (
            "https://relay.example/#".to_owned(),
            InviteLinkError::NoInvitation,
        ),
        (
            text.replace("https", "http"),
            InviteLinkError::Relay(RelayAddressError::Insecure),
        ),
        (
            text.replace("https://", ""),
            InviteLinkError::Relay(RelayAddressError::Scheme),
        ),
        (text[..text.len() - 1].to_owned(), InviteLinkError::Text),
        (
            "https://relay.example/#hello".to_owned(),
            InviteLinkError::Text,
        ),
        (
            format!("https://relay.example/#{}", link.account.to_text()),
            InviteLinkError::Length,
        ),
        (
            payload(&[&[2], &account, &write_key, &[0; 16]]),
            InviteLinkError::Version,
        ),
        (
            payload(&[&[1], &account, &write_key, &[0; 17]]),
            InviteLinkError::Length,
        ),
        (
            payload(&[&[1], &[0; 32], &write_key, &[0; 16]]),
            InviteLinkError::Key,
        ),
        (
            payload(&[&[1], &account, &[0; 32], &[0; 16]]),
            InviteLinkError::Key,
        ),
    ] {
        assert_eq!(InviteLink::parse(&wrong).err(), Some(error), "{wrong}");
    }
}

proptest! {
    #[test]
    fn a_mistyped_character_is_noticed(position: prop::sample::Index, new in "[qpzry9x8gf2tvdw0s3jn54khce6mua7l]") {
        let text = link().to_text();
        let start = text.find('#').unwrap() + 1;
        let index = start + position.index(text.len() - start);
        prop_assume!(text[index..=index] != new);
        let mut wrong = text.to_string();
        wrong.replace_range(index..=index, &new);
        prop_assert!(InviteLink::parse(&wrong).is_err());
    }
}
