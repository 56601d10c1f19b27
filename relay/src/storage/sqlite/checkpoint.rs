//! Checkpoints on their own thread, so that no commit waits for one.

use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;

use super::error::{io_error, storage_error};
use crate::storage::StorageError;

/// Bytes of write-ahead log from which on it is written back.
const CHECKPOINT_BYTES: u64 = 16 * 1024 * 1024;

/// How long the final step of a checkpoint waits for a gap between commits.
const BUSY: Duration = Duration::from_secs(5);

/// The thread that writes the log back into the database.
pub(super) struct Checkpointer {
    wake: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpointer {
    pub(super) fn start(path: &Path) -> Result<Self, StorageError> {
        let db = Connection::open(path).map_err(storage_error)?;
        db.busy_timeout(BUSY).map_err(storage_error)?;
        let (wake, woken) = sync_channel(1);
        let thread = std::thread::Builder::new()
            .name("checkpoint".to_owned())
            .spawn(move || run(&db, &woken))
            .map_err(|error| io_error(&error))?;
        Ok(Self {
            wake: Some(wake),
            thread: Some(thread),
        })
    }

    /// To be told the length of the log after each commit.
    pub(super) fn log_is(&self, bytes: u64) {
        if bytes >= CHECKPOINT_BYTES
            && let Some(wake) = &self.wake
        {
            // When it is awake already, it need not be told again.
            let _ = wake.try_send(());
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

fn run(db: &Connection, woken: &Receiver<()>) {
    while woken.recv().is_ok() {
        // The bulk while commits go on, then the rest and the truncation in a short gap: without it the log grows.
        for step in ["PASSIVE", "TRUNCATE"] {
            let done = db.query_row(&format!("PRAGMA wal_checkpoint({step})"), [], |_| Ok(()));
            if let Err(error) = done {
                tracing::warn!(error = %storage_error(error), step, "a checkpoint failed");
            }
        }
    }
}
