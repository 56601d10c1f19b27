//! What people do with messages that were written before: edits, deletions, reactions; the own ones and those of contacts.
//!
//! Invariant: the result does not depend on the order in which changes arrive. The newest edit and the newest reactions of a person
//! count, by their clocks; a deletion ends all. Only the author edits and deletes, within a day by the clocks that both carry, so that
//! every device decides alike. A change whose message is not here yet waits for it.
//!
//! Not its concern: what a change looks like (`undertone_protocol::content`), and the history of what was said before (the store).

use undertone_protocol::content::{
    Body, Content, ContentHeader, Edit, Hlc, MAX_EMOJI, MAX_REACTIONS, MessageId, Post, Reactions,
    Timer,
};

use super::content::{From, mentions};
use super::event::Event;
use super::limits::{CHANGE_WINDOW_MS, MAX_EARLY_CHANGES, MAX_EARLY_CHANGES_OF_STRANGER};
use super::step::Step;
use crate::error::{ChangeError, StepError};
use crate::store::{ContactId, ContactState, MessageKind, MessageRow, Revision};

/// A change of one message.
pub(super) enum Change<'a> {
    Edit(&'a Post),
    Deletion,
    Reactions(&'a [String]),
}

/// Whose change, and when it was made.
#[derive(Clone, Copy)]
struct Origin {
    /// `None` is this account.
    person: Option<ContactId>,
    clock: Hlc,
}

impl Step<'_> {
    /// A contact changes messages.
    pub(super) fn changes_arrived(
        &mut self,
        from: &From,
        header: &ContentHeader,
        body: &Body,
        encoded: &[u8],
    ) -> Result<(), StepError> {
        let is_stranger = from.state == ContactState::Requested;
        if from.state == ContactState::Invited {
            self.become_accepted(from.contact)?;
        }
        let clock = self.sorted_at(from, header.hlc);
        let news = self.changes_of(from, clock, body, encoded)?;
        if is_stranger {
            // He is told nothing.
            Ok(())
        } else if news {
            self.confirm(from, &header.message_id)
        } else {
            self.owe_receipt_again(from.device, &header.message_id)
        }
    }

    /// Makes a contact's changes, as of a clock; those of messages that are not here yet, or cannot be read yet, are kept for them.
    /// Whether anything was new.
    pub(super) fn changes_of(
        &mut self,
        from: &From,
        clock: Hlc,
        body: &Body,
        encoded: &[u8],
    ) -> Result<bool, StepError> {
        let early = match from.state == ContactState::Requested {
            true => MAX_EARLY_CHANGES_OF_STRANGER,
            false => MAX_EARLY_CHANGES,
        };
        let origin = Origin {
            person: Some(from.contact),
            clock,
        };
        let mut news = false;
        for (target, change) in changes(body) {
            let row = self.message_in(from, &target)?;
            news |= match row.filter(|row| !is_unread_edit(row, &change)) {
                Some(row) => self.change(&row, &change, origin)?,
                None => {
                    self.tx.early_changes().keep(
                        from.contact,
                        &target,
                        encoded,
                        self.now.wall,
                        early,
                    )?;
                    true
                }
            };
        }
        Ok(news)
    }

    /// A message of a contact is new here: what he said about it before is done now. What others said about it is not his to keep.
    pub(super) fn early_changes(
        &mut self,
        from: &From,
        message: &MessageId,
    ) -> Result<(), StepError> {
        for encoded in self.tx.early_changes().take(from.contact, message)? {
            let Ok(Content { header, body }) = Content::parse(&encoded) else {
                continue;
            };
            let origin = Origin {
                person: Some(from.contact),
                clock: self.sorted_at(from, header.hlc),
            };
            for (target, change) in changes(&body) {
                if target == *message
                    && let Some(row) = self.message_in(from, &target)?
                {
                    self.change(&row, &change, origin)?;
                }
            }
        }
        Ok(())
    }

    /// A message, if it is in the conversation with who names it.
    fn message_in(&self, from: &From, id: &MessageId) -> Result<Option<MessageRow>, StepError> {
        let row = self.tx.messages().get(id)?;
        Ok(row.filter(|row| row.message.conversation == from.conversation))
    }

    /// Does what is permitted. Whether anything changed.
    fn change(
        &mut self,
        row: &MessageRow,
        change: &Change<'_>,
        origin: Origin,
    ) -> Result<bool, StepError> {
        let is_author = row.message.sender == origin.person;
        let permitted = match change {
            Change::Edit(_) => is_author && in_time(row, origin.clock) && is_editable(row),
            Change::Deletion => is_author && in_time(row, origin.clock) && is_message(row),
            Change::Reactions(_) => is_message(row),
        };
        let changed = permitted && self.apply(row, change, origin)?;
        if changed {
            self.emit(Event::MessageEdited {
                conversation: row.message.conversation,
                message: row.message.message_id,
            });
        }
        Ok(changed)
    }

    fn apply(
        &mut self,
        row: &MessageRow,
        change: &Change<'_>,
        origin: Origin,
    ) -> Result<bool, StepError> {
        let messages = self.tx.messages();
        Ok(match change {
            Change::Edit(post) => {
                // When it disappears does not change, nor how often it is shown.
                let mut post = (*post).clone();
                post.view_once = false;
                post.disappears_after = row.message.timer.and_then(Timer::from_seconds);
                let Ok(parts) = post.parts() else {
                    return Ok(false);
                };
                let is_shown = origin.clock > row.edited.unwrap_or(row.message.clock);
                let mentions_me = mentions(&post, self.core.me.account);
                if is_shown && origin.person.is_some() {
                    messages.set_mentions_me(row, mentions_me)?;
                }
                let revision = Revision {
                    clock: origin.clock,
                    body: post.text,
                    parts: (!parts.is_empty()).then_some(parts),
                };
                messages.edit(row, &revision)?
            }
            Change::Deletion => {
                // Who asks for it again is told that it is gone.
                self.tx.retained().entomb(&row.message.message_id)?;
                messages.retract(row)?
            }
            Change::Reactions(emoji) => {
                self.tx
                    .reactions()
                    .set(row.id, origin.person, origin.clock, emoji)?
            }
        })
    }

    /// Gives an own message another text.
    ///
    /// # Errors
    /// [`ChangeError`]; nothing is changed unless it is [`ChangeError::Step`].
    pub fn edit(&mut self, message: &MessageId, post: Post) -> Result<(), ChangeError> {
        super::sending::check_post(&post)?;
        let row = self.own_message(message)?;
        if !is_editable(&row) {
            return Err(ChangeError::NotPossible);
        }
        let change = Body::Edit(Edit {
            target: *message,
            post,
        });
        self.make(&row, change)
    }

    /// Takes an own message back, here and at whoever has it.
    ///
    /// # Errors
    /// [`ChangeError`]; nothing is changed unless it is [`ChangeError::Step`].
    pub fn delete_for_everyone(&mut self, message: &MessageId) -> Result<(), ChangeError> {
        let row = self.own_message(message)?;
        self.make(&row, Body::Deletion(vec![*message]))
    }

    /// Deletes a message here. The other side keeps it, and is not told.
    ///
    /// # Errors
    /// [`ChangeError`]; nothing is changed unless it is [`ChangeError::Step`].
    pub fn delete_here(&mut self, message: &MessageId) -> Result<(), ChangeError> {
        let row = self.tx.messages().get(message)?;
        let row = row.ok_or(ChangeError::NoSuchMessage)?;
        Ok(self.remove(&row)?)
    }

    /// Nothing of a message stays here but its id.
    pub(super) fn remove(&mut self, row: &MessageRow) -> Result<(), StepError> {
        // Who asks for it again is told that it is gone.
        self.tx.retained().entomb(&row.message.message_id)?;
        if self.tx.messages().remove_here(row)? {
            self.emit(Event::MessageRemoved {
                conversation: row.message.conversation,
                message: row.message.message_id,
            });
        }
        Ok(())
    }

    /// Says what the user thinks of a message, instead of what was said before; no emoji takes it back.
    ///
    /// # Errors
    /// [`ChangeError`]; nothing is changed unless it is [`ChangeError::Step`].
    pub fn react(&mut self, message: &MessageId, emoji: &[String]) -> Result<(), ChangeError> {
        let mut emoji = emoji.to_vec();
        emoji.sort_unstable();
        emoji.dedup();
        let unusable = |one: &String| {
            one.is_empty() || one.len() > MAX_EMOJI || one.contains(char::is_control)
        };
        if emoji.len() > MAX_REACTIONS || emoji.iter().any(unusable) {
            return Err(ChangeError::NotEmoji);
        }
        let row = self.tx.messages().get(message)?;
        let row = row.ok_or(ChangeError::NoSuchMessage)?;
        if !is_message(&row) {
            return Err(ChangeError::NotPossible);
        }
        let change = Body::Reactions(Reactions {
            target: *message,
            emoji,
        });
        self.make(&row, change)
    }

    /// A message of this account that may still be changed.
    fn own_message(&mut self, message: &MessageId) -> Result<MessageRow, ChangeError> {
        let row = self.tx.messages().get(message)?;
        let row = row.ok_or(ChangeError::NoSuchMessage)?;
        if row.message.sender.is_some() {
            return Err(ChangeError::NotOwn);
        }
        if !is_message(&row) {
            return Err(ChangeError::NotPossible);
        }
        let age = self.now.wall.since(row.message.clock.time());
        if age >= CHANGE_WINDOW_MS {
            return Err(ChangeError::TooLate);
        }
        Ok(row)
    }

    /// Makes an own change here, and tells it to the other side.
    fn make(&mut self, row: &MessageRow, body: Body) -> Result<(), ChangeError> {
        let conversation = row.message.conversation;
        let contact = self.writable(conversation)?;
        // What is owed to the contact goes first: it would go soon anyway.
        self.ride_along(contact)?;
        let mut composed = self.compose_shown(conversation, body)?;
        composed.wake = false;
        let Content { header, body } =
            Content::parse(&composed.bytes).map_err(|_| StepError::Damaged)?;
        let origin = Origin {
            person: None,
            clock: header.hlc,
        };
        for (_, change) in changes(&body) {
            self.change(row, &change, origin)?;
        }
        self.queue(contact, &composed)?;
        Ok(())
    }
}

