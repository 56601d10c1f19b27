//! What time brings: dead connections, and what is past its time.

use undertone_wire::ErrorCode;
use undertone_wire::limits::DEAD_AFTER_MS;

use super::ConnectionId;
use super::batch::Batch;
use super::limits::{SWEEP_PER_ROW, SWEEP_ROWS};
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
        self.service.rates.purge(self.now);
        self.sweep_budget = self.sweep_budget.max(SWEEP_ROWS);
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
        // Nothing on disk is more exact than a minute.
        let minute = self.now.minutes();
        if self.sweep_budget == 0 || self.service.swept_minute == Some(minute) {
            return Ok(());
        }
        let retention = &self.service.config.retention;
        let swept = self.storage.sweep(self.now, retention, self.sweep_budget)?;
        let service = &mut self.service;
        self.undo
            .swept
            .get_or_insert((service.swept_minute, service.to_sweep));
        service.swept_minute = (!swept.more).then_some(minute);
        service.to_sweep = swept.more;
        Ok(())
    }
}
