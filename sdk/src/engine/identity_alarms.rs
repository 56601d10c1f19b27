//! What is wrong with a contact's identity, or new in it: said when it is found, kept until the user dismissed it, and shown for good
//! in the conversation with the contact.
//!
//! Invariant: a row of a conversation that says so was made here: no content becomes one.
//!
//! What is wrong with the own account's is in [`own_history`](super::own_history).

use undertone_protocol::content::MessageId;

use super::event::{Event, IdentityAlarm};
use super::limits::MAX_IDENTITY_ALARMS;
use super::meta;
use super::step::Step;
use super::view::View;
use crate::error::StepError;
use crate::store::{
    ContactId, ContactState, MessageKind, MessageState, NewMessage, StoreError, Tx,
};

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
            self.show_alarm(contact, alarm)?;
        }
        self.emit(Event::IdentityAlarm { contact, alarm });
        Ok(())
    }

    /// The conversation shows it, behind what is there. A stranger's, and one that is blocked, shows nothing.
    fn show_alarm(&mut self, contact: ContactId, alarm: IdentityAlarm) -> Result<(), StepError> {
        let found = self.contact(contact)?;
        let Some((conversation, state)) = found.map(|found| (found.conversation, found.row.state))
        else {
            return Ok(());
        };
        if !matches!(state, ContactState::Invited | ContactState::Accepted) {
            return Ok(());
        }
        // Nobody else is told the id, so that no change can name it.
        let mut id = [0; 16];
        self.rng.fill_bytes(&mut id);
        let message_id = MessageId::from_bytes(id);
        self.tx.messages().insert(&NewMessage {
            conversation,
            message_id,
            clock: self.core.hlc.tick(self.now.wall),
            sender: Some(contact),
            sender_device: self.core.me.device_id(),
            seq: 0,
            kind: MessageKind::IdentityChanged,
            state: MessageState::Received,
            sent: self.now.wall,
            stored: self.now.wall,
            body: String::new(),
            parts: None,
            timer: None,
            extra: Some(vec![alarm.code()]),
            mentions_me: false,
        })?;
        self.emit(Event::MessageAdded {
            conversation,
            message: message_id,
        });
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

impl IdentityAlarm {
    /// As it is stored.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::ManifestForked => 1,
            Self::ManifestForged => 2,
            Self::HistoryForked => 3,
            Self::AccountRecovered => 4,
            Self::DeviceAdded => 5,
        }
    }

    /// See [`Self::code`].
    pub(crate) const fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            1 => Self::ManifestForked,
            2 => Self::ManifestForged,
            3 => Self::HistoryForked,
            4 => Self::AccountRecovered,
            5 => Self::DeviceAdded,
            _ => return None,
        })
    }
}

/// `kind 1 ‖ contact 8`.
fn encode(contact: ContactId, alarm: IdentityAlarm) -> [u8; 9] {
    let mut bytes = [alarm.code(); 9];
    bytes[1..].copy_from_slice(&contact.get().to_be_bytes());
    bytes
}

fn decode([kind, contact @ ..]: &[u8; 9]) -> Result<(ContactId, IdentityAlarm), StoreError> {
    let alarm = IdentityAlarm::from_code(*kind).ok_or(StoreError::Corrupt)?;
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
