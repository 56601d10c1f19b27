//! Tests of the store through its public operations, and of what is on the disk.

mod changes;
mod contacts;
mod delivery;
mod disk;
mod erasing;
mod exported;
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
mod rotation;
mod search;
mod search_filters;
mod search_order;
mod sessions;
mod support;
mod watched;
