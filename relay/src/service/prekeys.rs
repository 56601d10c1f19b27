//! Prekeys: publishing, taking, and telling the owner when they run low.

use bytes::Bytes;
use undertone_wire::frame::Body;
use undertone_wire::limits::{MAX_ONE_TIME_KEM, MAX_ONE_TIME_X25519, MAX_PREKEY_ITEM_BYTES};
use undertone_wire::work::WorkSubject;
use undertone_wire::{
    ErrorCode, LowPrekeys, MailboxId, PopId, PopPrekeys, PoppedPrekeys, PrekeyCounts as WireCounts,
    PrekeyItem as WireItem, ReplacePrekeys,
};

use super::ConnectionId;
use super::batch::{Batch, Mode};
use super::limits::{LOW_KEM, LOW_X25519};
use super::rates::SourceRate;
use super::refusal::Stop;
use super::rights::Granted;
use crate::storage::{
    Pop, PopAs, Popped, PrekeyCounts, PrekeyItem, PrekeyReplace, PrekeyReplacement, PrekeysLeft,
};

impl Batch<'_> {
    pub(super) fn replace_prekeys(
        &mut self,
        conn: ConnectionId,
        request: &ReplacePrekeys,
    ) -> Result<Body, Stop> {
        let mailbox = self.owned_mailbox(conn)?;
        if request.one_time_x25519.len() > MAX_ONE_TIME_X25519
            || request.one_time_kem.len() > MAX_ONE_TIME_KEM
        {
            return Err(ErrorCode::TooLarge.into());
        }
        let replacement = PrekeyReplacement {
            page: parse_part(&request.page)?,
            last_resort: parse_part(&request.last_resort_kem)?,
            x25519: parse_items(&request.one_time_x25519)?,
            kem: parse_items(&request.one_time_kem)?,
            append: request.append,
        };
        self.growing()?;
        match self.storage.replace_prekeys(mailbox, &replacement)? {
            PrekeyReplace::Replaced(counts) => Ok(Body::PrekeyCounts(wire_counts(counts))),
            PrekeyReplace::TooMany => Err(ErrorCode::TooLarge.into()),
            PrekeyReplace::NoMailbox => Err(ErrorCode::NotFound.into()),
        }
    }

    pub(super) fn prekey_status(&mut self, conn: ConnectionId) -> Result<Body, Stop> {
        let mailbox = self.owned_mailbox(conn)?;
        let counts = self.storage.prekey_counts(mailbox)?;
        Ok(Body::PrekeyCounts(wire_counts(counts)))
    }

    pub(super) fn pop_prekeys(
        &mut self,
        conn: ConnectionId,
        request: &PopPrekeys,
    ) -> Result<Body, Stop> {
        let malformed = |_| ErrorCode::Malformed;
        let mailbox = MailboxId::try_from(&request.mailbox).map_err(malformed)?;
        let pop = PopId::try_from(&request.pop_id).map_err(malformed)?;
        let granted = self.right(mailbox, request.right.as_ref(), |challenge| {
            WorkSubject::pop(challenge, mailbox, pop)
        })?;
        self.growing()?;
        if self.mode == Mode::Normal
            && let Some(source) = self.session(conn).map(|session| session.info.source)
        {
            let rates = &mut self.service.rates;
            rates.take_source(SourceRate::Pops, &source, 1, self.now)?;
        }
        let as_who = match granted {
            Granted::Contact(token) if token.used_up => return Err(ErrorCode::Denied.into()),
            Granted::Contact(_) => PopAs::Contact,
            Granted::Invite(_) | Granted::Knock => PopAs::Stranger,
        };
        match self.storage.pop_prekeys(mailbox, pop, as_who, self.now)? {
            Pop::Taken(popped, left) => {
                self.stored(1);
                self.tell_low(mailbox, left);
                Ok(wire_popped(popped))
            }
            Pop::Repeated(popped) => Ok(wire_popped(popped)),
            Pop::Nothing => Err(ErrorCode::NotFound.into()),
            Pop::NoMailbox => Err(ErrorCode::Denied.into()),
        }
    }

    /// Tells an owner who is online once, when a limit is reached; one who logs in asks for the status.
    fn tell_low(&mut self, mailbox: MailboxId, left: PrekeysLeft) {
        let counts = left.counts;
        let reached = counts.x25519 == LOW_X25519 || counts.kem == LOW_KEM;
        if !reached && !left.strangers_exhausted {
            return;
        }
        if let Some(conn) = self.service.online.get(&mailbox).copied() {
            let low = LowPrekeys {
                one_time_x25519: counts.x25519,
                one_time_kem: counts.kem,
            };
            self.push(conn, 0, Body::LowPrekeys(low));
        }
    }
}

fn parse_part(part: &Bytes) -> Result<Option<Bytes>, Stop> {
    if part.len() > MAX_PREKEY_ITEM_BYTES {
        return Err(ErrorCode::TooLarge.into());
    }
    Ok((!part.is_empty()).then(|| part.clone()))
}

fn parse_items(items: &[WireItem]) -> Result<Vec<PrekeyItem>, Stop> {
    items
        .iter()
        .map(|item| {
            Ok(PrekeyItem {
                id: item
                    .id
                    .as_ref()
                    .try_into()
                    .map_err(|_| ErrorCode::Malformed)?,
                item: parse_part(&item.item)?.ok_or(ErrorCode::Malformed)?,
            })
        })
        .collect()
}

const fn wire_counts(counts: PrekeyCounts) -> WireCounts {
    WireCounts {
        one_time_x25519: counts.x25519,
        one_time_kem: counts.kem,
    }
}

fn wire_popped(popped: Popped) -> Body {
    Body::PoppedPrekeys(PoppedPrekeys {
        page: popped.page,
        one_time_x25519: popped.x25519,
        kem: popped.kem,
        kem_is_last_resort: popped.last_resort,
    })
}
