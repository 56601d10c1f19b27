//! What is to be looked up: manifests of contacts, prekeys of their devices.
//!
//! In memory; the durable reasons (content that waits, a time to fetch again) are in the store and bring a
//! lookup back after a restart. What is done with an answer is in [`first_contact`](super::first_contact).

use std::collections::{BTreeMap, BTreeSet};

use super::limits::{MANIFEST_FRESH_MS, MAX_CACHED_CONTACTS};
use super::queues::Work;
use crate::store::{ContactId, ManifestPlace, PeerDeviceId};

/// What a lookup is doing.
#[derive(Debug, Clone)]
pub(crate) enum Lookup {
    /// It can be asked for.
    Ready,
    /// It was asked for; `knocked` when work was the right to.
    Asking {
        /// Whether work was the right to.
        knocked: bool,
    },
    /// A challenge was asked for.
    AskingChallenge,
    /// Work is being done.
    Working(Work),
    /// Prekeys wait for the manifest.
    Manifest,
    /// Left alone until then, monotonic ms.
    Waiting(u64),
}

/// How a manifest's lookup stands with a place that an invite link claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Claim {
    /// It was not asked in this attempt.
    Untried,
    /// It is asked.
    Asked(ManifestPlace),
    /// It gave no answer: the known place is asked.
    Failed,
}

/// One lookup.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) state: Lookup,
    pub(crate) failures: u32,
    pub(crate) refused_tokens: usize,
    pub(crate) difficulty: u32,
    /// Of a manifest.
    pub(crate) claim: Claim,
}

impl Entry {
    fn new(state: Lookup) -> Self {
        Self {
            state,
            failures: 0,
            refused_tokens: 0,
            difficulty: 0,
            claim: Claim::Untried,
        }
    }
}

/// All lookups.
#[derive(Debug, Default)]
pub(crate) struct Lookups {
    pub(crate) manifests: BTreeMap<ContactId, Entry>,
    pub(crate) prekeys: BTreeMap<PeerDeviceId, Entry>,
    /// Contacts of which was said that their manifest has expired.
    pub(crate) overdue: BTreeSet<ContactId>,
    /// When manifests were fetched and found good, monotonic ms.
    fetched: BTreeMap<ContactId, u64>,
}

impl Lookups {
    /// A manifest is wanted. One that waits after a failure keeps waiting.
    pub(crate) fn want_manifest(&mut self, contact: ContactId) {
        self.manifests
            .entry(contact)
            .or_insert_with(|| Entry::new(Lookup::Ready));
    }

    /// Whether the claimed place gave no answer in this attempt.
    pub(crate) fn claim_failed(&self, contact: ContactId) -> bool {
        self.manifests
            .get(&contact)
            .is_some_and(|entry| entry.claim == Claim::Failed)
    }

    pub(crate) fn set_claim(&mut self, contact: ContactId, claim: Claim) {
        if let Some(entry) = self.manifests.get_mut(&contact) {
            entry.claim = claim;
        }
    }

    /// The claimed place that is asked, if it is that one.
    pub(crate) fn claim_asked(&self, contact: ContactId) -> Option<ManifestPlace> {
        match &self.manifests.get(&contact)?.claim {
            Claim::Asked(place) => Some(place.clone()),
            Claim::Untried | Claim::Failed => None,
        }
    }

    /// There is another place to ask: one that waits is asked at once.
    pub(crate) fn place_claimed(&mut self, contact: ContactId) {
        if let Some(entry) = self.manifests.get_mut(&contact)
            && matches!(entry.state, Lookup::Waiting(_))
        {
            entry.claim = Claim::Untried;
            entry.state = Lookup::Ready;
        }
    }

    /// Prekeys are wanted, after the manifest.
    pub(crate) fn want_prekeys(&mut self, device: PeerDeviceId) {
        self.prekeys
            .entry(device)
            .or_insert_with(|| Entry::new(Lookup::Manifest));
    }

    /// A manifest was fetched and is good.
    pub(crate) fn fetched(&mut self, contact: ContactId, now: u64) {
        self.manifests.remove(&contact);
        if self.fetched.len() >= MAX_CACHED_CONTACTS {
            self.fetched.clear();
        }
        self.fetched.insert(contact, now);
    }

    /// Whether a manifest was fetched a short time ago.
    pub(crate) fn is_fresh(&self, contact: ContactId, now: u64) -> bool {
        self.fetched
            .get(&contact)
            .is_some_and(|at| now.saturating_sub(*at) < MANIFEST_FRESH_MS)
    }

    /// The manifest of these devices is there.
    pub(crate) fn manifest_known(&mut self, devices: &[PeerDeviceId]) {
        for device in devices {
            if let Some(entry) = self.prekeys.get_mut(device)
                && matches!(entry.state, Lookup::Manifest)
            {
                entry.state = Lookup::Ready;
            }
        }
    }

    /// The tokens for a device changed: none of them is refused yet.
    pub(crate) fn tokens_changed(&mut self, device: PeerDeviceId) {
        if let Some(entry) = self.prekeys.get_mut(&device) {
            entry.refused_tokens = 0;
        }
    }

    /// Wakes what waited until now, to begin with the best token again; returns when the next one is due, monotonic ms.
    pub(crate) fn wake_due(&mut self, now: u64) -> Option<u64> {
        let mut next: Option<u64> = None;
        for entry in self.manifests.values_mut().chain(self.prekeys.values_mut()) {
            if let Lookup::Waiting(until) = entry.state {
                if until <= now {
                    entry.refused_tokens = 0;
                    entry.difficulty = 0;
                    entry.state = Lookup::Ready;
                } else {
                    next = Some(next.map_or(until, |next| next.min(until)));
                }
            }
        }
        next
    }

    /// Manifests that can be asked for.
    pub(crate) fn ready_manifests(&self) -> Vec<ContactId> {
        ready(&self.manifests)
    }

    /// Prekeys that can be asked for.
    pub(crate) fn ready_prekeys(&self) -> Vec<PeerDeviceId> {
        ready(&self.prekeys)
    }

    /// The prekeys for which work has waited longest.
    pub(crate) fn working(&self) -> Option<(PeerDeviceId, &Work)> {
        self.prekeys
            .iter()
            .filter_map(|(device, entry)| match &entry.state {
                Lookup::Working(work) => Some((*device, work)),
                Lookup::Ready
                | Lookup::Asking { .. }
                | Lookup::AskingChallenge
                | Lookup::Manifest
                | Lookup::Waiting(_) => None,
            })
            .min_by_key(|(_, work)| work.ticket)
    }
}

fn ready<K: Copy>(entries: &BTreeMap<K, Entry>) -> Vec<K> {
    entries
        .iter()
        .filter(|(_, entry)| matches!(entry.state, Lookup::Ready))
        .map(|(key, _)| *key)
        .collect()
}
