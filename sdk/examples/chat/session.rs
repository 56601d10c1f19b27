//! Commands and events, the same for the terminal and for scripts.
//!
//! Contacts and their conversations go by one number, the contact's.

use std::collections::HashMap;

use undertone::{
    Actor, Client, ClientEvent, Connection, Contact, ContactId, ContactState, Conversation, ConversationId, Event,
    InviteLink, Message, MessageState, SearchFilter, SearchHit,
};

use crate::command::{Command, HELP};
use crate::record::Record;

/// Messages in one page of a history, and hits of a search.
const PAGE: usize = 100;

/// An open client and where its user is.
pub(crate) struct Session {
    client: Client,
    open: Option<ContactId>,
    qr: bool,
}

/// A command that did not work.
struct Failure {
    actor: Actor,
    text: String,
}

macro_rules! failures {
    ($($error:ty),*) => {$(
        impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self { actor: error.actor(), text: error.to_string() }
            }
        }
    )*};
}
failures!(
    undertone::StepError,
    undertone::SendError,
    undertone::AddContactError,
    undertone::InviteError,
    undertone::ContactError
);

impl From<undertone::StoreError> for Failure {
    fn from(error: undertone::StoreError) -> Self {
        undertone::StepError::from(error).into()
    }
}

fn refused(text: &str) -> Failure {
    Failure { actor: Actor::User, text: text.to_owned() }
}

type Answer = Result<Vec<Record>, Failure>;

impl Session {
    /// `qr`: whether invite links are shown as QR codes too.
    pub(crate) fn new(client: Client, qr: bool) -> Self {
        Self { client, open: None, qr }
    }

    /// What there is to say at the start.
    pub(crate) async fn ready(&mut self) -> Vec<Record> {
        match self.client.account().await {
            Ok(account) => vec![Record::Ready { account: account.to_text() }],
            Err(error) => vec![error_record(&error.into())],
        }
    }

    pub(crate) async fn close(self) {
        self.client.close().await;
    }

    /// The contact whose conversation is open.
    pub(crate) fn open_contact(&self) -> Option<i64> {
        self.open.map(ContactId::get)
    }

    /// Carries out a command.
    pub(crate) async fn execute(&mut self, command: Command) -> Vec<Record> {
        self.try_execute(command).await.unwrap_or_else(|failure| vec![error_record(&failure)])
    }

    async fn try_execute(&mut self, command: Command) -> Answer {
        match command {
            Command::Me => {
                let account = self.client.account().await?.to_text();
                Ok(vec![Record::Me { account, name: self.client.name().await? }])
            }
            Command::Invite { name } => self.invite(&name).await,
            Command::Add { link, text } => self.add(&link, &text).await,
            Command::Requests => self.requests().await,
            Command::Accept(number) => {
                self.client.accept(ContactId::new(number)).await?;
                Ok(vec![])
            }
            Command::Decline(number) => {
                self.client.decline(ContactId::new(number)).await?;
                Ok(vec![])
            }
            Command::Block(number) => {
                self.client.block(ContactId::new(number)).await?;
                Ok(vec![])
            }
            Command::Contacts => Ok(self.client.contacts().await?.iter().map(contact_record).collect()),
            Command::List => self.list().await,
            Command::Open(number) => {
                let conversation = self.conversation(number).await?;
                self.open = Some(ContactId::new(number));
                let newest = conversation.messages(None, PAGE).await?;
                Ok(newest.iter().map(|message| message_record(number, message)).collect())
            }
            Command::Say { number, text } => self.say(number, &text).await,
            Command::Text(text) => match self.open {
                Some(contact) => self.say(contact.get(), &text).await,
                None => Err(refused("no conversation is open: /list, then /open N")),
            },
            Command::History(number) => self.history(number).await,
            Command::Search(text) => self.search(&text).await,
            Command::Safety(number) => self.safety(number).await,
            Command::Help => Ok(HELP.iter().map(|line| Record::Text { text: (*line).to_owned() }).collect()),
            Command::Quit => Ok(vec![]),
        }
    }

    async fn invite(&self, name: &str) -> Answer {
        let invite = self.client.create_invite(name).await?;
        let mut records = Vec::new();
        if self.qr {
            records.extend(crate::qr::lines(&invite.link).into_iter().map(|text| Record::Text { text }));
        }
        records.push(Record::Invite { link: invite.link });
        Ok(records)
    }

