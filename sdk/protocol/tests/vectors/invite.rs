//! `invite.json`: invite links and the bearers of invitations and contacts.

use undertone_protocol::{
    account::AccountId,
    delivery::DeliverySecret,
    device::MailboxId,
    invite::{InviteLink, InviteSeed},
    relay_address::RelayAddress,
};

use crate::{
    account::root,
    support::{Case, check, expand},
};

fn link(name: &str, relay: &str, number: u32) -> Case {
    let root = root([4; 32]);
    let (account, write_key) = (
        AccountId::of(&root.account_key()),
        root.manifest_write_key().public_key(),
    );
    let seed = [0x51; 32];
    let mailbox = [0x52; 16];
    let token: [u8; 16] = expand(&seed, "invite-token", &number.to_be_bytes());
    let prk = [&token[..], &[0; 16]].concat();
    let bearer: [u8; 16] = expand(&prk, "invite-bearer", &mailbox);
    let payload = [&[1], &account.as_bytes()[..], write_key.as_bytes(), &token].concat();
    let text = format!(
        "{relay}/#{}",
        bech32::encode::<bech32::Bech32m>(bech32::Hrp::parse("ut").unwrap(), &payload).unwrap()
    );

    let made = InviteLink {
        relay: RelayAddress::parse(relay).unwrap(),
        account,
        manifest_write_key: write_key,
        token: InviteSeed::from_bytes(&seed).token(number),
    };
    assert_eq!(made.to_text().as_str(), text);
    let read = InviteLink::parse(&text).unwrap();
    assert_eq!(read.token.expose(), &token);
    assert_eq!(
        read.token.bearer(&MailboxId::from_bytes(mailbox)).expose(),
        &bearer
    );

    Case::new(name)
        .hex("invite_seed", seed)
        .number("invite_number", u64::from(number))
        .hex("invite_token", token)
        .text("relay", relay)
        .hex("account_public_key", account.as_bytes())
        .hex("manifest_write_public_key", write_key.as_bytes())
        .hex("payload", payload)
        .text("link", &text)
        .hex("mailbox_id", mailbox)
        .hex("bearer_prk", prk)
        .hex("bearer", bearer)
}

fn delivery() -> Case {
    let (secret, mailbox) = ([0x61; 32], [0x62; 16]);
    let bearer: [u8; 16] = expand(&secret, "delivery-bearer", &mailbox);
    let computed = DeliverySecret::from_bytes(&secret).bearer(&MailboxId::from_bytes(mailbox));
    assert_eq!(computed.expose(), &bearer);
    Case::new("delivery bearer")
        .hex("delivery_secret", secret)
        .hex("mailbox_id", mailbox)
        .hex("bearer", bearer)
}

/// Relay addresses, and their one form if they have one.
fn addresses() -> Vec<Case> {
    [
        ("https://relay.example", Some("https://relay.example")),
        ("HTTPS://Relay.Example:443/", Some("https://relay.example")),
        (
            "https://[2001:DB8:0::1]:444",
            Some("https://[2001:db8::1]:444"),
        ),
        ("http://127.0.0.1:9750", Some("http://127.0.0.1:9750")),
        ("http://localhost:80", Some("http://localhost")),
        ("http://relay.example", None),
        ("relay.example", None),
        ("https://relay.example/path", None),
        ("https://user@relay.example", None),
        ("https://relay.example.", None),
        ("https://127.1", None),
        ("https://relay.example:0", None),
        ("https://bücher.example", None),
    ]
    .into_iter()
    .map(|(text, canonical)| {
        let parsed = RelayAddress::parse(text).ok();
        assert_eq!(parsed.as_ref().map(RelayAddress::as_str), canonical);
        let case = Case::default()
            .text("text", text)
            .flag("accepted", canonical.is_some());
        match canonical {
            Some(canonical) => case.text("canonical", canonical),
            None => case,
        }
    })
    .collect()
}

#[test]
fn invite_vectors() {
    check(
        "invite",
        &[
            link("HTTPS with a port", "https://relay.example:8443", 0),
            link("loopback without TLS", "http://127.0.0.1:9750", 7),
            delivery(),
            Case::new("relay addresses").cases("addresses", addresses()),
        ],
    );
}
