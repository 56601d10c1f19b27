//! The mailboxes in use, in memory: their rows are read once and written once for each batch.

use std::collections::HashMap;
use std::sync::Arc;

use undertone_wire::MailboxId;

use crate::storage::{MailboxState, Token};

/// Mailboxes that are kept between batches (about 300 bytes each).
const KEPT: usize = 50_000;

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

    pub(super) fn remove(&mut self, id: MailboxId) {
        self.mailboxes.remove(&id);
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
    }
}
