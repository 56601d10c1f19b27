//! Sessions: begun with a device whose prekeys were fetched, or by a stranger's first message.
//!
//! Invariant: nothing is stored, shown, fetched or answered because of a first message before its body has
//! opened; before the user accepts, nothing is fetched from a relay that the stranger named, and no receipt
//! is sent (protocol.md, F9; attack row T1).

use undertone_protocol::content::{
    Body, CONTENT_HEADER_LEN, Content, Introduction, MAX_INTRODUCTION_BODY,
};
use undertone_protocol::device::DeviceStatement;
use undertone_protocol::manifest::{ManifestRef, VerifiedManifest};
use undertone_protocol::prekeys::{BundleError, PrekeyBundle, VerifiedBundle};
use undertone_protocol::profile::ProfileKey;
use undertone_protocol::session::{Initiated, Initiator, MessageNumber, Session};
use undertone_wire as wire;

use super::backoff;
use super::event::{DelayReason, IdentityAlarm};
use super::limits::{FRESH_SPACING_MS, UNANSWERED_FROM_MS, UNANSWERED_TO_MS};
use super::step::Step;
use crate::error::StepError;
use crate::store::{
    ContactId, ContactState, Destination, OutboxBody, OutboxHold, OutboxRow, PeerDeviceId,
    PeerDeviceRow,
};

/// The number of a first message in its session.
const FIRST: MessageNumber = MessageNumber { chain: 0, n: 0 };

