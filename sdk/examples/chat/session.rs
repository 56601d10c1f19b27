//! Commands and events, the same for the terminal and for scripts.
//!
//! Contacts and their conversations go by one number, the contact's.

use std::collections::HashMap;
use std::path::PathBuf;

use undertone::{AccountDeletion, Client, ContactId, Conversation, ConversationId, Operation};

use crate::command::{Command, HELP};
use crate::failure::{Failure, refused};
use crate::reading::{More, Shown};
use crate::record::Record;
use crate::wording::{account_alarm_text, error_record, identity_alarm_text};

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
    pub(crate) folder: Option<PathBuf>,
    /// What is shown of it.
    pub(crate) shown: Option<Shown>,
    /// The folder of the profile.
    pub(crate) profile: PathBuf,
    /// What `/more` goes on with.
    pub(crate) more: More,
}

pub(crate) type Answer = Result<Vec<Record>, Failure>;

impl Session {
    /// A person, and no script, sees invite links as QR codes too, and finds them in `profile` to copy.
    pub(crate) fn new(client: Client, profile: PathBuf, is_person: bool) -> Self {
        Self {
            client,
            folder: is_person.then(|| profile.clone()),
            profile,
            open: None,
            told: HashMap::new(),
            connection: None,
            shown: None,
            more: More::Nothing,
        }
    }

    /// What there is to say at the start.
    pub(crate) async fn ready(&mut self) -> Vec<Record> {
        let deletion = self.client.deletion();
        if deletion != AccountDeletion::NotAsked {
            return vec![self.deletion(deletion)];
        }
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
            Command::Me => self.me().await,
            Command::Name(name) => {
                self.client.set_name(&name).await?;
                self.me().await
            }
            Command::Phrase { is_sure } => self.phrase(is_sure).await,
            Command::Invite { name } => self.invite(&name).await,
            Command::Invites => self.invites().await,
            Command::Revoke(number) => self.revoke(number).await,
            Command::Add { link, text } => self.add(&link, &text).await,
            Command::Requests => self.requests().await,
            Command::Accept(number) => {
                self.client.accept(ContactId::new(number)).await?;
                // What is typed next goes to them.
                self.look_at(ContactId::new(number)).await?;
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
            Command::Rename { number, name } => {
                self.client.rename(ContactId::new(number), &name).await?;
                Ok(vec![])
            }
            Command::List => self.list(false).await,
            Command::Archive => self.list(true).await,
            Command::Wish { number, wish } => self.wish(number, wish).await,
            Command::Open(number) => self.open(number).await,
            Command::Say { number, text } => self.say(number, &text).await,
            Command::Text(text) => {
                let number = self.open_or_only().await?;
                self.say(number, &text).await
            }
            Command::History(number) => self.history(number).await,
            Command::Reply { message, text } => self.reply(&message, &text).await,
            Command::Edit { message, text } => self.edit(&message, &text).await,
            Command::Delete(message) => self.delete(&message).await,
            Command::Forget(message) => self.forget(&message).await,
            Command::React { message, emoji } => self.react(&message, emoji).await,
            Command::Before(message) => self.before(&message).await,
            Command::Timer(seconds) => self.timer(seconds).await,
            Command::TypingTold(on) => {
                self.client.set_typing_indicators(on).await?;
                Ok(vec![])
            }
            Command::Typing(number) => {
                self.conversation(number).await?.typing().await?;
                Ok(vec![])
            }
            Command::ReadReceipts(on) => {
                self.client.set_read_receipts(on).await?;
                Ok(vec![])
            }
            Command::Profile(_)
            | Command::About(_)
            | Command::Picture(_)
            | Command::Presence(_)
            | Command::LastSeen(_)
            | Command::Away(_)
            | Command::Once(_)
            | Command::View(_) => self.show(command).await,
            Command::Search(search) => self.search(search).await,
            Command::More => self.more().await,
            Command::Safety(number) => self.safety(number).await,
            Command::Dismiss => {
                self.client.dismiss_account_alarms().await?;
                for (contact, _) in self.client.identity_alarms().await? {
                    self.client.dismiss_identity_alarms(contact).await?;
                }
                Ok(vec![])
            }
            Command::Check => {
                self.client.check_store(Operation::new()).await?;
                Ok(vec![Record::Text {
                    text: "the store is sound".to_owned(),
                }])
            }
            Command::Export(folder) => self.export(&folder).await,
            Command::Rekey => self.rekey().await,
            Command::DeleteAccount(deleting) => self.delete_account(deleting).await,
            Command::Report { number, block } => self.report(number, block).await,
            Command::Help => Ok(HELP
                .iter()
                .map(|line| Record::Text {
                    text: (*line).to_owned(),
                })
                .collect()),
            Command::Quit => Ok(vec![]),
        }
    }

    /// The contact whose conversation is open. When none is and there is only one, that one is opened.
    pub(crate) async fn open_or_only(&mut self) -> Result<i64, Failure> {
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
        self.look_at(contact).await?;
        Ok(contact.get())
    }

    async fn say(&self, number: i64, text: &str) -> Answer {
        self.conversation(number).await?.send_text(text).await?;
        // The event of the new message shows it.
        Ok(vec![])
    }

    pub(crate) async fn conversation(&self, number: i64) -> Result<Conversation, Failure> {
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
}
