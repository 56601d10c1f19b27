//! The right to send: which tokens open a contact's mailbox, and which the own mailbox accepts.
//!
//! All contacts share one delivery secret, so that a relay cannot tell them apart; each invite has a token of
//! its own, which can be revoked (DESIGN section 5).

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a frame of a kind that does not belong here is as good as none"
)]

use bytes::Bytes;
use undertone_protocol::delivery::{Bearer, DeliverySecret};
use undertone_protocol::device::MailboxId;
use undertone_protocol::invite::InviteToken;
use undertone_wire as wire;
use undertone_wire::bearer::BearerHash;
use undertone_wire::frame::Body;

use super::lane::Lane;
use super::limits::INVITE_QUOTA;
use super::requests::Purpose;
use super::step::Step;
use crate::error::StepError;
use crate::store::ContactId;

impl Step<'_> {
    /// The bearers for a contact's mailbox, the best first.
    pub(super) fn bearers(
        &mut self,
        contact: ContactId,
        mailbox: &MailboxId,
    ) -> Result<Vec<Bytes>, StepError> {
        let Some(contact) = self.contact(contact)? else {
            return Ok(Vec::new());
        };
        let delivery = contact
            .secrets
            .delivery
            .as_ref()
            .map(|secret| secret.bearer(mailbox));
        let invite = contact
            .secrets
            .invite
            .as_ref()
            .map(|token| token.bearer(mailbox));
        let claimed = contact
            .secrets
            .claimed
            .as_ref()
            .map(|token| token.bearer(mailbox));
        Ok(delivery
            .into_iter()
            .chain(invite)
            .chain(claimed)
            .map(|bearer| Bytes::copy_from_slice(bearer.expose()))
            .collect())
    }

    /// Registers the own mailbox's tokens: the whole set, which replaces what the relay has.
    pub(super) fn register_tokens(&mut self) -> Result<(), StepError> {
        self.age_delivery()?;
        let mailbox = self.core.me.mailbox;
        let delivery = &self.core.me.delivery;
        let mut tokens = vec![delivery_token(delivery.current(), &mailbox, 0)];
        for (secret, until) in delivery.old() {
            tokens.push(delivery_token(secret, &mailbox, until.0));
        }
        for invite in self
            .tx
            .invites()
            .all()?
            .into_iter()
            .filter(|invite| invite.revoked.is_none())
        {
            let bytes = self
                .tx
                .invites()
                .token(&invite.id)?
                .ok_or(StepError::Damaged)?;
            let bytes = <&[u8; 16]>::try_from(bytes.as_slice()).map_err(|_| StepError::Damaged)?;
            let bearer = InviteToken::from_bytes(bytes).bearer(&mailbox);
            tokens.push(wire::TokenHash {
                hash: hash(&bearer),
                kind: wire::TokenKind::Invite.into(),
                expires_ms: 0,
                quota: INVITE_QUOTA,
            });
        }
        self.core.own.tokens_changed = false;
        self.core.own.tokens_in_flight = true;
        self.request(
            &Lane::Own,
            Purpose::SetTokens,
            Body::SetTokens(wire::SetTokens { tokens }),
        );
        Ok(())
    }

    pub(super) fn tokens_answered(&mut self, body: &Body) -> Result<(), StepError> {
        self.core.own.tokens_in_flight = false;
        match body {
            Body::Done(_) => Ok(()),
            Body::Failure(failure) => self.own_refused(failure, |own| own.tokens_changed = true),
            _ => {
                self.core.own.tokens_changed = true;
                self.leave_own_alone(0);
                Ok(())
            }
        }
    }
}

/// The token of a delivery secret, up to a time; 0: without end.
fn delivery_token(
    secret: &DeliverySecret,
    mailbox: &MailboxId,
    expires_ms: u64,
) -> wire::TokenHash {
    wire::TokenHash {
        hash: hash(&secret.bearer(mailbox)),
        kind: wire::TokenKind::Delivery.into(),
        expires_ms,
        quota: 0,
    }
}

fn hash(bearer: &Bearer) -> Bytes {
    Bytes::copy_from_slice(BearerHash::of(bearer.expose()).as_bytes())
}
