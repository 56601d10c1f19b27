//! Contacts: other accounts, what is pinned of them, and the secrets shared with them.

use rusqlite::Row;
use zeroize::Zeroizing;

use super::{StoreError, Tx, exactly_one, table};
use crate::store::ids::{ContactId, Uint, account_id, at, coded, maybe_at};
use crate::store::seal::Place;
use undertone_protocol::account::AccountId;
use undertone_protocol::time::Timestamp;

coded! {
    /// Where two accounts stand with each other.
    pub enum ContactState {
        /// We wrote first; they have not accepted.
        Invited = 1,
        /// They wrote first; the user has not decided.
        Requested = 2,
        /// Both sides write.
        Accepted = 3,
        /// What they send is discarded.
        Blocked = 4,
    }
}

/// Where a manifest is found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ManifestPlace {
    /// The public key of the record that has it.
    pub key: [u8; 32],
    /// The address of the relay that has the record.
    pub relay: String,
}

/// A contact, without its secrets.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ContactRow {
    /// The row.
    pub id: ContactId,
    /// The account.
    pub account: AccountId,
    /// Where we stand.
    pub state: ContactState,
    /// Where we stood before it was blocked, of one that is.
    pub blocked_from: Option<ContactState>,
    /// The name that is shown; may be empty.
    pub name: String,
    /// Whether the user gave it.
    pub named: bool,
    /// The public key of the record that has the manifest.
    pub manifest_key: [u8; 32],
    /// The address of the relay that has the record.
    pub manifest_relay: String,
    /// Another place that an invite link names; nothing proves it before a manifest is found there.
    pub claimed_place: Option<ManifestPlace>,
    /// What is pinned of the manifest, in the protocol's encoding; absent until a manifest was seen.
    pub pin: Option<Vec<u8>>,
    /// When the pinned manifest was signed.
    pub manifest_issued: Option<Timestamp>,
    /// When to fetch the manifest again unless a receipt comes before.
    pub silent_due: Option<Timestamp>,
    /// When to fetch the manifest again because a message named a newer one.
    pub newer_due: Option<Timestamp>,
    /// Whether our acceptance must still be repeated.
    pub acceptance_owed: bool,
    /// When to tell it our delivery secret, unless something is sent to it before; absent: it was told.
    pub delivery_due: Option<Timestamp>,
    /// When the row was made.
    pub created: Timestamp,
    /// When the row last changed.
    pub changed: Timestamp,
}

/// A contact to be added.
pub struct NewContact<'a> {
    /// The account.
    pub account: AccountId,
    /// Where we stand.
    pub state: ContactState,
    /// The name that is shown.
    pub name: &'a str,
    /// The public key of the record that has the manifest.
    pub manifest_key: [u8; 32],
    /// The address of the relay that has the record.
    pub manifest_relay: &'a str,
    /// Now.
    pub created: Timestamp,
}

table! {
    /// Contacts.
    Contacts, contacts
}

const COLUMNS: &str =
    "SELECT id, account, state, name, manifest_key, manifest_relay, pin, manifest_issued_ms,
    silent_due_ms, acceptance_owed, created_ms, changed_ms, newer_due_ms, blocked_from,
    claimed_key, claimed_relay, delivery_due_ms, named FROM contact";

fn read(row: &Row<'_>) -> rusqlite::Result<ContactRow> {
    Ok(ContactRow {
        id: row.get(0)?,
        account: account_id(row.get(1)?)?,
        state: row.get(2)?,
        name: row.get(3)?,
        manifest_key: row.get(4)?,
        manifest_relay: row.get(5)?,
        pin: row.get(6)?,
        manifest_issued: row.get::<_, Option<Uint>>(7)?.map(Into::into),
        silent_due: row.get::<_, Option<Uint>>(8)?.map(Into::into),
        acceptance_owed: row.get(9)?,
        created: row.get::<_, Uint>(10)?.into(),
        changed: row.get::<_, Uint>(11)?.into(),
        newer_due: row.get::<_, Option<Uint>>(12)?.map(Into::into),
        blocked_from: row.get(13)?,
        claimed_place: match (row.get(14)?, row.get(15)?) {
            (Some(key), Some(relay)) => Some(ManifestPlace { key, relay }),
            _ => None,
        },
        delivery_due: row.get::<_, Option<Uint>>(16)?.map(Into::into),
        named: row.get(17)?,
    })
}

fn place(account: &AccountId) -> Place<'_> {
    Place {
        table: "contact",
        column: "secrets",
        row: account.as_bytes(),
    }
}