/// The changes of single messages that content makes.
fn changes(body: &Body) -> Vec<(MessageId, Change<'_>)> {
    if let Body::Edit(edit) = body {
        vec![(edit.target, Change::Edit(&edit.post))]
    } else if let Body::Deletion(ids) = body {
        ids.iter().map(|id| (*id, Change::Deletion)).collect()
    } else if let Body::Reactions(reactions) = body {
        let change = Change::Reactions(&reactions.emoji);
        vec![(reactions.target, change)]
    } else {
        Vec::new()
    }
}

/// Whether somebody wrote it, and something of it is left.
fn is_message(row: &MessageRow) -> bool {
    matches!(
        row.message.kind,
        MessageKind::Text | MessageKind::Unsupported | MessageKind::ViewOnce | MessageKind::Viewed
    )
}

/// A post can be edited.
fn is_editable(row: &MessageRow) -> bool {
    row.message.kind == MessageKind::Text
}

/// Another text for a message that this version cannot read: a later one can, and then reads both.
fn is_unread_edit(row: &MessageRow, change: &Change<'_>) -> bool {
    matches!(change, Change::Edit(_)) && row.message.kind == MessageKind::Unsupported
}

/// Within a day after the message, by the clocks of both.
fn in_time(row: &MessageRow, change: Hlc) -> bool {
    let written = row.message.clock;
    change > written && change.time().since(written.time()) < CHANGE_WINDOW_MS
}
