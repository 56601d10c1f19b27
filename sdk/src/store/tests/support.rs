//! What the tests share: a store in a folder of its own, and rows to fill it with.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use rand_chacha::ChaCha12Rng;
use rand_core::SeedableRng;
use tempfile::TempDir;
use undertone_protocol::account::{AccountId, Root};
use undertone_protocol::content::{Hlc, MessageId};
use undertone_protocol::device::{DeviceId, DeviceIdentity, DeviceKeys};
use undertone_protocol::time::Timestamp;

use crate::store::*;

pub(super) const KEY: [u8; 32] = [7; 32];
pub(super) const NOW: Timestamp = Timestamp(1_800_000_000_000);

pub(super) fn key() -> StoreKey {
    StoreKey::new(&KEY)
}

pub(super) fn rng(seed: u64) -> ChaCha12Rng {
    ChaCha12Rng::seed_from_u64(seed)
}

/// A store in a folder that lives as long as this.
pub(super) struct Fixture {
    pub(super) store: Store,
    pub(super) folder: TempDir,
}

impl Fixture {
    pub(super) fn new() -> Self {
        Self::with(StoreOptions {
            durability: Durability::None,
            ..StoreOptions::default()
        })
    }

    pub(super) fn with(options: StoreOptions) -> Self {
        let folder = TempDir::new().unwrap();
        let store = Store::open_with(&path(&folder), &key(), options).unwrap();
        Self { store, folder }
    }

    pub(super) fn path(&self) -> PathBuf {
        path(&self.folder)
    }

    /// Runs something in a transaction and commits it.
    pub(super) fn write<T>(&mut self, body: impl FnOnce(&Tx<'_>) -> T) -> T {
        let tx = self.store.transaction().unwrap();
        let result = body(&tx);
        tx.commit().unwrap();
        result
    }

    /// What is on the disk now, as after a kill: copied while the store is open.
    pub(super) fn killed(&self) -> TempDir {
        let copy = TempDir::new().unwrap();
        for entry in fs::read_dir(self.folder.path()).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
        }
        copy
    }
}

pub(super) fn path(folder: &TempDir) -> PathBuf {
    folder.path().join("store.db")
}

/// Every file of a folder with its bytes.
pub(super) fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            (
                entry.file_name().into_string().unwrap(),
                fs::read(entry.path()).unwrap(),
            )
        })
        .collect()
}

pub(super) fn account(seed: u64) -> AccountId {
    AccountId::of(&Root::generate(&mut rng(seed)).account_key())
}

pub(super) fn device(seed: u64) -> DeviceIdentity {
    DeviceKeys::generate(&mut rng(seed)).unwrap().public()
}

/// A contact with one device and a conversation.
#[derive(Clone, Copy)]
pub(super) struct Peer {
    pub(super) contact: ContactId,
    pub(super) device: PeerDeviceId,
    pub(super) destination: Destination,
    pub(super) conversation: ConversationId,
}

pub(super) fn peer(tx: &Tx<'_>, seed: u64) -> Peer {
    let contact = tx
        .contacts()
        .insert(&NewContact {
            account: account(seed),
            state: ContactState::Accepted,
            name: "Nadia",
            manifest_key: [3; 32],
            manifest_relay: "https://relay.example",
            created: NOW,
        })
        .unwrap();
    let identity = device(seed);
    let device = tx
        .peer_devices()
        .upsert(contact, &identity, "https://relay.example")
        .unwrap();
    let conversation = tx
        .conversations()
        .insert(Some(contact), "Nadia", NOW)
        .unwrap();
    let destination = Destination {
        peer_device: device,
        mailbox: identity.mailbox,
    };
    Peer {
        contact,
        device,
        destination,
        conversation,
    }
}

/// The message with this number: later ones are newer, ids and streams follow the number.
pub(super) fn message(peer: &Peer, number: u64, body: &str) -> NewMessage {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&number.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes());
    id[8..].copy_from_slice(&number.to_be_bytes());
    let time = NOW.plus(number * 1_000);
    NewMessage {
        conversation: peer.conversation,
        message_id: MessageId::from_bytes(id),
        clock: Hlc::at(time),
        sender: Some(peer.contact),
        sender_device: DeviceId::from_bytes([9; 16]),
        seq: number,
        kind: MessageKind::Text,
        state: MessageState::Received,
        sent: time,
        stored: time,
        body: body.to_owned(),
        parts: None,
        timer: None,
        extra: None,
        mentions_me: false,
    }
}

/// A row for the outbox; ids follow the number.
pub(super) fn outbox_item(peer: &Peer, number: u8) -> NewOutbox {
    NewOutbox {
        contact: peer.contact,
        destination: Some(peer.destination),
        envelope_id: EnvelopeId::from_bytes([number; 16]),
        message_id: MessageId::from_bytes([number; 16]),
        shown: true,
        encrypted_as: None,
        body: OutboxBody::Content(vec![number; 3]),
        hold: OutboxHold::None,
        wake: true,
        created: NOW.plus(u64::from(number)),
    }
}

/// The user deletes a message here; whether there was one.
pub(super) fn remove_here(tx: &Tx<'_>, id: &MessageId) -> bool {
    let row = tx.messages().get(id).unwrap();
    row.is_some_and(|row| tx.messages().remove_here(&row).unwrap())
}
