//! Who this device is: one row, written once.

use zeroize::Zeroizing;

use super::{StoreError, Tx, exactly_one, table};
use crate::store::ids::{Uint, account_id, at};
use crate::store::seal::Place;
use undertone_protocol::account::AccountId;
use undertone_protocol::device::{DeviceId, MailboxId};
use undertone_protocol::time::Timestamp;

const SECRETS: Place<'static> = Place {
    table: "identity",
    column: "secrets",
    row: b"1",
};

/// The public part of this device's identity.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IdentityRow {
    /// The account.
    pub account: AccountId,
    /// This device.
    pub device: DeviceId,
    /// This device's mailbox.
    pub mailbox: MailboxId,
    /// The address of the relay that has the mailbox.
    pub relay: String,
    /// The name told to contacts; may be empty.
    pub name: String,
    /// When the identity was made.
    pub created: Timestamp,
}

table! {
    /// Who this device is.
    Identity, identity
}

impl Identity<'_> {
    /// The identity, absent until one was created.
    pub fn get(&self) -> Result<Option<IdentityRow>, StoreError> {
        self.tx.one(
            "SELECT account, device, mailbox, relay, name, created_ms FROM identity",
            [],
            |row| {
                Ok(IdentityRow {
                    account: account_id(row.get(0)?)?,
                    device: DeviceId::from_bytes(row.get(1)?),
                    mailbox: MailboxId::from_bytes(row.get(2)?),
                    relay: row.get(3)?,
                    name: row.get(4)?,
                    created: row.get::<_, Uint>(5)?.into(),
                })
            },
        )
    }

    /// The private keys, in the engine's encoding.
    pub fn secrets(&self) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        let sealed: Option<Vec<u8>> = self
            .tx
            .one("SELECT secrets FROM identity", [], |row| row.get(0))?;
        sealed
            .map(|sealed| self.tx.open(&SECRETS, &sealed))
            .transpose()
    }

    /// Creates the identity. [`StoreError::Constraint`] when there is one.
    pub fn create(&self, identity: &IdentityRow, secrets: &[u8]) -> Result<(), StoreError> {
        self.tx.insert(
            "INSERT INTO identity (id, account, device, mailbox, relay, name, created_ms, secrets)
             VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            (
                identity.account.as_bytes(),
                identity.device.as_bytes(),
                identity.mailbox.as_bytes(),
                &identity.relay,
                &identity.name,
                at(identity.created),
                self.tx.seal(&SECRETS, secrets)?,
            ),
        )?;
        Ok(())
    }

    /// Replaces the private keys (a rotation).
    pub fn set_secrets(&self, secrets: &[u8]) -> Result<(), StoreError> {
        exactly_one(self.tx.run(
            "UPDATE identity SET secrets = ?1",
            [self.tx.seal(&SECRETS, secrets)?],
        )?)
    }

    /// Changes the name told to contacts.
    pub fn set_name(&self, name: &str) -> Result<(), StoreError> {
        exactly_one(self.tx.run("UPDATE identity SET name = ?1", [name])?)
    }
}
