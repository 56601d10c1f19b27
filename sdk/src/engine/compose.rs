//! Writing content: the header that every message has, numbered and chained in its stream.
//!
//! Invariant: a stream's numbers and hashes advance in the transaction that queues the content. What is not
//! shown (receipts, acceptances, requests) belongs to no stream, so that losing it leaves no gap.

use std::collections::{BTreeMap, BTreeSet};

use undertone_protocol::content::{
    Body, Content, ContentHeader, Hlc, MessageId, PreviousHash, stream_hash,
};
use undertone_protocol::device::DeviceId;
use zeroize::Zeroizing;

use super::step::Step;
use crate::error::StepError;
use crate::store::{ConversationId, StreamHead};

/// Content that is ready to be encrypted for each device of a contact.
pub(crate) struct Composed {
    pub(crate) id: MessageId,
    pub(crate) header: ContentHeader,
    /// The encoding of header and body. Wiped when dropped.
    pub(crate) bytes: Zeroizing<Vec<u8>>,
    /// Whether it is a message that is shown.
    pub(crate) shown: bool,
    /// Whether the recipient's device is to be woken.
    pub(crate) wake: bool,
}

/// Streams that changed in this step.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    heads: BTreeMap<(ConversationId, DeviceId), StreamHead>,
    dirty: BTreeSet<(ConversationId, DeviceId)>,
}

impl Streams {
    /// A conversation is deleted.
    pub(crate) fn forget(&mut self, conversation: ConversationId) {
        self.heads.retain(|(of, _), _| *of != conversation);
        self.dirty.retain(|(of, _)| *of != conversation);
    }
}

/// Where a stream begins.
const BEGINNING: StreamHead = StreamHead {
    next_seq: 1,
    hash: [0; 16],
};

impl Step<'_> {
    /// Where a stream stands.
    pub(super) fn stream(
        &mut self,
        conversation: ConversationId,
        device: DeviceId,
    ) -> Result<StreamHead, StepError> {
        let key = (conversation, device);
        if let Some(head) = self.core.streams.heads.get(&key) {
            return Ok(*head);
        }
        let head = self
            .tx
            .streams()
            .get(conversation, &device)?
            .unwrap_or(BEGINNING);
        if self.core.streams.heads.len() >= super::limits::MAX_CACHED_CONTACTS {
            self.flush_streams()?;
            self.core.streams.heads.clear();
        }
        self.core.streams.heads.insert(key, head);
        Ok(head)
    }

    /// Moves a stream; written when the step commits.
    pub(super) fn move_stream(
        &mut self,
        conversation: ConversationId,
        device: DeviceId,
        head: StreamHead,
    ) {
        self.core.streams.heads.insert((conversation, device), head);
        self.core.streams.dirty.insert((conversation, device));
    }

    pub(super) fn flush_streams(&mut self) -> Result<(), StepError> {
        for key in std::mem::take(&mut self.core.streams.dirty) {
            if let Some(head) = self.core.streams.heads.get(&key) {
                self.tx.streams().put(key.0, &key.1, head)?;
            }
        }
        Ok(())
    }

    /// Composes a message of a conversation's stream.
    pub(super) fn compose_shown(
        &mut self,
        conversation: ConversationId,
        body: Body,
    ) -> Result<Composed, StepError> {
        let device = self.core.me.device_id();
        let head = self.stream(conversation, device)?;
        let composed = self.compose(
            body,
            head.next_seq,
            PreviousHash::from_bytes(head.hash),
            true,
        )?;
        let next = StreamHead {
            next_seq: head.next_seq.saturating_add(1),
            hash: *stream_hash(&composed.bytes).as_bytes(),
        };
        self.move_stream(conversation, device, next);
        Ok(composed)
    }

    /// Composes content that belongs to no stream and wakes nobody.
    pub(super) fn compose_hidden(&mut self, body: Body) -> Result<Composed, StepError> {
        self.compose(body, 0, PreviousHash::default(), false)
    }

    /// The header of what is ephemeral: it moves no clock, so that nothing has to be stored for it.
    pub(super) fn ephemeral_header(&mut self) -> ContentHeader {
        self.header(0, PreviousHash::default(), self.core.hlc.last())
    }

    fn header(&mut self, stream_seq: u64, previous: PreviousHash, hlc: Hlc) -> ContentHeader {
        let mut id = [0; 16];
        self.rng.fill_bytes(&mut id);
        let manifest = self.core.me.manifest_ref();
        ContentHeader {
            flags: 0,
            message_id: MessageId::from_bytes(id),
            stream_seq,
            previous,
            hlc,
            manifest_version: manifest.map_or(0, |manifest| manifest.version.to_u64()),
            manifest_hash: manifest.map_or([0; 16], |manifest| manifest.hash.gossip()),
        }
    }

    fn compose(
        &mut self,
        body: Body,
        stream_seq: u64,
        previous: PreviousHash,
        shown: bool,
    ) -> Result<Composed, StepError> {
        let hlc = self.core.hlc.tick(self.now.wall);
        let header = self.header(stream_seq, previous, hlc);
        let mut bytes = Zeroizing::new(Vec::new());
        // Every caller keeps to the limits of its body's type.
        Content { header, body }
            .encode(&mut bytes)
            .map_err(|_| StepError::Damaged)?;
        Ok(Composed {
            id: header.message_id,
            header,
            bytes,
            shown,
            wake: shown,
        })
    }
}
