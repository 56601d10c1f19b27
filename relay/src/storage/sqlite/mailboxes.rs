//! Mailboxes in SQLite.

use std::sync::Arc;

use bytes::Bytes;
use rusqlite::{OptionalExtension, Row, params};
use undertone_wire::bearer::BearerHash;
use undertone_wire::limits::IDEMPOTENCE_MS;
use undertone_wire::{MailboxId, MessageId};

use super::cache::Cached;
use super::error::storage_error;
use super::{SqliteStorage, count, signed, unsigned};
use crate::storage::types::{
    Append, AppendBounds, Incoming, MailboxState, PayloadId, Queued, SeqRange, StorageError,
    Timestamp, Token, TokenKind, Via,
};
use crate::storage::{DAY_MS, Mailboxes};

impl SqliteStorage {
    /// Brings the mailbox into the cache; `None` when there is none.
    pub(super) fn load(&mut self, id: MailboxId) -> Result<Option<&mut Cached>, StorageError> {
        if self.cache.is_unknown(id) {
            return Ok(None);
        }
        if !self.cache.has(id) {
            let found = self
                .prepare(
                    "SELECT no, last_seq, acked_seq, messages, bytes, knocks, expired_first,
                            expired_last
                     FROM mailbox WHERE id = ?1",
                )?
                .query_row([id.as_bytes().as_slice()], read_mailbox)
                .optional()
                .map_err(storage_error)?;
            match found {
                Some(cached) => self.cache.insert(id, cached),
                None => {
                    // As a mailbox that exists would cost now.
                    self.read_tokens(0)?;
                    self.cache.insert_unknown(id);
                    return Ok(None);
                }
            }
        }
        Ok(self.cache.get_mut(id))
    }

    /// The row number of the mailbox.
    pub(super) fn number(&mut self, id: MailboxId) -> Result<Option<i64>, StorageError> {
        Ok(self.load(id)?.map(|cached| cached.no))
    }

    pub(super) fn write_mailboxes(&mut self) -> Result<(), StorageError> {
        let mut update = self.prepare(
            "UPDATE mailbox SET last_seq = ?2, acked_seq = ?3, messages = ?4, bytes = ?5,
                                knocks = ?6, expired_first = ?7, expired_last = ?8
             WHERE no = ?1",
        )?;
        for cached in self.cache.changed() {
            let state = &cached.state;
            update
                .execute(params![
                    cached.no,
                    signed(state.last_seq),
                    signed(state.acked_seq),
                    state.messages,
                    signed(state.bytes),
                    state.knocks,
                    state.expired.map(|range| signed(range.first)),
                    state.expired.map(|range| signed(range.last)),
                ])
                .map_err(storage_error)?;
        }
        Ok(())
    }

    pub(super) fn release_payload(&self, payload: i64) -> Result<(), StorageError> {
        self.run(
            "UPDATE payload SET refs = refs - 1 WHERE no = ?1",
            [payload],
        )?;
        self.run("DELETE FROM payload WHERE no = ?1 AND refs <= 0", [payload])?;
        Ok(())
    }

    pub(super) fn drop_unused_payloads(&self) -> Result<(), StorageError> {
        for payload in &self.new_payloads {
            self.run("DELETE FROM payload WHERE no = ?1 AND refs <= 0", [payload])?;
        }
        Ok(())
    }

