//! The pure cryptographic protocol of Undertone: no I/O, no clock, no async; randomness and time are parameters.
