//! Who is there: asked of the other side while the user has a conversation open, and told to whoever asks and may know it
//! (SPEC.md, 20.9).
//!
//! Invariant: who is told nothing gets what a device that is off would give, and who tells nothing asks nothing and shows nothing that
//! he is told. An answer costs its asker a question, and there are few of them in a minute. Nothing of it is stored but when a contact
//! was there last.
//!
//! Not its concern: when this account was there last, which is in its profile ([`own_profile`](super::own_profile)).

use std::collections::{BTreeMap, BTreeSet};

use undertone_protocol::content::{Body as Says, Presence as Told, PresenceState};
use undertone_protocol::primitives::codec::{DecodeError, Reader};
use undertone_protocol::profile::QuarterHour;
use undertone_protocol::time::Timestamp;

use super::backoff;
use super::budget::Budget;
use super::event::Event;
use super::limits::{
    LAST_SEEN_LOOK_MS, MAX_OPEN_CONVERSATIONS, PRESENCE_ANSWER_FROM_MS, PRESENCE_ANSWER_SPACING_MS,
    PRESENCE_ANSWER_TO_MS, PRESENCE_ANSWERS, PRESENCE_ASK_FROM_MS, PRESENCE_ASK_LONGEST_MS,
    PRESENCE_ASK_TO_MS, PRESENCE_SHOWN_MS,
};
use super::meta;
use super::step::Step;
use super::timers::Timer;
use super::view::View;
use crate::error::StepError;
use crate::store::{ContactId, ContactState, ConversationId, PeerDeviceId, StoreError, Tx};

/// Who may know whether the user is there, and when he was there last. It is mutual: of whom the user tells nothing he is told
/// nothing. Strangers, blocked contacts and who has not answered yet are never told.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Audience {
    /// All contacts.
    #[default]
    Contacts,
    /// These contacts. When the user was there last they learn from what he writes and while both are there, not from his profile,
    /// which all contacts can see change.
    Chosen(BTreeSet<ContactId>),
    /// Nobody.
    Nobody,
}

/// Whether the other side of a conversation is there, as far as this account may know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Presence {
    /// It uses its device.
    Online,
    /// Its device is on, and was not touched for five minutes.
    Away,
    /// It was there in the quarter of an hour that began then.
    LastSeen(Timestamp),
    /// It may not be known.
    Recently,
}

/// What memory has of it; times are monotonic ms.
#[derive(Debug, Default)]
pub(crate) struct Presences {
    /// The user does not use this device.
    away: bool,
    /// When he last did, if he is away.
    left: Option<Timestamp>,
    /// Conversations that he has open.
    open: BTreeMap<ConversationId, Open>,
    /// Who asked a short time ago.
    askers: BTreeMap<ContactId, Asker>,
    /// The quarter of an hour in which contacts were there, as far as it was stored in this process.
    stored: BTreeMap<ContactId, QuarterHour>,
}

#[derive(Debug)]
struct Open {
    contact: ContactId,
    next_ask: u64,
    /// Questions since the last answer.
    unanswered: u32,
    /// What the other side said, and until when it counts.
    there: Option<(PresenceState, u64)>,
}

#[derive(Debug, Default)]
struct Asker {
    until: u64,
    answer_at: Option<u64>,
    budget: Budget,
}

impl Audience {
    fn includes(&self, contact: ContactId) -> bool {
        match self {
            Self::Contacts => true,
            Self::Chosen(chosen) => chosen.contains(&contact),
            Self::Nobody => false,
        }
    }

    /// `kind 1 ‖ contacts 8 each`.
    fn encode(&self) -> Vec<u8> {
        match self {
            Self::Contacts => vec![0],
            Self::Chosen(chosen) => {
                let ids = chosen.iter().flat_map(|id| id.get().to_be_bytes());
                std::iter::once(1).chain(ids).collect()
            }
            Self::Nobody => vec![2],
        }
    }

