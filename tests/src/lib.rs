//! End-to-end tests, the simulated world, process tests and benchmarks of Undertone.
