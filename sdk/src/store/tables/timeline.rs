//! Timelines: messages, and among them the gaps that are shown, in one order; and what a row of one needs of other tables.
//!
//! Invariant: what is read is bounded by its limit, in a number of queries that does not depend on it.

use super::gaps::{GAP_COLUMNS, GapRow, Missing, read_gap};
use super::messages::{COLUMNS, MessageKind, MessageRow, Messages, Position, read, stored};
use super::{Contacts, StoreError, page};
use crate::store::ids::{ContactId, ConversationId, Uint, account_id};
use crate::store::limits::PREVIEW_CHARS;
use undertone_protocol::account::AccountId;
use undertone_protocol::content::MessageId;
use undertone_protocol::device::DeviceId;

/// A row of a timeline.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TimelineEntry {
    /// A message.
    Message(MessageRow),
    /// Something that is missing.
    Gap(GapRow, Position),
}

impl MessageRow {
    /// Whether a timeline shows it.
    #[must_use]
    pub fn is_shown(&self) -> bool {
        self.message.kind != MessageKind::Removed
    }
}

impl TimelineEntry {
    /// Its place. A gap is right before what came behind it, if that is a message.
    #[must_use]
    pub fn position(&self) -> Position {
        match self {
            Self::Message(row) => row.position(),
            Self::Gap(_, position) => *position,
        }
    }
}

/// A part of a timeline, without its ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Span {
    /// Older than this.
    pub before: Option<Position>,
    /// Newer than this.
    pub after: Option<Position>,
}

/// Which way the rows of a span are read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Towards {
    /// The newest first.
    Older,
    /// The oldest first.
    Newer,
}

impl Towards {
    const fn sql(self) -> &'static str {
        match self {
            Self::Older => "DESC",
            Self::Newer => "ASC",
        }
    }
}

/// What a row shows of another message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct QuotedRow {
    /// Which.
    pub message: MessageId,
    /// What it is.
    pub kind: MessageKind,
    /// Who wrote it; `None` is this account.
    pub sender: Option<ContactId>,
    /// Whether it says something else than at first.
    pub edited: bool,
    /// The beginning of its text.
    pub body: String,
    /// What it has beside its text, when it has no text.
    pub parts: Option<Vec<u8>>,
    /// The beginning of what its kind keeps there.
    pub extra: Option<Vec<u8>>,
}

/// What somebody is called.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NamedContact {
    /// Who.
    pub id: ContactId,
    /// The account.
    pub account: AccountId,
    /// The name.
    pub name: String,
}

/// Beyond every clock that is stored.
const END: Uint = Uint(i64::MAX.unsigned_abs());

type Bound = (Uint, [u8; 16], Uint);

impl Span {
    /// The ends, which lie beyond every row where there is none.
    fn bounds(&self) -> (Bound, Option<Bound>) {
        let bound = |place: Position| {
            let device = *place.sender_device.as_bytes();
            (stored(place.clock), device, Uint(place.seq))
        };
        let before = self.before.map_or((END, [0; 16], Uint(0)), bound);
        (before, self.after.map(bound))
    }
}

