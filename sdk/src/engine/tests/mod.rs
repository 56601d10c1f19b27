//! Engines wired to the real relay service on in-memory storage, in virtual time.

mod crashes;
mod hostile;
mod main_job;
mod time;
mod world;
