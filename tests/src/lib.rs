//! End-to-end tests, the simulated world, process tests and benchmarks of Undertone.
#![forbid(unsafe_code)]

#[cfg(target_os = "linux")]
pub mod powercut;
