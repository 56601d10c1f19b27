//! Sending: to one mailbox, or to many with one shared payload.

use bytes::Bytes;
use undertone_wire::frame::Body;
use undertone_wire::limits::{MAX_ENVELOPE_BYTES, MAX_KNOCK_ENVELOPE_BYTES, MAX_RECIPIENTS};
use undertone_wire::work::WorkSubject;
use undertone_wire::{
    ErrorCode, MailboxId, MessageId, Outcome, Recipient, Right, Send, SendMany, Sent, SentMany,
};

use super::ConnectionId;
use super::batch::{Batch, Mode};
use super::limits::{RESERVED_FOR_SMALL, SMALL_ENVELOPE_BYTES};
use super::refusal::Stop;
use super::rights::{Granted, TokenUse};
use crate::storage::{Append, AppendBounds, Incoming, PayloadId, Queued, Via};

/// One envelope on its way to one mailbox.
struct Letter<'a> {
    mailbox: MailboxId,
    message_id: MessageId,
    right: Option<&'a Right>,
    envelope: &'a Bytes,
    ephemeral: bool,
}

impl<'a> Letter<'a> {
    fn parse(
        mailbox: &Bytes,
        message_id: &Bytes,
        right: Option<&'a Right>,
        envelope: &'a Bytes,
        ephemeral: bool,
    ) -> Result<Self, Stop> {
        if envelope.len() > MAX_ENVELOPE_BYTES {
            return Err(ErrorCode::TooLarge.into());
        }
        if envelope.is_empty() {
            return Err(ErrorCode::Malformed.into());
        }
        Ok(Self {
            mailbox: mailbox.try_into().map_err(|_| ErrorCode::Malformed)?,
            message_id: message_id.try_into().map_err(|_| ErrorCode::Malformed)?,
            right,
            envelope,
            ephemeral,
        })
    }
}

/// The envelope of a multi-recipient send, stored when the first mailbox takes it.
enum Shared {
    /// Too few share it to be worth it.
    No,
    NotYet,
    Stored(PayloadId),
}

