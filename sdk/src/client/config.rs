//! What an app decides when it opens a client.

use std::path::PathBuf;

use undertone_protocol::relay_address::{RelayAddress, RelayAddressError};
use zeroize::Zeroize;

use crate::operation::Operation;
use crate::store::{StoreKey, StoreOptions};
use crate::transport::TransportConfig;

/// Bytes of a page of the store.
const PAGE_BYTES: u64 = 4_096;

/// How to open a client.
pub struct ClientConfig {
    pub(super) path: PathBuf,
    pub(super) key: StoreKey,
    pub(super) account: Option<Account>,
    pub(super) transport: TransportConfig,
    pub(super) online: bool,
    pub(super) store: StoreOptions,
    pub(super) other_key: Option<StoreKey>,
    pub(super) operation: Operation,
}

/// The account to make when the store holds none.
pub(super) struct Account {
    pub(super) relay: String,
    pub(super) name: String,
}

impl ClientConfig {
    /// Opens the store at `path`, a file that is made when it does not exist, with `key`: 32 random bytes that the
    /// platform's key store keeps. Whoever has both reads everything; without the key the file is noise.
    pub fn new(path: impl Into<PathBuf>, mut key: [u8; 32]) -> Self {
        let store_key = StoreKey::new(&key);
        key.zeroize();
        Self {
            path: path.into(),
            key: store_key,
            account: None,
            transport: TransportConfig::default(),
            online: true,
            store: StoreOptions::default(),
            other_key: None,
            operation: Operation::new(),
        }
    }

    /// Another key, tried when the store was made with another one than the first: after
    /// [`rotate_store_key`](super::Client::rotate_store_key) was broken off the store has one of the two. A new store gets the first.
    #[must_use]
    pub fn or_key(mut self, mut key: [u8; 32]) -> Self {
        self.other_key = Some(StoreKey::new(&key));
        key.zeroize();
        self
    }

    /// Watches opening, which takes long when a new version builds the search index again; its progress counts messages then.
    /// Cancelled, it leaves the store as it was.
    #[must_use]
    pub fn operation(mut self, operation: Operation) -> Self {
        self.operation = operation;
        self
    }

    /// Makes a new account when the store holds none: its mailbox is at `relay` (`wss://host[:port]`), and `name` (at most
    /// 64 bytes) is what contacts see first. A store that holds an account ignores both.
    #[must_use]
    pub fn or_create(mut self, relay: &str, name: &str) -> Self {
        self.account = Some(Account {
            relay: relay.to_owned(),
            name: name.to_owned(),
        });
        self
    }

    /// Sets proxies, further trusted roots and timeouts.
    #[must_use]
    pub fn transport(mut self, transport: TransportConfig) -> Self {
        self.transport = transport;
        self
    }

    /// Lets the store's file grow to `bytes` at most; beyond it calls fail with [`StoreError::Full`](crate::StoreError), as on a
    /// full disk.
    #[must_use]
    pub fn store_limit(mut self, bytes: u64) -> Self {
        self.store.max_pages = Some(u32::try_from(bytes / PAGE_BYTES).unwrap_or(u32::MAX));
        self
    }

    /// Opens without connecting, until [`Client::set_online`](super::Client::set_online).
    #[must_use]
    pub fn offline(mut self) -> Self {
        self.online = false;
        self
    }
}

/// A relay's address as a person writes it: `ws` for `http`, `wss` for `https`, which is also meant when there is no scheme.
///
/// # Errors
/// [`RelayAddressError`], by what is wrong with the text; the user must act.
pub fn relay_address(text: &str) -> Result<RelayAddress, RelayAddressError> {
    let text = text.trim();
    match text.split_once("://") {
        Some(("ws", rest)) => RelayAddress::parse(&format!("http://{rest}")),
        Some(("wss", rest)) => RelayAddress::parse(&format!("https://{rest}")),
        Some(_) => RelayAddress::parse(text),
        None => RelayAddress::parse(&format!("https://{text}")),
    }
}
