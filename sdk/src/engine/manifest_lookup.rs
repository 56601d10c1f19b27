//! Fetching a contact's manifest, and what follows from it: which devices are written to.
//!
//! A manifest is fetched before a handshake, when a message names a newer one, and when a contact stays
//! silent; never for a stranger, whose relay would learn who read the request.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a frame of a kind that does not belong here is as good as none"
)]

use bytes::Bytes;
use undertone_protocol::account::ManifestWritePublicKey;
use undertone_protocol::device::DeviceId;
use undertone_protocol::manifest::{Gossip, Link, Pin, RecordId, Verdict, VerifiedManifest};
use undertone_protocol::relay_address::RelayAddress;
use undertone_wire as wire;
use undertone_wire::ErrorCode;
use undertone_wire::frame::Body;

use super::backoff;
use super::event::{DelayReason, Event, IdentityAlarm};
use super::input::DisconnectCause;
use super::lane::Lane;
use super::limits::{
    CLOCK_TOLERANCE_MS, LOOKUP_RETRY_FIRST_MS, LOOKUP_RETRY_LONGEST_MS, MAX_DEVICES_OF_CONTACT,
    REFETCH_FROM_MS,
};
use super::lookups::{Claim, Lookup};
use super::requests::Purpose;
use super::step::Step;
use super::timers::Timer;
use crate::error::StepError;
use crate::store::{
    ContactId, ContactState, Destination, ManifestPlace, PeerDeviceId, PeerDeviceState,
};

