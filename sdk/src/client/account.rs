//! The own account: who one is, and the invitations that one gave out.

use undertone_protocol::account::AccountId;
use zeroize::Zeroizing;

use super::Client;
use super::model::Invite;
use crate::engine::AccountAlarm;
use crate::error::{InviteError, NameError, StepError};
use crate::store::{InviteId, StoreError};

impl Client {
    /// This account's id; its text is `ut1…`.
    ///
    /// # Errors
    /// [`StoreError`] says who must act.
    pub async fn account(&self) -> Result<AccountId, StoreError> {
        self.read(|view| Ok(view.account())).await
    }

    /// The name that is told to others.
    ///
    /// # Errors
    /// [`StoreError`] says who must act.
    pub async fn name(&self) -> Result<String, StoreError> {
        self.read(|view| Ok(view.name().to_owned())).await
    }

    /// Changes the name that is told to others: with the first message to somebody, and with an acceptance, and in the profile if there
    /// is one ([`set_profile`](Self::set_profile)). Without, whoever knows this account already keeps the name that they have for it.
    ///
    /// # Errors
    /// [`NameError`] says who must act.
    pub async fn set_name(&self, name: &str) -> Result<(), NameError> {
        let name = name.to_owned();
        self.write(move |step| step.set_own_name(&name)).await
    }

    /// The 24 words that are the account's key. Whoever has them is the account: show them, keep them nowhere. This version
    /// does not make a device of an account from them yet.
    ///
    /// # Errors
    /// [`StoreError`] says who must act.
    pub async fn recovery_phrase(&self) -> Result<Zeroizing<String>, StoreError> {
        self.read(|view| Ok(Zeroizing::new(view.recovery_phrase().join(" "))))
            .await
    }

    /// Makes an invitation. `name` is for the user's own list.
    ///
    /// # Errors
    /// [`InviteError`] says who must act.
    pub async fn create_invite(&self, name: &str) -> Result<Invite, InviteError> {
        let name = name.to_owned();
        let id = self.write(move |step| step.create_invite(&name)).await?;
        let invites = self.invites().await.map_err(StepError::from)?;
        invites
            .into_iter()
            .find(|invite| invite.id == id)
            .ok_or(InviteError::NoSuchInvite)
    }

    /// All invitations that were made, the revoked ones too.
    ///
    /// # Errors
    /// [`StoreError`] says who must act.
    pub async fn invites(&self) -> Result<Vec<Invite>, StoreError> {
        self.read(|view| {
            let mut invites = Vec::new();
            for row in view.invites()? {
                let link = view
                    .invite_link(&row.id)?
                    .map(|link| link.to_text().to_string())
                    .unwrap_or_default();
                invites.push(Invite::new(row, link));
            }
            Ok(invites)
        })
        .await
    }

    /// Ends an invitation: it gives no right to write any more. Whoever has its link can still find the account, and knock with
    /// work, as anybody who knows the mailbox.
    ///
    /// # Errors
    /// [`InviteError`] says who must act.
    pub async fn revoke_invite(&self, invite: InviteId) -> Result<(), InviteError> {
        self.write(move |step| step.revoke_invite(&invite)).await
    }

    /// What is wrong with the own account's identity and was not dismissed: to be shown at each start.
    ///
    /// # Errors
    /// [`StoreError`] says who must act.
    pub async fn account_alarms(&self) -> Result<Vec<AccountAlarm>, StoreError> {
        self.read(|view| view.account_alarms()).await
    }

    /// The user has seen the alarms over the own account: they are forgotten.
    ///
    /// # Errors
    /// [`StepError`] says who must act.
    pub async fn dismiss_account_alarms(&self) -> Result<(), StepError> {
        self.write(|step| step.dismiss_account_alarms()).await
    }
}
