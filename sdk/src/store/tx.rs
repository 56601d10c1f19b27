//! The transaction: the only way to read or write tables.

use rusqlite::{
    CachedStatement, Connection, OptionalExtension, Params, Row, Transaction, TransactionBehavior,
};
use zeroize::Zeroizing;

use super::error::StoreError;
use super::seal::{ColumnKey, Place};

/// A transaction. Reads see its own writes. Dropping it undoes everything.
pub struct Tx<'s> {
    inner: Transaction<'s>,
    column_key: &'s ColumnKey,
}

impl<'s> Tx<'s> {
    pub(super) fn begin(
        connection: &'s mut Connection,
        column_key: &'s ColumnKey,
    ) -> Result<Self, StoreError> {
        let inner = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        Ok(Self { inner, column_key })
    }

    /// Makes everything durable.
    ///
    /// # Errors
    /// [`StoreError::Full`] and [`StoreError::Io`]; nothing of the transaction exists then.
    pub fn commit(self) -> Result<(), StoreError> {
        self.inner.commit()?;
        Ok(())
    }

    /// Does something as a whole: when it fails, nothing of it is left, and the transaction goes on.
    ///
    /// # Errors
    /// Those of `body`, and of the store.
    pub fn as_a_whole<T, E: From<StoreError>>(
        &self,
        body: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        self.run("SAVEPOINT whole", [])?;
        let done = body();
        if done.is_err() {
            self.run("ROLLBACK TO whole", [])?;
        }
        self.run("RELEASE whole", [])?;
        done
    }

    fn statement(&self, sql: &str) -> Result<CachedStatement<'_>, StoreError> {
        Ok(self.inner.prepare_cached(sql)?)
    }

    /// Runs a statement; returns how many rows it changed.
    pub(super) fn run(&self, sql: &str, params: impl Params) -> Result<usize, StoreError> {
        Ok(self.statement(sql)?.execute(params)?)
    }

    /// Inserts a row; returns its rowid.
    pub(super) fn insert(&self, sql: &str, params: impl Params) -> Result<i64, StoreError> {
        Ok(self.statement(sql)?.insert(params)?)
    }

    /// The first row, if there is one.
    pub(super) fn one<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, StoreError> {
        Ok(self.statement(sql)?.query_row(params, read).optional()?)
    }

    /// The first column of the only row.
    pub(super) fn value<T: rusqlite::types::FromSql>(
        &self,
        sql: &str,
        params: impl Params,
    ) -> Result<T, StoreError> {
        Ok(self.statement(sql)?.query_row(params, |row| row.get(0))?)
    }

    /// All rows.
    pub(super) fn all<T>(
        &self,
        sql: &str,
        params: impl Params,
        mut read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, StoreError> {
        let mut statement = self.statement(sql)?;
        let rows = statement.query_map(params, |row| read(row))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Seals a secret for its place.
    pub(super) fn seal(&self, place: &Place<'_>, plaintext: &[u8]) -> Result<Vec<u8>, StoreError> {
        self.column_key.seal(place, plaintext)
    }

    /// Opens a secret of a place.
    pub(super) fn open(
        &self,
        place: &Place<'_>,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        self.column_key.open(place, sealed)
    }
}
