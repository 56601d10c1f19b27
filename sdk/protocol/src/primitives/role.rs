//! The roles of Ed25519 keys, as types: a key of one role cannot sign or verify what belongs to another.

/// The account key.
pub struct Account;
/// The key that may name an account's successor.
pub struct Succession;
/// DSK: the signing key of a device.
pub struct Device;
/// The key that owns a mailbox at a relay.
pub struct Mailbox;
/// The key that may write a record at a relay.
pub struct RecordWrite;
/// The key of one sender in one epoch of a group.
pub struct GroupSender;
