//! Contacts' profiles: fetched when they said that there is something new, and when the user looks at somebody who is not there.
//!
//! Invariant: nothing is fetched for who is not an accepted contact, whose relay would learn who read the request; nothing at once, so
//! that nobody sees by it who is online; on a connection of its own. What is found and is not what the contact said leaves what is held,
//! and is looked for again a few times, days apart. A picture is kept as it came and never decoded.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use undertone_protocol::account::ManifestWritePublicKey;
use undertone_protocol::content::{ContentHeader, ProfilePlace};
use undertone_protocol::manifest::RecordId;
use undertone_protocol::profile::{Profile, ProfileDigest, ProfileRecord};
use undertone_protocol::relay_address::RelayAddress;
use undertone_protocol::time::Timestamp;
use undertone_wire as wire;
use undertone_wire::frame::Body;

use super::backoff;
use super::contacts::Learned;
use super::content::From;
use super::event::Event;
use super::lane::Lane;
use super::limits::{
    MAX_PROFILE_TRIES, PROFILE_FETCH_TO_MS, PROFILE_FIRST_FROM_MS, PROFILE_FIRST_TO_MS,
    REFETCH_FROM_MS, REFETCH_TO_MS,
};
use super::requests::Purpose;
use super::step::Step;
use super::text::{clean_name, clean_text};
use super::timers::Timer;
use super::view::View;
use crate::error::StepError;
use crate::store::{ContactId, ContactState, ProfileRow, ShownProfile, StoreError, ToldProfile};

/// The lookups. Their reasons are in the store, but for those of the user, which end with the process.
#[derive(Debug, Default)]
pub(crate) struct Profiles {
    /// To be asked for as soon as a connection permits.
    wanted: BTreeSet<ContactId>,
    asking: BTreeSet<ContactId>,
    /// When they were looked for last, monotonic ms.
    looked: BTreeMap<ContactId, u64>,
}

