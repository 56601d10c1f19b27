//! Devices with keys, and sessions between them, for the tests of the session layer.

use rand_chacha::ChaCha20Rng;
use rand_core::CryptoRng;

use super::{Initiated, Initiator, Position, RespondError, Responded, Responder, Session};
use crate::account::{AccountId, Root};
use crate::content::{Body, Content, ContentHeader, Hlc, Introduction, MessageId, PreviousHash};
use crate::delivery::DeliverySecret;
use crate::device::{DeviceKeys, DeviceStatement};
use crate::envelope::Envelope;
use crate::first_message::FirstMessage;
use crate::manifest::{ManifestHash, ManifestRef, ManifestVersion};
use crate::prekeys::{
    OneTimePrekeySecret, PrekeyId, PrekeyKind, SignedPrekeySecret, VerifiedBundle,
};
use crate::primitives::kem::mlkem1024;
use crate::profile::ProfileKey;
use crate::ratchet::HeaderKeys;
use crate::relay_address::RelayAddress;
use crate::tag::Tag;
use crate::test_support::rng;
use crate::time::Timestamp;

pub(crate) const NOW: Timestamp = Timestamp(1_800_000_000_000);

pub(crate) struct Device {
    pub(crate) root: Root,
    pub(crate) keys: DeviceKeys,
    pub(crate) manifest: ManifestRef,
    pub(crate) signed: SignedPrekeySecret,
    pub(crate) one_time: Option<OneTimePrekeySecret>,
    pub(crate) kem: mlkem1024::SecretKey,
}

impl Device {
    pub(crate) fn new(rng: &mut impl CryptoRng, one_time: bool) -> Self {
        let mut hash = [0; 32];
        rng.fill_bytes(&mut hash);
        Self {
            root: Root::generate(rng),
            keys: DeviceKeys::generate(rng).unwrap(),
            manifest: ManifestRef {
                version: ManifestVersion {
                    epoch: 0,
                    counter: 3,
                },
                hash: ManifestHash(hash),
            },
            signed: SignedPrekeySecret::generate(rng),
            one_time: one_time.then(|| OneTimePrekeySecret::generate(rng)),
            kem: mlkem1024::SecretKey::generate(rng),
        }
    }

    pub(crate) fn account(&self) -> AccountId {
        AccountId::of(&self.root.account_key())
    }

    pub(crate) fn kind(&self) -> PrekeyKind {
        if self.one_time.is_some() {
            PrekeyKind::KemOneTime
        } else {
            PrekeyKind::KemLastResort
        }
    }

    pub(crate) fn bundle(&self) -> VerifiedBundle {
        VerifiedBundle {
            account: self.account(),
            manifest: self.manifest,
            device: self.keys.public(),
            signed_prekey: (id(1), self.signed.public_key()),
            one_time: self.one_time.as_ref().map(|key| (id(2), key.public_key())),
            kem_id: id(3),
            kem_kind: self.kind(),
            kem: self.kem.public_key(),
            newer_manifest: false,
        }
    }

    pub(crate) fn initiator(&self) -> Initiator<'_> {
        let device = self.keys.public();
        let statement =
            DeviceStatement::sign(&self.root.account_key(), &device, &self.manifest, NOW);
        Initiator {
            account: self.account(),
            device,
            identity_key: &self.keys.identity,
            manifest: self.manifest,
            statement,
        }
    }

    pub(crate) fn responder(&self) -> Responder<'_> {
        Responder {
            account: self.account(),
            device: self.keys.public(),
            identity_key: &self.keys.identity,
            signed_prekey: &self.signed,
            one_time_prekey: self.one_time.as_ref(),
            kem_prekey: &self.kem,
            kem_prekey_kind: self.kind(),
        }
    }

    pub(crate) fn initiate(&self, rng: &mut impl CryptoRng, bundle: &VerifiedBundle) -> Initiated {
        Session::initiate(rng, &self.initiator(), bundle, &introduction("hello")).unwrap()
    }

    pub(crate) fn respond(&self, first_message: &[u8]) -> Result<Responded, RespondError> {
        Session::respond(
            &self.responder(),
            &FirstMessage::parse(first_message).unwrap(),
            NOW,
        )
    }
}

