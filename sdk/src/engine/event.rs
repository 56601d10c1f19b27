//! What the engine tells the application. Owned and typed; an event only says what changed, the state is
//! read from the store, so that a lost event loses nothing.

use undertone_protocol::content::MessageId;
use undertone_protocol::time::Timestamp;
use undertone_wire::ErrorCode;

use crate::store::{ContactId, ConversationId, MessageState};

/// One change that an application may want to show.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The own mailbox answered the login; sending does not need it, receiving does.
    Online,
    /// Manifest, prekeys and tokens are at the relay: others can write, and every invite works.
    Reachable,
    /// The backlog of the own mailbox is in the history.
    CaughtUp,
    /// Another client logged in as this mailbox. The driver must not reconnect by itself: two clients of
    /// one store would displace each other for ever. The user must act.
    Displaced,
    /// The own relay refused a request for good. The relay's operator must act.
    RelayRefused {
        /// What it said.
        code: ErrorCode,
    },
    /// A message, own or received, is new in a conversation.
    MessageAdded {
        /// Where.
        conversation: ConversationId,
        /// Which.
        message: MessageId,
    },
    /// A message changed its state.
    MessageChanged {
        /// Where.
        conversation: ConversationId,
        /// Which.
        message: MessageId,
        /// The new state.
        state: MessageState,
    },
    /// A message says something else now, was taken back, can be read after an upgrade, or somebody reacted to it.
    MessageEdited {
        /// Where.
        conversation: ConversationId,
        /// Which.
        message: MessageId,
    },
    /// A message was deleted here, by the user or because its time was over.
    MessageRemoved {
        /// Where.
        conversation: ConversationId,
        /// Which.
        message: MessageId,
    },
    /// The other side of a conversation types, or does not any more. Not in the store: a listener that missed it sees no typing.
    Typing {
        /// Where.
        conversation: ConversationId,
        /// Whether.
        typing: bool,
    },
    /// Whether the other side of a conversation that is open is there changed, or when it was. See
    /// [`Conversation::presence`](crate::Conversation::presence).
    PresenceChanged {
        /// Where.
        conversation: ConversationId,
    },
    /// What is known to be missing in a conversation changed: messages are missing (told a minute after the backlog, since
    /// most come late and by themselves), have come after all, or are given up. See
    /// [`Conversation::gaps`](crate::Conversation::gaps).
    GapsChanged {
        /// Where.
        conversation: ConversationId,
    },
    /// Title, unread count or order of a conversation changed.
    ConversationChanged {
        /// Which.
        conversation: ConversationId,
    },
    /// A stranger wrote: a message request waits for the user.
    RequestReceived {
        /// Who; accept, decline or block it.
        contact: ContactId,
    },
    /// A contact's name, profile, state or keys changed; also: a contact accepted this account's request.
    ContactChanged {
        /// Who.
        contact: ContactId,
    },
    /// Sending to a contact is held up. Nothing is lost; it goes on by itself unless the reason names
    /// somebody who must act.
    SendingDelayed {
        /// To whom.
        contact: ContactId,
        /// Why.
        reason: DelayReason,
    },
    /// What was held up for a contact is on its way again.
    SendingResumed {
        /// To whom.
        contact: ContactId,
    },
    /// The own name, or what else the user shows of himself, changed.
    NameChanged,
    /// A contact's device list has expired, and its relay shows no newer one. Sending to the devices that are known goes on
    /// until then; after that it waits ([`DelayReason::ManifestExpired`]). The contact must come online.
    DeviceListOverdue {
        /// Whose.
        contact: ContactId,
        /// When sending ends.
        until: Timestamp,
    },
    /// The post-quantum ratchet with a device of a contact no longer goes on: the device's software is at fault, its disk was
    /// put back, or a relay withholds messages. Messages flow, and keys heal by Diffie-Hellman; the next message that the user
    /// writes begins a fresh session. Nobody must act, unless it comes again and again.
    HealingStalled {
        /// With whom.
        contact: ContactId,
    },
    /// The own relay has seen more of this device than its store knows: the disk was put back to an older state, or a copy of it
    /// runs elsewhere (or the relay lies). What was received since is gone here; sessions are begun anew as something is
    /// written, and nothing that is queued is lost. The user must act if he restored nothing: somebody may have a copy.
    StoreRolledBack,
    /// Something about a contact's identity is wrong, or new. Kept until it is dismissed
    /// ([`Client::identity_alarms`](crate::Client::identity_alarms)). The user must decide.
    IdentityAlarm {
        /// Whose.
        contact: ContactId,
        /// What.
        alarm: IdentityAlarm,
    },
    /// Somebody else seems to have the own account key. Kept until it is dismissed
    /// ([`Client::account_alarms`](crate::Client::account_alarms)). The user must act: see who has the recovery phrase.
    AccountAlarm(AccountAlarm),
    /// The device's clock and the relay's are more than 24 hours apart. Until they agree nothing is
    /// expired, deleted or signed; messages still flow. The user must set the clock, or the operator.
    ClockWrong {
        /// The device's time.
        device: Timestamp,
        /// The relay's time.
        relay: Timestamp,
    },
    /// The clocks agree again.
    ClockRight,
    /// Envelopes expired unread in the own mailbox: this device was away for more than 30 days. Senders
    /// are asked for them again.
    MailboxGap,
}