impl Batch<'_> {
    pub(super) fn send(&mut self, conn: ConnectionId, send: &Send) -> Result<Body, Stop> {
        let letter = Letter::parse(
            &send.mailbox,
            &send.message_id,
            send.right.as_ref(),
            &send.envelope,
            send.ephemeral,
        )?;
        self.post(conn, &letter, &mut Shared::No)?;
        Ok(Body::Sent(Sent {}))
    }

    pub(super) fn send_many(&mut self, conn: ConnectionId, send: &SendMany) -> Result<Body, Stop> {
        let recipients = send.recipients.len();
        if recipients > MAX_RECIPIENTS {
            return Err(ErrorCode::TooLarge.into());
        }
        // One was charged for the request.
        let more = u32::try_from(recipients.saturating_sub(1)).unwrap_or(u32::MAX);
        self.charge(conn, more)?;
        let sharing = send
            .recipients
            .iter()
            .filter(|recipient| recipient.envelope.is_empty())
            .count();
        let mut shared = if sharing > 1 {
            Shared::NotYet
        } else {
            Shared::No
        };
        // What is delivered must not keep the whole frame in memory that it is a slice of.
        let all = Bytes::copy_from_slice(&send.shared_envelope);
        let mut results = Vec::with_capacity(recipients);
        for recipient in &send.recipients {
            let result = self.post_one_of_many(conn, recipient, send.ephemeral, &all, &mut shared);
            results.push(result?);
        }
        Ok(Body::SentMany(SentMany { results }))
    }

    fn post_one_of_many(
        &mut self,
        conn: ConnectionId,
        recipient: &Recipient,
        ephemeral: bool,
        all: &Bytes,
        shared: &mut Shared,
    ) -> Result<Outcome, Stop> {
        let own = !recipient.envelope.is_empty();
        let copy = Bytes::copy_from_slice(&recipient.envelope);
        let envelope = if own { &copy } else { all };
        let posted = Letter::parse(
            &recipient.mailbox,
            &recipient.message_id,
            recipient.right.as_ref(),
            envelope,
            ephemeral,
        )
        .and_then(|letter| {
            let shared = if own { &mut Shared::No } else { shared };
            self.post(conn, &letter, shared)
        });
        match posted {
            Ok(()) => Ok(Outcome {
                code: ErrorCode::Ok.into(),
                required_difficulty: 0,
            }),
            Err(Stop::Refused(refusal)) => Ok(refusal.into_outcome()),
            Err(broken @ Stop::Broken(_)) => Err(broken),
        }
    }

    fn post(
        &mut self,
        conn: ConnectionId,
        letter: &Letter<'_>,
        shared: &mut Shared,
    ) -> Result<(), Stop> {
        let (mailbox, message_id) = (letter.mailbox, letter.message_id);
        let granted = self.right(mailbox, letter.right, |challenge| {
            WorkSubject::knock(challenge, mailbox, message_id, letter.envelope)
        })?;
        if granted == Granted::Knock && letter.envelope.len() > MAX_KNOCK_ENVELOPE_BYTES {
            return Err(ErrorCode::TooLarge.into());
        }
        if self.mode == Mode::Normal {
            self.service.rates.take_mailbox(mailbox, self.now)?;
        }
        if letter.ephemeral {
            return self.post_ephemeral(letter, granted);
        }
        self.growing()?;
        self.post_durable(conn, letter, granted, shared)
    }

    /// The answer is the same whether anybody is there.
    fn post_ephemeral(&mut self, letter: &Letter<'_>, granted: Granted) -> Result<(), Stop> {
        match granted {
            Granted::Contact(token) if !token.used_up => {
                self.deliver_ephemeral(letter.mailbox, letter.envelope);
                Ok(())
            }
            Granted::Contact(_) | Granted::Invite(_) | Granted::Knock => {
                Err(ErrorCode::Denied.into())
            }
        }
    }

    fn post_durable(
        &mut self,
        conn: ConnectionId,
        letter: &Letter<'_>,
        granted: Granted,
        shared: &mut Shared,
    ) -> Result<(), Stop> {
        let source = self
            .session(conn)
            .map_or([0; 16], |session| session.info.source);
        let len = u64::try_from(letter.envelope.len()).unwrap_or(u64::MAX);
        self.service
            .rates
            .check_share(letter.mailbox, &source, len, self.now)?;
        let (via, token) = match granted {
            Granted::Contact(token) | Granted::Invite(token) => (Via::Token, Some(token)),
            Granted::Knock => (Via::Knock, None),
        };
        let incoming = Incoming {
            message_id: letter.message_id,
            envelope: letter.envelope.clone(),
            shared: self.shared_payload(letter.envelope, shared)?,
            via,
            arrived: self.now,
        };
        let used_up = token.is_some_and(|token| token.used_up);
        let bounds = self.bounds(letter.envelope.len(), used_up);
        match self.storage.append(letter.mailbox, incoming, bounds)? {
            Append::Stored(seq) => {
                self.stored(1);
                self.count_use(letter.mailbox, token)?;
                self.service
                    .rates
                    .count_share(letter.mailbox, &source, len, self.now);
                let queued = Queued {
                    seq,
                    message_id: letter.message_id,
                    envelope: letter.envelope.clone(),
                };
                self.deliver_new(letter.mailbox, queued);
                Ok(())
            }
            Append::Duplicate => Ok(()),
            Append::Full if used_up => Err(ErrorCode::Denied.into()),
            Append::Full => Err(ErrorCode::MailboxFull.into()),
            Append::NoMailbox => Err(ErrorCode::Denied.into()),
        }
    }

    fn shared_payload(
        &mut self,
        envelope: &Bytes,
        shared: &mut Shared,
    ) -> Result<Option<PayloadId>, Stop> {
        match shared {
            Shared::No => Ok(None),
            Shared::Stored(id) => Ok(Some(*id)),
            Shared::NotYet => {
                let id = self.storage.share_payload(envelope)?;
                *shared = Shared::Stored(id);
                Ok(Some(id))
            }
        }
    }

    fn count_use(&mut self, mailbox: MailboxId, token: Option<TokenUse>) -> Result<(), Stop> {
        if let Some(token) = token.filter(|token| token.counted) {
            self.storage.use_token(mailbox, &token.hash)?;
        }
        Ok(())
    }

    fn bounds(&self, len: usize, used_up: bool) -> AppendBounds {
        let config = &self.service.config;
        if used_up {
            // Only a repetition gets in.
            return AppendBounds {
                messages: 0,
                bytes: 0,
                knocks: 0,
            };
        }
        if len <= SMALL_ENVELOPE_BYTES {
            return AppendBounds {
                messages: config.mailbox_messages,
                bytes: config.mailbox_bytes,
                knocks: config.knocks,
            };
        }
        AppendBounds {
            messages: config.mailbox_messages - config.mailbox_messages / RESERVED_FOR_SMALL,
            bytes: config.mailbox_bytes - config.mailbox_bytes / u64::from(RESERVED_FOR_SMALL),
            knocks: config.knocks,
        }
    }
}
