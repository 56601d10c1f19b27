//! The relay's first frame, checked before anything else is believed.

use std::time::Duration;

use undertone_protocol::relay_address::RelayAddress;
use undertone_wire::binding::{self, BindingValue};
use undertone_wire::frame::Body;
use undertone_wire::{ChannelBinding, Frame, Hello, PROTOCOL_VERSION};

use super::address;
use super::config::BindingPolicy;
use super::error::{ConnectError, Violation};
use super::limits::{HEARTBEAT_MAX, HEARTBEAT_MIN};

/// A `Hello` of our version, with what it binds logins to.
pub(super) struct Greeting {
    pub(super) hello: Hello,
    /// The TLS exporter or SHA-256 of the host name, as `hello.channel_binding` says.
    pub(super) binding: BindingValue,
}

/// What a greeting is checked against.
pub(super) struct Expectation<'a> {
    pub(super) relay: &'a RelayAddress,
    /// Of this very connection; `None` without TLS and for long-poll.
    pub(super) exporter: Option<[u8; 32]>,
    pub(super) policy: BindingPolicy,
}

impl Greeting {
    /// Parses the first frame of a connection.
    pub(super) fn parse(first: Frame, expected: &Expectation<'_>) -> Result<Self, ConnectError> {
        let Some(Body::Hello(hello)) = first.body else {
            return Err(match first.body {
                Some(Body::Closing(_)) => ConnectError::Busy,
                _ => Violation::Greeting.into(),
            });
        };
        if hello.protocol_version != PROTOCOL_VERSION {
            return Err(ConnectError::UnsupportedVersion {
                theirs: hello.protocol_version,
                ours: PROTOCOL_VERSION,
            });
        }
        if hello.challenge.len() != 32 || hello.store_epoch.len() != 16 {
            return Err(Violation::Greeting.into());
        }
        let binding = match (hello.channel_binding(), expected.exporter) {
            (ChannelBinding::Exporter, Some(exporter)) => BindingValue::Exporter(exporter),
            (ChannelBinding::Exporter, None) | (ChannelBinding::Unspecified, _) => {
                return Err(Violation::Greeting.into());
            }
            (ChannelBinding::Host, _) => {
                if address::is_tls(expected.relay) && expected.policy == BindingPolicy::Exporter {
                    return Err(ConnectError::BindingRefused);
                }
                BindingValue::Host(binding::host(expected.relay.host()))
            }
        };
        Ok(Self { hello, binding })
    }

    /// How often to send something at least.
    pub(super) fn heartbeat(&self) -> Duration {
        let asked = self
            .hello
            .limits
            .as_ref()
            .map_or(0, |limits| limits.heartbeat_ms);
        Duration::from_millis(asked.into()).clamp(HEARTBEAT_MIN, HEARTBEAT_MAX)
    }

    /// The window over which a closing relay wants its clients spread.
    pub(super) fn reconnect_jitter(&self) -> Duration {
        Duration::from_millis(
            self.hello
                .limits
                .as_ref()
                .map_or(0, |limits| limits.reconnect_jitter_ms)
                .into(),
        )
    }
}

#[cfg(test)]
#[path = "greeting_tests.rs"]
mod tests;
