//! Everything that a store holds, for whoever checks that it is no more than a relay may know.
//!
//! Invariant: tables and rows are taken apart field by field, so that a new field has to be listed here, or left out in
//! so many words.

use bytes::Bytes;
use undertone_wire::{BlobId, MailboxId, RecordId};

use super::{MemoryStorage, Payload, records::Record};

/// What a store holds, apart from numbers, times, random ids of messages and hashes of bearers.
#[derive(Debug, Default)]
pub struct Kept {
    /// Mailboxes by id.
    pub mailboxes: Vec<MailboxId>,
    /// Records by id.
    pub records: Vec<RecordId>,
    /// Blobs by id.
    pub blobs: Vec<BlobId>,
    /// Queued envelopes.
    pub envelopes: Vec<Bytes>,
    /// Values of records, and what the owners of mailboxes published for whoever writes to them.
    pub values: Vec<Bytes>,
}

impl MemoryStorage {
    /// Everything that is stored, of an uncommitted batch too.
    #[must_use]
    pub fn kept(&self) -> Kept {
        let Self {
            epoch: _,
            sequence_base: _,
            mailboxes,
            payloads,
            next_payload: _,
            records,
            blobs,
            capacity: _,
        } = self;
        let mut kept = Kept::default();
        for (id, mailbox) in mailboxes.iter() {
            kept.mailboxes.push(*id);
            mailbox.list(&mut kept);
        }
        for (_, Payload { envelope, refs: _ }) in payloads.iter() {
            kept.envelopes.push(envelope.clone());
        }
        for (id, record) in records.iter() {
            let Record {
                state,
                written_day: _,
            } = record;
            kept.records.push(*id);
            kept.values.extend(state.value.clone());
        }
        kept.blobs.extend(blobs.iter().map(|(id, _)| *id));
        kept
    }
}
