//! Whose turn it is in the outbox: one entry for each device of a contact that has something queued.
//!
//! Invariant: at most one envelope for a device is on its way, and nothing overtakes it, so that order is
//! strict per recipient and a dead relay holds back nobody else. In memory; the rows are in the store.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;
use undertone_protocol::content::MessageId;
use undertone_protocol::relay_address::RelayAddress;

use super::event::DelayReason;
use crate::store::{ContactId, OutboxId, PeerDeviceId};

/// A search for a nonce, carried on from step to step.
#[derive(Debug, Clone)]
pub(crate) struct Work {
    /// When its turn is: one search goes on until it ends, then the one with the next number.
    pub(crate) ticket: u64,
    /// What the relay gave.
    pub(crate) challenge: Bytes,
    /// Leading zero bits.
    pub(crate) difficulty: u32,
    /// The next nonce to try.
    pub(crate) nonce: u64,
    /// When the challenge is of no use any more, monotonic ms.
    pub(crate) until: u64,
}

/// What was sent and is not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OnItsWay {
    /// The row.
    pub(crate) id: OutboxId,
    /// The message it carries, when that is one that is shown.
    pub(crate) message: Option<MessageId>,
    /// Whether work was its right, and not a token.
    pub(crate) knocked: bool,
}

/// What a queue is doing.
#[derive(Debug, Clone)]
pub(crate) enum Turn {
    /// The oldest row can be looked at.
    Ready,
    /// The oldest row is on its way.
    Sending(OnItsWay),
    /// A challenge was asked for, or a greeting.
    Asking,
    /// Work is being done.
    Working(Work),
    /// The relay is left alone until then, monotonic ms.
    Waiting(u64),
    /// The connection is full, or left alone.
    Blocked,
    /// A session or an acceptance is missing; whoever brings it wakes the queue.
    Held,
}

/// One device's queue. Not a mailbox's: a contact may claim that somebody else's is its own, and neither learns nor
/// delays by that what the other is sent.
#[derive(Debug)]
pub(crate) struct Queue {
    /// The relay that has the mailbox.
    pub(crate) relay: RelayAddress,
    /// What it is doing.
    pub(crate) turn: Turn,
    /// Refusals in a row.
    pub(crate) failures: u32,
    /// How many of the tokens for this mailbox the relay refused.
    pub(crate) refused_tokens: usize,
    /// Whether the tokens changed while one was on its way: its refusal says nothing of the new ones.
    pub(crate) tokens_changed: bool,
    /// What the relay wanted at least, when work was too little.
    pub(crate) difficulty: u32,
    /// What the application was told of a delay.
    pub(crate) delay: Option<DelayReason>,
}

impl Queue {
    /// What a relay refused once, it may take the next time.
    fn forget_refusals(&mut self) {
        self.refused_tokens = 0;
        self.difficulty = 0;
    }
}

/// All queues.
#[derive(Debug, Default)]
pub(crate) struct Queues {
    queues: BTreeMap<PeerDeviceId, Queue>,
    ready: BTreeSet<PeerDeviceId>,
    /// By relay: what gets room at one is of no use at another.
    blocked: BTreeMap<RelayAddress, VecDeque<PeerDeviceId>>,
    /// Contacts to whom sending is held up, as the application was told.
    pub(crate) delays: BTreeMap<ContactId, DelayReason>,
}

impl Queues {
    /// Something is queued for a device.
    pub(crate) fn add(&mut self, device: PeerDeviceId, relay: &RelayAddress) {
        if let Entry::Vacant(entry) = self.queues.entry(device) {
            entry.insert(Queue {
                relay: relay.clone(),
                turn: Turn::Ready,
                failures: 0,
                refused_tokens: 0,
                tokens_changed: false,
                difficulty: 0,
                delay: None,
            });
            self.ready.insert(device);
        }
    }

    /// Nothing is queued any more.
    pub(crate) fn remove(&mut self, device: PeerDeviceId) {
        self.queues.remove(&device);
        self.ready.remove(&device);
    }

    /// One queue.
    pub(crate) fn get_mut(&mut self, device: PeerDeviceId) -> Option<&mut Queue> {
        self.queues.get_mut(&device)
    }

    /// One queue.
    pub(crate) fn get(&self, device: PeerDeviceId) -> Option<&Queue> {
        self.queues.get(&device)
    }