impl Contacts<'_> {
    /// Adds a contact. [`StoreError::Constraint`] when the account is one.
    pub fn insert(&self, contact: &NewContact<'_>) -> Result<ContactId, StoreError> {
        self.tx
            .insert(
                "INSERT INTO contact (account, state, name, manifest_key, manifest_relay, created_ms, changed_ms)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)",
                (
                    contact.account.as_bytes(),
                    contact.state,
                    contact.name,
                    contact.manifest_key,
                    contact.manifest_relay,
                    at(contact.created),
                ),
            )
            .map(ContactId::new)
    }

    /// A contact.
    pub fn get(&self, id: ContactId) -> Result<Option<ContactRow>, StoreError> {
        self.tx.one(&format!("{COLUMNS} WHERE id = ?1"), [id], read)
    }

    /// The contact of an account.
    pub fn by_account(&self, account: &AccountId) -> Result<Option<ContactRow>, StoreError> {
        self.tx.one(
            &format!("{COLUMNS} WHERE account = ?1"),
            [account.as_bytes()],
            read,
        )
    }

    /// All contacts, oldest first.
    pub fn all(&self) -> Result<Vec<ContactRow>, StoreError> {
        self.tx.all(&format!("{COLUMNS} ORDER BY id"), [], read)
    }

    /// How many there are, requests and blocked ones included.
    pub fn count(&self) -> Result<u64, StoreError> {
        let count: Uint = self.tx.value("SELECT count(*) FROM contact", [])?;
        Ok(count.0)
    }

    /// How many there are in a state.
    pub fn count_in(&self, state: ContactState) -> Result<u64, StoreError> {
        let count: Uint = self
            .tx
            .value("SELECT count(*) FROM contact WHERE state = ?1", [state])?;
        Ok(count.0)
    }

    /// Accepted ones whose acceptance was not confirmed and was last sent before `before`, or later than `latest`, as only a
    /// wrong clock can have it.
    pub fn acceptances_due(
        &self,
        before: Timestamp,
        latest: Timestamp,
    ) -> Result<Vec<ContactRow>, StoreError> {
        self.tx.all(
            &format!(
                "{COLUMNS} WHERE acceptance_owed = 1 AND state = ?1 AND (changed_ms <= ?2 OR changed_ms > ?3)
                 ORDER BY id"
            ),
            (ContactState::Accepted, at(before), at(latest)),
            read,
        )
    }

    /// Those whose manifest is to be fetched by `now`, or at a time beyond `latest` (for silent ones, for newer ones),
    /// which only a wrong clock can have set.
    pub fn manifests_due(
        &self,
        now: Timestamp,
        latest: (Timestamp, Timestamp),
    ) -> Result<Vec<ContactRow>, StoreError> {
        self.tx.all(
            &format!(
                "{COLUMNS} WHERE silent_due_ms <= ?1 OR silent_due_ms > ?2 OR newer_due_ms <= ?1 OR newer_due_ms > ?3
                 ORDER BY id"
            ),
            (at(now), at(latest.0), at(latest.1)),
            read,
        )
    }

    /// Those that are to be told our delivery secret by `now`, or at a time beyond `latest`, which only a wrong clock can
    /// have set.
    pub fn deliveries_due(
        &self,
        now: Timestamp,
        latest: Timestamp,
    ) -> Result<Vec<ContactRow>, StoreError> {
        self.tx.all(
            &format!("{COLUMNS} WHERE delivery_due_ms <= ?1 OR delivery_due_ms > ?2 ORDER BY id"),
            (at(now), at(latest)),
            read,
        )
    }

    /// When to tell it our delivery secret; `None` when it was told.
    pub fn set_delivery_due(
        &self,
        id: ContactId,
        due: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        exactly_one(self.tx.run(
            "UPDATE contact SET delivery_due_ms = ?2 WHERE id = ?1",
            (id, maybe_at(due)),
        )?)
    }

    /// Changes where we stand, to any state but blocked.
    pub fn set_state(
        &self,
        id: ContactId,
        state: ContactState,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        exactly_one(self.tx.run(
            "UPDATE contact SET state = ?2, blocked_from = NULL, changed_ms = ?3 WHERE id = ?1",
            (id, state, at(now)),
        )?)
    }

    /// Blocks a contact that is not, and keeps where we stood.
    pub fn block(&self, id: ContactId, now: Timestamp) -> Result<(), StoreError> {
        exactly_one(self.tx.run(
            "UPDATE contact SET blocked_from = state, state = ?2, changed_ms = ?3 WHERE id = ?1",
            (id, ContactState::Blocked, at(now)),
        )?)
    }

    /// Changes the name that is shown, which the user gave or not.
    pub fn set_name(
        &self,
        id: ContactId,
        name: &str,
        named: bool,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        exactly_one(self.tx.run(
            "UPDATE contact SET name = ?2, named = ?3, changed_ms = ?4 WHERE id = ?1",
            (id, name, named, at(now)),
        )?)
    }

    /// Changes where the manifest is found; a claim ends with it.
    pub fn set_manifest_place(
        &self,
        id: ContactId,
        place: &ManifestPlace,
    ) -> Result<(), StoreError> {
        exactly_one(self.tx.run(
            "UPDATE contact SET manifest_key = ?2, manifest_relay = ?3, claimed_key = NULL, claimed_relay = NULL
             WHERE id = ?1",
            (id, place.key, &place.relay),
        )?)
    }

    /// Notes or forgets another place that an invite link names.
    pub fn set_claimed_place(
        &self,
        id: ContactId,
        place: Option<&ManifestPlace>,
    ) -> Result<(), StoreError> {
        exactly_one(self.tx.run(
            "UPDATE contact SET claimed_key = ?2, claimed_relay = ?3 WHERE id = ?1",
            (
                id,
                place.map(|place| place.key),
                place.map(|place| &place.relay),
            ),
        )?)
    }

    /// Pins what is known of a manifest that was not fetched yet.
    pub fn set_pin(&self, id: ContactId, pin: &[u8]) -> Result<(), StoreError> {
        exactly_one(
            self.tx
                .run("UPDATE contact SET pin = ?2 WHERE id = ?1", (id, pin))?,
        )
    }

    /// Pins a manifest and keeps it, signed.
    pub fn set_manifest(
        &self,
        id: ContactId,
        pin: &[u8],
        issued: Timestamp,
        signed: &[u8],
    ) -> Result<(), StoreError> {
        exactly_one(self.tx.run(
            "UPDATE contact SET pin = ?2, manifest_issued_ms = ?3, manifest = ?4 WHERE id = ?1",
            (id, pin, at(issued), signed),
        )?)
    }

    /// The pinned manifest, signed.
    pub fn manifest(&self, id: ContactId) -> Result<Option<Vec<u8>>, StoreError> {
        let signed: Option<Option<Vec<u8>>> =
            self.tx
                .one("SELECT manifest FROM contact WHERE id = ?1", [id], |row| {
                    row.get(0)
                })?;
        Ok(signed.flatten())
    }

    /// When to fetch the manifest again unless a receipt comes before.
    pub fn set_silent_due(&self, id: ContactId, due: Option<Timestamp>) -> Result<(), StoreError> {
        exactly_one(self.tx.run(
            "UPDATE contact SET silent_due_ms = ?2 WHERE id = ?1",
            (id, maybe_at(due)),
        )?)
    }

    /// When to fetch the manifest again because a message named a newer one.
    pub fn set_newer_due(&self, id: ContactId, due: Timestamp) -> Result<(), StoreError> {
        exactly_one(self.tx.run(
            "UPDATE contact SET newer_due_ms = ?2 WHERE id = ?1",
            (id, at(due)),
        )?)
    }

    /// The manifest was fetched: no reason to do so again is left.
    pub fn manifest_fetched(&self, id: ContactId) -> Result<(), StoreError> {
        exactly_one(self.tx.run(
            "UPDATE contact SET silent_due_ms = NULL, newer_due_ms = NULL WHERE id = ?1",
            [id],
        )?)
    }

    /// Whether our acceptance must still be repeated.
    pub fn set_acceptance_owed(
        &self,
        id: ContactId,
        owed: bool,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        exactly_one(self.tx.run(
            "UPDATE contact SET acceptance_owed = ?2, changed_ms = ?3 WHERE id = ?1",
            (id, owed, at(now)),
        )?)
    }

    /// What the contact told us (delivery secret, profile key), in the engine's encoding.
    pub fn secrets(&self, contact: &ContactRow) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        let sealed: Option<Option<Vec<u8>>> = self.tx.one(
            "SELECT secrets FROM contact WHERE id = ?1",
            [contact.id],
            |row| row.get(0),
        )?;
        sealed
            .flatten()
            .map(|sealed| self.tx.open(&place(&contact.account), &sealed))
            .transpose()
    }

    /// Replaces what the contact told us.
    pub fn set_secrets(&self, contact: &ContactRow, secrets: &[u8]) -> Result<(), StoreError> {
        let sealed = self.tx.seal(&place(&contact.account), secrets)?;
        exactly_one(self.tx.run(
            "UPDATE contact SET secrets = ?2 WHERE id = ?1",
            (contact.id, sealed),
        )?)
    }

    /// Deletes a contact with its devices, sessions, queues and conversation. Its messages must have been removed before
    /// ([`super::Messages::remove_conversation`]), because the full-text index needs their text.
    pub fn remove(&self, id: ContactId) -> Result<(), StoreError> {
        exactly_one(self.tx.run("DELETE FROM contact WHERE id = ?1", [id])?)
    }
}
