//! The own prekeys: made, signed and published, replaced weekly, refilled when they run low, and their
//! private halves deleted when nobody can use them any more.
//!
//! Invariant: a private half is durable before its public half leaves; it is deleted in the transaction that
//! used it up, or 14 days after its replacement was published and the mailbox was read to its end.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a frame of a kind that does not belong here is as good as none"
)]

use bytes::Bytes;
use undertone_protocol::limits::{ONE_TIME_KEM_PREKEYS, ONE_TIME_PREKEYS};
use undertone_protocol::prekeys::one_time::{generate_one_time, generate_one_time_kem};
use undertone_protocol::prekeys::{LastResortPrekey, PrekeyKind, SignedPrekey};
use undertone_protocol::primitives::dh::SecretKey;
use undertone_protocol::time::Timestamp;
use undertone_wire as wire;
use undertone_wire::frame::Body;
use zeroize::Zeroizing;

use super::backoff;
use super::lane::Lane;
use super::limits::{
    CLOCK_TOLERANCE_MS, MAX_ONE_TIME_KEYS, PREKEY_KEEP_MS, PREKEY_ROTATE_EARLIEST_MS,
    PREKEY_ROTATE_MS, REFILL_WAIT_TO_MS,
};
use super::meta;
use super::requests::Purpose;
use super::step::Step;
use super::timers::Timer;
use crate::error::StepError;
use crate::store::NewPrekey;

