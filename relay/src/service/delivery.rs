//! Deliveries: from memory to an owner who has everything else, otherwise from storage, page by page.

use bytes::Bytes;
use undertone_wire::frame::Body;
use undertone_wire::{CaughtUp, Deliver, Ephemeral, Gap, MailboxId};

use super::ConnectionId;
use super::batch::Batch;
use super::limits::BACKLOG_BYTES;
use super::session::Login;
use crate::storage::{Queued, StorageError};

impl Batch<'_> {
    /// An envelope was just appended: hands it on if its owner is online and has all before it.
    pub(super) fn deliver_new(&mut self, mailbox: MailboxId, queued: Queued) {
        let Some(conn) = self.service.online.get(&mailbox).copied() else {
            return;
        };
        let Some(login) = self.login_mut(conn) else {
            return;
        };
        if !login.delivery.caught_up {
            return;
        }
        if login.delivery.room().is_none() {
            // The next ack or credit reads it from storage.
            login.delivery.caught_up = false;
            return;
        }
        login
            .delivery
            .sent(queued.seq, queued.envelope.len(), false);
        self.push(conn, 0, deliver(queued));
    }

    /// Hands an ephemeral envelope on if somebody is there to take it.
    pub(super) fn deliver_ephemeral(&mut self, mailbox: MailboxId, envelope: &Bytes) {
        let Some(conn) = self.service.online.get(&mailbox).copied() else {
            return;
        };
        let paused = self
            .session(conn)
            .and_then(|session| session.login.as_ref())
            .is_none_or(|login| login.delivery.is_paused());
        if !paused {
            let envelope = envelope.clone();
            self.push(conn, 0, Body::Ephemeral(Ephemeral { envelope }));
        }
    }

    /// Reads what owners are behind with, at the end of the batch, as far as one batch does.
    pub(super) fn deliver_backlogs(&mut self) -> Result<(), StorageError> {
        let mut room = BACKLOG_BYTES;
        for conn in self.take_behind() {
            if room == 0 {
                self.later.insert(conn);
            } else {
                room = room.saturating_sub(self.deliver_backlog(conn)?);
            }
        }
        Ok(())
    }

    /// How many bytes of envelopes it took.
    fn deliver_backlog(&mut self, conn: ConnectionId) -> Result<usize, StorageError> {
        let Some(login) = self.login_mut(conn) else {
            return Ok(0);
        };
        let (mailbox, peek) = (login.mailbox, login.peek);
        let Some((messages, bytes)) = login.delivery.room() else {
            return Ok(0);
        };
        let Some(state) = self.storage.mailbox(mailbox)? else {
            return Ok(0);
        };
        let mut cursor = self
            .login_mut(conn)
            .map_or(0, |login| login.delivery.cursor);
        if let Some(expired) = state.expired.filter(|range| range.last > cursor) {
            let gap = Gap {
                from_seq: expired.first.max(cursor + 1),
                to_seq: expired.last,
            };
            cursor = expired.last;
            self.push(conn, 0, Body::Gap(gap));
        }
        let page = self.storage.page(mailbox, cursor, messages, bytes)?;
        let taken = page.iter().map(|queued| queued.envelope.len()).sum();
        let Some(login) = self.login_mut(conn) else {
            return Ok(0);
        };
        login.delivery.cursor = cursor;
        for queued in &page {
            login.delivery.sent(queued.seq, queued.envelope.len(), peek);
        }
        let caught_up = login.delivery.cursor >= state.last_seq || page.is_empty();
        let announce = caught_up && !login.delivery.announced;
        login.delivery.caught_up = caught_up;
        login.delivery.announced |= announce;
        for queued in page {
            self.push(conn, 0, deliver(queued));
        }
        if announce {
            let seq = state.last_seq;
            self.push(conn, 0, Body::CaughtUp(CaughtUp { seq }));
        }
        Ok(taken)
    }

    fn login_mut(&mut self, conn: ConnectionId) -> Option<&mut Login> {
        self.session_mut(conn)?.login.as_mut()
    }
}

fn deliver(queued: Queued) -> Body {
    Body::Deliver(Deliver {
        seq: queued.seq,
        message_id: queued.message_id.to_field(),
        envelope: queued.envelope,
    })
}
