//! Fetching a device's prekeys: with a token, else with work, idempotent by a pop id that is in the store
//! before the request leaves, so that a retry takes no second one-time key.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a frame of a kind that does not belong here is as good as none"
)]

use bytes::Bytes;
use undertone_wire as wire;
use undertone_wire::ErrorCode;
use undertone_wire::frame::Body;
use undertone_wire::right::Right;
use undertone_wire::work::WorkSubject;

use super::backoff;
use super::event::DelayReason;
use super::input::DisconnectCause;
use super::lane::Lane;
use super::limits::{LOOKUP_RETRY_FIRST_MS, LOOKUP_RETRY_LONGEST_MS};
use super::lookups::Lookup;
use super::queues::Work;
use super::requests::Purpose;
use super::step::Step;
use super::timers::Timer;
use crate::error::StepError;
use crate::store::{PeerDeviceId, PeerDeviceRow};

impl Step<'_> {
    /// A session with a device is wanted: manifest, then prekeys, then the handshake.
    pub(super) fn want_session(&mut self, device: PeerDeviceId) -> Result<(), StepError> {
        let Some(peer) = self.peer(device)? else {
            return Ok(());
        };
        self.core.lookups.want_prekeys(device);
        if self
            .core
            .lookups
            .is_fresh(peer.contact, self.now.monotonic_ms)
        {
            self.core.lookups.manifest_known(&[device]);
            return Ok(());
        }
        self.want_manifest(peer.contact)
    }

    pub(super) fn pump_prekeys(&mut self) -> Result<(), StepError> {
        for device in self.core.lookups.ready_prekeys() {
            let Some(row) = self.tx.peer_devices().get(device)? else {
                self.core.lookups.prekeys.remove(&device);
                continue;
            };
            if self.core.sessions.is_ready(device) {
                self.handshake_spared(&row)?;
                continue;
            }
            // The first message will carry a statement as of the own manifest, and a wrong clock judges no prekeys.
            if self.core.me.manifest.is_none() || self.core.clock.judging(self.now).is_none() {
                self.postpone_prekeys(device, self.unpublished())?;
                continue;
            }
            self.ask_for_prekeys(&row)?;
        }
        Ok(())
    }

    fn ask_for_prekeys(&mut self, row: &PeerDeviceRow) -> Result<(), StepError> {
        let Some(lane) = self.lookup_lane(&row.relay) else {
            return Ok(());
        };
        if !self.core.lanes.is_usable(&lane, self.now.monotonic_ms)
            || !self.core.requests.has_room(&lane)
        {
            return Ok(());
        }
        let refused = self
            .core
            .lookups
            .prekeys
            .get(&row.id)
            .map_or(0, |entry| entry.refused_tokens);
        let bearer = self
            .bearers(row.contact, &row.keys.mailbox)?
            .into_iter()
            .nth(refused);
        match bearer {
            Some(bearer) => self.pop(row, &lane, Right::Bearer(bearer)),
            None => {
                self.request(
                    &lane,
                    Purpose::PopChallenge(row.id),
                    Body::Challenge(wire::Challenge {}),
                );
                self.set_prekey_lookup(row.id, Lookup::AskingChallenge);
                Ok(())
            }
        }
    }

    fn pop(&mut self, row: &PeerDeviceRow, lane: &Lane, right: Right) -> Result<(), StepError> {
        let knocked = matches!(right, Right::Work(_));
        let pop_id = self.pop_id(row)?;
        let pop = wire::PopPrekeys {
            mailbox: Bytes::copy_from_slice(row.keys.mailbox.as_bytes()),
            pop_id: Bytes::copy_from_slice(&pop_id),
            right: Some(wire::Right { right: Some(right) }),
        };
        self.request(lane, Purpose::PopPrekeys(row.id), Body::PopPrekeys(pop));
        self.set_prekey_lookup(row.id, Lookup::Asking { knocked });
        Ok(())
    }

    fn pop_id(&mut self, row: &PeerDeviceRow) -> Result<[u8; 16], StepError> {
        if let Some(pop_id) = row.pop_id {
            return Ok(pop_id);
        }
        let pop_id = *wire::PopId::random(&mut self.rng).as_bytes();
        self.tx.peer_devices().set_pop(row.id, Some(&pop_id))?;
        Ok(pop_id)
    }

    pub(super) fn set_prekey_lookup(&mut self, device: PeerDeviceId, state: Lookup) {
        if let Some(entry) = self.core.lookups.prekeys.get_mut(&device) {
            entry.state = state;
        }
    }

    pub(super) fn pop_challenge_answered(
        &mut self,
        device: PeerDeviceId,
        body: Body,
    ) -> Result<(), StepError> {
        let Body::WorkChallenge(given) = body else {
            return self.postpone_prekeys(device, DelayReason::RelayBusy);
        };
        let difficulty = self
            .core
            .lookups
            .prekeys
            .get(&device)
            .map_or(0, |entry| entry.difficulty);
        let work = self.begin_work(given, difficulty);
        self.set_prekey_lookup(device, Lookup::Working(work));
        Ok(())
    }

    /// A piece of work for a device's prekeys. Whether any was done.
    pub(super) fn work_for_prekeys(
        &mut self,
        device: PeerDeviceId,
        mut work: Work,
    ) -> Result<bool, StepError> {
        let Some(row) = self.tx.peer_devices().get(device)? else {
            self.core.lookups.prekeys.remove(&device);
            return Ok(false);
        };
        if work.until <= self.now.monotonic_ms {
            self.set_prekey_lookup(device, Lookup::Ready);
            return Ok(false);
        }
        let Some(lane) = self.lookup_lane(&row.relay) else {
            self.core.lookups.prekeys.remove(&device);
            return Ok(false);
        };
        let pop_id = self.pop_id(&row)?;
        let mailbox = wire::MailboxId::from_bytes(*row.keys.mailbox.as_bytes());
        let subject = WorkSubject::pop(&work.challenge, mailbox, wire::PopId::from_bytes(pop_id));
        match work.piece(&subject) {
            Ok(Some(found)) => {
                let row = PeerDeviceRow {
                    pop_id: Some(pop_id),
                    ..row
                };
                self.pop(&row, &lane, Right::Work(found))?;
            }
            Ok(None) => self.set_prekey_lookup(device, Lookup::Working(work)),
            Err(wire::work::TooHard) => {
                self.postpone_prekeys(device, DelayReason::RelayBusy)?;
                return Ok(false);
            }
        }
        Ok(true)
    }

    pub(super) fn prekeys_popped(
        &mut self,
        device: PeerDeviceId,
        body: Body,
    ) -> Result<(), StepError> {
        let Some(entry) = self.core.lookups.prekeys.get_mut(&device) else {
            return Ok(());
        };
        let Lookup::Asking { knocked } = entry.state else {
            return Ok(());
        };
        match body {
            Body::PoppedPrekeys(popped) => self.begin_session(device, &popped),
            Body::Failure(failure) => match failure.code() {
                ErrorCode::Denied if !knocked => {
                    entry.refused_tokens = entry.refused_tokens.saturating_add(1);
                    entry.state = Lookup::Ready;
                    Ok(())
                }
                // Harder work is done at once; a relay to which none is enough is left alone.
                ErrorCode::WorkRequired
                    if !knocked || failure.required_difficulty > entry.difficulty =>
                {
                    let refused = usize::from(!knocked);
                    entry.refused_tokens = entry.refused_tokens.saturating_add(refused);
                    entry.difficulty = entry.difficulty.max(failure.required_difficulty);
                    entry.state = Lookup::Ready;
                    Ok(())
                }
                ErrorCode::Denied => self.postpone_prekeys(device, DelayReason::TokenRefused),
                ErrorCode::NotFound => self.postpone_prekeys(device, DelayReason::PrekeysExpired),
                _ => self.postpone_prekeys(device, DelayReason::RelayBusy),
            },
            _ => self.postpone_prekeys(device, DelayReason::RelayBusy),
        }
    }

    pub(super) fn pop_failed(
        &mut self,
        device: PeerDeviceId,
        cause: Option<DisconnectCause>,
    ) -> Result<(), StepError> {
        if cause == Some(DisconnectCause::Closed) {
            self.set_prekey_lookup(device, Lookup::Ready);
            return Ok(());
        }
        self.postpone_prekeys(device, DelayReason::RelayUnreachable)
    }

    /// Tries again later, with a fresh bundle when the last one was no good.
    pub(super) fn postpone_prekeys(
        &mut self,
        device: PeerDeviceId,
        reason: DelayReason,
    ) -> Result<(), StepError> {
        let Some(entry) = self.core.lookups.prekeys.get_mut(&device) else {
            return Ok(());
        };
        let failures = entry.failures;
        entry.failures = failures.saturating_add(1);
        let wait = backoff::exponential(
            LOOKUP_RETRY_FIRST_MS,
            LOOKUP_RETRY_LONGEST_MS,
            failures,
            &mut self.rng,
        );
        let until = self.now.monotonic_ms.saturating_add(wait);
        self.set_prekey_lookup(device, Lookup::Waiting(until));
        self.core.timers.arm(Timer::Lookups, until);
        let Some(contact) = self.peer(device)?.map(|peer| peer.contact) else {
            return Ok(());
        };
        // Also when it waits for something else by now: somebody else must act then.
        let told = self.core.outbox.delays.get(&contact);
        if failures == 0 || told.is_some_and(|told| *told != reason) {
            self.tell_delay(contact, reason);
        }
        Ok(())
    }
}
