//! Prekeys in memory.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;
use undertone_wire::limits::{IDEMPOTENCE_MS, MAX_ONE_TIME_KEM, MAX_ONE_TIME_X25519};
use undertone_wire::{MailboxId, PopId};

use super::{Kept, MemoryStorage};
use crate::storage::Prekeys;
use crate::storage::types::{
    Pop, PopAs, Popped, PrekeyCounts, PrekeyItem, PrekeyReplace, PrekeyReplacement, PrekeysLeft,
    StorageError, Timestamp,
};

#[derive(Clone, Default)]
pub(super) struct MailboxPrekeys {
    page: Option<Bytes>,
    last_resort: Option<Bytes>,
    pub(super) x25519: VecDeque<PrekeyItem>,
    pub(super) kem: VecDeque<PrekeyItem>,
    /// One-time keys that strangers may still take.
    for_strangers: PrekeyCounts,
    pops: HashMap<PopId, (Popped, u64)>,
}

impl MailboxPrekeys {
    pub(super) fn list(&self, kept: &mut Kept) {
        let Self {
            page,
            last_resort,
            x25519,
            kem,
            for_strangers: _,
            // Copies of what was here.
            pops: _,
        } = self;
        kept.values.extend(page.iter().chain(last_resort).cloned());
        let items = x25519.iter().chain(kem);
        kept.values.extend(items.map(|item| item.item.clone()));
    }

    fn counts(&self) -> PrekeyCounts {
        PrekeyCounts {
            x25519: u32::try_from(self.x25519.len()).unwrap_or(u32::MAX),
            kem: u32::try_from(self.kem.len()).unwrap_or(u32::MAX),
        }
    }

    pub(super) fn has_forgettable(&self, before_minute: u64) -> bool {
        self.pops
            .values()
            .any(|(_, minute)| *minute < before_minute)
    }

    pub(super) fn forget(&mut self, before_minute: u64) {
        self.pops.retain(|_, (_, minute)| *minute >= before_minute);
    }

    fn replace(&mut self, with: &PrekeyReplacement) -> PrekeyReplace {
        let x25519 = merged(&self.x25519, &with.x25519, with.append);
        let kem = merged(&self.kem, &with.kem, with.append);
        if x25519.len() > MAX_ONE_TIME_X25519 || kem.len() > MAX_ONE_TIME_KEM {
            return PrekeyReplace::TooMany;
        }
        self.x25519 = x25519;
        self.kem = kem;
        if with.page.is_some() {
            self.page.clone_from(&with.page);
        }
        if with.last_resort.is_some() {
            self.last_resort.clone_from(&with.last_resort);
        }
        let counts = self.counts();
        if !with.x25519.is_empty() {
            self.for_strangers.x25519 = counts.x25519 / 4;
        }
        if !with.kem.is_empty() {
            self.for_strangers.kem = counts.kem / 4;
        }
        PrekeyReplace::Replaced(counts)
    }

    fn pop(&mut self, as_who: PopAs) -> Pop {
        let Some(page) = self.page.clone() else {
            return Pop::Nothing;
        };
        let allowed = |left: &mut u32| match as_who {
            PopAs::Contact => true,
            PopAs::Stranger if *left == 0 => false,
            PopAs::Stranger => {
                *left -= 1;
                true
            }
        };
        if self.last_resort.is_none() && self.kem.is_empty() {
            return Pop::Nothing;
        }
        let had = self.for_strangers;
        let kem = if !self.kem.is_empty() && allowed(&mut self.for_strangers.kem) {
            self.kem.pop_front()
        } else {
            None
        };
        if kem.is_none() && self.last_resort.is_none() {
            return Pop::Nothing;
        }
        let x25519 = if !self.x25519.is_empty() && allowed(&mut self.for_strangers.x25519) {
            self.x25519.pop_front()
        } else {
            None
        };
        let popped = Popped {
            page,
            x25519: x25519.map(|item| item.item).unwrap_or_default(),
            last_resort: kem.is_none(),
            kem: kem
                .map(|item| item.item)
                .or_else(|| self.last_resort.clone())
                .unwrap_or_default(),
        };
        let now = self.for_strangers;
        let left = PrekeysLeft {
            counts: self.counts(),
            strangers_exhausted: had != now && (now.x25519 == 0 || now.kem == 0),
        };
        Pop::Taken(popped, left)
    }
}

fn merged(old: &VecDeque<PrekeyItem>, new: &[PrekeyItem], append: bool) -> VecDeque<PrekeyItem> {
    let mut out = if append || new.is_empty() {
        old.clone()
    } else {
        VecDeque::new()
    };
    for item in new {
        if out.iter().all(|there| there.id != item.id) {
            out.push_back(PrekeyItem {
                id: item.id,
                item: Bytes::copy_from_slice(&item.item),
            });
        }
    }
    out
}

impl Prekeys for MemoryStorage {
    fn replace_prekeys(
        &mut self,
        id: MailboxId,
        replacement: &PrekeyReplacement,
    ) -> Result<PrekeyReplace, StorageError> {
        Ok(self
            .mailboxes
            .get_mut(&id)
            .map_or(PrekeyReplace::NoMailbox, |mailbox| {
                mailbox.prekeys.replace(replacement)
            }))
    }

    fn pop_prekeys(
        &mut self,
        id: MailboxId,
        pop: PopId,
        as_who: PopAs,
        now: Timestamp,
    ) -> Result<Pop, StorageError> {
        let Some(mailbox) = self.mailboxes.get_mut(&id) else {
            return Ok(Pop::NoMailbox);
        };
        if let Some((popped, minute)) = mailbox.prekeys.pops.get(&pop)
            && now.minutes() <= minute + IDEMPOTENCE_MS / 60_000
        {
            return Ok(Pop::Repeated(popped.clone()));
        }
        let taken = mailbox.prekeys.pop(as_who);
        if let Pop::Taken(popped, _) = &taken {
            let remembered = (popped.clone(), now.minutes());
            mailbox.prekeys.pops.insert(pop, remembered);
        }
        Ok(taken)
    }

    fn prekey_counts(&mut self, id: MailboxId) -> Result<PrekeyCounts, StorageError> {
        let mailbox = self.mailboxes.get(&id);
        Ok(mailbox.map_or_else(PrekeyCounts::default, |mailbox| mailbox.prekeys.counts()))
    }
}
