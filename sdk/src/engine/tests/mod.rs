//! Engines wired to the real relay service on in-memory storage, in virtual time.

mod asking;
mod changes;
mod conversation_settings;
mod crashes;
mod disappearing;
mod first_messages;
mod fresh_sessions;
mod freshness;
mod gaps;
mod hostile;
mod lanes;
mod left_alone;
mod lost_steps;
mod main_job;
mod manifests;
mod meeting;
mod own_manifest;
mod presence;
mod probing;
mod profiles;
mod quiet;
mod refusals;
mod replays;
mod requeue;
mod restored;
mod rolled_back;
mod rotation;
mod simultaneous;
mod sizes;
mod skipped;
mod time;
mod typing;
mod view_once;
#[cfg(target_os = "linux")]
mod wiping;
mod world;
