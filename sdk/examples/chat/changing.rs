//! What is done with messages that are there.

use undertone::{Message, MessageId, Post, Reply, Timer};

use crate::command::Wish;
use crate::failure::{Failure, refused};
use crate::record::Record;
use crate::session::{Answer, Session};
use crate::when;
use crate::wording::hex;

/// Messages back from the newest that can be named by their number.
const BACK: usize = 100;

/// Bytes of what is answered, in a quote.
const QUOTE: usize = 200;

impl Session {
    /// A message by its number, counted back from the newest of the open conversation, or by the beginning of its id.
    async fn named(&mut self, name: &str) -> Result<Message, Failure> {
        let number = self.open_or_only().await?;
        let conversation = self.conversation(number).await?;
        let newest = conversation.messages(None, BACK).await?;
        let found = match name.parse::<usize>() {
            Ok(back) if back <= BACK => newest.into_iter().nth_back(back.wrapping_sub(1)),
            _ => newest
                .into_iter()
                .find(|message| hex(message.id).starts_with(name)),
        };
        found.ok_or_else(|| refused("there is no such message in this conversation"))
    }

    pub(crate) async fn reply(&mut self, name: &str, text: &str) -> Answer {
        let message = self.named(name).await?;
        let author = match message.sender {
            Some(contact) => self.client.contact(contact).await?.map(|one| one.account),
            None => Some(self.client.account().await?),
        };
        let author = author.ok_or_else(|| refused("who wrote it is gone"))?;
        let post = Post {
            reply: Some(Reply {
                message: message.id,
                author,
                quote: beginning(message.text().unwrap_or_default()),
            }),
            ..Post::text(text)
        };
        let conversation = self.client.conversation(message.conversation);
        conversation.send(post).await?;
        // The event of the new message shows it.
        Ok(vec![])
    }

    pub(crate) async fn edit(&mut self, name: &str, text: &str) -> Answer {
        let message = self.named(name).await?;
        // What is beside the text, and does not depend on it, stays.
        let reply = message.post.and_then(|post| post.reply);
        let post = Post {
            reply,
            ..Post::text(text)
        };
        self.client.edit(message.id, post).await?;
        Ok(vec![])
    }

    pub(crate) async fn delete(&mut self, name: &str) -> Answer {
        let message = self.id_of(name).await?;
        self.client.delete_for_everyone(message).await?;
        Ok(vec![])
    }

    pub(crate) async fn forget(&mut self, name: &str) -> Answer {
        let message = self.id_of(name).await?;
        self.client.delete_here(message).await?;
        Ok(vec![])
    }

    pub(crate) async fn react(&mut self, name: &str, emoji: Vec<String>) -> Answer {
        let message = self.id_of(name).await?;
        self.client.react(message, emoji).await?;
        Ok(vec![])
    }

    pub(crate) async fn before(&mut self, name: &str) -> Answer {
        let message = self.id_of(name).await?;
        let revisions = self.client.revisions(message).await?;
        let records = revisions.into_iter().map(|revision| Record::Before {
            text: revision.post.text,
            since: revision.since,
        });
        Ok(crate::reading::some_or(
            records.collect(),
            "it never said anything else",
        ))
    }

    pub(crate) async fn timer(&mut self, seconds: u32) -> Answer {
        let timer = match seconds {
            0 => None,
            seconds => Some(
                Timer::from_seconds(seconds)
                    .ok_or_else(|| refused("a timer is 5 seconds to 4 weeks"))?,
            ),
        };
        let number = self.open_or_only().await?;
        self.conversation(number).await?.set_timer(timer).await?;
        Ok(vec![])
    }

    pub(crate) async fn wish(&mut self, number: i64, wish: Wish) -> Answer {
        let conversation = self.conversation(number).await?;
        match wish {
            Wish::Pinned(on) => conversation.set_pinned(on).await?,
            Wish::Archived(on) => conversation.set_archived(on).await?,
            Wish::Unread => conversation.mark_unread().await?,
            Wish::Muted(0) => conversation.set_muted(None).await?,
            Wish::Muted(seconds) => {
                let until = when::timestamp().plus(u64::from(seconds) * 1_000);
                conversation.set_muted(Some(until)).await?;
            }
        }
        Ok(vec![])
    }

    pub(crate) async fn id_of(&mut self, name: &str) -> Result<MessageId, Failure> {
        Ok(self.named(name).await?.id)
    }
}

/// The beginning of a text, on a character boundary.
fn beginning(text: &str) -> String {
    let end = (0..=QUOTE.min(text.len()))
        .rev()
        .find(|end| text.is_char_boundary(*end));
    text[..end.unwrap_or(0)].to_owned()
}