    /// Whether the id is queued or was acked a moment ago. If so, it costs a write like that of a first time, so that the
    /// answer takes as long.
    fn knows(&self, mailbox: i64, id: &MessageId, now: Timestamp) -> Result<bool, StorageError> {
        let key = params![mailbox, id.as_bytes().as_slice()];
        let queued: Option<i64> = self
            .prepare("SELECT no FROM message WHERE mailbox = ?1 AND id = ?2")?
            .query_row(key, |row| row.get(0))
            .optional()
            .map_err(storage_error)?;
        if let Some(no) = queued {
            self.run("UPDATE message SET knock = knock WHERE no = ?1", [no])?;
            return Ok(true);
        }
        let acked: Option<(i64, i64)> = self
            .prepare("SELECT no, minute FROM acked WHERE mailbox = ?1 AND id = ?2")?
            .query_row(key, |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()
            .map_err(storage_error)?;
        let Some((no, minute)) = acked else {
            return Ok(false);
        };
        let known = now.minutes() <= unsigned(minute) + IDEMPOTENCE_MS / 60_000;
        if known {
            self.run("UPDATE acked SET minute = minute WHERE no = ?1", [no])?;
        } else {
            self.run("DELETE FROM acked WHERE no = ?1", [no])?;
        }
        Ok(known)
    }

    fn insert_message(
        &self,
        mailbox: i64,
        seq: u64,
        incoming: &Incoming,
    ) -> Result<(), StorageError> {
        let envelope = incoming
            .shared
            .is_none()
            .then_some(incoming.envelope.as_ref());
        self.run(
            "INSERT INTO message (mailbox, seq, id, knock, arrived_minute, size, payload, envelope)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                mailbox,
                signed(seq),
                incoming.message_id.as_bytes().as_slice(),
                incoming.via == Via::Knock,
                signed(incoming.arrived.minutes()),
                signed(size(&incoming.envelope)),
                incoming.shared.map(|payload| payload.0),
                envelope,
            ],
        )?;
        if let Some(payload) = incoming.shared {
            self.run(
                "UPDATE payload SET refs = refs + 1 WHERE no = ?1",
                [payload.0],
            )?;
        }
        Ok(())
    }

    fn read_tokens(&self, mailbox: i64) -> Result<Arc<[Token]>, StorageError> {
        let mut select = self.prepare(
            "SELECT hash, invite, expires_ms, quota, used FROM token WHERE mailbox = ?1
             ORDER BY no",
        )?;
        let tokens = select
            .query_map([mailbox], read_token)
            .map_err(storage_error)?;
        tokens
            .collect::<Result<Vec<_>, _>>()
            .map(Arc::from)
            .map_err(storage_error)
    }
}

impl Mailboxes for SqliteStorage {
    fn mailbox(&mut self, id: MailboxId) -> Result<Option<MailboxState>, StorageError> {
        Ok(self.load(id)?.map(|cached| cached.state))
    }

    fn open_mailbox(&mut self, id: MailboxId, now: Timestamp) -> Result<bool, StorageError> {
        let day = signed(now.0 / DAY_MS);
        if let Some(no) = self.number(id)? {
            let seen: i64 = self
                .prepare("SELECT seen_day FROM mailbox WHERE no = ?1")?
                .query_row([no], |row| row.get(0))
                .map_err(storage_error)?;
            if seen != day {
                self.run("UPDATE mailbox SET seen_day = ?2 WHERE no = ?1", [no, day])?;
            }
            return Ok(false);
        }
        self.run(
            "INSERT INTO mailbox (id, seen_day) VALUES (?1, ?2)",
            params![id.as_bytes().as_slice(), day],
        )?;
        self.cache.remove(id);
        self.counters.change().mailboxes += 1;
        Ok(true)
    }

    fn delete_mailbox(&mut self, id: MailboxId) -> Result<(), StorageError> {
        let Some(cached) = self.load(id)? else {
            return Ok(());
        };
        let (no, state) = (cached.no, cached.state);
        let prekeys = self.counts(no)?;
        let totals = self.counters.change();
        totals.mailboxes = totals.mailboxes.saturating_sub(1);
        totals.unqueue(state.messages.into(), state.bytes);
        totals.recount_prekeys(prekeys.x25519 + prekeys.kem, 0);
        self.write()?;
        let payloads: Vec<i64> = {
            let mut select = self.prepare(
                "SELECT payload FROM message WHERE mailbox = ?1 AND payload IS NOT NULL",
            )?;
            let rows = select
                .query_map([no], |row| row.get(0))
                .map_err(storage_error)?;
            rows.collect::<Result<_, _>>().map_err(storage_error)?
        };
        for payload in payloads {
            self.release_payload(payload)?;
        }
        for sql in [
            "DELETE FROM message WHERE mailbox = ?1",
            "DELETE FROM acked WHERE mailbox = ?1",
            "DELETE FROM token WHERE mailbox = ?1",
            "DELETE FROM prekey WHERE mailbox = ?1",
            "DELETE FROM prekey_page WHERE mailbox = ?1",
            "DELETE FROM pop WHERE mailbox = ?1",
            "DELETE FROM mailbox WHERE no = ?1",
        ] {
            self.run(sql, [no])?;
        }
        self.cache.remove(id);
        Ok(())
    }

