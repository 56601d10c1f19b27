//! One step: an open store transaction, and the effects that its commit will release.
//!
//! Invariant: no effect exists before everything that led to it is durable. A step that is dropped leaves
//! the store as it was and makes the engine load its memory again, which takes nothing more of the
//! connections that were open: whoever drops a step closes them all.
//!
//! What the inputs and commands mean is in the modules named after them.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a frame of a kind that does not belong here is as good as none"
)]

use std::ops::{Deref, DerefMut};

use rand_core::CryptoRng;
use undertone_protocol::time::Now;
use undertone_wire as wire;
use undertone_wire::frame::Body;

use super::Core;
use super::effect::Effect;
use super::event::Event;
use super::input::{DisconnectCause, Input};
use super::lane::Lane;
use super::requests::Purpose;
use super::timers::Timer;
use crate::error::StepError;
use crate::store::Tx;

/// Marks the engine's memory as stale unless the step commits.
pub(crate) struct CoreGuard<'e> {
    core: &'e mut Core,
    committed: bool,
}

impl Deref for CoreGuard<'_> {
    type Target = Core;
    fn deref(&self) -> &Core {
        self.core
    }
}

impl DerefMut for CoreGuard<'_> {
    fn deref_mut(&mut self) -> &mut Core {
        self.core
    }
}

impl Drop for CoreGuard<'_> {
    fn drop(&mut self) {
        if !self.committed {
            self.core.stale = true;
        }
    }
}

/// Inputs and commands that become durable together. Reads within it see what it wrote.
pub struct Step<'e> {
    pub(super) tx: Tx<'e>,
    pub(super) core: CoreGuard<'e>,
    pub(super) now: Now,
    pub(super) rng: &'e mut dyn CryptoRng,
    effects: Vec<Effect>,
}

impl<'e> Step<'e> {
    pub(super) fn new(
        tx: Tx<'e>,
        core: &'e mut Core,
        now: Now,
        rng: &'e mut dyn CryptoRng,
    ) -> Self {
        Self {
            tx,
            core: CoreGuard {
                core,
                committed: false,
            },
            now,
            rng,
            effects: Vec::new(),
        }
    }