impl Messages<'_> {
    /// Messages and shown gaps in a span of a conversation, at most `limit`, in the order in which they are read.
    pub fn timeline(
        &self,
        conversation: ConversationId,
        span: &Span,
        towards: Towards,
        limit: usize,
    ) -> Result<Vec<TimelineEntry>, StoreError> {
        let ((clock, device, seq), after) = span.bounds();
        // No device's id is zeros: nothing is there.
        let (after_clock, after_device, after_seq) = after.unwrap_or((Uint(0), [0; 16], Uint(0)));
        let params = (
            conversation,
            clock,
            device,
            seq,
            after_clock,
            after_device,
            after_seq,
            page(limit),
        );
        let order = towards.sql();
        let mut entries = self.tx.all(
            &format!(
                "SELECT {COLUMNS} FROM message m WHERE m.conversation = ?1 AND m.kind <> 4
                     AND (m.clock, m.sender_device, m.seq) < (?2, ?3, ?4) AND (m.clock, m.sender_device, m.seq) > (?5, ?6, ?7)
                 ORDER BY m.clock {order}, m.sender_device {order}, m.seq {order} LIMIT ?8"
            ),
            params,
            |row| Ok(TimelineEntry::Message(read(row)?)),
        )?;
        let gaps = self.tx.all(
            &format!(
                "SELECT {GAP_COLUMNS}, d.device FROM gap g JOIN peer_device d ON d.id = g.peer_device
                 WHERE g.conversation = ?1 AND g.shown = 1
                     AND (g.clock, d.device, g.last) < (?2, ?3, ?4) AND (g.clock, d.device, g.last) > (?5, ?6, ?7)
                 ORDER BY g.clock {order}, d.device {order}, g.last {order} LIMIT ?8"
            ),
            params,
            |row| {
                let device = DeviceId::from_bytes(row.get(12)?);
                Ok(place(read_gap(row)?, device))
            },
        )?;
        if !gaps.is_empty() {
            entries.extend(gaps.into_iter().flatten());
            entries.sort_by_key(TimelineEntry::position);
            if towards == Towards::Older {
                entries.reverse();
            }
            entries.truncate(limit);
        }
        Ok(entries)
    }

    /// What is here, in a conversation, of the messages that others quote. In no order.
    pub fn quoted(
        &self,
        conversation: ConversationId,
        messages: &[MessageId],
    ) -> Result<Vec<QuotedRow>, StoreError> {
        if messages.is_empty() {
            return Ok(Vec::new());
        }
        self.tx.all(
            "SELECT message_id, kind, sender, edited_clock IS NOT NULL, substr(body, 1, ?3),
                 CASE WHEN body = '' THEN parts END, substr(extra, 1, 4) FROM message
             WHERE conversation = ?1 AND message_id IN (SELECT unhex(value) FROM json_each(?2))",
            (
                conversation,
                hex_list(messages.iter().map(MessageId::as_bytes)),
                i64::try_from(PREVIEW_CHARS).unwrap_or(i64::MAX),
            ),
            |row| {
                let sender: ContactId = row.get(2)?;
                Ok(QuotedRow {
                    message: MessageId::from_bytes(row.get(0)?),
                    kind: row.get(1)?,
                    sender: (sender.get() != super::messages::OWN).then_some(sender),
                    edited: row.get(3)?,
                    body: row.get(4)?,
                    parts: row.get(5)?,
                    extra: row.get(6)?,
                })
            },
        )
    }
}

impl Contacts<'_> {
    /// What contacts are called, by their ids and by their accounts. In no order.
    pub fn names(
        &self,
        contacts: &[ContactId],
        accounts: &[AccountId],
    ) -> Result<Vec<NamedContact>, StoreError> {
        if contacts.is_empty() && accounts.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<String> = contacts.iter().map(|id| id.get().to_string()).collect();
        self.tx.all(
            "SELECT id, account, name FROM contact WHERE id IN (SELECT value FROM json_each(?1))
                 OR account IN (SELECT unhex(value) FROM json_each(?2))",
            (
                format!("[{}]", ids.join(",")),
                hex_list(accounts.iter().map(AccountId::as_bytes)),
            ),
            |row| {
                Ok(NamedContact {
                    id: row.get(0)?,
                    account: account_id(row.get(1)?)?,
                    name: row.get(2)?,
                })
            },
        )
    }
}

/// A hole of a stream with its place; an envelope that did not open has none.
fn place(row: GapRow, device: DeviceId) -> Option<TimelineEntry> {
    let Missing::Stream { last, clock, .. } = row.missing else {
        return None;
    };
    let position = Position {
        clock,
        sender_device: device,
        seq: last,
    };
    Some(TimelineEntry::Gap(row, position))
}

/// A JSON array of bytes in hexadecimal, for `json_each`.
fn hex_list<'a, const N: usize>(ids: impl Iterator<Item = &'a [u8; N]>) -> String {
    let hex = |id: &[u8; N]| -> String { id.iter().map(|byte| format!("{byte:02X}")).collect() };
    let quoted: Vec<String> = ids.map(|id| format!("\"{}\"", hex(id))).collect();
    format!("[{}]", quoted.join(","))
}
