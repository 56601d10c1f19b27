//! What crosses the socket between a client and a relay, and nothing that the relay may not see.
//!
//! The schema is `proto/wire_v1.proto`; `SPEC.md` beside this crate states the semantics for third parties. One binary
//! WebSocket message, or one item of a long-poll [`batch`], is one [`Frame`].
//!
//! Invariant: every byte that both sides must compute alike (ids, hashes, signed bodies, work) is computed here, once.
//! Not its concern: sockets, storage, the session protocol, and whatever is inside an envelope.

#![forbid(unsafe_code)]

pub mod batch;
pub mod bearer;
pub mod binding;
mod codec;
mod error_code;
pub mod ids;
pub mod labels;
pub mod limits;
pub mod signed;
pub mod work;

pub use codec::{FrameDecodeError, FrameEncodeError};
pub use error_code::Actor;
pub use generated::*;
pub use ids::{BlobId, MailboxId, MessageId, PopId, RecordId, StoreEpoch};

/// The version that `Hello` announces and this crate describes.
pub const PROTOCOL_VERSION: u32 = 1;

/// The messages of `proto/wire_v1.proto`; its comments are their documentation.
#[allow(
    missing_docs,
    clippy::all,
    rustdoc::all,
    unreachable_pub,
    unused_qualifications
)]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/undertone.wire.v1.rs"));
}
