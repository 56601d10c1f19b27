//! What is known to be missing: holes in a sender's stream, and envelopes that did not open.
//!
//! Invariant: noticing a gap causes no traffic that its envelope would not have caused. One that did not open is taken for
//! what it most likely was: for what is awaited of its sender, which causes nothing, or else for a message, whose receipt
//! goes all the same ([`Step::stand_in`]). A request rides inside a receipt that flows anyway, or goes
//! alone after a random 1–12 hours (protocol.md, F2); to contacts only. A number is marked as asked for when it is
//! in a request, and an answer ends what is known of the number that it names, and of no other.
//!
//! A hole in a stream says that something is missing; its message numbers are the ratchet's: those of which keys were
//! kept ([`Skipped`](crate::store::Skipped)). A hole is looked at each day until nothing is awaited any more.

use undertone_protocol::content::{
    Body, Content, ContentHeader, MAX_ENTRIES, MessageId, MissingMessage, PreviousHash, Resent,
};
use undertone_protocol::device::DeviceId;
use undertone_protocol::session::{MessageNumber, SessionId};
use undertone_protocol::time::Timestamp;

use super::backoff;
use super::content::{Arrival, From};
use super::event::{Event, IdentityAlarm};
use super::limits::{
    DAY_MS, GAP_VISIBLE_AFTER_MS, MAX_GAP_REQUESTS, MAX_GAPS_PER_DEVICE, RESEND_EXPECTED_MS,
    RESEND_WAIT_FROM_MS, RESEND_WAIT_TO_MS, UPKEEP_ROWS,
};
use super::step::Step;
use super::timers::Timer;
use crate::error::StepError;
use crate::store::{ContactId, ContactState, GapRow, GapState, Missing, PeerDeviceId, StreamHead};

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
        self.compare_stream(from, &head, header, hash)?;
        if seq < head.next_seq {
            if self.core.gap_devices.contains(&from.device) {
                let may_split = self.gaps_of(from.device)?.len() < MAX_GAPS_PER_DEVICE;
                let conversation = from.conversation;
                let gaps = self.tx.gaps();
                let filled = (seq, self.sorted_at(from, header.hlc));
                if gaps.fill_stream(from.device, conversation, filled, may_split)?
                    && !self.core.gap_conversations.contains(&conversation)
                {
                    self.emit(Event::GapsChanged { conversation });
                }
            }
            return Ok(());
        }
        if seq > head.next_seq && from.state != ContactState::Blocked {
            let (first, last) = (head.next_seq, seq - 1);
            let missing = Missing::Stream {
                conversation: from.conversation,
                first,
                last,
                clock: self.sorted_at(from, header.hlc),
            };
            self.note_gap(from.device, &missing, None)?;
            self.core.gap_conversations.insert(from.conversation);
            if self.core.own.caught_up {
                let shown = self.now.monotonic_ms.saturating_add(GAP_VISIBLE_AFTER_MS);
                self.core.timers.arm(Timer::Gaps, shown);
            }
        }
        let next = StreamHead {
            next_seq: seq.saturating_add(1),
            hash: *hash.as_bytes(),
        };
        self.move_stream(from.conversation, sender, next);
        Ok(())
    }

    /// A device writes each number of its stream once, and names the message before it. What does not fit beside the newest
    /// message that is here was written by another copy of the device. The message is handled all the same.
    fn compare_stream(
        &mut self,
        from: &From,
        head: &StreamHead,
        header: &ContentHeader,
        hash: PreviousHash,
    ) -> Result<(), StepError> {
        let seq = header.stream_seq;
        let forked = if seq == head.next_seq {
            *header.previous.as_bytes() != head.hash
        } else {
            seq.checked_add(1) == Some(head.next_seq) && *hash.as_bytes() != head.hash
        };
        let known = matches!(from.state, ContactState::Accepted | ContactState::Invited);
        if forked && known {
            self.identity_alarm(from.contact, IdentityAlarm::HistoryForked)?;
        }
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
        let Some(peer) = self.peer(device)? else {
            return Ok(());
        };
        let contact = peer.contact;
        let standing = self
            .contact(contact)?
            .map(|found| (found.row.state, found.row.acceptance_owed));
        let Some((state, is_acceptance_awaited)) = standing else {
            return Ok(());
        };
        let missing = Missing::Envelope { session, number };
        let known = self.gaps_of(device)?;
        let is_noted = known.iter().any(|gap| gap.missing == missing);
        match state {
            ContactState::Blocked | ContactState::Requested => return Ok(()),
            ContactState::Accepted if !is_noted && !is_acceptance_awaited => {
                self.stand_in(contact, device, &session, &known)?;
            }
            ContactState::Accepted | ContactState::Invited => {}
        }
        self.note_gap(device, &missing, Some(bytes))
    }

    /// A receipt for what did not open, as if it had been a message, so that a relay that corrupts envelopes sees the answers
    /// that it would have seen. It names the session and so no message. Unless something is awaited of its sender since the
    /// last one that did not open: then it is taken for that, which would have been answered with nothing. Within the bounds
    /// of what is sent again, because it shows the user nothing (attack row T1).
    fn stand_in(
        &mut self,
        contact: ContactId,
        device: PeerDeviceId,
        session: &SessionId,
        known: &[GapRow],
    ) -> Result<(), StepError> {
        let unopened = |gap: &&GapRow| matches!(gap.missing, Missing::Envelope { .. });
        let last = known.iter().filter(unopened).map(|gap| gap.found).max();
        let since = last.map_or(Timestamp(0), |last| last.plus(1));
        let recently = since.max(self.now.wall.minus(RESEND_EXPECTED_MS));
        let is_answer_due = known.iter().any(|gap| {
            let again = gap.due.filter(|_| gap.state == GapState::Requested);
            again.is_some_and(|again| again.minus(DAY_MS) >= recently)
        });
        let is_receipt_due = !self
            .tx
            .retained()
            .undelivered(device, None, since, 1)?
            .is_empty();
        if is_answer_due || is_receipt_due || !self.may_resend(contact)? {
            return Ok(());
        }
        self.owe_receipt(device, &MessageId::from_bytes(*session.as_bytes()))
    }

    fn note_gap(
        &mut self,
        device: PeerDeviceId,
        missing: &Missing,
        envelope: Option<&[u8]>,
    ) -> Result<(), StepError> {
        let gaps = self.tx.gaps();
        let known = gaps.of_device(device, MAX_GAPS_PER_DEVICE)?;
        if known.iter().any(|gap| gap.missing == *missing)
            || !gaps.make_room(device, MAX_GAPS_PER_DEVICE)?
        {
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

    /// An envelope opened after all.
    pub(super) fn filled(
        &mut self,
        device: PeerDeviceId,
        session: &SessionId,
        number: MessageNumber,
    ) -> Result<(), StepError> {
        if self.core.gap_devices.contains(&device) {
            self.tx.gaps().fill_envelope(device, session, number)?;
        }
        Ok(())
    }

    /// What was asked for has come. It is handled as if it had come by itself, but that its receipt waits for another one.
    pub(super) fn resent(&mut self, from: &From, resent: &Resent) -> Result<(), StepError> {
        let MissingMessage { session, number } = resent.missing;
        self.filled(from.device, &session, number)?;
        if self.is_session_of(&session, from.device)
            && let Some(tag) = self.tx.skipped().remove_number(&session, number)?
        {
            self.core.sessions.index.consume_skipped(tag);
        }
        match Content::parse(&resent.content) {
            // An answer inside an answer is none.
            Ok(content) if !matches!(content.body, Body::Resent(_)) => {
                self.content_arrived_from(
                    from.device,
                    content,
                    &resent.content,
                    Arrival::AskedFor,
                )?;
            }
            Ok(_) | Err(_) => {}
        }
        self.end_holes(from)
    }

    /// The sender no longer has what was asked for.
    pub(super) fn unavailable(
        &mut self,
        from: &From,
        missing: &MissingMessage,
    ) -> Result<(), StepError> {
        let MissingMessage { session, number } = missing;
        self.tx
            .gaps()
            .envelope_unavailable(from.device, session, *number)?;
        if self.is_session_of(session, from.device) {
            self.tx.skipped().unavailable(session, *number)?;
        }
        self.end_holes(from)
    }

    fn is_session_of(&self, session: &SessionId, device: PeerDeviceId) -> bool {
        let cached = self.core.sessions.get(session);
        cached.is_some_and(|cached| cached.device == device)
    }

    /// When no answer of a device is awaited any more, the holes that were asked about stay, and are shown so.
    fn end_holes(&mut self, from: &From) -> Result<(), StepError> {
        if !self.core.gap_devices.contains(&from.device) || self.is_answer_awaited(from.device)? {
            return Ok(());
        }
        let mut news = false;
        for gap in self.gaps_of(from.device)? {
            if gap.state == GapState::Requested && matches!(gap.missing, Missing::Stream { .. }) {
                self.tx.gaps().unavailable(gap.id)?;
                news = true;
            }
        }
        if news {
            let conversation = from.conversation;
            self.emit(Event::GapsChanged { conversation });
        }
        Ok(())
    }

    fn gaps_of(&self, device: PeerDeviceId) -> Result<Vec<GapRow>, StepError> {
        Ok(self.tx.gaps().of_device(device, MAX_GAPS_PER_DEVICE)?)
    }

    /// Whether something that a device may send again was asked for, or can be.
    fn is_answer_awaited(&self, device: PeerDeviceId) -> Result<bool, StepError> {
        let envelope = |gap: &GapRow| {
            matches!(gap.missing, Missing::Envelope { .. }) && gap.state != GapState::Unavailable
        };
        if self.gaps_of(device)?.iter().any(envelope) {
            return Ok(true);
        }
        for cached in self.core.sessions.of(device) {
            let id = cached.session.id();
            let skipped = self.tx.skipped();
            if skipped.is_awaited(&id, self.now.wall, MAX_GAP_REQUESTS)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// A minute after the backlog: what is still missing is shown.
    pub(super) fn show_gaps(&mut self) -> Result<(), StepError> {
        for conversation in std::mem::take(&mut self.core.gap_conversations) {
            if self.tx.gaps().show(conversation)? {
                self.emit(Event::GapsChanged { conversation });
            }
        }
        Ok(())
    }

    /// What to ask a device for, at most `limit` messages. What is returned counts as asked for.
    pub(super) fn ask_for_missing(
        &mut self,
        device: PeerDeviceId,
        limit: usize,
    ) -> Result<Vec<MissingMessage>, StepError> {
        if limit == 0 || !self.core.gap_devices.contains(&device) {
            return Ok(Vec::new());
        }
        let again = Some(self.now.wall.plus(DAY_MS));
        let mut missing: Vec<MissingMessage> = Vec::new();
        let mut holes = Vec::new();
        for gap in self.gaps_of(device)? {
            let looked_at = match gap.state {
                GapState::Open => true,
                GapState::Requested => self.is_due(&gap),
                GapState::Unavailable => false,
            };
            match gap.missing {
                _ if !looked_at => {}
                Missing::Stream { .. } => holes.push(gap),
                Missing::Envelope { .. } if gap.requests >= MAX_GAP_REQUESTS => {
                    self.tx.gaps().unavailable(gap.id)?;
                }
                Missing::Envelope { session, number } if missing.len() < limit => {
                    missing.push(MissingMessage { session, number });
                    self.tx.gaps().requested(gap.id, again)?;
                }
                Missing::Envelope { .. } => {}
            }
        }
        if !holes.is_empty() {
            let named = missing.len();
            self.ask_for_skipped(device, limit, &mut missing)?;
            if missing.len() < limit {
                self.asked_about(device, &holes, missing.len() > named)?;
            }
        }
        Ok(missing)
    }

    fn is_due(&self, gap: &GapRow) -> bool {
        let latest = self.now.wall.plus(DAY_MS);
        gap.due
            .is_some_and(|due| due <= self.now.wall || due > latest)
    }

    /// Adds what the ratchet knows to be missing, up to `limit` in all.
    fn ask_for_skipped(
        &mut self,
        device: PeerDeviceId,
        limit: usize,
        missing: &mut Vec<MissingMessage>,
    ) -> Result<(), StepError> {
        let again = self.now.wall.plus(DAY_MS);
        let time = (self.now.wall, again);
        for cached in self.core.sessions.of(device) {
            let session = cached.session.id();
            let skipped = self.tx.skipped();
            for number in skipped.to_ask(&session, time, MAX_GAP_REQUESTS, limit)? {
                let entry = MissingMessage { session, number };
                if !missing.contains(&entry) {
                    if missing.len() >= limit {
                        return Ok(());
                    }
                    missing.push(entry);
                }
                skipped.asked(&session, number, again)?;
            }
        }
        Ok(())
    }

    /// All that may stand for these holes was asked for, now or before. Without anything to ask for they are shown as they
    /// are.
    fn asked_about(
        &mut self,
        device: PeerDeviceId,
        holes: &[GapRow],
        now: bool,
    ) -> Result<(), StepError> {
        let awaited = now || self.is_answer_awaited(device)?;
        let again = Some(self.now.wall.plus(DAY_MS)).filter(|_| awaited);
        for hole in holes {
            let gaps = self.tx.gaps();
            if now {
                gaps.requested(hole.id, again)?;
            } else if hole.state == GapState::Requested && !awaited {
                gaps.unavailable(hole.id)?;
            } else {
                gaps.postponed(hole.id, again)?;
            }
        }
        Ok(())
    }

    /// Gaps for which nothing flowed that a request could ride on.
    pub(super) fn request_due_gaps(&mut self) -> Result<(), StepError> {
        let Some(now) = self.core.clock.trusted(self.now) else {
            return Ok(());
        };
        let due = self.tx.gaps().due(now, now.plus(DAY_MS), UPKEEP_ROWS)?;
        let mut devices: Vec<PeerDeviceId> = due.iter().map(|gap| gap.peer_device).collect();
        devices.sort_unstable();
        devices.dedup();
        for device in devices {
            let Some(contact) = self.peer(device)?.map(|peer| peer.contact) else {
                continue;
            };
            let state = self.contact(contact)?.map(|contact| contact.row.state);
            if state != Some(ContactState::Accepted) {
                // Who is a stranger, or blocked, is asked for nothing.
                let again = Some(now.plus(DAY_MS));
                for gap in due.iter().filter(|gap| gap.peer_device == device) {
                    self.tx.gaps().postponed(gap.id, again)?;
                }
                continue;
            }
            let missing = self.ask_for_missing(device, MAX_ENTRIES)?;
            if !missing.is_empty() {
                let composed = self.compose_hidden(Body::ResendRequest(missing))?;
                self.queue_for(contact, device, &composed)?;
            }
        }
        Ok(())
    }
}
