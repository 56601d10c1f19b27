//! Invites: named tokens that let strangers knock, each revocable.

use undertone_protocol::content::Hlc;

use super::event::Event;
use super::limits::MAX_INVITES;
use super::meta;
use super::step::Step;
use crate::error::{InviteError, StepError};
use crate::store::{ConversationId, InviteId};

impl Step<'_> {
    /// Makes an invite. The relay learns of its token with the next connection at the latest; then
    /// [`Event::Reachable`] is emitted.
    ///
    /// # Errors
    /// [`InviteError`]; nothing is changed unless it is [`InviteError::Step`].
    pub fn create_invite(&mut self, name: &str) -> Result<InviteId, InviteError> {
        if !super::text::is_name(name) {
            return Err(InviteError::BadName);
        }
        if self.tx.invites().live()? >= MAX_INVITES {
            return Err(InviteError::TooMany);
        }
        let made = self.tx.meta().get(meta::INVITES_MADE)?;
        let number = made
            .and_then(|bytes| bytes.try_into().ok())
            .map_or(0, u32::from_be_bytes);
        let next = number.checked_add(1).ok_or(InviteError::TooMany)?;
        self.tx
            .meta()
            .put(meta::INVITES_MADE, &next.to_be_bytes())?;
        let token = self.core.me.invite_seed.token(number);
        let mut id = [0; 16];
        self.rng.fill_bytes(&mut id);
        let id = InviteId::from_bytes(id);
        let relay = self.core.me.relay.as_str();
        self.tx
            .invites()
            .insert(&id, name, relay, token.expose(), self.now.wall)?;
        self.core.own.tokens_changed = true;
        Ok(id)
    }

    /// Revokes an invite: its token stops working with the next connection at the latest.
    ///
    /// # Errors
    /// [`InviteError`]; nothing is changed unless it is [`InviteError::Step`].
    pub fn revoke_invite(&mut self, id: &InviteId) -> Result<(), InviteError> {
        if self.tx.invites().get(id)?.is_none() {
            return Err(InviteError::NoSuchInvite);
        }
        self.tx.invites().revoke(id, self.now.wall)?;
        self.core.own.tokens_changed = true;
        Ok(())
    }

    /// The user has read a conversation up to and including a message's clock.
    ///
    /// # Errors
    /// [`StepError`].
    pub fn mark_read(&mut self, conversation: ConversationId, up_to: Hlc) -> Result<(), StepError> {
        if self.tx.conversations().get(conversation)?.is_some() {
            self.owe_read_receipts(conversation, up_to)?;
            self.begin_timers(conversation, up_to)?;
            self.was_read(conversation)?;
            self.tx.conversations().mark_read(conversation, up_to)?;
            self.emit(Event::ConversationChanged { conversation });
        }
        Ok(())
    }
}
