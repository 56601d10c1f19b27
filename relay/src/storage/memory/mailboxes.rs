//! Mailboxes in memory.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use undertone_wire::bearer::BearerHash;
use undertone_wire::limits::IDEMPOTENCE_MS;
use undertone_wire::{MailboxId, MessageId};

use super::prekeys::MailboxPrekeys;
use super::{Kept, MemoryStorage, Payload};
use crate::storage::types::{
    Append, AppendBounds, Incoming, MailboxState, PayloadId, Queued, SeqRange, StorageError,
    Timestamp, Token, Via,
};
use crate::storage::{DAY_MS, Mailboxes};

#[derive(Clone)]
pub(super) struct Mailbox {
    pub(super) state: MailboxState,
    pub(super) prekeys: MailboxPrekeys,
    pub(super) seen_day: u64,
    queue: VecDeque<Entry>,
    queued_ids: HashMap<MessageId, u64>,
    /// Acked ids and the minute of their ack.
    recent: HashMap<MessageId, u64>,
    tokens: Arc<[Token]>,
}

#[derive(Clone)]
struct Entry {
    seq: u64,
    message_id: MessageId,
    envelope: Bytes,
    shared: Option<i64>,
    via: Via,
    arrived_minute: u64,
}

impl Mailbox {
    fn new(now: Timestamp) -> Self {
        Self {
            state: MailboxState::default(),
            prekeys: MailboxPrekeys::default(),
            seen_day: now.0 / DAY_MS,
            queue: VecDeque::new(),
            queued_ids: HashMap::new(),
            recent: HashMap::new(),
            tokens: Arc::from([]),
        }
    }

    pub(super) fn list(&self, kept: &mut Kept) {
        let Self {
            state: _,
            prekeys,
            seen_day: _,
            queue,
            queued_ids: _,
            recent: _,
            tokens: _,
        } = self;
        prekeys.list(kept);
        let own = queue.iter().filter(|entry| entry.shared.is_none());
        kept.envelopes
            .extend(own.map(|entry| entry.envelope.clone()));
    }

    pub(super) fn payloads(&self) -> Vec<i64> {
        self.queue.iter().filter_map(|entry| entry.shared).collect()
    }

    pub(super) fn has_expired(&self, before_minute: u64) -> bool {
        self.queue
            .front()
            .is_some_and(|entry| entry.arrived_minute < before_minute)
    }

    pub(super) fn has_forgettable(&self, before_minute: u64) -> bool {
        self.recent.values().any(|acked| *acked < before_minute)
            || self.prekeys.has_forgettable(before_minute)
    }

    pub(super) fn forget(&mut self, before_minute: u64) {
        self.recent.retain(|_, acked| *acked >= before_minute);
        self.prekeys.forget(before_minute);
    }

    /// Removes what arrived before the minute; the payloads that were referred to.
    pub(super) fn expire(&mut self, before_minute: u64, limit: u32) -> Vec<Option<i64>> {
        let mut gone = Vec::new();
        while u32::try_from(gone.len()).is_ok_and(|len| len < limit)
            && self.has_expired(before_minute)
            && let Some(entry) = self.pop_front()
        {
            let first = self.state.expired.map_or(entry.seq, |range| range.first);
            self.state.expired = Some(SeqRange {
                first,
                last: entry.seq,
            });
            gone.push(entry.shared);
        }
        gone
    }

    fn pop_front(&mut self) -> Option<Entry> {
        let entry = self.queue.pop_front()?;
        self.queued_ids.remove(&entry.message_id);
        self.state.messages -= 1;
        self.state.bytes -= size(&entry.envelope);
        self.state.knocks -= u32::from(entry.via == Via::Knock);
        Some(entry)
    }

    fn knows(&self, id: &MessageId, now: Timestamp) -> bool {
        self.queued_ids.contains_key(id)
            || self
                .recent
                .get(id)
                .is_some_and(|acked| now.minutes() <= acked + IDEMPOTENCE_MS / 60_000)
    }

    fn append(&mut self, incoming: &Incoming, bounds: AppendBounds, base: u64) -> Append {
        if self.knows(&incoming.message_id, incoming.arrived) {
            return Append::Duplicate;
        }
        let state = &mut self.state;
        let len = size(&incoming.envelope);
        let knock = u32::from(incoming.via == Via::Knock);
        if state.messages + 1 > bounds.messages
            || state.bytes + len > bounds.bytes
            || knock == 1 && state.knocks + 1 > bounds.knocks
        {
            return Append::Full;
        }
        let seq = base.max(state.last_seq + 1);
        state.last_seq = seq;
        state.messages += 1;
        state.bytes += len;
        state.knocks += knock;
        self.recent.remove(&incoming.message_id);
        self.queued_ids.insert(incoming.message_id, seq);
        self.queue.push_back(Entry {
            seq,
            message_id: incoming.message_id,
            envelope: incoming.envelope.clone(),
            shared: incoming.shared.map(|id| id.0),
            via: incoming.via,
            arrived_minute: incoming.arrived.minutes(),
        });
        Append::Stored(seq)
    }
}

