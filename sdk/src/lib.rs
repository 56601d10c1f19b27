//! The Undertone client SDK: sessions, devices, an encrypted searchable history, and delivery over blind relays.
//!
//! ```
//! use undertone::{Client, ClientConfig, ClientEvent, Event, InviteLink};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let server = undertone_relay::Relay::start(undertone_relay::Config::loopback(folder.path().join("relay"))).await?;
//! # let relay = format!("ws://{}", server.local_addr());
//! # let (key, other_key) = ([7; 32], [8; 32]);
//! // A store, the 32-byte key that the platform keeps for it, and the relay that will have the mailbox.
//! let alice = Client::open(ClientConfig::new(folder.path().join("alice.db"), key).or_create(&relay, "Alice")).await?;
//! let invite = alice.create_invite("for Bob").await?;
//!
//! // Somebody else, on another device, is given the link.
//! let bob = Client::open(ClientConfig::new(folder.path().join("bob.db"), other_key).or_create(&relay, "Bob")).await?;
//! bob.add_contact(InviteLink::parse(&invite.link)?, Some("Hello, Alice!")).await?;
//!
//! // Events say what changed; what is there is read from the store.
//! let mut events = alice.events();
//! while alice.requests().await?.is_empty() {
//!     events.next().await;
//! }
//! let request = alice.requests().await?.remove(0);
//! alice.accept(request.id).await?;
//! let conversation = alice.conversation_with(request.id).await?.expect("a request has a conversation");
//! conversation.send_text("Hello, Bob!").await?;
//! # bob.close().await;
//! # alice.close().await;
//! # Ok(())
//! # }
//! ```
//!
//! Lists on a screen are live: [`Client::live_conversations`] and [`Conversation::timeline`] give a page of rows that say all that is drawn,
//! and then what changes of it.
//!
//! Everything that an app needs is at the root of this crate: owned types without lifetimes, so that bindings stay thin and the
//! parts behind it stay free to change. [`limits`] has the bounds that an app may meet. The protocol itself is the crate
//! `undertone-protocol`.
//!
//! Inside, `client` is what an app calls; `engine` decides, pure and in steps that must be committed before anything of them
//! happens; `store` keeps; `transport` carries. The feature `internals` makes these three public for this workspace's own tests and
//! benchmarks. Nothing about them is promised.

#![forbid(unsafe_code)]

mod actor;
mod client;
mod error;
mod export;
mod operation;

#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod engine;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod store;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod transport;

#[cfg(not(feature = "internals"))]
#[allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "what only the workspace's tests reach"
)]
mod engine;
#[cfg(not(feature = "internals"))]
#[allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "what only the workspace's tests reach"
)]
mod store;
#[cfg(not(feature = "internals"))]
#[allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "what only the workspace's tests reach"
)]
mod transport;

/// Bounds that an app may meet.
pub mod limits {
    pub use crate::client::limits::{EVENTS, LIVE_ROWS};
    pub use crate::engine::limits::{
        CHANGE_WINDOW_MS, MAX_CONTACTS, MAX_INVITES, MAX_NAME_BYTES, MAX_PENDING_MESSAGES,
        MAX_REQUESTS, MAX_TEXT_BYTES, VIEW_ONCE_KEEP_S,
    };
    pub use crate::export::limits::{
        MAX_IMPORT_LINE_BYTES, MAX_IMPORT_MEDIA_BYTES, REPORTED_MESSAGES,
    };
    pub use crate::store::limits::{MAX_PAGE_ROWS, MAX_QUERY_CHARS, MAX_QUERY_TERMS, MAX_RANKED};
    pub use undertone_protocol::limits::{MAX_ABOUT, MAX_AVATAR};
}

pub use undertone_wire::ErrorCode;

pub use actor::Actor;
pub use client::{
    AccountDeletion, Client, ClientConfig, ClientEvent, Connection, Contact, Conversation,
    ConversationSummary, ConversationsChange, ConversationsDiff, ConversationsUpdate, EmojiCount,
    Events, Gap, Invite, LastMessage, LiveConversations, Message, MessageItem, Once, OpenError,
    Original, Person, Preview, Quote, Reaction, Revision, RotateKeyError, RowId, SearchHit,
    SearchPage, SystemRow, Timeline, TimelineChange, TimelineDiff, TimelineItem, TimelineRow,
    TimelineUpdate, UnlockError, relay_address,
};
pub use engine::{
    AccountAlarm, Audience, DelayReason, DeletionProgress, Event, IdentityAlarm, Presence,
};
pub use error::{
    AddContactError, ChangeError, ContactError, CreateAccountError, DeleteAccountError,
    InviteError, NameError, OpenEngineError, ProfileError, ReportError, SendError, StepError,
};
pub use export::{
    ExportError, ExportSummary, ImportError, ImportFile, ImportSummary, LineFault, Report,
    ReportTarget, ReportedMessage,
};
pub use operation::{Operation, Progress, ProgressEvents};
pub use store::{
    ContactId, ContactState, ContentKind, ConversationCursor, ConversationId, FailureReason, GapId,
    GapState, InviteId, MessageState, OpenError as OpenStoreError, Position, SearchCursor,
    SearchFilter, SearchOrder, StoreError,
};
pub use transport::{
    BindingPolicy, ConnectError, DisconnectCause, InvalidRoot, ProxyLogin, Socks5Proxy, Stage,
    Timeouts, TlsFailure, TransportConfig, Violation,
};
pub use undertone_protocol::account::AccountId;
pub use undertone_protocol::content::{
    AppPayload, ContactCard, FormatRange, LinkPreview, Location, Mention, MessageId, Post, Reply,
    Style, TextRange, Timer, UnknownPart,
};
pub use undertone_protocol::invite::{InviteLink, InviteLinkError};
pub use undertone_protocol::primitives::self_test::{Primitive, SelfTestError};
pub use undertone_protocol::profile::Profile;
pub use undertone_protocol::relay_address::{RelayAddress, RelayAddressError};
pub use undertone_protocol::safety_number::SafetyNumber;
pub use undertone_protocol::time::Timestamp;
