//! The mailboxes in use, in memory: their rows are read once and written once for each batch.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use undertone_wire::MailboxId;

use crate::storage::{MailboxState, Token};

/// Mailboxes that are kept between batches (about 300 bytes each).
const KEPT: usize = 50_000;

/// Ids that are known to be nobody's (about 30 bytes each).
const KEPT_UNKNOWN: usize = 10_000;

/// A mailbox with its row number.
pub(super) struct Cached {
    pub(super) no: i64,
    pub(super) state: MailboxState,
    pub(super) changed: bool,
    pub(super) tokens: Option<Arc<[Token]>>,
}

/// Invariant: between batches, nothing in it is changed, and it equals the database.
#[derive(Default)]
pub(super) struct Cache {
    mailboxes: HashMap<MailboxId, Cached>,
    /// So that asking again for what does not exist takes no longer than for what does.
    unknown: HashSet<MailboxId>,
}

impl Cache {
    pub(super) fn get(&self, id: MailboxId) -> Option<&Cached> {
        self.mailboxes.get(&id)
    }

    pub(super) fn get_mut(&mut self, id: MailboxId) -> Option<&mut Cached> {
        self.mailboxes.get_mut(&id)
    }

    pub(super) fn insert(&mut self, id: MailboxId, cached: Cached) {
        self.mailboxes.insert(id, cached);
    }

    pub(super) fn is_unknown(&self, id: MailboxId) -> bool {
        self.unknown.contains(&id)
    }

    pub(super) fn insert_unknown(&mut self, id: MailboxId) {
        if self.unknown.len() >= KEPT_UNKNOWN {
            self.unknown.clear();
        }
        self.unknown.insert(id);
    }

    /// Forgets what is known about an id that comes to exist or ceases to.
    pub(super) fn remove(&mut self, id: MailboxId) {
        self.mailboxes.remove(&id);
        self.unknown.remove(&id);
    }

    pub(super) fn changed(&self) -> impl Iterator<Item = &Cached> {
        self.mailboxes.values().filter(|cached| cached.changed)
    }

    pub(super) fn written(&mut self) {
        if self.mailboxes.len() > KEPT {
            self.mailboxes.clear();
            return;
        }
        for cached in self.mailboxes.values_mut() {
            cached.changed = false;
        }
    }

    pub(super) fn clear(&mut self) {
        self.mailboxes.clear();
        self.unknown.clear();
    }
}
