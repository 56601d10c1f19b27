//! Bounds of the transport. Each one caps what a slow, broken or hostile relay can cost.

use std::time::Duration;

/// Read buffer of a WebSocket, in bytes. tungstenite allocates it at once, and its default of 128 KiB would be paid per connection.
pub const WEBSOCKET_READ_BUFFER: usize = 8 * 1024;

/// Bytes that a WebSocket gathers before it writes to the socket.
pub const WEBSOCKET_WRITE_BUFFER: usize = 16 * 1024;

/// Framing of one WebSocket message beyond its payload, in bytes, rounded up (RFC 6455 section 5.2: at most 14).
pub const WEBSOCKET_FRAMING: usize = 64;

/// Frames that wait for the socket on one connection. The engine keeps fewer requests in flight; more is a stuck relay.
pub const OUTGOING_FRAMES: usize = 1_024;

/// Bytes of received frames, over all connections together, that the engine has not handled yet. Beyond it the sockets are not read.
pub const INBOX_BYTES: usize = 8 * 1024 * 1024;

/// Received frames, over all connections together, that the engine has not handled yet.
pub const INBOX_FRAMES: usize = 1_024;

/// Longest body of one long-poll answer or request, in bytes (the relay's own bound, `relay/wire/SPEC.md`).
pub const POLL_BODY: usize = 1024 * 1024;

/// Long-poll answer bytes beside its batch: bearer, cursor, and one length prefix.
pub const POLL_PREAMBLE: usize = 64;

/// Headers of an HTTP answer, in bytes and in number.
pub const HTTP_HEADER_BYTES: usize = 16 * 1024;
/// See [`HTTP_HEADER_BYTES`].
pub const HTTP_HEADERS: usize = 64;

/// Seconds that one long-poll may wait at the relay for something to arrive: the most that the relay allows (`relay/wire/SPEC.md`). With
/// [`REPLY_TIMEOUT`] a dead relay is found within 30 s, as on a WebSocket.
pub const POLL_WAIT_SECONDS: u64 = 12;

/// Attempts of one long-poll exchange, each on a fresh connection and all within its time, before the session counts as lost.
pub const POLL_ATTEMPTS: u32 = 3;

/// TCP, proxy and TLS together, without a proxy.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// The same through a proxy: a Tor circuit takes its time.
pub const PROXY_CONNECT_TIMEOUT: Duration = Duration::from_secs(60);

/// The HTTP upgrade, and after it the relay's first frame, each.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// A relay that answers nothing for this long after it should have is gone: after we sent something, or after the wait of a
/// long-poll. With the heartbeat (at most [`HEARTBEAT_MAX`]) or that wait a dead relay is found within 30 s.
pub const REPLY_TIMEOUT: Duration = Duration::from_secs(12);

/// The same right after the network changed, when the old socket is probably dead.
pub const PROBE_TIMEOUT: Duration = Duration::from_secs(4);

/// A look at a deadline that comes so much later than it was set for says that this process did not run meanwhile: a
/// suspended or overloaded machine, whose peer may have answered, or slept with it.
pub const LATE_LOOK: Duration = Duration::from_secs(1);

/// How long networks that block upgrades are remembered before the WebSocket is tried again.
pub const UPGRADE_RETRY: Duration = Duration::from_secs(600);

/// Relays for which a blocked upgrade is remembered. Forgetting one costs one failed handshake.
pub const BLOCKED_RELAYS: usize = 256;

/// Bounds of the heartbeat that a relay may ask for.
pub const HEARTBEAT_MIN: Duration = Duration::from_secs(1);
/// See [`HEARTBEAT_MIN`].
pub const HEARTBEAT_MAX: Duration = Duration::from_secs(18);

/// A second address of a host is tried this long after the first one (RFC 8305 section 5).
pub const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// Addresses of one host that are tried.
pub const ADDRESSES: usize = 8;

/// First and longest wait between two connection attempts.
pub const BACKOFF_FIRST: Duration = Duration::from_millis(250);
/// See [`BACKOFF_FIRST`].
pub const BACKOFF_LAST: Duration = Duration::from_secs(300);

/// A connection that lasted this long was a success: the backoff starts over.
pub const STABLE_AFTER: Duration = Duration::from_secs(10);

/// Least time between two attempts that were cut short by a user's action, so that typing is no hammer.
pub const NUDGE_SPACING: Duration = Duration::from_secs(1);

/// Longest wait that a relay can ask for, jitter included.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(600);
