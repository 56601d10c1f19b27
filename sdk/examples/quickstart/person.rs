//! Somebody with a device: an open client, and how to wait for what it should come to.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::timeout;
use undertone::{
    Client, ClientConfig, ClientEvent, Contact, ContactId, Conversation, Event, Events, InviteLink,
    Message, MessageState, SearchFilter,
};

/// How long anything may take. Nothing here waits for time to pass; this is for telling a broken story from a slow machine,
/// which may be very slow.
const PATIENCE: Duration = Duration::from_secs(300);

/// Messages of a page.
const PAGE: usize = 50;

/// Why the story breaks off.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Problem {
    #[error("this did not hold: {0}")]
    Step(&'static str),
    #[error("it took too long until {0}")]
    TooLong(&'static str),
    #[error(transparent)]
    Other(#[from] Box<dyn std::error::Error + Send + Sync>),
}

macro_rules! problems {
    ($($error:ty),*) => {$(
        impl From<$error> for Problem {
            fn from(error: $error) -> Self {
                Self::Other(Box::new(error))
            }
        }
    )*};
}
problems!(
    std::io::Error,
    undertone_relay::StartError,
    undertone_relay::storage::StorageError,
    undertone::OpenError,
    undertone::StoreError,
    undertone::InviteError,
    undertone::InviteLinkError,
    undertone::AddContactError,
    undertone::ContactError,
    undertone::SendError
);

/// Holds the story to what it tells.
pub(crate) fn ensure(held: bool, what: &'static str) -> Result<(), Problem> {
    if held {
        Ok(())
    } else {
        Err(Problem::Step(what))
    }
}

/// Somebody whose client is open.
pub(crate) struct Person {
    pub(crate) name: &'static str,
    client: Client,
    events: Events,
    home: Home,
}

/// Somebody whose client is closed.
pub(crate) struct Sleeper {
    name: &'static str,
    home: Home,
}

/// Where a device keeps its store, and the key that its platform keeps for it.
struct Home {
    store: PathBuf,
    key: [u8; 32],
    relay: String,
}

/// A message request.
pub(crate) struct Request {
    pub(crate) name: String,
    pub(crate) text: String,
    contact: ContactId,
}

impl Person {
    pub(crate) async fn open(
        name: &'static str,
        folder: &Path,
        relay: &str,
    ) -> Result<Self, Problem> {
        let store = folder.join(name).with_extension("db");
        Sleeper {
            name,
            home: Home {
                store,
                key: rand::random(),
                relay: relay.to_owned(),
            },
        }
        .wake_up()
        .await
    }

    pub(crate) async fn fall_asleep(self) -> Sleeper {
        self.client.close().await;
        Sleeper {
            name: self.name,
            home: self.home,
        }
    }

    pub(crate) async fn account(&self) -> Result<String, Problem> {
        Ok(self.client.account().await?.to_text())
    }

    /// Waits until others can write to this person, whether they are online or not.
    pub(crate) async fn is_reachable(&mut self) -> Result<(), Problem> {
        let waiting = async {
            while let Some(event) = self.events.next().await {
                if matches!(event, ClientEvent::Changed(Event::Reachable)) {
                    return Ok(());
                }
            }
            Err(Problem::Step("the client stays open"))
        };
        timeout(PATIENCE, waiting)
            .await
            .unwrap_or(Err(Problem::TooLong("somebody could be written to")))
    }

    pub(crate) async fn invite(&self, name: &str) -> Result<String, Problem> {
        Ok(self.client.create_invite(name).await?.link)
    }

    pub(crate) async fn add(&self, link: &str, text: &str) -> Result<(), Problem> {
        self.client
            .add_contact(InviteLink::parse(link)?, Some(text))
            .await?;
        Ok(())
    }

    /// Waits for a message request.
    pub(crate) async fn request(&mut self) -> Result<Request, Problem> {
        self.until("a message request came", async |client| {
            let Some(Contact { id, name, .. }) = client.requests().await?.into_iter().next() else {
                return Ok(None);
            };
            let Some(conversation) = client.conversation_with(id).await? else {
                return Ok(None);
            };
            let first = conversation
                .messages(None, PAGE)
                .await?
                .into_iter()
                .find_map(|message| message.post)
                .map(|post| post.text);
            Ok(first.map(|text| Request {
                name,
                text,
                contact: id,
            }))
        })
        .await
    }

    pub(crate) async fn accept(&self, request: &Request) -> Result<(), Problem> {
        Ok(self.client.accept(request.contact).await?)
    }

    pub(crate) async fn say(&self, text: &str) -> Result<(), Problem> {
        conversation(&self.client).await?.send_text(text).await?;
        Ok(())
    }

    /// Waits until a message of the other side is in the history.
    pub(crate) async fn received(&mut self, words: &'static str) -> Result<(), Problem> {
        self.until("a message arrived", async |client| {
            Ok(find(client, words)
                .await?
                .filter(|message| message.sender.is_some())
                .map(drop))
        })
        .await
    }

    /// Waits until an own message has come so far.
    pub(crate) async fn own_message(
        &mut self,
        words: &'static str,
        state: MessageState,
    ) -> Result<(), Problem> {
        self.until("a message went on", async |client| {
            Ok(find(client, words)
                .await?
                .filter(|message| message.sender.is_none() && message.state == state)
                .map(drop))
        })
        .await
    }

    /// How many messages the conversation has.
    pub(crate) async fn history(&self) -> Result<usize, Problem> {
        Ok(conversation(&self.client)
            .await?
            .messages(None, PAGE)
            .await?
            .len())
    }

    /// The best match, with its words between brackets.
    pub(crate) async fn search(&self, words: &str) -> Result<String, Problem> {
        let hits = self
            .client
            .search(words, SearchFilter::default(), None, PAGE)
            .await?
            .hits;
        let hit = hits
            .first()
            .ok_or(Problem::Step("a search finds what was written"))?;
        let mut marked = hit.snippet.clone();
        for range in hit.highlights.iter().rev() {
            marked.insert(range.end, ']');
            marked.insert(range.start, '[');
        }
        Ok(marked)
    }

    pub(crate) async fn safety_number(&self) -> Result<String, Problem> {
        let contacts = self.client.contacts().await?;
        let contact = contacts
            .first()
            .ok_or(Problem::Step("there is a contact"))?;
        let number = self.client.safety_number(contact.id).await?;
        Ok(number
            .ok_or(Problem::Step("a contact has a safety number"))?
            .to_text())
    }

    /// Waits until `look` finds something, looking again whenever anything changed.
    async fn until<T>(
        &mut self,
        what: &'static str,
        look: impl AsyncFn(&Client) -> Result<Option<T>, Problem>,
    ) -> Result<T, Problem> {
        let looking = async {
            loop {
                if let Some(found) = look(&self.client).await? {
                    return Ok(found);
                }
                self.events
                    .next()
                    .await
                    .ok_or(Problem::Step("the client stays open"))?;
            }
        };
        timeout(PATIENCE, looking)
            .await
            .unwrap_or(Err(Problem::TooLong(what)))
    }
}

impl Sleeper {
    pub(crate) async fn wake_up(self) -> Result<Person, Problem> {
        let Self { name, home } = self;
        let config = ClientConfig::new(&home.store, home.key)
            .or_create(&home.relay, name)
            .offline();
        let client = Client::open(config).await?;
        let events = client.events();
        client.set_online(true).await;
        Ok(Person {
            name,
            client,
            events,
            home,
        })
    }

    /// What a wrong key gets; `None` when it gets anything else.
    pub(crate) async fn try_another_key(&self) -> Option<String> {
        let config = ClientConfig::new(&self.home.store, rand::random());
        Some(Client::open(config).await.err()?.to_string())
    }
}

/// The one conversation of this story.
async fn conversation(client: &Client) -> Result<Conversation, Problem> {
    let first = client.conversations(None, 1).await?.into_iter().next();
    Ok(client.conversation(first.ok_or(Problem::Step("there is a conversation"))?.id))
}

async fn find(client: &Client, words: &str) -> Result<Option<Message>, Problem> {
    let messages = match conversation(client).await {
        Ok(conversation) => conversation.messages(None, PAGE).await?,
        Err(_) => Vec::new(),
    };
    Ok(messages
        .into_iter()
        .find(|message| message.text().is_some_and(|text| text.contains(words))))
}