pub(crate) fn id(id: u32) -> PrekeyId {
    PrekeyId::new(id).unwrap()
}

pub(crate) fn content(body: Body) -> Content {
    let header = ContentHeader {
        flags: 0,
        message_id: MessageId::from_bytes([7; 16]),
        stream_seq: 1,
        previous: PreviousHash::default(),
        hlc: Hlc::at(NOW),
        manifest_version: 3,
        manifest_hash: [8; 16],
    };
    Content { header, body }
}

pub(crate) fn introduction(text: &str) -> Introduction {
    let root = Root::from_secret(crate::primitives::secret::SecretBytes::copy_from(&[9; 32]));
    Introduction {
        manifest_write_key: root.manifest_write_key().public_key(),
        delivery_secret: DeliverySecret::from_bytes(&[5; 32]),
        profile_key: ProfileKey::from_bytes(&[6; 32]),
        relay_address: RelayAddress::parse("https://relay.example").unwrap(),
        name: "Alice".to_owned(),
        content: content(Body::Text(text.to_owned())),
    }
}

/// Two sides of a fresh session: the initiator's first message was accepted, and nothing sent since.
pub(crate) struct Pair {
    pub(crate) rng: ChaCha20Rng,
    pub(crate) a: Session,
    pub(crate) b: Session,
}

pub(crate) fn pair(seed: u8) -> Pair {
    let mut rng = rng(seed);
    let (alice, bob) = (Device::new(&mut rng, true), Device::new(&mut rng, true));
    let Initiated {
        session,
        first_message,
    } = alice.initiate(&mut rng, &bob.bundle());
    let Responded { session: b, .. } = bob.respond(&first_message).unwrap();
    Pair { rng, a: session, b }
}

/// Everything that is stored of a session: the length of one part, both parts.
pub(crate) fn state(session: &Session) -> Vec<u8> {
    let bytes = session.to_bytes();
    let len = u32::try_from(bytes.len()).unwrap().to_be_bytes();
    [&len[..], &bytes, &session.pq.material()].concat()
}

/// The session of a [`state`].
pub(crate) fn restored(state: &[u8]) -> Session {
    let (len, parts) = state.split_first_chunk::<4>().unwrap();
    let (bytes, material) = parts.split_at(u32::from_be_bytes(*len) as usize);
    Session::from_bytes(bytes, material).unwrap()
}

/// NHKr and NTKr.
pub(crate) fn next_receiving_keys(session: &Session) -> HeaderKeys {
    session.next_receiving.fork()
}

/// Where a session expects a tag, found by inversion.
pub(crate) fn position(session: &Session, tag: Tag) -> Option<Position> {
    let expected = session.expected();
    let current = expected
        .current
        .and_then(|(key, _, _)| key.reader().number(tag));
    let next = expected.next.0.reader().number(tag);
    current
        .map(|n| Position::Current { n })
        .or_else(|| next.map(|n| Position::Next { n }))
}

impl Pair {
    /// Sends `text` from A to B (or the reverse) and opens it there.
    pub(crate) fn send(&mut self, from_a: bool, text: &[u8]) {
        let (from, to) = if from_a {
            (&mut self.a, &mut self.b)
        } else {
            (&mut self.b, &mut self.a)
        };
        let mut envelope = Vec::new();
        from.encrypt(&mut self.rng, text, &mut envelope).unwrap();
        let skipped = receive(to, &envelope, text);
        assert!(skipped.is_empty());
    }
}

/// Opens an envelope that must hold `text`, and commits it.
pub(crate) fn receive(
    session: &mut Session,
    envelope: &[u8],
    text: &[u8],
) -> Vec<super::SkippedKey> {
    let envelope = Envelope::parse(envelope).unwrap();
    let position = position(session, envelope.tag()).expect("the tag is expected");
    let mut content = Vec::new();
    let opened = session.open(position, envelope, &mut content).unwrap();
    assert_eq!(content, text);
    opened.commit()
}
