//! The engine: everything that a client of Undertone decides, pure with respect to clock, randomness and
//! network.
//!
//! - [`Engine::begin`] opens a [`Step`]: one store transaction that takes [`Input`]s and commands;
//!   [`Step::commit`] makes it durable and only then releases its [`Effect`]s (`step`).
//! - The own side: `login`, `manifest_upkeep`, `own_history`, `own_profile`, `prekey_upkeep`, `delivery`,
//!   `send_token`, `invites`.
//! - Others: `contact` (adding, accepting, blocking), `manifest_lookup`, `freshness`,
//!   `identity_alarms`, `prekey_lookup`, `profiles`,
//!   `first_contact`, `first_message`; sessions with their devices: `sessions`, `session_choice`,
//!   `fresh_session`, `rollback`, `quiet`.
//! - Messages out: `compose`, `sending`, `changes` (edits, deletions, reactions, in as well), `disappearing`, `view_once`, `outbox` with `queues`, `knock`, `restored` and `requeue`.
//! - Messages in: `receiving`, `content`, `gaps`, `kept`; what is sent because of them: `answers`, `receipts`, `resend`.
//! - Who is there now: `ephemeral`, which carries `typing` and `presence`.
//! - The list: `conversation_settings`. The whole account: `import`, `deletion`, `reported`.
//! - Time: `clock` (may it be believed), `timers` (short waits), `upkeep` (long ones), `backoff`,
//!   `budget`.
//!
//! Invariant: what is in memory can be loaded from the store at any commit; a step that is dropped, or that
//! could not begin, makes the engine do so. A memory takes frames only of connections that greeted it
//! (`lanes`), and no request of it has the id of an earlier one (`requests`): after a failure nothing that
//! follows on an old connection can stand in for what was lost with the step. Not its concern: sockets, threads, and when to be online.

mod answers;
mod backoff;
mod budget;
mod changes;
mod clock;
mod compose;
mod contact;
mod contacts;
mod content;
mod conversation_settings;
mod deletion;
mod delivery;
mod disappearing;
mod effect;
mod ephemeral;
mod event;
mod first_contact;
mod first_message;
mod fresh_session;
mod freshness;
mod gaps;
mod identity_alarms;
pub(crate) mod import;
mod input;
mod invites;
mod kept;
mod knock;
mod lane;
mod lanes;
pub mod limits;
mod login;
mod lookups;
mod manifest_lookup;
mod manifest_upkeep;
mod me;
mod meta;
mod outbox;
mod own_history;
mod own_profile;
mod prekey_lookup;
mod prekey_upkeep;
mod presence;
mod profiles;
mod queues;
mod quiet;
mod receipts;
mod receiving;
mod reported;
mod requests;
mod requeue;
mod resend;
mod restored;
mod rollback;
mod send_token;
mod sending;
mod session_choice;
mod sessions;
mod step;
mod text;
mod timers;
mod typing;
mod upkeep;
mod view;
mod view_once;

use std::collections::{BTreeMap, BTreeSet};

use rand_core::CryptoRng;
use undertone_protocol::content::{Hlc, HybridClock};
use undertone_protocol::envelope::Envelope;
use undertone_protocol::park::Park;
use undertone_protocol::relay_address::RelayAddress;
use undertone_protocol::time::{Now, Timestamp};
use zeroize::Zeroizing;

pub use deletion::DeletionProgress;
pub use effect::Effect;
pub use event::{AccountAlarm, DelayReason, Event, IdentityAlarm};
pub use input::{DisconnectCause, Input};
pub use lane::Lane;
pub(crate) use limits::LATEST_CLOCK_MS;
pub use me::NewAccount;
pub use presence::{Audience, Presence};
pub(crate) use reported::Reported;
pub use step::Step;
pub use view::View;

use crate::error::{CreateAccountError, OpenEngineError, StepError};
use crate::operation::Watch;
use crate::store::{
    ConversationId, MetaKey, ParkedKind, PeerDeviceId, RotateError, Store, StoreError, Tx,
};
use answers::Owed;
use budget::Budget;
use clock::Clock;
use compose::Streams;
use contacts::Contacts;
use deletion::Deletion;
use disappearing::Disappearing;
use lanes::Lanes;
use login::OwnMailbox;
use lookups::Lookups;
use me::Me;
use own_profile::OwnProfile;
use presence::Presences;
use profiles::Profiles;
use queues::Queues;
use quiet::Quiet;
use requests::Requests;
use sessions::Sessions;
use timers::{Timer, Timers};
use typing::Typing;

/// One account's device: its store, and what memory has of it.
pub struct Engine {
    store: Store,
    core: Core,
}

/// What an opened store holds.
pub enum Opened {
    /// An account.
    Account(Box<Engine>),
    /// None yet: [`Engine::create`] makes one.
    Empty(Store),
}

