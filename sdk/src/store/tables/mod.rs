//! One module per table (or pair of tables that change together), each a set of typed operations of a [`Tx`].
//!
//! [`Tx`]: super::Tx

mod accepted;
mod budgets;
mod contacts;
mod conversations;
mod cursors;
mod disappearing;
mod early_changes;
mod exported;
mod gaps;
mod identity;
mod invites;
mod kept;
mod kinds;
mod messages;
mod meta;
mod outbox;
mod parked;
mod peer_devices;
mod prekeys;
mod profiles;
mod reactions;
mod receipts;
mod relays;
mod resends;
mod retained;
mod revisions;
mod sessions;
mod skipped;
mod streams;
mod text_index;
mod timeline;

pub use accepted::*;
pub use budgets::*;
pub use contacts::*;
pub use conversations::*;
pub use cursors::*;
pub use disappearing::*;
pub use early_changes::*;
pub use exported::*;
pub use gaps::*;
pub use identity::*;
pub use invites::*;
pub use kept::*;
pub use kinds::ContentKind;
pub(in crate::store) use messages::{COLUMNS, read as read_message};
pub use messages::{
    FailureReason, Inserted, MessageKind, MessageRow, MessageState, Messages, NewMessage, Position,
};
pub use meta::*;
pub use outbox::*;
pub use parked::*;
pub use peer_devices::*;
pub use prekeys::*;
pub use profiles::*;
pub use reactions::{Reaction, Reactions};
pub use receipts::*;
pub use relays::*;
pub use resends::*;
pub use retained::*;
pub use revisions::*;
pub use sessions::*;
pub use skipped::*;
pub use streams::*;
pub(in crate::store) use text_index::{
    META_VERSION, REACTED_TERM, conversation_term, index_table, kind_term, sender_term,
};
pub use timeline::*;

use super::error::StoreError;
use super::limits::MAX_PAGE_ROWS;
use super::tx::Tx;

/// A page's size as SQL takes it, bounded.
pub(in crate::store) fn page(limit: usize) -> i64 {
    i64::try_from(limit.min(MAX_PAGE_ROWS)).unwrap_or(0)
}

/// Succeeds when exactly one row was changed; a row that should exist and does not is the caller's defect.
fn exactly_one(changed: usize) -> Result<(), StoreError> {
    if changed == 1 {
        Ok(())
    } else {
        Err(StoreError::Constraint)
    }
}

/// Declares the view of a transaction that has a table's operations.
macro_rules! table {
    ($(#[$meta:meta])* $name:ident, $accessor:ident) => {
        $(#[$meta])*
        pub struct $name<'t> {
            pub(super) tx: &'t Tx<'t>,
        }

        impl<'s> Tx<'s> {
            $(#[$meta])*
            #[must_use]
            pub fn $accessor(&self) -> $name<'_> {
                $name { tx: self }
            }
        }
    };
}
use table;
