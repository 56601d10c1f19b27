//! Requests that wait for an answer: what each was for, and until when.
//!
//! In memory only. Whatever a request serves has its own durable state, so a lost table costs a retry.
//! Invariant: the ids of one table go on where those of its predecessor ended, and an engine begins with a
//! random one, so that an answer to a request of a lost table is an answer to nothing.

use std::collections::{BTreeMap, HashMap};

use undertone_protocol::profile::QuarterHour;

use super::lane::Lane;
use super::limits::{MAX_REQUESTS_PER_LANE, REQUEST_TIMEOUT_MS};
use crate::store::{ContactId, OutboxId, PeerDeviceId};

/// What an answer is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The login of the own mailbox.
    Login,
    /// An acknowledgement; nothing depends on its answer.
    Ack,
    /// The tokens of the own mailbox.
    SetTokens,
    /// Prekeys of the own mailbox.
    PublishPrekeys,
    /// How many one-time prekeys the relay has left.
    PrekeyCounts,
    /// The own manifest, of this version.
    PutManifest(u64),
    /// A contact's manifest.
    GetManifest(ContactId),
    /// The own profile: which one was put, and when it says that the user was there last.
    PutProfile(u64, Option<QuarterHour>),
    /// A contact's profile.
    GetProfile(ContactId),
    /// The prekeys of one device.
    PopPrekeys(PeerDeviceId),
    /// A challenge to work on for the prekeys of a device.
    PopChallenge(PeerDeviceId),
    /// A challenge to work on for the first envelope of a device's queue.
    SendChallenge(PeerDeviceId),
    /// A relay's greeting, before the first envelope of a device's queue.
    Greeting(PeerDeviceId),
    /// An ephemeral message; nothing depends on its answer.
    Ephemeral,
    /// The deletion of the record of the own manifest.
    DeleteRecord,
    /// The deletion of the own mailbox.
    DeleteMailbox,
    /// One envelope.
    Send(PeerDeviceId, OutboxId),
}

#[derive(Debug)]
struct Waiting {
    lane: Lane,
    purpose: Purpose,
    deadline: u64,
}

/// The table of requests in flight.
#[derive(Debug)]
pub(crate) struct Requests {
    last_id: u64,
    waiting: BTreeMap<u64, Waiting>,
    per_lane: HashMap<Lane, usize>,
}

impl Requests {
    /// An empty table; the first id comes after `last_id`.
    pub(crate) fn after(last_id: u64) -> Self {
        Self {
            last_id,
            waiting: BTreeMap::new(),
            per_lane: HashMap::new(),
        }
    }

    /// An empty table that goes on counting.
    pub(crate) fn successor(&self) -> Self {
        Self::after(self.last_id)
    }

    /// Whether one more may go out on `lane`.
    pub(crate) fn has_room(&self, lane: &Lane) -> bool {
        self.per_lane
            .get(lane)
            .is_none_or(|count| *count < MAX_REQUESTS_PER_LANE)
    }

    /// Books a request; the result is its id.
    pub(crate) fn begin(&mut self, lane: &Lane, purpose: Purpose, monotonic_ms: u64) -> u64 {
        self.last_id = self.last_id.saturating_add(1);
        let deadline = monotonic_ms.saturating_add(REQUEST_TIMEOUT_MS);
        self.waiting.insert(
            self.last_id,
            Waiting {
                lane: lane.clone(),
                purpose,
                deadline,
            },
        );
        *self.per_lane.entry(lane.clone()).or_default() += 1;
        self.last_id
    }

    /// Takes the request that an answer on `lane` names. An answer to nothing, or on another lane, is
    /// ignored: a relay cannot make the engine do anything it did not ask for.
    pub(crate) fn finish(&mut self, lane: &Lane, id: u64) -> Option<Purpose> {
        if self.waiting.get(&id)?.lane != *lane {
            return None;
        }
        let waiting = self.waiting.remove(&id)?;
        self.release(lane);
        Some(waiting.purpose)
    }

    /// Takes all requests of a lane that is gone.
    pub(crate) fn abandon(&mut self, lane: &Lane) -> Vec<Purpose> {
        self.per_lane.remove(lane);
        let ids: Vec<u64> = self
            .waiting
            .iter()
            .filter(|(_, waiting)| waiting.lane == *lane)
            .map(|(id, _)| *id)
            .collect();
        ids.into_iter()
            .filter_map(|id| self.waiting.remove(&id))
            .map(|waiting| waiting.purpose)
            .collect()
    }

    /// The lanes on which an answer is overdue.
    pub(crate) fn overdue(&self, monotonic_ms: u64) -> Vec<Lane> {
        let mut lanes: Vec<Lane> = Vec::new();
        for waiting in self
            .waiting
            .values()
            .filter(|waiting| waiting.deadline <= monotonic_ms)
        {
            if !lanes.contains(&waiting.lane) {
                lanes.push(waiting.lane.clone());
            }
        }
        lanes
    }

    /// When the next answer is overdue, monotonic ms.
    pub(crate) fn next_deadline(&self) -> Option<u64> {
        self.waiting.values().map(|waiting| waiting.deadline).min()
    }

    fn release(&mut self, lane: &Lane) {
        if let Some(count) = self.per_lane.get_mut(lane) {
            *count = count.saturating_sub(1);
        }
    }
}

#[cfg(test)]
#[path = "requests_tests.rs"]
mod tests;
