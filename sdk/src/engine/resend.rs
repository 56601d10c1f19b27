//! Answering who misses something: the kept copy again, or that it was deleted. When is in [`answers`](super::answers).

use undertone_protocol::content::{Body, MissingMessage};

use super::content::From;
use super::limits::{MAX_RESENDS_ASKED, RESEND_ANSWER_FROM_MS, RESEND_ANSWER_TO_MS};
use super::step::Step;
use crate::error::StepError;
use crate::store::{ContactId, Destination, PeerDeviceId, PeerDeviceState};

impl Step<'_> {
    /// A device misses messages that it was sent. It gets them after a while, within its contact's budget.
    pub(super) fn resend(
        &mut self,
        from: &From,
        missing: &[MissingMessage],
    ) -> Result<(), StepError> {
        for missing in missing {
            self.tx.resends().note(
                from.device,
                &missing.session,
                missing.number,
                MAX_RESENDS_ASKED,
            )?;
            self.core.owed.resends.insert(from.device);
        }
        if !missing.is_empty() {
            self.answer_after(RESEND_ANSWER_FROM_MS, RESEND_ANSWER_TO_MS);
        }
        Ok(())
    }

    /// Sends one message again, or says that it was deleted. A number that nothing is known of is answered with nothing:
    /// anybody can make one up.
    pub(super) fn send_again(
        &mut self,
        contact: ContactId,
        device: PeerDeviceId,
        missing: MissingMessage,
    ) -> Result<(), StepError> {
        let kept = self.tx.retained().find(&missing.session, missing.number)?;
        // A number of somebody else's session is none of this device's business.
        let Some(kept) = kept.filter(|kept| kept.item.peer_device == device) else {
            return Ok(());
        };
        let peer = self.tx.peer_devices().get(device)?;
        let Some(peer) = peer.filter(|peer| peer.state == PeerDeviceState::Active) else {
            return Ok(());
        };
        let to = Destination {
            peer_device: device,
            mailbox: peer.keys.mailbox,
        };
        match self.resent_row(contact, to, kept.item, missing)? {
            Some(item) => {
                self.tx.outbox().insert(&item)?;
                self.notice_queue(device, &peer.relay);
                Ok(())
            }
            None => {
                let composed = self.compose_hidden(Body::Unavailable(missing))?;
                self.queue_for(contact, device, &composed)
            }
        }
    }
}
