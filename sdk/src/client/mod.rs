//! The client: what an app opens, calls and listens to.
//!
//! A [`Client`] is a handle, cheap to clone. A thread of its own owns the engine and the store; a second one serves sockets.
//! The calls are async and work on any executor. When the last handle is dropped the client closes.
//!
//! Invariant: a call that returned `Ok` is durable. A call whose future is dropped is carried out all the same.
//! Not its concern: what calls mean (the engine), and how bytes travel (the transport).

mod call;
mod config;
mod conversation;
mod driver;
mod event;
mod lanes;
pub(crate) mod limits;
mod model;
mod open;

use tokio::sync::{broadcast, mpsc, oneshot, watch};
use undertone_protocol::account::AccountId;
use undertone_protocol::content::MessageId;
use undertone_protocol::invite::InviteLink;
use undertone_protocol::relay_address::RelayAddress;
use undertone_protocol::safety_number::SafetyNumber;
use zeroize::{Zeroize, Zeroizing};

pub use config::{ClientConfig, relay_address};
pub use conversation::Conversation;
pub use driver::UnlockError;
pub use event::{ClientEvent, Connection, Events};
pub use model::{Contact, ConversationSummary, Invite, Message, SearchHit};
pub use open::OpenError;

use call::CommandError;
use driver::Job;

use crate::engine::{AccountAlarm, Step, View};
use crate::error::{AddContactError, ContactError, InviteError, StepError};
use crate::store::{
    ContactId, ContactState, ConversationCursor, ConversationId, InviteId, SearchFilter,
    SearchQuery, StoreError, StoreKey,
};

/// An open account on this device.
#[derive(Clone)]
pub struct Client {
    jobs: mpsc::Sender<Job>,
    events: broadcast::WeakSender<ClientEvent>,
    connection: watch::Receiver<Connection>,
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

    /// This account's id; its text is `ut1…`.
    ///
    /// # Errors
    /// [`StoreError`] says who must act.
    pub async fn account(&self) -> Result<AccountId, StoreError> {
        self.read(|view| Ok(view.account())).await
    }

    /// The name that is told to contacts.
    ///
    /// # Errors
    /// [`StoreError`] says who must act.
    pub async fn name(&self) -> Result<String, StoreError> {
        self.read(|view| Ok(view.name().to_owned())).await
    }

    /// The 24 words from which the account can be made again. Whoever has them is the account: show them, keep them nowhere.
    ///
    /// # Errors
    /// [`StoreError`] says who must act.
    pub async fn recovery_phrase(&self) -> Result<Zeroizing<String>, StoreError> {
        self.read(|view| Ok(Zeroizing::new(view.recovery_phrase().join(" "))))
            .await
    }

    /// Makes an invitation. `name` is for the user's own list.
    ///
    /// # Errors
    /// [`InviteError`] says who must act.
    pub async fn create_invite(&self, name: &str) -> Result<Invite, InviteError> {
        let name = name.to_owned();
        let id = self.write(move |step| step.create_invite(&name)).await?;
        let invites = self.invites().await.map_err(StepError::from)?;
        invites
            .into_iter()
            .find(|invite| invite.id == id)
            .ok_or(InviteError::NoSuchInvite)
    }

    /// All invitations that were made, the revoked ones too.
    ///
    /// # Errors
    /// [`StoreError`] says who must act.
    pub async fn invites(&self) -> Result<Vec<Invite>, StoreError> {
        self.read(|view| {
            let mut invites = Vec::new();
            for row in view.invites()? {
                let link = view
                    .invite_link(&row.id)?
                    .map(|link| link.to_text().to_string())
                    .unwrap_or_default();
                invites.push(Invite::new(row, link));
            }
            Ok(invites)
        })
        .await
    }

    /// Makes an invitation useless for whoever has not written with it yet.
    ///
    /// # Errors
    /// [`InviteError`] says who must act.
    pub async fn revoke_invite(&self, invite: InviteId) -> Result<(), InviteError> {
        self.write(move |step| step.revoke_invite(&invite)).await
    }

    /// Writes to whoever made the invitation `link` ([`InviteLink::parse`]). They see a message request with the first 320 bytes
    /// of `text`; what is longer follows when they accept.
    ///
    /// # Errors
    /// [`AddContactError`] says who must act.
    pub async fn add_contact(
        &self,
        link: InviteLink,
        text: Option<&str>,
    ) -> Result<ContactId, AddContactError> {
        let text = text.map(ToOwned::to_owned);
        self.write(move |step| step.add_contact(&link, text.as_deref()))
            .await
    }

    /// Everybody this account knows: contacts, requests, invited and blocked ones.
    ///
    /// # Errors
    /// [`StoreError`] says who must act.
    pub async fn contacts(&self) -> Result<Vec<Contact>, StoreError> {
        self.read(|view| Ok(view.contacts()?.into_iter().map(Contact::from).collect()))
            .await
    }

    /// Message requests that wait for the user.
    ///
    /// # Errors
    /// [`StoreError`] says who must act.
    pub async fn requests(&self) -> Result<Vec<Contact>, StoreError> {
        let mut contacts = self.contacts().await?;
        contacts.retain(|contact| contact.state == ContactState::Requested);
        Ok(contacts)
    }

