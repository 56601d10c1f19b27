//! Contacts and their devices, as memory has them: loaded when first used, dropped when changed or when a
//! step is rolled back.

use std::collections::HashMap;

use undertone_protocol::content::{ContentHeader, Hlc};
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
    /// The token of another link, which anybody may have made: tried behind the other one until a relay takes it.
    pub(crate) claimed: Option<InviteToken>,
    /// What told delivery secret and profile key.
    learned: Learned,
}

/// When a contact wrote something, so that what comes late replaces nothing newer: by the manifest that it named, which a
/// recovered account renews, then by its clock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Learned {
    manifest_version: u64,
    clock: Hlc,
}

impl Learned {
    /// When the message with this header was written.
    pub(super) fn of(header: &ContentHeader) -> Self {
        Self {
            manifest_version: header.manifest_version,
            clock: header.hlc,
        }
    }

    /// In the order in which they were written, as bytes.
    pub(super) fn to_bytes(self) -> [u8; 16] {
        let high = u128::from(self.manifest_version) << 64;
        (high | u128::from(self.clock.as_packed())).to_be_bytes()
    }
}

impl Secrets {
    /// What is known of an account that only its invite link is known of.
    pub(crate) fn of_invite(token: &InviteToken) -> Self {
        Self {
            invite: Some(InviteToken::from_bytes(token.expose())),
            ..Self::default()
        }
    }

    pub(crate) fn encode(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(1 + 4 + 32 + 32 + 16 + 16 + 16));
        let mut writer = Writer::new(&mut bytes);
        writer.u8(FORMAT);
        for part in [
            self.delivery.as_ref().map(|secret| &secret.expose()[..]),
            self.profile.as_ref().map(|key| &key.expose()[..]),
            self.invite.as_ref().map(|token| &token.expose()[..]),
            self.claimed.as_ref().map(|token| &token.expose()[..]),
        ] {
            writer.u8(u8::from(part.is_some()));
            if let Some(part) = part {
                writer.bytes(part);
            }
        }
        writer
            .u64(self.learned.manifest_version)
            .u64(self.learned.clock.as_packed());
        bytes
    }

    /// How many tokens there are for each mailbox of the contact.
    pub(crate) fn tokens(&self) -> usize {
        [
            self.delivery.is_some(),
            self.invite.is_some(),
            self.claimed.is_some(),
        ]
        .into_iter()
        .map(usize::from)
        .sum()
    }

    /// Another link of the account was opened.
    pub(crate) fn claim(&mut self, token: &InviteToken) {
        let token = InviteToken::from_bytes(token.expose());
        match &self.invite {
            None => self.invite = Some(token),
            Some(known) if known.expose() == token.expose() => {}
            Some(_) => self.claimed = Some(token),
        }
    }

    /// A relay took the token at this place, counted from 0 in the order in which they are tried. Whether that proves what
    /// a link claimed.
    fn taken(&mut self, place: usize) -> bool {
        let proven = self.claimed.is_some() && place + 1 == self.tokens();
        if proven {
            self.invite = self.claimed.take();
        }
        proven
    }

    /// Takes over what a contact says of itself, unless it said something later.
    fn learn(&mut self, delivery: &DeliverySecret, profile: &ProfileKey, learned: Learned) -> News {
        if learned < self.learned {
            return News::Outdated;
        }
        self.learned = learned;
        let delivery_known = self
            .delivery
            .as_ref()
            .is_some_and(|known| known.expose() == delivery.expose());
        let profile_known = self
            .profile
            .as_ref()
            .is_some_and(|known| known.expose() == profile.expose());
        if delivery_known && profile_known {
            return News::Known;
        }
        self.delivery = Some(DeliverySecret::from_bytes(delivery.expose()));
        self.profile = Some(ProfileKey::from_bytes(profile.expose()));
        News::New
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
        if reader.u8()? == 1 {
            secrets.claimed = Some(InviteToken::from_bytes(reader.array()?));
        }
        secrets.learned = Learned {
            manifest_version: reader.u64()?,
            clock: Hlc::from_packed(reader.u64()?),
        };
        reader.finish()?;
        Ok(secrets)
    }
}

/// What secrets that a contact tells are.
enum News {
    /// It told others since.
    Outdated,
    /// The same as before.
    Known,
    /// Others than before.
    New,
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

    /// Whether a contact is in a state.
    pub(super) fn is_in(
        &mut self,
        contact: ContactId,
        state: ContactState,
    ) -> Result<bool, StepError> {
        let found = self.contact(contact)?;
        Ok(found.is_some_and(|found| found.row.state == state))
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

    /// A contact tells its secrets, in a message with this header. Whether they are new.
    pub(super) fn learn_secrets(
        &mut self,
        contact: ContactId,
        header: &ContentHeader,
        (delivery, profile): (&DeliverySecret, &ProfileKey),
    ) -> Result<bool, StepError> {
        let row = self.tx.contacts().get(contact)?.ok_or(StepError::Damaged)?;
        let mut secrets = self.stored_secrets(&row)?;
        match secrets.learn(delivery, profile, Learned::of(header)) {
            News::Outdated => Ok(false),
            News::Known => {
                self.tx.contacts().set_secrets(&row, &secrets.encode())?;
                Ok(false)
            }
            News::New => {
                self.set_secrets(&row, &secrets)?;
                Ok(true)
            }
        }
    }

    /// A relay took the token of a contact that is tried at this place.
    pub(super) fn token_taken(
        &mut self,
        contact: ContactId,
        place: usize,
    ) -> Result<(), StepError> {
        let row = self.tx.contacts().get(contact)?.ok_or(StepError::Damaged)?;
        let mut secrets = self.stored_secrets(&row)?;
        if secrets.taken(place) {
            self.set_secrets(&row, &secrets)?;
        }
        Ok(())
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

#[cfg(test)]
#[path = "contacts_tests.rs"]
mod tests;
