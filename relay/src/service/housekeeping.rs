//! What time brings: dead connections, and what is past its time.

use undertone_wire::limits::DEAD_AFTER_MS;
use undertone_wire::{ErrorCode, MailboxId};

use super::ConnectionId;
use super::batch::{Batch, Mode};
use super::limits::{SEEN_ROWS, SWEEP_PER_ROW, SWEEP_ROWS};
use crate::storage::StorageError;

impl Batch<'_> {
    pub(super) fn handle_tick(&mut self) -> Result<(), StorageError> {
        let mut dead: Vec<ConnectionId> = self
            .service
            .sessions
            .iter()
            .filter(|(_, session)| self.now.since(session.heard) > DEAD_AFTER_MS)
            .map(|(conn, _)| *conn)
            .collect();
        // The map has no order, and the simulated world wants the same one each time.
        dead.sort_unstable();
        for conn in dead {
            self.shut(conn, ErrorCode::TimedOut);
        }
        if let Mode::Broken(_) = self.mode {
            return Ok(());
        }
        self.service.rates.purge(self.now);
        self.note_presence()?;
        self.sweep_budget = self.sweep_budget.max(SWEEP_ROWS);
        Ok(())
    }

    /// Tells the storage once a day that owners are still there: it removes the mailboxes of those who are not, and a
    /// login may last for months.
    fn note_presence(&mut self) -> Result<(), StorageError> {
        let today = self.now.days();
        let mut due: Vec<(ConnectionId, MailboxId)> = self
            .service
            .sessions
            .iter()
            .filter_map(|(conn, session)| Some((*conn, session.login.as_ref()?)))
            .filter(|(_, login)| !login.peek && login.seen_day != Some(today))
            .map(|(conn, login)| (conn, login.mailbox))
            .take(SEEN_ROWS)
            .collect();
        due.sort_unstable();
        for (conn, mailbox) in due {
            self.storage.open_mailbox(mailbox, self.now)?;
            if let Some(login) = self
                .session_mut(conn)
                .and_then(|session| session.login.as_mut())
            {
                login.seen_day = Some(today);
            }
        }
        Ok(())
    }

    /// Notes that the batch stored `rows` that time will have to remove.
    pub(super) fn stored(&mut self, rows: u32) {
        let more = rows.saturating_mul(SWEEP_PER_ROW);
        self.sweep_budget = self.sweep_budget.saturating_add(more);
    }

    /// Removes what is past its time: a fixed number of rows when it is time for it, and with every batch more than it
    /// stored, so that removing keeps up with storing, whatever the load.
    pub(super) fn sweep(&mut self) -> Result<(), StorageError> {
        // Nothing on disk is more exact than a minute. What a failed commit leaves is found in the next one.
        let minute = self.now.minutes();
        if self.sweep_budget == 0 || self.service.swept_minute == Some(minute) {
            return Ok(());
        }
        let retention = &self.service.config.retention;
        let swept = self.storage.sweep(self.now, retention, self.sweep_budget)?;
        self.gone.1 += u64::from(swept.expired_messages);
        let service = &mut self.service;
        service.swept_minute = (!swept.more).then_some(minute);
        service.to_sweep = swept.more;
        Ok(())
    }
}
