//! Devices of contacts: keys from their manifests, where they are reached, and how handshakes with them went.

use rusqlite::Row;

use super::{StoreError, Tx, exactly_one, table};
use crate::store::ids::{ContactId, PeerDeviceId, Uint, at, coded, malformed, maybe_at};
use undertone_protocol::device::{
    DeviceId, DeviceIdentity, DeviceSigningPublicKey, IdentityPublicKey, MailboxId,
};
use undertone_protocol::time::Timestamp;

coded! {
    /// Whether a device is written to.
    pub enum PeerDeviceState {
        /// In the newest manifest.
        Active = 1,
        /// Unseen for long: skipped until it publishes prekeys again.
        Dormant = 2,
        /// No longer in the manifest.
        Gone = 3,
    }
}

/// A device of a contact.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PeerDeviceRow {
    /// The row.
    pub id: PeerDeviceId,
    /// Whose device it is.
    pub contact: ContactId,
    /// What the manifest says of it.
    pub keys: DeviceIdentity,
    /// The address of the relay that has its mailbox.
    pub relay: String,
    /// Whether it is written to.
    pub state: PeerDeviceState,
    /// When something authentic last came from it.
    pub last_heard: Option<Timestamp>,
    /// Handshakes begun with it.
    pub handshakes: u32,
    /// When the newest was begun.
    pub last_handshake: Option<Timestamp>,
    /// When another may begin.
    pub next_handshake: Option<Timestamp>,
    /// Handshakes begun since it last answered in the session that is used for sending.
    pub unanswered: u32,
    /// Before that no session is given up for another one.
    pub fresh_after: Option<Timestamp>,
    /// The id of the prekey request that is under way, so that its retry is recognised.
    pub pop_id: Option<[u8; 16]>,
}

table! {
    /// Devices of contacts.
    PeerDevices, peer_devices
}

const COLUMNS: &str =
    "SELECT id, contact, device, identity_key, signing_key, mailbox, relay, state, last_heard_ms,
    handshakes, last_handshake_ms, next_handshake_ms, pop_id, unanswered, fresh_after_ms FROM peer_device";

fn read(row: &Row<'_>) -> rusqlite::Result<PeerDeviceRow> {
    Ok(PeerDeviceRow {
        id: row.get(0)?,
        contact: row.get(1)?,
        keys: DeviceIdentity {
            id: DeviceId::from_bytes(row.get(2)?),
            identity_key: IdentityPublicKey::parse(&row.get(3)?).map_err(malformed)?,
            signing_key: DeviceSigningPublicKey::parse(&row.get(4)?).map_err(malformed)?,
            mailbox: MailboxId::from_bytes(row.get(5)?),
        },
        relay: row.get(6)?,
        state: row.get(7)?,
        last_heard: row.get::<_, Option<Uint>>(8)?.map(Into::into),
        handshakes: row.get(9)?,
        last_handshake: row.get::<_, Option<Uint>>(10)?.map(Into::into),
        next_handshake: row.get::<_, Option<Uint>>(11)?.map(Into::into),
        pop_id: row.get(12)?,
        unanswered: row.get(13)?,
        fresh_after: row.get::<_, Option<Uint>>(14)?.map(Into::into),
    })
}

