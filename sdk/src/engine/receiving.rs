//! Deliveries: each envelope is found, opened and stored in one transaction with the cursor; acknowledged
//! when that is durable.
//!
//! Invariant: what does not open changes nothing that anybody else can see, and no session; of a contact's, a row notes
//! the gap (protocol.md, F2). It is acknowledged like everything else. No plaintext stays in memory.

use undertone_protocol::envelope::{Envelope, KIND_FIRST_MESSAGE, KIND_MESSAGE};
use undertone_protocol::session::{MessageNumber, OpenError, Position, SessionId};
use undertone_protocol::tag_index::Lookup;
use undertone_wire as wire;
use zeroize::{Zeroize, Zeroizing};

use super::first_message::FirstOutcome;
use super::lane::Lane;
use super::limits::{
    FIRST_MESSAGE_BURST, FIRST_MESSAGE_SPACING_MS, MAX_DEFERRED, MAX_DELIVERY_SEQ,
    MAX_PARKED_FIRST, UPKEEP_ROWS,
};
use super::step::Step;
use super::timers::Timer;
use crate::error::StepError;
use crate::store::{EnvelopeId, ParkedKind, PeerDeviceId};

/// What became of a delivery.
enum Outcome {
    /// Handled: it may be acknowledged.
    Done,
    /// To be looked at again, after so many milliseconds.
    Later(u64),
}

