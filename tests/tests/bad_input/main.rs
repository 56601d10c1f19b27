//! Bad input, as a person and an operator meet it: the built programs, each given something that is wrong. It gets one
//! clear line that says who must act, and it loses nothing: when the cause is gone, the same conversation goes on.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test support: a failed expectation is the test's failure"
)]

mod between;
#[cfg_attr(
    not(target_os = "linux"),
    allow(dead_code, reason = "namespaces are Linux's")
)]
mod disk;
#[cfg(target_os = "linux")]
mod disks;
mod mailbox;
mod opening;
mod relays;
mod talk;
mod typing;