    /// Sets what a queue is doing.
    pub(crate) fn set(&mut self, device: PeerDeviceId, turn: Turn) {
        let Some(queue) = self.queues.get_mut(&device) else {
            return;
        };
        match turn {
            Turn::Ready => drop(self.ready.insert(device)),
            Turn::Blocked => {
                let waiting = self.blocked.entry(queue.relay.clone()).or_default();
                waiting.push_back(device);
            }
            Turn::Sending(_) | Turn::Asking | Turn::Working(_) | Turn::Waiting(_) | Turn::Held => {}
        }
        queue.turn = turn;
    }

    /// Takes a queue whose oldest row can be looked at.
    pub(crate) fn next_ready(&mut self) -> Option<PeerDeviceId> {
        self.ready.pop_first()
    }

    /// The oldest row is another one than before: it is looked at as soon as nothing is on its way.
    pub(crate) fn reconsider(&mut self, device: PeerDeviceId) {
        if self
            .queues
            .get(&device)
            .is_some_and(|queue| matches!(queue.turn, Turn::Held | Turn::Working(_)))
        {
            self.set(device, Turn::Ready);
        }
    }

    /// The connection with a relay has room for one more request.
    pub(crate) fn unblock_one(&mut self, relay: &RelayAddress) {
        let Some(waiting) = self.blocked.get_mut(relay) else {
            return;
        };
        let blocked = |device: &PeerDeviceId| {
            let queue = self.queues.get(device);
            queue.is_some_and(|queue| matches!(queue.turn, Turn::Blocked))
        };
        let mut next = None;
        while next.is_none()
            && let Some(device) = waiting.pop_front()
        {
            next = Some(device).filter(blocked);
        }
        if waiting.is_empty() {
            self.blocked.remove(relay);
        }
        if let Some(device) = next {
            self.set(device, Turn::Ready);
        }
    }

    /// Connections may be open that were not.
    pub(crate) fn unblock_all(&mut self) {
        for device in std::mem::take(&mut self.blocked).into_values().flatten() {
            if self
                .queues
                .get(&device)
                .is_some_and(|queue| matches!(queue.turn, Turn::Blocked))
            {
                self.set(device, Turn::Ready);
            }
        }
    }

    /// What a device waited for is there: a session, an acceptance, another token.
    pub(crate) fn wake_device(&mut self, device: PeerDeviceId) {
        let Some(queue) = self.queues.get_mut(&device) else {
            return;
        };
        if matches!(queue.turn, Turn::Held | Turn::Waiting(_)) {
            queue.forget_refusals();
            queue.failures = 0;
            self.set(device, Turn::Ready);
        }
    }

    /// The tokens for a device changed: whatever its queue is doing, none of them is refused yet.
    pub(crate) fn tokens_changed(&mut self, device: PeerDeviceId) {
        if let Some(queue) = self.queues.get_mut(&device) {
            queue.forget_refusals();
            queue.tokens_changed = true;
        }
        self.wake_device(device);
    }

    /// Wakes what waited until now, to begin with the best token again; returns when the next one is due, monotonic ms.
    pub(crate) fn wake_due(&mut self, now: u64) -> Option<u64> {
        let mut next = None;
        let mut due = Vec::new();
        for (device, queue) in &self.queues {
            if let Turn::Waiting(until) = queue.turn {
                if until <= now {
                    due.push(*device);
                } else {
                    next = Some(next.map_or(until, |next: u64| next.min(until)));
                }
            }
        }
        for device in due {
            if let Some(queue) = self.queues.get_mut(&device) {
                queue.forget_refusals();
            }
            self.set(device, Turn::Ready);
        }
        next
    }

    /// The network is back: what waited may be tried again.
    pub(crate) fn wake_waiting(&mut self) {
        self.wake_due(u64::MAX);
        self.unblock_all();
    }

    /// The queue whose work has waited longest.
    pub(crate) fn working(&self) -> Option<(PeerDeviceId, &Work)> {
        self.queues
            .iter()
            .filter_map(|(device, queue)| match &queue.turn {
                Turn::Working(work) => Some((*device, work)),
                Turn::Ready
                | Turn::Sending(_)
                | Turn::Asking
                | Turn::Waiting(_)
                | Turn::Blocked
                | Turn::Held => None,
            })
            .min_by_key(|(_, work)| work.ticket)
    }
}

#[cfg(test)]
#[path = "queues_tests.rs"]
mod tests;