    fn parse(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let audience = match reader.u8()? {
            0 => Self::Contacts,
            1 => {
                let mut chosen = BTreeSet::new();
                while !reader.rest().is_empty() {
                    chosen.insert(ContactId::new(i64::from_be_bytes(*reader.array()?)));
                }
                Self::Chosen(chosen)
            }
            2 => Self::Nobody,
            _ => return Err(DecodeError::InvalidValue),
        };
        reader.finish()?;
        Ok(audience)
    }
}

fn audience(tx: &Tx<'_>) -> Result<Audience, StoreError> {
    match tx.meta().get(meta::AUDIENCE)? {
        Some(bytes) => Audience::parse(&bytes).map_err(|_| StoreError::Corrupt),
        None => Ok(Audience::default()),
    }
}

impl Presences {
    /// What is true of the user, whatever became of the step that was lost.
    pub(crate) fn kept(self) -> Self {
        Self {
            askers: BTreeMap::new(),
            stored: BTreeMap::new(),
            ..self
        }
    }

    fn state(&self) -> PresenceState {
        match self.away {
            true => PresenceState::Away,
            false => PresenceState::Online,
        }
    }

    /// When something is to be done next.
    fn next(&self) -> Option<u64> {
        let open = self.open.values().flat_map(|open| {
            let until = open.there.map(|(_, until)| until);
            std::iter::once(open.next_ask).chain(until)
        });
        let askers = self.askers.values();
        let askers = askers.map(|asker| asker.answer_at.unwrap_or(asker.until));
        open.chain(askers).min()
    }
}

