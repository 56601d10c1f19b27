//! Cursors: how far each of one's own mailboxes has been read, written with whatever was read.

use super::{StoreError, Tx, table};
use crate::store::ids::Uint;
use undertone_protocol::device::MailboxId;

/// How far a mailbox has been read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CursorRow {
    /// The address of the relay.
    pub relay: String,
    /// The last delivery that is durably here.
    pub seq: u64,
}

table! {
    /// How far one's own mailboxes have been read.
    Cursors, cursors
}

impl Cursors<'_> {
    /// How far a mailbox has been read.
    pub fn get(&self, mailbox: &MailboxId) -> Result<Option<CursorRow>, StoreError> {
        self.tx.one(
            "SELECT relay, seq FROM cursor WHERE mailbox = ?1",
            [mailbox.as_bytes()],
            |row| {
                Ok(CursorRow {
                    relay: row.get(0)?,
                    seq: row.get::<_, Uint>(1)?.0,
                })
            },
        )
    }

    /// Sets how far a mailbox has been read.
    pub fn put(&self, mailbox: &MailboxId, cursor: &CursorRow) -> Result<(), StoreError> {
        self.tx.run(
            "INSERT INTO cursor (mailbox, relay, seq) VALUES (?1, ?2, ?3)
             ON CONFLICT (mailbox) DO UPDATE SET relay = ?2, seq = ?3",
            (mailbox.as_bytes(), &cursor.relay, Uint(cursor.seq)),
        )?;
        Ok(())
    }
}