impl Step<'_> {
    /// Prekeys of a device are there: they are checked, the handshake is made, and the first message is
    /// queued in front, with the oldest content that fits it.
    pub(super) fn begin_session(
        &mut self,
        device: PeerDeviceId,
        popped: &wire::PoppedPrekeys,
    ) -> Result<(), StepError> {
        let Some(row) = self.tx.peer_devices().get(device)? else {
            return Ok(());
        };
        if self.core.sessions.is_ready(device) {
            return self.handshake_spared(&row);
        }
        let Some(manifest) = self.pinned_manifest(row.contact)? else {
            return self.postpone_prekeys(device, DelayReason::ManifestMissing);
        };
        let one_time = (!popped.one_time_x25519.is_empty()).then_some(&popped.one_time_x25519[..]);
        let bundle = PrekeyBundle {
            page: &popped.page,
            one_time,
            kem: &popped.kem,
        };
        let Some(now) = self.core.clock.judging(self.now) else {
            return self.postpone_prekeys(device, DelayReason::ClockWrong);
        };
        let bundle = match bundle.verify(&manifest, &row.keys.id, now) {
            Ok(bundle) => bundle,
            Err(error) => return self.bundle_refused(&row, error),
        };
        if bundle.newer_manifest {
            self.refetch_manifest(row.contact)?;
        }
        let sessions = &self.core.sessions;
        if sessions.sending(device).is_none() && sessions.of(device).next().is_some() {
            // Those that there were came to an end. What was sent in them may never have been read.
            self.requeue_undelivered(device, None)?;
        }
        match self.hand_shake(&row, &bundle)? {
            Ok(()) => drop(self.core.lookups.prekeys.remove(&device)),
            Err(reason) => self.postpone_prekeys(device, reason)?,
        }
        Ok(())
    }

    /// A session with the device came while one was prepared: it wrote first. That one serves both; a second one would take
    /// its place for nothing.
    pub(super) fn handshake_spared(&mut self, row: &PeerDeviceRow) -> Result<(), StepError> {
        self.core.lookups.prekeys.remove(&row.id);
        self.tx.peer_devices().set_pop(row.id, None)?;
        let state = self.contact(row.contact)?.map(|contact| contact.row.state);
        if row.handshakes == 0 && state == Some(ContactState::Accepted) {
            // The device was never told what a first message would have told it.
            self.tx
                .contacts()
                .set_acceptance_owed(row.contact, true, self.now.wall)?;
            self.core.contacts.changed(row.contact);
            self.queue_acceptance(row.contact)?;
        }
        self.core.outbox.wake_device(row.id);
        Ok(())
    }

    /// Why nothing can be begun without an own manifest.
    pub(super) fn unpublished(&self) -> DelayReason {
        if self.core.clock.judging(self.now).is_none() {
            DelayReason::ClockWrong
        } else {
            DelayReason::NotPublished
        }
    }

    fn pinned_manifest(
        &mut self,
        contact: ContactId,
    ) -> Result<Option<VerifiedManifest>, StepError> {
        let Some(found) = self.contact(contact)? else {
            return Ok(None);
        };
        let account = found.row.account;
        let signed = self.tx.contacts().manifest(contact)?;
        signed
            .map(|signed| VerifiedManifest::parse(&signed, &account))
            .transpose()
            .map_err(|_| StepError::Damaged)
    }

    /// What the relay gave is no good. The next attempt asks for a fresh bundle.
    fn bundle_refused(&mut self, row: &PeerDeviceRow, error: BundleError) -> Result<(), StepError> {
        self.tx.peer_devices().set_pop(row.id, None)?;
        let reason = match error {
            BundleError::Fork => {
                self.identity_alarm(row.contact, IdentityAlarm::ManifestForked)?;
                DelayReason::ManifestMissing
            }
            BundleError::ManifestExpired => DelayReason::ManifestExpired,
            BundleError::UnknownDevice
            | BundleError::Page(_)
            | BundleError::OneTime(_)
            | BundleError::NoKem
            | BundleError::Kem(_)
            | BundleError::KeyReuse => DelayReason::PrekeysExpired,
        };
        self.postpone_prekeys(row.id, reason)
    }

    /// Makes the session and queues its first message, or says why it cannot.
    fn hand_shake(
        &mut self,
        peer: &PeerDeviceRow,
        bundle: &VerifiedBundle,
    ) -> Result<Result<(), DelayReason>, StepError> {
        let Some((manifest, statement)) = self.own_statement() else {
            return Ok(Err(self.unpublished()));
        };
        let first = self.first_content(peer)?;
        let introduction = self.introduction(&first)?;
        let me = &self.core.me;
        let initiator = Initiator {
            account: me.account,
            device: me.device.public(),
            identity_key: &me.device.identity,
            manifest,
            statement,
        };
        let Ok(begun) = Session::initiate(&mut self.rng, &initiator, bundle, &introduction) else {
            self.tx.peer_devices().set_pop(peer.id, None)?;
            return Ok(Err(DelayReason::PrekeysExpired));
        };
        self.queue_first_message(peer, first, begun)?;
        let again = backoff::between(UNANSWERED_FROM_MS, UNANSWERED_TO_MS, &mut self.rng);
        let now = self.now.wall;
        self.tx.peer_devices().handshake_begun(
            peer.id,
            now,
            now.plus(again),
            now.plus(FRESH_SPACING_MS),
        )?;
        Ok(Ok(()))
    }

    fn own_statement(&self) -> Option<(ManifestRef, DeviceStatement)> {
        let manifest = self.core.me.manifest.as_ref()?;
        let statement = manifest.statement(&self.core.me.device_id())?;
        Some((manifest.reference(), *statement))
    }

    /// The oldest row for the device, when it is content and fits a first message.
    fn first_content(&mut self, peer: &PeerDeviceRow) -> Result<Option<OutboxRow>, StepError> {
        let row = self.tx.outbox().of_device(peer.id, 1)?.pop();
        Ok(row.filter(|row| {
            matches!(&row.item.body, OutboxBody::Content(content)
                if content.len() <= CONTENT_HEADER_LEN + MAX_INTRODUCTION_BODY)
        }))
    }

    fn introduction(&mut self, first: &Option<OutboxRow>) -> Result<Introduction, StepError> {
        let content = match first.as_ref().map(|row| &row.item.body) {
            Some(OutboxBody::Content(content)) => {
                Content::parse(content).map_err(|_| StepError::Damaged)?
            }
            Some(OutboxBody::Envelope(_)) | None => {
                let nothing = self.compose_hidden(Body::Nothing)?;
                Content {
                    header: nothing.header,
                    body: Body::Nothing,
                }
            }
        };
        let delivery_secret = self.delivery_to_tell()?;
        let me = &self.core.me;
        Ok(Introduction {
            manifest_write_key: me.manifest_key.public_key(),
            delivery_secret,
            profile_key: ProfileKey::from_bytes(me.profile.expose()),
            relay_address: me.relay.clone(),
            name: me.name.clone(),
            content,
        })
    }

    fn queue_first_message(
        &mut self,
        peer: &PeerDeviceRow,
        first: Option<OutboxRow>,
        begun: Initiated,
    ) -> Result<(), StepError> {
        let Initiated {
            session,
            first_message,
        } = begun;
        let id = session.id();
        match first {
            Some(row) => {
                let envelope_id = self.envelope_id();
                self.tx.outbox().set_envelope(
                    row.id,
                    (&envelope_id, &first_message),
                    (&id, FIRST),
                    OutboxHold::None,
                )?;
                if let OutboxBody::Content(content) = &row.item.body {
                    self.retain(&row, peer.id, content, (id, FIRST))?;
                }
            }
            None => {
                let to = Destination {
                    peer_device: peer.id,
                    mailbox: peer.keys.mailbox,
                };
                let nothing = self.compose_hidden(Body::Nothing)?;
                let mut item = self.new_row(peer.contact, Some(to), &nothing, OutboxHold::None);
                item.body = OutboxBody::Envelope(first_message);
                item.encrypted_as = Some((id, FIRST));
                item.wake = true;
                self.tx.outbox().insert_front(&item)?;
            }
        }
        self.add_session(session, peer.id)?;
        self.step_taken(peer.id)?;
        self.notice_queue(peer.id, &peer.relay);
        Ok(())
    }
}
