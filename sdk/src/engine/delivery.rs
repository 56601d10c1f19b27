//! The own delivery secret, which every contact knows: replaced, as the profile key is, when one of them is blocked, and told to the
//! others.
//!
//! Invariant: a replaced secret lets its holders in for 30 days more, so that contacts who do not know the new one yet
//! still can write; after that they only knock. Nobody sees from the relay that a secret was replaced: the others learn
//! the new one with something that is sent to them anyway, or at random times over a week (decisions, "Rotation").
//!
//! What is registered at the relay is in [`send_token`](super::send_token).

use rand_core::CryptoRng;
use undertone_protocol::content::Body;
use undertone_protocol::delivery::{DELIVERY_SECRET_LEN, DeliverySecret};
use undertone_protocol::primitives::codec::{DecodeError, Reader, Writer};
use undertone_protocol::time::Timestamp;
use zeroize::Zeroizing;

use super::backoff;
use super::limits::{DELIVERY_KEEP_MS, DELIVERY_TELL_MS, MAX_OLD_DELIVERY};
use super::meta;
use super::step::Step;
use crate::error::StepError;
use crate::store::{ContactId, ContactState, StoreError, Tx};

const FORMAT: u8 = 1;

/// The own delivery secrets. Wiped when dropped.
pub(crate) struct Delivery {
    current: DeliverySecret,
    /// Whether anybody was told the current one.
    told: bool,
    /// Those before it, newest first, each with the time at which it is of no use any more.
    old: Vec<(DeliverySecret, Timestamp)>,
}

impl Delivery {
    /// The secrets of a new account.
    pub(crate) fn generate(rng: &mut impl CryptoRng) -> Self {
        Self {
            current: DeliverySecret::generate(rng),
            told: false,
            old: Vec::new(),
        }
    }

    pub(crate) fn load(tx: &Tx<'_>) -> Result<Self, StepError> {
        let bytes = tx
            .meta()
            .get_secret(meta::DELIVERY)?
            .ok_or(StepError::Damaged)?;
        Self::parse(&bytes).map_err(|_| StepError::Damaged)
    }

    pub(crate) fn save(&self, tx: &Tx<'_>) -> Result<(), StoreError> {
        tx.meta().put_secret(meta::DELIVERY, &self.encode())
    }

    /// `format ‖ told ‖ current ‖ (secret ‖ until)*`.
    fn encode(&self) -> Zeroizing<Vec<u8>> {
        let old_len = self.old.len() * (DELIVERY_SECRET_LEN + 8);
        let mut bytes = Zeroizing::new(Vec::with_capacity(2 + DELIVERY_SECRET_LEN + old_len));
        let mut writer = Writer::new(&mut bytes);
        writer
            .u8(FORMAT)
            .u8(u8::from(self.told))
            .bytes(self.current.expose());
        for (secret, until) in &self.old {
            writer.bytes(secret.expose()).u64(until.0);
        }
        bytes
    }

    fn parse(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        if reader.u8()? != FORMAT {
            return Err(DecodeError::InvalidValue);
        }
        let told = reader.u8()? == 1;
        let current = DeliverySecret::from_bytes(reader.array()?);
        let mut old = Vec::new();
        while !reader.rest().is_empty() {
            let secret = DeliverySecret::from_bytes(reader.array()?);
            old.push((secret, Timestamp(reader.u64()?)));
        }
        Ok(Self { current, told, old })
    }

    /// The secret that contacts are told.
    pub(crate) fn current(&self) -> &DeliverySecret {
        &self.current
    }

    /// Those before it that are still of use, each with its end.
    pub(crate) fn old(&self) -> &[(DeliverySecret, Timestamp)] {
        &self.old
    }

    /// Replaces the current one; it is of use until `until`. Beyond the bound the oldest one goes.
    fn rotate(&mut self, next: DeliverySecret, until: Timestamp) {
        let before = std::mem::replace(&mut self.current, next);
        self.told = false;
        self.old.insert(0, (before, until));
        self.old.truncate(MAX_OLD_DELIVERY);
    }

