//! What comes back from files: people without keys, and what was said with them.
//!
//! Invariant: nothing is sent because of an import, and nothing that it brings gives anybody a right: a contact is known by what an
//! invite link says of it, without the right to be let in, and stands as one that was written to and has not accepted. So the user
//! can write to it, as any stranger can; whoever of them writes first is accepted; and the conversation goes on in its row. Not its
//! concern: files, and what lines mean.

use std::cell::{Cell, RefCell};

use undertone_protocol::account::{AccountId, ManifestWritePublicKey};
use undertone_protocol::content::{Hlc, Post, Reactions, Timer};
use undertone_protocol::relay_address::RelayAddress;
use undertone_protocol::time::Timestamp;

use super::content::mentions;
use super::event::Event;
use super::limits::{LATEST_CLOCK_MS, MAX_CONTACTS, MAX_REQUESTS, MAX_STREAM_SEQ, MAX_TEXT_BYTES};
use super::meta;
use super::step::Step;
use super::text::is_name;
use crate::error::ImportRefusal;
use crate::store::{
    ContactId, ContactState, ConversationId, ConversationSettings, Inserted, MessageRowId,
    NewContact, NewMessage, Revision, StoreError,
};

/// A contact that comes back, with its conversation.
pub(crate) struct ImportedContact {
    pub(crate) account: AccountId,
    /// May be empty.
    pub(crate) name: String,
    /// Whether it asked and the user has not decided.
    pub(crate) is_request: bool,
    pub(crate) is_blocked: bool,
    pub(crate) manifest_key: ManifestWritePublicKey,
    pub(crate) relay: RelayAddress,
    pub(crate) since: Timestamp,
    pub(crate) conversation_made: Timestamp,
    pub(crate) read: Hlc,
    pub(crate) settings: ConversationSettings,
    pub(crate) timer: Option<Timer>,
}

/// Where an imported conversation is.
#[derive(Clone, Copy)]
pub(crate) struct ImportedInto {
    pub(crate) contact: ContactId,
    pub(crate) conversation: ConversationId,
}

/// Settings of the account that comes back.
pub(crate) struct ImportedSettings {
    pub(crate) read_receipts: bool,
    pub(crate) typing_indicators: bool,
}

/// The commands of an import, inside of it.
pub(crate) struct Imports<'i, 's> {
    step: &'i Step<'s>,
    conversations: RefCell<Vec<ConversationId>>,
    latest: Cell<Hlc>,
}

impl Step<'_> {
    /// Does a whole import, of which nothing is left when it fails.
    pub(crate) fn import<T, E: From<StoreError>>(
        &mut self,
        body: impl FnOnce(&Imports<'_, '_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let imports = Imports {
            step: self,
            conversations: RefCell::default(),
            latest: Cell::default(),
        };
        let done = self.tx.as_a_whole(|| body(&imports))?;
        let Imports {
            conversations,
            latest,
            ..
        } = imports;
        // What is written next comes behind what was brought.
        self.core.hlc.observe(latest.get(), self.now.wall);
        for conversation in conversations.into_inner() {
            self.emit(Event::ConversationChanged { conversation });
        }
        Ok(done)
    }
}

impl Imports<'_, '_> {
    /// Begins in an account that knows nobody.
    pub(crate) fn begin(&self, settings: &ImportedSettings) -> Result<(), ImportRefusal> {
        let tx = &self.step.tx;
        if tx.contacts().count()? > 0 {
            return Err(ImportRefusal::NotEmpty);
        }
        for (off, on) in [
            (meta::NO_READ_RECEIPTS, settings.read_receipts),
            (meta::NO_TYPING, settings.typing_indicators),
        ] {
            if on {
                tx.meta().remove(off)?;
            } else {
                tx.meta().put(off, &[])?;
            }
        }
        Ok(())
    }

