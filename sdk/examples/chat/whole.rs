//! The whole profile: written out, given another key, deleted; and reports about somebody.

use std::path::Path;

use undertone::{AccountDeletion, ContactId, Operation, ReportTarget, RotateKeyError};

use crate::command::Deleting;
use crate::profile;
use crate::record::Record;
use crate::session::{Answer, Session};

/// What whoever wants to delete the account reads first.
const DELETION_WARNING: &[&str] = &[
    "Your account, everything that was said, and your key are deleted, here and at your relay. There is no way back.",
    "What others have of your messages stays theirs. To keep your own: /export FOLDER.",
    "/delete-account yes    deletes it, as soon as your relay answers",
    "/delete-account here   deletes what is here and does not wait for the relay",
];

fn said(text: String) -> Vec<Record> {
    vec![Record::Text { text }]
}

impl Session {
    pub(crate) async fn export(&self, folder: &str) -> Answer {
        let written = self
            .client
            .export(Path::new(folder), Operation::new())
            .await?;
        let mut text = format!(
            "{} messages with {} people are in {folder}; whoever has that folder reads them",
            written.messages, written.contacts
        );
        if written.left_out > 0 {
            text += &format!("; {} that disappear were left out", written.left_out);
        }
        Ok(said(text))
    }

    /// The new key is kept beside the old one first: whenever this program ends, one of the two opens the store.
    pub(crate) async fn rekey(&self) -> Answer {
        let next = profile::make_next_key(&self.profile)?;
        match self.client.rotate_store_key(next, Operation::new()).await {
            Ok(()) => {
                profile::adopt_next_key(&self.profile)?;
                Ok(said("your store has another key".to_owned()))
            }
            Err(failure) => {
                if !matches!(failure, RotateKeyError::NewKey(_)) {
                    profile::forget_next_key(&self.profile)?;
                }
                Err(failure.into())
            }
        }
    }

    pub(crate) async fn delete_account(&self, deleting: Deleting) -> Answer {
        match deleting {
            Deleting::Asked => {
                let warning = DELETION_WARNING.iter().map(|line| Record::Text {
                    text: (*line).to_owned(),
                });
                return Ok(warning.collect());
            }
            Deleting::Sure => {
                let client = self.client.clone();
                // It goes on by itself; events say how far it is.
                tokio::spawn(async move { client.delete_account().await });
            }
            Deleting::Here => self.client.delete_account_here().await?,
        }
        Ok(vec![])
    }

    /// What is said of a deletion.
    pub(crate) fn deletion(&self, state: AccountDeletion) -> Record {
        let text = match state {
            AccountDeletion::Deleted { erased: true } => {
                match profile::forget_keys(&self.profile) {
                    Ok(()) => "your account is deleted; /quit".to_owned(),
                    Err(error) => format!("your account is deleted, its key is not: {error}"),
                }
            }
            AccountDeletion::Deleted { erased: false } => {
                "your account is deleted, and its file cannot be removed: see the folder of this profile"
                    .to_owned()
            }
            AccountDeletion::Waiting(progress) if progress.record => {
                "your account is being deleted; nobody finds it any more".to_owned()
            }
            AccountDeletion::Waiting(_) | AccountDeletion::NotAsked => {
                "your account is being deleted; this waits for your relay, /delete-account here does not"
                    .to_owned()
            }
        };
        Record::Alarm { text }
    }

    pub(crate) async fn report(&self, number: i64, block: bool) -> Answer {
        let target = ReportTarget::Contact(ContactId::new(number));
        let report = self.client.report(target, block).await?;
        Ok(said(report.to_json()))
    }
}
