//! Two accounts of one device each with everything they have published, from fixed seeds, so that an input means the same in every run.

use std::sync::LazyLock;

use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use undertone_protocol::account::{AccountId, AccountKey, ManifestWriteKey, Root};
use undertone_protocol::content::{
    Body, Content, ContentHeader, Hlc, Introduction, MessageId, PreviousHash,
};
use undertone_protocol::delivery::DeliverySecret;
use undertone_protocol::device::DeviceKeys;
use undertone_protocol::first_message::FirstMessage;
use undertone_protocol::manifest::{ManifestDevice, ManifestDraft, RecordId, VerifiedManifest};
use undertone_protocol::prekeys::one_time::{generate_one_time, generate_one_time_kem};
use undertone_protocol::prekeys::{
    LastResortPrekey, OneTimeKemPrekey, OneTimePrekey, PrekeyBundle, PrekeyKind, PrekeyOwner,
    SignedPrekey, VerifiedBundle,
};
use undertone_protocol::profile::ProfileKey;
use undertone_protocol::relay_address::RelayAddress;
use undertone_protocol::session::{
    InitiateError, Initiated, Initiator, RespondError, Responded, Responder, Session,
};
use undertone_protocol::time::Timestamp;

pub(crate) const NOW: Timestamp = Timestamp(1_800_000_000_000);

/// One-time prekeys of each kind: a tree with an empty leaf.
const ONE_TIME: usize = 3;

pub(crate) static ALICE: LazyLock<Party> = LazyLock::new(|| Party::new(1));
pub(crate) static BOB: LazyLock<Party> = LazyLock::new(|| Party::new(2));

pub(crate) fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

/// An account, its device, and what the device has published.
pub(crate) struct Party {
    pub(crate) key: AccountKey,
    pub(crate) account: AccountId,
    pub(crate) keys: DeviceKeys,
    pub(crate) manifest: VerifiedManifest,
    pub(crate) record: RecordId,
    pub(crate) signed: SignedPrekey,
    pub(crate) page: Vec<u8>,
    pub(crate) one_time: Vec<OneTimePrekey>,
    pub(crate) kem: Vec<OneTimeKemPrekey>,
    pub(crate) last_resort: LastResortPrekey,
}

impl Party {
    fn new(seed: u64) -> Self {
        let rng = &mut rng(seed);
        let root = Root::generate(rng);
        let key = root.account_key();
        let account = AccountId::of(&key);
        let keys = DeviceKeys::generate(rng).unwrap();
        let device = ManifestDevice {
            identity: keys.public(),
            relay: relay(),
            added: NOW,
            protocol_versions: 1,
        };
        let record_key = ManifestWriteKey::generate(rng).public_key();
        let manifest = ManifestDraft::first(&root, device, record_key, None)
            .sign(&key, NOW)
            .unwrap();
        let owner = PrekeyOwner {
            account,
            device: keys.id,
            signing_key: &keys.signing,
        };
        let signed = SignedPrekey::generate(&owner, NOW, rng);
        let statement = manifest.statement(&keys.id).unwrap();
        let mailbox = keys.public().mailbox;
        let page = signed.seal_page(&account, &mailbox, &manifest.reference(), statement, rng);
        let one_time = generate_one_time(&owner, ONE_TIME, NOW, rng).unwrap();
        let kem = generate_one_time_kem(&owner, ONE_TIME, NOW, rng).unwrap();
        let last_resort = LastResortPrekey::generate(&owner, NOW, rng);
        Self {
            record: RecordId::of(&root.manifest_write_key().public_key()),
            page: page.unwrap(),
            key,
            account,
            keys,
            manifest,
            signed,
            one_time,
            kem,
            last_resort,
        }
    }

    /// What a relay gives to one who wants to write: with one-time prekeys, or the last resort.
    pub(crate) fn bundle(&self, one_time: bool) -> PrekeyBundle<'_> {
        PrekeyBundle {
            page: &self.page,
            one_time: one_time.then_some(&self.one_time[1].item),
            kem: if one_time {
                &self.kem[1].item
            } else {
                &self.last_resort.item
            },
        }
    }

    pub(crate) fn verified_bundle(&self, one_time: bool) -> VerifiedBundle {
        let bundle = self.bundle(one_time);
        bundle.verify(&self.manifest, &self.keys.id, NOW).unwrap()
    }

    pub(crate) fn initiate(&self, rng: &mut ChaCha8Rng, to: &Self, one_time: bool) -> Initiated {
        self.begin(rng, &to.verified_bundle(one_time)).unwrap()
    }

    pub(crate) fn begin(
        &self,
        rng: &mut ChaCha8Rng,
        bundle: &VerifiedBundle,
    ) -> Result<Initiated, InitiateError> {
        let initiator = Initiator {
            account: self.account,
            device: self.keys.public(),
            identity_key: &self.keys.identity,
            manifest: self.manifest.reference(),
            statement: *self.manifest.statement(&self.keys.id).unwrap(),
        };
        Session::initiate(rng, &initiator, bundle, &introduction())
    }

    /// Answers a first message as a device does: with the prekeys that it names, which stay what they are unless the answer is yes. `None`
    /// when it names one that does not exist.
    pub(crate) fn respond(
        &self,
        message: &FirstMessage<'_>,
    ) -> Option<Result<Responded, RespondError>> {
        let ids = message.prekey_ids();
        if ids.signed != self.signed.id {
            return None;
        }
        let one_time = match ids.one_time {
            None => None,
            Some(id) => Some(&self.one_time.iter().find(|key| key.id == id)?.secret),
        };
        let (kem, kind) = if ids.kem == self.last_resort.id {
            (&self.last_resort.secret, PrekeyKind::KemLastResort)
        } else {
            let key = self.kem.iter().find(|key| key.id == ids.kem)?;
            (&key.secret, PrekeyKind::KemOneTime)
        };
        let responder = Responder {
            account: self.account,
            device: self.keys.public(),
            identity_key: &self.keys.identity,
            signed_prekey: &self.signed.secret,
            one_time_prekey: one_time,
            kem_prekey: kem,
            kem_prekey_kind: kind,
        };
        Some(Session::respond(&responder, message, NOW))
    }
}

pub(crate) fn relay() -> RelayAddress {
    RelayAddress::parse("https://relay.example").unwrap()
}

pub(crate) fn content(body: Body) -> Content {
    let header = ContentHeader {
        flags: 0,
        message_id: MessageId::from_bytes([7; 16]),
        stream_seq: 1,
        previous: PreviousHash::default(),
        hlc: Hlc::at(NOW),
        manifest_version: 1,
        manifest_hash: [8; 16],
    };
    Content { header, body }
}

pub(crate) fn introduction() -> Introduction {
    Introduction {
        manifest_write_key: ManifestWriteKey::generate(&mut rng(3)).public_key(),
        delivery_secret: DeliverySecret::from_bytes(&[5; 32]),
        profile_key: ProfileKey::from_bytes(&[6; 32]),
        relay_address: relay(),
        name: "Alice".to_owned(),
        content: content(Body::Text("hello".to_owned())),
    }
}

/// A session with the first message delivered: A's side, B's side.
pub(crate) fn pair(rng: &mut ChaCha8Rng) -> [Session; 2] {
    let begun = ALICE.initiate(rng, &BOB, true);
    let message = FirstMessage::parse(&begun.first_message).unwrap();
    let Some(Ok(answered)) = BOB.respond(&message) else {
        panic!("an honest first message is refused")
    };
    [begun.session, answered.session]
}
