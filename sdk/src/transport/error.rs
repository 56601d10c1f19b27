//! How connecting fails and how a connection ends. No text here names an address.

use std::time::Duration;

use undertone_wire::ErrorCode;

use crate::actor::Actor;

/// Why a connection did not come to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The name does not resolve, or nothing answers there. The network or the operator must act; retrying helps.
    #[error("the relay cannot be reached")]
    Unreachable,
    /// The SOCKS5 proxy cannot be reached or refuses. Whoever configured the proxy must act; retrying may help.
    #[error("the SOCKS5 proxy cannot be reached or refuses the connection")]
    Proxy,
    /// The TLS handshake failed. Retrying may help.
    #[error("no secure connection: {0}")]
    Tls(#[from] TlsFailure),
    /// Something answers, but not as a relay does. The user (address) or the operator must act.
    #[error("what answers at the relay's address is not an Undertone relay (HTTP status {status})")]
    NotARelay {
        /// The HTTP status that came instead.
        status: u16,
    },
    /// The relay is overloaded or restarting. Retrying helps.
    #[error("the relay is busy")]
    Busy,
    /// The relay speaks another version of the protocol. Whoever is older must update.
    #[error(
        "the relay speaks protocol version {theirs}, this client version {ours}: {}",
        if theirs > ours { "update this app" } else { "its operator must update it" }
    )]
    UnsupportedVersion {
        /// The relay's version.
        theirs: u32,
        /// This client's version.
        ours: u32,
    },
    /// The relay does not bind logins to the TLS channel and the configuration demands it. Whoever configured must act.
    #[error(
        "the relay does not bind logins to the TLS connection, which the configuration demands"
    )]
    BindingRefused,
    /// The relay breaks the protocol. The operator must act.
    #[error("the relay breaks the protocol: {0}")]
    Violation(#[from] Violation),
    /// It took too long. Retrying may help.
    #[error("the relay took too long {0}")]
    TimedOut(Stage),
}

/// What went wrong inside TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TlsFailure {
    /// The certificate is expired or not valid yet: the relay's operator, or this device's clock.
    #[error("the certificate is out of date, or this device's clock is wrong")]
    CertificateTime,
    /// The certificate is not for this name or not signed by a trusted root.
    #[error("the certificate is not trusted for this name")]
    Certificate,
    /// Anything else, for example no common version.
    #[error("the handshake failed")]
    Handshake,
}

/// What a relay must not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Violation {
    /// A frame, message or body above its limit was announced. Nothing of it was read.
    #[error("a message above the limit")]
    TooLarge,
    /// A frame does not parse.
    #[error("a malformed frame")]
    MalformedFrame,
    /// The WebSocket protocol is broken: compression or text that nobody asked for, a bad header.
    #[error("a broken WebSocket stream")]
    WebSocket,
    /// An HTTP answer that is none, or a body that is no batch.
    #[error("a broken HTTP answer")]
    Http,
    /// `Hello` is missing, comes twice or has fields that cannot be.
    #[error("a wrong greeting")]
    Greeting,
}

/// Where time ran out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage {
    /// TCP, proxy or TLS.
    Connecting,
    /// The WebSocket upgrade or the opening of a long-poll session.
    Upgrading,
    /// Between the upgrade and the relay's first frame.
    Greeting,
}

impl std::fmt::Display for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Connecting => "to connect",
            Self::Upgrading => "to answer the upgrade",
            Self::Greeting => "to greet",
        })
    }
}

/// How a connection ended, or that it never began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DisconnectCause {
    /// It never came to be.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The socket closed or broke without a word. Retrying helps.
    #[error("the connection broke")]
    Lost,
    /// The relay left a request unanswered for too long. Retrying helps.
    #[error("the relay stopped answering")]
    Silent,
    /// The relay said why it closes.
    #[error("the relay closed the connection")]
    ClosedByRelay {
        /// The relay's reason.
        reason: ErrorCode,
        /// How long it asks us to stay away.
        retry_after: Duration,
    },
    /// The relay broke the protocol. The operator must act.
    #[error("the relay broke the protocol: {0}")]
    Violation(#[from] Violation),
    /// This side closed it: idle, offline, or at the engine's wish.
    #[error("closed by this side")]
    Requested,
    /// The WebSocket is open to us again and replaces a long-poll session.
    #[error("replaced by a better connection")]
    Replaced,
}

impl ConnectError {
    /// Who must act.
    #[must_use]
    pub fn actor(&self) -> Actor {
        match self {
            Self::Unreachable | Self::Busy | Self::TimedOut(_) => Actor::Nobody,
            Self::Proxy
            | Self::NotARelay { .. }
            | Self::BindingRefused
            | Self::Tls(TlsFailure::CertificateTime) => Actor::User,
            Self::UnsupportedVersion { theirs, ours } if theirs > ours => Actor::User,
            Self::UnsupportedVersion { .. }
            | Self::Tls(TlsFailure::Certificate | TlsFailure::Handshake)
            | Self::Violation(_) => Actor::Operator,
        }
    }
}

impl DisconnectCause {
    /// Who must act.
    #[must_use]
    pub fn actor(&self) -> Actor {
        match self {
            Self::Connect(error) => error.actor(),
            Self::ClosedByRelay { reason, .. } => match reason.actor() {
                undertone_wire::Actor::Nobody | undertone_wire::Actor::Time => Actor::Nobody,
                undertone_wire::Actor::User => Actor::User,
                undertone_wire::Actor::Client => Actor::Developer,
                undertone_wire::Actor::Operator => Actor::Operator,
            },
            Self::Violation(_) => Actor::Operator,
            Self::Lost | Self::Silent | Self::Requested | Self::Replaced => Actor::Nobody,
        }
    }
}
