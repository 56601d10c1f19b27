//! The transport against real relays and against hostile ones, on loopback sockets.

mod fallback;
mod hostile;
mod reconnect;
mod socks5;
mod support;
mod tls;