    /// Forgets those whose time is over. An end further off than any should be was set by a wrong clock. Whether anything
    /// changed.
    fn age(&mut self, now: Timestamp) -> bool {
        let latest = now.plus(DELIVERY_KEEP_MS);
        let count = self.old.len();
        self.old.retain(|(_, until)| *until > now);
        let mut changed = self.old.len() != count;
        for (_, until) in &mut self.old {
            changed |= *until > latest;
            *until = latest.min(*until);
        }
        changed
    }
}

impl Step<'_> {
    /// Somebody who may know the own delivery secret is blocked: it is replaced, and everybody else who knows it is to be
    /// told. One that nobody was told yet may stay.
    pub(super) fn rotate_delivery(&mut self) -> Result<(), StepError> {
        if !self.core.me.delivery.told {
            return Ok(());
        }
        let next = DeliverySecret::generate(&mut self.rng);
        let until = self.now.wall.plus(DELIVERY_KEEP_MS);
        let delivery = &mut self.core.me.delivery;
        delivery.rotate(next, until);
        delivery.save(&self.tx)?;
        self.core.own.tokens_changed = true;
        self.rotate_profile()?;
        self.tell_all_in_time()
    }

    /// Everybody is to be told what he needs to know of this account, with something that is sent to him anyway, or within a week.
    pub(super) fn tell_all_in_time(&mut self) -> Result<(), StepError> {
        for contact in self.tx.contacts().all()? {
            // Who is blocked is told if that ends; a stranger learns it when he is accepted.
            if contact.state != ContactState::Requested {
                self.tell_in_time(contact.id)?;
            }
        }
        Ok(())
    }

    /// One contact is to be told.
    pub(super) fn tell_in_time(&mut self, contact: ContactId) -> Result<(), StepError> {
        let wait = backoff::between(0, DELIVERY_TELL_MS, &mut self.rng);
        let due = self.now.wall.plus(wait);
        self.tx.contacts().set_delivery_due(contact, Some(due))?;
        self.core.contacts.changed(contact);
        Ok(())
    }

    /// A copy of the own delivery secret, to be told to somebody.
    pub(super) fn delivery_to_tell(&mut self) -> Result<DeliverySecret, StepError> {
        let delivery = &mut self.core.me.delivery;
        if !std::mem::replace(&mut delivery.told, true) {
            delivery.save(&self.tx)?;
        }
        Ok(DeliverySecret::from_bytes(delivery.current.expose()))
    }

    /// Something is sent to a contact anyway, or its time has come: it is told the new secrets, and where the profile is. Repeated until its receipt
    /// came, like the acceptance that it is.
    pub(super) fn tell_delivery(&mut self, contact: ContactId) -> Result<(), StepError> {
        let due = self.contact(contact)?.is_some_and(|found| {
            found.row.state == ContactState::Accepted && found.row.delivery_due.is_some()
        });
        if !due {
            return Ok(());
        }
        self.tx.contacts().set_delivery_due(contact, None)?;
        self.tx
            .contacts()
            .set_acceptance_owed(contact, true, self.now.wall)?;
        self.core.contacts.changed(contact);
        let acceptance = self.acceptance()?;
        let composed = self.compose_hidden(Body::Acceptance(acceptance))?;
        self.queue(contact, &composed)?;
        self.queue_profile_place(contact)
    }

    /// Contacts to which nothing was sent since the secret was replaced.
    pub(super) fn tell_delivery_due(&mut self, now: Timestamp) -> Result<(), StepError> {
        let latest = now.plus(DELIVERY_TELL_MS);
        for contact in self.tx.contacts().deliveries_due(now, latest)? {
            self.tell_delivery(contact.id)?;
        }
        Ok(())
    }

    /// Replaced secrets end, by the trusted clock.
    pub(super) fn age_delivery(&mut self) -> Result<(), StepError> {
        if let Some(now) = self.core.clock.trusted(self.now)
            && self.core.me.delivery.age(now)
        {
            self.core.me.delivery.save(&self.tx)?;
        }
        Ok(())
    }
}
