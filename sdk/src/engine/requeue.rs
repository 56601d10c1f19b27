//! What a device was sent and never confirmed, and cannot read any more: its session is given up, or it is gone.
//!
//! Invariant: nothing shown that was not confirmed is lost with a session. The recipient recognises what it has by its id.

use undertone_protocol::session::SessionId;

use super::limits::{MAX_REQUEUED, RETENTION_MS, UPKEEP_ROWS};
use super::queues::Turn;
use super::step::Step;
use crate::error::StepError;
use crate::store::{Destination, OutboxHold, PeerDeviceId};

impl Step<'_> {
    /// What was meant for a device that is gone waits for the contact's other devices: what is queued, and
    /// what it was sent and never confirmed.
    pub(super) fn readdress(&mut self, gone: PeerDeviceId) -> Result<(), StepError> {
        // Nothing is owed to it any more, and it is asked for nothing.
        self.owe_nothing(gone)?;
        self.tx.gaps().device_gone(gone)?;
        self.core.gap_devices.remove(&gone);
        self.requeue_undelivered(gone, None)?;
        self.tx.outbox().unaddress(gone)?;
        self.core.lookups.prekeys.remove(&gone);
        self.core.outbox.wake_device(gone);
        self.forget_sessions_of(gone)
    }

    /// Everything that a device was sent in the last 30 days and never confirmed is queued again, in front of what is
    /// newer, to be encrypted for a new session; of a session that the device may never have learned of, receipts and the like
    /// too.
    pub(super) fn requeue_undelivered(
        &mut self,
        device: PeerDeviceId,
        unread: Option<&SessionId>,
    ) -> Result<(), StepError> {
        let Some(row) = self.tx.peer_devices().get(device)? else {
            return Ok(());
        };
        let to = Destination {
            peer_device: device,
            mailbox: row.keys.mailbox,
        };
        self.tx.outbox().remove_taken(device)?;
        self.open_envelopes(device)?;
        let since = self.now.wall.minus(RETENTION_MS);
        let mut seen = Vec::new();
        for kept in self
            .tx
            .retained()
            .undelivered(device, unread, since, MAX_REQUEUED)?
        {
            let id = kept.item.message_id;
            if seen.contains(&id) || self.tx.outbox().is_queued(device, &id)? {
                continue;
            }
            seen.push(id);
            if let Some(item) = self.kept_row(row.contact, to, kept.item) {
                self.tx.outbox().insert_front(&item)?;
            }
        }
        self.notice_queue(device, &row.relay);
        // An answer to what is on its way is one to an envelope that nobody waits for any more.
        self.core.outbox.set(device, Turn::Ready);
        Ok(())
    }

    /// Queued envelopes of the old session become content again, in their places.
    pub(super) fn open_envelopes(&mut self, device: PeerDeviceId) -> Result<(), StepError> {
        for row in self.tx.outbox().envelopes(device, UPKEEP_ROWS)? {
            let kept = match row.item.encrypted_as {
                Some((session, number)) => self.tx.retained().find(&session, number)?,
                None => None,
            };
            let Some((kept, content)) = kept
                .and_then(|mut kept| kept.item.content.take().map(|content| (kept.id, content)))
            else {
                // A first message that carries nothing: the next handshake makes another one.
                self.tx.outbox().remove(row.id)?;
                continue;
            };
            self.tx
                .outbox()
                .set_content(row.id, &content, OutboxHold::None)?;
            // It is kept again when it is encrypted.
            self.tx.retained().remove(kept)?;
        }
        Ok(())
    }
}
