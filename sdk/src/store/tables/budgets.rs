//! What contacts have used up of things that each may cause only so often.

use super::{StoreError, Tx, table};
use crate::store::ids::{ContactId, Uint, at, coded};
use undertone_protocol::time::Timestamp;

coded! {
    /// What is bounded for each contact.
    pub enum BudgetKind {
        /// What this device sends because the contact sent something: receipts, answers.
        Answers = 1,
        /// Copies of messages sent again.
        Resends = 2,
    }
}

table! {
    /// What contacts have used up.
    Budgets, budgets
}

impl Budgets<'_> {
    /// When a contact has used up nothing any more; absent when it never used up anything.
    pub fn full_at(
        &self,
        contact: ContactId,
        kind: BudgetKind,
    ) -> Result<Option<Timestamp>, StoreError> {
        let at: Option<Uint> = self.tx.one(
            "SELECT full_ms FROM budget WHERE contact = ?1 AND kind = ?2",
            (contact, kind),
            |row| row.get(0),
        )?;
        Ok(at.map(Into::into))
    }

    /// Sets when a contact has used up nothing any more.
    pub fn set_full_at(
        &self,
        contact: ContactId,
        kind: BudgetKind,
        full_at: Timestamp,
    ) -> Result<(), StoreError> {
        self.tx.run(
            "INSERT INTO budget (contact, kind, full_ms) VALUES (?1, ?2, ?3)
             ON CONFLICT (contact, kind) DO UPDATE SET full_ms = ?3",
            (contact, kind, at(full_at)),
        )?;
        Ok(())
    }
}