impl Step<'_> {
    /// The user looks at a conversation: the other side is asked whether it is there, again and again until he leaves it.
    ///
    /// # Errors
    /// [`StepError`].
    pub fn conversation_opened(&mut self, conversation: ConversationId) -> Result<(), StepError> {
        let row = self.tx.conversations().get(conversation)?;
        let Some(contact) = row.and_then(|row| row.contact) else {
            return Ok(());
        };
        let now = self.now.monotonic_ms;
        let open = &mut self.core.presence.open;
        if open.contains_key(&conversation) {
            return Ok(());
        }
        while open.len() >= MAX_OPEN_CONVERSATIONS {
            open.pop_first();
        }
        open.insert(
            conversation,
            Open {
                contact,
                next_ask: now,
                unanswered: 0,
                there: None,
            },
        );
        self.presence_due()
    }

    /// The user has left a conversation.
    pub fn conversation_closed(&mut self, conversation: ConversationId) {
        self.core.presence.open.remove(&conversation);
    }

    /// Whether the user has not touched his device for a while: the application knows. Who asked a moment ago is told.
    pub fn set_away(&mut self, away: bool) {
        let trusted = self.core.clock.trusted(self.now);
        let presence = &mut self.core.presence;
        if std::mem::replace(&mut presence.away, away) == away {
            return;
        }
        presence.left = trusted.filter(|_| away);
        let askers: Vec<ContactId> = presence.askers.keys().copied().collect();
        for contact in askers {
            self.owe_presence(contact);
        }
    }

    /// Who may know whether the user is there, and when he was there last.
    ///
    /// # Errors
    /// [`StepError`] when the store fails.
    pub fn set_last_seen_audience(&mut self, audience: Audience) -> Result<(), StepError> {
        let audience = match audience {
            Audience::Chosen(mut chosen) => {
                let mut known = self.tx.contacts().all()?;
                known.retain(|row| chosen.remove(&row.id));
                Audience::Chosen(known.into_iter().map(|row| row.id).collect())
            }
            Audience::Contacts | Audience::Nobody => audience,
        };
        self.tx.meta().put(meta::AUDIENCE, &audience.encode())?;
        self.core.presence.askers.clear();
        self.profile_changed()
    }

    /// Whether a contact may know whether the user is there.
    pub(super) fn is_told_presence(&mut self, contact: ContactId) -> Result<bool, StepError> {
        Ok(self.is_in(contact, ContactState::Accepted)? && audience(&self.tx)?.includes(contact))
    }

    /// Whether all contacts may know when the user was there last, so that it may be in his profile. If only some may, the others, who
    /// cannot read it there, would still see the record change whenever he is there.
    pub(super) fn all_are_told(&self) -> Result<bool, StepError> {
        Ok(audience(&self.tx)? == Audience::Contacts)
    }

    /// When the user was there last, if that is known.
    pub(super) fn own_last_seen(&self) -> Option<QuarterHour> {
        let presence = &self.core.presence;
        let at = match presence.away {
            true => presence.left,
            false => self.core.clock.trusted(self.now),
        };
        at.and_then(QuarterHour::of)
    }

    /// Whether the user does not use this device, so that nothing more of it is to be told.
    pub(super) fn is_away(&self) -> bool {
        self.core.presence.away
    }

    /// Questions and answers that are due, and what counts no longer.
    pub(super) fn presence_due(&mut self) -> Result<(), StepError> {
        let now = self.now.monotonic_ms;
        let presence = &mut self.core.presence;
        let mut gone = Vec::new();
        let mut asks = Vec::new();
        for (conversation, open) in &mut presence.open {
            if open.there.is_some_and(|(_, until)| until <= now) {
                open.there = None;
                gone.push(*conversation);
            }
            if open.next_ask <= now {
                asks.push(*conversation);
            }
        }
        presence
            .askers
            .retain(|_, asker| asker.until > now || asker.answer_at.is_some());
        let due = |asker: &mut Asker| asker.answer_at.take_if(|at| *at <= now).is_some();
        let askers = presence.askers.iter_mut();
        let answers: Vec<ContactId> = askers
            .filter_map(|(contact, asker)| due(asker).then_some(*contact))
            .collect();
        for conversation in gone {
            self.emit(Event::PresenceChanged { conversation });
        }
        for conversation in asks {
            self.ask_presence(conversation)?;
        }
        for contact in answers {
            self.tell_presence(contact, false)?;
        }
        if let Some(next) = self.core.presence.next() {
            self.core.timers.arm(Timer::Presence, next);
        }
        Ok(())
    }

    /// The own relay answers again: whoever is looked at is asked anew.
    pub(super) fn ask_presence_anew(&mut self) {
        if self.core.presence.open.is_empty() {
            return;
        }
        let wait = backoff::between(0, PRESENCE_ANSWER_TO_MS, &mut self.rng);
        let at = self.now.monotonic_ms.saturating_add(wait);
        for open in self.core.presence.open.values_mut() {
            open.next_ask = open.next_ask.min(at);
            open.unanswered = 0;
        }
        if let Some(next) = self.core.presence.next() {
            self.core.timers.arm(Timer::Presence, next);
        }
    }

    fn ask_presence(&mut self, conversation: ConversationId) -> Result<(), StepError> {
        let now = self.now.monotonic_ms;
        let Some(open) = self.core.presence.open.get_mut(&conversation) else {
            return Ok(());
        };
        let (contact, unanswered) = (open.contact, open.unanswered);
        open.unanswered = unanswered.saturating_add(1);
        let wait = match unanswered {
            0 | 1 => backoff::between(PRESENCE_ASK_FROM_MS, PRESENCE_ASK_TO_MS, &mut self.rng),
            more => backoff::exponential(
                PRESENCE_ASK_TO_MS,
                PRESENCE_ASK_LONGEST_MS,
                more,
                &mut self.rng,
            ),
        };
        if let Some(open) = self.core.presence.open.get_mut(&conversation) {
            open.next_ask = now.saturating_add(wait);
        }
        if unanswered > 0 && self.is_told_presence(contact)? {
            // It is not there: when it was is in its profile. Not at once, as a relay would see whose profile and mailbox go together.
            self.look_for_last_seen(contact, LAST_SEEN_LOOK_MS)?;
        }
        self.tell_presence(contact, true)
    }

    fn tell_presence(&mut self, contact: ContactId, asks: bool) -> Result<(), StepError> {
        if !self.is_told_presence(contact)? {
            return Ok(());
        }
        let state = self.core.presence.state();
        self.tell_now(contact, Says::Presence(Told { state, asks }))
    }

    /// A contact's device says that it is there, and may ask the same.
    pub(super) fn peer_is_there(
        &mut self,
        device: PeerDeviceId,
        told: Told,
    ) -> Result<(), StepError> {
        let Some(contact) = self.peer(device)?.map(|peer| peer.contact) else {
            return Ok(());
        };
        if !self.is_told_presence(contact)? {
            return Ok(());
        }
        let now = self.now.monotonic_ms;
        if told.asks {
            let asker = self.core.presence.askers.entry(contact).or_default();
            asker.until = now.saturating_add(PRESENCE_SHOWN_MS);
            self.owe_presence(contact);
        }
        if told.state == PresenceState::Online {
            self.was_there(contact, self.now.wall)?;
        }
        let Some(conversation) = self.contact(contact)?.map(|found| found.conversation) else {
            return Ok(());
        };
        if let Some(open) = self.core.presence.open.get_mut(&conversation) {
            let until = now.saturating_add(PRESENCE_SHOWN_MS);
            let before = open.there.replace((told.state, until));
            open.unanswered = 0;
            let wait = backoff::between(PRESENCE_ASK_FROM_MS, PRESENCE_ASK_TO_MS, &mut self.rng);
            open.next_ask = open.next_ask.min(now.saturating_add(wait));
            if before.map(|(state, _)| state) != Some(told.state) {
                self.emit(Event::PresenceChanged { conversation });
            }
        }
        if let Some(next) = self.core.presence.next() {
            self.core.timers.arm(Timer::Presence, next);
        }
        Ok(())
    }

    /// Somebody who asked a short time ago is to be told how the user is there, if that is not too often.
    fn owe_presence(&mut self, contact: ContactId) {
        let now = self.now.monotonic_ms;
        let wait = backoff::between(
            PRESENCE_ANSWER_FROM_MS,
            PRESENCE_ANSWER_TO_MS,
            &mut self.rng,
        );
        let Some(asker) = self.core.presence.askers.get_mut(&contact) else {
            return;
        };
        if asker.answer_at.is_some()
            || !asker
                .budget
                .take(PRESENCE_ANSWERS, PRESENCE_ANSWER_SPACING_MS, now)
        {
            return;
        }
        let at = now.saturating_add(wait);
        asker.answer_at = Some(at);
        self.core.timers.arm(Timer::Presence, at);
    }

    /// A contact was there at a time that is no later than now: it wrote, or read, or said so. Kept for whoever may be shown it.
    pub(super) fn was_there(
        &mut self,
        contact: ContactId,
        time: Timestamp,
    ) -> Result<(), StepError> {
        let Some(quarter) = QuarterHour::of(time.min(self.now.wall)) else {
            return Ok(());
        };
        let stored = self.core.presence.stored.get(&contact);
        if stored.is_some_and(|stored| *stored >= quarter) {
            return Ok(());
        }
        self.core.presence.stored.insert(contact, quarter);
        self.tx.profiles().seen(contact, quarter.begins())?;
        Ok(())
    }
}

