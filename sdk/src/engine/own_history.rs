//! Which manifests of the own account this device knows, and the alarm over any other (attack rows R6, D2).
//!
//! Invariant: a manifest that is signed with the own account key, or that somebody says he saw, and that this device neither
//! signed nor went on from, is said; that it was stays in the store until the user dismissed it. Who just recovered the
//! account from its phrase, and has published nothing yet, knows that there are others: it begins with what it finds.
//!
//! What is done with a manifest that is found is in [`manifest_upkeep`](super::manifest_upkeep).

use undertone_protocol::manifest::{ManifestBody, ManifestRef, VerifiedManifest};
use undertone_protocol::primitives::codec::{DecodeError, Reader, Writer};

use super::event::{AccountAlarm, Event};
use super::limits::{MAX_ACCOUNT_ALARMS, MAX_KNOWN_MANIFESTS};
use super::meta;
use super::step::Step;
use super::view::View;
use crate::error::StepError;
use crate::store::{ContactId, StoreError, Tx};

const FOUND: u8 = 1;
const NAMED: u8 = 2;

/// The newest manifests of the own account that this device signed, or found and went on from; oldest first.
#[derive(Debug, Default, PartialEq, Eq)]
struct Known {
    /// Whether the relay ever took one of them.
    published: bool,
    refs: Vec<ManifestRef>,
}

impl Known {
    /// Whether it is another one than this device knows of that time. What is older than all that it knows is not judged.
    fn is_foreign(&self, seen: &ManifestRef) -> bool {
        self.refs
            .first()
            .is_some_and(|oldest| seen.version >= oldest.version)
            && !self.refs.contains(seen)
    }

    fn add(&mut self, new: ManifestRef) {
        if !self.refs.contains(&new) {
            self.refs.push(new);
        }
        let excess = self.refs.len().saturating_sub(MAX_KNOWN_MANIFESTS);
        self.refs.drain(..excess);
    }

    /// `published 1 ‖ (version 8 ‖ hash 32)*`.
    fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut writer = Writer::new(&mut bytes);
        writer.u8(u8::from(self.published));
        self.refs.iter().for_each(|known| known.write(&mut writer));
        bytes
    }

    fn parse(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let published = reader.u8()? == 1;
        let mut refs = Vec::new();
        while !reader.rest().is_empty() {
            refs.push(ManifestRef::read(&mut reader)?);
        }
        Ok(Self { published, refs })
    }
}

impl Step<'_> {
    fn known_manifests(&self) -> Result<Known, StepError> {
        match self.tx.meta().get(meta::OWN_MANIFESTS)? {
            Some(bytes) => Known::parse(&bytes).map_err(|_| StepError::Damaged),
            None => Ok(Known::default()),
        }
    }

    fn set_known_manifests(&mut self, known: &Known) -> Result<(), StepError> {
        self.tx.meta().put(meta::OWN_MANIFESTS, &known.encode())?;
        Ok(())
    }

    /// This device signed a manifest.
    pub(super) fn manifest_signed(&mut self, new: ManifestRef) -> Result<(), StepError> {
        let mut known = self.known_manifests()?;
        known.add(new);
        self.set_known_manifests(&known)
    }

    /// The relay took one.
    pub(super) fn manifest_taken(&mut self) -> Result<(), StepError> {
        let mut known = self.known_manifests()?;
        if !known.published {
            known.published = true;
            self.set_known_manifests(&known)?;
        }
        Ok(())
    }

    /// A manifest that the own account key signed stands at the own relay. Another device of the user, which this one knows,
    /// may have signed the same again; whatever says something new is alarming.
    pub(super) fn manifest_found(&mut self, found: &VerifiedManifest) -> Result<(), StepError> {
        let mut known = self.known_manifests()?;
        let reference = found.reference();
        if !known.published {
            known.refs = vec![reference];
        } else if known.is_foreign(&reference) {
            let own = self.core.me.manifest.as_ref();
            if !own.is_some_and(|own| says_the_same(own.body(), found.body())) {
                self.raise(AccountAlarm::ForeignManifest)?;
            }
            known.add(reference);
        }
        self.set_known_manifests(&known)
    }

    /// Somebody proved who he is, and says that this is the own manifest as he knows it.
    pub(super) fn manifest_named(
        &mut self,
        by: ContactId,
        named: ManifestRef,
    ) -> Result<(), StepError> {
        if self.known_manifests()?.is_foreign(&named) {
            self.raise(AccountAlarm::ForeignManifestNamed { by })?;
        }
        Ok(())
    }

    fn raise(&mut self, alarm: AccountAlarm) -> Result<(), StepError> {
        let mut alarms = account_alarms(&self.tx)?;
        if !alarms.contains(&alarm) && alarms.len() < MAX_ACCOUNT_ALARMS {
            alarms.push(alarm);
            let bytes: Vec<u8> = alarms.iter().flat_map(|alarm| encode(*alarm)).collect();
            self.tx.meta().put(meta::ACCOUNT_ALARMS, &bytes)?;
        }
        self.emit(Event::AccountAlarm(alarm));
        Ok(())
    }

    /// The user has seen the alarms over the own account: they are forgotten.
    ///
    /// # Errors
    /// [`StepError`] when the store fails.
    pub fn dismiss_account_alarms(&mut self) -> Result<(), StepError> {
        Ok(self.tx.meta().remove(meta::ACCOUNT_ALARMS)?)
    }
}

impl View<'_> {
    /// What is wrong with the own account's identity and was not dismissed, oldest first.
    ///
    /// # Errors
    /// When the store fails.
    pub fn account_alarms(&self) -> Result<Vec<AccountAlarm>, StoreError> {
        account_alarms(&self.tx)
    }
}

/// Whether two manifests differ in nothing but when they were signed, and after which one.
fn says_the_same(one: &ManifestBody, other: &ManifestBody) -> bool {
    let same_devices = one.devices == other.devices && one.revoked == other.revoked;
    let same_keys = one.device_record_key == other.device_record_key
        && one.recovery_key == other.recovery_key
        && one.succession == other.succession;
    same_devices && same_keys && one.extensions == other.extensions
}

/// `kind 1 ‖ contact 8`.
fn encode(alarm: AccountAlarm) -> [u8; 9] {
    let (kind, contact) = match alarm {
        AccountAlarm::ForeignManifest => (FOUND, 0),
        AccountAlarm::ForeignManifestNamed { by } => (NAMED, by.get()),
    };
    let mut bytes = [kind; 9];
    bytes[1..].copy_from_slice(&contact.to_be_bytes());
    bytes
}

fn account_alarms(tx: &Tx<'_>) -> Result<Vec<AccountAlarm>, StoreError> {
    let bytes = tx.meta().get(meta::ACCOUNT_ALARMS)?.unwrap_or_default();
    let (entries, rest) = bytes.as_chunks::<9>();
    let alarm = |[kind, contact @ ..]: &[u8; 9]| match *kind {
        FOUND => Ok(AccountAlarm::ForeignManifest),
        NAMED => Ok(AccountAlarm::ForeignManifestNamed {
            by: ContactId::new(i64::from_be_bytes(*contact)),
        }),
        _ => Err(StoreError::Corrupt),
    };
    if !rest.is_empty() {
        return Err(StoreError::Corrupt);
    }
    entries.iter().map(alarm).collect()
}
