//! How long what nobody takes, visits or writes is kept by default, whatever the engine. An envelope's time is of the wire.

/// Milliseconds of a day.
pub(crate) const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// Milliseconds without its owner after which a mailbox is removed: twice the 45 days after which its owner's contacts
/// skip it, so that nothing anybody still expects is lost.
pub const MAILBOX_TTL_MS: u64 = 90 * DAY_MS;

/// Milliseconds after which a record that nobody wrote is removed: over a year, so that a yearly rewrite keeps it.
pub const RECORD_TTL_MS: u64 = 400 * DAY_MS;
