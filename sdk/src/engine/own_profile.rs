//! What the user shows of himself: a record at his relay, which contacts read under the profile key (SPEC.md, 9.1).
//!
//! Invariant: it is put on a connection of its own, which is closed after it, and at random times, so that the relay ties it neither to
//! the mailbox nor to the manifest. When the user was there last is in it only if all contacts may know, since all of them see the record
//! change; it is written at most once in a quarter of an hour. There is no record before the user has said something of himself.
//!
//! Contacts are told where it is, and what it says, behind the acceptance that tells them the secrets
//! ([`delivery`](super::delivery)). What they say of theirs is in [`profiles`](super::profiles).

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a frame of a kind that does not belong here is as good as none"
)]

use undertone_protocol::account::ManifestWriteKey;
use undertone_protocol::content::{Body as Says, ProfilePlace};
use undertone_protocol::limits::{MAX_ABOUT, MAX_AVATAR};
use undertone_protocol::manifest::RecordId;
use undertone_protocol::primitives::codec::{DecodeError, Reader, Writer};
use undertone_protocol::profile::{Profile, ProfileKey, ProfileRecord, QuarterHour};
use undertone_protocol::time::Timestamp;
use undertone_wire::ErrorCode;
use undertone_wire::frame::Body;

use super::backoff;
use super::event::Event;
use super::lane::Lane;
use super::limits::{
    LAST_SEEN_PUT_FROM_MS, LAST_SEEN_PUT_TO_MS, PROFILE_PUT_FROM_MS, PROFILE_PUT_TO_MS,
};
use super::manifest_upkeep::signed_put;
use super::meta;
use super::requests::Purpose;
use super::step::Step;
use super::text::is_name;
use super::timers::Timer;
use super::view::View;
use crate::error::{ProfileError, StepError};
use crate::store::{ContactId, ContactState, StoreError, Tx};

/// What memory has of the own profile.
#[derive(Debug, Default)]
pub(crate) struct OwnProfile {
    /// How it stands with the record; absent: the user said nothing of himself.
    record: Option<Record>,
    /// What is being put; counted, so that an answer is known to be about the newest.
    put: u64,
    pub(crate) in_flight: bool,
    /// When it is put, monotonic ms.
    at: Option<u64>,
    /// Conflicts in a row.
    conflicts: u32,
}

/// How it stands with the record of the own profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Record {
    /// Whether it holds what the user said last.
    newest: bool,
    /// Whether contacts are to be told when it does.
    untold: bool,
    /// Its version at the relay; 0 when there is none.
    version: u64,
    /// When it says that the user was there last.
    last_seen: Option<QuarterHour>,
    /// When it was put.
    put: Timestamp,
}

impl Record {
    /// `newest 1 ‖ untold 1 ‖ version 8 ‖ last seen 8 ‖ put 8`.
    fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let last_seen = self.last_seen.map(QuarterHour::begins);
        Writer::new(&mut bytes)
            .u8(u8::from(self.newest))
            .u8(u8::from(self.untold))
            .u64(self.version)
            .u64(last_seen.unwrap_or_default().0)
            .u64(self.put.0);
        bytes
    }

    fn parse(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let record = Self {
            newest: reader.u8()? == 1,
            untold: reader.u8()? == 1,
            version: reader.u64()?,
            last_seen: QuarterHour::of(Timestamp(reader.u64()?)),
            put: Timestamp(reader.u64()?),
        };
        reader.finish()?;
        Ok(record)
    }
}

impl OwnProfile {
    pub(crate) fn load(tx: &Tx<'_>) -> Result<Self, StepError> {
        let record = tx.meta().get(meta::OWN_PROFILE_RECORD)?;
        let record = record.map(|bytes| Record::parse(&bytes)).transpose();
        Ok(Self {
            record: record.map_err(|_| StepError::Damaged)?,
            ..Self::default()
        })
    }
}

/// The version of the profile's record at the relay, as far as it is known; `None` when there is none.
pub(super) fn record_version(tx: &Tx<'_>) -> Result<Option<u64>, StepError> {
    Ok(OwnProfile::load(tx)?.record.map(|record| record.version))
}

fn own_profile(tx: &Tx<'_>) -> Result<Option<Profile>, StoreError> {
    let bytes = tx.meta().get(meta::OWN_PROFILE)?;
    let profile = bytes.map(|bytes| Profile::parse(&bytes)).transpose();
    profile.map_err(|_| StoreError::Corrupt)
}

