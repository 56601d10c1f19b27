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
        self.core.outbox.unblock_one();
        let Some(queue) = self.core.outbox.get(device) else {
            return Ok(());
        };
        if !matches!(queue.turn, Turn::Asking) {
            return Ok(());
        }
        let Body::WorkChallenge(given) = body else {
            return self.send_failed(device, None);
        };
        let work = Work::begin(given, queue.difficulty, self.now.monotonic_ms);
        self.core.outbox.set(device, Turn::Working(work));
        Ok(())
    }

    /// One piece of work for each queue that has some.
    pub(super) fn go_on_working(&mut self) -> Result<(), StepError> {
        for device in self.core.outbox.working() {
            let Some(Turn::Working(mut work)) =
                self.core.outbox.get(device).map(|queue| queue.turn.clone())
            else {
                continue;
            };
            if work.until <= self.now.monotonic_ms {
                self.core.outbox.set(device, Turn::Ready);
                continue;
            }
            let Some(row) = self.tx.outbox().of_device(device, 1)?.pop() else {
                self.core.outbox.remove(device);
                continue;
            };
            let (OutboxBody::Envelope(envelope), Some(to)) = (&row.item.body, row.item.destination)
            else {
                self.core.outbox.set(device, Turn::Ready);
                continue;
            };
            let subject = WorkSubject::knock(
                &work.challenge,
                wire::MailboxId::from_bytes(*to.mailbox.as_bytes()),
                wire::MessageId::from_bytes(*row.item.envelope_id.as_bytes()),
                envelope,
            );
            match work.piece(&subject) {
                Ok(Some(found)) => self.transmit_with_work(device, found)?,
                Ok(None) => {
                    self.core.outbox.set(device, Turn::Working(work));
                    self.core.timers.arm(Timer::Work, self.now.monotonic_ms);
                }
                Err(wire::work::TooHard) => self.postpone(device, DelayReason::RelayBusy, 0)?,
            }
        }
        Ok(())
    }
}

impl Work {
    /// Begins the work that a relay asks for, at least as hard as it said before.
    pub(crate) fn begin(given: wire::WorkChallenge, at_least: u32, now: u64) -> Self {
        Self {
            challenge: given.challenge,
            difficulty: given.difficulty.max(at_least),
            nonce: 0,
            until: now.saturating_add(wire::limits::WORK_CHALLENGE_MS),
        }
    }

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
