//! Reading: what an application shows. Owned rows of the store; nothing here changes anything.

use std::collections::BTreeMap;

use undertone_protocol::account::AccountId;
use undertone_protocol::content::MessageId;
use undertone_protocol::invite::{InviteLink, InviteToken};
use undertone_protocol::recovery_phrase::{self, WORD_COUNT};
use undertone_protocol::relay_address::RelayAddress;
use undertone_protocol::safety_number::SafetyNumber;

use super::event::DelayReason;
use super::me::Me;
use super::presence::Presences;
use super::typing::Typing;
use crate::store::{
    ContactId, ContactRow, ConversationCursor, ConversationId, ConversationRow, ExportCursor,
    ExportedConversation, ExportedMessage, GapRow, InviteId, InviteRow, ListOrder, MessageRow,
    NamedContact, Position, QuotedRow, Revision, SearchCursor, SearchFilter, SearchPage,
    SearchQuery, Span, StoreError, TimelineEntry, Towards, Tx,
};

/// A consistent look at everything; it sees what was committed before it was taken.
pub struct View<'e> {
    pub(super) tx: Tx<'e>,
    pub(super) me: &'e Me,
    pub(super) delays: &'e BTreeMap<ContactId, DelayReason>,
    pub(super) typing: &'e Typing,
    pub(super) presence: &'e Presences,
}

