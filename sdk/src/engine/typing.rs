//! Who is typing: told by [`ephemeral`](super::ephemeral) messages (SPEC.md, 20.8).
//!
//! Invariant: nothing is sent because something came. What accepted contacts tell is shown for five seconds.

use std::collections::BTreeMap;

use undertone_protocol::content::Body as Says;

use super::event::Event;
use super::limits::{TYPING_ENDS_MS, TYPING_REFRESH_MS, TYPING_SHOWN_MS};
use super::meta;
use super::step::Step;
use super::timers::Timer;
use crate::error::StepError;
use crate::store::{ContactState, ConversationId, PeerDeviceId};

/// Who types where, monotonic ms.
#[derive(Debug, Default)]
pub(crate) struct Typing {
    /// Where this user types.
    own: BTreeMap<ConversationId, Own>,
    /// Where the other side is shown as typing, and until when.
    shown: BTreeMap<ConversationId, u64>,
}

impl Typing {
    /// Whether the other side of a conversation is shown as typing.
    pub(super) fn is_shown(&self, conversation: ConversationId) -> bool {
        self.shown.contains_key(&conversation)
    }
}

#[derive(Debug, Clone, Copy)]
struct Own {
    last_key: u64,
    last_told: u64,
}

impl Step<'_> {
    /// The user types in a conversation: to be called at each key. That he ended is found out.
    ///
    /// # Errors
    /// [`StepError`].
    pub fn typing(&mut self, conversation: ConversationId) -> Result<(), StepError> {
        let now = self.now.monotonic_ms;
        let own = self.core.typing.own.get(&conversation).copied();
        let is_due = own.is_none_or(|own| now.saturating_sub(own.last_told) >= TYPING_REFRESH_MS);
        let last_told = match own {
            Some(own) if !is_due => own.last_told,
            Some(_) | None => {
                self.tell_typing(conversation, true)?;
                now
            }
        };
        let own = Own {
            last_key: now,
            last_told,
        };
        self.core.typing.own.insert(conversation, own);
        let ends = now.saturating_add(TYPING_ENDS_MS);
        self.core.timers.arm(Timer::Typing, ends);
        Ok(())
    }

    /// Something was sent to a conversation: that shows that the typing ended.
    pub(super) fn typed(&mut self, conversation: ConversationId) {
        self.core.typing.own.remove(&conversation);
    }

    /// Who has not typed for a while has ended.
    pub(super) fn typing_due(&mut self) -> Result<(), StepError> {
        let now = self.now.monotonic_ms;
        let typing = &mut self.core.typing;
        let over = |own: &Own| now.saturating_sub(own.last_key) >= TYPING_ENDS_MS;
        let ended: Vec<ConversationId> = typing
            .own
            .extract_if(.., |_, own| over(own))
            .map(|(conversation, _)| conversation)
            .collect();
        let hidden: Vec<ConversationId> = typing
            .shown
            .extract_if(.., |_, until| *until <= now)
            .map(|(conversation, _)| conversation)
            .collect();
        for conversation in ended {
            self.tell_typing(conversation, false)?;
        }
        for conversation in hidden {
            self.emit(Event::Typing {
                conversation,
                typing: false,
            });
        }
        let typing = &self.core.typing;
        let own = typing.own.values();
        let own = own.map(|own| own.last_key.saturating_add(TYPING_ENDS_MS));
        let next = own.chain(typing.shown.values().copied()).min();
        if let Some(next) = next {
            self.core.timers.arm(Timer::Typing, next);
        }
        Ok(())
    }

    /// Whether contacts are told that the user types. Who tells nothing is told nothing.
    ///
    /// # Errors
    /// [`StepError`] when the store fails.
    pub fn set_typing_indicators(&mut self, on: bool) -> Result<(), StepError> {
        self.switch(meta::NO_TYPING, on)
    }

    fn tell_typing(&mut self, conversation: ConversationId, on: bool) -> Result<(), StepError> {
        let row = self.tx.conversations().get(conversation)?;
        let Some(contact) = row.and_then(|row| row.contact) else {
            return Ok(());
        };
        if !self.is_on(meta::NO_TYPING)? {
            return Ok(());
        }
        self.tell_now(contact, Says::Typing(on))
    }

    /// A contact's device says whether its user types.
    pub(super) fn peer_types(&mut self, device: PeerDeviceId, on: bool) -> Result<(), StepError> {
        let Some(contact) = self.peer(device)?.map(|peer| peer.contact) else {
            return Ok(());
        };
        if !self.is_on(meta::NO_TYPING)? || !self.is_in(contact, ContactState::Accepted)? {
            return Ok(());
        }
        let Some(conversation) = self.contact(contact)?.map(|found| found.conversation) else {
            return Ok(());
        };
        if !on {
            self.peer_typed(conversation);
            return Ok(());
        }
        let until = self.now.monotonic_ms.saturating_add(TYPING_SHOWN_MS);
        self.core.timers.arm(Timer::Typing, until);
        if self.core.typing.shown.insert(conversation, until).is_none() {
            self.emit(Event::Typing {
                conversation,
                typing: true,
            });
        }
        Ok(())
    }

    /// The other side has ended, or what it typed is there.
    pub(super) fn peer_typed(&mut self, conversation: ConversationId) {
        if self.core.typing.shown.remove(&conversation).is_some() {
            self.emit(Event::Typing {
                conversation,
                typing: false,
            });
        }
    }
}
