//! What people show of themselves: profiles, whether they are there, and messages that are shown once.

use std::collections::BTreeSet;

use undertone::{Audience, ContactId, Post, Presence, Profile};

use crate::command::Command;
use crate::failure::{Failure, refused};
use crate::record::Record;
use crate::session::{Answer, Session};
use crate::wording::name;

impl Session {
    /// Commands about all that.
    pub(crate) async fn show(&mut self, command: Command) -> Answer {
        match command {
            Command::Profile(None) => self.own_profile().await,
            Command::Profile(Some(number)) => self.profile_of(number).await,
            Command::About(text) => self.about(&text).await,
            Command::Picture(path) => self.picture(&path).await,
            Command::Presence(number) => self.presence(number).await,
            Command::LastSeen(who) => self.last_seen(&who).await,
            Command::Away(on) => {
                self.client.set_away(on).await?;
                Ok(vec![])
            }
            Command::Once(text) => self.once(&text).await,
            Command::View(message) => self.view(&message).await,
            _ => Ok(vec![]),
        }
    }

    /// The conversation that the user looks at is another one from now on.
    pub(crate) async fn look_at(&mut self, contact: ContactId) -> Result<(), Failure> {
        let before = self.open.replace(contact);
        if before == Some(contact) {
            return Ok(());
        }
        if let Some(before) = before
            && let Some(conversation) = self.client.conversation_with(before).await?
        {
            conversation.closed().await?;
        }
        if let Some(conversation) = self.client.conversation_with(contact).await? {
            conversation.opened().await?;
        }
        Ok(())
    }

    /// Whether somebody is there, as far as it may be known.
    pub(crate) async fn presence(&self, number: i64) -> Answer {
        let presence = self.conversation(number).await?.presence().await?;
        let (state, at) = match presence {
            Some(Presence::Online) => ("online", None),
            Some(Presence::Away) => ("away", None),
            Some(Presence::LastSeen(at)) => ("seen", Some(at)),
            Some(_) => ("recently", None),
            None => ("", None),
        };
        Ok(vec![Record::Presence { number, state, at }])
    }

    async fn own_profile(&self) -> Answer {
        let profile = self.client.profile().await?;
        Ok(vec![Record::Profile {
            number: 0,
            name: profile.name,
            about: profile.about,
            picture: profile.avatar.len(),
        }])
    }

    async fn profile_of(&self, number: i64) -> Answer {
        let contact = self.client.contact(ContactId::new(number)).await?;
        let contact = contact.ok_or_else(|| refused("there is no such contact"))?;
        let picture = self.client.avatar(contact.id).await?.unwrap_or_default();
        let calls_itself = match contact.own_name.as_str() {
            "" => name(&contact),
            own => own.to_owned(),
        };
        Ok(vec![Record::Profile {
            number,
            name: calls_itself,
            about: contact.about,
            picture: picture.len(),
        }])
    }

    async fn about(&self, about: &str) -> Answer {
        let profile = self.client.profile().await?;
        let about = about.to_owned();
        self.client
            .set_profile(Profile { about, ..profile })
            .await?;
        self.own_profile().await
    }

    /// A picture from a file; no path: none.
    async fn picture(&self, path: &str) -> Answer {
        let avatar = match path {
            "" => Vec::new(),
            path => std::fs::read(path)
                .map_err(|error| refused(&format!("the picture could not be read: {error}")))?,
        };
        let profile = self.client.profile().await?;
        self.client
            .set_profile(Profile { avatar, ..profile })
            .await?;
        self.own_profile().await
    }

    /// Who may know whether the user is there: `contacts`, `nobody`, or contacts by their numbers.
    async fn last_seen(&self, who: &str) -> Answer {
        let audience = match who {
            "contacts" => Audience::Contacts,
            "nobody" => Audience::Nobody,
            numbers => {
                let ids = numbers.split_whitespace().map(|number| {
                    let number = number.parse().map(ContactId::new);
                    number
                        .map_err(|_| refused("/lastseen wants contacts, nobody, or their numbers"))
                });
                Audience::Chosen(ids.collect::<Result<BTreeSet<_>, _>>()?)
            }
        };
        self.client.set_last_seen_audience(audience).await?;
        Ok(vec![])
    }

    async fn once(&mut self, text: &str) -> Answer {
        let number = self.open_or_only().await?;
        let post = Post {
            view_once: true,
            ..Post::text(text)
        };
        self.conversation(number).await?.send(post).await?;
        // The event of the new message shows it.
        Ok(vec![])
    }

    async fn view(&mut self, message: &str) -> Answer {
        let message = self.id_of(message).await?;
        let post = self.client.view_once(message).await?;
        Ok(vec![Record::Once { text: post.text }])
    }
}
