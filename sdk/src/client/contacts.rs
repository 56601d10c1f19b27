//! Others: adding them, deciding about those who wrote first, and knowing that they are who they say.

use std::collections::HashMap;

use undertone_protocol::invite::InviteLink;
use undertone_protocol::safety_number::SafetyNumber;

use super::Client;
use super::model::Contact;
use crate::engine::IdentityAlarm;
use crate::error::{AddContactError, ContactError, StepError};
use crate::store::{ContactId, ContactRow, ContactState, StoreError};

impl Client {
    /// Writes to whoever made the invitation `link` ([`InviteLink::parse`]). They see a message request with `text`; of one longer
    /// than 320 bytes the request comes first and the text right behind it.
    ///
    /// # Errors
    /// [`AddContactError`] says who must act.
    pub async fn add_contact(
        &self,
        link: InviteLink,
        text: Option<&str>,
    ) -> Result<ContactId, AddContactError> {
        let text = text.map(ToOwned::to_owned);
        self.write(move |step| step.add_contact(&link, text.as_deref()))
            .await
    }

    /// Everybody this account knows: contacts, requests, invited and blocked ones.
    ///
    /// # Errors
    /// [`StoreError`] says who must act.
    pub async fn contacts(&self) -> Result<Vec<Contact>, StoreError> {
        self.read(|view| {
            let shown = view.profiles()?.into_iter();
            let mut shown: HashMap<_, _> = shown.map(|shown| (shown.contact, shown)).collect();
            let rows = view.contacts()?.into_iter();
            let contact = |row: ContactRow| {
                let shown = shown.remove(&row.id);
                Contact::new(row, shown, view)
            };
            Ok(rows.map(contact).collect())
        })
        .await
    }

    /// Message requests that wait for the user.
    ///
    /// # Errors
    /// [`StoreError`] says who must act.
    pub async fn requests(&self) -> Result<Vec<Contact>, StoreError> {
        let mut contacts = self.contacts().await?;
        contacts.retain(|contact| contact.state == ContactState::Requested);
        Ok(contacts)
    }

    /// One contact.
    ///
    /// # Errors
    /// [`StoreError`] says who must act.
    pub async fn contact(&self, contact: ContactId) -> Result<Option<Contact>, StoreError> {
        self.read(move |view| {
            let shown = view.profile_of(contact)?;
            let row = view.contact(contact)?;
            Ok(row.map(|row| Contact::new(row, shown, view)))
        })
        .await
    }

    /// Accepts a message request: both sides can write, and the other side learns it.
    ///
    /// # Errors
    /// [`ContactError`] says who must act.
    pub async fn accept(&self, contact: ContactId) -> Result<(), ContactError> {
        self.write(move |step| step.accept(contact)).await
    }

    /// Removes a message request, and what was written with it from the disk. The other side learns nothing.
    ///
    /// # Errors
    /// [`ContactError`] says who must act.
    pub async fn decline(&self, contact: ContactId) -> Result<(), ContactError> {
        self.write(move |step| step.decline(contact)).await?;
        self.erase().await;
        Ok(())
    }

    /// Discards whatever the contact sends from now on. The other side learns nothing.
    ///
    /// # Errors
    /// [`ContactError`] says who must act.
    pub async fn block(&self, contact: ContactId) -> Result<(), ContactError> {
        self.write(move |step| step.block(contact)).await
    }

    /// Ends a block. What was sent meanwhile is gone.
    ///
    /// # Errors
    /// [`ContactError`] says who must act.
    pub async fn unblock(&self, contact: ContactId) -> Result<(), ContactError> {
        self.write(move |step| step.unblock(contact)).await
    }

    /// Calls a contact by another name, on this device; with no name, as the contact calls itself.
    ///
    /// # Errors
    /// [`ContactError`] says who must act.
    pub async fn rename(&self, contact: ContactId, name: &str) -> Result<(), ContactError> {
        let name = name.to_owned();
        self.write(move |step| step.rename(contact, &name)).await
    }

    /// The number that both sides see alike when nobody is in between. Compare it over another channel.
    ///
    /// # Errors
    /// [`StoreError`] says who must act.
    pub async fn safety_number(
        &self,
        contact: ContactId,
    ) -> Result<Option<SafetyNumber>, StoreError> {
        self.read(move |view| view.safety_number(contact)).await
    }

    /// What is wrong with contacts' identities, or new in them, and was not dismissed: to be shown at each start, and with
    /// the contact.
    ///
    /// # Errors
    /// [`StoreError`] says who must act.
    pub async fn identity_alarms(&self) -> Result<Vec<(ContactId, IdentityAlarm)>, StoreError> {
        self.read(|view| view.identity_alarms()).await
    }

    /// The user has seen what is said about a contact's identity: it is forgotten.
    ///
    /// # Errors
    /// [`StepError`] says who must act.
    pub async fn dismiss_identity_alarms(&self, contact: ContactId) -> Result<(), StepError> {
        self.write(move |step| step.dismiss_identity_alarms(contact))
            .await
    }
}
