//! How long a contact's devices are believed to be his: a relay that shows no newer manifest may hide that one was revoked
//! (attack row D3).
//!
//! Invariant: nothing more is encrypted for a device of which nothing was heard from its account for 45 days. Judged by the
//! trusted clock; while there is none, nothing is judged.

use undertone_protocol::limits::MAX_MANIFEST_LIFETIME_MS;
use undertone_protocol::time::Timestamp;

use super::event::{DelayReason, Event};
use super::limits::MANIFEST_BELIEVED_MS;
use super::queues::Turn;
use super::step::Step;
use crate::error::StepError;
use crate::store::{ContactId, PeerDeviceId};

/// How old the newest manifest of a contact is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Freshness {
    /// It has not expired, or nobody can say.
    Fresh,
    /// It has expired: nothing new is begun; what exists goes on until then.
    Overdue {
        /// When it ends.
        until: Timestamp,
    },
    /// Nothing goes on.
    TooOld,
}

impl Step<'_> {
    pub(super) fn freshness(&mut self, contact: ContactId) -> Result<Freshness, StepError> {
        let (Some(now), Some(found)) = (self.core.clock.trusted(self.now), self.contact(contact)?)
        else {
            return Ok(Freshness::Fresh);
        };
        // Before it was ever fetched, the first message vouched for the device.
        let issued = found.row.manifest_issued.unwrap_or(found.row.created);
        let until = issued.plus(MANIFEST_BELIEVED_MS);
        Ok(if now.since(issued) <= MAX_MANIFEST_LIFETIME_MS {
            Freshness::Fresh
        } else if now <= until {
            Freshness::Overdue { until }
        } else {
            Freshness::TooOld
        })
    }

    /// Whether something may be encrypted for a device of a contact. A manifest that has expired is looked for again; when
    /// it is too old, the queue waits for it.
    pub(super) fn may_encrypt(
        &mut self,
        contact: ContactId,
        device: PeerDeviceId,
    ) -> Result<bool, StepError> {
        let freshness = self.freshness(contact)?;
        if freshness != Freshness::Fresh {
            self.want_manifest(contact)?;
        }
        match freshness {
            Freshness::Fresh => {}
            // Said once, until a newer manifest is there.
            Freshness::Overdue { until } => {
                if self.core.lookups.overdue.insert(contact) {
                    self.emit(Event::DeviceListOverdue { contact, until });
                }
            }
            Freshness::TooOld => {
                self.core.outbox.set(device, Turn::Held);
                self.delayed(device, DelayReason::ManifestExpired)?;
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether a contact's manifest has expired and all the same nothing waits for a newer one.
    pub(super) fn goes_on_without_newer(&mut self, contact: ContactId) -> Result<bool, StepError> {
        let overdue = matches!(self.freshness(contact)?, Freshness::Overdue { .. });
        let devices = self.active_devices(contact)?;
        let prekeys = &self.core.lookups.prekeys;
        Ok(overdue && !devices.iter().any(|device| prekeys.contains_key(device)))
    }

    /// A newer manifest of a contact is there: what waited for it goes on.
    pub(super) fn is_heard_of_again(&mut self, contact: ContactId) -> Result<(), StepError> {
        self.core.lookups.overdue.remove(&contact);
        for device in self.active_devices(contact)? {
            self.core.outbox.wake_device(device);
        }
        Ok(())
    }
}