impl Step<'_> {
    pub(super) fn delivered(&mut self, deliver: wire::Deliver) -> Result<(), StepError> {
        let seq = deliver.seq;
        if seq <= self.core.own.handled || seq > MAX_DELIVERY_SEQ {
            return Ok(());
        }
        if self.core.own.deferred.len() >= MAX_DEFERRED {
            // More than the relay may send without an acknowledgement: what it sent is asked for again.
            self.disconnect(&Lane::Own);
            return Ok(());
        }
        self.core.own.handled = seq;
        // What cannot be looked at yet waits in memory, and the cursor stays before it; what follows is handled meanwhile.
        match self.envelope(&deliver)? {
            Outcome::Done => {}
            Outcome::Later(after) => {
                self.core.own.deferred.push_back(deliver);
                self.core
                    .timers
                    .arm(Timer::Scans, self.now.monotonic_ms.saturating_add(after));
            }
        }
        Ok(())
    }

    fn envelope(&mut self, deliver: &wire::Deliver) -> Result<Outcome, StepError> {
        let bytes = &deliver.envelope[..];
        match bytes.first() {
            Some(&KIND_MESSAGE) => self.message(bytes, &deliver.message_id),
            Some(&KIND_FIRST_MESSAGE) => self.first_message_in_turn(bytes, &deliver.message_id),
            _ => Ok(Outcome::Done),
        }
    }

    fn message(&mut self, bytes: &[u8], envelope_id: &[u8]) -> Result<Outcome, StepError> {
        let Ok(envelope) = Envelope::parse(bytes) else {
            return Ok(Outcome::Done);
        };
        match self
            .core
            .sessions
            .index
            .lookup(envelope.tag(), self.now.monotonic_ms)
        {
            Lookup::Live { session, position } => self.open(&session, position, envelope, bytes)?,
            Lookup::Skipped { session, number } => {
                self.open_skipped(&session, number, envelope, bytes)?
            }
            // What is ephemeral is not in a queue.
            Lookup::Ephemeral { .. } => {}
            Lookup::Duplicate => self.repeated(envelope)?,
            Lookup::Unknown => self.park(envelope, bytes, envelope_id)?,
            Lookup::Later { after_ms } => return Ok(Outcome::Later(after_ms)),
        }
        Ok(Outcome::Done)
    }

    pub(super) fn open(
        &mut self,
        id: &SessionId,
        position: Position,
        envelope: Envelope<'_>,
        bytes: &[u8],
    ) -> Result<(), StepError> {
        let mut content = std::mem::take(&mut self.core.buffer);
        // Only when something is missing at all does it matter which one this is.
        let number = match self.core.gap_devices.is_empty() {
            true => None,
            false => self.core.sessions.number_of(id, position),
        };
        let Some((session, device)) = self.core.sessions.open_with(id) else {
            return Ok(());
        };
        let opened = session.open(position, envelope, &mut content);
        match opened {
            Ok(opened) => {
                let skipped = opened.commit();
                self.core.sessions.received(id, envelope.tag(), &skipped);
                if !skipped.is_empty() {
                    for tag in self.tx.skipped().insert(id, &skipped, self.now.wall)? {
                        self.core.sessions.index.forget_skipped(tag);
                    }
                }
                if let Some(number) = number {
                    self.filled(device, id, number)?;
                }
                self.opened(device, *id, &content)?;
            }
            Err(OpenError::NotExpected) => {}
            Err(error) => {
                if let Some(number) = self.core.sessions.number_of(id, position) {
                    self.rejected(device, (*id, number), error, bytes)?;
                }
            }
        }
        content.zeroize();
        self.core.buffer = content;
        Ok(())
    }

    fn open_skipped(
        &mut self,
        id: &SessionId,
        number: MessageNumber,
        envelope: Envelope<'_>,
        bytes: &[u8],
    ) -> Result<(), StepError> {
        let tag = envelope.tag();
        let Some(row) = self.tx.skipped().find(&tag)? else {
            self.core.sessions.index.forget_skipped(tag);
            return Ok(());
        };
        let Some((session, device)) = self.core.sessions.open_with(id) else {
            return Ok(());
        };
        let mut content = Zeroizing::new(Vec::new());
        let opened = match session.open_skipped(&row.key, envelope, &mut content) {
            Ok(opened) => opened,
            Err(error) => return self.rejected(device, (*id, number), error, bytes),
        };
        if opened.commit() {
            self.core.sessions.learned(id);
        }
        self.tx.skipped().remove(row.id)?;
        self.core.sessions.index.consume_skipped(tag);
        self.filled(device, id, number)?;
        self.opened(device, *id, &content)
    }

    fn rejected(
        &mut self,
        device: PeerDeviceId,
        (session, number): (SessionId, MessageNumber),
        error: OpenError,
        bytes: &[u8],
    ) -> Result<(), StepError> {
        self.unopened(device, session, number, bytes)?;
        if error == OpenError::Contradiction {
            self.contradicted(&session)?;
        }
        Ok(())
    }

    /// Keeps an envelope that no session knows: a follow-up may overtake its first message.
    fn park(
        &mut self,
        envelope: Envelope<'_>,
        bytes: &[u8],
        envelope_id: &[u8],
    ) -> Result<(), StepError> {
        let Ok(envelope_id) = <[u8; 16]>::try_from(envelope_id) else {
            return Ok(());
        };
        let envelope_id = EnvelopeId::from_bytes(envelope_id);
        let Some(id) =
            self.tx
                .parked()
                .insert(ParkedKind::Unmatched, &envelope_id, bytes, self.now.wall)?
        else {
            return Ok(());
        };
        let now = self.now.wall;
        let evicted = self
            .core
            .park
            .insert(&mut self.rng, id, envelope.tag(), bytes.len(), now);
        for id in evicted {
            self.tx.parked().remove(id)?;
        }
        Ok(())
    }

    /// Opens what was parked and belongs to a new session.
    pub(super) fn unpark(&mut self, id: &SessionId) -> Result<(), StepError> {
        let Some(cached) = self.core.sessions.get(id) else {
            return Ok(());
        };
        for (parked, position) in self.core.park.matching(&cached.session) {
            self.core.park.remove(parked);
            let Some(row) = self.tx.parked().get(parked)? else {
                continue;
            };
            self.tx.parked().remove(parked)?;
            if let Ok(envelope) = Envelope::parse(&row.envelope) {
                self.open(id, position, envelope, &row.envelope)?;
            }
        }
        Ok(())
    }

    /// First messages cost a handshake each: beyond the budget they are kept, never dropped.
    fn first_message_in_turn(
        &mut self,
        bytes: &[u8],
        envelope_id: &[u8],
    ) -> Result<Outcome, StepError> {
        let now = self.now.monotonic_ms;
        let in_budget =
            self.core
                .first_messages
                .take(FIRST_MESSAGE_BURST, FIRST_MESSAGE_SPACING_MS, now);
        if in_budget && self.first_message(bytes)? == FirstOutcome::Done {
            return Ok(Outcome::Done);
        }
        let wait = if in_budget {
            super::limits::HOUR_MS
        } else {
            super::limits::SECOND_MS
        };
        if self.tx.parked().size(ParkedKind::FirstMessage)?.count >= MAX_PARKED_FIRST {
            return Ok(Outcome::Later(wait));
        }
        if let Ok(envelope_id) = <[u8; 16]>::try_from(envelope_id) {
            let envelope_id = EnvelopeId::from_bytes(envelope_id);
            self.tx.parked().insert(
                ParkedKind::FirstMessage,
                &envelope_id,
                bytes,
                self.now.wall,
            )?;
            self.core.timers.arm(Timer::Scans, now.saturating_add(wait));
        }
        Ok(Outcome::Done)
    }

    /// What waited for the budgets, or for the right time.
    pub(super) fn scan_deferred(&mut self) -> Result<(), StepError> {
        for deliver in std::mem::take(&mut self.core.own.deferred) {
            match self.envelope(&deliver)? {
                Outcome::Done => {}
                Outcome::Later(after) => {
                    self.core.own.deferred.push_back(deliver);
                    self.core
                        .timers
                        .arm(Timer::Scans, self.now.monotonic_ms.saturating_add(after));
                }
            }
        }
        for row in self
            .tx
            .parked()
            .page(ParkedKind::FirstMessage, None, UPKEEP_ROWS)?
        {
            let now = self.now.monotonic_ms;
            if !self
                .core
                .first_messages
                .take(FIRST_MESSAGE_BURST, FIRST_MESSAGE_SPACING_MS, now)
            {
                self.core
                    .timers
                    .arm(Timer::Scans, now.saturating_add(super::limits::SECOND_MS));
                return Ok(());
            }
            match self.first_message(&row.envelope)? {
                FirstOutcome::Done => self.tx.parked().remove(row.id)?,
                FirstOutcome::Later => {
                    self.core
                        .timers
                        .arm(Timer::Scans, now.saturating_add(super::limits::HOUR_MS));
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}
