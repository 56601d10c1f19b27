//! Checkpoints on their own thread, so that no commit waits for one, unless the log has grown far beyond its measure.

use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use rusqlite::Connection;

use super::busy;
use super::error::{io_error, storage_error};
use super::limits::{CHECKPOINT_BYTES, WAIT_BYTES};
use crate::storage::StorageError;

/// The thread that writes the log back into the database.
pub(super) struct Checkpointer {
    wake: Option<SyncSender<()>>,
    done: Receiver<()>,
    thread: Option<JoinHandle<()>>,
    /// A checkpoint was asked for and has not been reported done.
    under_way: bool,
    /// Bytes of log at which the next commit waits.
    wait_at: u64,
}

impl Checkpointer {
    pub(super) fn start(path: &Path) -> Result<Self, StorageError> {
        let mut db = Connection::open(path).map_err(storage_error)?;
        busy::wait_in_checkpoints(&mut db)?;
        let (wake, woken) = sync_channel(1);
        let (report, done) = sync_channel(1);
        let thread = std::thread::Builder::new()
            .name("checkpoint".to_owned())
            .spawn(move || run(&db, &woken, &report))
            .map_err(|error| io_error(&error))?;
        Ok(Self {
            wake: Some(wake),
            done,
            thread: Some(thread),
            under_way: false,
            wait_at: WAIT_BYTES,
        })
    }

    /// To be told the length of the log after each commit.
    pub(super) fn log_is(&mut self, bytes: u64) {
        if self.under_way && self.done.try_recv().is_ok() {
            self.under_way = false;
        }
        if bytes < CHECKPOINT_BYTES {
            self.wait_at = WAIT_BYTES;
            return;
        }
        if !self.under_way
            && let Some(wake) = &self.wake
        {
            self.under_way = wake.try_send(()).is_ok();
        }
        if bytes >= self.wait_at && self.under_way {
            // An end of the thread counts as done.
            let _ = self.done.recv();
            self.under_way = false;
            // If it was in vain, somebody reads an old state for long, as a backup does: do not wait at every commit.
            self.wait_at = bytes.saturating_add(WAIT_BYTES);
        }
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.wake = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn run(db: &Connection, woken: &Receiver<()>, report: &SyncSender<()>) {
    let mut told = false;
    while woken.recv().is_ok() {
        // The bulk while commits go on, then the rest and the truncation in a gap.
        let done = ["PASSIVE", "TRUNCATE"].into_iter().try_for_each(|step| {
            db.query_row(&format!("PRAGMA wal_checkpoint({step})"), [], |_| Ok(()))
        });
        // Once until it works again: a busy relay asks for many.
        match done {
            Err(error) if !told => {
                told = true;
                tracing::warn!(error = %storage_error(error), "checkpoints fail");
            }
            Err(_) => {}
            Ok(()) => told = false,
        }
        let _ = report.try_send(());
    }
}