impl Mailboxes for MemoryStorage {
    fn mailbox(&mut self, id: MailboxId) -> Result<Option<MailboxState>, StorageError> {
        Ok(self.mailboxes.get(&id).map(|mailbox| mailbox.state))
    }

    fn open_mailbox(&mut self, id: MailboxId, now: Timestamp) -> Result<bool, StorageError> {
        if let Some(mailbox) = self.mailboxes.get_mut(&id) {
            mailbox.seen_day = now.0 / DAY_MS;
            return Ok(false);
        }
        self.mailboxes.insert(id, Mailbox::new(now));
        Ok(true)
    }

    fn delete_mailbox(&mut self, id: MailboxId) -> Result<(), StorageError> {
        self.remove_mailbox(id);
        Ok(())
    }

    fn share_payload(&mut self, envelope: &Bytes) -> Result<PayloadId, StorageError> {
        let id = self.next_payload;
        self.next_payload += 1;
        let payload = Payload {
            envelope: Bytes::copy_from_slice(envelope),
            refs: 0,
        };
        self.payloads.insert(id, payload);
        Ok(PayloadId(id))
    }

    fn append(
        &mut self,
        id: MailboxId,
        mut incoming: Incoming,
        bounds: AppendBounds,
    ) -> Result<Append, StorageError> {
        let base = self.sequence_base;
        let Some(mailbox) = self.mailboxes.get_mut(&id) else {
            return Ok(Append::NoMailbox);
        };
        let payload = incoming
            .shared
            .and_then(|payload| self.payloads.get_mut(&payload.0));
        // A slice of a frame would keep the whole frame in memory.
        incoming.envelope = payload.as_ref().map_or_else(
            || Bytes::copy_from_slice(&incoming.envelope),
            |payload| payload.envelope.clone(),
        );
        let appended = mailbox.append(&incoming, bounds, base);
        if let (Append::Stored(_), Some(payload)) = (appended, payload) {
            payload.refs += 1;
        }
        Ok(appended)
    }

    fn page(
        &mut self,
        id: MailboxId,
        after_seq: u64,
        max_messages: usize,
        max_bytes: usize,
    ) -> Result<Vec<Queued>, StorageError> {
        let mut page = Vec::new();
        let mut bytes = 0;
        let Some(mailbox) = self.mailboxes.get(&id) else {
            return Ok(page);
        };
        let start = mailbox
            .queue
            .partition_point(|entry| entry.seq <= after_seq);
        for entry in mailbox.queue.range(start..) {
            if page.len() >= max_messages || bytes >= max_bytes {
                break;
            }
            bytes += entry.envelope.len();
            page.push(Queued {
                seq: entry.seq,
                message_id: entry.message_id,
                envelope: entry.envelope.clone(),
            });
        }
        Ok(page)
    }

    fn ack(&mut self, id: MailboxId, up_to_seq: u64, now: Timestamp) -> Result<u32, StorageError> {
        let Some(mailbox) = self.mailboxes.get_mut(&id) else {
            return Ok(0);
        };
        let before = mailbox.state.messages;
        let up_to = up_to_seq.min(mailbox.state.last_seq);
        let mut payloads = Vec::new();
        while mailbox
            .queue
            .front()
            .is_some_and(|entry| entry.seq <= up_to)
            && let Some(entry) = mailbox.pop_front()
        {
            mailbox.recent.insert(entry.message_id, now.minutes());
            payloads.extend(entry.shared);
        }
        mailbox.state.acked_seq = mailbox.state.acked_seq.max(up_to);
        mailbox.state.expired = mailbox.state.expired.filter(|range| range.last > up_to);
        let removed = before - mailbox.state.messages;
        for payload in payloads {
            self.release_payload(payload);
        }
        Ok(removed)
    }

    fn set_tokens(&mut self, id: MailboxId, tokens: &[Token]) -> Result<(), StorageError> {
        let Some(mailbox) = self.mailboxes.get_mut(&id) else {
            return Ok(());
        };
        let kept = |token: &Token| {
            let old = mailbox.tokens.iter().find(|old| old.hash == token.hash);
            Token {
                used: old.map_or(0, |old| old.used),
                ..*token
            }
        };
        mailbox.tokens = tokens.iter().map(kept).collect();
        Ok(())
    }

    fn tokens(&mut self, id: MailboxId) -> Result<Arc<[Token]>, StorageError> {
        let tokens = self
            .mailboxes
            .get(&id)
            .map(|mailbox| mailbox.tokens.clone());
        Ok(tokens.unwrap_or_else(|| Arc::from([])))
    }

    fn use_token(&mut self, id: MailboxId, hash: &BearerHash) -> Result<(), StorageError> {
        if let Some(mailbox) = self.mailboxes.get_mut(&id) {
            let mut tokens = mailbox.tokens.to_vec();
            for token in tokens.iter_mut().filter(|token| token.hash == *hash) {
                token.used = token.used.saturating_add(1);
            }
            mailbox.tokens = tokens.into();
        }
        Ok(())
    }
}

fn size(envelope: &Bytes) -> u64 {
    u64::try_from(envelope.len()).unwrap_or(u64::MAX)
}