impl Step<'_> {
    /// What the user shows of himself to contacts from now on.
    ///
    /// # Errors
    /// [`ProfileError`]; nothing is changed unless it is [`ProfileError::Step`].
    pub fn set_profile(&mut self, profile: Profile) -> Result<(), ProfileError> {
        if !is_name(&profile.name) {
            return Err(ProfileError::BadName);
        }
        if profile.about.len() > MAX_ABOUT || profile.avatar.len() > MAX_AVATAR {
            return Err(ProfileError::TooLong);
        }
        let encoded = profile.encode().map_err(|_| ProfileError::TooLong)?;
        self.tx.identity().set_name(&profile.name)?;
        self.core.me.name = profile.name;
        self.tx.meta().put(meta::OWN_PROFILE, &encoded)?;
        self.core.profile.record.get_or_insert_default();
        self.profile_changed()?;
        self.emit(Event::NameChanged);
        Ok(())
    }

    /// The own name changed: the profile, if there is one, has it too.
    pub(super) fn name_changed(&mut self) -> Result<(), StepError> {
        let Some(mut profile) = own_profile(&self.tx)? else {
            return Ok(());
        };
        profile.name.clone_from(&self.core.me.name);
        let encoded = profile.encode().map_err(|_| StepError::Damaged)?;
        self.tx.meta().put(meta::OWN_PROFILE, &encoded)?;
        self.profile_changed()
    }

    /// The profile, if there is one, says something else: what the user says of himself, or whether he lets be known when he was there.
    /// Contacts are told when it is at the relay.
    pub(super) fn profile_changed(&mut self) -> Result<(), StepError> {
        match self.core.profile.record {
            Some(record) => self.profile_says_more(Record {
                untold: true,
                ..record
            }),
            None => Ok(()),
        }
    }

    /// Somebody who may know the profile key is blocked: the profile gets another key, and so another record. The old one stays as it
    /// is, as that of a device that is off, and ends at its relay by itself.
    pub(super) fn rotate_profile(&mut self) -> Result<(), StepError> {
        self.core.me.profile = ProfileKey::generate(&mut self.rng);
        let secrets = self.core.me.secrets();
        self.tx.identity().set_secrets(&secrets)?;
        match self.core.profile.record {
            // Everybody is told anyway, with the new delivery secret.
            Some(_) => self.profile_says_more(Record::default()),
            None => Ok(()),
        }
    }

    /// The relay lost what it had: the record is made anew.
    pub(super) fn profile_is_lost(&mut self) -> Result<(), StepError> {
        match self.core.profile.record {
            Some(record) => self.profile_says_more(Record {
                version: 0,
                ..record
            }),
            None => Ok(()),
        }
    }

    fn profile_says_more(&mut self, record: Record) -> Result<(), StepError> {
        let profile = &mut self.core.profile;
        profile.put = profile.put.wrapping_add(1);
        profile.at = None;
        self.set_profile_record(Record {
            newest: false,
            ..record
        })
    }

    fn set_profile_record(&mut self, record: Record) -> Result<(), StepError> {
        self.core.profile.record = Some(record);
        let encoded = record.encode();
        Ok(self.tx.meta().put(meta::OWN_PROFILE_RECORD, &encoded)?)
    }

    /// Puts the profile at the relay, when it says something new and its time has come.
    pub(super) fn publish_profile(&mut self) -> Result<(), StepError> {
        let busy = self.core.profile.in_flight || self.core.own.manifest_in_flight;
        let Some(record) = self.core.profile.record.filter(|_| !busy) else {
            return Ok(());
        };
        let own_last_seen = self.own_last_seen();
        let last_seen = match self.all_are_told()? {
            true => own_last_seen.max(record.last_seen),
            false => None,
        };
        let says_the_same = record.newest && last_seen == record.last_seen;
        // It says something else when the next quarter of an hour has begun, unless the user is not there.
        if says_the_same && (last_seen.is_none() || own_last_seen.is_none() || self.is_away()) {
            return Ok(());
        }
        let lane = self.record_lane();
        if !self.profile_has_waited(&record)
            || says_the_same
            || !self.core.lanes.is_usable(&lane, self.now.monotonic_ms)
        {
            return Ok(());
        }
        let profile = own_profile(&self.tx)?.ok_or(StepError::Damaged)?;
        self.put_profile(&lane, record, ProfileRecord { profile, last_seen })
    }

    /// Whether the random time is over after which the record is put: soon when the user said something, else a quarter of an hour to
    /// half an hour after it was put last.
    fn profile_has_waited(&mut self, record: &Record) -> bool {
        let now = self.now.monotonic_ms;
        let at = match self.core.profile.at {
            Some(at) => at,
            None => {
                let soon = backoff::between(PROFILE_PUT_FROM_MS, PROFILE_PUT_TO_MS, &mut self.rng);
                let wait = match record.newest {
                    false => soon,
                    true => {
                        let spacing = backoff::between(
                            LAST_SEEN_PUT_FROM_MS,
                            LAST_SEEN_PUT_TO_MS,
                            &mut self.rng,
                        );
                        // A clock that was set back makes nobody wait for longer.
                        let since = self.now.wall.since(record.put);
                        spacing.saturating_sub(since).max(soon)
                    }
                };
                let at = now.saturating_add(wait);
                self.core.profile.at = Some(at);
                self.core.timers.arm(Timer::Lanes, at);
                at
            }
        };
        at <= now
    }

    pub(super) fn profile_write_key(&self) -> ManifestWriteKey {
        let me = &self.core.me;
        me.profile.write_key(&me.device_record_key)
    }

    fn put_profile(
        &mut self,
        lane: &Lane,
        record: Record,
        holds: ProfileRecord,
    ) -> Result<(), StepError> {
        let key = self.profile_write_key();
        let id = RecordId::of(&key.public_key());
        let value = holds
            .seal(&self.core.me.profile, &id, &mut self.rng)
            .map_err(|_| StepError::Damaged)?;
        let put = signed_put(&key, record.version, value);
        self.core.profile.in_flight = true;
        let purpose = Purpose::PutProfile(self.core.profile.put, holds.last_seen);
        self.request(lane, purpose, Body::PutRecord(put));
        Ok(())
    }

    pub(super) fn put_profile_answered(
        &mut self,
        (put, last_seen): (u64, Option<QuarterHour>),
        body: Body,
    ) -> Result<(), StepError> {
        self.core.profile.in_flight = false;
        let Some(record) = self.core.profile.record else {
            return Ok(());
        };
        let is_newest = put == self.core.profile.put;
        match body {
            // What was put under a key that was replaced meanwhile is no matter of the new record.
            _ if !is_newest && record.version == 0 => {}
            Body::Record(taken) => {
                self.core.profile.conflicts = 0;
                self.profile_taken(Record {
                    newest: is_newest,
                    version: taken.version,
                    last_seen,
                    put: self.now.wall,
                    ..record
                })?;
            }
            Body::Failure(failure) if failure.code() == ErrorCode::Conflict => {
                let current = failure.current.clone().unwrap_or_default();
                self.set_profile_record(Record {
                    version: current.version,
                    newest: false,
                    ..record
                })?;
                // One conflict tells what stands there; more of them, and the relay does not mean it.
                if self.core.profile.conflicts > 0 {
                    self.leave_own_alone(backoff::asked(failure.retry_after_ms));
                }
                let conflicts = self.core.profile.conflicts;
                self.core.profile.conflicts = conflicts.saturating_add(1);
            }
            Body::Failure(failure) => self.own_refused(&failure, |_| {})?,
            _ => self.leave_own_alone(0),
        }
        let lane = self.record_lane();
        self.disconnect(&lane);
        Ok(())
    }

    fn profile_taken(&mut self, record: Record) -> Result<(), StepError> {
        let tell = record.newest && record.untold;
        if record.newest {
            self.core.profile.at = None;
        }
        self.set_profile_record(Record {
            untold: record.untold && !tell,
            ..record
        })?;
        if tell {
            self.tell_all_in_time()?;
        }
        Ok(())
    }

    /// An accepted contact is told where the profile is, if there is one.
    pub(super) fn queue_profile_place(&mut self, contact: ContactId) -> Result<(), StepError> {
        if self.core.profile.record.is_none() || !self.is_in(contact, ContactState::Accepted)? {
            return Ok(());
        }
        let profile = own_profile(&self.tx)?.ok_or(StepError::Damaged)?;
        let place = ProfilePlace {
            write_key: self.profile_write_key().public_key(),
            digest: profile.digest().map_err(|_| StepError::Damaged)?,
            tells_last_seen: self.is_told_presence(contact)?,
        };
        let composed = self.compose_hidden(Says::Profile(place))?;
        self.queue(contact, &composed)
    }

    /// A contact has accepted this account: it is told where the profile is, with what is sent to it next.
    pub(super) fn profile_is_owed(&mut self, contact: ContactId) -> Result<(), StepError> {
        match self.core.profile.record {
            Some(_) => self.tell_in_time(contact),
            None => Ok(()),
        }
    }
}

impl View<'_> {
    /// What the user shows of himself; nothing but the name before he said more.
    ///
    /// # Errors
    /// When the store fails.
    pub fn profile(&self) -> Result<Profile, StoreError> {
        let profile = own_profile(&self.tx)?;
        Ok(profile.unwrap_or_else(|| Profile {
            name: self.me.name.clone(),
            ..Profile::default()
        }))
    }
}
