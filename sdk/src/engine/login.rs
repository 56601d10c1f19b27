//! The own mailbox: logging in, what is kept registered there, and how far it has been read.
//!
//! Invariant: nothing is acknowledged before it is durable, and the cursor moves only over deliveries that
//! were handled: those of a connection that this memory logged in on, in order, up to the first one that
//! waits. A login starts everything that waits for the relay over again.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a frame of a kind that does not belong here is as good as none"
)]

use std::collections::VecDeque;

use bytes::Bytes;
use undertone_wire as wire;
use undertone_wire::ErrorCode;
use undertone_wire::binding::BindingValue;
use undertone_wire::frame::Body;
use undertone_wire::signed::{LoginBody, SignedBody};

use super::backoff;
use super::clock::ClockChange;
use super::event::Event;
use super::input::DisconnectCause;
use super::lane::Lane;
use super::limits::{MAX_DELIVERY_SEQ, REFUSED_FIRST_MS, RETRY_LONGEST_MS};
use super::meta;
use super::requests::Purpose;
use super::rollback::Checked;
use super::step::Step;
use super::timers::Timer;
use crate::error::StepError;
use crate::store::CursorRow;

/// The state of the own mailbox's connection, and what is to be done on it.
#[derive(Debug, Default)]
pub(crate) struct OwnMailbox {
    pub(crate) logged_in: bool,
    pub(crate) caught_up: bool,
    /// Whether everything that others need in order to write is at the relay, as far as was said.
    reachable: bool,
    /// Deliveries up to here are handled.
    pub(crate) handled: u64,
    /// The cursor in the store.
    saved: u64,
    /// Acknowledged on this connection.
    acked: u64,
    /// The relay's store epoch, from its greeting.
    epoch: [u8; 16],
    /// The store epoch for which everything is registered.
    pub(crate) published_epoch: Option<[u8; 16]>,
    /// Deliveries that wait for the scan budget. Not acknowledged, so that a crash loses none; bounded by the
    /// relay's delivery window.
    pub(crate) deferred: VecDeque<wire::Deliver>,
    /// Whether the relay was asked how far this device acknowledged.
    pub(crate) checked: Checked,
    pub(crate) tokens_changed: bool,
    pub(crate) tokens_in_flight: bool,
    pub(crate) prekeys_in_flight: bool,
    /// Prekeys are to be looked at: made, renewed, or sent again.
    pub(crate) prekeys_due: bool,
    /// Too many first messages named the long-lived prekeys: they are replaced before their time.
    pub(crate) prekeys_spent: bool,
    pub(crate) manifest_in_flight: bool,
    /// When a renewed manifest is put, monotonic ms; drawn anew with each login.
    pub(crate) manifest_at: Option<u64>,
    /// Nothing is asked of the own relay before, monotonic ms: it refused something.
    pub(crate) not_before: u64,
    pub(crate) refusals: u32,
    /// Conflicts over the record of the own manifest, in a row.
    pub(crate) conflicts: u32,
}

impl OwnMailbox {
    /// The relay's store epoch.
    pub(crate) fn epoch(&self) -> [u8; 16] {
        self.epoch
    }

    /// How far everything is handled without a hole.
    fn settled(&self) -> u64 {
        self.deferred.front().map_or(self.handled, |first| {
            first.seq.saturating_sub(1).min(self.handled)
        })
    }

    /// Forgets what waits. The relay has it: it is asked for again from the first of it on.
    fn forget_deferred(&mut self) {
        self.handled = self.settled();
        self.deferred.clear();
    }

    pub(crate) fn load(cursor: Option<&CursorRow>, published_epoch: Option<[u8; 16]>) -> Self {
        let seq = cursor.map_or(0, |cursor| cursor.seq);
        Self {
            handled: seq,
            saved: seq,
            published_epoch,
            ..Self::default()
        }
    }
}

