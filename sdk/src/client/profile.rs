//! What people show of themselves, and whether they are there.

use undertone_protocol::content::{MessageId, Post};
use undertone_protocol::profile::Profile;

use super::Client;
use super::conversation::Conversation;
use crate::engine::{Audience, Presence};
use crate::error::{ChangeError, ProfileError, StepError};
use crate::store::{ContactId, StoreError};

impl Client {
    /// What this account shows of itself to contacts; nothing but the name before [`set_profile`](Self::set_profile).
    ///
    /// # Errors
    /// [`StoreError`] says who must act.
    pub async fn profile(&self) -> Result<Profile, StoreError> {
        self.read(|view| view.profile()).await
    }

    /// Shows contacts a name, a text about the user and a picture. They learn of it with what is sent to them next, else within a week,
    /// and fetch it by and by. Nobody else can read it, and who is blocked sees nothing new.
    ///
    /// # Errors
    /// [`ProfileError`] says who must act; nothing was changed.
    pub async fn set_profile(&self, profile: Profile) -> Result<(), ProfileError> {
        self.write(move |step| step.set_profile(profile)).await
    }

    /// A contact's picture, as it came, in whatever format: nothing was decoded, and nothing of it is to be trusted. `None` when there is
    /// none. It is the same as long as [`Contact::avatar`](crate::Contact::avatar) is.
    ///
    /// # Errors
    /// [`StoreError`] says who must act.
    pub async fn avatar(&self, contact: ContactId) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(move |view| view.avatar(contact)).await
    }

    /// Says whether the user is away from his device: he touched nothing for five minutes, or the app runs where he does not see it. A
    /// client that was told nothing takes him to be there.
    ///
    /// # Errors
    /// [`StepError`] says who must act.
    pub async fn set_away(&self, away: bool) -> Result<(), StepError> {
        self.write(move |step| {
            step.set_away(away);
            Ok(())
        })
        .await
    }

    /// Who may know whether the user is there, and when he was there last; all contacts unless it was changed.
    ///
    /// # Errors
    /// [`StepError`] says who must act.
    pub async fn set_last_seen_audience(&self, audience: Audience) -> Result<(), StepError> {
        self.write(move |step| step.set_last_seen_audience(audience))
            .await
    }

    /// Who may know it now.
    ///
    /// # Errors
    /// [`StoreError`] says who must act.
    pub async fn last_seen_audience(&self) -> Result<Audience, StoreError> {
        self.read(|view| view.last_seen_audience()).await
    }

    /// Gives out a message that is shown once ([`Message::once`](crate::Message::once)), and tells its sender, if receipts are on, that it
    /// was read. Nothing of it is left in this store when this returns: show it, and keep it nowhere. What nobody asks for is deleted
    /// after [`VIEW_ONCE_KEEP_S`](crate::limits::VIEW_ONCE_KEEP_S).
    ///
    /// # Errors
    /// [`ChangeError`] says who must act; [`ChangeError::NotPossible`] when it was shown before, or is an own one.
    pub async fn view_once(&self, message: MessageId) -> Result<Post, ChangeError> {
        let post = self.write(move |step| step.view_once(&message)).await?;
        self.erase().await;
        Ok(post)
    }
}

impl Conversation {
    /// The user looks at it: the other side is asked whether it is there, and again until [`closed`](Self::closed), or until the client
    /// is locked. Sixteen can be looked at at once.
    ///
    /// # Errors
    /// [`StepError`] says who must act.
    pub async fn opened(&self) -> Result<(), StepError> {
        let id = self.id();
        let client = self.client();
        client.write(move |step| step.conversation_opened(id)).await
    }

    /// The user has left it.
    ///
    /// # Errors
    /// [`StepError`] says who must act.
    pub async fn closed(&self) -> Result<(), StepError> {
        let id = self.id();
        let client = self.client();
        client
            .write(move |step| {
                step.conversation_closed(id);
                Ok(())
            })
            .await
    }

    /// Whether the other side is there, as far as this account may know. [`Event::PresenceChanged`](crate::Event::PresenceChanged) says
    /// when that changes. `None` for who is no contact, and for whom the user tells nothing himself.
    ///
    /// # Errors
    /// [`StoreError`] says who must act.
    pub async fn presence(&self) -> Result<Option<Presence>, StoreError> {
        let id = self.id();
        self.client().read(move |view| view.presence(id)).await
    }
}
