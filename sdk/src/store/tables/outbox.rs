//! The outbox: what is to be sent, one row per envelope and recipient mailbox, in strict order per mailbox.
//!
//! Only the oldest row of a mailbox is ever due, so that a dead relay or a full mailbox holds back nobody else's messages
//! and never reorders its own.

use rusqlite::Row;

use super::{StoreError, Tx, exactly_one, page, table};
use crate::store::ids::{
    EnvelopeId, MailboxId, MessageId, OutboxId, PeerDeviceId, SessionId, Timestamp, Uint, at, coded,
};

coded! {
    /// What a row waits for, besides its turn.
    pub enum OutboxHold {
        /// Nothing.
        None = 0,
        /// A session: its content is not encrypted yet.
        Session = 1,
        /// That the recipient accepts: strangers' follow-ups are refused until then.
        Acceptance = 2,
    }
}

/// What a row sends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum OutboxBody {
    /// A finished envelope: the same bytes at every attempt.
    Envelope(Vec<u8>),
    /// Content that is encrypted when there is a session.
    Content(Vec<u8>),
}

/// A row to be queued.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewOutbox {
    /// The recipient's mailbox.
    pub mailbox: MailboxId,
    /// The relay that has it.
    pub relay: String,
    /// The recipient.
    pub peer_device: PeerDeviceId,
    /// What the relay recognises a repetition by.
    pub envelope_id: EnvelopeId,
    /// The message that it carries, when that is one that is shown.
    pub message_id: Option<MessageId>,
    /// The type in the content header.
    pub content_type: u16,
    /// Session and number under which an envelope was encrypted.
    pub encrypted_as: Option<(SessionId, u32)>,
    /// What is sent.
    pub body: OutboxBody,
    /// What it waits for.
    pub hold: OutboxHold,
    /// Whether the recipient's device is to be woken.
    pub wake: bool,
    /// Not before.
    pub next_attempt: Timestamp,
    /// Now.
    pub created: Timestamp,
    /// When to give up.
    pub expires: Timestamp,
}

/// A queued row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OutboxRow {
    /// The row.
    pub id: OutboxId,
    /// Attempts made.
    pub attempts: u32,
    /// What was queued, as it is now.
    pub item: NewOutbox,
}

table! {
    /// What is to be sent.
    Outbox, outbox
}

const COLUMNS: &str = "o.id, o.attempts, o.mailbox, o.relay, o.peer_device, o.envelope_id, o.message_id, o.content_type,
    o.session, o.n, o.body_kind, o.body, o.hold, o.wake, o.next_attempt_ms, o.created_ms, o.expires_ms";

/// The oldest row of each mailbox, found by skipping from mailbox to mailbox in the index.
const HEADS: &str = "WITH RECURSIVE box (mailbox) AS (
        SELECT min(mailbox) FROM outbox
        UNION ALL
        SELECT (SELECT min(mailbox) FROM outbox WHERE mailbox > box.mailbox) FROM box WHERE box.mailbox IS NOT NULL
    ), head (id) AS (
        SELECT (SELECT min(id) FROM outbox WHERE mailbox = box.mailbox) FROM box WHERE box.mailbox IS NOT NULL
    )";

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
    let session: Option<[u8; 16]> = row.get(8)?;
    let n: Option<u32> = row.get(9)?;
    let body = match row.get::<_, i64>(10)? {
        ENVELOPE => OutboxBody::Envelope(row.get(11)?),
        CONTENT => OutboxBody::Content(row.get(11)?),
        other => return Err(rusqlite::Error::IntegralValueOutOfRange(10, other)),
    };
    Ok(OutboxRow {
        id: row.get(0)?,
        attempts: row.get(1)?,
        item: NewOutbox {
            mailbox: MailboxId::from_bytes(row.get(2)?),
            relay: row.get(3)?,
            peer_device: row.get(4)?,
            envelope_id: EnvelopeId::from_bytes(row.get(5)?),
            message_id: row.get::<_, Option<[u8; 16]>>(6)?.map(MessageId),
            content_type: row.get(7)?,
            encrypted_as: session.map(SessionId::from_bytes).zip(n),
            body,
            hold: row.get(12)?,
            wake: row.get(13)?,
            next_attempt: row.get::<_, Uint>(14)?.into(),
            created: row.get::<_, Uint>(15)?.into(),
            expires: row.get::<_, Uint>(16)?.into(),
        },
    })
}