/// Why sending to a contact waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DelayReason {
    /// The contact's relay cannot be reached. Tried again by itself.
    RelayUnreachable,
    /// The relay is overloaded or limits this client's rate. Tried again by itself.
    RelayBusy,
    /// The contact's mailbox is full: the contact must come online.
    MailboxFull,
    /// The relay's disk is full: its operator must act.
    RelayStorageFull,
    /// The relay speaks another version: this software or the relay must be updated.
    RelayVersion,
    /// No device of the contact published prekeys within 45 days: the contact must come online.
    PrekeysExpired,
    /// The contact's device list has expired, for new devices, or is 45 days old: the contact must come online.
    ManifestExpired,
    /// The contact's device list is not at its relay (yet): the contact must come online.
    ManifestMissing,
    /// The relay accepts neither the delivery token nor the invite: work is done for each message instead.
    TokenRefused,
    /// This device's clock is wrong: the user must set it; nothing new is signed before.
    ClockWrong,
    /// This account's own device list is not signed yet: its own relay must be reached once. Goes on by itself then.
    NotPublished,
}

/// What is wrong with the own account's identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AccountAlarm {
    /// A device list signed with the own account key, and by another device than this, is at the own relay: the user set up
    /// another device with the recovery phrase, or a thief did.
    ForeignManifest,
    /// Somebody has begun a conversation by a device list of this account that this device did not sign. It may be a lie of
    /// theirs; else somebody else has the account key, and a relay helps him.
    ForeignManifestNamed {
        /// Who says so.
        by: ContactId,
    },
}

/// What is wrong with a contact's identity, or new in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum IdentityAlarm {
    /// Two different device lists of the same version are signed by the contact's account key: its key is
    /// in two hands, or a relay and a thief work together.
    ManifestForked,
    /// What the relay serves as the contact's device list is signed by nobody we know.
    ManifestForged,
    /// Two messages claim one place in what a device of the contact wrote, or two ratchet keys one chain of a session: the
    /// device was restored from a backup, or copied, and its keys may be in two hands.
    HistoryForked,
    /// The contact's account was set up anew with its recovery phrase: the devices that it had are revoked, and what is written
    /// goes to the new one. The contact did that, or whoever has the phrase.
    AccountRecovered,
    /// The contact has another device, which reads from now on what is written to the contact. The contact added it, or
    /// whoever has the account key.
    DeviceAdded,
}
