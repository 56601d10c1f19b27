//! Gaps: what is known to be missing, and how asking for it goes.

use rusqlite::Row;

use super::messages::stored;
use super::{StoreError, Tx, exactly_one, page, table};
use crate::store::ids::{
    ConversationId, GapId, PeerDeviceId, Uint, at, coded, maybe_at, packed, unpacked,
};
use undertone_protocol::content::Hlc;
use undertone_protocol::session::{MessageNumber, SessionId};
use undertone_protocol::time::Timestamp;

coded! {
    /// How far asking for what is missing has come.
    pub enum GapState {
        /// Not asked for yet.
        Open = 1,
        /// Asked for.
        Requested = 2,
        /// The sender no longer has it.
        Unavailable = 3,
    }
}

/// What is missing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Missing {
    /// Messages of a device's stream in a conversation, both numbers included.
    Stream {
        /// The conversation.
        conversation: ConversationId,
        /// The first missing number.
        first: u64,
        /// The last missing number.
        last: u64,
        /// The clock of what came behind it: its place in the timeline.
        clock: Hlc,
    },
    /// An envelope with a valid tag that did not open.
    Envelope {
        /// The session that its tag names.
        session: SessionId,
        /// Its number there.
        number: MessageNumber,
    },
}

/// A gap.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GapRow {
    /// The row.
    pub id: GapId,
    /// The device that sent it.
    pub peer_device: PeerDeviceId,
    /// What is missing.
    pub missing: Missing,
    /// How far asking has come.
    pub state: GapState,
    /// How often it was asked for.
    pub requests: u32,
    /// When it was noticed.
    pub found: Timestamp,
    /// When to ask for it if nothing else flows to the sender.
    pub due: Option<Timestamp>,
}

table! {
    /// What is known to be missing.
    Gaps, gaps
}

/// The columns of a gap, for `FROM gap g`.
pub(super) const GAP_COLUMNS: &str = "g.id, g.peer_device, g.kind, g.conversation, g.session, g.first, g.last, g.state, g.requests, g.found_ms, g.due_ms, g.clock";
const STREAM: i64 = 1;
const ENVELOPE: i64 = 2;

pub(super) fn read_gap(row: &Row<'_>) -> rusqlite::Result<GapRow> {
    let missing = match row.get::<_, i64>(2)? {
        STREAM => Missing::Stream {
            conversation: row.get(3)?,
            first: row.get::<_, Uint>(5)?.0,
            last: row.get::<_, Uint>(6)?.0,
            clock: Hlc::from_packed(row.get::<_, Uint>(11)?.0),
        },
        ENVELOPE => Missing::Envelope {
            session: SessionId::from_bytes(row.get(4)?),
            number: unpacked(row.get(5)?),
        },
        other => return Err(rusqlite::Error::IntegralValueOutOfRange(2, other)),
    };
    Ok(GapRow {
        id: row.get(0)?,
        peer_device: row.get(1)?,
        missing,
        state: row.get(7)?,
        requests: row.get(8)?,
        found: row.get::<_, Uint>(9)?.into(),
        due: row.get::<_, Option<Uint>>(10)?.map(Into::into),
    })
}

fn selected(condition: &str) -> String {
    format!("SELECT {GAP_COLUMNS} FROM gap g WHERE {condition}")
}