    async fn add(&mut self, link: &str, text: &str) -> Answer {
        let link = InviteLink::parse(link).map_err(|error| refused(&format!("that is no invite link: {error}")))?;
        let contact = self.client.add_contact(link, Some(text).filter(|text| !text.is_empty())).await?;
        let contact = self.client.contact(contact).await?;
        Ok(contact.iter().map(contact_record).collect())
    }

    async fn requests(&self) -> Answer {
        let mut records = Vec::new();
        for contact in self.client.requests().await? {
            records.push(self.request_record(&contact).await?);
        }
        Ok(records)
    }

    async fn list(&self) -> Answer {
        let names: HashMap<ContactId, String> =
            self.client.contacts().await?.iter().map(|contact| (contact.id, name(contact))).collect();
        let mut records = Vec::new();
        let mut after = None;
        loop {
            let page = self.client.conversations(after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(records) };
            after = Some(last.cursor);
            records.extend(page.into_iter().filter_map(|conversation| {
                let contact = conversation.contact?;
                let name = names.get(&contact).cloned().unwrap_or(conversation.title);
                Some(Record::Conversation { number: contact.get(), name, unread: conversation.unread })
            }));
        }
    }

    async fn say(&self, number: i64, text: &str) -> Answer {
        self.conversation(number).await?.send_text(text).await?;
        // The event of the new message shows it.
        Ok(vec![])
    }

    async fn history(&self, number: i64) -> Answer {
        let conversation = self.conversation(number).await?;
        let (mut pages, mut before) = (Vec::new(), None);
        loop {
            let page = conversation.messages(before, PAGE).await?;
            let Some(oldest) = page.first() else { break };
            before = Some(oldest.position);
            pages.push(page);
        }
        Ok(pages.iter().rev().flatten().map(|message| message_record(number, message)).collect())
    }

    async fn search(&self, text: &str) -> Answer {
        let mut records = Vec::new();
        for hit in self.client.search(text, SearchFilter::default(), PAGE).await? {
            let number = self.number_of(hit.message.conversation).await?;
            records.push(Record::Hit { number, id: hex(&hit.message), snippet: marked(&hit) });
        }
        Ok(records)
    }

    async fn safety(&self, number: i64) -> Answer {
        let safety = self.client.safety_number(ContactId::new(number)).await?;
        let digits = safety.ok_or_else(|| refused("there is no such contact"))?.to_text();
        Ok(vec![Record::Safety { number, digits }])
    }

    async fn conversation(&self, number: i64) -> Result<Conversation, Failure> {
        let conversation = self.client.conversation_with(ContactId::new(number)).await?;
        conversation.ok_or_else(|| refused("there is no such conversation: see /list"))
    }

    async fn number_of(&self, conversation: ConversationId) -> Result<i64, Failure> {
        let summary = self.client.conversation(conversation).summary().await?;
        Ok(summary.and_then(|summary| summary.contact).map_or(0, ContactId::get))
    }

    async fn request_record(&self, contact: &Contact) -> Result<Record, Failure> {
        let text = match self.client.conversation_with(contact.id).await? {
            Some(conversation) => conversation.messages(None, PAGE).await?.into_iter().next().and_then(|first| first.text),
            None => None,
        };
        let (number, name) = (contact.id.get(), name(contact));
        Ok(Record::Request { number, name, text: text.unwrap_or_default() })
    }

    /// What an event has to say.
    pub(crate) async fn notice(&mut self, event: ClientEvent) -> Vec<Record> {
        self.try_notice(event).await.unwrap_or_else(|failure| vec![error_record(&failure)])
    }

    async fn try_notice(&mut self, event: ClientEvent) -> Answer {
        let record = match event {
            ClientEvent::Changed(event) => return self.changed(event).await,
            ClientEvent::Connection(Connection::Online) => Record::Online,
            ClientEvent::Connection(Connection::Offline) => Record::Offline { reason: "offline".to_owned() },
            ClientEvent::Connection(Connection::Down { cause, .. }) => Record::Offline { reason: cause.to_string() },
            ClientEvent::StoreFailed(error) => Record::Error { actor: actor(error.actor()), text: error.to_string() },
            ClientEvent::StoreRecovered => Record::Alarm { text: "the store can be written again".to_owned() },
            ClientEvent::Missed { events } => Record::Alarm { text: format!("{events} events were missed; see /list") },
            _ => return Ok(vec![]),
        };
        Ok(vec![record])
    }

