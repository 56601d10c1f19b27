//! The outbox: what is to be sent, one row per message and recipient device, in strict order per device.
//!
//! Only the oldest row of a device has its turn, so that a dead relay or a full mailbox holds back nobody else's messages
//! and never reorders its own. Two devices that claim one mailbox have nothing to do with each other. A row without a device waits until the contact's devices are known.
//!
//! A row that the relay took stays for a while as *taken*, in case the relay loses it: it is no longer queued, no operation
//! but those that name taken rows sees it, and when it is queued again it is back in its old place.

use rusqlite::Row;
use undertone_protocol::content::MessageId;
use undertone_protocol::device::MailboxId;
use undertone_protocol::session::{MessageNumber, SessionId};
use undertone_protocol::time::Timestamp;

use super::messages::MessageState;
use super::{StoreError, Tx, exactly_one, page, table};
use crate::store::ids::{
    ContactId, EnvelopeId, OutboxId, PeerDeviceId, Uint, at, coded, packed, unpacked,
};

coded! {
    /// What a row waits for, besides its turn.
    pub enum OutboxHold {
        /// Nothing.
        None = 0,
        /// That the recipient accepts: strangers' follow-ups are refused until then.
        Acceptance = 1,
    }
}

/// What a row sends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum OutboxBody {
    /// A finished envelope: the same bytes at every attempt.
    Envelope(Vec<u8>),
    /// Content that is encrypted when its turn comes.
    Content(Vec<u8>),
}

/// Where a row goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Destination {
    /// The recipient.
    pub peer_device: PeerDeviceId,
    /// Its mailbox.
    pub mailbox: MailboxId,
}

/// A row to be queued.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewOutbox {
    /// Whom it is for.
    pub contact: ContactId,
    /// Where it goes; absent while the contact's devices are not known.
    pub destination: Option<Destination>,
    /// What the relay recognises a repetition by.
    pub envelope_id: EnvelopeId,
    /// The id in the content header.
    pub message_id: MessageId,
    /// Whether that is a message of a conversation.
    pub shown: bool,
    /// The session and number under which an envelope was encrypted.
    pub encrypted_as: Option<(SessionId, MessageNumber)>,
    /// What is sent.
    pub body: OutboxBody,
    /// What it waits for.
    pub hold: OutboxHold,
    /// Whether the recipient's device is to be woken.
    pub wake: bool,
    /// Now.
    pub created: Timestamp,
}

/// A queued row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OutboxRow {
    /// The row.
    pub id: OutboxId,
    /// What was queued, as it is now.
    pub item: NewOutbox,
}

/// A device for which something is queued.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct QueuedDevice {
    /// The recipient.
    pub peer_device: PeerDeviceId,
    /// The relay that has its mailbox.
    pub relay: String,
}

table! {
    /// What is to be sent.
    Outbox, outbox
}

const COLUMNS: &str =
    "SELECT id, contact, peer_device, mailbox, envelope_id, message_id, shown, session, number,
    body_kind, body, hold, wake, created_ms FROM outbox";

const ENVELOPE: i64 = 1;
const CONTENT: i64 = 2;

