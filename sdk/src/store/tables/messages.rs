//! Messages and their full-text index, which change together.

use rusqlite::Row;

use super::kinds::kinds_of;
use super::reactions::{self, Reaction};
use super::{StoreError, Tx, exactly_one, page, table};
use crate::store::ids::{ContactId, ConversationId, MessageRowId, Uint, at, coded};
use crate::store::limits::{BULK_REMOVAL_MESSAGES, MAX_PAGE_ROWS};
use undertone_protocol::content::{Hlc, MessageId};
use undertone_protocol::device::DeviceId;
use undertone_protocol::time::Timestamp;

coded! {
    /// What a message is.
    pub enum MessageKind {
        /// Text: the body.
        Text = 1,
        /// A type that this version does not know: kept in [`NewMessage::extra`] for one that does.
        Unsupported = 2,
        /// Its author took it back: nothing is left of it but its place.
        Deleted = 3,
        /// The user deleted it here: nothing is left of it but its id, so that it does not come back. Never read in a page.
        Removed = 4,
        /// Somebody set the timer of the conversation: [`NewMessage::extra`] holds the seconds, 32 bits, 0 for none.
        TimerSet = 5,
        /// Something about a contact's identity is new or wrong: [`NewMessage::extra`] holds what, in one byte. Made by this device
        /// alone.
        IdentityChanged = 6,
        /// It is shown once, and was not yet: [`NewMessage::extra`] holds what was received of it, nothing of an own one.
        ViewOnce = 10,
        /// It was shown once: nothing is left of it but its place.
        Viewed = 11,
    }
}

coded! {
    /// Why a message was given up.
    pub enum FailureReason {
        /// Its envelope is larger than the relay takes.
        TooLarge = 1,
        /// The relay calls it malformed: a defect of the SDK or of the relay.
        RefusedByRelay = 2,
    }
}

/// How far a message has come.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum MessageState {
    /// Somebody else's.
    Received,
    /// In the outbox.
    Pending,
    /// Durable at the relay of a recipient.
    Sent,
    /// Confirmed by a recipient's device.
    Delivered,
    /// Read by a recipient.
    Read,
    /// Given up for a reason that somebody can act on.
    Failed(FailureReason),
    /// Given up after its time.
    Expired,
}

impl MessageState {
    /// Whether a message may go from this state to another. Confirmations win over everything, and never go back; a message
    /// that was given up may be tried again.
    #[must_use]
    pub fn may_become(self, next: Self) -> bool {
        match next {
            Self::Received => false,
            Self::Pending => matches!(self, Self::Failed(_) | Self::Expired),
            Self::Sent | Self::Failed(_) => matches!(self, Self::Pending | Self::Expired),
            Self::Expired => matches!(self, Self::Pending | Self::Sent),
            Self::Delivered => !matches!(self, Self::Received | Self::Delivered | Self::Read),
            Self::Read => !matches!(self, Self::Received | Self::Read),
        }
    }

    /// The state and the reason, as columns.
    pub(super) fn columns(self) -> (i64, Option<FailureReason>) {
        match self {
            Self::Received => (0, None),
            Self::Pending => (1, None),
            Self::Sent => (2, None),
            Self::Delivered => (3, None),
            Self::Read => (4, None),
            Self::Failed(reason) => (5, Some(reason)),
            Self::Expired => (6, None),
        }
    }

    /// See [`Self::columns`].
    pub(super) fn read(state: i64, reason: Option<FailureReason>) -> rusqlite::Result<Self> {
        match (state, reason) {
            (0, None) => Ok(Self::Received),
            (1, None) => Ok(Self::Pending),
            (2, None) => Ok(Self::Sent),
            (3, None) => Ok(Self::Delivered),
            (4, None) => Ok(Self::Read),
            (5, Some(reason)) => Ok(Self::Failed(reason)),
            (6, None) => Ok(Self::Expired),
            _ => Err(rusqlite::Error::IntegralValueOutOfRange(8, state)),
        }
    }
}

