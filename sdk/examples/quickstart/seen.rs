//! Everything that the relay kept, read from its files without knowing what it means.

use std::fs;
use std::path::Path;

use undertone_relay::storage::sqlite::inspect::{self, StoredTable, StoredValue};

use crate::person::{Problem, ensure};

/// Rows of one table that are shown.
const ROWS: usize = 4;

/// Lists the relay's whole store.
pub(crate) fn list(data: &Path) -> Result<(), Problem> {
    for table in inspect::tables(&data.join("relay.db"))? {
        if table.rows.is_empty() {
            continue;
        }
        println!("  {} ({})", table.name, table.rows.len());
        for row in table.rows.iter().take(ROWS) {
            println!("    {}", describe(&table, row));
        }
        if table.rows.len() > ROWS {
            println!("    … and {} more like these", table.rows.len() - ROWS);
        }
    }
    Ok(())
}

fn describe(table: &StoredTable, row: &[StoredValue]) -> String {
    let cells = table.columns.iter().zip(row).filter_map(|(column, value)| {
        let value = match value {
            StoredValue::Null => return None,
            StoredValue::Integer(number) => number.to_string(),
            StoredValue::Real(number) => number.to_string(),
            StoredValue::Text(text) => text.clone(),
            StoredValue::Bytes(bytes) => shorten(bytes),
        };
        Some(format!("{column} {value}"))
    });
    cells.collect::<Vec<_>>().join(", ")
}

/// The first bytes, and how many there are.
fn shorten(bytes: &[u8]) -> String {
    let start: String = bytes.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    match bytes.len() {
        0..=4 => start,
        length => format!("{start}… ({length} bytes)"),
    }
}

/// Looks for words in every byte of the relay's files.
pub(crate) fn contains_none_of(data: &Path, words: &[&str]) -> Result<(), Problem> {
    for entry in fs::read_dir(data)? {
        let path = entry?.path();
        if path.is_file() {
            let bytes = fs::read(&path)?;
            for word in words {
                let found = bytes.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word.as_bytes()));
                ensure(!found, "the relay's files hold no word that was written")?;
            }
        }
    }
    Ok(())
}
