//! Tests of the store through its public operations, and of what is on the disk.

mod delivery;
mod disk;
mod history;
mod lock;
mod migration;
mod open;
mod oracle;
mod remnants;
mod sessions;
mod support;