    async fn changed(&mut self, event: Event) -> Answer {
        Ok(match event {
            Event::CaughtUp => vec![Record::CaughtUp],
            Event::MessageAdded { conversation, message } => match self.client.message(message).await? {
                Some(message) => vec![message_record(self.number_of(conversation).await?, &message)],
                None => vec![],
            },
            Event::MessageChanged { message, state, .. } => {
                vec![Record::State { id: hex_id(message.as_bytes()), state: state_name(state) }]
            }
            Event::RequestReceived { contact } => match self.client.contact(contact).await? {
                Some(contact) => vec![self.request_record(&contact).await?],
                None => vec![],
            },
            Event::ContactChanged { contact } => {
                self.client.contact(contact).await?.iter().map(contact_record).collect()
            }
            Event::Online | Event::ConversationChanged { .. } => vec![],
            Event::Displaced => alarm("another program uses this profile's mailbox; this one stays offline until you type"),
            Event::ClockWrong { .. } => alarm("this device's clock and the relay's differ by more than a day: set the clock"),
            Event::ClockRight => alarm("the clocks agree again"),
            Event::IdentityAlarm { alarm: what, .. } => alarm(&format!("a contact's identity is doubtful: {what:?}")),
            Event::SendingDelayed { reason, .. } => alarm(&format!("sending waits: {reason:?}")),
            other => alarm(&format!("{other:?}")),
        })
    }
}

fn alarm(text: &str) -> Vec<Record> {
    vec![Record::Alarm { text: text.to_owned() }]
}

fn error_record(failure: &Failure) -> Record {
    Record::Error { actor: actor(failure.actor), text: failure.text.clone() }
}

/// Who must act.
pub(crate) fn actor(actor: Actor) -> &'static str {
    match actor {
        Actor::Nobody => "nobody",
        Actor::User => "user",
        Actor::Developer => "developer",
        Actor::Operator => "operator",
    }
}

/// What to call somebody whose name is not known yet: the end of the account's id.
fn name(contact: &Contact) -> String {
    if contact.name.is_empty() {
        let account = contact.account.to_text();
        format!("…{}", account.get(account.len().saturating_sub(6)..).unwrap_or_default())
    } else {
        contact.name.clone()
    }
}

fn contact_record(contact: &Contact) -> Record {
    let state = match contact.state {
        ContactState::Invited => "invited",
        ContactState::Requested => "requested",
        ContactState::Accepted => "accepted",
        ContactState::Blocked => "blocked",
    };
    Record::Contact { number: contact.id.get(), name: name(contact), state }
}

fn message_record(number: i64, message: &Message) -> Record {
    Record::Message {
        number,
        outgoing: message.sender.is_none(),
        id: hex(message),
        state: state_name(message.state),
        text: message.text.clone().unwrap_or_else(|| "(a kind of message that this version does not know)".to_owned()),
    }
}

fn hex(message: &Message) -> String {
    hex_id(message.id.as_bytes())
}

fn hex_id(id: &[u8]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn state_name(state: MessageState) -> &'static str {
    match state {
        MessageState::Received => "received",
        MessageState::Pending => "pending",
        MessageState::Sent => "sent",
        MessageState::Delivered => "delivered",
        MessageState::Read => "read",
        MessageState::Failed(_) => "failed",
        MessageState::Expired => "expired",
    }
}

/// The snippet with its matches between » and «.
fn marked(hit: &SearchHit) -> String {
    let mut marked = String::new();
    let mut done = 0;
    for range in &hit.highlights {
        marked.push_str(hit.snippet.get(done..range.start).unwrap_or_default());
        marked.push('»');
        marked.push_str(hit.snippet.get(range.clone()).unwrap_or_default());
        marked.push('«');
        done = range.end;
    }
    marked.push_str(hit.snippet.get(done..).unwrap_or_default());
    marked
}
