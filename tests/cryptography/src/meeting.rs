//! Two devices with prekeys, and what becomes of them: handshakes, and pairs of established sessions.
//!
//! What benchmarks and the constant-time check measure, made once. Not its concern: what is done with it.

use std::error::Error;
use std::hint::black_box;

use rand::SeedableRng;
use rand::rngs::StdRng;
use undertone_protocol::account::{AccountId, Root};
use undertone_protocol::content::{
    Body, Content, ContentHeader, Hlc, Introduction, MessageId, PreviousHash,
};
use undertone_protocol::delivery::DeliverySecret;
use undertone_protocol::device::DeviceKeys;
use undertone_protocol::envelope::Envelope;
use undertone_protocol::first_message::FirstMessage;
use undertone_protocol::manifest::{ManifestDevice, ManifestDraft, VerifiedManifest};
use undertone_protocol::prekeys::one_time::{generate_one_time, generate_one_time_kem};
use undertone_protocol::prekeys::{
    OneTimeKemPrekey, OneTimePrekey, PrekeyBundle, PrekeyKind, PrekeyOwner, SignedPrekey,
};
use undertone_protocol::profile::ProfileKey;
use undertone_protocol::relay_address::RelayAddress;
use undertone_protocol::session::{
    Initiated, Initiator, Responded, Responder, Session, SkippedKey,
};
use undertone_protocol::tag_index::{Lookup, TagIndex};
use undertone_protocol::time::Timestamp;

/// What was made or measured failed.
pub type MeetingError = Box<dyn Error + Send + Sync>;

/// When everything happens.
pub const NOW: Timestamp = Timestamp(1_800_000_000_000);

/// An account with one device.
struct Party {
    root: Root,
    keys: DeviceKeys,
    manifest: VerifiedManifest,
}

impl Party {
    fn new(rng: &mut StdRng) -> Result<Self, MeetingError> {
        let root = Root::generate(rng);
        let keys = DeviceKeys::generate(rng)?;
        let device = ManifestDevice {
            identity: keys.public(),
            relay: RelayAddress::parse("https://relay.example")?,
            added: NOW,
            protocol_versions: 1,
        };
        let record_key = root.manifest_write_key().public_key();
        let draft = ManifestDraft::first(&root, device, record_key, None);
        let manifest = draft.sign(&root.account_key(), NOW)?;
        Ok(Self {
            root,
            keys,
            manifest,
        })
    }

    fn account(&self) -> AccountId {
        self.manifest.body().account
    }

    fn initiator(&self) -> Result<Initiator<'_>, MeetingError> {
        Ok(Initiator {
            account: self.account(),
            device: self.keys.public(),
            identity_key: &self.keys.identity,
            manifest: self.manifest.reference(),
            statement: *self
                .manifest
                .statement(&self.keys.id)
                .ok_or("no statement")?,
        })
    }

    fn introduction(&self, rng: &mut StdRng) -> Result<Introduction, MeetingError> {
        Ok(Introduction {
            manifest_write_key: self.root.manifest_write_key().public_key(),
            delivery_secret: DeliverySecret::generate(rng),
            profile_key: ProfileKey::generate(rng),
            relay_address: RelayAddress::parse("https://relay.example")?,
            name: "Alice".to_owned(),
            content: content(),
        })
    }
}

/// 100 bytes of text.
fn content() -> Content {
    Content {
        header: ContentHeader {
            flags: 0,
            message_id: MessageId::from_bytes([1; 16]),
            stream_seq: 1,
            previous: PreviousHash::from_bytes([0; 16]),
            hlc: Hlc::at(NOW),
            manifest_version: 1,
            manifest_hash: [0; 16],
        },
        body: Body::Text("x".repeat(100)),
    }
}

/// A message with 100 bytes of text.
///
/// # Errors
/// None that is expected.
pub fn encoded_content() -> Result<Vec<u8>, MeetingError> {
    let mut encoded = Vec::new();
    content().encode(&mut encoded)?;
    Ok(encoded)
}

/// What one device has published for one handshake.
struct Prekeys {
    signed: SignedPrekey,
    page: Vec<u8>,
    one_time: OneTimePrekey,
    kem: OneTimeKemPrekey,
}

impl Prekeys {
    fn new(party: &Party, rng: &mut StdRng) -> Result<Self, MeetingError> {
        let owner = PrekeyOwner {
            account: party.account(),
            device: party.keys.id,
            signing_key: &party.keys.signing,
        };
        let signed = SignedPrekey::generate(&owner, NOW, rng);
        let statement = party
            .manifest
            .statement(&party.keys.id)
            .ok_or("no statement")?;
        let mailbox = party.keys.public().mailbox;
        let page = signed.seal_page(
            &party.account(),
            &mailbox,
            &party.manifest.reference(),
            statement,
            rng,
        )?;
        // Batches as large as they are published: the items carry paths of their real length.
        let one_time = generate_one_time(&owner, 100, NOW, rng)?
            .pop()
            .ok_or("no prekey")?;
        let kem = generate_one_time_kem(&owner, 50, NOW, rng)?
            .pop()
            .ok_or("no prekey")?;
        Ok(Self {
            signed,
            page,
            one_time,
            kem,
        })
    }

