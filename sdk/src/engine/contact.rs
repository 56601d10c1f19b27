//! Adding contacts, and deciding about those who wrote first.

use undertone_protocol::content::{Acceptance, Body, Post};
use undertone_protocol::invite::InviteLink;
use undertone_protocol::profile::ProfileKey;

use super::contacts::Secrets;
use super::event::Event;
use super::limits::MAX_CONTACTS;
use super::sending::check_text;
use super::step::Step;
use crate::error::{AddContactError, ContactError, SendError, StepError};
use crate::store::{
    ContactId, ContactRow, ContactState, ConversationId, ManifestPlace, NewContact, OutboxHold,
};

impl Step<'_> {
    /// Adds the account of an invite link as a contact and writes to it. An account that asked already is
    /// accepted; of a known contact the link updates where it is found.
    ///
    /// # Errors
    /// [`AddContactError`]; nothing is changed unless it is [`AddContactError::Step`].
    pub fn add_contact(
        &mut self,
        link: &InviteLink,
        text: Option<&str>,
    ) -> Result<ContactId, AddContactError> {
        if link.account == self.core.me.account {
            return Err(AddContactError::OwnLink);
        }
        text.map(check_text).transpose()?;
        if text.is_some()
            && self.tx.outbox().pending_messages()? >= super::limits::MAX_PENDING_MESSAGES
        {
            return Err(SendError::OutboxFull.into());
        }
        let contact = match self.tx.contacts().by_account(&link.account)? {
            Some(row) if row.state == ContactState::Blocked => {
                return Err(AddContactError::Blocked);
            }
            Some(row) => self.update_from(&row, link)?,
            None => self.insert_from(link)?,
        };
        let conversation = self
            .contact(contact)?
            .ok_or(StepError::Damaged)?
            .conversation;
        match text {
            Some(text) => drop(self.queue_post(contact, conversation, Post::text(text))?),
            None => {
                let mut nothing = self.compose_hidden(Body::Nothing)?;
                nothing.wake = true;
                self.queue(contact, &nothing)?;
            }
        }
        Ok(contact)
    }

    fn insert_from(&mut self, link: &InviteLink) -> Result<ContactId, AddContactError> {
        if self.tx.contacts().count()? >= MAX_CONTACTS {
            return Err(AddContactError::TooManyContacts);
        }
        let contact = self.tx.contacts().insert(&NewContact {
            account: link.account,
            state: ContactState::Invited,
            name: "",
            manifest_key: *link.manifest_write_key.as_bytes(),
            manifest_relay: link.relay.as_str(),
            created: self.now.wall,
        })?;
        let row = self.tx.contacts().get(contact)?.ok_or(StepError::Damaged)?;
        let secrets = Secrets::of_invite(&link.token);
        self.set_secrets(&row, &secrets)?;
        self.tx
            .conversations()
            .insert(Some(contact), "", self.now.wall)?;
        self.emit(Event::ContactChanged { contact });
        self.want_manifest(contact)?;
        Ok(contact)
    }

    fn update_from(&mut self, row: &ContactRow, link: &InviteLink) -> Result<ContactId, StepError> {
        self.link_names(row, link)?;
        let mut secrets = self.stored_secrets(row)?;
        secrets.claim(&link.token);
        self.set_secrets(row, &secrets)?;
        if row.state == ContactState::Requested {
            self.accept_request(row.id)?;
        }
        self.want_manifest(row.id)?;
        Ok(row.id)
    }

    /// Anybody can make a link that names an account: where a manifest was seen, it stays until one as new is found at
    /// the other place.
    fn link_names(&mut self, row: &ContactRow, link: &InviteLink) -> Result<(), StepError> {
        let place = ManifestPlace {
            key: *link.manifest_write_key.as_bytes(),
            relay: link.relay.as_str().to_owned(),
        };
        if row.pin.is_none() {
            self.tx.contacts().set_manifest_place(row.id, &place)?;
        } else if (row.manifest_key, &row.manifest_relay) != (place.key, &place.relay) {
            self.tx.contacts().set_claimed_place(row.id, Some(&place))?;
            self.core.lookups.place_claimed(row.id);
        }
        Ok(())
    }

    pub(super) fn stored_secrets(&mut self, row: &ContactRow) -> Result<Secrets, StepError> {
        match self.tx.contacts().secrets(row)? {
            Some(bytes) => Secrets::parse(&bytes).map_err(|_| StepError::Damaged),
            None => Ok(Secrets::default()),
        }
    }

    fn in_state(
        &mut self,
        id: ContactId,
        states: &[ContactState],
    ) -> Result<ContactRow, ContactError> {
        let row = self
            .tx
            .contacts()
            .get(id)?
            .ok_or(ContactError::NoSuchContact)?;
        if states.contains(&row.state) {
            Ok(row)
        } else {
            Err(ContactError::WrongState)
        }
    }

    /// Accepts a message request: both sides may write from now on.
    ///
    /// # Errors
    /// [`ContactError`]; nothing is changed unless it is [`ContactError::Step`].
    pub fn accept(&mut self, contact: ContactId) -> Result<(), ContactError> {
        self.in_state(contact, &[ContactState::Requested])?;
        Ok(self.accept_request(contact)?)
    }

    fn accept_request(&mut self, contact: ContactId) -> Result<(), StepError> {
        self.become_accepted(contact)?;
        self.tx
            .contacts()
            .set_acceptance_owed(contact, true, self.now.wall)?;
        self.core.contacts.changed(contact);
        self.queue_acceptance(contact)?;
        self.owe_receipts_of(contact)?;
        self.want_manifest(contact)
    }

    pub(super) fn queue_acceptance(&mut self, contact: ContactId) -> Result<(), StepError> {
        let acceptance = self.acceptance()?;
        let mut composed = self.compose_hidden(Body::Acceptance(acceptance))?;
        composed.wake = true;
        self.queue(contact, &composed)?;
        self.queue_profile_place(contact)
    }

    /// What a contact needs in order to write to this account.
    pub(super) fn acceptance(&mut self) -> Result<Acceptance, StepError> {
        let delivery_secret = self.delivery_to_tell()?;
        let me = &self.core.me;
        Ok(Acceptance {
            delivery_secret,
            profile_key: ProfileKey::from_bytes(me.profile.expose()),
            name: me.name.clone(),
        })
    }

    /// What was shown before the decision is confirmed after it.
    fn owe_receipts_of(&mut self, contact: ContactId) -> Result<(), StepError> {
        let conversation = self
            .contact(contact)?
            .ok_or(StepError::Damaged)?
            .conversation;
        let devices = self.tx.peer_devices().of_contact(contact)?;
        let limit = crate::store::limits::MAX_PAGE_ROWS;
        for row in self.tx.messages().before(conversation, None, limit)? {
            let message = row.message;
            let device = devices
                .iter()
                .find(|device| device.keys.id == message.sender_device);
            if let (Some(_), Some(device)) = (message.sender, device) {
                self.owe_receipt(device.id, &message.message_id)?;
            }
        }
        Ok(())
    }

    /// Both sides write from now on: what was held back goes, and the conversation is in the list.
    pub(super) fn become_accepted(&mut self, contact: ContactId) -> Result<(), StepError> {
        let conversation = self
            .contact(contact)?
            .ok_or(StepError::Damaged)?
            .conversation;
        if self.is_in(contact, ContactState::Invited)? {
            self.profile_is_owed(contact)?;
        }
        self.set_contact_state(contact, ContactState::Accepted)?;
        self.tx.conversations().set_hidden(conversation, false)?;
        for device in self.tx.peer_devices().of_contact(contact)? {
            self.tx
                .outbox()
                .release(device.id, OutboxHold::Acceptance, OutboxHold::None)?;
            self.core.outbox.wake_device(device.id);
        }
        self.emit(Event::ConversationChanged { conversation });
        Ok(())
    }

    /// Declines a message request: it is deleted, and the stranger learns nothing. He may ask again.
    ///
    /// # Errors
    /// [`ContactError`]; nothing is changed unless it is [`ContactError::Step`].
    pub fn decline(&mut self, contact: ContactId) -> Result<(), ContactError> {
        self.in_state(contact, &[ContactState::Requested])?;
        let conversation = self
            .contact(contact)?
            .ok_or(StepError::Damaged)?
            .conversation;
        for device in self.tx.peer_devices().of_contact(contact)? {
            self.forget_sessions_of(device.id)?;
            self.core.lookups.prekeys.remove(&device.id);
            self.core.owes_nothing(device.id);
            self.core.gap_devices.remove(&device.id);
            self.core.heard.remove(&device.id);
            self.core.outbox.wake_device(device.id);
        }
        self.core.lookups.manifests.remove(&contact);
        self.core.streams.forget(conversation);
        self.tx.messages().remove_conversation(conversation)?;
        self.dismiss_identity_alarms(contact)?;
        self.tx.contacts().remove(contact)?;
        self.core.contacts.changed(contact);
        self.emit(Event::ContactChanged { contact });
        Ok(())
    }

    /// Blocks a contact or a stranger: what he writes is discarded from now on, and nothing is written to him.
    ///
    /// # Errors
    /// [`ContactError`]; nothing is changed unless it is [`ContactError::Step`].
    pub fn block(&mut self, contact: ContactId) -> Result<(), ContactError> {
        let row = self.in_state(
            contact,
            &[
                ContactState::Requested,
                ContactState::Invited,
                ContactState::Accepted,
            ],
        )?;
        let conversation = self
            .contact(contact)?
            .ok_or(StepError::Damaged)?
            .conversation;
        for device in self.tx.peer_devices().of_contact(row.id)? {
            self.tx.outbox().remove_device(device.id)?;
            self.owe_nothing(device.id)?;
            self.core.lookups.prekeys.remove(&device.id);
            self.core.outbox.wake_device(device.id);
        }
        self.core.lookups.manifests.remove(&contact);
        self.tx.contacts().block(contact, self.now.wall)?;
        if row.state != ContactState::Requested {
            self.rotate_delivery()?;
        }
        self.core.contacts.changed(contact);
        self.emit(Event::ContactChanged { contact });
        self.tx.conversations().set_hidden(conversation, true)?;
        self.emit(Event::ConversationChanged { conversation });
        Ok(())
    }

    /// Unblocks a contact: it is again what it was before, a stranger undecided. What he wrote meanwhile is gone.
    ///
    /// # Errors
    /// [`ContactError`]; nothing is changed unless it is [`ContactError::Step`].
    pub fn unblock(&mut self, contact: ContactId) -> Result<(), ContactError> {
        let row = self.in_state(contact, &[ContactState::Blocked])?;
        let before = row.blocked_from.ok_or(StepError::Damaged)?;
        if before == ContactState::Accepted {
            return Ok(self.become_accepted(contact)?);
        }
        self.set_contact_state(contact, before)?;
        let conversation = self
            .contact(contact)?
            .ok_or(StepError::Damaged)?
            .conversation;
        let hidden = before == ContactState::Requested;
        self.tx.conversations().set_hidden(conversation, hidden)?;
        self.emit(Event::ConversationChanged { conversation });
        Ok(())
    }

    /// Gives a contact another name, on this side only. No name: it is shown as it calls itself.
    ///
    /// # Errors
    /// [`ContactError`]; nothing is changed unless it is [`ContactError::Step`].
    pub fn rename(&mut self, contact: ContactId, name: &str) -> Result<(), ContactError> {
        let row = self
            .tx
            .contacts()
            .get(contact)?
            .ok_or(ContactError::NoSuchContact)?;
        if !name.is_empty() && !super::text::is_name(name) {
            return Err(ContactError::BadName);
        }
        let conversation = self
            .contact(contact)?
            .ok_or(StepError::Damaged)?
            .conversation;
        if !name.is_empty() {
            return Ok(self.set_name(&row, conversation, (name, true))?);
        }
        let own = self.tx.profiles().shown(contact)?;
        let own = own.map(|shown| shown.name).unwrap_or_default();
        Ok(self.set_name(&row, conversation, (&own, false))?)
    }

    /// A contact's own name for itself, when none is set yet.
    pub(super) fn learn_name(
        &mut self,
        row: &ContactRow,
        conversation: ConversationId,
        name: &str,
    ) -> Result<(), StepError> {
        let name = super::text::clean_name(name);
        if !row.name.is_empty() || name.is_empty() {
            return Ok(());
        }
        self.set_name(row, conversation, (&name, false))
    }

    /// Shows a contact under another name, which the user gave or not.
    pub(super) fn set_name(
        &mut self,
        row: &ContactRow,
        conversation: ConversationId,
        (name, named): (&str, bool),
    ) -> Result<(), StepError> {
        self.tx
            .contacts()
            .set_name(row.id, name, named, self.now.wall)?;
        self.tx.conversations().set_title(conversation, name)?;
        self.core.contacts.changed(row.id);
        self.emit(Event::ContactChanged { contact: row.id });
        self.emit(Event::ConversationChanged { conversation });
        Ok(())
    }
}
