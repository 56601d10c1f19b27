//! What is known to be missing: holes in a sender's stream, and envelopes that did not open.
//!
//! Invariant: noticing a gap causes no traffic. A request rides inside a receipt that flows anyway, or goes
//! alone after a random 1–12 hours (protocol.md, F2).

use undertone_protocol::content::{
    Body, Content, ContentHeader, MAX_ENTRIES, MissingMessage, PreviousHash, Resent,
};
use undertone_protocol::device::DeviceId;
use undertone_protocol::session::{MessageNumber, SessionId};

use super::backoff;
use super::content::From;
use super::event::Event;
use super::limits::{
    DAY_MS, MAX_GAP_REQUESTS, MAX_GAPS_PER_DEVICE, RESEND_WAIT_FROM_MS, RESEND_WAIT_TO_MS,
    UPKEEP_ROWS,
};
use super::step::Step;
use crate::error::StepError;
use crate::store::{ContactState, GapRow, GapState, Missing, PeerDeviceId, StreamHead};

impl Step<'_> {
    /// Follows the stream of a sender: what is next moves it, what jumps leaves a gap, what comes late fills
    /// one. Blocked contacts move it too, so that nothing is asked for after unblocking.
    pub(super) fn follow_stream(
        &mut self,
        from: &From,
        sender: DeviceId,
        header: &ContentHeader,
        hash: PreviousHash,
    ) -> Result<(), StepError> {
        let head = self.stream(from.conversation, sender)?;
        let seq = header.stream_seq;
        if seq < head.next_seq {
            if self.core.gap_devices.contains(&from.device) {
                self.tx
                    .gaps()
                    .fill_stream(from.device, from.conversation, seq)?;
            }
            return Ok(());
        }
        if seq > head.next_seq && from.state != ContactState::Blocked {
            let (first, last) = (head.next_seq, seq - 1);
            let missing = Missing::Stream {
                conversation: from.conversation,
                first,
                last,
            };
            self.note_gap(from.device, &missing, None)?;
            self.core.gap_conversations.insert(from.conversation);
        }
        let next = StreamHead {
            next_seq: seq.saturating_add(1),
            hash: *hash.as_bytes(),
        };
        self.move_stream(from.conversation, sender, next);
        Ok(())
    }

    /// An envelope had a valid tag and did not open.
    pub(super) fn unopened(
        &mut self,
        device: PeerDeviceId,
        session: SessionId,
        number: MessageNumber,
        bytes: &[u8],
    ) -> Result<(), StepError> {
        let blocked_or_stranger = match self.peer(device)? {
            Some(peer) => self.contact(peer.contact)?.is_none_or(|contact| {
                matches!(
                    contact.row.state,
                    ContactState::Blocked | ContactState::Requested
                )
            }),
            None => true,
        };
        if blocked_or_stranger {
            return Ok(());
        }
        self.note_gap(device, &Missing::Envelope { session, number }, Some(bytes))
    }

    fn note_gap(
        &mut self,
        device: PeerDeviceId,
        missing: &Missing,
        envelope: Option<&[u8]>,
    ) -> Result<(), StepError> {
        let open = self
            .tx
            .gaps()
            .of_device(device, GapState::Open, MAX_GAPS_PER_DEVICE)?;
        if open.len() >= MAX_GAPS_PER_DEVICE || open.iter().any(|gap| gap.missing == *missing) {
            return Ok(());
        }
        let wait = backoff::between(RESEND_WAIT_FROM_MS, RESEND_WAIT_TO_MS, &mut self.rng);
        let due = Some(self.now.wall.plus(wait));
        self.tx
            .gaps()
            .insert(device, missing, envelope, self.now.wall, due)?;
        self.core.gap_devices.insert(device);
        Ok(())
    }

    /// What was asked for has come. It is handled as if it had come by itself.
    pub(super) fn resent(&mut self, from: &From, resent: &Resent) -> Result<(), StepError> {
        let missing = &resent.missing;
        self.tx
            .gaps()
            .fill_envelope(&missing.session, missing.number)?;
        match Content::parse(&resent.content) {
            // An answer inside an answer is none.
            Ok(content) if !matches!(content.body, Body::Resent(_)) => {
                self.content_arrived_from(from.device, content, &resent.content)
            }
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// A minute after the backlog: what is still missing is shown.
    pub(super) fn show_gaps(&mut self) -> Result<(), StepError> {
        for conversation in std::mem::take(&mut self.core.gap_conversations) {
            if !self.tx.gaps().of_conversation(conversation)?.is_empty() {
                self.emit(Event::ConversationChanged { conversation });
            }
        }
        Ok(())
    }

    /// What to ask a device for, at most `limit` messages; the gaps behind it are then asked for.
    pub(super) fn ask_for_missing(
        &mut self,
        device: PeerDeviceId,
        limit: usize,
    ) -> Result<Vec<MissingMessage>, StepError> {
        if limit == 0 || !self.core.gap_devices.contains(&device) {
            return Ok(Vec::new());
        }
        let gaps = self
            .tx
            .gaps()
            .of_device(device, GapState::Open, UPKEEP_ROWS)?;
        self.missing_of(device, &gaps, limit)
    }

    fn missing_of(
        &mut self,
        device: PeerDeviceId,
        gaps: &[GapRow],
        limit: usize,
    ) -> Result<Vec<MissingMessage>, StepError> {
        if gaps.is_empty() {
            return Ok(Vec::new());
        }
        let mut missing: Vec<MissingMessage> = Vec::new();
        for gap in gaps {
            if let Missing::Envelope { session, number } = gap.missing {
                missing.push(MissingMessage { session, number });
            }
            let again =
                Some(self.now.wall.plus(DAY_MS)).filter(|_| gap.requests < MAX_GAP_REQUESTS);
            self.tx.gaps().requested(gap.id, again)?;
        }
        // A hole in the stream says that something is missing; the ratchet says what.
        let sessions: Vec<SessionId> = self
            .core
            .sessions
            .of(device)
            .map(|cached| cached.session.id())
            .collect();
        for session in sessions {
            for number in self.tx.skipped().of_session(&session, limit)? {
                let skipped = MissingMessage { session, number };
                if !missing.contains(&skipped) {
                    missing.push(skipped);
                }
            }
        }
        missing.truncate(limit);
        Ok(missing)
    }

    /// Gaps for which nothing flowed that a request could ride on.
    pub(super) fn request_due_gaps(&mut self) -> Result<(), StepError> {
        let Some(now) = self.core.clock.trusted(self.now) else {
            return Ok(());
        };
        let due = self.tx.gaps().due(now, UPKEEP_ROWS)?;
        let mut devices: Vec<PeerDeviceId> = due.iter().map(|gap| gap.peer_device).collect();
        devices.sort_unstable();
        devices.dedup();
        for device in devices {
            let of_device: Vec<GapRow> = due
                .iter()
                .filter(|gap| gap.peer_device == device)
                .cloned()
                .collect();
            let missing = self.missing_of(device, &of_device, MAX_ENTRIES)?;
            let Some(contact) = self.peer(device)?.map(|peer| peer.contact) else {
                continue;
            };
            if !missing.is_empty() {
                let composed = self.compose_hidden(Body::ResendRequest(missing))?;
                self.queue_for(contact, device, &composed)?;
            }
        }
        Ok(())
    }
}