/// A message to be stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewMessage {
    /// Where it belongs.
    pub conversation: ConversationId,
    /// Its id.
    pub message_id: MessageId,
    /// Its hybrid logical clock, clamped by the protocol's rule.
    pub clock: Hlc,
    /// Who wrote it; `None` is this account.
    pub sender: Option<ContactId>,
    /// The device that wrote it.
    pub sender_device: DeviceId,
    /// Its number in that device's stream.
    pub seq: u64,
    /// What it is.
    pub kind: MessageKind,
    /// How far it has come.
    pub state: MessageState,
    /// When its sender says that it was written.
    pub sent: Timestamp,
    /// When it came here.
    pub stored: Timestamp,
    /// Its text; empty when it is not text.
    pub body: String,
    /// What it has beside its text, as [`Post::parts`](undertone_protocol::content::Post::parts) writes it.
    pub parts: Option<Vec<u8>>,
    /// Seconds after which it disappears once it was read.
    pub timer: Option<u32>,
    /// Content of a type that this version does not know; of another kind, what [`MessageKind`] says.
    pub extra: Option<Vec<u8>>,
    /// Whether it names this account, or answers what this account wrote.
    pub mentions_me: bool,
}

/// A stored message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MessageRow {
    /// The row.
    pub id: MessageRowId,
    /// The message.
    pub message: NewMessage,
    /// The clock of the edit that made its text what it is.
    pub edited: Option<Hlc>,
    /// When it disappears.
    pub expires: Option<Timestamp>,
    /// What people think of it.
    pub reactions: Vec<Reaction>,
}

impl MessageRow {
    /// The place of this message in its timeline.
    #[must_use]
    pub fn position(&self) -> Position {
        Position {
            clock: self.message.clock,
            sender_device: self.message.sender_device,
            seq: self.message.seq,
        }
    }
}

/// A place in a timeline. This order is the same on every device.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Position {
    /// The message's clock.
    pub clock: Hlc,
    /// Among equal clocks, the device that wrote it.
    pub sender_device: DeviceId,
    /// Among equal clocks of one device, its number in that device's stream.
    pub seq: u64,
}

/// What inserting a message found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Inserted {
    /// It is new.
    New(MessageRowId),
    /// A message with this id is there already, and was left as it is.
    Duplicate(MessageRowId),
}

table! {
    /// Messages.
    Messages, messages
}

/// The columns of a message, for `FROM message m`.
pub(in crate::store) const COLUMNS: &str =
    "m.id, m.conversation, m.clock, m.message_id, m.sender, m.sender_device,
    m.seq, m.kind, m.state, m.failure, m.sent_ms, m.stored_ms, m.body, m.extra, m.parts, m.edited_clock,
    m.timer_s, m.expires_ms,
    (SELECT group_concat(sender || char(31) || emoji, char(30) ORDER BY id) FROM reaction WHERE message = m.id AND emoji <> ''),
    m.mentions_me";

/// This account, as a sender.
pub(super) const OWN: i64 = 0;

/// The latest clock that is kept, in the year 4199: a later one counts as this. Leaves room for row numbers above it.
const MAX_CLOCK: u64 = (1 << 62) - 1;

/// A clock as it is stored.
pub(super) fn stored(clock: Hlc) -> Uint {
    Uint(clock.as_packed().min(MAX_CLOCK))
}

pub(in crate::store) fn read(row: &Row<'_>) -> rusqlite::Result<MessageRow> {
    let sender: ContactId = row.get(4)?;
    Ok(MessageRow {
        id: row.get(0)?,
        message: NewMessage {
            conversation: row.get(1)?,
            clock: Hlc::from_packed(row.get::<_, Uint>(2)?.0),
            message_id: MessageId::from_bytes(row.get(3)?),
            sender: (sender.get() != OWN).then_some(sender),
            sender_device: DeviceId::from_bytes(row.get(5)?),
            seq: row.get::<_, Uint>(6)?.0,
            kind: row.get(7)?,
            state: MessageState::read(row.get(8)?, row.get(9)?)?,
            sent: row.get::<_, Uint>(10)?.into(),
            stored: row.get::<_, Uint>(11)?.into(),
            body: row.get(12)?,
            extra: row.get(13)?,
            parts: row.get(14)?,
            timer: row.get(16)?,
            mentions_me: row.get(19)?,
        },
        edited: row
            .get::<_, Option<Uint>>(15)?
            .map(|clock| Hlc::from_packed(clock.0)),
        expires: row.get::<_, Option<Uint>>(17)?.map(Into::into),
        reactions: reactions::read_all(row.get(18)?)?,
    })
}

