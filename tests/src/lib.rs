//! End-to-end tests, the simulated world, process tests and benchmarks of Undertone.
#![forbid(unsafe_code)]

pub mod bench;
pub mod corpus;
#[cfg(target_os = "linux")]
pub mod powercut;
#[cfg(target_os = "linux")]
pub mod preload;
pub mod process;
