//! Relays that were restored from a backup: they show a new store epoch, and have lost what they took since the backup.
//! What may be lost is sent again, the same envelopes under the same ids, ahead of anything newer for that device.
//!
//! Invariant: an envelope that a relay took stays in the outbox until its recipient confirms it or what was sent behind
//! it, or its time is over; and nothing newer for that recipient leaves before the relay has shown its epoch. A relay that
//! lost nothing recognises the ids, and a recipient recognises what it has.
//!
//! What the own relay lost of the own mailbox is registered again by [`login`](super::login).

use bytes::Bytes;
use undertone_wire as wire;
use undertone_wire::frame::Body;

use super::lane::Lane;
use super::limits::{MAX_TAKEN_PER_DEVICE, TAKEN_KEEP_MS};
use super::queues::Turn;
use super::requests::Purpose;
use super::step::Step;
use crate::error::StepError;
use crate::store::{OutboxId, PeerDeviceId};

impl Step<'_> {
    /// A relay showed its store epoch. A new one sends again what the store before took.
    pub(super) fn greeted(&mut self, lane: &Lane, hello: &wire::Hello) -> Result<(), StepError> {
        let Ok(epoch) = <&[u8; 16]>::try_from(hello.store_epoch.as_ref()) else {
            return Ok(());
        };
        let relay = lane.relay().unwrap_or(&self.core.me.relay).clone();
        // At the first meeting nothing was taken there.
        if self.tx.relays().met(relay.as_str(), epoch)? {
            for device in self.tx.outbox().requeue_taken(relay.as_str())? {
                self.core.outbox.add(device, &relay);
                self.core.outbox.reconsider(device);
            }
        }
        Ok(())
    }

    /// The relay took an envelope.
    pub(super) fn keep_taken(&mut self, id: OutboxId) -> Result<(), StepError> {
        Ok(self
            .tx
            .outbox()
            .take(id, self.now.wall, MAX_TAKEN_PER_DEVICE)?)
    }

    /// Whether a relay is to show its epoch before anything is sent to a device there. If so it is asked to, and the
    /// queue goes on when it has.
    pub(super) fn awaits_greeting(
        &mut self,
        device: PeerDeviceId,
        lane: &Lane,
    ) -> Result<bool, StepError> {
        if self.core.lanes.is_open(lane) || !self.tx.outbox().has_taken(device)? {
            return Ok(false);
        }
        let ping = wire::Ping {
            opaque: Bytes::new(),
        };
        self.request(lane, Purpose::Greeting(device), Body::Ping(ping));
        self.core.outbox.set(device, Turn::Asking);
        Ok(true)
    }

    /// The relay answered, and has shown its epoch before that.
    pub(super) fn greeting_answered(&mut self, device: PeerDeviceId) {
        if self
            .core
            .outbox
            .get(device)
            .is_some_and(|queue| matches!(queue.turn, Turn::Asking))
        {
            self.core.outbox.set(device, Turn::Ready);
        }
    }

    /// What was taken so long ago is not sent again.
    pub(super) fn forget_taken(&mut self) -> Result<(), StepError> {
        if let Some(cut) = self.core.clock.aged_before(self.now, TAKEN_KEEP_MS) {
            self.tx.outbox().remove_taken_before(cut)?;
        }
        Ok(self.tx.relays().remove_unused()?)
    }
}
