//! Commands and events, the same for the terminal and for scripts.
//!
//! Contacts and their conversations go by one number, the contact's.

use std::collections::HashMap;
use std::path::PathBuf;

use undertone::{
    Actor, Client, Contact, ContactId, Conversation, ConversationId, InviteLink, SearchFilter,
};

use crate::command::{Command, HELP};
use crate::failure::{Failure, refused};
use crate::profile::write_invite;
use crate::record::Record;
use crate::wording::{
    account_alarm_text, actor, contact_record, error_record, hex, identity_alarm_text, marked,
    message_record, name,
};

/// Messages in one page of a history, and hits of a search.
const PAGE: usize = 100;

/// An open client and where its user is.
pub(crate) struct Session {
    pub(crate) client: Client,
    /// The contact whose conversation is open.
    pub(crate) open: Option<ContactId>,
    /// What was last told of each contact, so that it is told once.
    pub(crate) told: HashMap<ContactId, Record>,
    /// What was last told of the connection.
    pub(crate) connection: Option<Record>,
    /// The folder where a person finds an invite link to copy. A script has none: it reads the link.
    folder: Option<PathBuf>,
}

pub(crate) type Answer = Result<Vec<Record>, Failure>;

/// The records; when there are none, a remark that says so.
fn some_or(mut records: Vec<Record>, remark: &str) -> Vec<Record> {
    if records.is_empty() {
        records.push(Record::Text {
            text: remark.to_owned(),
        });
    }
    records
}

impl Session {
    /// `folder`: where a person, who sees invite links as QR codes too, finds them to copy.
    pub(crate) fn new(client: Client, folder: Option<PathBuf>) -> Self {
        Self {
            client,
            open: None,
            told: HashMap::new(),
            connection: None,
            folder,
        }
    }

    /// What there is to say at the start.
    pub(crate) async fn ready(&mut self) -> Vec<Record> {
        let mut records = match self.client.account().await {
            Ok(account) => vec![Record::Ready {
                account: account.to_text(),
            }],
            Err(error) => vec![error_record(&error.into())],
        };
        let alarms = self.client.account_alarms().await.unwrap_or_default();
        records.extend(alarms.into_iter().map(|alarm| Record::Alarm {
            text: account_alarm_text(alarm),
        }));
        let alarms = self.client.identity_alarms().await.unwrap_or_default();
        records.extend(alarms.into_iter().map(|(contact, alarm)| Record::Alarm {
            text: identity_alarm_text(contact, alarm),
        }));
        records
    }

    pub(crate) async fn close(self) {
        self.client.close().await;
    }

    /// Carries out a command.
    pub(crate) async fn execute(&mut self, command: Command) -> Vec<Record> {
        self.try_execute(command)
            .await
            .unwrap_or_else(|failure| vec![error_record(&failure)])
    }

