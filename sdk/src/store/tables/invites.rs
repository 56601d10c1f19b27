//! Invites that this account has given out.

use rusqlite::Row;
use zeroize::Zeroizing;

use super::{StoreError, Tx, exactly_one, table};
use crate::store::ids::{InviteId, Uint, at};
use crate::store::seal::Place;
use undertone_protocol::time::Timestamp;

/// An invite, without its token.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InviteRow {
    /// The invite.
    pub id: InviteId,
    /// What the user calls it.
    pub name: String,
    /// The address of the relay that it names.
    pub relay: String,
    /// When it was made.
    pub created: Timestamp,
    /// When it was revoked.
    pub revoked: Option<Timestamp>,
}

table! {
    /// Invites that this account has given out.
    Invites, invites
}

fn place(id: &InviteId) -> Place<'_> {
    Place {
        table: "invite",
        column: "token",
        row: id.as_bytes(),
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<InviteRow> {
    Ok(InviteRow {
        id: InviteId::from_bytes(row.get(0)?),
        name: row.get(1)?,
        relay: row.get(2)?,
        created: row.get::<_, Uint>(3)?.into(),
        revoked: row.get::<_, Option<Uint>>(4)?.map(Into::into),
    })
}

impl Invites<'_> {
    /// Adds an invite.
    pub fn insert(
        &self,
        id: &InviteId,
        name: &str,
        relay: &str,
        token: &[u8],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let token = self.tx.seal(&place(id), token)?;
        self.tx.insert(
            "INSERT INTO invite (id, name, relay, token, created_ms) VALUES (?1, ?2, ?3, ?4, ?5)",
            (id.as_bytes(), name, relay, token, at(now)),
        )?;
        Ok(())
    }

    /// All invites, newest first, revoked ones included.
    pub fn all(&self) -> Result<Vec<InviteRow>, StoreError> {
        self.tx.all(
            "SELECT id, name, relay, created_ms, revoked_ms FROM invite ORDER BY created_ms DESC, id",
            [],
            read,
        )
    }

    /// An invite.
    pub fn get(&self, id: &InviteId) -> Result<Option<InviteRow>, StoreError> {
        self.tx.one(
            "SELECT id, name, relay, created_ms, revoked_ms FROM invite WHERE id = ?1",
            [id.as_bytes()],
            read,
        )
    }

    /// How many are not revoked.
    pub fn live(&self) -> Result<u64, StoreError> {
        let count: Uint = self
            .tx
            .value("SELECT count(*) FROM invite WHERE revoked_ms IS NULL", [])?;
        Ok(count.0)
    }

    /// An invite's token.
    pub fn token(&self, id: &InviteId) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        let sealed: Option<Vec<u8>> = self.tx.one(
            "SELECT token FROM invite WHERE id = ?1",
            [id.as_bytes()],
            |row| row.get(0),
        )?;
        sealed
            .map(|sealed| self.tx.open(&place(id), &sealed))
            .transpose()
    }

    /// Revokes an invite; a second time changes nothing.
    pub fn revoke(&self, id: &InviteId, now: Timestamp) -> Result<(), StoreError> {
        exactly_one(self.tx.run(
            "UPDATE invite SET revoked_ms = coalesce(revoked_ms, ?2) WHERE id = ?1",
            (id.as_bytes(), at(now)),
        )?)
    }
}
