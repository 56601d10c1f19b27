//! Reading: the list, conversations, and what is found in them, page by page.

use std::collections::HashMap;

use undertone::{
    Contact, ContactId, ConversationSummary, Message, Position, SearchCursor, SearchFilter,
};

use crate::record::Record;
use crate::session::{Answer, Session};
use crate::when;
use crate::wording::{delay_text, error_record, hex, marked, message_record, name};

/// Messages in one page of a history.
const PAGE: usize = 100;

/// Hits in one page of a search.
const HITS: usize = 50;

/// What `/more` goes on with.
#[derive(Default)]
pub(crate) enum More {
    #[default]
    Nothing,
    /// Messages of a conversation before a place.
    Earlier { number: i64, before: Position },
    /// What a search found behind a page.
    Found { text: String, after: SearchCursor },
}

/// The records; when there are none, a remark that says so.
pub(crate) fn some_or(mut records: Vec<Record>, remark: &str) -> Vec<Record> {
    if records.is_empty() {
        records.push(Record::Text {
            text: remark.to_owned(),
        });
    }
    records
}

impl Session {
    pub(crate) async fn open(&mut self, number: i64) -> Answer {
        let conversation = self.conversation(number).await?;
        self.look_at(ContactId::new(number)).await?;
        let newest = conversation.messages(None, PAGE).await?;
        if let Some(last) = newest.last() {
            conversation.mark_read(last.position).await?;
        }
        let mut records = self.page(number, &newest);
        records.extend(self.presence(number).await?);
        Ok(records)
    }

    /// A page of a conversation, which `/more` goes on with when it is full.
    fn page(&mut self, number: i64, messages: &[Message]) -> Vec<Record> {
        self.more = match messages.first() {
            Some(oldest) if messages.len() == PAGE => More::Earlier {
                number,
                before: oldest.position,
            },
            _ => More::Nothing,
        };
        let records = messages
            .iter()
            .map(|message| message_record(number, message));
        records.collect()
    }

    /// The page of a conversation before a place; none when there is nothing.
    pub(crate) async fn earlier(&self, number: i64, before: Position) -> Vec<Record> {
        let page = async {
            let conversation = self.conversation(number).await?;
            Ok(conversation.messages(Some(before), PAGE).await?)
        };
        match page.await {
            Ok(page) => page
                .iter()
                .map(|message| message_record(number, message))
                .collect(),
            Err(failure) => vec![error_record(&failure)],
        }
    }

    pub(crate) async fn more(&mut self) -> Answer {
        match std::mem::take(&mut self.more) {
            More::Nothing => Ok(some_or(vec![], "there is no more")),
            More::Earlier { number, before } => {
                let conversation = self.conversation(number).await?;
                let page = conversation.messages(Some(before), PAGE).await?;
                Ok(some_or(self.page(number, &page), "there is no more"))
            }
            More::Found { text, after } => self.find(text, Some(after)).await,
        }
    }

    /// The list, or the archive.
    pub(crate) async fn list(&self, archived: bool) -> Answer {
        let contacts: HashMap<ContactId, Contact> = self
            .client
            .contacts()
            .await?
            .into_iter()
            .map(|contact| (contact.id, contact))
            .collect();
        let mut records = Vec::new();
        let mut after = None;
        loop {
            let page = match archived {
                true => self.client.archive(after, PAGE).await?,
                false => self.client.conversations(after, PAGE).await?,
            };
            let Some(last) = page.last() else {
                return Ok(records);
            };
            after = Some(last.cursor);
            records.extend(page.into_iter().filter_map(|conversation| {
                let contact = conversation.contact?;
                let known = contacts.get(&contact);
                let marks = marks(&conversation);
                Some(Record::Conversation {
                    number: contact.get(),
                    name: known.map_or(conversation.title, name),
                    unread: conversation.unread,
                    active: conversation.active,
                    marks,
                    preview: conversation.preview.unwrap_or_default(),
                    delay: known.and_then(|known| known.delay).map_or("", delay_text),
                })
            }));
        }
    }

    pub(crate) async fn history(&self, number: i64) -> Answer {
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

    pub(crate) async fn search(&mut self, text: &str) -> Answer {
        self.find(text.to_owned(), None).await
    }

    async fn find(&mut self, text: String, after: Option<SearchCursor>) -> Answer {
        let found = self
            .client
            .search_as_typed(&text, SearchFilter::default(), after, HITS)
            .await?;
        let mut records = Vec::new();
        for hit in &found.hits {
            records.push(Record::Hit {
                number: self.number_of(hit.message.conversation).await?,
                id: hex(hit.message.id),
                snippet: marked(hit),
                sent: hit.message.sent,
            });
        }
        if let Some(after) = found.next {
            self.more = More::Found { text, after };
            records.push(Record::Text {
                text: "/more shows older ones".to_owned(),
            });
        }
        Ok(some_or(records, "nothing found"))
    }
}

/// How a conversation stands in the list, in words.
fn marks(conversation: &ConversationSummary) -> String {
    let muted = conversation
        .muted_until
        .is_some_and(|until| until > when::timestamp());
    let marks = [
        (conversation.pinned, "pinned"),
        (muted, "muted"),
        (conversation.marked_unread, "unread"),
        (conversation.timer.is_some(), "disappearing"),
    ];
    let marks = marks.into_iter().filter(|(is_so, _)| *is_so);
    let names: Vec<&str> = marks.map(|(_, name)| name).collect();
    names.join(" ")
}
