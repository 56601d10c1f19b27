//! Work in place of a token: asking for a challenge, searching a nonce in small pieces, and using it.
//!
//! What the work is bound to is the wire's ([`WorkSubject`]). Whether a token would do is decided in
//! [`outbox`](super::outbox).

use std::ops::ControlFlow;

use undertone_wire as wire;
use undertone_wire::frame::Body;
use undertone_wire::work::WorkSubject;

use super::event::DelayReason;
use super::lane::Lane;
use super::limits::WORK_HASHES_PER_STEP;
use super::queues::{Turn, Work};
use super::requests::Purpose;
use super::step::Step;
use super::timers::Timer;
use crate::error::StepError;
use crate::store::{OutboxBody, PeerDeviceId};

impl Step<'_> {
    /// Asks for a challenge for the first envelope of a queue. What is larger than a knock needs a token: an
    /// acceptance brings one, or the relay takes those that it refused once it has them again.
    pub(super) fn ask_for_work(
        &mut self,
        device: PeerDeviceId,
        lane: &Lane,
        envelope_len: usize,
    ) -> Result<(), StepError> {
        if envelope_len > wire::limits::MAX_KNOCK_ENVELOPE_BYTES {
            return self.postpone(device, DelayReason::TokenRefused, 0);
        }
        self.request(
            lane,
            Purpose::SendChallenge(device),
            Body::Challenge(wire::Challenge {}),
        );
        self.core.outbox.set(device, Turn::Asking);
        Ok(())
    }

    pub(super) fn send_challenge_answered(
        &mut self,
        device: PeerDeviceId,
        body: Body,
    ) -> Result<(), StepError> {
        let Some(queue) = self.core.outbox.get(device) else {
            return Ok(());
        };
        if !matches!(queue.turn, Turn::Asking) {
            return Ok(());
        }
        let Body::WorkChallenge(given) = body else {
            return self.send_failed(device, None);
        };
        let difficulty = queue.difficulty;
        let work = self.begin_work(given, difficulty);
        self.core.outbox.set(device, Turn::Working(work));
        Ok(())
    }

    /// Goes on with one search for one piece, whoever else waits: a step stays short, and each search ends before its
    /// challenge does.
    pub(super) fn work(&mut self) -> Result<(), StepError> {
        while let Some(whose) = self.next_work() {
            let done = match whose {
                Worker::Queue(device, work) => self.work_for_queue(device, work)?,
                Worker::Prekeys(device, work) => self.work_for_prekeys(device, work)?,
            };
            if done {
                break;
            }
        }
        if self.next_work().is_some() {
            self.core.timers.arm(Timer::Work, self.now.monotonic_ms);
        }
        Ok(())
    }

    fn next_work(&self) -> Option<Worker> {
        let queue = self.core.outbox.working();
        let prekeys = self.core.lookups.working();
        let first = |work: Option<&Work>| work.map_or(u64::MAX, |work| work.ticket);
        let (of_queue, of_prekeys) = (
            first(queue.map(|(_, work)| work)),
            first(prekeys.map(|(_, work)| work)),
        );
        match (queue, prekeys) {
            (Some((device, work)), _) if of_queue <= of_prekeys => {
                Some(Worker::Queue(device, work.clone()))
            }
            (_, Some((device, work))) => Some(Worker::Prekeys(device, work.clone())),
            (_, None) => None,
        }
    }

    /// Work begins: it is behind all that began before.
    pub(super) fn begin_work(&mut self, given: wire::WorkChallenge, at_least: u32) -> Work {
        self.core.work_tickets = self.core.work_tickets.saturating_add(1);
        Work {
            ticket: self.core.work_tickets,
            challenge: given.challenge,
            difficulty: given.difficulty.max(at_least),
            nonce: 0,
            until: self
                .now
                .monotonic_ms
                .saturating_add(wire::limits::WORK_CHALLENGE_MS),
        }
    }

    /// A piece for the first envelope of a queue. Whether any was done.
    fn work_for_queue(&mut self, device: PeerDeviceId, mut work: Work) -> Result<bool, StepError> {
        if work.until <= self.now.monotonic_ms {
            self.core.outbox.set(device, Turn::Ready);
            return Ok(false);
        }
        let Some(row) = self.tx.outbox().of_device(device, 1)?.pop() else {
            self.core.outbox.remove(device);
            return Ok(false);
        };
        let (OutboxBody::Envelope(envelope), Some(to)) = (&row.item.body, row.item.destination)
        else {
            self.core.outbox.set(device, Turn::Ready);
            return Ok(false);
        };
        let subject = WorkSubject::knock(
            &work.challenge,
            wire::MailboxId::from_bytes(*to.mailbox.as_bytes()),
            wire::MessageId::from_bytes(*row.item.envelope_id.as_bytes()),
            envelope,
        );
        match work.piece(&subject) {
            Ok(Some(found)) => self.transmit_with_work(device, found)?,
            Ok(None) => self.core.outbox.set(device, Turn::Working(work)),
            Err(wire::work::TooHard) => {
                self.postpone(device, DelayReason::RelayBusy, 0)?;
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Whose work it is.
enum Worker {
    /// The right to send the first envelope of a device's queue.
    Queue(PeerDeviceId, Work),
    /// The right to take a device's prekeys.
    Prekeys(PeerDeviceId, Work),
}

impl Work {
    /// Searches a piece of the nonce space.
    ///
    /// # Errors
    /// The relay asks for more than a client does.
    pub(crate) fn piece(
        &mut self,
        subject: &WorkSubject,
    ) -> Result<Option<wire::KnockWork>, wire::work::TooHard> {
        match subject.search(self.difficulty, self.nonce, WORK_HASHES_PER_STEP)? {
            ControlFlow::Break(nonce) => Ok(Some(wire::KnockWork {
                challenge: self.challenge.clone(),
                nonce,
            })),
            ControlFlow::Continue(next) => {
                self.nonce = next;
                Ok(None)
            }
        }
    }
}
