//! Contacts' profiles: where each is, as the contact told, and what was found there.

use rusqlite::Row;
use undertone_protocol::profile::{Profile, ProfileDigest};
use undertone_protocol::time::Timestamp;

use super::{StoreError, Tx, exactly_one, table};
use crate::store::ids::{ContactId, Uint, at, maybe_at};

/// What a contact says of its profile.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ToldProfile {
    /// The public key of its record.
    pub record_key: [u8; 32],
    /// What is there.
    pub digest: ProfileDigest,
    /// When that was said: what has the higher bytes was said later.
    pub order: [u8; 16],
    /// Whether this account may be shown when the contact was there last.
    pub shows_last_seen: bool,
}

/// How it stands with a contact's profile.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProfileRow {
    /// What the contact said last.
    pub told: ToldProfile,
    /// When to fetch it; absent: what was told is here, or was looked for often enough.
    pub due: Option<Timestamp>,
    /// How often it was looked for since it was told.
    pub tries: u32,
    /// What is here; absent: nothing.
    pub held: Option<ProfileDigest>,
    /// When the contact was there last, as far as is known.
    pub last_seen: Option<Timestamp>,
}

/// What is shown of a contact's profile, without the picture.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ShownProfile {
    /// Whose it is.
    pub contact: ContactId,
    /// The name that the contact gives itself.
    pub name: String,
    /// What it says about itself.
    pub about: String,
    /// Whether there is a picture: which profile it is of.
    pub picture_of: Option<ProfileDigest>,
}

table! {
    /// Contacts' profiles.
    Profiles, profiles
}

const SHOWN: &str = "SELECT contact, name, about, CASE WHEN length(avatar) > 0 THEN held END FROM profile WHERE held IS NOT NULL";

fn read_shown(row: &Row<'_>) -> rusqlite::Result<ShownProfile> {
    Ok(ShownProfile {
        contact: row.get(0)?,
        name: row.get(1)?,
        about: row.get(2)?,
        picture_of: row.get::<_, Option<_>>(3)?.map(ProfileDigest),
    })
}

impl Profiles<'_> {
    /// A contact says where its profile is and what it says, to be fetched at `due`.
    pub fn tell(
        &self,
        contact: ContactId,
        told: &ToldProfile,
        due: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        exactly_one(self.tx.run(
            "INSERT INTO profile (contact, record_key, told, told_order, shows_seen, due_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (contact) DO UPDATE SET record_key = ?2, told = ?3, told_order = ?4, shows_seen = ?5, due_ms = ?6, tries = 0",
            (
                contact,
                told.record_key,
                told.digest.0,
                told.order,
                told.shows_last_seen,
                maybe_at(due),
            ),
        )?)
    }

    /// How it stands with a contact's profile; absent: it never said that it has one.
    pub fn get(&self, contact: ContactId) -> Result<Option<ProfileRow>, StoreError> {
        self.tx.one(
            "SELECT record_key, told, told_order, shows_seen, due_ms, tries, held, last_seen_ms FROM profile WHERE contact = ?1",
            [contact],
            |row| {
                Ok(ProfileRow {
                    told: ToldProfile {
                        record_key: row.get(0)?,
                        digest: ProfileDigest(row.get(1)?),
                        order: row.get(2)?,
                        shows_last_seen: row.get(3)?,
                    },
                    due: row.get::<_, Option<Uint>>(4)?.map(Into::into),
                    tries: row.get(5)?,
                    held: row.get::<_, Option<_>>(6)?.map(ProfileDigest),
                    last_seen: row.get::<_, Option<Uint>>(7)?.map(Into::into),
                })
            },
        )
    }

    /// Those that are to be fetched by `now`, or at a time beyond `latest`, which only a wrong clock can have set.
    pub fn due(&self, now: Timestamp, latest: Timestamp) -> Result<Vec<ContactId>, StoreError> {
        self.tx.all(
            "SELECT contact FROM profile WHERE due_ms IS NOT NULL AND (due_ms <= ?1 OR due_ms > ?2) ORDER BY contact",
            (at(now), at(latest)),
            |row| row.get(0),
        )
    }

    /// It is looked for once more, and when again if that is in vain.
    pub fn tried(&self, contact: ContactId, again: Option<Timestamp>) -> Result<(), StoreError> {
        exactly_one(self.tx.run(
            "UPDATE profile SET tries = tries + 1, due_ms = ?2 WHERE contact = ?1",
            (contact, maybe_at(again)),
        )?)
    }

    /// What was told is here.
    pub fn hold(
        &self,
        contact: ContactId,
        digest: ProfileDigest,
        profile: &Profile,
    ) -> Result<(), StoreError> {
        exactly_one(self.tx.run(
            "UPDATE profile SET held = ?2, name = ?3, about = ?4, avatar = ?5, due_ms = NULL WHERE contact = ?1",
            (
                contact,
                digest.0,
                &profile.name,
                &profile.about,
                &profile.avatar,
            ),
        )?)
    }

    /// The contact was there at a time. Never moves back; nothing is kept of one that told of no profile.
    pub fn seen(&self, contact: ContactId, time: Timestamp) -> Result<bool, StoreError> {
        let changed = self.tx.run(
            "UPDATE profile SET last_seen_ms = ?2 WHERE contact = ?1 AND coalesce(last_seen_ms, 0) < ?2",
            (contact, at(time)),
        )?;
        Ok(changed > 0)
    }

    /// What is shown of a contact's profile.
    pub fn shown(&self, contact: ContactId) -> Result<Option<ShownProfile>, StoreError> {
        self.tx
            .one(&format!("{SHOWN} AND contact = ?1"), [contact], read_shown)
    }

    /// What is shown of all contacts' profiles.
    pub fn all_shown(&self) -> Result<Vec<ShownProfile>, StoreError> {
        self.tx.all(SHOWN, [], read_shown)
    }

    /// A contact's picture, as it came; absent when there is none.
    pub fn avatar(&self, contact: ContactId) -> Result<Option<Vec<u8>>, StoreError> {
        self.tx.one(
            "SELECT avatar FROM profile WHERE contact = ?1 AND length(avatar) > 0",
            [contact],
            |row| row.get(0),
        )
    }
}
