//! Bounds of what is read from files, each with its unit and its reason.

/// Bytes of one line, its end included: the longest text with every byte escaped and all parts is half of that.
pub const MAX_IMPORT_LINE_BYTES: usize = 1 << 20;

/// Bytes of one file of `media`: a part of a post is no larger.
pub const MAX_IMPORT_MEDIA_BYTES: u64 = 65_535;

/// Messages that are read from the store, and written, at a time: some milliseconds in which other calls wait.
pub(crate) const EXPORT_BATCH: usize = 500;

/// Messages of a contact in a report about it, the newest: what the user has just read.
pub const REPORTED_MESSAGES: usize = 20;
