//! What the owner of a mailbox sets: tokens, and its end.

use undertone_wire::bearer::BearerHash;
use undertone_wire::frame::Body;
use undertone_wire::limits::MAX_TOKENS;
use undertone_wire::{Done, ErrorCode, MailboxId, SetTokens, TokenHash, TokenKind as WireKind};

use super::ConnectionId;
use super::batch::{Batch, Mode};
use super::refusal::Stop;
use crate::storage::{Timestamp, Token, TokenKind};

impl Batch<'_> {
    pub(super) fn set_tokens(
        &mut self,
        conn: ConnectionId,
        request: &SetTokens,
    ) -> Result<Body, Stop> {
        let mailbox = self.owned_mailbox(conn)?;
        if request.tokens.len() > MAX_TOKENS {
            return Err(ErrorCode::TooLarge.into());
        }
        let tokens = request
            .tokens
            .iter()
            .map(|token| parse_token(token, self.service.config.invite_quota))
            .collect::<Result<Vec<_>, _>>()?;
        // Withdrawing works on a full store: whoever has to be kept out must not get in for lack of disk.
        if self.mode == Mode::NoGrowth && !self.are_among_old(mailbox, &tokens)? {
            self.growing()?;
        }
        self.storage.set_tokens(mailbox, &tokens)?;
        Ok(Body::Done(Done {}))
    }

    /// Whether the tokens are some of those that are registered.
    fn are_among_old(&mut self, mailbox: MailboxId, tokens: &[Token]) -> Result<bool, Stop> {
        let old = self.storage.tokens(mailbox)?;
        let known = |token: &Token| old.iter().any(|old| old.hash == token.hash);
        Ok(tokens.len() <= old.len() && tokens.iter().all(known))
    }

    pub(super) fn delete_mailbox(&mut self, conn: ConnectionId) -> Result<Body, Stop> {
        let mailbox = self.owned_mailbox(conn)?;
        self.storage.delete_mailbox(mailbox)?;
        self.set_online(mailbox, None);
        if let Some(session) = self.session_mut(conn) {
            session.login = None;
        }
        Ok(Body::Done(Done {}))
    }
}

fn parse_token(token: &TokenHash, invite_quota: u32) -> Result<Token, Stop> {
    let hash: [u8; 32] = token
        .hash
        .as_ref()
        .try_into()
        .map_err(|_| ErrorCode::Malformed)?;
    let (kind, default_quota) = match token.kind() {
        WireKind::Delivery => (TokenKind::Delivery, None),
        WireKind::Invite => (TokenKind::Invite, Some(invite_quota)),
        WireKind::Unspecified => return Err(ErrorCode::Malformed.into()),
    };
    Ok(Token {
        hash: BearerHash::from_bytes(hash),
        kind,
        expires: (token.expires_ms != 0).then_some(Timestamp(token.expires_ms)),
        quota: if token.quota == 0 {
            default_quota
        } else {
            Some(token.quota)
        },
        used: 0,
    })
}
