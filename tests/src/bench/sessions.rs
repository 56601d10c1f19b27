//! Our sessions as contestants: devices with prekeys, pairs of sessions, and one pass of each operation.

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
use undertone_protocol::session::{Initiated, Initiator, Responded, Responder, Session};
use undertone_protocol::tag::Tag;
use undertone_protocol::tag_index::{Lookup, TagIndex};
use undertone_protocol::time::Timestamp;

use crate::bench::BenchError;
use crate::bench::measure::cpu_us;
use crate::bench::primitives::rng;

pub(super) const NOW: Timestamp = Timestamp(1_800_000_000_000);

/// An account with one device.
struct Party {
    root: Root,
    keys: DeviceKeys,
    manifest: VerifiedManifest,
}

impl Party {
    fn new(rng: &mut StdRng) -> Result<Self, BenchError> {
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

    fn initiator(&self) -> Result<Initiator<'_>, BenchError> {
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

    fn introduction(&self, rng: &mut StdRng) -> Result<Introduction, BenchError> {
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

/// 100 bytes of text, as content.
pub(super) fn encoded_content() -> Result<Vec<u8>, BenchError> {
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
    fn new(party: &Party, rng: &mut StdRng) -> Result<Self, BenchError> {
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
struct Meeting {
    alice: Party,
    bob: Party,
    prekeys: Prekeys,
    introduction: Introduction,
    rng: StdRng,
}

impl Meeting {
    fn new() -> Result<Self, BenchError> {
        let mut rng = rng();
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

    fn initiate(&mut self) -> Result<Initiated, BenchError> {
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

    fn respond(&self, first_message: &[u8]) -> Result<Responded, BenchError> {
        let message = FirstMessage::parse(first_message)?;
        Ok(Session::respond(
            &self.prekeys.responder(&self.bob),
            &message,
            NOW,
        )?)
    }

    /// A new session, of which each side has received from the other.
    fn pair(&mut self) -> Result<Pair, BenchError> {
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
struct Side {
    session: Session,
    index: TagIndex,
    content: Vec<u8>,
}

impl Side {
    fn new(session: Session, rng: &mut StdRng) -> Self {
        let mut index = TagIndex::new(rng);
        index.track(&session);
        Self {
            session,
            index,
            content: Vec::new(),
        }
    }

    /// Looks the envelope up, opens it, and follows; the plaintext is in `content`.
    fn receive(&mut self, envelope: &[u8]) -> Result<(), BenchError> {
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
        black_box((&self.content, &skipped));
        Ok(())
    }
}

/// Two sessions with one another, after each side has received from the other.
struct Pair {
    alice: Side,
    bob: Side,
    content: Vec<u8>,
    rng: StdRng,
}

impl Pair {
    /// Bob writes and Alice answers, each opening a chain.
    fn round_trip(&mut self) -> Result<(), BenchError> {
        let mut envelope = Vec::new();
        self.bob
            .session
            .encrypt(&mut self.rng, &self.content, &mut envelope)?;
        self.alice.receive(&envelope)?;
        envelope.clear();
        self.alice
            .session
            .encrypt(&mut self.rng, &self.content, &mut envelope)?;
        self.bob.receive(&envelope)
    }

    fn alice_writes(&mut self) -> Result<Vec<u8>, BenchError> {
        let mut envelope = Vec::new();
        self.alice
            .session
            .encrypt(&mut self.rng, &self.content, &mut envelope)?;
        Ok(envelope)
    }
}

/// One pass of encrypting to envelope bytes, in an established session.
pub(super) fn encrypt(operations: u32) -> Result<f64, BenchError> {
    let mut pair = Meeting::new()?.pair()?;
    let mut envelope = Vec::new();
    cpu_us(operations, || {
        for _ in 0..operations {
            envelope.clear();
            pair.alice
                .session
                .encrypt(&mut pair.rng, black_box(&pair.content), &mut envelope)?;
            black_box(&envelope);
        }
        Ok(())
    })
}

/// One pass of decrypting in order, from envelope bytes, with the lookup and the window that follows.
pub(super) fn decrypt(operations: u32) -> Result<f64, BenchError> {
    let mut pair = Meeting::new()?.pair()?;
    let envelopes = (0..operations)
        .map(|_| pair.alice_writes())
        .collect::<Result<Vec<_>, _>>()?;
    cpu_us(operations, || {
        envelopes
            .iter()
            .try_for_each(|envelope| pair.bob.receive(envelope))
    })
}

/// One pass of beginning sessions, from what was fetched to the bytes of the first message.
pub(super) fn initiate(operations: u32) -> Result<f64, BenchError> {
    let mut meeting = Meeting::new()?;
    cpu_us(operations, || {
        for _ in 0..operations {
            black_box(meeting.initiate()?);
        }
        Ok(())
    })
}

/// One pass of answering first messages.
pub(super) fn respond(operations: u32) -> Result<f64, BenchError> {
    let mut meeting = Meeting::new()?;
    let first_message = meeting.initiate()?.first_message;
    cpu_us(operations, || {
        for _ in 0..operations {
            black_box(meeting.respond(black_box(&first_message))?);
        }
        Ok(())
    })
}

/// One pass of round trips in which every message opens a chain.
pub(super) fn ping_pong(operations: u32) -> Result<f64, BenchError> {
    let mut pair = Meeting::new()?.pair()?;
    cpu_us(operations, || {
        (0..operations).try_for_each(|_| pair.round_trip())
    })
}

/// One pass of receiving a message before which `skipped` are missing.
pub(super) fn skip(skipped: u32, operations: u32) -> Result<f64, BenchError> {
    let (mut meeting, mut waiting) = (Meeting::new()?, Vec::new());
    for _ in 0..operations {
        let mut pair = meeting.pair()?;
        let last = skipped_chain(&mut pair, skipped)?;
        waiting.push((pair, last));
    }
    cpu_us(operations, || {
        waiting
            .iter_mut()
            .try_for_each(|(pair, last)| pair.bob.receive(last))
    })
}

/// The envelope after `skipped` that never arrive.
fn skipped_chain(pair: &mut Pair, skipped: u32) -> Result<Vec<u8>, BenchError> {
    for _ in 0..skipped {
        pair.alice_writes()?;
    }
    pair.alice_writes()
}

/// Many established sessions of one sender.
pub(super) struct Senders {
    sessions: Vec<Session>,
    content: Vec<u8>,
    rng: StdRng,
}

/// `count` sessions that have sent and received.
pub(super) fn many(count: u32) -> Result<Senders, BenchError> {
    let (mut meeting, mut sessions) = (Meeting::new()?, Vec::new());
    for _ in 0..count {
        sessions.push(meeting.pair()?.alice.session);
    }
    Ok(Senders {
        sessions,
        content: encoded_content()?,
        rng: rng(),
    })
}

/// One pass of encrypting one content for every session; microseconds for all of them together.
pub(super) fn seal_to_all(senders: &mut Senders) -> Result<f64, BenchError> {
    let Senders {
        sessions,
        content,
        rng,
    } = senders;
    let mut envelopes = Vec::with_capacity(sessions.len() * 512);
    cpu_us(1, || {
        for session in sessions {
            session.encrypt(rng, content, &mut envelopes)?;
        }
        black_box(&envelopes);
        Ok(())
    })
}

/// An index over many sessions.
pub(super) struct Crowd {
    index: TagIndex,
    monotonic_ms: u64,
    tag: u128,
}

/// An index over `count` sessions that have sent and received.
pub(super) fn index_of(count: u32) -> Result<Crowd, BenchError> {
    let (mut meeting, mut index) = (Meeting::new()?, TagIndex::new(&mut rng()));
    for _ in 0..count {
        index.track(&meeting.pair()?.bob.session);
    }
    Ok(Crowd {
        index,
        monotonic_ms: 0,
        tag: 0,
    })
}

/// One pass of looking up tags that belong to no session.
pub(super) fn miss(crowd: &mut Crowd) -> Result<f64, BenchError> {
    const LOOKUPS: u32 = 4;
    // A second before each: the budget of scans is not what is measured.
    crowd.monotonic_ms += 1_000;
    cpu_us(LOOKUPS, || {
        for _ in 0..LOOKUPS {
            crowd.tag = crowd
                .tag
                .wrapping_add(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
            let found = crowd
                .index
                .lookup(Tag::from_bytes(crowd.tag.to_be_bytes()), crowd.monotonic_ms);
            if found != Lookup::Unknown {
                return Err("a random tag was found".into());
            }
        }
        Ok(())
    })
}
