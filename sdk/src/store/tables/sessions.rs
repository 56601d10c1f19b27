//! Sessions: the hot ratchet state of each and the material of its post-quantum ratchet, sealed.

use rusqlite::Row;
use zeroize::Zeroizing;

use super::{StoreError, Tx, exactly_one, table};
use crate::store::ids::{PeerDeviceId, Uint, at, coded, maybe_at};
use crate::store::seal::Place;
use undertone_protocol::session::{Role, SessionId};
use undertone_protocol::time::Timestamp;

coded! {
    /// Who began the session.
    pub enum SessionRole {
        /// This device.
        Initiator = 1,
        /// The peer.
        Responder = 2,
    }
}

coded! {
    /// What a session is used for.
    pub enum SessionStatus {
        /// Sending and receiving.
        Active = 1,
        /// Receiving only, and sending again if the peer turns out to use it.
        ReceiveOnly = 2,
        /// Receiving only, for good: another one replaced it, or it came to an end.
        Retired = 3,
    }
}

/// A session, without its keys.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SessionRow {
    /// The session.
    pub id: SessionId,
    /// The device at the other end.
    pub peer_device: PeerDeviceId,
    /// Who began it.
    pub role: SessionRole,
    /// What it is used for.
    pub status: SessionStatus,
    /// When it was made.
    pub created: Timestamp,
    /// When something was last encrypted.
    pub last_sent: Option<Timestamp>,
    /// When something was last decrypted.
    pub last_received: Option<Timestamp>,
}

/// A session with its keys, in the protocol's encoding.
pub struct StoredSession {
    /// The session.
    pub row: SessionRow,
    /// Its ratchet state.
    pub state: Zeroizing<Vec<u8>>,
    /// The material of its post-quantum ratchet; may be empty.
    pub pq_material: Zeroizing<Vec<u8>>,
}

/// What a step was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SessionStep {
    /// Something was encrypted.
    Sent,
    /// Something was decrypted.
    Received,
    /// Neither: secrets that it needs no more were deleted.
    Retired,
}

impl From<Role> for SessionRole {
    fn from(role: Role) -> Self {
        match role {
            Role::Initiator => Self::Initiator,
            Role::Responder => Self::Responder,
        }
    }
}

table! {
    /// Sessions.
    Sessions, sessions
}

const COLUMNS: &str = "SELECT sid, peer_device, role, status, created_ms, last_sent_ms, last_received_ms FROM session";

fn read(row: &Row<'_>) -> rusqlite::Result<SessionRow> {
    Ok(SessionRow {
        id: SessionId::from_bytes(row.get(0)?),
        peer_device: row.get(1)?,
        role: row.get(2)?,
        status: row.get(3)?,
        created: row.get::<_, Uint>(4)?.into(),
        last_sent: row.get::<_, Option<Uint>>(5)?.map(Into::into),
        last_received: row.get::<_, Option<Uint>>(6)?.map(Into::into),
    })
}

fn place(id: &SessionId) -> Place<'_> {
    Place {
        table: "session",
        column: "state",
        row: id.as_bytes(),
    }
}

fn pq_place(id: &SessionId) -> Place<'_> {
    Place {
        table: "session_pq",
        column: "material",
        row: id.as_bytes(),
    }
}