impl OutboxBody {
    fn parts(&self) -> (i64, &[u8]) {
        match self {
            Self::Envelope(bytes) => (ENVELOPE, bytes),
            Self::Content(bytes) => (CONTENT, bytes),
        }
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<OutboxRow> {
    let device: Option<PeerDeviceId> = row.get(2)?;
    let mailbox: Option<[u8; 16]> = row.get(3)?;
    let session: Option<[u8; 16]> = row.get(7)?;
    let number = row.get::<_, Option<i64>>(8)?.map(unpacked);
    let body = match row.get::<_, i64>(9)? {
        ENVELOPE => OutboxBody::Envelope(row.get(10)?),
        CONTENT => OutboxBody::Content(row.get(10)?),
        other => return Err(rusqlite::Error::IntegralValueOutOfRange(9, other)),
    };
    Ok(OutboxRow {
        id: row.get(0)?,
        item: NewOutbox {
            contact: row.get(1)?,
            destination: device.zip(mailbox.map(MailboxId::from_bytes)).map(
                |(peer_device, mailbox)| Destination {
                    peer_device,
                    mailbox,
                },
            ),
            envelope_id: EnvelopeId::from_bytes(row.get(4)?),
            message_id: MessageId::from_bytes(row.get(5)?),
            shown: row.get(6)?,
            encrypted_as: session.map(SessionId::from_bytes).zip(number),
            body,
            hold: row.get(11)?,
            wake: row.get(12)?,
            created: row.get::<_, Uint>(13)?.into(),
        },
    })
}

impl Outbox<'_> {
    /// Queues a row behind all others of its device.
    pub fn insert(&self, item: &NewOutbox) -> Result<OutboxId, StoreError> {
        self.insert_as(None, item)
    }

    /// Queues a row before all others: a first message goes before what waits for its session.
    pub fn insert_front(&self, item: &NewOutbox) -> Result<OutboxId, StoreError> {
        let front: Option<i64> = self.tx.value("SELECT min(id) - 1 FROM outbox", [])?;
        self.insert_as(front, item)
    }

    fn insert_as(&self, id: Option<i64>, item: &NewOutbox) -> Result<OutboxId, StoreError> {
        let (kind, body) = item.body.parts();
        let destination = item.destination.as_ref();
        self.tx
            .insert(
                "INSERT INTO outbox (id, contact, peer_device, mailbox, envelope_id, message_id, shown, session, number,
                     body_kind, body, hold, wake, created_ms)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
                (
                    id,
                    item.contact,
                    destination.map(|to| to.peer_device),
                    destination.map(|to| to.mailbox.as_bytes()),
                    item.envelope_id.as_bytes(),
                    item.message_id.as_bytes(),
                    item.shown,
                    item.encrypted_as.as_ref().map(|(session, _)| session.as_bytes()),
                    item.encrypted_as.map(|(_, number)| packed(number)),
                    kind,
                    body,
                    item.hold,
                    item.wake,
                    at(item.created),
                ),
            )
            .map(OutboxId::new)
    }

    /// A row.
    pub fn get(&self, id: OutboxId) -> Result<Option<OutboxRow>, StoreError> {
        self.tx.one(&format!("{COLUMNS} WHERE id = ?1"), [id], read)
    }

    /// The devices for which something is queued, the longest waiting first. Read once when the engine starts.
    pub fn devices(&self) -> Result<Vec<QueuedDevice>, StoreError> {
        self.tx.all(
            "SELECT o.peer_device, d.relay FROM outbox o JOIN peer_device d ON d.id = o.peer_device
             WHERE o.taken_ms IS NULL GROUP BY o.peer_device ORDER BY min(o.id)",
            [],
            |row| {
                Ok(QueuedDevice {
                    peer_device: row.get(0)?,
                    relay: row.get(1)?,
                })
            },
        )
    }

    /// The oldest rows for a device, in order, whatever holds them.
    pub fn of_device(
        &self,
        device: PeerDeviceId,
        limit: usize,
    ) -> Result<Vec<OutboxRow>, StoreError> {
        self.tx.all(
            &format!("{COLUMNS} WHERE peer_device = ?1 AND taken_ms IS NULL ORDER BY id LIMIT ?2"),
            (device, page(limit)),
            read,
        )
    }

    /// The oldest rows for a contact whose devices are not known yet, in order.
    pub fn waiting(&self, contact: ContactId, limit: usize) -> Result<Vec<OutboxRow>, StoreError> {
        self.tx.all(
            &format!("{COLUMNS} WHERE mailbox IS NULL AND contact = ?1 ORDER BY id LIMIT ?2"),
            (contact, page(limit)),
            read,
        )
    }

    /// The contacts whose devices are not known yet and for whom something is queued, the longest waiting first.
    pub fn contacts_waiting(&self) -> Result<Vec<ContactId>, StoreError> {
        self.tx.all(
            "SELECT contact FROM outbox WHERE mailbox IS NULL GROUP BY contact ORDER BY min(id)",
            [],
            |row| row.get(0),
        )
    }

    /// Rows that were queued before `cut`, oldest first.
    pub fn created_before(
        &self,
        cut: Timestamp,
        limit: usize,
    ) -> Result<Vec<OutboxRow>, StoreError> {
        self.tx.all(
            &format!("{COLUMNS} WHERE created_ms < ?1 AND taken_ms IS NULL ORDER BY created_ms, id LIMIT ?2"),
            (at(cut), page(limit)),
            read,
        )
    }

