//! Who may send to a mailbox.
//!
//! Invariant: to whoever has neither token nor work, an unknown mailbox, a full one and a wrong token are one answer,
//! given at the end of the same batch, after the same look-ups and comparisons.

use bytes::Bytes;
use undertone_wire::bearer::{BEARER_LEN, BearerHash};
use undertone_wire::right::Right as RightBody;
use undertone_wire::work::WorkSubject;
use undertone_wire::{ErrorCode, KnockWork, MailboxId, Right};

use super::batch::Batch;
use super::limits::KNOCK_DIFFICULTY_RISE;
use super::refusal::{Refusal, Stop};
use crate::storage::{Token, TokenKind};

/// A right that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Granted {
    /// A delivery token.
    Contact(TokenUse),
    /// An invite.
    Invite(TokenUse),
    /// Enough work.
    Knock,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TokenUse {
    pub(super) hash: BearerHash,
    /// Its uses are counted.
    pub(super) counted: bool,
    /// Only repetitions of what it admitted before are left.
    pub(super) used_up: bool,
}

impl Batch<'_> {
    /// Checks a right. `subject` is what the work must have been done for, given the challenge.
    pub(super) fn right(
        &mut self,
        mailbox: MailboxId,
        right: Option<&Right>,
        subject: impl FnOnce(&[u8]) -> WorkSubject,
    ) -> Result<Granted, Stop> {
        match right.and_then(|right| right.right.as_ref()) {
            None => Err(ErrorCode::Denied.into()),
            Some(RightBody::Bearer(bearer)) => self.by_bearer(mailbox, bearer),
            Some(RightBody::Work(work)) => self.by_work(mailbox, work, subject),
        }
    }

    fn by_bearer(&mut self, mailbox: MailboxId, bearer: &Bytes) -> Result<Granted, Stop> {
        let bearer: &[u8; BEARER_LEN] = bearer
            .as_ref()
            .try_into()
            .map_err(|_| ErrorCode::Malformed)?;
        let hash = BearerHash::of(bearer);
        let tokens = self.storage.tokens(mailbox)?;
        let mut found: Option<Token> = None;
        // All of them, each in constant time.
        for token in tokens.iter() {
            if token.hash == hash && token.expires.is_none_or(|expires| self.now < expires) {
                found = Some(*token);
            }
        }
        let token = found.ok_or(ErrorCode::Denied)?;
        let token_use = TokenUse {
            hash,
            counted: token.quota.is_some(),
            used_up: token.quota.is_some_and(|quota| token.used >= quota),
        };
        Ok(match token.kind {
            TokenKind::Delivery => Granted::Contact(token_use),
            TokenKind::Invite => Granted::Invite(token_use),
        })
    }

    fn by_work(
        &mut self,
        mailbox: MailboxId,
        work: &KnockWork,
        subject: impl FnOnce(&[u8]) -> WorkSubject,
    ) -> Result<Granted, Stop> {
        if !self.service.work.is_valid(&work.challenge, self.now) {
            return Err(ErrorCode::WorkRequired.into());
        }
        let base = self.service.config.base_difficulty;
        let done = subject(&work.challenge).difficulty_of(work.nonce);
        if done < base {
            return Err(ErrorCode::WorkRequired.into());
        }
        let state = self.storage.mailbox(mailbox)?.ok_or(ErrorCode::Denied)?;
        let lane = self.service.config.knocks.max(1);
        let rise = state.knocks.min(lane) * KNOCK_DIFFICULTY_RISE / lane;
        if done < base + rise {
            return Err(Refusal::harder(base + rise).into());
        }
        Ok(Granted::Knock)
    }
}
