//! History as plain files: written for whoever wants to read, compare or keep it, and read back into an empty store.
//!
//! `README.md` in this folder is the format. Invariant: no key, token or secret is in it, whatever the store holds; two exports
//! without a change in between are the same bytes; what is read is checked like what comes from the network. Not its concern: the
//! calls of the client, and what a contact without keys may do (the engine).

mod error;
mod files;
pub(crate) mod limits;
mod lines;
mod reading;
mod report;
mod writing;

pub use error::{ExportError, ImportError, ImportFile, LineFault};
pub use report::{Report, ReportTarget, ReportedMessage};

pub(crate) use reading::Import;
pub(crate) use writing::{Conversation, Export, Exporter};

#[cfg(test)]
#[path = "export_tests.rs"]
mod tests;

/// What an export wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ExportSummary {
    /// Contacts, each with its conversation.
    pub contacts: u64,
    /// Messages.
    pub messages: u64,
    /// Messages that were left out because they disappear.
    pub left_out: u64,
}

/// What an import brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ImportSummary {
    /// Contacts, each with its conversation.
    pub contacts: u64,
    /// Messages.
    pub messages: u64,
}
