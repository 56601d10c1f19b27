//! First messages of others: opened with the prekeys that they name, once, and turned into a request, or into
//! a session of a contact.

use undertone_protocol::account::AccountId;
use undertone_protocol::content::Introduction;
use undertone_protocol::envelope::KIND_FIRST_MESSAGE;
use undertone_protocol::first_message::FirstMessage;
use undertone_protocol::identity_block::VerifiedIdentity;
use undertone_protocol::manifest::Pin;
use undertone_protocol::prekeys::{OneTimePrekeySecret, PrekeyId, PrekeyKind, SignedPrekeySecret};
use undertone_protocol::primitives::dh::{PublicKey, SecretKey};
use undertone_protocol::primitives::kem::mlkem1024;
use undertone_protocol::primitives::secret::SecretBytes;
use undertone_protocol::session::{Responded, Responder, Session};
use undertone_protocol::time::Timestamp;

use super::event::{Event, IdentityAlarm};
use super::limits::{
    MAX_ACCEPTED_FIRST_MESSAGES, MAX_CONTACTS, MAX_DEVICES_OF_CONTACT, MAX_DEVICES_OF_STRANGER,
    MAX_REQUESTS, MAX_SESSIONS,
};
use super::step::Step;
use crate::error::StepError;
use crate::store::{
    AcceptedFirstMessage, ContactId, ContactState, NewContact, PeerDeviceId, PeerDeviceState, Tx,
};

/// What became of a first message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FirstOutcome {
    /// It was handled, or can never be: it is acknowledged.
    Done,
    /// It cannot be judged now: it is kept.
    Later,
}

/// The private halves that a first message names.
struct Private {
    signed: SignedPrekeySecret,
    one_time: Option<OneTimePrekeySecret>,
    kem: mlkem1024::SecretKey,
    kem_kind: PrekeyKind,
}