impl View<'_> {
    /// Whether the other side of a conversation is there, as far as this account may know; `None` for who is no contact, and for whom
    /// the user tells nothing himself.
    ///
    /// # Errors
    /// When the store fails.
    pub fn presence(&self, id: ConversationId) -> Result<Option<Presence>, StoreError> {
        let row = self.tx.conversations().get(id)?;
        let Some(contact) = row.and_then(|row| row.contact) else {
            return Ok(None);
        };
        let row = self.tx.contacts().get(contact)?;
        let accepted = row.is_some_and(|row| row.state == ContactState::Accepted);
        if !accepted || !self.last_seen_audience()?.includes(contact) {
            return Ok(None);
        }
        let there = self.presence.open.get(&id).and_then(|open| open.there);
        Ok(Some(match there {
            Some((PresenceState::Online, _)) => Presence::Online,
            Some((PresenceState::Away, _)) => Presence::Away,
            None => {
                let profile = self.tx.profiles().get(contact)?;
                let profile = profile.filter(|profile| profile.told.shows_last_seen);
                let seen = profile.and_then(|profile| profile.last_seen);
                seen.map_or(Presence::Recently, Presence::LastSeen)
            }
        }))
    }

    /// Who may know whether the user is there, and when he was there last.
    ///
    /// # Errors
    /// When the store fails.
    pub fn last_seen_audience(&self) -> Result<Audience, StoreError> {
        audience(&self.tx)
    }
}
