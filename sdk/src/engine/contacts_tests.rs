use undertone_protocol::content::{MessageId, PreviousHash};

use super::*;

fn token(byte: u8) -> InviteToken {
    InviteToken::from_bytes(&[byte; 16])
}

fn tokens(secrets: &Secrets) -> [Option<u8>; 2] {
    [&secrets.invite, &secrets.claimed].map(|token| token.as_ref().map(|token| token.expose()[0]))
}

fn stored(secrets: &Secrets) -> Secrets {
    Secrets::parse(&secrets.encode()).unwrap()
}

#[test]
fn a_link_replaces_no_token_before_a_relay_took_its_own() {
    let mut secrets = Secrets::of_invite(&token(1));
    secrets.claim(&token(1));
    assert_eq!(tokens(&secrets), [Some(1), None]);
    secrets.claim(&token(2));
    secrets.claim(&token(3));
    assert_eq!(tokens(&stored(&secrets)), [Some(1), Some(3)]);
    assert_eq!(secrets.tokens(), 2);
    assert!(!secrets.taken(0));
    assert!(secrets.taken(1));
    assert_eq!(tokens(&stored(&secrets)), [Some(3), None]);
    assert!(!secrets.taken(0));
}

#[test]
fn what_was_said_later_stands() {
    let header = |manifest_version, clock| ContentHeader {
        flags: 0,
        message_id: MessageId::from_bytes([0; 16]),
        stream_seq: 0,
        previous: PreviousHash::default(),
        hlc: Hlc::from_packed(clock),
        manifest_version,
        manifest_hash: [0; 16],
    };
    let mut secrets = Secrets::default();
    let mut hear = |byte: u8, version, clock| {
        let delivery = DeliverySecret::from_bytes(&[byte; 32]);
        let profile = ProfileKey::from_bytes(&[byte; 32]);
        let news = secrets.learn(&delivery, &profile, Learned::of(&header(version, clock)));
        secrets = stored(&secrets);
        let known = secrets.delivery.as_ref().unwrap().expose()[0];
        (matches!(news, News::New), known)
    };
    assert_eq!(hear(1, 1, 10), (true, 1));
    assert_eq!(hear(1, 1, 30), (false, 1), "the same, said again later");
    assert_eq!(hear(2, 1, 20), (false, 1), "said before that");
    assert_eq!(hear(3, 1, 40), (true, 3));
    assert_eq!(
        hear(4, 2, 5),
        (true, 4),
        "a recovered account's clock may be behind"
    );
}