    fn share_payload(&mut self, envelope: &Bytes) -> Result<PayloadId, StorageError> {
        self.run(
            "INSERT INTO payload (refs, envelope) VALUES (0, ?1)",
            [envelope.as_ref()],
        )?;
        let no = self.db.last_insert_rowid();
        self.new_payloads.insert(no);
        Ok(PayloadId(no))
    }

    fn append(
        &mut self,
        id: MailboxId,
        incoming: Incoming,
        bounds: AppendBounds,
    ) -> Result<Append, StorageError> {
        let base = self.sequence_base;
        let Some(cached) = self.load(id)? else {
            return Ok(Append::NoMailbox);
        };
        let (no, mut state) = (cached.no, cached.state);
        if self.knows(no, &incoming.message_id, incoming.arrived)? {
            return Ok(Append::Duplicate);
        }
        let knock = u32::from(incoming.via == Via::Knock);
        let len = size(&incoming.envelope);
        if state.messages + 1 > bounds.messages
            || state.bytes + len > bounds.bytes
            || knock == 1 && state.knocks + 1 > bounds.knocks
        {
            return Ok(Append::Full);
        }
        let seq = base.max(state.last_seq + 1);
        self.insert_message(no, seq, &incoming)?;
        let totals = self.counters.change();
        totals.messages += 1;
        totals.message_bytes += len;
        state.last_seq = seq;
        state.messages += 1;
        state.bytes += len;
        state.knocks += knock;
        if let Some(cached) = self.cache.change(id) {
            cached.state = state;
        }
        Ok(Append::Stored(seq))
    }

    fn page(
        &mut self,
        id: MailboxId,
        after_seq: u64,
        max_messages: usize,
        max_bytes: usize,
    ) -> Result<Vec<Queued>, StorageError> {
        let mut page = Vec::new();
        let Some(no) = self.number(id)? else {
            return Ok(page);
        };
        let mut select = self.prepare(
            "SELECT m.seq, m.id, coalesce(m.envelope, p.envelope)
             FROM message m LEFT JOIN payload p ON p.no = m.payload
             WHERE m.mailbox = ?1 AND m.seq > ?2
             ORDER BY m.seq",
        )?;
        let mut rows = select
            .query([no, signed(after_seq)])
            .map_err(storage_error)?;
        let mut bytes = 0;
        while page.len() < max_messages
            && bytes < max_bytes
            && let Some(row) = rows.next().map_err(storage_error)?
        {
            let queued = read_queued(row)?;
            bytes += queued.envelope.len();
            page.push(queued);
        }
        Ok(page)
    }

    fn ack(&mut self, id: MailboxId, up_to_seq: u64, now: Timestamp) -> Result<u32, StorageError> {
        let Some(cached) = self.load(id)? else {
            return Ok(0);
        };
        let (no, mut state) = (cached.no, cached.state);
        let up_to = up_to_seq.min(state.last_seq);
        if up_to <= state.acked_seq {
            return Ok(0);
        }
        let before = state.messages;
        for gone in self.remove_acked(no, up_to)? {
            state.messages = state.messages.saturating_sub(1);
            state.bytes = state.bytes.saturating_sub(gone.size);
            state.knocks = state.knocks.saturating_sub(u32::from(gone.knock));
            self.counters.change().unqueue(1, gone.size);
            if let Some(payload) = gone.payload {
                self.release_payload(payload)?;
            }
            self.run(
                "INSERT OR REPLACE INTO acked (mailbox, id, minute) VALUES (?1, ?2, ?3)",
                params![no, gone.id.as_slice(), signed(now.minutes())],
            )?;
        }
        state.acked_seq = up_to;
        state.expired = state.expired.filter(|range| range.last > up_to);
        if let Some(cached) = self.cache.change(id) {
            cached.state = state;
        }
        Ok(before - state.messages)
    }

