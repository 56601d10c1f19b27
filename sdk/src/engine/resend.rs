//! Answering who misses something: the kept copy again, or that there is none.

use undertone_protocol::content::{Body, MissingMessage};

use super::content::From;
use super::limits::{DAY_MS, MAX_RESENDS_PER_DAY};
use super::step::Step;
use crate::error::StepError;
use crate::store::Destination;

impl Step<'_> {
    /// A device misses messages that it was sent.
    pub(super) fn resend(
        &mut self,
        from: &From,
        missing: &[MissingMessage],
    ) -> Result<(), StepError> {
        for missing in missing {
            let budget = self.core.resend_budgets.entry(from.device).or_default();
            let interval = DAY_MS / u64::from(MAX_RESENDS_PER_DAY);
            if !budget.take(MAX_RESENDS_PER_DAY, interval, self.now.monotonic_ms) {
                return Ok(());
            }
            let kept = self.tx.retained().find(&missing.session, missing.number)?;
            // A number of somebody else's session is none of this device's business.
            let kept = kept.filter(|kept| kept.item.peer_device == from.device);
            let Some(peer) = self.tx.peer_devices().get(from.device)? else {
                return Ok(());
            };
            let to = Destination {
                peer_device: from.device,
                mailbox: peer.keys.mailbox,
            };
            let item = match kept {
                Some(kept) => self.resent_row(from.contact, to, kept.item, *missing)?,
                None => None,
            };
            match item {
                Some(item) => {
                    self.tx.outbox().insert(&item)?;
                    self.notice_queue(from.device, &peer.relay);
                }
                None => {
                    let composed = self.compose_hidden(Body::Unavailable(*missing))?;
                    self.queue_for(from.contact, from.device, &composed)?;
                }
            }
        }
        Ok(())
    }
}
