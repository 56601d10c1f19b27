//! What is past its time.

use rusqlite::params;
use undertone_wire::MailboxId;
use undertone_wire::limits::IDEMPOTENCE_MS;

use super::error::storage_error;
use super::limits::ROWS_OF_A_MAILBOX;
use super::{SqliteStorage, signed, unsigned};
use crate::storage::types::{Retention, SeqRange, StorageError, Swept, Timestamp};
use crate::storage::{DAY_MS, Mailboxes};

/// A row of the queue that may have expired.
struct Old {
    no: i64,
    mailbox: MailboxId,
    seq: u64,
    size: u64,
    knock: bool,
    payload: Option<i64>,
}

impl SqliteStorage {
    pub(super) fn sweep_rows(
        &mut self,
        now: Timestamp,
        retention: &Retention,
        budget: u32,
    ) -> Result<Swept, StorageError> {
        let cutoff = now.minutes().saturating_sub(retention.envelope_ms / 60_000);
        let expired = self.expire_messages(cutoff, budget)?;
        let forget = signed(now.minutes().saturating_sub(IDEMPOTENCE_MS / 60_000 + 1));
        let rows = usize::try_from(budget).unwrap_or(usize::MAX);
        let mut more = expired >= budget;
        // Both tables are in the order of time.
        for sql in [
            "DELETE FROM acked WHERE no IN
                (SELECT no FROM (SELECT no, minute FROM acked ORDER BY no LIMIT ?2)
                 WHERE minute < ?1)",
            "DELETE FROM pop WHERE no IN
                (SELECT no FROM (SELECT no, minute FROM pop ORDER BY no LIMIT ?2)
                 WHERE minute < ?1)",
        ] {
            more |= self.remove_some(sql, forget, budget)? >= rows;
        }
        let day = now.0 / DAY_MS;
        let unwritten = signed(day.saturating_sub(retention.record_ms / DAY_MS));
        more |= self.remove_records(unwritten, budget)? >= rows;
        let unseen = signed(day.saturating_sub(retention.mailbox_ms / DAY_MS));
        more |= self.remove_unseen(unseen, (budget / ROWS_OF_A_MAILBOX).max(1))?;
        Ok(Swept {
            expired_messages: expired,
            more,
        })
    }

    /// Deletes only if there is something, so that an idle relay syncs nothing.
    fn remove_some(&self, sql: &str, before: i64, budget: u32) -> Result<usize, StorageError> {
        let select = sql
            .split_once('(')
            .and_then(|(_, inner)| inner.strip_suffix(')'))
            .unwrap_or(sql);
        let any = self
            .prepare(select)?
            .exists(params![before, 1])
            .map_err(storage_error)?;
        if any {
            self.run(sql, params![before, budget])
        } else {
            Ok(0)
        }
    }

    fn remove_records(&mut self, before_day: i64, budget: u32) -> Result<usize, StorageError> {
        let old: Vec<(i64, bool)> = {
            let mut select = self.prepare(
                "SELECT no, value IS NOT NULL FROM record WHERE written_day < ?1 LIMIT ?2",
            )?;
            let rows = select
                .query_map(params![before_day, budget], |row| {
                    Ok((row.get(0)?, row.get(1)?))
                })
                .map_err(storage_error)?;
            rows.collect::<Result<_, _>>().map_err(storage_error)?
        };
        for (no, has_value) in &old {
            self.run("DELETE FROM record WHERE no = ?1", [no])?;
            let totals = self.counters.change();
            totals.records = totals.records.saturating_sub(u64::from(*has_value));
        }
        Ok(old.len())
    }

    /// Rows are in the order of arrival, so that the first one that is young enough ends the search.
    fn expire_messages(&mut self, before_minute: u64, budget: u32) -> Result<u32, StorageError> {
        let old: Vec<Old> = {
            let mut select = self.prepare(
                "SELECT m.no, b.id, m.seq, m.size, m.knock, m.payload, m.arrived_minute
                 FROM message m JOIN mailbox b ON b.no = m.mailbox
                 ORDER BY m.no",
            )?;
            let mut rows = select.query([]).map_err(storage_error)?;
            let mut old = Vec::new();
            while u32::try_from(old.len()).is_ok_and(|len| len < budget)
                && let Some(row) = rows.next().map_err(storage_error)?
            {
                let arrived: i64 = row.get(6).map_err(storage_error)?;
                if unsigned(arrived) >= before_minute {
                    break;
                }
                old.push(read_old(row).map_err(storage_error)?);
            }
            old
        };
        for row in &old {
            self.expire_message(row)?;
        }
        Ok(u32::try_from(old.len()).unwrap_or(u32::MAX))
    }

    fn expire_message(&mut self, old: &Old) -> Result<(), StorageError> {
        self.run("DELETE FROM message WHERE no = ?1", [old.no])?;
        if let Some(payload) = old.payload {
            self.release_payload(payload)?;
        }
        self.counters.change().unqueue(1, old.size);
        self.load(old.mailbox)?;
        if let Some(cached) = self.cache.change(old.mailbox) {
            let state = &mut cached.state;
            state.messages = state.messages.saturating_sub(1);
            state.bytes = state.bytes.saturating_sub(old.size);
            state.knocks = state.knocks.saturating_sub(u32::from(old.knock));
            state.expired = Some(SeqRange {
                first: state.expired.map_or(old.seq, |range| range.first),
                last: old.seq,
            });
        }
        Ok(())
    }

    /// Whether there may be more of them than `limit`.
    fn remove_unseen(&mut self, before_day: i64, limit: u32) -> Result<bool, StorageError> {
        let ids: Vec<MailboxId> = {
            let mut select = self.prepare("SELECT id FROM mailbox WHERE seen_day < ?1 LIMIT ?2")?;
            let rows = select
                .query_map(params![before_day, limit], |row| {
                    row.get(0).map(MailboxId::from_bytes)
                })
                .map_err(storage_error)?;
            rows.collect::<Result<_, _>>().map_err(storage_error)?
        };
        let more = u32::try_from(ids.len()).is_ok_and(|found| found >= limit);
        for id in ids {
            self.delete_mailbox(id)?;
        }
        Ok(more)
    }
}

fn read_old(row: &rusqlite::Row<'_>) -> rusqlite::Result<Old> {
    Ok(Old {
        no: row.get(0)?,
        mailbox: MailboxId::from_bytes(row.get(1)?),
        seq: unsigned(row.get(2)?),
        size: unsigned(row.get(3)?),
        knock: row.get(4)?,
        payload: row.get(5)?,
    })
}
