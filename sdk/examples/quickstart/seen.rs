//! Everything that the relay kept, read from its files without knowing what it means.

use std::fs;
use std::path::Path;

use undertone_relay::storage::sqlite::inspect::{self, StoredTable, StoredValue};

use crate::person::{Problem, ensure};

/// Rows of one table that are shown.
const ROWS: usize = 4;

/// Letters of the shortest word that is looked for: in some hundred kilobytes of noise three letters stand by chance.
const SHORTEST_WORD: usize = 7;

/// A word that the relay itself writes into its files: the name of a table.
const KNOWN: &str = "prekey_page";

/// Lists the relay's whole store.
pub(crate) fn list(data: &Path) -> Result<(), Problem> {
    for table in inspect::tables(&data.join("relay.db"))? {
        if table.rows.is_empty() {
            continue;
        }
        println!(
            "  {} × {}: {}",
            table.rows.len(),
            table.name,
            meaning(&table.name)
        );
        for row in table.rows.iter().take(ROWS) {
            println!("    {}", describe(&table, row));
        }
        if table.rows.len() > ROWS {
            println!("    … and {} more like these", table.rows.len() - ROWS);
        }
    }
    Ok(())
}

/// What a table is for, in the relay's words; there are no others.
fn meaning(table: &str) -> &'static str {
    match table {
        "meta" => "the store itself",
        "mailbox" => "queues, by the hash of a key that signs logins",
        "message" => "envelopes that nobody has fetched yet, all alike but for their bucket",
        "payload" => "envelopes that several mailboxes share",
        "acked" => "ids of envelopes that are gone, kept for ten minutes so that none comes twice",
        "token" => "hashes of the right to write to a mailbox",
        "prekey" => "public keys for whoever writes first, one use each",
        "prekey_page" => "public keys for whoever writes first, replaced every week",
        "pop" => "keys that were handed out, kept for ten minutes for a lost answer",
        "record" => "versioned values that it cannot read",
        "blob" => "files that it cannot read",
        _ => "",
    }
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
    let start: String = bytes
        .iter()
        .take(4)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    match bytes.len() {
        0..=4 => start,
        length => format!("{start}… ({length} bytes)"),
    }
}

/// Looks for words in every byte of the relay's files.
pub(crate) fn contains_none_of(data: &Path, words: &[&str]) -> Result<(), Problem> {
    ensure(
        words.iter().all(|word| word.len() >= SHORTEST_WORD),
        "no word is found by chance",
    )?;
    ensure(
        contains(data, KNOWN)?,
        "the search finds a word that is there",
    )?;
    for word in words {
        ensure(
            !contains(data, word)?,
            "the relay's files hold no word that was written",
        )?;
    }
    Ok(())
}

fn contains(data: &Path, word: &str) -> Result<bool, Problem> {
    for entry in fs::read_dir(data)? {
        let path = entry?.path();
        if path.is_file() {
            let found = fs::read(&path)?
                .windows(word.len())
                .any(|window| window.eq_ignore_ascii_case(word.as_bytes()));
            if found {
                return Ok(true);
            }
        }
    }
    Ok(false)
}
