//! Tests of the store through its public operations, and of what is on the disk.

mod changes;
mod contacts;
mod delivery;
mod disk;
mod history;
mod keys;
#[cfg(target_os = "linux")]
pub(crate) mod memory;
mod migration;
mod open;
mod oracle;
mod outbox;
mod pages;
mod profiles;
mod remnants;
mod search;
mod sessions;
mod support;
