//! Schema versions: `PRAGMA user_version` counts them, each is one SQL file that is applied in one transaction.
//!
//! Files of released versions never change; a new version is a new file and a fixture of the one before
//! (`sdk/tests/fixtures`).

use rusqlite::{Connection, TransactionBehavior};

use super::error::OpenError;

/// The steps, in order; the schema version is how many of them were applied.
const STEPS: &[&str] = &[include_str!("schema/0001.sql")];

/// The newest schema version that this build reads and writes.
pub const SCHEMA_VERSION: u32 = 1;
const _: () = assert!(STEPS.len() == SCHEMA_VERSION as usize);

/// The file's schema version; 0 is a file without a schema.
pub(super) fn version(connection: &Connection) -> Result<u32, OpenError> {
    connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(OpenError::from_sqlite)
}

/// Brings the schema to the newest version, each step in a transaction of its own. `first` writes what a new store starts
/// with, in the transaction of the first step. A newer file is refused unchanged.
pub(super) fn migrate(
    connection: &mut Connection,
    first: impl Fn(&Connection) -> Result<(), OpenError>,
) -> Result<(), OpenError> {
    let found = version(connection)?;
    if found > SCHEMA_VERSION {
        return Err(OpenError::NewerSchema {
            found,
            supported: SCHEMA_VERSION,
        });
    }
    for (version, step) in (1_u32..).zip(STEPS).filter(|(version, _)| *version > found) {
        let tx = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(OpenError::from_sqlite)?;
        tx.execute_batch(step)
            .and_then(|()| tx.pragma_update(None, "user_version", version))
            .map_err(OpenError::from_sqlite)?;
        if version == 1 {
            first(&tx)?;
        }
        tx.commit().map_err(OpenError::from_sqlite)?;
    }
    Ok(())
}
