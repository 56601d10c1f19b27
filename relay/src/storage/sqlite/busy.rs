//! How the two connections, that of the commits and that of the checkpoints, wait for each other: not longer than they must.

use std::time::Duration;

use rusqlite::Connection;

use super::error::storage_error;
use super::limits::{BUSY_LOOK, CHECKPOINT_BUSY, COMMIT_BUSY};
use crate::storage::StorageError;

/// Commits wait for the last step of a checkpoint.
pub(super) fn wait_in_commits(db: &mut Connection) -> Result<(), StorageError> {
    db.busy_handler(Some(|looks| look_again(looks, COMMIT_BUSY)))
        .map_err(storage_error)
}

/// The last step of a checkpoint waits for a gap between commits.
pub(super) fn wait_in_checkpoints(db: &mut Connection) -> Result<(), StorageError> {
    db.busy_handler(Some(|looks| look_again(looks, CHECKPOINT_BUSY)))
        .map_err(storage_error)
}

/// Sleeps before another look, unless there were so many that `longest` is over.
#[expect(
    clippy::disallowed_methods,
    reason = "a lock of SQLite tells nobody that it is free; its own wait sleeps as well, and longer"
)]
fn look_again(looks: i32, longest: Duration) -> bool {
    let looks = u32::try_from(looks).unwrap_or(0);
    if BUSY_LOOK.saturating_mul(looks) >= longest {
        return false;
    }
    std::thread::sleep(BUSY_LOOK);
    true
}