/// Everything in memory. All of it is loaded from the store, or starts empty.
pub(crate) struct Core {
    me: Me,
    clock: Clock,
    hlc: HybridClock,
    saved_hlc: Hlc,
    lanes: Lanes,
    requests: Requests,
    timers: Timers,
    own: OwnMailbox,
    contacts: Contacts,
    streams: Streams,
    sessions: Sessions,
    park: Park,
    outbox: Queues,
    lookups: Lookups,
    /// Devices that a message of this step came from, and whether their user wrote one.
    heard: BTreeMap<PeerDeviceId, bool>,
    quiet: Quiet,
    disappearing: Disappearing,
    typing: Typing,
    presence: Presences,
    profile: OwnProfile,
    profiles: Profiles,
    owed: Owed,
    first_messages: Budget,
    /// Devices that something is missing of, or was since the engine was opened.
    gap_devices: BTreeSet<PeerDeviceId>,
    gap_conversations: BTreeSet<ConversationId>,
    /// The number of the last search for a proof of work.
    work_tickets: u64,
    /// One-time prekeys to make: X25519, KEM.
    refill: Option<(usize, usize)>,
    /// Room for one plaintext, reused from message to message.
    buffer: Zeroizing<Vec<u8>>,
    /// The account is being deleted.
    deletion: Option<Deletion>,
    /// The memory does not match the store: a step was dropped.
    stale: bool,
}

impl Engine {
    /// Opens the account of a store.
    ///
    /// # Errors
    /// [`OpenEngineError`]; the store is left as it was.
    pub fn open(
        mut store: Store,
        now: Now,
        rng: &mut dyn CryptoRng,
    ) -> Result<Opened, OpenEngineError> {
        let tx = store.transaction()?;
        let core = match Me::load(&tx)? {
            Some(me) => {
                let requests = first_requests(rng);
                Some(Core::load(&tx, me, requests, now, rng)?)
            }
            None => None,
        };
        drop(tx);
        Ok(match core {
            Some(core) => Opened::Account(Box::new(Self { store, core })),
            None => Opened::Empty(store),
        })
    }

    /// Makes an account in an empty store. Nothing is published before the first connection.
    ///
    /// # Errors
    /// [`CreateAccountError`]; the store then holds no account.
    pub fn create(
        mut store: Store,
        account: NewAccount,
        now: Now,
        mut rng: &mut dyn CryptoRng,
    ) -> Result<Self, CreateAccountError> {
        let tx = store.transaction()?;
        Me::create(&tx, account, now.wall, &mut rng)?;
        tx.commit()?;
        let tx = store.transaction()?;
        let me = Me::load(&tx)?.ok_or(StepError::Damaged)?;
        let requests = first_requests(rng);
        let core = Core::load(&tx, me, requests, now, rng)?;
        drop(tx);
        Ok(Self { store, core })
    }

    /// Begins a step.
    ///
    /// # Errors
    /// [`StepError`]; the inputs that were meant for it are lost, as with a step that is dropped: close every
    /// connection.
    pub fn begin<'e>(
        &'e mut self,
        now: Now,
        rng: &'e mut dyn CryptoRng,
    ) -> Result<Step<'e>, StepError> {
        let tx = match self.store.transaction() {
            Ok(tx) => tx,
            Err(error) => {
                // What was to be handled is lost, so that what follows it must not be.
                self.core.stale = true;
                return Err(error.into());
            }
        };
        let mut left = Vec::new();
        if self.core.stale {
            let me = Me::load(&tx)?.ok_or(StepError::Damaged)?;
            let requests = self.core.requests.successor();
            let core = Core::load(&tx, me, requests, now, rng)?;
            let lost = std::mem::replace(&mut self.core, core);
            self.core.lanes = lost.lanes.into_left();
            // The store is the one that was there before.
            self.core.own.checked = lost.own.checked;
            // And the user looks at what he looked at.
            self.core.presence = lost.presence.kept();
            self.core.timers.arm(Timer::Presence, now.monotonic_ms);
            left = self.core.lanes.left();
        }
        let mut step = Step::new(tx, &mut self.core, now, rng);
        for lane in left {
            step.disconnect(&lane);
        }
        Ok(step)
    }

    /// Looks at what was committed.
    ///
    /// # Errors
    /// When the store fails.
    pub fn view(&mut self) -> Result<View<'_>, StoreError> {
        Ok(View {
            tx: self.store.transaction()?,
            me: &self.core.me,
            delays: &self.core.outbox.delays,
            typing: &self.core.typing,
            presence: &self.core.presence,
        })
    }

    /// When [`Input::Timer`] is due: milliseconds on the monotonic clock of [`Now`].
    #[must_use]
    pub fn next_wake(&self) -> Option<u64> {
        self.core.timers.next()
    }

    /// The relay that has the own mailbox: where [`Lane::Own`] connects.
    #[must_use]
    pub fn relay(&self) -> &RelayAddress {
        &self.core.me.relay
    }

    /// Empties the write-ahead log of the store: what was deleted before is then nowhere on the disk.
    ///
    /// # Errors
    /// When the disk fails or is full.
    pub fn checkpoint(&mut self) -> Result<(), StoreError> {
        self.store.checkpoint()
    }

    /// Reads the whole store and checks it, in three checks.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when anything is wrong.
    pub(crate) fn check_store(&mut self, watch: &dyn Watch) -> Result<(), StoreError> {
        self.store.verify_watched(watch)
    }

    /// Gives the store another key; see [`Store::rotate_key`].
    ///
    /// # Errors
    /// [`RotateError`] says which key it has.
    pub(crate) fn rotate_store_key(
        &mut self,
        key: &crate::store::StoreKey,
        watch: &dyn Watch,
    ) -> Result<(), RotateError> {
        self.store.rotate_key(key, watch)
    }

    /// Whether this is the key that the store was opened with.
    ///
    /// # Errors
    /// When the store fails.
    pub fn is_key(&self, key: &crate::store::StoreKey) -> Result<bool, crate::store::OpenError> {
        self.store.is_key(key)
    }

    /// Ends the engine: every secret in memory is wiped, the store remains.
    #[must_use]
    pub fn into_store(self) -> Store {
        self.store
    }
}

