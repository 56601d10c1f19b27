//! Schema versions: `PRAGMA user_version` counts them, each is one SQL file that is applied in one transaction.
//!
//! Files of released versions never change; a new version is a new file and a fixture of the one before
//! (`sdk/tests/fixtures`).

use rusqlite::{Connection, TransactionBehavior};

use super::error::OpenError;

/// The steps, in order; the schema version is how many of them were applied.
pub(super) const STEPS: &[&str] = &[
    include_str!("schema/0001.sql"),
    include_str!("schema/0002.sql"),
    include_str!("schema/0003.sql"),
    include_str!("schema/0004.sql"),
];

/// The newest schema version that this build reads and writes.
pub const SCHEMA_VERSION: u32 = 4;
const _: () = assert!(STEPS.len() == SCHEMA_VERSION as usize);

/// The file's schema version; 0 is a file without a schema.
fn version(connection: &Connection) -> Result<u32, OpenError> {
    connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(OpenError::from_sqlite)
}

/// Refuses a file whose schema this build does not know: a newer one, and one whose tables are not what its version says.
/// Changes nothing.
pub(super) fn check(connection: &Connection) -> Result<(), OpenError> {
    let found = version(connection)?;
    let steps = usize::try_from(found).ok().and_then(|it| STEPS.get(..it));
    let Some(steps) = steps else {
        return Err(OpenError::NewerSchema {
            found,
            supported: SCHEMA_VERSION,
        });
    };
    if columns(connection)? == columns(&model(steps)?)? {
        Ok(())
    } else {
        Err(OpenError::UnknownSchema { found })
    }
}

/// An empty database in memory after these steps.
fn model(steps: &[&str]) -> Result<Connection, OpenError> {
    let model = || -> rusqlite::Result<Connection> {
        let model = Connection::open_in_memory()?;
        undertone_tokenizer::register(&model)?;
        steps
            .iter()
            .try_for_each(|step| model.execute_batch(step))?;
        Ok(model)
    };
    model().map_err(OpenError::from_sqlite)
}

/// Every column of every table, each as one text. Not what SQLite makes by itself, which its next version may make in
/// another way.
fn columns(connection: &Connection) -> Result<Vec<String>, OpenError> {
    let read = || -> rusqlite::Result<Vec<String>> {
        let mut statement = connection.prepare(
            r#"SELECT format('%s.%s %s %d %d', t.name, c.name, c.type, c."notnull", c.pk)
               FROM pragma_table_list AS t JOIN pragma_table_info(t.name) AS c
               WHERE t.schema = 'main' AND t.type = 'table' AND t.name NOT LIKE 'sqlite\_%' ESCAPE '\'
               ORDER BY 1"#,
        )?;
        statement.query_map([], |row| row.get(0))?.collect()
    };
    read().map_err(OpenError::from_sqlite)
}

/// Brings the schema to the newest version, each step in a transaction of its own. `first` writes what a new store starts
/// with, in the transaction of the first step. The file was [checked](check).
pub(super) fn migrate(
    connection: &mut Connection,
    first: impl Fn(&Connection) -> Result<(), OpenError>,
) -> Result<(), OpenError> {
    let found = version(connection)?;
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
