//! The client as an app uses it, against a real relay on a loopback socket, with its store in a real file.

mod connection;
mod conversation;
mod durability;
mod opening;
mod support;
