//! The blind relay of Undertone: mailboxes, prekeys, records and blobs over opaque bytes.

pub mod storage;
