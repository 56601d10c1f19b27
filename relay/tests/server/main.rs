//! The relay over real sockets and real files: what a client, a stranger, an attacker and an operator meet.

mod blobs;
mod client;
mod hostile;
mod http;
mod operator;
mod process;
mod stop;
mod tls;
mod transports;