impl Step<'_> {
    /// Handles the bytes of a first message.
    pub(super) fn first_message(&mut self, bytes: &[u8]) -> Result<FirstOutcome, StepError> {
        debug_assert_eq!(bytes.first(), Some(&KIND_FIRST_MESSAGE));
        let Ok(message) = FirstMessage::parse(bytes) else {
            return Ok(FirstOutcome::Done);
        };
        // Signatures are judged by the time, and a wrong clock judges nothing.
        let Some(now) = self.core.clock.trusted(self.now) else {
            return Ok(FirstOutcome::Later);
        };
        let digest = *message.replay_hash().as_bytes();
        if self.tx.accepted_first_messages().contains(&digest)? {
            return Ok(FirstOutcome::Done);
        }
        let ids = message.prekey_ids();
        let Some(private) = self.private_prekeys(ids.signed, ids.one_time, ids.kem)? else {
            return Ok(FirstOutcome::Done);
        };
        let Some(responded) = self.respond(&private, &message, now) else {
            return Ok(FirstOutcome::Done);
        };
        let account = &responded.peer.account;
        if *account == self.core.me.account {
            return Ok(FirstOutcome::Done);
        }
        if self.core.sessions.len() >= MAX_SESSIONS {
            return self.no_room(account);
        }
        if let Some(id) = ids.one_time {
            self.tx.prekeys().remove(PrekeyKind::OneTime, id)?;
        }
        if private.kem_kind == PrekeyKind::KemOneTime {
            self.tx.prekeys().remove(PrekeyKind::KemOneTime, ids.kem)?;
        }
        // What used up a key opens once. The rest opens as long as its prekeys live, and has to be remembered.
        if ids.one_time.is_none() && private.kem_kind == PrekeyKind::KemLastResort {
            if !self.has_room_to_remember(now)? {
                return Ok(FirstOutcome::Done);
            }
            self.tx
                .accepted_first_messages()
                .insert(&AcceptedFirstMessage {
                    digest,
                    signed_prekey_id: ids.signed,
                    kem_prekey_id: ids.kem,
                    accepted: self.now.wall,
                })?;
        }
        self.met(responded)?;
        Ok(FirstOutcome::Done)
    }

    /// There is no room for another session: a contact's waits until there is, a stranger's is dropped.
    fn no_room(&self, account: &AccountId) -> Result<FirstOutcome, StepError> {
        let known = self.tx.contacts().by_account(account)?;
        Ok(match known.map(|row| row.state) {
            Some(ContactState::Invited | ContactState::Accepted) => FirstOutcome::Later,
            Some(ContactState::Requested | ContactState::Blocked) | None => FirstOutcome::Done,
        })
    }

    /// Whether one more first message can be remembered. When they are too many, the prekeys that they name go: replaced
    /// ones at once, the newest as soon as others are published. Who is dropped meanwhile begins anew when no answer comes.
    fn has_room_to_remember(&mut self, now: Timestamp) -> Result<bool, StepError> {
        let full = |tx: &Tx<'_>| {
            let count = tx.accepted_first_messages().count()?;
            Ok::<_, StepError>(count >= MAX_ACCEPTED_FIRST_MESSAGES)
        };
        if !full(&self.tx)? {
            return Ok(true);
        }
        if self.tx.prekeys().remove_replaced_long_lived()? > 0 {
            self.tx.accepted_first_messages().remove_unusable()?;
            if !full(&self.tx)? {
                return Ok(true);
            }
        }
        self.renew_prekeys_early(now)?;
        Ok(false)
    }

    fn private_prekeys(
        &mut self,
        signed: PrekeyId,
        one_time: Option<PrekeyId>,
        kem: PrekeyId,
    ) -> Result<Option<Private>, StepError> {
        let prekeys = self.tx.prekeys();
        let Some(signed) = prekeys.private(PrekeyKind::Signed, signed)? else {
            return Ok(None);
        };
        let one_time = match one_time {
            None => None,
            Some(id) => match prekeys.private(PrekeyKind::OneTime, id)? {
                Some(bytes) => Some(x25519_prekey(&bytes)?),
                // Given out twice, or made up: without its key nothing of the message can be authenticated, so that
                // nobody is blamed and nothing is shown. Who wrote it begins anew when no answer comes.
                None => return Ok(None),
            },
        };
        let prekeys = self.tx.prekeys();
        let (kem, kem_kind) = match prekeys.private(PrekeyKind::KemOneTime, kem)? {
            Some(bytes) => (bytes, PrekeyKind::KemOneTime),
            None => match prekeys.private(PrekeyKind::KemLastResort, kem)? {
                Some(bytes) => (bytes, PrekeyKind::KemLastResort),
                None => return Ok(None),
            },
        };
        Ok(Some(Private {
            signed: x25519_prekey(&signed)?,
            one_time,
            kem: mlkem1024::SecretKey::from_seed(SecretBytes::copy_from(array(&kem)?)),
            kem_kind,
        }))
    }

    fn respond(
        &self,
        private: &Private,
        message: &FirstMessage<'_>,
        now: Timestamp,
    ) -> Option<Responded> {
        let me = &self.core.me;
        let responder = Responder {
            account: me.account,
            device: me.device.public(),
            identity_key: &me.device.identity,
            signed_prekey: &private.signed,
            one_time_prekey: private.one_time.as_ref(),
            kem_prekey: &private.kem,
            kem_prekey_kind: private.kem_kind,
        };
        Session::respond(&responder, message, now).ok()
    }

    /// Somebody proved who he is: a stranger, a contact, or somebody one has written to.
    fn met(&mut self, responded: Responded) -> Result<(), StepError> {
        let Responded {
            session,
            peer,
            introduction,
        } = responded;
        let known = self.tx.contacts().by_account(&peer.account)?;
        let contact = match known {
            // Decrypted and discarded in one transaction; nothing to answer, nothing to ask for.
            Some(row) if row.state == ContactState::Blocked => return Ok(()),
            Some(row) => row.id,
            None => match self.stranger(&peer, &introduction)? {
                Some(contact) => contact,
                None => return Ok(()),
            },
        };
        let Some(device) = self.device_of(contact, &peer, introduction.relay_address.as_str())?
        else {
            return Ok(());
        };
        let secrets = (&introduction.delivery_secret, &introduction.profile_key);
        self.learn_secrets(contact, &introduction.content.header, secrets)?;
        self.manifest_named(contact, peer.recipient_manifest)?;
        let id = session.id();
        self.add_session(session, device)?;
        let state = self.contact(contact)?.map(|contact| contact.row.state);
        if state == Some(ContactState::Invited) {
            // Both wrote: each has what the other's request would need an acceptance for.
            self.become_accepted(contact)?;
        }
        self.content_arrived(device, introduction.content)?;
        self.unpark(&id)
    }

    fn stranger(
        &mut self,
        peer: &VerifiedIdentity,
        introduction: &Introduction,
    ) -> Result<Option<ContactId>, StepError> {
        let contacts = self.tx.contacts();
        if contacts.count()? >= MAX_CONTACTS
            || contacts.count_in(ContactState::Requested)? >= MAX_REQUESTS
        {
            return Ok(None);
        }
        let name = super::text::clean_name(&introduction.name);
        let contact = self.tx.contacts().insert(&NewContact {
            account: peer.account,
            state: ContactState::Requested,
            name: &name,
            manifest_key: *introduction.manifest_write_key.as_bytes(),
            manifest_relay: introduction.relay_address.as_str(),
            created: self.now.wall,
        })?;
        self.tx
            .contacts()
            .set_pin(contact, &Pin::claimed(peer.manifest).to_bytes())?;
        let conversation = self
            .tx
            .conversations()
            .insert(Some(contact), &name, self.now.wall)?;
        self.tx.conversations().set_hidden(conversation, true)?;
        self.emit(Event::RequestReceived { contact });
        Ok(Some(contact))
    }

    /// The row of the device that wrote. A known device with other keys, or one that the pinned manifest no
    /// longer lists, is refused: a session never brings a new identity (attack row R12).
    fn device_of(
        &mut self,
        contact: ContactId,
        peer: &VerifiedIdentity,
        relay: &str,
    ) -> Result<Option<PeerDeviceId>, StepError> {
        let known = self.tx.peer_devices().find(contact, &peer.device.id)?;
        if let Some(row) = known {
            if row.keys.identity_key != peer.device.identity_key
                || row.keys.signing_key != peer.device.signing_key
            {
                self.identity_alarm(contact, IdentityAlarm::ManifestForked)?;
                return Ok(None);
            }
            return Ok((row.state != PeerDeviceState::Gone).then_some(row.id));
        }
        let state = self.contact(contact)?.map(|found| found.row.state);
        let most = match state {
            Some(ContactState::Invited | ContactState::Accepted) => MAX_DEVICES_OF_CONTACT,
            Some(ContactState::Requested | ContactState::Blocked) | None => MAX_DEVICES_OF_STRANGER,
        };
        if self.tx.peer_devices().of_contact(contact)?.len() >= most {
            return Ok(None);
        }
        let pinned = self.contact(contact)?.and_then(|found| {
            let fetched = found.row.manifest_issued.is_some();
            found
                .pin
                .filter(|_| fetched)
                .map(|pin| pin.reference().version)
        });
        if pinned.is_some_and(|pinned| peer.manifest.version <= pinned) {
            return Ok(None);
        }
        if pinned.is_some() {
            self.identity_alarm(contact, IdentityAlarm::DeviceAdded)?;
        }
        Ok(Some(self.tx.peer_devices().upsert(
            contact,
            &peer.device,
            relay,
        )?))
    }
}

/// Reads `secret 32 ‖ public 32`, as [`prekey_upkeep`](super::prekey_upkeep) stored it.
fn x25519_prekey<R>(bytes: &[u8]) -> Result<SecretKey<R>, StepError> {
    let (secret, public) = bytes.split_first_chunk().ok_or(StepError::Damaged)?;
    let public = PublicKey::parse(array(public)?).map_err(|_| StepError::Damaged)?;
    Ok(SecretKey::from_parts(secret, public))
}

fn array<const N: usize>(bytes: &[u8]) -> Result<&[u8; N], StepError> {
    bytes.try_into().map_err(|_| StepError::Damaged)
}