impl View<'_> {
    /// The own account.
    #[must_use]
    pub fn account(&self) -> AccountId {
        self.me.account
    }

    /// The own name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.me.name
    }

    /// The words that recover the account. Show them; never store them.
    #[must_use]
    pub fn recovery_phrase(&self) -> [&'static str; WORD_COUNT] {
        recovery_phrase::words(&self.me.root)
    }

    /// All invites, newest first, revoked ones included.
    ///
    /// # Errors
    /// When the store fails.
    pub fn invites(&self) -> Result<Vec<InviteRow>, StoreError> {
        self.tx.invites().all()
    }

    /// The link of an invite.
    ///
    /// # Errors
    /// When the store fails.
    pub fn invite_link(&self, id: &InviteId) -> Result<Option<InviteLink>, StoreError> {
        let (Some(row), Some(token)) = (self.tx.invites().get(id)?, self.tx.invites().token(id)?)
        else {
            return Ok(None);
        };
        let token = <&[u8; 16]>::try_from(token.as_slice()).map_err(|_| StoreError::Corrupt)?;
        Ok(Some(InviteLink {
            relay: RelayAddress::parse(&row.relay).map_err(|_| StoreError::Corrupt)?,
            account: self.me.account,
            manifest_write_key: self.me.manifest_key.public_key(),
            token: InviteToken::from_bytes(token),
        }))
    }

    /// All contacts, requests and blocked accounts, oldest first; `state` tells them apart.
    ///
    /// # Errors
    /// When the store fails.
    pub fn contacts(&self) -> Result<Vec<ContactRow>, StoreError> {
        self.tx.contacts().all()
    }

    /// A contact.
    ///
    /// # Errors
    /// When the store fails.
    pub fn contact(&self, id: ContactId) -> Result<Option<ContactRow>, StoreError> {
        self.tx.contacts().get(id)
    }

    /// Why what is sent to a contact waits; `None` when it does not, or was not tried since this engine was opened.
    #[must_use]
    pub fn delay(&self, contact: ContactId) -> Option<DelayReason> {
        self.delays.get(&contact).copied()
    }

    /// Messages that were not read, in all conversations of the list.
    ///
    /// # Errors
    /// When the store fails.
    pub fn unread(&self) -> Result<u64, StoreError> {
        self.tx.conversations().unread()
    }

    /// The safety number with a contact.
    ///
    /// # Errors
    /// When the store fails.
    pub fn safety_number(&self, id: ContactId) -> Result<Option<SafetyNumber>, StoreError> {
        Ok(self
            .tx
            .contacts()
            .get(id)?
            .map(|row| SafetyNumber::new(self.me.account, row.account)))
    }

    /// A page of the conversation list, or of the archive: pinned ones first, then the most recently active.
    ///
    /// # Errors
    /// When the store fails.
    pub fn conversations(
        &self,
        archived: bool,
        after: Option<ConversationCursor>,
        limit: usize,
    ) -> Result<Vec<ConversationRow>, StoreError> {
        self.tx.conversations().list(archived, after, limit)
    }

    /// What is behind a place of the list, or of the archive, and before another one, read from either end.
    ///
    /// # Errors
    /// When the store fails.
    pub fn conversations_within(
        &self,
        archived: bool,
        ends: (Option<ConversationCursor>, Option<ConversationCursor>),
        order: ListOrder,
        limit: usize,
    ) -> Result<Vec<ConversationRow>, StoreError> {
        self.tx
            .conversations()
            .list_within(archived, ends, order, limit)
    }

    /// Whether the other side of a conversation types.
    #[must_use]
    pub fn is_typing(&self, conversation: ConversationId) -> bool {
        self.typing.is_shown(conversation)
    }

    /// What contacts are called, by their ids and by their accounts. In no order.
    ///
    /// # Errors
    /// When the store fails.
    pub fn names(
        &self,
        contacts: &[ContactId],
        accounts: &[AccountId],
    ) -> Result<Vec<NamedContact>, StoreError> {
        self.tx.contacts().names(contacts, accounts)
    }

    /// Messages and shown gaps in a span of a conversation.
    ///
    /// # Errors
    /// When the store fails.
    pub fn timeline(
        &self,
        conversation: ConversationId,
        span: &Span,
        towards: Towards,
        limit: usize,
    ) -> Result<Vec<TimelineEntry>, StoreError> {
        self.tx
            .messages()
            .timeline(conversation, span, towards, limit)
    }

    /// What is here, in a conversation, of messages that others quote. In no order.
    ///
    /// # Errors
    /// When the store fails.
    pub fn quoted(
        &self,
        conversation: ConversationId,
        messages: &[MessageId],
    ) -> Result<Vec<QuotedRow>, StoreError> {
        self.tx.messages().quoted(conversation, messages)
    }

    /// A conversation.
    ///
    /// # Errors
    /// When the store fails.
    pub fn conversation(&self, id: ConversationId) -> Result<Option<ConversationRow>, StoreError> {
        self.tx.conversations().get(id)
    }

    /// The conversation with a contact.
    ///
    /// # Errors
    /// When the store fails.
    pub fn conversation_of(
        &self,
        contact: ContactId,
    ) -> Result<Option<ConversationRow>, StoreError> {
        self.tx.conversations().of_contact(contact)
    }

    /// Messages before a position, or the last ones, newest first.
    ///
    /// # Errors
    /// When the store fails.
    pub fn messages_before(
        &self,
        conversation: ConversationId,
        position: Option<Position>,
        limit: usize,
    ) -> Result<Vec<MessageRow>, StoreError> {
        self.tx.messages().before(conversation, position, limit)
    }

    /// Messages after a position, oldest first.
    ///
    /// # Errors
    /// When the store fails.
    pub fn messages_after(
        &self,
        conversation: ConversationId,
        position: Position,
        limit: usize,
    ) -> Result<Vec<MessageRow>, StoreError> {
        self.tx.messages().after(conversation, position, limit)
    }

    /// The conversation with a contact, as an export has it.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) fn exported_conversation(
        &self,
        contact: ContactId,
    ) -> Result<Option<ExportedConversation>, StoreError> {
        self.tx.conversations().exported(contact)
    }

    /// A page of messages of a conversation, each with all that belongs to it.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) fn exported_messages(
        &self,
        conversation: ConversationId,
        after: Option<ExportCursor>,
        limit: usize,
    ) -> Result<Vec<ExportedMessage>, StoreError> {
        self.tx.messages().exported(conversation, after, limit)
    }

    /// How many messages there are.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) fn message_count(&self) -> Result<u64, StoreError> {
        self.tx.messages().count_all()
    }

    /// Whether contacts are told what the user has read, and that he types.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) fn told(&self) -> Result<(bool, bool), StoreError> {
        let values = self.tx.meta();
        let read = values.get(super::meta::NO_READ_RECEIPTS)?.is_none();
        Ok((read, values.get(super::meta::NO_TYPING)?.is_none()))
    }

    /// A message.
    ///
    /// # Errors
    /// When the store fails.
    pub fn message(&self, id: &MessageId) -> Result<Option<MessageRow>, StoreError> {
        self.tx.messages().get(id)
    }

    /// What a message said before it was edited, oldest first.
    ///
    /// # Errors
    /// When the store fails.
    pub fn revisions(&self, id: &MessageId) -> Result<Vec<Revision>, StoreError> {
        match self.tx.messages().get(id)? {
            Some(row) => self.tx.messages().revisions(&row),
            None => Ok(Vec::new()),
        }
    }

    /// What is known to be missing in a conversation.
    ///
    /// # Errors
    /// When the store fails.
    pub fn gaps(&self, conversation: ConversationId) -> Result<Vec<GapRow>, StoreError> {
        self.tx.gaps().of_conversation(conversation)
    }

    /// Finds messages by their text, and by what the filter says.
    ///
    /// # Errors
    /// When the store fails.
    pub fn search(
        &self,
        query: &SearchQuery,
        filter: &SearchFilter,
        after: Option<SearchCursor>,
        limit: usize,
    ) -> Result<SearchPage, StoreError> {
        self.tx.search(query, filter, after, limit)
    }
}
