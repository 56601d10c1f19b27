//! The mailboxes in use, in memory: their rows are read once and written once for each batch.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use undertone_wire::MailboxId;

use super::limits::{FORGOTTEN_AT_A_TIME, KEPT, KEPT_UNKNOWN};
use crate::storage::{MailboxState, Token};

/// A mailbox with its row number.
pub(super) struct Cached {
    pub(super) no: i64,
    pub(super) state: MailboxState,
    changed: bool,
    /// Since it was last considered for forgetting.
    used: bool,
    pub(super) tokens: Option<Arc<[Token]>>,
}

impl Cached {
    /// As the database has it.
    pub(super) const fn read(no: i64, state: MailboxState) -> Self {
        Self {
            no,
            state,
            changed: false,
            used: true,
            tokens: None,
        }
    }
}

/// Invariant: between batches, nothing in it is changed, and it equals the database. What a commit costs depends on what
/// the batch changed, not on what is cached.
#[derive(Default)]
pub(super) struct Cache {
    mailboxes: HashMap<MailboxId, Cached>,
    /// Those that the batch changed; some may have been removed since.
    changed: Vec<MailboxId>,
    /// So that asking again for what does not exist takes no longer than for what does.
    unknown: HashSet<MailboxId>,
}

impl Cache {
    pub(super) fn has(&self, id: MailboxId) -> bool {
        self.mailboxes.contains_key(&id)
    }

    /// What is known about a mailbox; its state is not to be changed.
    pub(super) fn get_mut(&mut self, id: MailboxId) -> Option<&mut Cached> {
        let cached = self.mailboxes.get_mut(&id)?;
        cached.used = true;
        Some(cached)
    }

    /// A mailbox whose state changes.
    pub(super) fn change(&mut self, id: MailboxId) -> Option<&mut Cached> {
        let cached = self.mailboxes.get_mut(&id)?;
        if !cached.changed {
            cached.changed = true;
            self.changed.push(id);
        }
        Some(cached)
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
        let ids = self.changed.iter();
        ids.filter_map(|id| self.mailboxes.get(id))
    }

    /// Everything that was changed is in the database.
    pub(super) fn written(&mut self) {
        for id in self.changed.drain(..) {
            if let Some(cached) = self.mailboxes.get_mut(&id) {
                cached.changed = false;
            }
        }
        if self.mailboxes.len() > KEPT {
            self.forget_some();
        }
    }

    /// Makes room for newcomers: those go first that were not used since the last time.
    fn forget_some(&mut self) {
        let mut too_many = self.mailboxes.len() - (KEPT - KEPT / FORGOTTEN_AT_A_TIME);
        for _ in 0..2 {
            self.mailboxes.retain(|_, cached| {
                let goes = too_many > 0 && !cached.used;
                too_many -= usize::from(goes);
                cached.used = false;
                !goes
            });
        }
    }

    pub(super) fn clear(&mut self) {
        self.mailboxes.clear();
        self.changed.clear();
        self.unknown.clear();
    }
}

#[cfg(test)]
#[path = "cache_tests.rs"]
mod tests;
