//! Logging in as a mailbox, and what paces its deliveries.

use undertone_wire::frame::Body;
use undertone_wire::signed::{LoginBody, SignedBody};
use undertone_wire::{Ack, Authenticate, Authenticated, Credit, Done, ErrorCode, MailboxId};

use super::ConnectionId;
use super::batch::{Batch, Mode};
use super::rates::SourceRate;
use super::refusal::Stop;
use super::session::{Delivery, Login};
use crate::storage::MailboxState;

impl Batch<'_> {
    pub(super) fn authenticate(
        &mut self,
        conn: ConnectionId,
        request: &Authenticate,
    ) -> Result<Body, Stop> {
        let session = self.session(conn).ok_or(ErrorCode::NotAuthenticated)?;
        if session.login.is_some() {
            return Err(ErrorCode::Malformed.into());
        }
        let key: &[u8; 32] = request
            .mailbox_key
            .as_ref()
            .try_into()
            .map_err(|_| ErrorCode::Malformed)?;
        let signed = LoginBody {
            challenge: &session.challenge,
            binding: session.info.binding,
            mailbox_key: key,
            peek: request.peek,
        };
        signed
            .verify(&request.signature)
            .map_err(|_| ErrorCode::BadSignature)?;
        let mailbox = MailboxId::of_key(key);
        let (state, created) = self.open_mailbox(conn, mailbox, request.peek)?;
        if !request.peek {
            self.displace(mailbox);
            self.set_online(mailbox, Some(conn));
        }
        // A cursor ahead of the store would skip what comes; what is delivered again is recognised by its id.
        let after = if request.after_seq > state.last_seq {
            state.acked_seq
        } else {
            request.after_seq.max(state.acked_seq)
        };
        let (today, mode) = (self.now.days(), self.mode);
        if let Some(session) = self.session_mut(conn) {
            session.login = Some(Login {
                mailbox,
                peek: request.peek,
                delivery: Delivery::starting_after(after),
                seen_day: (mode == Mode::Normal).then_some(today),
            });
        }
        self.mark_behind(conn);
        Ok(Body::Authenticated(Authenticated {
            last_seq: state.last_seq,
            acked_seq: state.acked_seq,
            created,
        }))
    }

    fn open_mailbox(
        &mut self,
        conn: ConnectionId,
        mailbox: MailboxId,
        peek: bool,
    ) -> Result<(MailboxState, bool), Stop> {
        if let Some(state) = self.storage.mailbox(mailbox)? {
            if !peek && self.mode == Mode::Normal {
                self.storage.open_mailbox(mailbox, self.now)?;
            }
            return Ok((state, false));
        }
        if peek {
            return Err(ErrorCode::NotFound.into());
        }
        if !self.service.config.accepts_new_mailboxes {
            return Err(ErrorCode::Closed.into());
        }
        self.growing()?;
        if let Some(source) = self.session(conn).map(|session| session.info.source) {
            let rates = &mut self.service.rates;
            rates.take_source(SourceRate::NewMailboxes, &source, 1, self.now)?;
        }
        let created = self.storage.open_mailbox(mailbox, self.now)?;
        Ok((MailboxState::default(), created))
    }

    fn displace(&mut self, mailbox: MailboxId) {
        if let Some(older) = self.service.online.get(&mailbox).copied() {
            self.shut(older, ErrorCode::Displaced);
        }
    }

    /// The login of a connection that may change its mailbox.
    pub(super) fn owned_mailbox(&self, conn: ConnectionId) -> Result<MailboxId, Stop> {
        self.session(conn)
            .and_then(|session| session.login.as_ref())
            .filter(|login| !login.peek)
            .map(|login| login.mailbox)
            .ok_or_else(|| ErrorCode::NotAuthenticated.into())
    }

    pub(super) fn ack(&mut self, conn: ConnectionId, ack: &Ack) -> Result<Body, Stop> {
        let mailbox = self.owned_mailbox(conn)?;
        let Some(login) = self
            .session_mut(conn)
            .and_then(|session| session.login.as_mut())
        else {
            return Err(ErrorCode::NotAuthenticated.into());
        };
        // Nobody can ack what this connection has not seen.
        let up_to = ack.up_to_seq.min(login.delivery.cursor);
        login.delivery.acked(up_to);
        let caught_up = login.delivery.caught_up;
        let removed = self.storage.ack(mailbox, up_to, self.now)?;
        self.stored(removed);
        self.gone.0 += u64::from(removed);
        if !caught_up {
            self.mark_behind(conn);
        }
        Ok(Body::Done(Done {}))
    }

    pub(super) fn credit(&mut self, conn: ConnectionId, credit: &Credit) -> Result<Body, Stop> {
        let login = self
            .session_mut(conn)
            .and_then(|session| session.login.as_mut());
        let Some(login) = login else {
            return Err(ErrorCode::NotAuthenticated.into());
        };
        login.delivery.set_window(credit.deliveries, login.peek);
        if !login.delivery.caught_up {
            self.mark_behind(conn);
        }
        Ok(Body::Done(Done {}))
    }
}