impl Outbox<'_> {
    /// Queues a row behind all others of its mailbox.
    pub fn insert(&self, item: &NewOutbox) -> Result<OutboxId, StoreError> {
        let (kind, body) = item.body.parts();
        let session = item
            .encrypted_as
            .as_ref()
            .map(|(session, _)| session.as_bytes());
        self.tx
            .insert(
                "INSERT INTO outbox (mailbox, relay, peer_device, envelope_id, message_id, content_type, session, n,
                     body_kind, body, hold, wake, next_attempt_ms, created_ms, expires_ms)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
                rusqlite::params![
                    item.mailbox.as_bytes(),
                    item.relay,
                    item.peer_device,
                    item.envelope_id.as_bytes(),
                    item.message_id.map(|id| id.0),
                    item.content_type,
                    session,
                    item.encrypted_as.map(|(_, n)| n),
                    kind,
                    body,
                    item.hold,
                    item.wake,
                    at(item.next_attempt),
                    at(item.created),
                    at(item.expires),
                ],
            )
            .map(OutboxId::new)
    }

    /// A row.
    pub fn get(&self, id: OutboxId) -> Result<Option<OutboxRow>, StoreError> {
        self.tx.one(
            &format!("SELECT {COLUMNS} FROM outbox o WHERE o.id = ?1"),
            [id],
            read,
        )
    }

    /// The oldest row of each mailbox that may be sent at `now`: its time has come and nothing holds it.
    pub fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<OutboxRow>, StoreError> {
        self.tx.all(
            &format!(
                "{HEADS} SELECT {COLUMNS} FROM head JOIN outbox o ON o.id = head.id
                 WHERE o.hold = 0 AND o.next_attempt_ms <= ?1 ORDER BY o.next_attempt_ms, o.id LIMIT ?2"
            ),
            (at(now), page(limit)),
            read,
        )
    }

    /// The oldest rows of one mailbox, in order, whatever holds them.
    pub fn of_mailbox(
        &self,
        mailbox: &MailboxId,
        limit: usize,
    ) -> Result<Vec<OutboxRow>, StoreError> {
        self.tx.all(
            &format!("SELECT {COLUMNS} FROM outbox o WHERE o.mailbox = ?1 ORDER BY o.id LIMIT ?2"),
            (mailbox.as_bytes(), page(limit)),
            read,
        )
    }

    /// The oldest rows for one device, in order, that wait for `hold`.
    pub fn held(
        &self,
        device: PeerDeviceId,
        hold: OutboxHold,
        limit: usize,
    ) -> Result<Vec<OutboxRow>, StoreError> {
        self.tx.all(
            &format!("SELECT {COLUMNS} FROM outbox o WHERE o.peer_device = ?1 AND o.hold = ?2 ORDER BY o.id LIMIT ?3"),
            (device, hold, page(limit)),
            read,
        )
    }

    /// When the next row that nothing holds becomes due.
    pub fn next_attempt(&self) -> Result<Option<Timestamp>, StoreError> {
        let next: Option<Uint> = self.tx.value(
            &format!("{HEADS} SELECT min(o.next_attempt_ms) FROM head JOIN outbox o ON o.id = head.id WHERE o.hold = 0"),
            [],
        )?;
        Ok(next.map(Into::into))
    }

    /// When the next row expires.
    pub fn next_expiry(&self) -> Result<Option<Timestamp>, StoreError> {
        let next: Option<Uint> = self.tx.value("SELECT min(expires_ms) FROM outbox", [])?;
        Ok(next.map(Into::into))
    }

    /// An attempt failed: the next one is not before `next`.
    pub fn retry_at(&self, id: OutboxId, next: Timestamp) -> Result<(), StoreError> {
        exactly_one(self.tx.run(
            "UPDATE outbox SET attempts = attempts + 1, next_attempt_ms = ?2 WHERE id = ?1",
            (id, at(next)),
        )?)
    }

    /// Content became an envelope, under its number in a session.
    pub fn set_envelope(
        &self,
        id: OutboxId,
        envelope: &[u8],
        encrypted_as: (&SessionId, u32),
        hold: OutboxHold,
    ) -> Result<(), StoreError> {
        exactly_one(self.tx.run(
            "UPDATE outbox SET body_kind = ?2, body = ?3, session = ?4, n = ?5, hold = ?6 WHERE id = ?1",
            (id, ENVELOPE, envelope, encrypted_as.0.as_bytes(), encrypted_as.1, hold),
        )?)
    }

    /// Turns an envelope back into content, to be encrypted for another session under a new envelope id.
    pub fn set_content(
        &self,
        id: OutboxId,
        content: &[u8],
        envelope_id: &EnvelopeId,
    ) -> Result<(), StoreError> {
        exactly_one(self.tx.run(
            "UPDATE outbox SET body_kind = ?2, body = ?3, session = NULL, n = NULL, hold = ?4, envelope_id = ?5
             WHERE id = ?1",
            (id, CONTENT, content, OutboxHold::Session, envelope_id.as_bytes()),
        )?)
    }

    /// Changes what a device's rows wait for: all that wait for `from` now wait for `to`, and may be sent at once.
    pub fn release(
        &self,
        device: PeerDeviceId,
        from: OutboxHold,
        to: OutboxHold,
        now: Timestamp,
    ) -> Result<usize, StoreError> {
        self.tx.run(
            "UPDATE outbox SET hold = ?3, next_attempt_ms = ?4 WHERE peer_device = ?1 AND hold = ?2",
            (device, from, to, at(now)),
        )
    }

    /// The relay of a device's mailbox came back, or the device moved: its rows may be sent at `now`, there.
    pub fn redirect(
        &self,
        device: PeerDeviceId,
        mailbox: &MailboxId,
        relay: &str,
        now: Timestamp,
    ) -> Result<usize, StoreError> {
        self.tx.run(
            "UPDATE outbox SET mailbox = ?2, relay = ?3, next_attempt_ms = ?4 WHERE peer_device = ?1",
            (device, mailbox.as_bytes(), relay, at(now)),
        )
    }

    /// Everything for a relay may be tried at `now`: it answers again.
    pub fn retry_relay(&self, relay: &str, now: Timestamp) -> Result<usize, StoreError> {
        self.tx.run(
            "UPDATE outbox SET next_attempt_ms = ?2 WHERE relay = ?1 AND next_attempt_ms > ?2",
            (relay, at(now)),
        )
    }

    /// Removes a row: it was sent, or given up.
    pub fn remove(&self, id: OutboxId) -> Result<(), StoreError> {
        exactly_one(self.tx.run("DELETE FROM outbox WHERE id = ?1", [id])?)
    }

    /// Removes what belongs to a message (it was deleted before it was sent). Returns how many rows.
    pub fn remove_message(&self, message: &MessageId) -> Result<usize, StoreError> {
        self.tx
            .run("DELETE FROM outbox WHERE message_id = ?1", [message.0])
    }

    /// Rows that expired by `now`, oldest first.
    pub fn expired(&self, now: Timestamp, limit: usize) -> Result<Vec<OutboxRow>, StoreError> {
        self.tx.all(
            &format!(
                "SELECT {COLUMNS} FROM outbox o WHERE o.expires_ms <= ?1 ORDER BY o.id LIMIT ?2"
            ),
            (at(now), page(limit)),
            read,
        )
    }

    /// How many envelopes of a message are still queued.
    pub fn remaining(&self, message: &MessageId) -> Result<u64, StoreError> {
        Ok(self
            .tx
            .value::<Uint>(
                "SELECT count(*) FROM outbox WHERE message_id = ?1",
                [message.0],
            )?
            .0)
    }

    /// How many rows are queued.
    pub fn count(&self) -> Result<u64, StoreError> {
        Ok(self.tx.value::<Uint>("SELECT count(*) FROM outbox", [])?.0)
    }
}