    /// Content became an envelope, under its number in a session. It goes under an id of its own: that of a disk that was put
    /// back may have been used for another one.
    pub fn set_envelope(
        &self,
        id: OutboxId,
        (envelope_id, envelope): (&EnvelopeId, &[u8]),
        encrypted_as: (&SessionId, MessageNumber),
        hold: OutboxHold,
    ) -> Result<(), StoreError> {
        exactly_one(self.tx.run(
            "UPDATE outbox SET body_kind = ?2, body = ?3, session = ?4, number = ?5, hold = ?6, envelope_id = ?7
             WHERE id = ?1",
            (
                id,
                ENVELOPE,
                envelope,
                encrypted_as.0.as_bytes(),
                packed(encrypted_as.1),
                hold,
                envelope_id.as_bytes(),
            ),
        )?)
    }

    /// An envelope becomes content again, to be encrypted for another session.
    pub fn set_content(
        &self,
        id: OutboxId,
        content: &[u8],
        hold: OutboxHold,
    ) -> Result<(), StoreError> {
        exactly_one(self.tx.run(
            "UPDATE outbox SET body_kind = ?2, body = ?3, session = NULL, number = NULL, hold = ?4 WHERE id = ?1",
            (id, CONTENT, content, hold),
        )?)
    }

    /// All rows of a device that wait for `from` now wait for `to`. Returns how many.
    pub fn release(
        &self,
        device: PeerDeviceId,
        from: OutboxHold,
        to: OutboxHold,
    ) -> Result<usize, StoreError> {
        self.tx.run(
            "UPDATE outbox SET hold = ?3 WHERE peer_device = ?1 AND hold = ?2",
            (device, from, to),
        )
    }

    /// A device moved to another mailbox: its rows go there. Returns how many.
    pub fn redirect(&self, to: &Destination) -> Result<usize, StoreError> {
        self.tx.run(
            "UPDATE outbox SET mailbox = ?2 WHERE peer_device = ?1",
            (to.peer_device, to.mailbox.as_bytes()),
        )
    }

    /// A device is gone: what is still content waits for the contact's other devices, and finished envelopes are removed.
    pub fn unaddress(&self, device: PeerDeviceId) -> Result<(), StoreError> {
        self.tx.run(
            "DELETE FROM outbox WHERE peer_device = ?1 AND body_kind = ?2",
            (device, ENVELOPE),
        )?;
        self.tx.run(
            "UPDATE outbox SET peer_device = NULL, mailbox = NULL WHERE peer_device = ?1",
            [device],
        )?;
        Ok(())
    }

    /// Removes a row: it was given up. Nothing when it is gone already, with its device or contact.
    pub fn remove(&self, id: OutboxId) -> Result<(), StoreError> {
        self.tx.run("DELETE FROM outbox WHERE id = ?1", [id])?;
        Ok(())
    }

