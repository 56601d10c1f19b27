//! Contacts and their devices, as memory has them: loaded when first used, dropped when changed or when a
//! step is rolled back.

use std::collections::HashMap;

use undertone_protocol::delivery::DeliverySecret;
use undertone_protocol::device::DeviceId;
use undertone_protocol::invite::InviteToken;
use undertone_protocol::manifest::Pin;
use undertone_protocol::primitives::codec::{DecodeError, Reader, Writer};
use undertone_protocol::profile::ProfileKey;
use zeroize::Zeroizing;

use super::limits::MAX_CACHED_CONTACTS;
use super::step::Step;
use crate::error::StepError;
use crate::store::{ContactId, ContactRow, ContactState, ConversationId, PeerDeviceId};

const FORMAT: u8 = 1;

/// What an account knows of a contact that nobody else may know. Wiped when dropped.
#[derive(Default)]
pub(crate) struct Secrets {
    /// The right to send to the contact, once accepted.
    pub(crate) delivery: Option<DeliverySecret>,
    /// The contact's profile key.
    pub(crate) profile: Option<ProfileKey>,
    /// The token of the invite by which the contact was added.
    pub(crate) invite: Option<InviteToken>,
}

impl Secrets {
    pub(crate) fn encode(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(1 + 3 + 32 + 32 + 16));
        let mut writer = Writer::new(&mut bytes);
        writer.u8(FORMAT);
        for part in [
            self.delivery.as_ref().map(|secret| &secret.expose()[..]),
            self.profile.as_ref().map(|key| &key.expose()[..]),
            self.invite.as_ref().map(|token| &token.expose()[..]),
        ] {
            writer.u8(u8::from(part.is_some()));
            if let Some(part) = part {
                writer.bytes(part);
            }
        }
        bytes
    }

    /// How many tokens there are for each mailbox of the contact.
    pub(crate) fn tokens(&self) -> usize {
        usize::from(self.delivery.is_some()) + usize::from(self.invite.is_some())
    }

    /// Takes over what a contact says of itself.
    pub(crate) fn learn(&mut self, delivery: &DeliverySecret, profile: &ProfileKey) {
        self.delivery = Some(DeliverySecret::from_bytes(delivery.expose()));
        self.profile = Some(ProfileKey::from_bytes(profile.expose()));
    }

    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        if reader.u8()? != FORMAT {
            return Err(DecodeError::InvalidValue);
        }
        let mut secrets = Self::default();
        if reader.u8()? == 1 {
            secrets.delivery = Some(DeliverySecret::from_bytes(reader.array()?));
        }
        if reader.u8()? == 1 {
            secrets.profile = Some(ProfileKey::from_bytes(reader.array()?));
        }
        if reader.u8()? == 1 {
            secrets.invite = Some(InviteToken::from_bytes(reader.array()?));
        }
        reader.finish()?;
        Ok(secrets)
    }
}

/// A contact in memory.
pub(crate) struct Contact {
    pub(crate) row: ContactRow,
    pub(crate) secrets: Secrets,
    pub(crate) conversation: ConversationId,
    pub(crate) pin: Option<Pin>,
}

/// A device of a contact in memory: what receiving needs for each message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer {
    pub(crate) contact: ContactId,
    pub(crate) device: DeviceId,
}

/// The caches.
#[derive(Default)]
pub(crate) struct Contacts {
    contacts: HashMap<ContactId, Contact>,
    peers: HashMap<PeerDeviceId, Peer>,
}

impl Contacts {
    pub(crate) fn changed(&mut self, id: ContactId) {
        self.contacts.remove(&id);
        self.peers.retain(|_, peer| peer.contact != id);
    }

    pub(crate) fn cached(&self, id: ContactId) -> Option<&Contact> {
        self.contacts.get(&id)
    }
}

impl Step<'_> {
    /// A contact.
    pub(super) fn contact(&mut self, id: ContactId) -> Result<Option<&Contact>, StepError> {
        let contacts = &mut self.core.contacts;
        if !contacts.contacts.contains_key(&id) {
            if contacts.contacts.len() >= MAX_CACHED_CONTACTS {
                contacts.contacts.clear();
            }
            let Some(row) = self.tx.contacts().get(id)? else {
                return Ok(None);
            };
            let secrets = match self.tx.contacts().secrets(&row)? {
                Some(bytes) => Secrets::parse(&bytes).map_err(|_| StepError::Damaged)?,
                None => Secrets::default(),
            };
            let conversation = self
                .tx
                .conversations()
                .of_contact(id)?
                .ok_or(StepError::Damaged)?
                .id;
            let pin = row
                .pin
                .as_deref()
                .map(Pin::from_bytes)
                .transpose()
                .map_err(|_| StepError::Damaged)?;
            let contact = Contact {
                row,
                secrets,
                conversation,
                pin,
            };
            self.core.contacts.contacts.insert(id, contact);
        }
        Ok(self.core.contacts.cached(id))
    }

    /// A device of a contact.
    pub(super) fn peer(&mut self, id: PeerDeviceId) -> Result<Option<Peer>, StepError> {
        if let Some(peer) = self.core.contacts.peers.get(&id) {
            return Ok(Some(*peer));
        }
        let Some(row) = self.tx.peer_devices().get(id)? else {
            return Ok(None);
        };
        let peer = Peer {
            contact: row.contact,
            device: row.keys.id,
        };
        let peers = &mut self.core.contacts.peers;
        if peers.len() >= MAX_CACHED_CONTACTS {
            peers.clear();
        }
        peers.insert(id, peer);
        Ok(Some(peer))
    }

    /// Replaces the secrets of a contact. What relays refused before does not count for the new ones.
    pub(super) fn set_secrets(
        &mut self,
        row: &ContactRow,
        secrets: &Secrets,
    ) -> Result<(), StepError> {
        self.tx.contacts().set_secrets(row, &secrets.encode())?;
        self.core.contacts.changed(row.id);
        for device in self.tx.peer_devices().of_contact(row.id)? {
            self.core.outbox.tokens_changed(device.id);
            self.core.lookups.tokens_changed(device.id);
        }
        Ok(())
    }

    /// Moves a contact to another state.
    pub(super) fn set_contact_state(
        &mut self,
        id: ContactId,
        state: ContactState,
    ) -> Result<(), StepError> {
        self.tx.contacts().set_state(id, state, self.now.wall)?;
        self.core.contacts.changed(id);
        self.emit(super::event::Event::ContactChanged { contact: id });
        Ok(())
    }
}