    /// A contact, and its conversation, empty.
    pub(crate) fn contact(&self, new: &ImportedContact) -> Result<ImportedInto, ImportRefusal> {
        let tx = &self.step.tx;
        self.check(new)?;
        let state = match new.is_request {
            true => ContactState::Requested,
            false => ContactState::Invited,
        };
        let contact = tx.contacts().insert(&NewContact {
            account: new.account,
            state,
            name: &new.name,
            manifest_key: *new.manifest_key.as_bytes(),
            manifest_relay: new.relay.as_str(),
            created: new.since,
        })?;
        let conversations = tx.conversations();
        let conversation = conversations.insert(Some(contact), &new.name, new.conversation_made)?;
        conversations.mark_read(conversation, new.read)?;
        conversations.set_settings(conversation, &new.settings)?;
        if let Some(timer) = new.timer {
            // Before everything that anybody sets from now on.
            let before = Hlc::from_packed(1);
            conversations.set_timer(conversation, before, Some(timer.seconds()))?;
        }
        if new.is_blocked {
            tx.contacts().block(contact, self.step.now.wall)?;
        }
        conversations.set_hidden(conversation, new.is_blocked || new.is_request)?;
        self.conversations.borrow_mut().push(conversation);
        Ok(ImportedInto {
            contact,
            conversation,
        })
    }

    fn check(&self, new: &ImportedContact) -> Result<(), ImportRefusal> {
        let contacts = self.step.tx.contacts();
        if new.account == self.step.core.me.account {
            return Err(ImportRefusal::OwnAccount);
        }
        if contacts.by_account(&new.account)?.is_some() {
            return Err(ImportRefusal::Duplicate);
        }
        let is_full = contacts.count()? >= MAX_CONTACTS
            || new.is_request && contacts.count_in(ContactState::Requested)? >= MAX_REQUESTS;
        if is_full {
            return Err(ImportRefusal::TooMany);
        }
        if !new.name.is_empty() && !is_name(&new.name) {
            return Err(ImportRefusal::Value("name"));
        }
        if new.settings.draft.len() > MAX_TEXT_BYTES {
            return Err(ImportRefusal::Value("draft"));
        }
        Ok(())
    }

    /// A message of an imported conversation.
    pub(crate) fn message(
        &self,
        message: NewMessage,
        edited: Option<Hlc>,
    ) -> Result<MessageRowId, ImportRefusal> {
        let messages = self.step.tx.messages();
        let message = NewMessage {
            mentions_me: self.is_to_me(&message),
            ..message
        };
        if message.seq > MAX_STREAM_SEQ {
            return Err(ImportRefusal::Value("seq"));
        }
        let latest = message.clock.max(edited.unwrap_or_default());
        if latest.time() > Timestamp(LATEST_CLOCK_MS) {
            return Err(ImportRefusal::Value("clock"));
        }
        let Inserted::New(row) = messages.insert(&message)? else {
            return Err(ImportRefusal::Duplicate);
        };
        if let Some(edited) = edited {
            messages.set_edited(row, edited)?;
        }
        self.latest.set(self.latest.get().max(latest));
        Ok(row)
    }

    /// Whether somebody's message names this account, or answers it.
    fn is_to_me(&self, message: &NewMessage) -> bool {
        let parts = message.parts.as_deref().unwrap_or_default();
        let post = Post::from_parts(&message.body, parts);
        message.sender.is_some()
            && post.is_ok_and(|post| mentions(&post, self.step.core.me.account))
    }

    /// What an imported message said before.
    pub(crate) fn revision(
        &self,
        message: MessageRowId,
        revision: &Revision,
    ) -> Result<(), ImportRefusal> {
        let messages = self.step.tx.messages();
        match messages.insert_revision(message, revision) {
            Err(StoreError::Constraint) => Err(ImportRefusal::Duplicate),
            other => Ok(other?),
        }
    }

    /// What somebody thinks of an imported message.
    pub(crate) fn reaction(
        &self,
        message: MessageRowId,
        sender: Option<ContactId>,
        clock: Hlc,
        reactions: &Reactions,
    ) -> Result<(), ImportRefusal> {
        if reactions.check().is_err() {
            return Err(ImportRefusal::Value("emoji"));
        }
        let rows = self.step.tx.reactions();
        match rows.set(message, sender, clock, &reactions.emoji)? {
            true => Ok(()),
            false => Err(ImportRefusal::Duplicate),
        }
    }
}