impl Step<'_> {
    pub(super) fn log_in(
        &mut self,
        hello: &wire::Hello,
        binding: BindingValue,
    ) -> Result<(), StepError> {
        if self.is_deleted() {
            // It would make the mailbox anew.
            return Ok(());
        }
        self.compare_clocks(hello.time_ms)?;
        let Ok(challenge) = <&[u8; 32]>::try_from(hello.challenge.as_ref()) else {
            self.disconnect(&Lane::Own);
            return Ok(());
        };
        let own = &mut self.core.own;
        own.epoch = <[u8; 16]>::try_from(hello.store_epoch.as_ref()).unwrap_or_default();
        own.deferred.clear();
        own.handled = own.saved;
        own.acked = own.saved;
        let me = &self.core.me;
        let key = me.device.mailbox.public_key();
        let body = LoginBody {
            challenge,
            binding,
            mailbox_key: key.as_bytes(),
            peek: false,
        };
        let signature = me.device.mailbox.sign_framed(&body.signed_bytes());
        let login = wire::Authenticate {
            mailbox_key: Bytes::copy_from_slice(key.as_bytes()),
            signature: Bytes::copy_from_slice(&signature.0),
            after_seq: self.core.own.saved,
            peek: false,
        };
        self.request(&Lane::Own, Purpose::Login, Body::Authenticate(login));
        Ok(())
    }

    fn compare_clocks(&mut self, relay_ms: u64) -> Result<(), StepError> {
        let relay = undertone_protocol::time::Timestamp(relay_ms);
        match self.core.clock.compare(self.now, relay) {
            ClockChange::None => {}
            ClockChange::BecameWrong => self.emit(Event::ClockWrong {
                device: self.now.wall,
                relay,
            }),
            ClockChange::BecameRight => self.emit(Event::ClockRight),
        }
        self.tx.meta().put(
            meta::AGES_FROM,
            &self.core.clock.ages_from().0.to_be_bytes(),
        )?;
        self.core.timers.arm(Timer::Upkeep, self.now.monotonic_ms);
        if self.core.clock.trusted(self.now).is_some() {
            // First messages that could not be judged before.
            self.core.timers.arm(Timer::Scans, self.now.monotonic_ms);
        }
        Ok(())
    }

    pub(super) fn login_answered(&mut self, body: Body) -> Result<(), StepError> {
        match body {
            Body::Authenticated(answer) => {
                let own = &mut self.core.own;
                own.logged_in = true;
                own.not_before = 0;
                own.conflicts = 0;
                own.manifest_at = None;
                if answer.last_seq < own.handled {
                    // A relay that lost its store counts from behind; what it has again is recognised by its tags.
                    own.handled = answer.acked_seq;
                    own.saved = answer.acked_seq;
                    own.acked = answer.acked_seq;
                }
                own.caught_up = false;
                own.tokens_changed = true;
                own.prekeys_due = true;
                let is_old = answer.acked_seq > own.handled;
                if answer.created || own.published_epoch != Some(own.epoch) {
                    // The relay knows nothing of this mailbox, or lost what it knew.
                    self.forget_what_is_published()?;
                }
                if is_old {
                    self.store_is_old(answer.acked_seq.min(MAX_DELIVERY_SEQ))?;
                }
                self.store_was_checked();
                self.ask_presence_anew();
                self.emit(Event::Online);
            }
            Body::Failure(failure) if failure.code() == ErrorCode::Closed && self.is_deleting() => {
                self.mailbox_is_gone()?;
            }
            Body::Failure(failure) => {
                self.emit(Event::RelayRefused {
                    code: failure.code(),
                });
                self.disconnect(&Lane::Own);
            }
            _ => self.disconnect(&Lane::Own),
        }
        Ok(())
    }

    /// All that others need in order to write is registered anew.
    pub(super) fn forget_what_is_published(&mut self) -> Result<(), StepError> {
        self.core.own.published_epoch = None;
        self.tx.meta().remove(meta::PUBLISHED_EPOCH)?;
        self.profile_is_lost()?;
        Ok(self.tx.meta().remove(meta::OWN_MANIFEST_RECORD)?)
    }

    pub(super) fn logged_out(&mut self, cause: DisconnectCause) {
        let own = &mut self.core.own;
        own.logged_in = false;
        own.caught_up = false;
        own.reachable = false;
        own.tokens_in_flight = false;
        own.prekeys_in_flight = false;
        own.forget_deferred();
        self.store_was_checked();
        if cause == DisconnectCause::ClosedByRelay(ErrorCode::Displaced) {
            self.emit(Event::Displaced);
        }
    }

    /// The transport turns the relay's farewell into a disconnection; one that comes as a frame means the same.
    pub(super) fn closing(&mut self, code: ErrorCode) -> Result<(), StepError> {
        self.disconnect(&Lane::Own);
        if code == ErrorCode::Displaced {
            self.emit(Event::Displaced);
        }
        Ok(())
    }

    /// Keeps what the own relay should have of this device up to date.
    pub(super) fn pump_own_mailbox(&mut self) -> Result<(), StepError> {
        let own = &self.core.own;
        if !own.logged_in || own.not_before > self.now.monotonic_ms {
            return Ok(());
        }
        if own.tokens_changed && !own.tokens_in_flight {
            self.register_tokens()?;
        }
        self.publish_manifest()?;
        self.publish_profile()?;
        if self.core.own.prekeys_due && !self.core.own.prekeys_in_flight {
            self.publish_prekeys()?;
        }
        self.notice_reachable()
    }

    /// Says when everything that others need in order to write is at the relay.
    fn notice_reachable(&mut self) -> Result<(), StepError> {
        let own = &self.core.own;
        let registered = !(own.tokens_changed
            || own.tokens_in_flight
            || own.prekeys_due
            || own.prekeys_in_flight)
            && own.published_epoch.is_some()
            && !own.manifest_in_flight
            && self.manifest_is_published()?;
        if registered && !self.core.own.reachable {
            self.emit(Event::Reachable);
        }
        self.core.own.reachable = registered;
        Ok(())
    }

    /// Something was refused by the own relay: it is tried again later, and the application learns of what
    /// does not pass by itself.
    pub(super) fn own_refused(
        &mut self,
        failure: &wire::Failure,
        again: impl FnOnce(&mut OwnMailbox),
    ) -> Result<(), StepError> {
        again(&mut self.core.own);
        self.leave_own_alone(backoff::asked(failure.retry_after_ms));
        if !failure.code().is_retryable() {
            self.emit(Event::RelayRefused {
                code: failure.code(),
            });
        }
        Ok(())
    }

    /// Asks nothing of the own relay for a while, at least so many ms: longer each time until something is taken.
    pub(super) fn leave_own_alone(&mut self, at_least: u64) {
        let own = &mut self.core.own;
        let wait = backoff::exponential(
            REFUSED_FIRST_MS,
            RETRY_LONGEST_MS,
            own.refusals,
            &mut self.rng,
        )
        .max(at_least);
        own.refusals = own.refusals.saturating_add(1);
        own.not_before = self.now.monotonic_ms.saturating_add(wait);
        let at = own.not_before;
        self.core.timers.arm(Timer::Lanes, at);
    }

    pub(super) fn caught_up(&mut self) -> Result<(), StepError> {
        self.core.own.caught_up = true;
        self.core.timers.arm(
            Timer::Gaps,
            self.now
                .monotonic_ms
                .saturating_add(super::limits::GAP_VISIBLE_AFTER_MS),
        );
        self.core.timers.arm(Timer::Upkeep, self.now.monotonic_ms);
        self.emit(Event::CaughtUp);
        Ok(())
    }

    /// Envelopes expired at the relay before this device came back. Their senders are asked for them when
    /// their streams show what is missing.
    pub(super) fn mailbox_gap(&mut self, gap: &wire::Gap) {
        let to_seq = gap.to_seq.min(MAX_DELIVERY_SEQ);
        self.core.own.handled = self.core.own.handled.max(to_seq);
        self.emit(Event::MailboxGap);
    }

    /// Writes how far the mailbox was read, and the state of the clocks.
    pub(super) fn flush_own(&mut self) -> Result<(), StepError> {
        let settled = self.core.own.settled();
        if settled > self.core.own.saved {
            let cursor = CursorRow {
                relay: self.core.me.relay.as_str().to_owned(),
                seq: settled,
            };
            self.tx.cursors().put(&self.core.me.mailbox, &cursor)?;
            self.core.own.saved = settled;
        }
        if self.core.hlc.last() != self.core.saved_hlc {
            self.core.saved_hlc = self.core.hlc.last();
            self.tx
                .meta()
                .put(meta::HLC, &self.core.saved_hlc.as_packed().to_be_bytes())?;
        }
        Ok(())
    }

    /// Acknowledges what this step makes durable. The frame leaves after the commit, like every effect.
    pub(super) fn flush_acks(&mut self) -> Result<(), StepError> {
        let own = &self.core.own;
        if own.logged_in && own.saved > own.acked && self.core.requests.has_room(&Lane::Own) {
            let ack = wire::Ack {
                up_to_seq: own.saved,
            };
            self.core.own.acked = ack.up_to_seq;
            self.request(&Lane::Own, Purpose::Ack, Body::Ack(ack));
        }
        Ok(())
    }
}
