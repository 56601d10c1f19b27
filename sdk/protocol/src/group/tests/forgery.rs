//! G7: what a member can make, who knows every symmetric key of the epoch and of the sender's chain.

use super::super::limits::*;
use super::super::message::{bound, header_ad, signed};
use super::super::testing::*;
use super::super::*;
use crate::envelope::{BodyFirst, Envelope, KIND_MESSAGE};
use crate::header::HEADER_LEN;
use crate::labels;

/// The forgery is rejected with this error, nothing changes, and the sender's message of that number still opens.
fn assert_forgery(fixture: &mut Fixture, forgery: &[u8], error: GroupOpenError) {
    let before = fixture.state();
    assert_eq!(fixture.open(forgery), Err(error));
    assert_eq!(fixture.state(), before);
}

fn header_of(fixture: &Fixture, envelope: &[u8]) -> [u8; HEADER_LEN] {
    let sealed = Envelope::parse(envelope).unwrap().sealed();
    let ad = header_ad(&fixture.epoch.id(), sealed.tag());
    sealed
        .decrypt_header(&fixture.epoch.keys.header, &ad)
        .unwrap()
}

/// The envelope with another header, encrypted by a member.
fn with_header(fixture: &Fixture, envelope: &[u8], header: &[u8; HEADER_LEN]) -> Vec<u8> {
    let sealed = Envelope::parse(envelope).unwrap().sealed();
    let ad = header_ad(&fixture.epoch.id(), sealed.tag());
    let mut buffer = [0; 179];
    buffer[..HEADER_LEN].copy_from_slice(header);
    let key = &fixture.epoch.keys.header;
    key.seal(sealed.salt(), ad.as_slice(), &mut buffer).unwrap();
    let mut changed = envelope.to_vec();
    changed[29..208].copy_from_slice(&buffer);
    changed
}

#[test]
fn g7_a_member_who_knows_the_chain_key_forges_nothing() {
    let mut fixture = Fixture::new(1);
    let own = SenderSigningKey::generate(&mut fixture.rng);
    let mut forged = fixture.next();
    forged.signing_key = &own;
    let forgery = forged.envelope(&fixture.epoch, b"forged");
    assert_forgery(&mut fixture, &forgery, GroupOpenError::Signature);
    // Not even far ahead, so as to use the chain up.
    let chain_key = fixture.sending.chain_key.fork();
    let mut forged = fixture.next();
    forged.signing_key = &own;
    (forged.named.n, forged.tag.1) = (99, 99);
    forged.message_key = message_key(&chain_key, 99);
    let forgery = forged.envelope(&fixture.epoch, b"forged");
    assert_forgery(&mut fixture, &forgery, GroupOpenError::Signature);
    // The same with the sender's key is accepted: the forgery fails by its signature alone.
    let genuine = fixture.next().envelope(&fixture.epoch, b"genuine");
    assert_eq!(fixture.open(&genuine), Ok(b"genuine".to_vec()));
}

/// The member has the genuine message, and with it a signature and K.
#[test]
fn g7_a_signature_belongs_to_one_ciphertext() {
    let mut fixture = Fixture::new(2);
    let message_key = fixture.sending.chain_key.fork().step();
    let envelope = fixture.seal(b"genuine");
    let sealed = Envelope::parse(&envelope).unwrap().sealed();
    let header = header_of(&fixture, &envelope);
    let id = fixture.epoch.id();
    let named = fixture.next().named;
    let named = header::Named { n: 0, ..named };
    let (tag, salt) = (sealed.tag(), *sealed.salt());
    let bound = bound(&id, &fixture.who, named, (tag, &salt));
    let mut forgery = vec![KIND_MESSAGE];
    let body = BodyFirst::seal(
        (tag, salt),
        &message_key,
        bound.as_slice(),
        (b"another", 256),
        &mut forgery,
    )
    .unwrap();
    body.seal_header(&fixture.epoch.keys.header, &header_ad(&id, tag), &header)
        .unwrap();
    assert_eq!(forgery[..240], envelope[..240]);
    assert_forgery(&mut fixture, &forgery, GroupOpenError::Signature);
    assert!(fixture.open(&envelope).is_ok());
}

/// Members can encrypt headers: what they change there is rejected all the same.
#[test]
fn g7_no_byte_of_a_header_can_be_changed_by_a_member() {
    let mut fixture = Fixture::new(3);
    let envelope = fixture.seal(b"genuine");
    let header = header_of(&fixture, &envelope);
    assert_eq!(with_header(&fixture, &envelope, &header), envelope);
    for at in 0..HEADER_LEN {
        let mut changed = header;
        changed[at] ^= 1 << (at % 8);
        let expected = match at {
            0..8 => GroupOpenError::UnknownKey,
            16..80 => GroupOpenError::Signature,
            _ => GroupOpenError::Header,
        };
        let forgery = with_header(&fixture, &envelope, &changed);
        assert_forgery(&mut fixture, &forgery, expected);
    }
    assert!(fixture.open(&envelope).is_ok());
}