impl Step<'_> {
    /// A contact says where its profile is, in a message with this header. What it says again, or said before, changes nothing.
    pub(super) fn profile_told(
        &mut self,
        from: &From,
        header: &ContentHeader,
        place: &ProfilePlace,
    ) -> Result<(), StepError> {
        if from.state != ContactState::Accepted && from.state != ContactState::Invited {
            return Ok(());
        }
        let told = ToldProfile {
            record_key: *place.write_key.as_bytes(),
            digest: place.digest,
            order: Learned::of(header).to_bytes(),
            shows_last_seen: place.tells_last_seen,
        };
        let known = self.tx.profiles().get(from.contact)?;
        if known
            .as_ref()
            .is_some_and(|known| known.told.order >= told.order)
        {
            return Ok(());
        }
        let due = self.profile_due(known.as_ref(), &told);
        self.tx.profiles().tell(from.contact, &told, due)?;
        if let Some(due) = due {
            let wait = due.since(self.now.wall);
            let at = self.now.monotonic_ms.saturating_add(wait);
            self.core.timers.arm(Timer::Upkeep, at);
        }
        Ok(())
    }

    /// When what was told is fetched: the first time soon, since the contact was just accepted; a change within a day. One that is
    /// awaited already comes no sooner, or whoever tells of changes without end would see them fetched.
    fn profile_due(&mut self, known: Option<&ProfileRow>, told: &ToldProfile) -> Option<Timestamp> {
        let now = self.now.wall;
        let Some(known) = known else {
            let wait = backoff::between(PROFILE_FIRST_FROM_MS, PROFILE_FIRST_TO_MS, &mut self.rng);
            return Some(now.plus(wait));
        };
        if known.held == Some(told.digest) {
            return None;
        }
        if known.told.digest == told.digest && known.told.record_key == told.record_key {
            return known.due;
        }
        let wait = backoff::between(PROFILE_FIRST_FROM_MS, PROFILE_FETCH_TO_MS, &mut self.rng);
        Some(known.due.unwrap_or(now.plus(wait)))
    }

    /// Profiles whose time has come, by the trusted clock.
    pub(super) fn fetch_due_profiles(&mut self, now: Timestamp) -> Result<(), StepError> {
        for contact in self.tx.profiles().due(now, now.plus(REFETCH_TO_MS))? {
            let tries = self.tx.profiles().get(contact)?.map_or(0, |row| row.tries);
            let wait = backoff::between(REFETCH_FROM_MS, REFETCH_TO_MS, &mut self.rng);
            let again = (tries + 1 < MAX_PROFILE_TRIES).then(|| now.plus(wait));
            self.tx.profiles().tried(contact, again)?;
            self.core.profiles.wanted.insert(contact);
        }
        Ok(())
    }

    /// The user looks at a contact that is not there: when it was there last may be in its profile, which is looked at again if it was
    /// not for so long, ms.
    pub(super) fn look_for_last_seen(
        &mut self,
        contact: ContactId,
        spacing: u64,
    ) -> Result<(), StepError> {
        let now = self.now.monotonic_ms;
        let looked = self.core.profiles.looked.get(&contact);
        if looked.is_some_and(|at| now.saturating_sub(*at) < spacing) {
            return Ok(());
        }
        let row = self.tx.profiles().get(contact)?;
        if row.is_some_and(|row| row.told.shows_last_seen) {
            self.core.profiles.wanted.insert(contact);
        }
        Ok(())
    }

    pub(super) fn pump_profiles(&mut self) -> Result<(), StepError> {
        for id in self.core.profiles.wanted.clone() {
            let Some((relay, record)) = self.profile_place(id)? else {
                self.core.profiles.wanted.remove(&id);
                continue;
            };
            let lane = Lane::Profile(relay);
            if !self.core.lanes.is_usable(&lane, self.now.monotonic_ms)
                || !self.core.requests.has_room(&lane)
                || !self.core.own.logged_in
            {
                continue;
            }
            let now = self.now.monotonic_ms;
            let profiles = &mut self.core.profiles;
            profiles.wanted.remove(&id);
            profiles.looked.insert(id, now);
            if profiles.asking.insert(id) {
                let get = wire::GetRecord {
                    id: Bytes::copy_from_slice(record.as_bytes()),
                };
                self.request(&lane, Purpose::GetProfile(id), Body::GetRecord(get));
            }
        }
        Ok(())
    }

    /// Where the profile of an accepted contact is.
    fn profile_place(
        &mut self,
        id: ContactId,
    ) -> Result<Option<(RelayAddress, RecordId)>, StepError> {
        let Some(told) = self.tx.profiles().get(id)?.map(|row| row.told) else {
            return Ok(None);
        };
        let Some(contact) = self.contact(id)? else {
            return Ok(None);
        };
        if contact.row.state != ContactState::Accepted {
            return Ok(None);
        }
        let relay = RelayAddress::parse(&contact.row.manifest_relay).ok();
        let key = ManifestWritePublicKey::parse(&told.record_key).ok();
        Ok(relay.zip(key.map(|key| RecordId::of(&key))))
    }

    pub(super) fn profile_unanswered(&mut self, contact: ContactId) {
        self.core.profiles.asking.remove(&contact);
    }

    pub(super) fn profile_answered(&mut self, id: ContactId, body: Body) -> Result<(), StepError> {
        self.core.profiles.asking.remove(&id);
        let Body::Record(found) = body else {
            return Ok(());
        };
        let Some((_, record)) = self.profile_place(id)? else {
            return Ok(());
        };
        let Some(row) = self.tx.profiles().get(id)? else {
            return Ok(());
        };
        let contact = self.contact(id)?;
        let Some(key) = contact.and_then(|contact| contact.secrets.profile.as_ref()) else {
            return Ok(());
        };
        let Ok((holds, digest)) = ProfileRecord::open(&found.value, key, &record) else {
            return Ok(());
        };
        if let Some(quarter) = holds.last_seen.filter(|_| row.told.shows_last_seen) {
            self.last_seen_found(id, row.last_seen, quarter.begins())?;
        }
        if digest == row.told.digest && row.held != Some(digest) {
            self.profile_found(id, digest, holds.profile)?;
        }
        Ok(())
    }

    fn last_seen_found(
        &mut self,
        contact: ContactId,
        before: Option<Timestamp>,
        found: Timestamp,
    ) -> Result<(), StepError> {
        self.was_there(contact, found)?;
        if before.is_none_or(|before| before < found)
            && let Some(conversation) = self.contact(contact)?.map(|found| found.conversation)
        {
            self.emit(Event::PresenceChanged { conversation });
        }
        Ok(())
    }

    fn profile_found(
        &mut self,
        id: ContactId,
        digest: ProfileDigest,
        profile: Profile,
    ) -> Result<(), StepError> {
        let shown = Profile {
            name: clean_name(&profile.name),
            about: clean_text(&profile.about),
            avatar: profile.avatar,
        };
        self.tx.profiles().hold(id, digest, &shown)?;
        if let Some(contact) = self.contact(id)?
            && !contact.row.named
            && !shown.name.is_empty()
        {
            let (row, conversation) = (contact.row.clone(), contact.conversation);
            return self.set_name(&row, conversation, (&shown.name, false));
        }
        self.emit(Event::ContactChanged { contact: id });
        Ok(())
    }
}

impl View<'_> {
    /// What is shown of a contact's profile; absent before one was fetched.
    ///
    /// # Errors
    /// When the store fails.
    pub fn profile_of(&self, contact: ContactId) -> Result<Option<ShownProfile>, StoreError> {
        self.tx.profiles().shown(contact)
    }

    /// What is shown of all profiles that were fetched.
    ///
    /// # Errors
    /// When the store fails.
    pub fn profiles(&self) -> Result<Vec<ShownProfile>, StoreError> {
        self.tx.profiles().all_shown()
    }

    /// A contact's picture, as it came.
    ///
    /// # Errors
    /// When the store fails.
    pub fn avatar(&self, contact: ContactId) -> Result<Option<Vec<u8>>, StoreError> {
        self.tx.profiles().avatar(contact)
    }
}