    fn set_tokens(&mut self, id: MailboxId, tokens: &[Token]) -> Result<(), StorageError> {
        let Some(no) = self.number(id)? else {
            return Ok(());
        };
        let old = self.read_tokens(no)?;
        self.run("DELETE FROM token WHERE mailbox = ?1", [no])?;
        for token in tokens {
            let before = old.iter().find(|old| old.hash == token.hash);
            self.run(
                "INSERT INTO token (mailbox, hash, invite, expires_ms, quota, used)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![
                    no,
                    token.hash.as_bytes().as_slice(),
                    token.kind == TokenKind::Invite,
                    token.expires.map(|expires| signed(expires.0)),
                    token.quota,
                    before.map_or(0, |old| old.used),
                ],
            )?;
        }
        self.forget_tokens(id);
        Ok(())
    }

    fn tokens(&mut self, id: MailboxId) -> Result<Arc<[Token]>, StorageError> {
        let Some(cached) = self.load(id)? else {
            return Ok(Arc::from([]));
        };
        if let Some(tokens) = &cached.tokens {
            return Ok(tokens.clone());
        }
        let no = cached.no;
        let tokens = self.read_tokens(no)?;
        if let Some(cached) = self.load(id)? {
            cached.tokens = Some(tokens.clone());
        }
        Ok(tokens)
    }

    fn use_token(&mut self, id: MailboxId, hash: &BearerHash) -> Result<(), StorageError> {
        let Some(no) = self.number(id)? else {
            return Ok(());
        };
        self.run(
            "UPDATE token SET used = used + 1 WHERE mailbox = ?1 AND hash = ?2",
            params![no, hash.as_bytes().as_slice()],
        )?;
        self.forget_tokens(id);
        Ok(())
    }
}

/// An entry that was acked.
struct Acked {
    id: [u8; 16],
    size: u64,
    knock: bool,
    payload: Option<i64>,
}

impl SqliteStorage {
    fn remove_acked(&self, mailbox: i64, up_to: u64) -> Result<Vec<Acked>, StorageError> {
        self.write()?;
        let mut delete = self.prepare(
            "DELETE FROM message WHERE mailbox = ?1 AND seq <= ?2
             RETURNING id, size, knock, payload",
        )?;
        let rows = delete
            .query_map([mailbox, signed(up_to)], |row| {
                Ok(Acked {
                    id: row.get(0)?,
                    size: unsigned(row.get(1)?),
                    knock: row.get(2)?,
                    payload: row.get(3)?,
                })
            })
            .map_err(storage_error)?;
        rows.collect::<Result<_, _>>().map_err(storage_error)
    }

    /// They are read again when they are needed, and not taken for unchanged if the batch is rolled back.
    fn forget_tokens(&mut self, id: MailboxId) {
        if let Some(cached) = self.cache.change(id) {
            cached.tokens = None;
        }
    }
}

fn read_mailbox(row: &Row<'_>) -> rusqlite::Result<Cached> {
    let first: Option<i64> = row.get(6)?;
    let last: Option<i64> = row.get(7)?;
    let state = MailboxState {
        last_seq: unsigned(row.get(1)?),
        acked_seq: unsigned(row.get(2)?),
        messages: count(row.get(3)?),
        bytes: unsigned(row.get(4)?),
        knocks: count(row.get(5)?),
        expired: first.zip(last).map(|(first, last)| SeqRange {
            first: unsigned(first),
            last: unsigned(last),
        }),
    };
    Ok(Cached::read(row.get(0)?, state))
}

fn read_token(row: &Row<'_>) -> rusqlite::Result<Token> {
    let expires: Option<i64> = row.get(2)?;
    let quota: Option<i64> = row.get(3)?;
    Ok(Token {
        hash: BearerHash::from_bytes(row.get(0)?),
        kind: if row.get(1)? {
            TokenKind::Invite
        } else {
            TokenKind::Delivery
        },
        expires: expires.map(|ms| Timestamp(unsigned(ms))),
        quota: quota.map(count),
        used: count(row.get(4)?),
    })
}

fn read_queued(row: &Row<'_>) -> Result<Queued, StorageError> {
    let id: [u8; 16] = row.get(1).map_err(storage_error)?;
    let envelope: Vec<u8> = row.get(2).map_err(storage_error)?;
    Ok(Queued {
        seq: unsigned(row.get(0).map_err(storage_error)?),
        message_id: MessageId::from_bytes(id),
        envelope: envelope.into(),
    })
}

fn size(envelope: &Bytes) -> u64 {
    u64::try_from(envelope.len()).unwrap_or(u64::MAX)
}
