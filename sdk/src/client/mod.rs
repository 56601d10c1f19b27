//! The client: what an app opens, calls and listens to.
//!
//! A [`Client`] is a handle, cheap to clone. A thread of its own owns the engine and the store; a second one serves sockets.
//! The calls are async and work on any executor. When the last handle is dropped the client closes.
//!
//! Invariant: a call that returned `Ok` is durable. A call whose future is dropped is carried out all the same; those that are given
//! an [`Operation`] end instead.
//! Not its concern: what calls mean (the engine), and how bytes travel (the transport).

mod account;
mod call;
mod changes;
mod clock;
mod config;
mod contacts;
mod conversation;
mod conversation_settings;
mod deletion;
mod driver;
mod event;
mod files;
mod history;
mod lanes;
pub(crate) mod limits;
mod live;
mod model;
mod open;
mod profile;
mod rows;
mod store_key;
mod unlock;

use tokio::sync::{broadcast, mpsc, oneshot, watch};
use undertone_protocol::relay_address::RelayAddress;
use zeroize::Zeroize;

pub use config::{ClientConfig, relay_address};
pub use conversation::Conversation;
pub use deletion::AccountDeletion;
pub use event::{ClientEvent, Connection, Events};
pub use live::{
    ConversationsChange, ConversationsDiff, ConversationsUpdate, LiveConversations, Timeline,
    TimelineChange, TimelineDiff, TimelineUpdate,
};
pub use model::{
    Contact, ConversationSummary, Gap, Invite, Message, Once, Reaction, Revision, SearchHit,
    SearchPage, SystemRow,
};
pub use open::OpenError;
pub use rows::{
    EmojiCount, LastMessage, MessageItem, Original, Person, Preview, Quote, RowId, TimelineItem,
    TimelineRow,
};
pub use store_key::RotateKeyError;
pub use unlock::UnlockError;

use call::CommandError;
use driver::Job;

use crate::engine::{Step, View};
use crate::error::StepError;
use crate::operation::Operation;
use crate::store::{StoreError, StoreKey};

/// An open account on this device.
#[derive(Clone)]
pub struct Client {
    jobs: mpsc::Sender<Job>,
    events: broadcast::WeakSender<ClientEvent>,
    connection: watch::Receiver<Connection>,
    /// Counts commits, and what else may change what is shown.
    commits: watch::Receiver<u64>,
    deletion: watch::Receiver<AccountDeletion>,
    relay: RelayAddress,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Client(..)")
    }
}

impl Client {
    /// Opens the store of `config`, makes the account when there is none, and connects.
    ///
    /// # Errors
    /// [`OpenError`] says who must act. A wrong key leaves the file untouched.
    pub async fn open(config: ClientConfig) -> Result<Self, OpenError> {
        open::open(config).await
    }

    /// Listens, from now on.
    #[must_use]
    pub fn events(&self) -> Events {
        Events(match self.events.upgrade() {
            Some(events) => events.subscribe(),
            // The client was closed: a channel without a sender says so.
            None => broadcast::channel(1).1,
        })
    }

    /// How the connection to the own relay is now.
    #[must_use]
    pub fn connection(&self) -> Connection {
        *self.connection.borrow()
    }

    /// The relay that has this account's mailbox.
    #[must_use]
    pub fn relay(&self) -> &RelayAddress {
        &self.relay
    }

    /// Connects, or closes all connections and stays unconnected. What is sent meanwhile waits in the store.
    pub async fn set_online(&self, online: bool) {
        self.tell(Job::SetOnline(online)).await;
    }

    /// A hint from the platform: the network changed. Connections are checked, and waits before the next attempt cut short.
    pub async fn network_changed(&self) {
        self.tell(Job::NetworkChanged).await;
    }

    /// Reads every page of the store and checks its authentication, the structure of the database and the search index: for a user
    /// who suspects damage. Other calls wait as long as it takes to read it. Nothing is changed or repaired. Its progress counts these
    /// three checks, of which the first is not cancelled before it is done.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when anything is damaged: the user restores from a backup.
    pub async fn check_store(&self, operation: Operation) -> Result<(), StoreError> {
        let guard = operation.guard();
        let (reply, answer) = oneshot::channel();
        self.tell(Job::Check(operation, reply)).await;
        let checked = answer.await.unwrap_or(Err(StoreError::Closed));
        guard.done();
        checked
    }

    /// Closes all connections and the store, and wipes every key from memory. Calls fail with [`StoreError::Locked`] until
    /// [`unlock`](Self::unlock).
    ///
    /// # Errors
    /// [`StoreError`] when the store's log could not be emptied into its file, for want of room for example. It is closed and the
    /// keys are wiped all the same, and nothing is lost.
    pub async fn lock(&self) -> Result<(), StoreError> {
        let (reply, answer) = oneshot::channel();
        self.tell(Job::Lock(reply)).await;
        answer.await.unwrap_or(Ok(()))
    }

    /// Opens the store again and connects, if the client was online. A client that is not locked goes on as it was, and is told
    /// whether the key is right.
    ///
    /// # Errors
    /// [`UnlockError`], also for a wrong key; a locked client stays locked then.
    pub fn unlock(
        &self,
        mut key: [u8; 32],
    ) -> impl Future<Output = Result<(), UnlockError>> + Send + use<> {
        // What is waited for must not hold the bytes themselves.
        let wiped = StoreKey::new(&key);
        key.zeroize();
        let client = self.clone();
        async move {
            let (reply, answer) = oneshot::channel();
            client.tell(Job::Unlock(wiped, reply)).await;
            answer.await.unwrap_or(Err(UnlockError::Closed))
        }
    }

    /// Says goodbye to the relays and closes the store. All calls on other handles fail with
    /// [`StoreError::Closed`] afterwards.
    pub async fn close(self) {
        let (reply, answer) = oneshot::channel();
        self.tell(Job::Close(reply)).await;
        let _ = answer.await;
    }

    /// What was deleted leaves the disk now. When the disk has no room for that it is tried again by itself.
    async fn erase(&self) {
        let (reply, answer) = oneshot::channel();
        self.tell(Job::Checkpoint(reply)).await;
        let _ = answer.await;
    }

    async fn tell(&self, job: Job) {
        // A client that was closed has nothing to do.
        let _ = self.jobs.send(job).await;
    }

    async fn write<T, E, C>(&self, command: C) -> Result<T, E>
    where
        T: Send + 'static,
        E: CommandError,
        C: FnOnce(&mut Step<'_>) -> Result<T, E> + Send + 'static,
    {
        let (call, answer) = call::write(command);
        self.tell(Job::Write(call)).await;
        answer
            .await
            .unwrap_or(Err(StepError::Store(StoreError::Closed).into()))
    }

    async fn read<T, C>(&self, command: C) -> Result<T, StoreError>
    where
        T: Send + 'static,
        C: FnOnce(&mut View<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let (call, answer) = call::read(command);
        self.tell(Job::Read(call)).await;
        answer.await.unwrap_or(Err(StoreError::Closed))
    }
}