    /// One contact.
    ///
    /// # Errors
    /// [`StoreError`] says who must act.
    pub async fn contact(&self, contact: ContactId) -> Result<Option<Contact>, StoreError> {
        self.read(move |view| Ok(view.contact(contact)?.map(Contact::from)))
            .await
    }

    /// Accepts a message request: both sides can write, and the other side learns it.
    ///
    /// # Errors
    /// [`ContactError`] says who must act.
    pub async fn accept(&self, contact: ContactId) -> Result<(), ContactError> {
        self.write(move |step| step.accept(contact)).await
    }

    /// Removes a message request, and what was written with it from the disk. The other side learns nothing.
    ///
    /// # Errors
    /// [`ContactError`] says who must act.
    pub async fn decline(&self, contact: ContactId) -> Result<(), ContactError> {
        self.write(move |step| step.decline(contact)).await?;
        self.erase().await;
        Ok(())
    }

    /// Discards whatever the contact sends from now on. The other side learns nothing.
    ///
    /// # Errors
    /// [`ContactError`] says who must act.
    pub async fn block(&self, contact: ContactId) -> Result<(), ContactError> {
        self.write(move |step| step.block(contact)).await
    }

    /// Ends a block. What was sent meanwhile is gone.
    ///
    /// # Errors
    /// [`ContactError`] says who must act.
    pub async fn unblock(&self, contact: ContactId) -> Result<(), ContactError> {
        self.write(move |step| step.unblock(contact)).await
    }

    /// Calls a contact by another name, on this device.
    ///
    /// # Errors
    /// [`ContactError`] says who must act.
    pub async fn rename(&self, contact: ContactId, name: &str) -> Result<(), ContactError> {
        let name = name.to_owned();
        self.write(move |step| step.rename(contact, &name)).await
    }

    /// The number that both sides see alike when nobody is in between. Compare it over another channel.
    ///
    /// # Errors
    /// [`StoreError`] says who must act.
    pub async fn safety_number(
        &self,
        contact: ContactId,
    ) -> Result<Option<SafetyNumber>, StoreError> {
        self.read(move |view| view.safety_number(contact)).await
    }

    /// What is wrong with the own account's identity and was not dismissed: to be shown at each start.
    ///
    /// # Errors
    /// [`StoreError`] says who must act.
    pub async fn account_alarms(&self) -> Result<Vec<AccountAlarm>, StoreError> {
        self.read(|view| view.account_alarms()).await
    }

    /// The user has seen the alarms over the own account: they are forgotten.
    ///
    /// # Errors
    /// [`StepError`] says who must act.
    pub async fn dismiss_account_alarms(&self) -> Result<(), StepError> {
        self.write(|step| step.dismiss_account_alarms()).await
    }

    /// A page of the conversation list, the most recently active first.
    ///
    /// # Errors
    /// [`StoreError`] says who must act.
    pub async fn conversations(
        &self,
        after: Option<ConversationCursor>,
        limit: usize,
    ) -> Result<Vec<ConversationSummary>, StoreError> {
        self.read(move |view| {
            Ok(view
                .conversations(after, limit)?
                .into_iter()
                .map(Into::into)
                .collect())
        })
        .await
    }

    /// The conversation with a contact, when there is one.
    ///
    /// # Errors
    /// [`StoreError`] says who must act.
    pub async fn conversation_with(
        &self,
        contact: ContactId,
    ) -> Result<Option<Conversation>, StoreError> {
        let row = self.read(move |view| view.conversation_of(contact)).await?;
        Ok(row.map(|row| self.conversation(row.id)))
    }

    /// A conversation that the list or an event named.
    #[must_use]
    pub fn conversation(&self, id: ConversationId) -> Conversation {
        Conversation::new(self.clone(), id)
    }

    /// One message.
    ///
    /// # Errors
    /// [`StoreError`] says who must act.
    pub async fn message(&self, message: MessageId) -> Result<Option<Message>, StoreError> {
        self.read(move |view| Ok(view.message(&message)?.map(Message::from)))
            .await
    }

    /// The newest `limit` messages that match what the user typed, newest first, optionally of one conversation.
    ///
    /// # Errors
    /// [`StoreError`] says who must act.
    pub async fn search(
        &self,
        text: &str,
        filter: SearchFilter,
        limit: usize,
    ) -> Result<Vec<SearchHit>, StoreError> {
        self.find(SearchQuery::parse(text), filter, limit).await
    }

    /// As [`search`](Self::search), for a query that is still being typed: its last word may go on.
    ///
    /// # Errors
    /// [`StoreError`] says who must act.
    pub async fn search_as_typed(
        &self,
        text: &str,
        filter: SearchFilter,
        limit: usize,
    ) -> Result<Vec<SearchHit>, StoreError> {
        self.find(SearchQuery::as_typed(text), filter, limit).await
    }

    async fn find(
        &self,
        query: SearchQuery,
        filter: SearchFilter,
        limit: usize,
    ) -> Result<Vec<SearchHit>, StoreError> {
        self.read(move |view| {
            let page = view.search(&query, &filter, None, limit)?;
            Ok(page.hits.into_iter().map(SearchHit::from).collect())
        })
        .await
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