impl Step<'_> {
    /// The lane for lookups at a relay named in a row; `None` for text that is no address.
    pub(super) fn lookup_lane(&self, relay: &str) -> Option<Lane> {
        RelayAddress::parse(relay).ok().map(Lane::Lookup)
    }

    /// A contact's manifest is wanted. Strangers' and blocked contacts' relays are not spoken to.
    pub(super) fn want_manifest(&mut self, contact: ContactId) -> Result<(), StepError> {
        if let Some(found) = self.contact(contact)?
            && matches!(
                found.row.state,
                ContactState::Invited | ContactState::Accepted
            )
        {
            self.core.lookups.want_manifest(contact);
        }
        Ok(())
    }

    /// A manifest is wanted again although one was fetched: after a refusal, or on gossip.
    pub(super) fn refetch_manifest(&mut self, contact: ContactId) -> Result<(), StepError> {
        self.want_manifest(contact)
    }

    pub(super) fn pump_lookups(&mut self) -> Result<(), StepError> {
        for id in self.core.lookups.ready_manifests() {
            let Some(contact) = self.contact(id)? else {
                self.core.lookups.manifests.remove(&id);
                continue;
            };
            let known = ManifestPlace {
                key: contact.row.manifest_key,
                relay: contact.row.manifest_relay.clone(),
            };
            let claimed = contact.row.claimed_place.clone();
            let claimed = claimed.filter(|_| !self.core.lookups.claim_failed(id));
            let place = claimed.as_ref().unwrap_or(&known);
            let (Some(lane), Ok(key)) = (
                self.lookup_lane(&place.relay),
                ManifestWritePublicKey::parse(&place.key),
            ) else {
                self.core.lookups.manifests.remove(&id);
                continue;
            };
            if self.core.lanes.is_usable(&lane, self.now.monotonic_ms)
                && self.core.requests.has_room(&lane)
            {
                let record = Bytes::copy_from_slice(RecordId::of(&key).as_bytes());
                let get = wire::GetRecord { id: record };
                self.request(&lane, Purpose::GetManifest(id), Body::GetRecord(get));
                self.set_manifest_lookup(id, Lookup::Asking { knocked: false });
                if let Some(claimed) = claimed {
                    self.core.lookups.set_claim(id, Claim::Asked(claimed));
                }
            }
        }
        self.pump_prekeys()
    }

    fn set_manifest_lookup(&mut self, contact: ContactId, state: Lookup) {
        if let Some(entry) = self.core.lookups.manifests.get_mut(&contact) {
            entry.state = state;
        }
    }

    pub(super) fn manifest_answered(&mut self, id: ContactId, body: Body) -> Result<(), StepError> {
        if let Some(place) = self.core.lookups.claim_asked(id) {
            return self.claim_answered(id, &place, &body);
        }
        match body {
            Body::Record(record) => {
                let Some(contact) = self.contact(id)? else {
                    return Ok(());
                };
                let account = contact.row.account;
                let Ok(key) = ManifestWritePublicKey::parse(&contact.row.manifest_key) else {
                    return Ok(());
                };
                match VerifiedManifest::open(&record.value, &account, &RecordId::of(&key)) {
                    Ok(manifest) => self.manifest_fetched(id, &manifest),
                    Err(_) => {
                        self.identity_alarm(id, IdentityAlarm::ManifestForged)?;
                        self.postpone_manifest(id, DelayReason::ManifestMissing)
                    }
                }
            }
            Body::Failure(failure) if failure.code() == ErrorCode::NotFound => {
                self.postpone_manifest(id, DelayReason::ManifestMissing)
            }
            _ => self.postpone_manifest(id, DelayReason::RelayBusy),
        }
    }

    pub(super) fn lookup_failed(
        &mut self,
        contact: ContactId,
        cause: Option<DisconnectCause>,
    ) -> Result<(), StepError> {
        if cause == Some(DisconnectCause::Closed) {
            self.set_manifest_lookup(contact, Lookup::Ready);
            return Ok(());
        }
        self.postpone_manifest(contact, DelayReason::RelayUnreachable)
    }

    fn postpone_manifest(
        &mut self,
        contact: ContactId,
        reason: DelayReason,
    ) -> Result<(), StepError> {
        let Some(entry) = self.core.lookups.manifests.get_mut(&contact) else {
            return Ok(());
        };
        match entry.claim {
            Claim::Asked(_) => {
                // The known place is asked in its stead.
                entry.claim = Claim::Failed;
                entry.state = Lookup::Ready;
                return Ok(());
            }
            Claim::Untried | Claim::Failed => entry.claim = Claim::Untried,
        }
        let failures = entry.failures;
        entry.failures = failures.saturating_add(1);
        let wait = backoff::exponential(
            LOOKUP_RETRY_FIRST_MS,
            LOOKUP_RETRY_LONGEST_MS,
            failures,
            &mut self.rng,
        );
        let until = self.now.monotonic_ms.saturating_add(wait);
        entry.state = Lookup::Waiting(until);
        self.core.timers.arm(Timer::Lookups, until);
        if failures == 0 && !self.goes_on_without_newer(contact)? {
            self.tell_delay(contact, reason);
        }
        Ok(())
    }

    /// What was found at a place that an invite link claims. Only a manifest no older than the pinned one makes it the
    /// place; anything else that is an answer ends the claim.
    fn claim_answered(
        &mut self,
        id: ContactId,
        place: &ManifestPlace,
        body: &Body,
    ) -> Result<(), StepError> {
        let Some(contact) = self.contact(id)? else {
            return Ok(());
        };
        let manifest = match body {
            Body::Record(record) => ManifestWritePublicKey::parse(&place.key)
                .ok()
                .map(|key| RecordId::of(&key))
                .and_then(|record_id| {
                    VerifiedManifest::open(&record.value, &contact.row.account, &record_id).ok()
                }),
            Body::Failure(failure) if failure.code() == ErrorCode::NotFound => None,
            _ => return self.postpone_manifest(id, DelayReason::RelayBusy),
        };
        let verdict = manifest.as_ref().map(|manifest| {
            let pin = contact.pin.as_ref();
            pin.map_or(Verdict::Same, |pin| pin.check(manifest))
        });
        self.core.lookups.set_claim(id, Claim::Untried);
        match (manifest, verdict) {
            (Some(manifest), Some(Verdict::Same | Verdict::Fresh(_)))
                if !self.is_ahead(&manifest) =>
            {
                self.tx.contacts().set_manifest_place(id, place)?;
                self.core.contacts.changed(id);
                return self.manifest_fetched(id, &manifest);
            }
            (_, Some(Verdict::Fork)) => self.identity_alarm(id, IdentityAlarm::ManifestForked)?,
            _ => {}
        }
        self.tx.contacts().set_claimed_place(id, None)?;
        self.core.contacts.changed(id);
        self.set_manifest_lookup(id, Lookup::Ready);
        Ok(())
    }

    /// Whether a manifest was signed ahead of its time: what it says is pinned when that time comes, not before.
    fn is_ahead(&self, manifest: &VerifiedManifest) -> bool {
        self.core
            .clock
            .trusted(self.now)
            .is_some_and(|now| manifest.body().issued > now.plus(CLOCK_TOLERANCE_MS))
    }

    fn manifest_fetched(
        &mut self,
        id: ContactId,
        manifest: &VerifiedManifest,
    ) -> Result<(), StepError> {
        if self.is_ahead(manifest) {
            return self.postpone_manifest(id, DelayReason::ManifestMissing);
        }
        let Some(contact) = self.contact(id)? else {
            return Ok(());
        };
        let pin = contact.pin;
        let known = contact.row.manifest_issued.is_some();
        let verdict = pin.as_ref().map(|pin| pin.check(manifest));
        match verdict {
            Some(Verdict::Fork) => {
                self.identity_alarm(id, IdentityAlarm::ManifestForked)?;
                return self.postpone_manifest(id, DelayReason::ManifestMissing);
            }
            // The relay serves an old one: what is pinned stays, and nothing new is begun with it.
            Some(Verdict::Stale) => {
                return self.postpone_manifest(id, DelayReason::ManifestMissing);
            }
            Some(Verdict::Same) if known => {}
            Some(Verdict::Same | Verdict::Fresh(_)) | None => {
                let pin = pin.map_or_else(|| Pin::first(manifest), |pin| pin.advanced(manifest));
                self.tx.contacts().set_manifest(
                    id,
                    &pin.to_bytes(),
                    manifest.body().issued,
                    manifest.signed_bytes(),
                )?;
                let added = self.follow_manifest(id, manifest)?;
                // Whoever has the phrase or the account key takes over the conversation so: it is never done silently.
                if verdict == Some(Verdict::Fresh(Link::Recovered)) {
                    self.identity_alarm(id, IdentityAlarm::AccountRecovered)?;
                } else if known && added {
                    self.identity_alarm(id, IdentityAlarm::DeviceAdded)?;
                }
                self.is_heard_of_again(id)?;
                self.emit(Event::ContactChanged { contact: id });
            }
        }
        self.tx.contacts().manifest_fetched(id)?;
        self.core.contacts.changed(id);
        // Judged by the clock only while it is right; a wrong one judges nothing.
        if self
            .core
            .clock
            .trusted(self.now)
            .is_some_and(|now| manifest.is_expired(now))
        {
            return self.postpone_manifest(id, DelayReason::ManifestExpired);
        }
        let claim_failed = self.core.lookups.claim_failed(id);
        self.core.lookups.fetched(id, self.now.monotonic_ms);
        self.known_place_is_good(id, claim_failed)?;
        self.address_waiting(id)?;
        let active = self.active_devices(id)?;
        self.core.lookups.manifest_known(&active);
        Ok(())
    }

    /// The place that was asked last has the manifest. A claim of another one that gave no answer ends; one that came
    /// meanwhile is looked at.
    fn known_place_is_good(&mut self, id: ContactId, claim_failed: bool) -> Result<(), StepError> {
        let claimed = self
            .contact(id)?
            .is_some_and(|contact| contact.row.claimed_place.is_some());
        if claimed && claim_failed {
            self.tx.contacts().set_claimed_place(id, None)?;
            self.core.contacts.changed(id);
        } else if claimed {
            self.want_manifest(id)?;
        }
        Ok(())
    }

    /// Brings the rows of the contact's devices in line with a newer manifest. Whether it names a device that had no row.
    fn follow_manifest(
        &mut self,
        contact: ContactId,
        manifest: &VerifiedManifest,
    ) -> Result<bool, StepError> {
        let before = self.tx.peer_devices().of_contact(contact)?;
        // First, and whatever comes after: nothing is written any more to a device that is not listed.
        for row in &before {
            if row.state != PeerDeviceState::Gone && manifest.device(&row.keys.id).is_none() {
                self.tx
                    .peer_devices()
                    .set_state(row.id, PeerDeviceState::Gone)?;
                self.readdress(row.id)?;
            }
        }
        let known = |id: &DeviceId| before.iter().any(|row| row.keys.id == *id);
        let mut room = MAX_DEVICES_OF_CONTACT.saturating_sub(before.len());
        let mut added = false;
        for device in &manifest.body().devices {
            if !known(&device.identity.id) {
                // Only an account that replaces devices without end finds none: its further devices are not written to.
                let Some(left) = room.checked_sub(1) else {
                    continue;
                };
                room = left;
                added = true;
            }
            let mailbox = device.identity.mailbox;
            let id =
                self.tx
                    .peer_devices()
                    .upsert(contact, &device.identity, device.relay.as_str())?;
            let moved = before.iter().find(|row| row.id == id).is_some_and(|row| {
                row.keys.mailbox != mailbox || row.relay != device.relay.as_str()
            });
            if moved {
                let to = Destination {
                    peer_device: id,
                    mailbox,
                };
                self.tx.outbox().redirect(&to)?;
                self.core.outbox.remove(id);
                self.core.outbox.add(id, &device.relay);
            }
        }
        self.core.contacts.changed(contact);
        Ok(added)
    }

    /// Compares what a message says of its sender's manifest with what is pinned. A newer one is fetched after
    /// a random time, so that reading a message does not show at the contact's relay.
    pub(super) fn gossip(
        &mut self,
        id: ContactId,
        version: u64,
        hash: &[u8; 16],
    ) -> Result<(), StepError> {
        let Some(contact) = self.contact(id)? else {
            return Ok(());
        };
        if contact.row.state == ContactState::Blocked {
            return Ok(());
        }
        let due = contact.row.newer_due;
        let Some(pin) = contact.pin else {
            return Ok(());
        };
        let version = undertone_protocol::manifest::ManifestVersion::from_u64(version);
        match pin.check_gossip(version, hash) {
            Gossip::Same | Gossip::PeerIsBehind => Ok(()),
            Gossip::PeerIsAhead if due.is_some() => Ok(()),
            Gossip::PeerIsAhead => {
                let wait = backoff::between(0, REFETCH_FROM_MS, &mut self.rng);
                self.tx
                    .contacts()
                    .set_newer_due(id, self.now.wall.plus(wait))?;
                self.core.contacts.changed(id);
                Ok(())
            }
            Gossip::Fork => self.identity_alarm(id, IdentityAlarm::ManifestForked),
        }
    }

    /// The devices of a contact that are written to. Before the contact has accepted, one: the others are
    /// completed afterwards.
    pub(super) fn active_devices(&mut self, id: ContactId) -> Result<Vec<PeerDeviceId>, StepError> {
        let Some(contact) = self.contact(id)? else {
            return Ok(Vec::new());
        };
        let only_one = contact.row.state == ContactState::Invited;
        let rows = self.tx.peer_devices().of_contact(id)?;
        let active = rows
            .iter()
            .filter(|row| row.state == PeerDeviceState::Active)
            .map(|row| row.id);
        Ok(if only_one {
            active.take(1).collect()
        } else {
            active.collect()
        })
    }
}
