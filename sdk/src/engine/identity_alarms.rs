//! What is wrong with a contact's identity, or new in it: said when it is found, and kept until the user dismissed it.
//!
//! What is wrong with the own account's is in [`own_history`](super::own_history).

use super::event::{Event, IdentityAlarm};
use super::limits::MAX_IDENTITY_ALARMS;
use super::meta;
use super::step::Step;
use super::view::View;
use crate::error::StepError;
use crate::store::{ContactId, StoreError, Tx};

type Alarms = Vec<(ContactId, IdentityAlarm)>;

impl Step<'_> {
    /// Something about a contact's identity is wrong, or new.
    pub(super) fn identity_alarm(
        &mut self,
        contact: ContactId,
        alarm: IdentityAlarm,
    ) -> Result<(), StepError> {
        let mut alarms = identity_alarms(&self.tx)?;
        if !alarms.contains(&(contact, alarm)) {
            if alarms.len() >= MAX_IDENTITY_ALARMS {
                alarms.remove(0);
            }
            alarms.push((contact, alarm));
            self.keep_alarms(&alarms)?;
        }
        self.emit(Event::IdentityAlarm { contact, alarm });
        Ok(())
    }

    /// The user has seen what is said about a contact's identity: it is forgotten.
    ///
    /// # Errors
    /// [`StepError`] when the store fails.
    pub fn dismiss_identity_alarms(&mut self, contact: ContactId) -> Result<(), StepError> {
        let mut alarms = identity_alarms(&self.tx)?;
        let before = alarms.len();
        alarms.retain(|(about, _)| *about != contact);
        if alarms.len() < before {
            self.keep_alarms(&alarms)?;
        }
        Ok(())
    }

    fn keep_alarms(&mut self, alarms: &Alarms) -> Result<(), StepError> {
        let bytes: Vec<u8> = alarms
            .iter()
            .flat_map(|(contact, alarm)| encode(*contact, *alarm))
            .collect();
        Ok(self.tx.meta().put(meta::IDENTITY_ALARMS, &bytes)?)
    }
}

impl View<'_> {
    /// What is wrong with contacts' identities, or new in them, and was not dismissed, oldest first.
    ///
    /// # Errors
    /// When the store fails.
    pub fn identity_alarms(&self) -> Result<Alarms, StoreError> {
        identity_alarms(&self.tx)
    }
}

/// `kind 1 ‖ contact 8`.
fn encode(contact: ContactId, alarm: IdentityAlarm) -> [u8; 9] {
    let kind = match alarm {
        IdentityAlarm::ManifestForked => 1,
        IdentityAlarm::ManifestForged => 2,
        IdentityAlarm::HistoryForked => 3,
        IdentityAlarm::AccountRecovered => 4,
        IdentityAlarm::DeviceAdded => 5,
    };
    let mut bytes = [kind; 9];
    bytes[1..].copy_from_slice(&contact.get().to_be_bytes());
    bytes
}

fn decode([kind, contact @ ..]: &[u8; 9]) -> Result<(ContactId, IdentityAlarm), StoreError> {
    let alarm = match *kind {
        1 => IdentityAlarm::ManifestForked,
        2 => IdentityAlarm::ManifestForged,
        3 => IdentityAlarm::HistoryForked,
        4 => IdentityAlarm::AccountRecovered,
        5 => IdentityAlarm::DeviceAdded,
        _ => return Err(StoreError::Corrupt),
    };
    Ok((ContactId::new(i64::from_be_bytes(*contact)), alarm))
}

fn identity_alarms(tx: &Tx<'_>) -> Result<Alarms, StoreError> {
    let bytes = tx.meta().get(meta::IDENTITY_ALARMS)?.unwrap_or_default();
    let (entries, rest) = bytes.as_chunks::<9>();
    if !rest.is_empty() {
        return Err(StoreError::Corrupt);
    }
    entries.iter().map(decode).collect()
}