impl Sessions<'_> {
    /// Adds a session. [`StoreError::Constraint`] when it exists.
    pub fn insert(&self, session: &SessionRow, state: &[u8]) -> Result<(), StoreError> {
        self.tx.insert(
            "INSERT INTO session (sid, peer_device, role, status, created_ms, last_sent_ms, last_received_ms, state,
                 archived_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, CASE WHEN ?4 = ?9 THEN NULL ELSE ?5 END)",
            (
                session.id.as_bytes(),
                session.peer_device,
                session.role,
                session.status,
                at(session.created),
                maybe_at(session.last_sent),
                maybe_at(session.last_received),
                self.tx.seal(&place(&session.id), state)?,
                SessionStatus::Active,
            ),
        )?;
        Ok(())
    }

    /// A session.
    pub fn get(&self, id: &SessionId) -> Result<Option<SessionRow>, StoreError> {
        self.tx
            .one(&format!("{COLUMNS} WHERE sid = ?1"), [id.as_bytes()], read)
    }

    /// The sessions with a device, newest first.
    pub fn of_device(&self, device: PeerDeviceId) -> Result<Vec<SessionRow>, StoreError> {
        self.tx.all(
            &format!("{COLUMNS} WHERE peer_device = ?1 ORDER BY created_ms DESC, sid"),
            [device],
            read,
        )
    }

    /// A session's ratchet state.
    pub fn state(&self, id: &SessionId) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        let sealed: Option<Vec<u8>> = self.tx.one(
            "SELECT state FROM session WHERE sid = ?1",
            [id.as_bytes()],
            |row| row.get(0),
        )?;
        sealed
            .map(|sealed| self.tx.open(&place(id), &sealed))
            .transpose()
    }

    /// All sessions with their keys, most recently used first: read once when the engine starts.
    pub fn all(&self) -> Result<Vec<StoredSession>, StoreError> {
        let rows = self.tx.all(
            "SELECT sid, peer_device, role, status, created_ms, last_sent_ms, last_received_ms, state, material
             FROM session LEFT JOIN session_pq ON session = sid
             ORDER BY max(created_ms, coalesce(last_sent_ms, 0), coalesce(last_received_ms, 0)) DESC, sid",
            [],
            |row| Ok((read(row)?, row.get::<_, Vec<u8>>(7)?, row.get::<_, Option<Vec<u8>>>(8)?)),
        )?;
        rows.into_iter()
            .map(|(row, state, material)| {
                let state = self.tx.open(&place(&row.id), &state)?;
                let material = material.map(|sealed| self.tx.open(&pq_place(&row.id), &sealed));
                Ok(StoredSession {
                    row,
                    state,
                    pq_material: material.transpose()?.unwrap_or_default(),
                })
            })
            .collect()
    }

    /// Replaces the material of a session's post-quantum ratchet; empty: there is none.
    pub fn set_pq_material(&self, id: &SessionId, material: &[u8]) -> Result<(), StoreError> {
        if material.is_empty() {
            self.tx
                .run("DELETE FROM session_pq WHERE session = ?1", [id.as_bytes()])?;
        } else {
            self.tx.run(
                "INSERT INTO session_pq (session, material) VALUES (?1, ?2)
                 ON CONFLICT (session) DO UPDATE SET material = excluded.material",
                (id.as_bytes(), self.tx.seal(&pq_place(id), material)?),
            )?;
        }
        Ok(())
    }

    /// Replaces a session's ratchet state after a step.
    pub fn advance(
        &self,
        id: &SessionId,
        state: &[u8],
        step: SessionStep,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let sealed = self.tx.seal(&place(id), state)?;
        let sql = match step {
            SessionStep::Sent => "UPDATE session SET state = ?2, last_sent_ms = ?3 WHERE sid = ?1",
            SessionStep::Received => {
                "UPDATE session SET state = ?2, last_received_ms = ?3 WHERE sid = ?1"
            }
            SessionStep::Retired => {
                let sql = "UPDATE session SET state = ?2 WHERE sid = ?1";
                return exactly_one(self.tx.run(sql, (id.as_bytes(), sealed))?);
            }
        };
        exactly_one(self.tx.run(sql, (id.as_bytes(), sealed, at(now)))?)
    }

    /// Changes what a session is used for, from `now` on. One that only received counts on from when it began to.
    pub fn set_status(
        &self,
        id: &SessionId,
        status: SessionStatus,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        exactly_one(self.tx.run(
            "UPDATE session SET status = ?2,
                 archived_ms = CASE WHEN ?2 = ?3 THEN NULL ELSE coalesce(archived_ms, ?4) END
             WHERE sid = ?1",
            (id.as_bytes(), status, SessionStatus::Active, at(now)),
        )?)
    }

    /// Sessions that have only received since before `cut`, and received nothing since.
    pub fn idle_before(&self, cut: Timestamp) -> Result<Vec<SessionId>, StoreError> {
        self.tx.all(
            "SELECT sid FROM session WHERE max(archived_ms, coalesce(last_received_ms, 0)) < ?1 ORDER BY sid",
            [at(cut)],
            |row| Ok(SessionId::from_bytes(row.get(0)?)),
        )
    }

    /// Deletes a session with its skipped keys.
    pub fn remove(&self, id: &SessionId) -> Result<(), StoreError> {
        self.tx
            .run("DELETE FROM session WHERE sid = ?1", [id.as_bytes()])?;
        Ok(())
    }
}
