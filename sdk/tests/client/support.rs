//! Clients, a relay, and waiting for what has to come.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;
use tokio::time::timeout;
use undertone::{
    Client, ClientConfig, ClientEvent, Connection, ContactId, Conversation, Event, Events,
    InviteLink, Message,
};
use undertone_relay::{Config, Relay};

use crate::servers::Port;

/// After this a test hangs; no machine is so slow.
pub(crate) const HANGS: Duration = Duration::from_secs(600);

/// A relay and a folder for everybody's files.
pub(crate) struct World {
    pub(crate) folder: TempDir,
    relay: Option<Relay>,
    config: Config,
    /// Nobody takes the relay's place while it is stopped.
    _port: Port,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// With a relay that is configured otherwise.
    pub(crate) async fn with(adjust: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = Port::reserve();
        let mut config = Config {
            admin: None,
            listen: port.address,
            ..Config::loopback(folder.path().join("relay"))
        };
        adjust(&mut config);
        let relay = Relay::start(config.clone()).await.unwrap();
        Self {
            folder,
            relay: Some(relay),
            config,
            _port: port,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.config.listen
    }

    pub(crate) fn relay(&self) -> String {
        format!("ws://{}", self.config.listen)
    }

    pub(crate) async fn stop_relay(&mut self) {
        self.relay.take().unwrap().shutdown().await;
    }

    pub(crate) async fn start_relay(&mut self) {
        self.relay = Some(Relay::start(self.config.clone()).await.unwrap());
    }

    pub(crate) fn store(&self, name: &str) -> PathBuf {
        self.folder.path().join(name).with_extension("db")
    }

    /// The configuration of somebody, offline so that a listener misses nothing.
    pub(crate) fn config(&self, name: &str) -> ClientConfig {
        ClientConfig::new(self.store(name), key(name))
            .or_create(&self.relay(), name)
            .offline()
    }

    pub(crate) async fn person(&self, name: &str) -> Person {
        Person::open(self.config(name)).await
    }

    /// Two people who know each other.
    pub(crate) async fn friends(&self) -> (Person, Person) {
        let (mut alice, mut bob) = (self.person("alice").await, self.person("bob").await);
        alice.reachable().await;
        bob.reachable().await;
        let invite = alice.client.create_invite("bob").await.unwrap();
        alice.reachable().await;
        bob.client
            .add_contact(InviteLink::parse(&invite.link).unwrap(), Some("hello"))
            .await
            .unwrap();
        let request = alice
            .until(async |client| Ok(client.requests().await?.into_iter().next()))
            .await;
        alice.client.accept(request.id).await.unwrap();
        bob.until(async |client| {
            let contacts = client.contacts().await?;
            Ok(contacts
                .iter()
                .any(|contact| contact.state == undertone::ContactState::Accepted)
                .then_some(()))
        })
        .await;
        (alice, bob)
    }
}

/// A key for somebody, the same each time.
pub(crate) fn key(name: &str) -> [u8; 32] {
    let mut key = [0; 32];
    for (at, byte) in key.iter_mut().zip(name.bytes().cycle()) {
        *at = byte;
    }
    key
}

/// An open client with its listener.
pub(crate) struct Person {
    pub(crate) client: Client,
    pub(crate) events: Events,
}

impl Person {
    /// Opens an offline configuration and goes online.
    pub(crate) async fn open(config: ClientConfig) -> Self {
        let person = Self::open_offline(config).await;
        person.client.set_online(true).await;
        person
    }

    pub(crate) async fn open_offline(config: ClientConfig) -> Self {
        let client = Client::open(config).await.unwrap();
        let events = client.events();
        Self { client, events }
    }

    /// Waits for an event.
    pub(crate) async fn event<T>(
        &mut self,
        mut wanted: impl FnMut(&ClientEvent) -> Option<T>,
    ) -> T {
        loop {
            let event = self.next().await;
            if let Some(found) = wanted(&event) {
                return found;
            }
        }
    }

    pub(crate) async fn reachable(&mut self) {
        self.event(|event| matches!(event, ClientEvent::Changed(Event::Reachable)).then_some(()))
            .await;
    }

    pub(crate) async fn connection(&mut self, wanted: impl Fn(Connection) -> bool) -> Connection {
        self.event(|event| match event {
            ClientEvent::Connection(state) if wanted(*state) => Some(*state),
            _ => None,
        })
        .await
    }

    /// Waits until `look` finds something, looking again whenever something changed.
    pub(crate) async fn until<T>(
        &mut self,
        look: impl AsyncFn(&Client) -> Result<Option<T>, undertone::StoreError>,
    ) -> T {
        loop {
            if let Some(found) = look(&self.client).await.unwrap() {
                return found;
            }
            self.next().await;
        }
    }

    async fn next(&mut self) -> ClientEvent {
        let event = timeout(HANGS, self.events.next()).await;
        event
            .expect("something happens")
            .expect("the client is open")
    }

    pub(crate) async fn conversation(&self) -> Conversation {
        let contact = self
            .client
            .contacts()
            .await
            .unwrap()
            .first()
            .map(|contact| contact.id)
            .unwrap();
        self.with(contact).await
    }

    async fn with(&self, contact: ContactId) -> Conversation {
        self.client
            .conversation_with(contact)
            .await
            .unwrap()
            .unwrap()
    }

    pub(crate) async fn say(&self, text: &str) {
        self.conversation().await.send_text(text).await.unwrap();
    }

    /// Waits for a message with this text in the state that `wanted` wants.
    pub(crate) async fn message(
        &mut self,
        text: &str,
        wanted: impl Fn(&Message) -> bool,
    ) -> Message {
        self.until(async |client| {
            let Some(first) = client.conversations(None, 1).await?.into_iter().next() else {
                return Ok(None);
            };
            let messages = client.conversation(first.id).messages(None, 500).await?;
            Ok(messages
                .into_iter()
                .find(|message| message.text() == Some(text) && wanted(message)))
        })
        .await
    }

    /// All texts of the one conversation, oldest first.
    pub(crate) async fn texts(&self) -> Vec<String> {
        let messages = self.conversation().await.messages(None, 500).await.unwrap();
        messages
            .into_iter()
            .filter_map(|message| message.post)
            .map(|post| post.text)
            .collect()
    }
}

/// The whole content of a file.
pub(crate) fn bytes(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap()
}
