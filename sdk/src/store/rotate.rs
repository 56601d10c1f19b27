//! Another key for the store: a copy under the new key takes the place of the file in one step.
//!
//! Invariant: the file under the store's name is whole at every moment, and opens with exactly one of the two keys: the old one
//! before the rename, the new one after it. The copy is durable before; no log or journal exists then that could be taken for the
//! copy's. What the column key sealed is sealed under another one. Afterwards the old file is overwritten.
//!
//! SQLCipher's own `rekey` writes new pages through the log, so that a crash leaves a file of both keys.
//!
//! Not its concern: where the app keeps its keys; see [`ClientConfig::or_key`](crate::ClientConfig::or_key).

use std::fs::{self, File};
use std::io;
use std::path::Path;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags, Row};
use undertone_protocol::primitives::secret::SecretBytes;

use super::Store;
use super::erase::{overwrite, remove, sync_folder};
use super::error::{OpenError, StoreError};
use super::key::StoreKey;
use super::limits::{RESEAL_ROWS, ROTATE_PAGES};
use super::open::{self, beside};
use super::seal::{ColumnKey, Place};
use crate::operation::{Cancelled, Watch};

/// Where the copy is made, behind the store's name.
pub(super) const COPY: &str = "-rekey";

/// Why a store's key was not rotated.
#[derive(Debug, thiserror::Error)]
pub enum RotateError {
    /// The app cancelled it: the store has its old key.
    #[error("the operation was cancelled")]
    Cancelled,
    /// The copy could not be made, for want of room for example: the store has its old key.
    #[error("the store could not be copied: {0}")]
    Copy(#[source] OpenError),
    /// The store has the new key and could not be opened with it. It must be opened anew; this handle of it is of no use.
    #[error("the store has the new key and could not be opened again: {0}")]
    Reopen(#[source] OpenError),
}

impl From<Cancelled> for RotateError {
    fn from(_: Cancelled) -> Self {
        Self::Cancelled
    }
}

impl From<OpenError> for RotateError {
    fn from(error: OpenError) -> Self {
        Self::Copy(error)
    }
}

impl From<StoreError> for RotateError {
    fn from(error: StoreError) -> Self {
        Self::Copy(error.into())
    }
}

impl From<rusqlite::Error> for RotateError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Copy(OpenError::from_sqlite(error))
    }
}

impl From<io::Error> for RotateError {
    fn from(error: io::Error) -> Self {
        Self::Copy(OpenError::Io(error))
    }
}

impl Store {
    /// Gives the store another key, and its sealed columns another column key. `watch` counts pages, and is asked until the copy is
    /// whole. A store that has the key already is left as it is.
    ///
    /// # Errors
    /// [`RotateError`] says which key the store has.
    pub(crate) fn rotate_key(
        &mut self,
        key: &StoreKey,
        watch: &dyn Watch,
    ) -> Result<(), RotateError> {
        if self.is_key(key)? {
            return Ok(());
        }
        let copied = self.copy_under(key, watch);
        let mut old = match copied {
            Ok(old) => old,
            Err(failure) => {
                // What cannot be removed now is removed when the store is opened next.
                let _ = forget_copy(&self.path);
                open::configure(&self.connection, &self.options)?;
                return Err(failure);
            }
        };
        // Before anything of the old file is touched: a power cut could bring its name back.
        sync_folder(&self.path).map_err(|error| RotateError::Reopen(OpenError::Io(error)))?;
        let (connection, column_key) =
            open::connect(&self.path, key, &self.options).map_err(RotateError::Reopen)?;
        let old_connection = std::mem::replace(&mut self.connection, connection);
        self.column_key = column_key;
        drop(old_connection);
        super::seal::burn_stack();
        // Not before its connection is closed, which reads it. It has no name any more: nothing depends on this.
        let _ = overwrite(&mut old);
        Ok(())
    }

    /// Puts a copy of the file under another key in its place. The old file, which has no name any more.
    fn copy_under(&mut self, key: &StoreKey, watch: &dyn Watch) -> Result<File, RotateError> {
        let path = self.path.clone();
        let copy = beside(&path, COPY);
        // Without a log: one that is there when the file is replaced would be taken for the new one's.
        open::checkpoint(&self.connection)?;
        let mode: String =
            self.connection
                .pragma_update_and_check(None, "journal_mode", "DELETE", |row| row.get(0))?;
        if mode != "delete" {
            return Err(OpenError::InUse.into());
        }
        let made = self.make_copy(&copy, key, watch);
        made.map_err(|error| match error {
            RotateError::Copy(error) => RotateError::Copy(open::looked_into(error, &path)),
            RotateError::Cancelled | RotateError::Reopen(_) => error,
        })?;
        for ending in ["-wal", "-journal"] {
            remove(&beside(&path, ending))?;
        }
        sync_folder(&path)?;
        let old = File::options().write(true).open(&path)?;
        if let Err(error) = fs::rename(&copy, &path) {
            // On Unix, closing it would give up the lock that SQLite has on the file.
            std::mem::forget(old);
            return Err(error.into());
        }
        Ok(old)
    }

