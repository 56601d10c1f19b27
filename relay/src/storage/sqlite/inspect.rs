//! Everything that a store holds, read by table and column without knowing what it means: for showing what a relay
//! has, and for checking that it has nothing else.

use std::path::Path;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};

use super::error::storage_error;
use crate::storage::StorageError;

/// A table.
#[derive(Debug, Clone)]
pub struct StoredTable {
    /// Its name.
    pub name: String,
    /// The names of its columns.
    pub columns: Vec<String>,
    /// Its rows, a value for each column.
    pub rows: Vec<Vec<StoredValue>>,
}

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub enum StoredValue {
    /// Nothing.
    Null,
    /// A number.
    Integer(i64),
    /// A fraction; the schema has none.
    Real(f64),
    /// A text; the schema has only names of its own.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

/// Reads the whole store in `path`, which a relay may be using.
///
/// # Errors
/// [`StorageError`].
pub fn tables(path: &Path) -> Result<Vec<StoredTable>, StorageError> {
    let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
        .map_err(storage_error)?;
    let mut names = db
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
        .map_err(storage_error)?;
    let names: Vec<String> = names
        .query_map([], |row| row.get(0))
        .and_then(Iterator::collect)
        .map_err(storage_error)?;
    names.into_iter().map(|name| table(&db, name)).collect()
}

fn table(db: &Connection, name: String) -> Result<StoredTable, StorageError> {
    let mut select = db
        .prepare(&format!("SELECT * FROM \"{name}\""))
        .map_err(storage_error)?;
    let columns: Vec<String> = select.column_names().map(str::to_owned).collect();
    let mut rows = Vec::new();
    let mut found = select.query([]).map_err(storage_error)?;
    while let Some(row) = found.next().map_err(storage_error)? {
        let values = (0..columns.len())
            .map(|column| row.get_ref(column).map(value))
            .collect::<Result<_, _>>()
            .map_err(storage_error)?;
        rows.push(values);
    }
    Ok(StoredTable {
        name,
        columns,
        rows,
    })
}

fn value(value: ValueRef<'_>) -> StoredValue {
    match value {
        ValueRef::Null => StoredValue::Null,
        ValueRef::Integer(n) => StoredValue::Integer(n),
        ValueRef::Real(x) => StoredValue::Real(x),
        ValueRef::Text(text) => StoredValue::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => StoredValue::Bytes(bytes.to_vec()),
    }
}