impl Messages<'_> {
    /// Stores a message, indexes its text and updates its conversation. A known message id changes nothing.
    pub fn insert(&self, message: &NewMessage) -> Result<Inserted, StoreError> {
        if let Some(id) = self.row_of(&message.message_id)? {
            return Ok(Inserted::Duplicate(id));
        }
        let row = self.free_row(message.clock)?;
        let (state, failure) = message.state.columns();
        self.tx.insert(
            "INSERT INTO message (id, conversation, clock, message_id, sender, sender_device, seq, kind, state, failure, sent_ms,
                 stored_ms, body, extra, parts, timer_s, mentions_me, kinds)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)",
            rusqlite::params![
                row,
                message.conversation,
                stored(message.clock),
                message.message_id.as_bytes(),
                message.sender.map_or(OWN, ContactId::get),
                message.sender_device.as_bytes(),
                Uint(message.seq),
                message.kind,
                state,
                failure,
                at(message.sent),
                at(message.stored),
                message.body,
                message.extra,
                message.parts,
                message.timer,
                message.mentions_me,
                kinds_of(&message.body, message.parts.as_deref()),
            ],
        )?;
        let row = MessageRowId::new(row);
        self.index(row)?;
        self.tx.conversations().message_added(message)?;
        Ok(Inserted::New(row))
    }

    /// A message.
    pub fn get(&self, id: &MessageId) -> Result<Option<MessageRow>, StoreError> {
        self.tx.one(
            &format!("SELECT {COLUMNS} FROM message m WHERE m.message_id = ?1"),
            [id.as_bytes()],
            read,
        )
    }

    /// Whether a message is known.
    pub fn contains(&self, id: &MessageId) -> Result<bool, StoreError> {
        Ok(self.row_of(id)?.is_some())
    }

    /// Messages of a conversation before a position (at the end, with `None`), newest first.
    pub fn before(
        &self,
        conversation: ConversationId,
        position: Option<Position>,
        limit: usize,
    ) -> Result<Vec<MessageRow>, StoreError> {
        match position {
            None => self.tx.all(
                &format!(
                    "SELECT {COLUMNS} FROM message m WHERE m.conversation = ?1 AND m.kind <> 4
                     ORDER BY m.clock DESC, m.sender_device DESC, m.seq DESC LIMIT ?2"
                ),
                (conversation, page(limit)),
                read,
            ),
            Some(position) => self.tx.all(
                &format!(
                    "SELECT {COLUMNS} FROM message m
                     WHERE m.conversation = ?1 AND (m.clock, m.sender_device, m.seq) < (?2, ?3, ?4) AND m.kind <> 4
                     ORDER BY m.clock DESC, m.sender_device DESC, m.seq DESC LIMIT ?5"
                ),
                (
                    conversation,
                    stored(position.clock),
                    position.sender_device.as_bytes(),
                    Uint(position.seq),
                    page(limit),
                ),
                read,
            ),
        }
    }

    /// Messages of a conversation after a position, oldest first.
    pub fn after(
        &self,
        conversation: ConversationId,
        position: Position,
        limit: usize,
    ) -> Result<Vec<MessageRow>, StoreError> {
        self.tx.all(
            &format!(
                "SELECT {COLUMNS} FROM message m
                 WHERE m.conversation = ?1 AND (m.clock, m.sender_device, m.seq) > (?2, ?3, ?4) AND m.kind <> 4
                 ORDER BY m.clock, m.sender_device, m.seq LIMIT ?5"
            ),
            (
                conversation,
                stored(position.clock),
                position.sender_device.as_bytes(),
                Uint(position.seq),
                page(limit),
            ),
            read,
        )
    }

    /// A page of what others wrote in a conversation and the user has not read, up to a clock, oldest first; behind `after`.
    pub fn unread(
        &self,
        conversation: ConversationId,
        after: Option<MessageRowId>,
        up_to: Hlc,
    ) -> Result<Vec<MessageRow>, StoreError> {
        self.tx.all(
            &format!(
                "SELECT {COLUMNS} FROM message m WHERE m.conversation = ?1 AND m.sender <> 0 AND m.kind IN (1, 2)
                     AND m.clock > (SELECT read_clock FROM conversation WHERE id = ?1) AND m.clock <= ?3 AND m.id > ?2
                 ORDER BY m.id LIMIT ?4"
            ),
            (
                conversation,
                after.map_or(0, MessageRowId::get),
                stored(up_to),
                page(MAX_PAGE_ROWS),
            ),
            read,
        )
    }

    /// Moves a message to another state if [`MessageState::may_become`] allows it; the new row then, `None` when nothing
    /// changed or there is no such message.
    pub fn advance(
        &self,
        id: &MessageId,
        state: MessageState,
    ) -> Result<Option<MessageRow>, StoreError> {
        let Some(mut row) = self.get(id)? else {
            return Ok(None);
        };
        if !row.message.state.may_become(state) {
            return Ok(None);
        }
        let (code, failure) = state.columns();
        exactly_one(self.tx.run(
            "UPDATE message SET state = ?2, failure = ?3 WHERE id = ?1",
            (row.id, code, failure),
        )?)?;
        row.message.state = state;
        Ok(Some(row))
    }

    /// Deletes all messages of a conversation. Returns how many.
    pub fn remove_conversation(&self, conversation: ConversationId) -> Result<usize, StoreError> {
        let rows: Vec<MessageRowId> = self.tx.all(
            "SELECT id FROM message WHERE conversation = ?1 ORDER BY id",
            [conversation],
            |row| row.get(0),
        )?;
        // Beyond some hundred messages, one merge of the whole index is cheaper than rewriting a segment for each.
        let bulk = rows.len() > BULK_REMOVAL_MESSAGES;
        if bulk {
            self.set_secure_delete(false)?;
        }
        for row in &rows {
            self.unindex(*row)?;
            self.tx.run("DELETE FROM message WHERE id = ?1", [row])?;
        }
        if bulk {
            self.merge_index()?;
            self.set_secure_delete(true)?;
        }
        self.tx.conversations().messages_removed(conversation)?;
        Ok(rows.len())
    }

    /// Of a conversation, how many messages there are.
    pub fn count(&self, conversation: ConversationId) -> Result<u64, StoreError> {
        Ok(self
            .tx
            .value::<Uint>(
                "SELECT count(*) FROM message WHERE conversation = ?1",
                [conversation],
            )?
            .0)
    }

    fn row_of(&self, id: &MessageId) -> Result<Option<MessageRowId>, StoreError> {
        self.tx.one(
            "SELECT id FROM message WHERE message_id = ?1",
            [id.as_bytes()],
            |row| row.get(0),
        )
    }

    /// The row number for a clock: the clock itself, or the next free number above a block of taken ones.
    fn free_row(&self, clock: Hlc) -> Result<i64, StoreError> {
        const BLOCK: i64 = 0xFFFF;
        let mut row = i64::try_from(stored(clock).0).map_err(|_| StoreError::OutOfRange)?;
        while self
            .tx
            .value::<bool>("SELECT EXISTS (SELECT 1 FROM message WHERE id = ?1)", [row])?
        {
            let end = row.checked_add(BLOCK).ok_or(StoreError::OutOfRange)?;
            let last: i64 = self.tx.value(
                "SELECT max(id) FROM message WHERE id BETWEEN ?1 AND ?2",
                (row, end),
            )?;
            row = last + 1;
        }
        Ok(row)
    }
}