impl Step<'_> {
    /// Makes what is missing or old, and sends what the relay does not have. Waits until a manifest can be
    /// signed, because the page carries a statement as of it.
    pub(super) fn publish_prekeys(&mut self) -> Result<(), StepError> {
        let Some(now) = self.core.clock.trusted(self.now) else {
            return Ok(());
        };
        if self.core.me.manifest.is_none() {
            return Ok(());
        }
        self.core.own.prekeys_due = false;
        let lost = self.core.own.published_epoch.is_none();
        if lost {
            // The relay has none of them, or gives them out a second time: all are made anew.
            self.tx.prekeys().retire_one_time(now)?;
        }
        let rotate = self
            .tx
            .prekeys()
            .newest(PrekeyKind::Signed)?
            .is_none_or(|(_, made)| {
                lost || self.core.own.prekeys_spent || now.since(made) >= PREKEY_ROTATE_MS
            });
        self.core.own.prekeys_spent = false;
        if rotate {
            self.make_long_lived(now)?;
        }
        if lost {
            self.make_one_time(ONE_TIME_PREKEYS, ONE_TIME_KEM_PREKEYS, now)?;
        }
        self.send_prekeys(!lost)
    }

    /// Too many first messages name the newest signed prekey: it is replaced before its time, once an hour at most.
    pub(super) fn renew_prekeys_early(&mut self, now: Timestamp) -> Result<(), StepError> {
        let newest = self.tx.prekeys().newest(PrekeyKind::Signed)?;
        if newest.is_none_or(|(_, made)| now.since(made) >= PREKEY_ROTATE_EARLIEST_MS) {
            self.core.own.prekeys_spent = true;
            self.core.own.prekeys_due = true;
        }
        Ok(())
    }

    fn make_long_lived(&mut self, now: Timestamp) -> Result<(), StepError> {
        let me = &self.core.me;
        let Some(manifest) = &me.manifest else {
            return Ok(());
        };
        let statement = manifest
            .statement(&me.device_id())
            .ok_or(StepError::Damaged)?;
        let owner = me.prekey_owner();
        let signed = SignedPrekey::generate(&owner, now, &mut self.rng);
        let page = signed
            .seal_page(
                &me.account,
                &me.mailbox,
                &manifest.reference(),
                statement,
                &mut self.rng,
            )
            .map_err(|_| StepError::Damaged)?;
        let last_resort = LastResortPrekey::generate(&owner, now, &mut self.rng);
        let signed_private = x25519_private(&signed.secret);
        let rows = [
            (PrekeyKind::Signed, signed.id, &signed_private[..], &page),
            (
                PrekeyKind::KemLastResort,
                last_resort.id,
                &last_resort.secret.expose()[..],
                &last_resort.item,
            ),
        ];
        for (kind, key_id, private, item) in rows {
            self.tx.prekeys().insert(&NewPrekey {
                kind,
                key_id,
                private,
                item,
                created: now,
            })?;
        }
        Ok(())
    }

    fn make_one_time(
        &mut self,
        x25519: usize,
        kem: usize,
        now: Timestamp,
    ) -> Result<(), StepError> {
        if self.tx.prekeys().one_time_kept()? >= MAX_ONE_TIME_KEYS {
            return Ok(());
        }
        let owner = self.core.me.prekey_owner();
        if x25519 > 0 {
            let batch = generate_one_time(&owner, x25519, now, &mut self.rng)
                .map_err(|_| StepError::Damaged)?;
            for key in batch {
                self.tx.prekeys().insert(&NewPrekey {
                    kind: PrekeyKind::OneTime,
                    key_id: key.id,
                    private: &*x25519_private(&key.secret),
                    item: &key.item,
                    created: now,
                })?;
            }
        }
        if kem > 0 {
            let batch = generate_one_time_kem(&owner, kem, now, &mut self.rng)
                .map_err(|_| StepError::Damaged)?;
            for key in batch {
                self.tx.prekeys().insert(&NewPrekey {
                    kind: PrekeyKind::KemOneTime,
                    key_id: key.id,
                    private: key.secret.expose(),
                    item: &key.item,
                    created: now,
                })?;
            }
        }
        Ok(())
    }

    /// Sends everything that the relay does not have. A repetition is harmless: the relay keys items by id.
    fn send_prekeys(&mut self, append: bool) -> Result<(), StepError> {
        let mut replace = wire::ReplacePrekeys {
            append,
            ..wire::ReplacePrekeys::default()
        };
        let mut any = false;
        for prekey in self.tx.prekeys().unpublished()? {
            any = true;
            let item = Bytes::from(prekey.item);
            let keyed = |item| wire::PrekeyItem {
                id: Bytes::copy_from_slice(&prekey.key_id.to_bytes()),
                item,
            };
            match prekey.kind {
                PrekeyKind::Signed => replace.page = item,
                PrekeyKind::KemLastResort => replace.last_resort_kem = item,
                PrekeyKind::OneTime => replace.one_time_x25519.push(keyed(item)),
                PrekeyKind::KemOneTime => replace.one_time_kem.push(keyed(item)),
            }
        }
        if any {
            self.core.own.prekeys_in_flight = true;
            self.request(
                &Lane::Own,
                Purpose::PublishPrekeys,
                Body::ReplacePrekeys(replace),
            );
        } else {
            self.request(
                &Lane::Own,
                Purpose::PrekeyCounts,
                Body::PrekeyStatus(wire::PrekeyStatus {}),
            );
        }
        Ok(())
    }

    pub(super) fn prekeys_answered(&mut self, body: &Body) -> Result<(), StepError> {
        self.core.own.prekeys_in_flight = false;
        if self.core.refill.is_some() {
            // It became due meanwhile, or does so later.
            self.core.timers.arm(Timer::Refill, self.now.monotonic_ms);
        }
        match body {
            Body::PrekeyCounts(_) => self.prekeys_published(),
            Body::Failure(failure) => self.own_refused(failure, |own| own.prekeys_due = true),
            _ => {
                self.core.own.prekeys_due = true;
                self.leave_own_alone(0);
                Ok(())
            }
        }
    }

    /// The relay has everything that was made up to now; what it replaces begins to age.
    fn prekeys_published(&mut self) -> Result<(), StepError> {
        // Its time is that of the trusted clock: what is replaced ages from here.
        let at = self.core.clock.trusted(self.now).unwrap_or(self.now.wall);
        for prekey in self.tx.prekeys().unpublished()? {
            self.tx
                .prekeys()
                .mark_published(prekey.kind, prekey.key_id, at)?;
            if matches!(prekey.kind, PrekeyKind::Signed | PrekeyKind::KemLastResort) {
                self.tx
                    .prekeys()
                    .mark_replaced(prekey.kind, prekey.key_id, at)?;
            }
        }
        let own = &mut self.core.own;
        own.refusals = 0;
        let epoch = own.epoch();
        if own.published_epoch.replace(epoch) != Some(epoch) {
            self.tx.meta().put(meta::PUBLISHED_EPOCH, &epoch)?;
        }
        Ok(())
    }

    pub(super) fn prekey_counts_answered(&mut self, body: &Body) {
        if let Body::PrekeyCounts(counts) = body {
            self.low_prekeys(&wire::LowPrekeys {
                one_time_x25519: counts.one_time_x25519,
                one_time_kem: counts.one_time_kem,
            });
        }
    }

    /// The relay has few one-time prekeys left: they are refilled after a random time, so that the refill does
    /// not mark the request that caused it.
    pub(super) fn low_prekeys(&mut self, low: &wire::LowPrekeys) {
        let missing =
            |full: usize, left: u32| full.saturating_sub(usize::try_from(left).unwrap_or(full));
        let refill = (
            missing(ONE_TIME_PREKEYS, low.one_time_x25519),
            missing(ONE_TIME_KEM_PREKEYS, low.one_time_kem),
        );
        if refill.0 < ONE_TIME_PREKEYS / 4 && refill.1 < ONE_TIME_KEM_PREKEYS / 4 {
            return;
        }
        self.core.refill = Some(refill);
        let wait = backoff::between(0, REFILL_WAIT_TO_MS, &mut self.rng);
        self.core
            .timers
            .arm(Timer::Refill, self.now.monotonic_ms.saturating_add(wait));
    }

    pub(super) fn refill_due(&mut self) -> Result<(), StepError> {
        let Some(now) = self.core.clock.trusted(self.now) else {
            return Ok(());
        };
        if !self.core.own.logged_in || self.core.own.prekeys_in_flight {
            return Ok(());
        }
        if let Some((x25519, kem)) = self.core.refill.take() {
            self.make_one_time(x25519, kem, now)?;
            self.send_prekeys(true)?;
        }
        Ok(())
    }

    /// Deletes private halves that nobody can use any more: their successor was published 14 days ago, and
    /// what was sent before that has been read.
    pub(super) fn delete_old_prekeys(&mut self) -> Result<(), StepError> {
        if !self.core.own.caught_up {
            return Ok(());
        }
        if let Some(now) = self.core.clock.trusted(self.now) {
            let latest = now.plus(CLOCK_TOLERANCE_MS);
            self.tx.prekeys().replaced_by(latest, now)?;
        }
        if let Some(cut) = self.core.clock.aged_before(self.now, PREKEY_KEEP_MS)
            && self.tx.prekeys().remove_replaced(cut)? > 0
        {
            self.tx.accepted_first_messages().remove_unusable()?;
        }
        if let Some(cut) = self
            .core
            .clock
            .aged_before(self.now, super::limits::ONE_TIME_KEEP_MS)
        {
            self.tx.prekeys().remove_one_time_before(cut)?;
        }
        Ok(())
    }
}

/// `secret 32 ‖ public 32`: loading it then costs no scalar multiplication.
fn x25519_private<R>(key: &SecretKey<R>) -> Zeroizing<[u8; 64]> {
    let mut bytes = Zeroizing::new([0; 64]);
    let (secret, public) = bytes.split_at_mut(32);
    secret.copy_from_slice(key.expose());
    public.copy_from_slice(key.public_key().as_bytes());
    bytes
}
