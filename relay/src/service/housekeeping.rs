//! What time brings: dead connections, and what is past its time.

use undertone_wire::ErrorCode;
use undertone_wire::limits::DEAD_AFTER_MS;

use super::ConnectionId;
use super::batch::{Batch, Mode};
use super::limits::SWEEP_ROWS;
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
        if let Mode::Broken(_) = self.mode {
            return Ok(());
        }
        // Nothing on disk is more exact than a minute.
        let minute = self.now.minutes();
        if self.service.swept_minute != minute {
            let swept = self.storage.sweep(self.now, SWEEP_ROWS)?;
            if !swept.more {
                self.service.swept_minute = minute;
            }
        }
        Ok(())
    }
}
