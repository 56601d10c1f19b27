//! Deleting the account: what the own relay has of it, and then, by the driver, the store.
//!
//! Invariant: once decided it is durable, and goes on after a crash until the relay has said of each thing that it is gone. From then
//! on nothing else is asked of any relay, and nothing that comes is handled. The mailbox goes last: the login that it needs would make
//! it anew. Not its concern: the file of the store, and what other relays still have for others, which expires there.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a frame of a kind that does not belong here is as good as none"
)]

use bytes::Bytes;
use undertone_wire as wire;
use undertone_wire::ErrorCode;
use undertone_wire::frame::Body;
use undertone_wire::signed::{DeleteRecordBody, SignedBody};

use super::Engine;
use super::backoff;
use super::lane::Lane;
use super::manifest_upkeep;
use super::meta;
use super::own_profile;
use super::requests::Purpose;
use super::step::Step;
use crate::error::StepError;
use crate::store::Tx;

/// How far the deletion of an account is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DeletionProgress {
    /// The device list is gone from the own relay: nobody finds the account any more.
    pub record: bool,
    /// What the user showed of himself is gone from the own relay, or there was nothing.
    pub profile: bool,
    /// The mailbox is gone from the own relay, with what waited in it, its tokens and prekeys.
    pub mailbox: bool,
}

impl DeletionProgress {
    /// Whether the relay has nothing left.
    #[must_use]
    pub fn is_done(self) -> bool {
        self.record && self.profile && self.mailbox
    }

    fn encode(self) -> [u8; 3] {
        [self.record, self.profile, self.mailbox].map(u8::from)
    }

    fn parse(bytes: &[u8]) -> Self {
        let is_set = |at: usize| bytes.get(at) == Some(&1);
        Self {
            record: is_set(0),
            profile: is_set(1),
            mailbox: is_set(2),
        }
    }
}

/// A deletion that was decided.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Deletion {
    progress: DeletionProgress,
    in_flight: bool,
    /// The version of the record that is to be deleted, as far as it is known.
    record_version: u64,
    /// And that of the record of the profile.
    profile_version: u64,
}

impl Deletion {
    /// What was decided before, if anything was.
    pub(crate) fn load(tx: &Tx<'_>) -> Result<Option<Self>, StepError> {
        let Some(bytes) = tx.meta().get(meta::DELETION)? else {
            return Ok(None);
        };
        let mut progress = DeletionProgress::parse(&bytes);
        let profile_version = own_profile::record_version(tx)?;
        progress.profile |= profile_version.is_none();
        Ok(Some(Self {
            progress,
            in_flight: false,
            record_version: manifest_upkeep::record_version(tx)?,
            profile_version: profile_version.unwrap_or_default(),
        }))
    }
}

impl Engine {
    /// How far the deletion of the account is; `None` when it was not decided.
    #[must_use]
    pub fn deletion(&self) -> Option<DeletionProgress> {
        self.core.deletion.map(|deletion| deletion.progress)
    }
}

