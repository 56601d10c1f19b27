//! Reading: the list, conversations, and what is found in them, page by page.

use undertone::{
    ContactId, Conversation, ConversationSummary, Position, SearchCursor, SearchFilter,
    SearchOrder, StoreError, Timeline, TimelineRow,
};

use crate::command::Search;
use crate::record::Record;
use crate::session::{Answer, Session};
use crate::when;
use crate::wording::{
    called, delay_text, error_record, hex, marked, preview_text, row_record, state_name,
};

/// Messages in one page of a history.
const PAGE: usize = 100;

/// Hits in one page of a search.
const HITS: usize = 50;

/// What `/more` goes on with.
#[derive(Default)]
pub(crate) enum More {
    #[default]
    Nothing,
    /// Rows of the open conversation before those that were shown.
    Earlier,
    /// What a search found behind a page.
    Found {
        text: String,
        filter: SearchFilter,
        after: SearchCursor,
    },
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
        let shown = Shown::new(number, &conversation, PAGE).await?;
        if let Some(last) = shown.rows.last() {
            conversation.mark_read(last.position).await?;
        }
        let mut records = shown.records(None);
        records.extend(self.presence(number).await?);
        self.more = shown.more();
        self.shown = Some(shown);
        Ok(records)
    }

    /// The rows of the open conversation before those that were shown; none when there is nothing.
    pub(crate) async fn earlier(&mut self) -> Vec<Record> {
        self.try_earlier()
            .await
            .unwrap_or_else(|failure| vec![error_record(&failure)])
    }

    async fn try_earlier(&mut self) -> Answer {
        let Some(shown) = &mut self.shown else {
            return Ok(vec![]);
        };
        let records = shown.earlier().await?;
        self.more = shown.more();
        Ok(records)
    }

    pub(crate) async fn more(&mut self) -> Answer {
        match std::mem::take(&mut self.more) {
            More::Nothing => Ok(some_or(vec![], "there is no more")),
            More::Earlier => Ok(some_or(self.try_earlier().await?, "there is no more")),
            More::Found {
                text,
                filter,
                after,
            } => self.find(text, filter, Some(after)).await,
        }
    }

    /// What is missing in a conversation, if it is the one that is shown.
    pub(crate) async fn gaps_shown(&mut self, number: i64) -> Answer {
        let shown = self.shown.as_ref().filter(|shown| shown.number == number);
        let Some(rows) = shown.map(|shown| shown.rows.len()) else {
            return Ok(vec![]);
        };
        let conversation = self.conversation(number).await?;
        let mut records = Shown::new(number, &conversation, rows).await?.records(None);
        records.retain(|record| matches!(record, Record::Gap { .. }));
        Ok(records)
    }

    /// The list, or the archive.
    pub(crate) async fn list(&self, archived: bool) -> Answer {
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
            records.extend(page.iter().filter_map(conversation_record));
        }
    }

    pub(crate) async fn history(&self, number: i64) -> Answer {
        let mut shown = Shown::new(number, &self.conversation(number).await?, PAGE).await?;
        let mut pages = vec![shown.records(None)];
        while shown.has_older {
            pages.push(shown.earlier().await?);
        }
        Ok(pages.into_iter().rev().flatten().collect())
    }

    pub(crate) async fn search(&mut self, search: Search) -> Answer {
        let conversation = match search.number {
            Some(number) => Some(self.conversation(number).await?.id()),
            None => None,
        };
        let filter = SearchFilter {
            conversation,
            kind: search.kind,
            has_reaction: search.reacted,
            order: match search.best {
                true => SearchOrder::Relevance,
                false => SearchOrder::Newest,
            },
            ..SearchFilter::default()
        };
        self.find(search.text, filter, None).await
    }

    async fn find(
        &mut self,
        text: String,
        filter: SearchFilter,
        after: Option<SearchCursor>,
    ) -> Answer {
        let found = self
            .client
            .search_as_typed(&text, filter, after, HITS)
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
            self.more = More::Found {
                text,
                filter,
                after,
            };
            records.push(Record::Text {
                text: "/more shows others".to_owned(),
            });
        }
        Ok(some_or(records, "nothing found"))
    }
}

/// A conversation that is shown, as it is.
pub(crate) struct Shown {
    number: i64,
    timeline: Timeline,
    rows: Vec<TimelineRow>,
    has_older: bool,
}

impl Shown {
    async fn new(
        number: i64,
        conversation: &Conversation,
        rows: usize,
    ) -> Result<Self, StoreError> {
        let timeline = conversation.timeline(rows);
        let first = timeline.next().await?;
        let mut shown = Self {
            number,
            timeline,
            rows: Vec::new(),
            has_older: first.has_older,
        };
        first.apply(&mut shown.rows);
        Ok(shown)
    }

    /// The rows before those that were shown.
    async fn earlier(&mut self) -> Result<Vec<Record>, StoreError> {
        if !self.has_older {
            return Ok(vec![]);
        }
        let before = self.rows.first().map(|row| row.position);
        self.timeline.older(PAGE).await?;
        // There is something to tell: rows, or that there are none.
        let update = self.timeline.next().await?;
        self.has_older = update.has_older;
        update.apply(&mut self.rows);
        Ok(self.records(before))
    }

    /// The rows before a place, or all.
    fn records(&self, before: Option<Position>) -> Vec<Record> {
        let is_earlier = |row: &&TimelineRow| before.is_none_or(|place| row.position < place);
        let rows = self.rows.iter().take_while(is_earlier);
        rows.filter_map(|row| row_record(self.number, row))
            .collect()
    }

    fn more(&self) -> More {
        match self.has_older {
            true => More::Earlier,
            false => More::Nothing,
        }
    }
}

/// An entry of the list; none for a conversation without a contact, which this program does not make.
pub(crate) fn conversation_record(conversation: &ConversationSummary) -> Option<Record> {
    let last = conversation.last.as_ref();
    let own = last.filter(|last| last.is_own);
    Some(Record::Conversation {
        number: conversation.contact?.get(),
        name: called(&conversation.title, conversation.account),
        unread: conversation.unread,
        active: conversation.active,
        marks: marks(conversation),
        preview: last.map_or_else(String::new, |last| preview_text(&last.preview)),
        delay: conversation.delay.map_or("", delay_text),
        mentions: conversation.mentions,
        state: own.map_or("", |last| state_name(last.state)),
    })
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