    /// What tests write by themselves.
    #[cfg(test)]
    pub(crate) const fn tx(&self) -> &Tx<'e> {
        &self.tx
    }

    /// Takes one thing that happened outside.
    ///
    /// # Errors
    /// [`StepError`]: drop the step. What a peer or a relay sends is never an error here, however wrong.
    pub fn handle(&mut self, input: Input) -> Result<(), StepError> {
        match input {
            Input::Connected {
                lane,
                hello,
                binding,
            } => self.connected(&lane, &hello, binding),
            Input::Disconnected { lane, cause } => self.disconnected(&lane, cause),
            Input::Frame { lane, frame } => self.frame(&lane, frame),
            Input::Timer => self.timers_due(),
        }
    }

    /// Makes the step durable and returns what is to be done outside, in order.
    ///
    /// # Errors
    /// [`StepError::Store`]: nothing of the step happened. What it was given is lost; close every connection, so
    /// that relays send it again.
    pub fn commit(mut self) -> Result<Vec<Effect>, StepError> {
        self.pump()?;
        self.flush()?;
        let Self {
            tx,
            mut core,
            effects,
            ..
        } = self;
        tx.commit()?;
        core.committed = true;
        Ok(effects)
    }

    /// Starts whatever is ready: queues first, because they may want lookups.
    fn pump(&mut self) -> Result<(), StepError> {
        if let Some(deletion) = self.core.deletion {
            self.pump_deletion(deletion)?;
        } else {
            self.pump_own_mailbox()?;
            self.work()?;
            self.pump_outbox()?;
            self.pump_lookups()?;
            self.pump_profiles()?;
        }
        if let Some(deadline) = self.core.requests.next_deadline() {
            self.core.timers.arm(Timer::Requests, deadline);
        }
        Ok(())
    }

    /// Writes what was only changed in memory.
    fn flush(&mut self) -> Result<(), StepError> {
        self.flush_heard()?;
        self.flush_sessions()?;
        self.flush_streams()?;
        self.flush_own()?;
        self.flush_acks()
    }

    pub(super) fn emit(&mut self, event: Event) {
        let effect = Effect::Event(event);
        // Equal neighbours say nothing new: a batch of messages changes one conversation once.
        if !matches!((self.effects.last(), &effect), (Some(Effect::Event(last)), Effect::Event(new)) if last == new)
        {
            self.effects.push(effect);
        }
    }

    pub(super) fn request(&mut self, lane: &Lane, purpose: Purpose, body: Body) {
        let request_id = self
            .core
            .requests
            .begin(lane, purpose, self.now.monotonic_ms);
        let frame = wire::Frame {
            request_id,
            body: Some(body),
        };
        self.effects.push(Effect::Request {
            lane: lane.clone(),
            frame,
        });
    }

    /// Asks for the end of a connection. What still comes on it is ignored.
    pub(super) fn disconnect(&mut self, lane: &Lane) {
        self.core.lanes.leave(lane);
        if *lane == Lane::Own {
            self.core.own.logged_in = false;
        }
        self.effects.push(Effect::Disconnect { lane: lane.clone() });
    }

    fn connected(
        &mut self,
        lane: &Lane,
        hello: &wire::Hello,
        binding: wire::binding::BindingValue,
    ) -> Result<(), StepError> {
        self.core.lanes.opened(lane);
        self.greeted(lane, hello)?;
        match lane {
            Lane::Own => {
                self.core.lanes.forgive();
                self.core.outbox.wake_waiting();
                self.core.lookups.wake_due(u64::MAX);
                self.log_in(hello, binding)
            }
            Lane::Anonymous(_) | Lane::Lookup(_) | Lane::Record(_) | Lane::Profile(_) => {
                self.core.outbox.unblock_all();
                Ok(())
            }
        }
    }

    fn disconnected(&mut self, lane: &Lane, cause: DisconnectCause) -> Result<(), StepError> {
        match cause {
            DisconnectCause::Closed => self.core.lanes.closed(lane),
            DisconnectCause::Unreachable
            | DisconnectCause::ClosedByRelay(_)
            | DisconnectCause::UnsupportedVersion
            | DisconnectCause::ProtocolViolation
            | DisconnectCause::Tls => {
                let again = self
                    .core
                    .lanes
                    .failed(lane, self.now.monotonic_ms, &mut self.rng);
                self.core.timers.arm(Timer::Lanes, again);
            }
        }
        if *lane == Lane::Own {
            self.logged_out(cause);
        }
        for purpose in self.core.requests.abandon(lane) {
            self.unanswered(purpose, Some(cause))?;
        }
        Ok(())
    }

    fn frame(&mut self, lane: &Lane, frame: wire::Frame) -> Result<(), StepError> {
        let Some(body) = frame.body.filter(|_| self.core.lanes.is_open(lane)) else {
            return Ok(());
        };
        if frame.request_id == 0 {
            return if *lane == Lane::Own {
                self.unasked(body)
            } else {
                Ok(())
            };
        }
        let Some(purpose) = self.core.requests.finish(lane, frame.request_id) else {
            return Ok(());
        };
        if let Lane::Anonymous(relay) = lane {
            self.core.outbox.unblock_one(relay);
        }
        self.answered(purpose, body)
    }

    fn answered(&mut self, purpose: Purpose, body: Body) -> Result<(), StepError> {
        match purpose {
            Purpose::Login => self.login_answered(body),
            // Whoever is not there gets none.
            Purpose::Ack | Purpose::Ephemeral => Ok(()),
            Purpose::SetTokens => self.tokens_answered(&body),
            Purpose::PublishPrekeys => self.prekeys_answered(&body),
            Purpose::PrekeyCounts => {
                self.prekey_counts_answered(&body);
                Ok(())
            }
            Purpose::PutManifest(version) => self.put_manifest_answered(version, body),
            Purpose::GetManifest(contact) => self.manifest_answered(contact, body),
            Purpose::PutProfile(put, last_seen) => {
                self.put_profile_answered((put, last_seen), body)
            }
            Purpose::GetProfile(contact) => self.profile_answered(contact, body),
            Purpose::PopPrekeys(device) => self.prekeys_popped(device, body),
            Purpose::PopChallenge(device) => self.pop_challenge_answered(device, body),
            Purpose::SendChallenge(device) => self.send_challenge_answered(device, body),
            Purpose::Greeting(device) => {
                self.greeting_answered(device);
                Ok(())
            }
            Purpose::Send(device, id) => self.send_answered(device, id, body),
            Purpose::DeleteRecord => self.record_deletion_answered(&body),
            Purpose::DeleteMailbox => self.mailbox_deletion_answered(&body),
        }
    }

    /// The lane of a request is gone, or its answer is overdue.
    fn unanswered(
        &mut self,
        purpose: Purpose,
        cause: Option<DisconnectCause>,
    ) -> Result<(), StepError> {
        match purpose {
            // All of the own mailbox starts over with the next login.
            Purpose::Login
            | Purpose::Ack
            | Purpose::Ephemeral
            | Purpose::SetTokens
            | Purpose::PublishPrekeys
            | Purpose::PrekeyCounts => Ok(()),
            Purpose::PutManifest(_) => {
                self.core.own.manifest_in_flight = false;
                Ok(())
            }
            Purpose::DeleteRecord | Purpose::DeleteMailbox => {
                self.deletion_unanswered();
                Ok(())
            }
            Purpose::PutProfile(..) => {
                self.core.profile.in_flight = false;
                Ok(())
            }
            Purpose::GetManifest(contact) => self.lookup_failed(contact, cause),
            Purpose::GetProfile(contact) => {
                self.profile_unanswered(contact);
                Ok(())
            }
            Purpose::PopPrekeys(device) | Purpose::PopChallenge(device) => {
                self.pop_failed(device, cause)
            }
            Purpose::SendChallenge(device)
            | Purpose::Greeting(device)
            | Purpose::Send(device, _) => self.send_failed(device, cause),
        }
    }

    fn unasked(&mut self, body: Body) -> Result<(), StepError> {
        match body {
            Body::Closing(closing) => self.closing(closing.reason()),
            _ if !self.core.own.logged_in || self.is_deleting() => Ok(()),
            Body::Deliver(deliver) => self.delivered(deliver),
            Body::CaughtUp(_) => self.caught_up(),
            Body::Gap(gap) => {
                self.mailbox_gap(&gap);
                Ok(())
            }
            Body::LowPrekeys(low) => {
                self.low_prekeys(&low);
                Ok(())
            }
            Body::Ephemeral(ephemeral) => self.ephemeral_arrived(&ephemeral.envelope),
            // Hello comes as Input::Connected; the rest is for relays, or answers to nothing.
            _ => Ok(()),
        }
    }

    fn timers_due(&mut self) -> Result<(), StepError> {
        while let Some(timer) = self.core.timers.take_due(self.now.monotonic_ms) {
            match timer {
                Timer::Lanes => self.lanes_due(),
                Timer::Requests => self.requests_overdue()?,
                _ if self.is_deleting() => {}
                Timer::Outbox => {
                    if let Some(next) = self.core.outbox.wake_due(self.now.monotonic_ms) {
                        self.core.timers.arm(Timer::Outbox, next);
                    }
                }
                Timer::Lookups => {
                    if let Some(next) = self.core.lookups.wake_due(self.now.monotonic_ms) {
                        self.core.timers.arm(Timer::Lookups, next);
                    }
                }
                Timer::Work => {}
                Timer::Answers => self.send_answers()?,
                Timer::Refill => self.refill_due()?,
                Timer::Upkeep => self.upkeep()?,
                Timer::Expiry => self.expire_messages()?,
                Timer::Gaps => self.show_gaps()?,
                Timer::Kept => self.read_kept()?,
                Timer::Typing => self.typing_due()?,
                Timer::Presence => self.presence_due()?,
                Timer::Scans => self.scan_deferred()?,
            }
        }
        Ok(())
    }

    /// Whoever waits for a connection, or for the own relay, looks again, now and when the next of them may be tried.
    fn lanes_due(&mut self) {
        self.core.outbox.unblock_all();
        let now = self.now.monotonic_ms;
        let own = Some(self.core.own.not_before).filter(|at| *at > now);
        let checked = self.core.own.unchecked_until(now);
        let waiting = own.into_iter().chain(checked);
        for at in self.core.lanes.next_try(now).into_iter().chain(waiting) {
            self.core.timers.arm(Timer::Lanes, at);
        }
    }

    fn requests_overdue(&mut self) -> Result<(), StepError> {
        for lane in self.core.requests.overdue(self.now.monotonic_ms) {
            self.disconnect(&lane);
            self.disconnected(&lane, DisconnectCause::Unreachable)?;
        }
        Ok(())
    }
}