    fn bundle(&self) -> PrekeyBundle<'_> {
        PrekeyBundle {
            page: &self.page,
            one_time: Some(&self.one_time.item),
            kem: &self.kem.item,
        }
    }

    fn responder<'a>(&'a self, party: &'a Party) -> Responder<'a> {
        Responder {
            account: party.account(),
            device: party.keys.public(),
            identity_key: &party.keys.identity,
            signed_prekey: &self.signed.secret,
            one_time_prekey: Some(&self.one_time.secret),
            kem_prekey: &self.kem.secret,
            kem_prekey_kind: PrekeyKind::KemOneTime,
        }
    }
}

/// Two parties, of which Bob has published prekeys. They may meet any number of times: nobody deletes what was used.
pub struct Meeting {
    alice: Party,
    bob: Party,
    prekeys: Prekeys,
    introduction: Introduction,
    rng: StdRng,
}

impl Meeting {
    /// What is made depends on `rng` alone.
    ///
    /// # Errors
    /// None that is expected.
    pub fn new(mut rng: StdRng) -> Result<Self, MeetingError> {
        let (alice, bob) = (Party::new(&mut rng)?, Party::new(&mut rng)?);
        let prekeys = Prekeys::new(&bob, &mut rng)?;
        let introduction = alice.introduction(&mut rng)?;
        Ok(Self {
            alice,
            bob,
            prekeys,
            introduction,
            rng,
        })
    }

    /// Alice verifies what Bob published and begins a session.
    ///
    /// # Errors
    /// None that is expected.
    pub fn initiate(&mut self) -> Result<Initiated, MeetingError> {
        let bundle = self
            .prekeys
            .bundle()
            .verify(&self.bob.manifest, &self.bob.keys.id, NOW)?;
        Ok(Session::initiate(
            &mut self.rng,
            &self.alice.initiator()?,
            &bundle,
            &self.introduction,
        )?)
    }

    /// Bob answers a first message.
    ///
    /// # Errors
    /// When it is none of Alice's.
    pub fn respond(&self, first_message: &[u8]) -> Result<Responded, MeetingError> {
        let message = FirstMessage::parse(first_message)?;
        Ok(Session::respond(
            &self.prekeys.responder(&self.bob),
            &message,
            NOW,
        )?)
    }

    /// A new session, of which each side has received from the other.
    ///
    /// # Errors
    /// None that is expected.
    pub fn pair(&mut self) -> Result<Pair, MeetingError> {
        let initiated = self.initiate()?;
        let responded = self.respond(&initiated.first_message)?;
        let mut rng = StdRng::from_rng(&mut self.rng);
        let (alice, bob) = (
            Side::new(initiated.session, &mut rng),
            Side::new(responded.session, &mut rng),
        );
        let mut pair = Pair {
            alice,
            bob,
            content: encoded_content()?,
            rng,
        };
        pair.round_trip()?;
        Ok(pair)
    }
}

/// One side of an established session, with the index that finds its messages.
pub struct Side {
    /// The session.
    pub session: Session,
    /// The only session it knows is this one.
    pub index: TagIndex,
    /// The plaintext that was last received.
    pub content: Vec<u8>,
}

impl Side {
    /// A session with an index of its own.
    #[must_use]
    pub fn new(session: Session, rng: &mut StdRng) -> Self {
        let mut index = TagIndex::new(rng);
        index.track(&session);
        Self {
            session,
            index,
            content: Vec::new(),
        }
    }

    /// Looks the envelope up, opens it, and follows; the plaintext is in `content`. Gives the keys of messages that it skips.
    ///
    /// # Errors
    /// When no session expects the envelope, or it does not open.
    pub fn receive(&mut self, envelope: &[u8]) -> Result<Vec<SkippedKey>, MeetingError> {
        let envelope = Envelope::parse(envelope)?;
        let tag = envelope.tag();
        let Lookup::Live { position, .. } = self.index.lookup(tag, 0) else {
            return Err("an envelope that no session expects".into());
        };
        let skipped = self
            .session
            .open(position, envelope, &mut self.content)?
            .commit();
        self.index.follow(&self.session, tag, &skipped);
        black_box(&self.content);
        Ok(skipped)
    }
}

/// Two sessions with one another, after each side has received from the other.
pub struct Pair {
    /// Who began it.
    pub alice: Side,
    /// Who answered.
    pub bob: Side,
    /// What they write.
    pub content: Vec<u8>,
    /// Of both.
    pub rng: StdRng,
}

impl Pair {
    /// Bob writes and Alice answers, each opening a chain.
    ///
    /// # Errors
    /// None that is expected.
    pub fn round_trip(&mut self) -> Result<(), MeetingError> {
        let mut envelope = Vec::new();
        self.bob
            .session
            .encrypt(&mut self.rng, &self.content, &mut envelope)?;
        self.alice.receive(&envelope)?;
        envelope.clear();
        self.alice
            .session
            .encrypt(&mut self.rng, &self.content, &mut envelope)?;
        self.bob.receive(&envelope).map(drop)
    }

    /// Alice's next envelope.
    ///
    /// # Errors
    /// When her chain is full.
    pub fn alice_writes(&mut self) -> Result<Vec<u8>, MeetingError> {
        let mut envelope = Vec::new();
        self.alice
            .session
            .encrypt(&mut self.rng, &self.content, &mut envelope)?;
        Ok(envelope)
    }
}