    fn make_copy(&self, path: &Path, key: &StoreKey, watch: &dyn Watch) -> Result<(), RotateError> {
        remove(path)?;
        let mut copy = Connection::open_with_flags(
            path,
            OpenFlags::SQLITE_OPEN_READ_WRITE
                | OpenFlags::SQLITE_OPEN_CREATE
                | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )?;
        open::prepare(&copy, key, &open::fresh_salt(key)?)?;
        // Made durable as a whole; until then nothing depends on it.
        copy.pragma_update_and_check(None, "journal_mode", "MEMORY", |_| Ok(()))?;
        copy.pragma_update(None, "synchronous", "OFF")?;
        let pages = copy_pages(&self.connection, &mut copy, watch)?;
        let go_on = || watch.at(pages, pages);
        let column_key = open::random_key()?;
        reseal(&mut copy, &self.column_key, &column_key, go_on)?;
        open::put_column_key(&copy, key, &column_key)?;
        copy.close().map_err(|(_, error)| error)?;
        File::options().write(true).open(path)?.sync_all()?;
        Ok(go_on()?)
    }
}

/// Removes the copy that a crash left.
pub(super) fn forget_copy(path: &Path) -> io::Result<()> {
    remove(&beside(path, COPY))
}

/// Copies every page; returns how many.
fn copy_pages(
    from: &Connection,
    to: &mut Connection,
    watch: &dyn Watch,
) -> Result<u64, RotateError> {
    let backup = Backup::new(from, to)?;
    loop {
        let step = backup.step(ROTATE_PAGES)?;
        let progress = backup.progress();
        let count = |pages: i32| u64::try_from(pages).unwrap_or_default();
        let (left, all) = (count(progress.remaining), count(progress.pagecount));
        watch.at(all.saturating_sub(left), all)?;
        if step == StepResult::Done {
            return Ok(all);
        }
        if step != StepResult::More {
            return Err(OpenError::InUse.into());
        }
    }
}

/// Row, sealed value and natural key.
type SealedValue = (i64, Vec<u8>, Vec<u8>);

/// A column of secrets, as `seal` binds them to their places.
pub(super) struct Sealed {
    pub(super) table: &'static str,
    pub(super) column: &'static str,
    /// The columns that a row's natural key is made of.
    key: &'static str,
    /// That key, from the third column on.
    row: fn(&Row<'_>) -> rusqlite::Result<Vec<u8>>,
}

/// Every column that the schema calls sealed.
pub(super) const SEALED: [Sealed; 8] = [
    Sealed {
        table: "meta",
        column: "value",
        key: "key",
        row: |row| row.get::<_, String>(2).map(String::into_bytes),
    },
    Sealed {
        table: "identity",
        column: "secrets",
        key: "id",
        row: |row| row.get::<_, i64>(2).map(|id| id.to_string().into_bytes()),
    },
    Sealed {
        table: "prekey",
        column: "private",
        key: "kind, key_id",
        row: |row| {
            let mut key = vec![row.get::<_, u8>(2)?];
            key.extend_from_slice(&row.get::<_, u32>(3)?.to_be_bytes());
            Ok(key)
        },
    },
    by_bytes("contact", "secrets", "account"),
    by_bytes("session", "state", "sid"),
    by_bytes("session_pq", "material", "session"),
    by_bytes("skipped", "message_key", "tag"),
    by_bytes("invite", "token", "id"),
];

const fn by_bytes(table: &'static str, column: &'static str, key: &'static str) -> Sealed {
    Sealed {
        table,
        column,
        key,
        row: |row| row.get(2),
    }
}

/// Seals every secret under another column key.
fn reseal(
    copy: &mut Connection,
    from: &ColumnKey,
    to: &SecretBytes<32>,
    go_on: impl Fn() -> Result<(), Cancelled>,
) -> Result<(), RotateError> {
    let to = ColumnKey::new(to);
    for column in &SEALED {
        let mut after = i64::MIN;
        loop {
            go_on()?;
            let tx = copy.transaction()?;
            let rows = column.page(&tx, after)?;
            let Some(last) = rows.last() else { break };
            after = last.0;
            for (id, sealed, key) in &rows {
                if let Some(sealed) = column.resealed(from, &to, sealed, key)? {
                    let sql = format!(
                        "UPDATE {} SET {} = ?2 WHERE rowid = ?1",
                        column.table, column.column
                    );
                    tx.execute(&sql, (id, sealed))?;
                }
            }
            tx.commit()?;
        }
    }
    Ok(())
}

impl Sealed {
    /// The values of the next rows.
    pub(super) fn page(&self, copy: &Connection, after: i64) -> rusqlite::Result<Vec<SealedValue>> {
        let Self {
            table, column, key, ..
        } = self;
        let mut rows = copy.prepare_cached(&format!(
            "SELECT rowid, {column}, {key} FROM {table} WHERE rowid > ?1 AND {column} IS NOT NULL ORDER BY rowid LIMIT ?2"
        ))?;
        rows.query_map((after, RESEAL_ROWS), |row| {
            Ok((row.get(0)?, row.get(1)?, (self.row)(row)?))
        })?
        .collect()
    }

    /// A value under another key. Among single values by name there are plain ones, and the column key itself, which is wrapped:
    /// what does not open is none of these secrets, and stays as it is.
    pub(super) fn resealed(
        &self,
        from: &ColumnKey,
        to: &ColumnKey,
        sealed: &[u8],
        row: &[u8],
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let place = Place {
            table: self.table,
            column: self.column,
            row,
        };
        match from.open(&place, sealed) {
            Ok(plain) => to.seal(&place, &plain).map(Some),
            Err(StoreError::Corrupt) if self.table == "meta" => Ok(None),
            Err(error) => Err(error),
        }
    }
}