impl PeerDevices<'_> {
    /// Adds a device, or brings the keys and the place of a known one up to date and makes it active again.
    pub fn upsert(
        &self,
        contact: ContactId,
        keys: &DeviceIdentity,
        relay: &str,
    ) -> Result<PeerDeviceId, StoreError> {
        self.tx.value(
            "INSERT INTO peer_device (contact, device, identity_key, signing_key, mailbox, relay, state)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT (contact, device) DO UPDATE SET identity_key = ?3, signing_key = ?4, mailbox = ?5, relay = ?6,
                 state = ?7
             RETURNING id",
            (
                contact,
                keys.id.as_bytes(),
                keys.identity_key.as_bytes(),
                keys.signing_key.as_bytes(),
                keys.mailbox.as_bytes(),
                relay,
                PeerDeviceState::Active,
            ),
        )
    }

    /// A device.
    pub fn get(&self, id: PeerDeviceId) -> Result<Option<PeerDeviceRow>, StoreError> {
        self.tx.one(&format!("{COLUMNS} WHERE id = ?1"), [id], read)
    }

    /// A contact's device by its own id.
    pub fn find(
        &self,
        contact: ContactId,
        device: &DeviceId,
    ) -> Result<Option<PeerDeviceRow>, StoreError> {
        self.tx.one(
            &format!("{COLUMNS} WHERE contact = ?1 AND device = ?2"),
            (contact, device.as_bytes()),
            read,
        )
    }

    /// A contact's devices, whatever their state.
    pub fn of_contact(&self, contact: ContactId) -> Result<Vec<PeerDeviceRow>, StoreError> {
        self.tx.all(
            &format!("{COLUMNS} WHERE contact = ?1 ORDER BY id"),
            [contact],
            read,
        )
    }

    /// Changes whether a device is written to.
    pub fn set_state(&self, id: PeerDeviceId, state: PeerDeviceState) -> Result<(), StoreError> {
        exactly_one(self.tx.run(
            "UPDATE peer_device SET state = ?2 WHERE id = ?1",
            (id, state),
        )?)
    }

    /// Something authentic came from it; `answered` when nothing else than an answer is waited for: no handshake is due then.
    pub fn heard(
        &self,
        id: PeerDeviceId,
        answered: bool,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let sql = if answered {
            "UPDATE peer_device SET last_heard_ms = ?2, next_handshake_ms = NULL, unanswered = 0 WHERE id = ?1"
        } else {
            "UPDATE peer_device SET last_heard_ms = ?2 WHERE id = ?1"
        };
        exactly_one(self.tx.run(sql, (id, at(now)))?)
    }

    /// A prekey request begins, continues or (with `None`) ends.
    pub fn set_pop(&self, id: PeerDeviceId, pop_id: Option<&[u8; 16]>) -> Result<(), StoreError> {
        exactly_one(self.tx.run(
            "UPDATE peer_device SET pop_id = ?2 WHERE id = ?1",
            (id, pop_id),
        )?)
    }

    /// A handshake was begun at `now`; the next may begin at `next`, and no session is given up before `fresh_after`.
    pub fn handshake_begun(
        &self,
        id: PeerDeviceId,
        now: Timestamp,
        next: Timestamp,
        fresh_after: Timestamp,
    ) -> Result<(), StoreError> {
        exactly_one(self.tx.run(
            "UPDATE peer_device SET handshakes = handshakes + 1, unanswered = unanswered + 1, last_handshake_ms = ?2,
                 next_handshake_ms = ?3, fresh_after_ms = ?4, pop_id = NULL WHERE id = ?1",
            (id, at(now), at(next), at(fresh_after)),
        )?)
    }

    /// No session is given up for another one before `time`.
    pub fn set_fresh_after(&self, id: PeerDeviceId, time: Timestamp) -> Result<(), StoreError> {
        exactly_one(self.tx.run(
            "UPDATE peer_device SET fresh_after_ms = ?2 WHERE id = ?1",
            (id, at(time)),
        )?)
    }

    /// When a message that says nothing is due; absent: none is.
    pub fn set_quiet(&self, id: PeerDeviceId, due: Option<Timestamp>) -> Result<(), StoreError> {
        exactly_one(self.tx.run(
            "UPDATE peer_device SET quiet_ms = ?2 WHERE id = ?1",
            (id, maybe_at(due)),
        )?)
    }

    /// The devices that are to get a message that says nothing, and when.
    pub fn quiet(&self) -> Result<Vec<(PeerDeviceId, Timestamp)>, StoreError> {
        self.tx.all(
            "SELECT id, quiet_ms FROM peer_device WHERE quiet_ms IS NOT NULL ORDER BY id",
            [],
            |row| Ok((row.get(0)?, row.get::<_, Uint>(1)?.into())),
        )
    }

    /// When another handshake may begin.
    pub fn set_next_handshake(
        &self,
        id: PeerDeviceId,
        next: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        exactly_one(self.tx.run(
            "UPDATE peer_device SET next_handshake_ms = ?2 WHERE id = ?1",
            (id, maybe_at(next)),
        )?)
    }

    /// Devices that may begin a handshake by `now`, or at a time beyond `latest`, which only a wrong clock can have set;
    /// earliest first.
    pub fn handshakes_due(
        &self,
        now: Timestamp,
        latest: Timestamp,
    ) -> Result<Vec<PeerDeviceRow>, StoreError> {
        self.tx.all(
            &format!(
                "{COLUMNS} WHERE next_handshake_ms <= ?1 OR next_handshake_ms > ?2 ORDER BY next_handshake_ms, id"
            ),
            (at(now), at(latest)),
            read,
        )
    }
}