    /// The relay took a row: it is kept with the newest `keep` that were taken for its device. Nothing when the row is gone.
    pub fn take(&self, id: OutboxId, now: Timestamp, keep: usize) -> Result<(), StoreError> {
        self.tx.run(
            "UPDATE outbox SET taken_ms = ?2 WHERE id = ?1",
            (id, at(now)),
        )?;
        self.tx.run(
            "DELETE FROM outbox WHERE id IN (
                 SELECT id FROM outbox
                 WHERE taken_ms IS NOT NULL AND peer_device = (SELECT peer_device FROM outbox WHERE id = ?1)
                 ORDER BY taken_ms DESC, id DESC LIMIT -1 OFFSET ?2)",
            (id, i64::try_from(keep).unwrap_or(i64::MAX)),
        )?;
        Ok(())
    }

    /// Whether something is kept that was taken for a device.
    pub fn has_taken(&self, device: PeerDeviceId) -> Result<bool, StoreError> {
        self.tx.value(
            "SELECT EXISTS (SELECT 1 FROM outbox WHERE peer_device = ?1 AND taken_ms IS NOT NULL)",
            [device],
        )
    }

    /// A relay lost what it took: all that is kept for devices with a mailbox there is queued again, each row in its old
    /// place. Returns the devices.
    pub fn requeue_taken(&self, relay: &str) -> Result<Vec<PeerDeviceId>, StoreError> {
        let devices = self.tx.all(
            "SELECT DISTINCT o.peer_device FROM outbox o JOIN peer_device d ON d.id = o.peer_device
             WHERE o.taken_ms IS NOT NULL AND d.relay = ?1",
            [relay],
            |row| row.get(0),
        )?;
        self.tx.run(
            "UPDATE outbox SET taken_ms = NULL
             WHERE taken_ms IS NOT NULL AND peer_device IN (SELECT id FROM peer_device WHERE relay = ?1)",
            [relay],
        )?;
        Ok(devices)
    }

    /// A device has a message: neither its envelope is needed any more, nor what was taken before it, since a mailbox is
    /// read in order.
    pub fn confirmed(&self, device: PeerDeviceId, message: &MessageId) -> Result<(), StoreError> {
        self.tx.run(
            "DELETE FROM outbox WHERE peer_device = ?1 AND taken_ms < (
                 SELECT min(taken_ms) FROM outbox WHERE message_id = ?2 AND peer_device = ?1)",
            (device, message.as_bytes()),
        )?;
        self.tx.run(
            "DELETE FROM outbox WHERE message_id = ?2 AND peer_device = ?1 AND body_kind = ?3",
            (device, message.as_bytes(), ENVELOPE),
        )?;
        Ok(())
    }

    /// Deletes what is kept for a device: it is sent again in another form.
    pub fn remove_taken(&self, device: PeerDeviceId) -> Result<(), StoreError> {
        self.tx.run(
            "DELETE FROM outbox WHERE peer_device = ?1 AND taken_ms IS NOT NULL",
            [device],
        )?;
        Ok(())
    }

    /// Deletes what was taken before `cut`. Returns how many rows.
    pub fn remove_taken_before(&self, cut: Timestamp) -> Result<usize, StoreError> {
        self.tx
            .run("DELETE FROM outbox WHERE taken_ms < ?1", [at(cut)])
    }

    /// Removes what belongs to a message (it was deleted before it was sent). Returns how many rows.
    pub fn remove_message(&self, message: &MessageId) -> Result<usize, StoreError> {
        self.tx.run(
            "DELETE FROM outbox WHERE message_id = ?1",
            [message.as_bytes()],
        )
    }

    /// Whether a message is queued for a device.
    pub fn is_queued(&self, device: PeerDeviceId, message: &MessageId) -> Result<bool, StoreError> {
        self.tx.value(
            "SELECT EXISTS (
                 SELECT 1 FROM outbox WHERE message_id = ?2 AND peer_device = ?1 AND taken_ms IS NULL)",
            (device, message.as_bytes()),
        )
    }

    /// The oldest envelopes that are queued for a device, in order.
    pub fn envelopes(
        &self,
        device: PeerDeviceId,
        limit: usize,
    ) -> Result<Vec<OutboxRow>, StoreError> {
        self.tx.all(
            &format!(
                "{COLUMNS} WHERE peer_device = ?1 AND body_kind = ?2 AND taken_ms IS NULL ORDER BY id LIMIT ?3"
            ),
            (device, ENVELOPE, page(limit)),
            read,
        )
    }

    /// Removes what is queued for a device (it is gone). Returns how many rows.
    pub fn remove_device(&self, device: PeerDeviceId) -> Result<usize, StoreError> {
        self.tx
            .run("DELETE FROM outbox WHERE peer_device = ?1", [device])
    }

    /// How many rows of a message are still queued.
    pub fn remaining(&self, message: &MessageId) -> Result<u64, StoreError> {
        Ok(self
            .tx
            .value::<Uint>(
                "SELECT count(*) FROM outbox WHERE message_id = ?1 AND taken_ms IS NULL",
                [message.as_bytes()],
            )?
            .0)
    }

    /// How many messages of conversations no relay has taken yet. What goes beside them (receipts, copies that were asked
    /// for) does not count.
    pub fn pending_messages(&self) -> Result<u64, StoreError> {
        let (state, _) = MessageState::Pending.columns();
        Ok(self
            .tx
            .value::<Uint>(
                "SELECT count(DISTINCT o.message_id) FROM outbox o JOIN message m ON m.message_id = o.message_id
                 WHERE o.taken_ms IS NULL AND o.shown = 1 AND m.state = ?1",
                [state],
            )?
            .0)
    }

    /// Whether a message of a conversation is queued for a device.
    pub fn has_shown(&self, device: PeerDeviceId) -> Result<bool, StoreError> {
        self.tx.value(
            "SELECT EXISTS (SELECT 1 FROM outbox WHERE peer_device = ?1 AND taken_ms IS NULL AND shown = 1)",
            [device],
        )
    }

    /// Whether something is queued for a device that no conversation shows.
    pub fn has_hidden(&self, device: PeerDeviceId) -> Result<bool, StoreError> {
        self.tx.value(
            "SELECT EXISTS (SELECT 1 FROM outbox WHERE peer_device = ?1 AND taken_ms IS NULL AND shown = 0)",
            [device],
        )
    }
}