impl Step<'_> {
    /// Decides that the account is deleted. There is no way back.
    ///
    /// # Errors
    /// [`StepError`].
    pub fn delete_account(&mut self) -> Result<(), StepError> {
        if self.core.deletion.is_none() {
            let progress = DeletionProgress::default();
            self.tx.meta().put(meta::DELETION, &progress.encode())?;
            self.core.deletion = Deletion::load(&self.tx)?;
        }
        Ok(())
    }

    /// Decides that the account is deleted, and that what its relay has is left there.
    ///
    /// # Errors
    /// [`StepError`].
    pub fn delete_account_here(&mut self) -> Result<(), StepError> {
        self.delete_account()?;
        self.progress(|progress| {
            *progress = DeletionProgress {
                record: true,
                profile: true,
                mailbox: true,
            };
        })
    }

    /// Whether the account is being deleted.
    pub(super) fn is_deleting(&self) -> bool {
        self.core.deletion.is_some()
    }

    /// Whether the relay has nothing of the account any more.
    pub(super) fn is_deleted(&self) -> bool {
        let deletion = self.core.deletion;
        deletion.is_some_and(|deletion| deletion.progress.is_done())
    }

    /// Asks the own relay for what is next.
    pub(super) fn pump_deletion(&mut self, deletion: Deletion) -> Result<(), StepError> {
        let own = &self.core.own;
        let waits = deletion.in_flight || own.not_before > self.now.monotonic_ms;
        if !own.logged_in || waits {
            return Ok(());
        }
        if !deletion.progress.record || !deletion.progress.profile {
            return self.delete_record(deletion);
        }
        if !deletion.progress.mailbox {
            self.ask(
                &Lane::Own,
                Purpose::DeleteMailbox,
                Body::DeleteMailbox(wire::DeleteMailbox {}),
            );
        }
        Ok(())
    }

    fn ask(&mut self, lane: &Lane, purpose: Purpose, body: Body) {
        if let Some(deletion) = &mut self.core.deletion {
            deletion.in_flight = true;
        }
        self.request(lane, purpose, body);
    }

    /// The device list first, and each on a connection of its own: the relay is not told that they belong together.
    fn delete_record(&mut self, deletion: Deletion) -> Result<(), StepError> {
        let lane = self.record_lane();
        if !self.core.lanes.is_usable(&lane, self.now.monotonic_ms) {
            return Ok(());
        }
        let of_profile = self.profile_write_key();
        let (write_key, expected_version) = match deletion.progress.record {
            false => (&self.core.me.manifest_key, deletion.record_version),
            true => (&of_profile, deletion.profile_version),
        };
        let key = write_key.public_key();
        let body = DeleteRecordBody {
            write_key: key.as_bytes(),
            expected_version,
        };
        let signature = write_key.sign_framed(&body.signed_bytes());
        let delete = wire::DeleteRecord {
            write_key: Bytes::copy_from_slice(key.as_bytes()),
            expected_version,
            signature: Bytes::copy_from_slice(&signature.0),
        };
        self.ask(&lane, Purpose::DeleteRecord, Body::DeleteRecord(delete));
        Ok(())
    }

    /// The relay answered about a record.
    pub(super) fn record_deletion_answered(&mut self, body: &Body) -> Result<(), StepError> {
        let gone = match body {
            Body::Done(_) => true,
            Body::Failure(failure) if failure.code() == ErrorCode::NotFound => true,
            Body::Failure(failure) if failure.code() == ErrorCode::Conflict => {
                let stands = failure.current.clone().unwrap_or_default();
                match &mut self.core.deletion {
                    Some(deletion) if deletion.progress.record => {
                        deletion.profile_version = stands.version;
                    }
                    Some(deletion) => deletion.record_version = stands.version,
                    None => {}
                }
                stands.value.is_empty()
            }
            _ => false,
        };
        let lane = self.record_lane();
        self.disconnect(&lane);
        self.deletion_answered(gone, body, |progress| match progress.record {
            false => progress.record = true,
            true => progress.profile = true,
        })
    }

    /// The relay answered about the mailbox.
    pub(super) fn mailbox_deletion_answered(&mut self, body: &Body) -> Result<(), StepError> {
        let gone = matches!(body, Body::Done(_));
        self.deletion_answered(gone, body, |progress| progress.mailbox = true)
    }

    /// The relay lets nobody in who has no mailbox: then there is none.
    pub(super) fn mailbox_is_gone(&mut self) -> Result<(), StepError> {
        self.progress(|progress| progress.mailbox = true)
    }

    fn deletion_answered(
        &mut self,
        gone: bool,
        body: &Body,
        done: impl FnOnce(&mut DeletionProgress),
    ) -> Result<(), StepError> {
        self.deletion_unanswered();
        if gone {
            self.core.own.conflicts = 0;
            return self.progress(done);
        }
        match body {
            Body::Failure(failure) if failure.code() != ErrorCode::Conflict => {
                self.own_refused(failure, |_| {})
            }
            Body::Failure(failure) => {
                // One conflict tells what stands there; more of them, and the relay does not mean it.
                if self.core.own.conflicts > 0 {
                    self.leave_own_alone(backoff::asked(failure.retry_after_ms));
                }
                self.core.own.conflicts = self.core.own.conflicts.saturating_add(1);
                Ok(())
            }
            _ => {
                self.leave_own_alone(0);
                Ok(())
            }
        }
    }

    /// What was asked is asked again.
    pub(super) fn deletion_unanswered(&mut self) {
        if let Some(deletion) = &mut self.core.deletion {
            deletion.in_flight = false;
        }
    }

    fn progress(&mut self, done: impl FnOnce(&mut DeletionProgress)) -> Result<(), StepError> {
        let Some(deletion) = &mut self.core.deletion else {
            return Ok(());
        };
        done(&mut deletion.progress);
        let progress = deletion.progress;
        self.tx.meta().put(meta::DELETION, &progress.encode())?;
        Ok(())
    }
}
