//! Streams: what each device has written to each conversation, numbered and chained by hash, so that a hole is known.

use super::{StoreError, Tx, table};
use crate::store::ids::{ConversationId, Uint};
use undertone_protocol::device::DeviceId;

/// Where a stream stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StreamHead {
    /// The number of the next message.
    pub next_seq: u64,
    /// Truncated hash of the newest message; zeros before the first.
    pub hash: [u8; 16],
}

table! {
    /// Where each device's stream in each conversation stands.
    Streams, streams
}

impl Streams<'_> {
    /// Where a stream stands, absent before its first message.
    pub fn get(
        &self,
        conversation: ConversationId,
        device: &DeviceId,
    ) -> Result<Option<StreamHead>, StoreError> {
        self.tx.one(
            "SELECT next_seq, head FROM stream WHERE conversation = ?1 AND device = ?2",
            (conversation, device.as_bytes()),
            |row| {
                Ok(StreamHead {
                    next_seq: row.get::<_, Uint>(0)?.0,
                    hash: row.get(1)?,
                })
            },
        )
    }

    /// Moves a stream.
    pub fn put(
        &self,
        conversation: ConversationId,
        device: &DeviceId,
        head: &StreamHead,
    ) -> Result<(), StoreError> {
        self.tx.run(
            "INSERT INTO stream (conversation, device, next_seq, head) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (conversation, device) DO UPDATE SET next_seq = ?3, head = ?4",
            (
                conversation,
                device.as_bytes(),
                Uint(head.next_seq),
                head.hash,
            ),
        )?;
        Ok(())
    }
}