/// A message cannot be given another number, sender or chain, though a member can make the tag and the header say so.
#[test]
fn g7_a_message_cannot_be_renumbered() {
    let mut fixture = Fixture::new(4);
    let envelope = fixture.seal(b"genuine");
    let sealed = Envelope::parse(&envelope).unwrap().sealed();
    let mut header = header_of(&fixture, &envelope);
    header[12..16].copy_from_slice(&1_u32.to_be_bytes());
    let tag = fixture.epoch.tag(GroupNumber {
        sender: index(INDEX),
        n: 1,
    });
    let mut moved = [&[KIND_MESSAGE][..], tag.as_bytes(), sealed.salt()].concat();
    moved.extend_from_slice(&envelope[29..]);
    let moved = with_header(&fixture, &moved, &header);
    assert_forgery(&mut fixture, &moved, GroupOpenError::Signature);
    // With the tag alone changed, tag and header contradict each other.
    let mut forged = fixture.next();
    forged.tag.1 += 1;
    let forgery = forged.envelope(&fixture.epoch, b"text");
    assert_forgery(&mut fixture, &forgery, GroupOpenError::Header);
    assert!(fixture.open(&envelope).is_ok());
}

/// A member gives out the sender's keys as its own: nothing that the sender writes is taken as the member's.
#[test]
fn g3_a_chain_given_out_by_another_member_opens_nothing() {
    let mut fixture = Fixture::new(5);
    let thief = sender(&mut fixture.rng);
    let mut stolen = fixture.sending.distribution().unwrap();
    stolen.index = index(INDEX + 1);
    let mut as_the_thief = ReceivingSender::new(fixture.epoch.id(), (thief, index(INDEX + 1)));
    as_the_thief.learn(stolen, &thief, NOW).unwrap();
    let envelope = fixture.seal(b"genuine");
    assert_eq!(
        open(&mut as_the_thief, &fixture.epoch, &envelope),
        Err(GroupOpenError::NotExpected)
    );
    // Even under the same index, by a group state that gives it to both, the signature names the sender.
    let mut again = SendingChain::from_bytes(&fixture.sending.to_bytes())
        .unwrap()
        .distribution()
        .unwrap();
    again.n = 0;
    let mut confused = ReceivingSender::new(fixture.epoch.id(), (thief, index(INDEX)));
    confused.learn(again, &thief, NOW).unwrap();
    assert_eq!(
        open(&mut confused, &fixture.epoch, &envelope),
        Err(GroupOpenError::Signature)
    );
    assert_eq!(fixture.open(&envelope), Ok(b"genuine".to_vec()));
}

/// The sender itself breaks the rules, and signs that.
#[test]
fn c1_a_signed_message_of_another_message_key_fails_by_its_commitment() {
    let mut fixture = Fixture::new(6);
    let chain_key = fixture.sending.chain_key.fork();
    let mut forged = fixture.next();
    forged.message_key = message_key(&chain_key, 1);
    let forgery = forged.envelope(&fixture.epoch, b"text");
    assert_forgery(&mut fixture, &forgery, GroupOpenError::Commitment);
    let mut forged = fixture.next();
    forged.reserved = 1;
    let forgery = forged.envelope(&fixture.epoch, b"text");
    assert_forgery(&mut fixture, &forgery, GroupOpenError::Header);
}

/// A body that is sealed under other associated data, with a signature that covers it.
#[test]
fn a_signed_body_that_is_not_authentic_or_not_padded_is_rejected() {
    let mut fixture = Fixture::new(7);
    let id = fixture.epoch.id();
    let next = fixture.next();
    let (tag, salt) = (
        fixture.epoch.tag(GroupNumber {
            sender: index(INDEX),
            n: 0,
        }),
        [9; 12],
    );
    let right = bound(&id, &fixture.who, next.named, (tag, &salt));
    let seal = |ad: &[u8], content: &[u8]| {
        let mut out = vec![KIND_MESSAGE];
        let body =
            BodyFirst::seal((tag, salt), &next.message_key, ad, (content, 256), &mut out).unwrap();
        // Content of 256 bytes leaves no room for the padding: the byte 0x80 is cut off with what was too long.
        let signature = fixture
            .sending
            .signing_key
            .sign(labels::GROUP_MSG, &signed(&right, &[body.behind_header()]));
        let header = next.named.with(&signature);
        body.seal_header(&fixture.epoch.keys.header, &header_ad(&id, tag), &header)
            .unwrap();
        out
    };
    let body = seal(b"other associated data", b"text");
    let unpadded = seal(right.as_slice(), &[1; 256]);
    assert_forgery(&mut fixture, &body, GroupOpenError::Body);
    assert_forgery(&mut fixture, &unpadded, GroupOpenError::Padding);
}

#[test]
fn tags_out_of_range_are_none_of_the_epoch() {
    let fixture = Fixture::new(8);
    let maker = fixture.epoch.keys.tag.maker();
    let located = |sender, n| fixture.epoch.locate(maker.group_tag(sender, n));
    assert_eq!(
        located(MAX_SENDER_INDEX, MAX_GROUP_N),
        Some(GroupNumber {
            sender: index(MAX_SENDER_INDEX),
            n: MAX_GROUP_N
        })
    );
    assert_eq!(located(MAX_SENDER_INDEX + 1, 0), None);
    assert_eq!(located(0, MAX_GROUP_N + 1), None);
    let ephemeral = u32::from_be_bytes(*b"EPH1");
    assert_eq!(located(ephemeral, 0), None);
    assert_eq!(SenderIndex::new(MAX_SENDER_INDEX + 1), None);
}
