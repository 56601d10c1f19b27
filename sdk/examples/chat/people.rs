//! Invitations, contacts, requests, and who one is oneself.

use undertone::{Actor, Contact, ContactId, Invite, InviteLink};

use crate::failure::{Failure, refused};
use crate::profile::write_invite;
use crate::reading::some_or;
use crate::record::Record;
use crate::session::{Answer, Session};
use crate::wording::{actor, contact_record, name};

/// A request has its first text among so many messages.
const FIRST: usize = 100;

/// What whoever asks for the words reads first.
const PHRASE_WARNING: &[&str] = &[
    "The 24 words are your account: whoever has them is you, for ever. Nobody who helps you needs them.",
    "Write them on paper, where no camera and no one else sees the screen; do not photograph or copy them.",
    "/phrase show        shows them",
];

impl Session {
    pub(crate) async fn invite(&self, name: &str) -> Answer {
        let invite = self.client.create_invite(name).await?;
        let mut records = Vec::new();
        if let Some(folder) = &self.folder {
            let code = crate::qr::lines(invite.link.as_bytes()).into_iter();
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

    pub(crate) async fn me(&self) -> Answer {
        Ok(vec![Record::Me {
            account: self.client.account().await?.to_text(),
            name: self.client.name().await?,
        }])
    }

    pub(crate) async fn phrase(&self, is_sure: bool) -> Answer {
        if is_sure {
            let words = self.client.recovery_phrase().await?.to_string();
            return Ok(vec![Record::Phrase { words }]);
        }
        let warning = PHRASE_WARNING.iter().map(|line| Record::Text {
            text: (*line).to_owned(),
        });
        Ok(warning.collect())
    }

    /// All invitations; their numbers count from the oldest, which is never forgotten.
    pub(crate) async fn invites(&self) -> Answer {
        let mut invites = self.client.invites().await?;
        invites.reverse();
        let records = (1..)
            .zip(invites)
            .map(|(number, invite)| Record::Invitation {
                number,
                name: invite.name,
                state: if invite.revoked { "revoked" } else { "open" },
                created: invite.created,
                link: invite.link,
            });
        Ok(some_or(
            records.collect(),
            "you made no invitation yet: /invite",
        ))
    }

    pub(crate) async fn revoke(&self, number: i64) -> Answer {
        let mut invites = self.client.invites().await?;
        invites.reverse();
        let at = usize::try_from(number)
            .ok()
            .and_then(|number| number.checked_sub(1));
        let invite: &Invite = at
            .and_then(|at| invites.get(at))
            .ok_or_else(|| refused("there is no such invitation: see /invites"))?;
        self.client.revoke_invite(invite.id).await?;
        self.invites().await
    }

    pub(crate) async fn contacts(&self) -> Answer {
        let contacts = self.client.contacts().await?;
        Ok(some_or(
            contacts.iter().map(contact_record).collect(),
            "you know nobody yet: /invite, or /add LINK TEXT",
        ))
    }

    pub(crate) async fn add(&mut self, link: &str, text: &str) -> Answer {
        let link = InviteLink::parse(link)
            .map_err(|error| refused(&format!("that is no invite link: {error}")))?;
        let text = Some(text).filter(|text| !text.is_empty());
        // What is typed next goes to them.
        let contact = self.client.add_contact(link, text).await?;
        self.look_at(contact).await?;
        // The event of the new contact shows it.
        Ok(vec![])
    }

    pub(crate) async fn requests(&self) -> Answer {
        let mut records = Vec::new();
        for contact in self.client.requests().await? {
            records.push(self.request_record(&contact).await?);
        }
        Ok(some_or(records, "nobody waits for an answer"))
    }

    pub(crate) async fn safety(&self, number: i64) -> Answer {
        let safety = self.client.safety_number(ContactId::new(number)).await?;
        let safety = safety.ok_or_else(|| refused("there is no such contact"))?;
        let digits = safety.to_text();
        let mut records = Vec::new();
        if self.folder.is_some() {
            let code = crate::qr::lines(&safety.qr_payload()).into_iter();
            records.extend(code.map(|text| Record::Code { text }));
        }
        records.push(Record::Safety { number, digits });
        Ok(records)
    }

    pub(crate) async fn request_record(&self, contact: &Contact) -> Result<Record, Failure> {
        let text = match self.client.conversation_with(contact.id).await? {
            Some(conversation) => conversation
                .messages(None, FIRST)
                .await?
                .into_iter()
                .next()
                .and_then(|first| first.post)
                .map(|post| post.text),
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