    async fn try_execute(&mut self, command: Command) -> Answer {
        match command {
            Command::Me => {
                let account = self.client.account().await?.to_text();
                Ok(vec![Record::Me {
                    account,
                    name: self.client.name().await?,
                }])
            }
            Command::Invite { name } => self.invite(&name).await,
            Command::Add { link, text } => self.add(&link, &text).await,
            Command::Requests => self.requests().await,
            Command::Accept(number) => {
                self.client.accept(ContactId::new(number)).await?;
                // What is typed next goes to them.
                self.open = Some(ContactId::new(number));
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
            Command::Unblock(number) => {
                self.client.unblock(ContactId::new(number)).await?;
                Ok(vec![])
            }
            Command::Contacts => self.contacts().await,
            Command::List => self.list().await,
            Command::Open(number) => self.open(number).await,
            Command::Say { number, text } => self.say(number, &text).await,
            Command::Text(text) => {
                let number = self.open_or_only().await?;
                self.say(number, &text).await
            }
            Command::History(number) => self.history(number).await,
            Command::Search(text) => self.search(&text).await,
            Command::Safety(number) => self.safety(number).await,
            Command::Dismiss => {
                self.client.dismiss_account_alarms().await?;
                for (contact, _) in self.client.identity_alarms().await? {
                    self.client.dismiss_identity_alarms(contact).await?;
                }
                Ok(vec![])
            }
            Command::Help => Ok(HELP
                .iter()
                .map(|line| Record::Text {
                    text: (*line).to_owned(),
                })
                .collect()),
            Command::Quit => Ok(vec![]),
        }
    }

    async fn invite(&self, name: &str) -> Answer {
        let invite = self.client.create_invite(name).await?;
        let mut records = Vec::new();
        if let Some(folder) = &self.folder {
            let code = crate::qr::lines(&invite.link).into_iter();
            records.extend(code.map(|text| Record::Code { text }));
            records.push(match write_invite(folder, &invite.link) {
                Ok(path) => Record::Text {
                    text: format!("this link is in {}, to copy it:", path.display()),
                },
                Err(error) => Record::Error {
                    actor: actor(Actor::User),
                    text: format!("the link could not be written to a file: {error}"),
                },
            });
        }
        records.push(Record::Invite { link: invite.link });
        Ok(records)
    }

    async fn contacts(&self) -> Answer {
        let contacts = self.client.contacts().await?;
        Ok(some_or(
            contacts.iter().map(contact_record).collect(),
            "you know nobody yet: /invite, or /add LINK TEXT",
        ))
    }

    /// The contact whose conversation is open. When none is and there is only one, that one is opened.
    async fn open_or_only(&mut self) -> Result<i64, Failure> {
        if let Some(open) = self.open {
            return Ok(open.get());
        }
        let two = self.client.conversations(None, 2).await?;
        let only = match two.as_slice() {
            [] => {
                return Err(refused(
                    "there is nobody to write to yet: /invite, or /add LINK TEXT",
                ));
            }
            [only] => only.contact,
            _ => None,
        };
        let contact =
            only.ok_or_else(|| refused("no conversation is open: /list, then /open N"))?;
        self.open = Some(contact);
        Ok(contact.get())
    }

    async fn open(&mut self, number: i64) -> Answer {
        let conversation = self.conversation(number).await?;
        self.open = Some(ContactId::new(number));
        let newest = conversation.messages(None, PAGE).await?;
        if let Some(last) = newest.last() {
            conversation.mark_read(last.position).await?;
        }
        Ok(newest
            .iter()
            .map(|message| message_record(number, message))
            .collect())
    }

    async fn add(&mut self, link: &str, text: &str) -> Answer {
        let link = InviteLink::parse(link)
            .map_err(|error| refused(&format!("that is no invite link: {error}")))?;
        let text = Some(text).filter(|text| !text.is_empty());
        // What is typed next goes to them.
        self.open = Some(self.client.add_contact(link, text).await?);
        // The event of the new contact shows it.
        Ok(vec![])
    }

    async fn requests(&self) -> Answer {
        let mut records = Vec::new();
        for contact in self.client.requests().await? {
            records.push(self.request_record(&contact).await?);
        }
        Ok(some_or(records, "nobody waits for an answer"))
    }

    async fn list(&self) -> Answer {
        let names: HashMap<ContactId, String> = self
            .client
            .contacts()
            .await?
            .iter()
            .map(|contact| (contact.id, name(contact)))
            .collect();
        let mut records = Vec::new();
        let mut after = None;
        loop {
            let page = self.client.conversations(after, PAGE).await?;
            let Some(last) = page.last() else {
                return Ok(records);
            };
            after = Some(last.cursor);
            records.extend(page.into_iter().filter_map(|conversation| {
                let contact = conversation.contact?;
                let name = names.get(&contact).cloned().unwrap_or(conversation.title);
                Some(Record::Conversation {
                    number: contact.get(),
                    name,
                    unread: conversation.unread,
                })
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
        Ok(pages
            .iter()
            .rev()
            .flatten()
            .map(|message| message_record(number, message))
            .collect())
    }

    async fn search(&self, text: &str) -> Answer {
        let mut records = Vec::new();
        for hit in self
            .client
            .search_as_typed(text, SearchFilter::default(), None, PAGE)
            .await?
            .hits
        {
            let number = self.number_of(hit.message.conversation).await?;
            records.push(Record::Hit {
                number,
                id: hex(hit.message.id),
                snippet: marked(&hit),
            });
        }
        Ok(some_or(records, "nothing found"))
    }

    async fn safety(&self, number: i64) -> Answer {
        let safety = self.client.safety_number(ContactId::new(number)).await?;
        let digits = safety
            .ok_or_else(|| refused("there is no such contact"))?
            .to_text();
        Ok(vec![Record::Safety { number, digits }])
    }

    async fn conversation(&self, number: i64) -> Result<Conversation, Failure> {
        let conversation = self
            .client
            .conversation_with(ContactId::new(number))
            .await?;
        conversation.ok_or_else(|| refused("there is no such conversation: see /list"))
    }

    pub(crate) async fn number_of(&self, conversation: ConversationId) -> Result<i64, Failure> {
        let summary = self.client.conversation(conversation).summary().await?;
        Ok(summary
            .and_then(|summary| summary.contact)
            .map_or(0, ContactId::get))
    }

    pub(crate) async fn request_record(&self, contact: &Contact) -> Result<Record, Failure> {
        let text = match self.client.conversation_with(contact.id).await? {
            Some(conversation) => conversation
                .messages(None, PAGE)
                .await?
                .into_iter()
                .next()
                .and_then(|first| first.text),
            None => None,
        };
        let (number, name) = (contact.id.get(), name(contact));
        Ok(Record::Request {
            number,
            name,
            text: text.unwrap_or_default(),
        })
    }
}