impl Core {
    fn load(
        tx: &Tx<'_>,
        me: Me,
        requests: Requests,
        now: Now,
        mut rng: &mut dyn CryptoRng,
    ) -> Result<Self, StepError> {
        let cursor = tx.cursors().get(&me.mailbox)?;
        let published = tx
            .meta()
            .get(meta::PUBLISHED_EPOCH)?
            .and_then(|epoch| epoch.try_into().ok());
        let time = |key| Ok::<_, StepError>(Timestamp(number(tx, key)?));
        let saved_hlc = Hlc::from_packed(number(tx, meta::HLC)?);
        let mut core = Self {
            clock: Clock::open(now, time(meta::LAST_TRUSTED)?, time(meta::AGES_FROM)?),
            hlc: HybridClock::resume(saved_hlc),
            saved_hlc,
            lanes: Lanes::default(),
            requests,
            timers: Timers::default(),
            own: OwnMailbox::load(cursor.as_ref(), published),
            contacts: Contacts::default(),
            streams: Streams::default(),
            sessions: Sessions::load(tx, &mut rng)?,
            park: load_park(tx, rng)?,
            outbox: Queues::default(),
            lookups: Lookups::default(),
            heard: BTreeMap::new(),
            quiet: Quiet::load(tx)?,
            disappearing: Disappearing::default(),
            typing: Typing::default(),
            presence: Presences::default(),
            profile: OwnProfile::load(tx)?,
            profiles: Profiles::default(),
            owed: Owed::load(tx, now.wall)?,
            first_messages: Budget::default(),
            gap_devices: tx.gaps().devices()?.into_iter().collect(),
            gap_conversations: tx.gaps().hidden()?.into_iter().collect(),
            work_tickets: 0,
            refill: None,
            buffer: Zeroizing::default(),
            deletion: Deletion::load(tx)?,
            stale: false,
            me,
        };
        for queued in tx.outbox().devices()? {
            let relay = RelayAddress::parse(&queued.relay).map_err(|_| StepError::Damaged)?;
            core.outbox.add(queued.peer_device, &relay);
        }
        for contact in tx.outbox().contacts_waiting()? {
            core.lookups.want_manifest(contact);
        }
        if core.sessions.len() > 0 {
            core.own.check_first(now.monotonic_ms, &mut core.timers);
        }
        core.timers.arm(Timer::Expiry, now.monotonic_ms);
        core.timers.arm(Timer::Scans, now.monotonic_ms);
        core.timers.arm(Timer::Answers, now.monotonic_ms);
        core.timers.arm(Timer::Kept, now.monotonic_ms);
        Ok(core)
    }
}

/// The table of requests of an engine that was just opened: the driver may have connections of an earlier
/// engine, whose answers must not be taken for answers to this one.
fn first_requests(rng: &mut dyn CryptoRng) -> Requests {
    Requests::after(u64::from(rng.next_u32()))
}

/// A number among the single values; 0 when it was never set.
fn number(tx: &Tx<'_>, key: MetaKey) -> Result<u64, StepError> {
    let bytes = tx.meta().get(key)?;
    Ok(bytes
        .and_then(|bytes| bytes.try_into().ok())
        .map_or(0, u64::from_be_bytes))
}

/// What is known of the parked envelopes.
fn load_park(tx: &Tx<'_>, mut rng: &mut dyn CryptoRng) -> Result<Park, StepError> {
    let mut park = Park::default();
    let mut after = None;
    loop {
        let rows = tx
            .parked()
            .page(ParkedKind::Unmatched, after, limits::UPKEEP_ROWS)?;
        let Some(last) = rows.last() else {
            return Ok(park);
        };
        after = Some(last.id);
        for row in rows {
            if let Ok(envelope) = Envelope::parse(&row.envelope) {
                park.insert(
                    &mut rng,
                    row.id,
                    envelope.tag(),
                    row.envelope.len(),
                    row.received,
                );
            }
        }
    }
}

#[cfg(test)]
mod tests;