impl Gaps<'_> {
    /// Notes that something is missing. `envelope` keeps the bytes that did not open.
    pub fn insert(
        &self,
        device: PeerDeviceId,
        missing: &Missing,
        envelope: Option<&[u8]>,
        found: Timestamp,
        due: Option<Timestamp>,
    ) -> Result<GapId, StoreError> {
        let (kind, conversation, session, first, last, clock) = match missing {
            Missing::Stream {
                conversation,
                first,
                last,
                clock,
            } => {
                let bound = |seq: u64| i64::try_from(seq).map_err(|_| StoreError::OutOfRange);
                let (first, last) = (bound(*first)?, bound(*last)?);
                (STREAM, Some(*conversation), None, first, last, *clock)
            }
            Missing::Envelope { session, number } => {
                let number = packed(*number);
                let session = Some(session.as_bytes());
                (ENVELOPE, None, session, number, number, Hlc::default())
            }
        };
        self.tx
            .insert(
                "INSERT INTO gap (kind, peer_device, conversation, session, first, last, state, found_ms, due_ms,
                     envelope, clock) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
                (
                    kind,
                    device,
                    conversation,
                    session,
                    first,
                    last,
                    GapState::Open,
                    at(found),
                    maybe_at(due),
                    envelope,
                    stored(clock),
                ),
            )
            .map(GapId::new)
    }

    /// A gap.
    pub fn get(&self, id: GapId) -> Result<Option<GapRow>, StoreError> {
        self.tx.one(&selected("id = ?1"), [id], read_gap)
    }

    /// What a device sent and is missing, whatever its state, oldest first.
    pub fn of_device(&self, device: PeerDeviceId, limit: usize) -> Result<Vec<GapRow>, StoreError> {
        self.tx.all(
            &selected("peer_device = ?1 ORDER BY id LIMIT ?2"),
            (device, page(limit)),
            read_gap,
        )
    }

    /// Whether a device has fewer than `most` gaps. Of those with which nothing more is done the oldest makes room.
    pub fn make_room(&self, device: PeerDeviceId, most: usize) -> Result<bool, StoreError> {
        let count = || {
            let sql = "SELECT count(*) FROM gap WHERE peer_device = ?1";
            self.tx.value::<Uint>(sql, [device])
        };
        let most = u64::try_from(most).map_err(|_| StoreError::OutOfRange)?;
        if count()?.0 < most {
            return Ok(true);
        }
        self.tx.run(
            "DELETE FROM gap WHERE id = (SELECT min(id) FROM gap WHERE peer_device = ?1 AND due_ms IS NULL)",
            [device],
        )?;
        Ok(count()?.0 < most)
    }

    /// Devices that sent something that is missing.
    pub fn devices(&self) -> Result<Vec<PeerDeviceId>, StoreError> {
        self.tx.all(
            "SELECT DISTINCT peer_device FROM gap ORDER BY peer_device",
            [],
            |row| row.get(0),
        )
    }

    /// What is missing in a conversation, whatever its state, oldest first.
    pub fn of_conversation(&self, conversation: ConversationId) -> Result<Vec<GapRow>, StoreError> {
        self.tx.all(
            &selected("conversation = ?1 ORDER BY id"),
            [conversation],
            read_gap,
        )
    }

    /// Gaps that are to be asked for by `now`, or at a time beyond `latest`, which only a wrong clock can have set.
    pub fn due(
        &self,
        now: Timestamp,
        latest: Timestamp,
        limit: usize,
    ) -> Result<Vec<GapRow>, StoreError> {
        self.tx.all(
            &selected("due_ms <= ?1 OR due_ms > ?2 ORDER BY due_ms, id LIMIT ?3"),
            (at(now), at(latest), page(limit)),
            read_gap,
        )
    }

    /// It was asked for; `due` is when to ask again.
    pub fn requested(&self, id: GapId, due: Option<Timestamp>) -> Result<(), StoreError> {
        exactly_one(self.tx.run(
            "UPDATE gap SET state = ?2, requests = requests + 1, due_ms = ?3 WHERE id = ?1",
            (id, GapState::Requested, maybe_at(due)),
        )?)
    }

    /// It is not asked for now; `due` is when to look at it again.
    pub fn postponed(&self, id: GapId, due: Option<Timestamp>) -> Result<(), StoreError> {
        exactly_one(self.tx.run(
            "UPDATE gap SET due_ms = ?2 WHERE id = ?1",
            (id, maybe_at(due)),
        )?)
    }

    /// The sender no longer has it: it stays as a row that is shown, and is not asked for again.
    pub fn unavailable(&self, id: GapId) -> Result<(), StoreError> {
        exactly_one(self.tx.run(
            "UPDATE gap SET state = ?2, due_ms = NULL, envelope = NULL WHERE id = ?1",
            (id, GapState::Unavailable),
        )?)
    }

    /// The sender no longer has one envelope.
    pub fn envelope_unavailable(
        &self,
        device: PeerDeviceId,
        session: &SessionId,
        number: MessageNumber,
    ) -> Result<(), StoreError> {
        self.tx.run(
            "UPDATE gap SET state = ?4, due_ms = NULL, envelope = NULL
             WHERE kind = 2 AND peer_device = ?1 AND session = ?2 AND first = ?3",
            (
                device,
                session.as_bytes(),
                packed(number),
                GapState::Unavailable,
            ),
        )?;
        Ok(())
    }

    /// The device is gone: what it sent and is missing stays as rows that are shown, and is not asked for again.
    pub fn device_gone(&self, device: PeerDeviceId) -> Result<(), StoreError> {
        self.tx.run(
            "UPDATE gap SET state = ?2, due_ms = NULL, envelope = NULL WHERE peer_device = ?1",
            (device, GapState::Unavailable),
        )?;
        Ok(())
    }

    /// What is missing in a conversation is shown from now on. Whether anything of it was not before.
    pub fn show(&self, conversation: ConversationId) -> Result<bool, StoreError> {
        let shown = self.tx.run(
            "UPDATE gap SET shown = 1 WHERE conversation = ?1 AND shown = 0",
            [conversation],
        )?;
        Ok(shown > 0)
    }

    /// Conversations in which something is missing that is not shown yet.
    pub fn hidden(&self) -> Result<Vec<ConversationId>, StoreError> {
        self.tx.all(
            "SELECT DISTINCT conversation FROM gap WHERE shown = 0 AND conversation IS NOT NULL",
            [],
            |row| row.get(0),
        )
    }

    /// A number of a stream came after all, with its clock: takes it out of the gap that has it, which may end or split. What is
    /// missing before it is then before it in the timeline too. Without leave to split, that is no longer known to be missing.
    /// Whether there was one.
    pub fn fill_stream(
        &self,
        device: PeerDeviceId,
        conversation: ConversationId,
        (seq, clock): (u64, Hlc),
        may_split: bool,
    ) -> Result<bool, StoreError> {
        let gap = self.tx.one(
            &selected("kind = 1 AND peer_device = ?1 AND conversation = ?2 AND first <= ?3 AND last >= ?3"),
            (device, conversation, Uint(seq)),
            read_gap,
        )?;
        let Some(GapRow {
            id,
            missing: Missing::Stream { first, last, .. },
            ..
        }) = gap
        else {
            return Ok(false);
        };
        if first == last {
            self.remove(id)?;
        } else if seq == first || (seq < last && !may_split) {
            self.tx.run(
                "UPDATE gap SET first = ?2 WHERE id = ?1",
                (id, Uint(seq + 1)),
            )?;
        } else {
            if seq < last {
                self.tx.run(
                    "INSERT INTO gap (kind, peer_device, conversation, first, last, state, requests, found_ms, due_ms, clock, shown)
                     SELECT kind, peer_device, conversation, ?2, last, state, requests, found_ms, due_ms, clock, shown FROM gap
                     WHERE id = ?1",
                    (id, Uint(seq + 1)),
                )?;
            }
            self.tx.run(
                "UPDATE gap SET last = ?2, clock = ?3 WHERE id = ?1",
                (id, Uint(seq - 1), stored(clock)),
            )?;
        }
        Ok(true)
    }

    /// An envelope of a device came again and opened, or its content came another way.
    pub fn fill_envelope(
        &self,
        device: PeerDeviceId,
        session: &SessionId,
        number: MessageNumber,
    ) -> Result<(), StoreError> {
        self.tx.run(
            "DELETE FROM gap WHERE kind = 2 AND peer_device = ?1 AND session = ?2 AND first = ?3",
            (device, session.as_bytes(), packed(number)),
        )?;
        Ok(())
    }

    /// Forgets a gap.
    pub fn remove(&self, id: GapId) -> Result<(), StoreError> {
        exactly_one(self.tx.run("DELETE FROM gap WHERE id = ?1", [id])?)
    }
}
