//! Every bound of the engine, with its unit and its reason. Bounds of the protocol and of the wire are in
//! their own crates.

pub(crate) use undertone_protocol::time::{DAY_MS, HOUR_MS, SECOND_MS};

// --- text ---------------------------------------------------------------------------------------

/// Bytes of UTF-8 in one text message: fits one 16 KiB envelope bucket with its header and padding.
pub const MAX_TEXT_BYTES: usize = 15 * 1_024;
/// Bytes of UTF-8 of a display name: what the first message has room for.
pub const MAX_NAME_BYTES: usize = 64;
/// Contacts, requests and blocked accounts together. A stranger's request beyond it is dropped.
pub const MAX_CONTACTS: u64 = 10_000;
/// Message requests waiting for the user; beyond it new ones are dropped, so that a flood of strangers
/// costs bounded disk.
pub const MAX_REQUESTS: u64 = 1_000;
/// Live invites: each costs a token at the relay, which bounds the set.
pub const MAX_INVITES: u64 = 50;

// --- sending ------------------------------------------------------------------------------------

/// Messages that the user wrote and no relay took yet; beyond it sending is refused with a typed error. What this device sends
/// by itself does not count, so that no contact can use the room up: of receipts there is one for each device at a time,
/// and copies that were asked for have a bound by the day.
pub const MAX_PENDING_MESSAGES: u64 = 100_000;
/// First wait after a failed attempt to send, doubled each time.
pub(crate) const RETRY_FIRST_MS: u64 = 2 * SECOND_MS;
/// Longest wait between two attempts.
pub(crate) const RETRY_LONGEST_MS: u64 = HOUR_MS;
/// A message that the relay has not delivered for so long is expired: relays keep envelopes no longer.
pub(crate) const MESSAGE_LIFETIME_MS: u64 = 30 * DAY_MS;
/// An acceptance that was not confirmed is sent again after this.
pub(crate) const ACCEPTANCE_REPEAT_MS: u64 = 3 * DAY_MS;
/// What was sent is kept for resend requests for so long.
pub(crate) const RETENTION_MS: u64 = 30 * DAY_MS;
/// An envelope that a relay took is kept for so long, in case the relay is restored from a backup: backups are made far more
/// often.
pub(crate) const TAKEN_KEEP_MS: u64 = 2 * DAY_MS;
/// Envelopes kept so for one recipient device, of at most 16 KiB each and mostly of 512 bytes; the oldest go first.
pub(crate) const MAX_TAKEN_PER_DEVICE: usize = 2_000;
/// A reply that takes longer is treated as lost: the lane is closed and its requests return to their
/// queues. Above the relay's own time limits and a slow phone network.
pub(crate) const REQUEST_TIMEOUT_MS: u64 = 60 * SECOND_MS;
/// How much of the nonce space one step searches for a proof of work, in hashes: about 0.1 s on a phone,
/// so that the engine stays responsive.
pub(crate) const WORK_HASHES_PER_STEP: u32 = 1 << 18;
/// Messages that may follow a first message before it is accepted, when an invite allows it.
pub(crate) const MAX_FOLLOW_UPS: u64 = 16;
/// Envelopes and prekey requests that the relay takes under one invite, whoever shows it.
pub(crate) const INVITE_QUOTA: u32 = 1_024;

/// A message can be edited, and taken back from everybody, for so long after it was written.
pub const CHANGE_WINDOW_MS: u64 = DAY_MS;
/// Changes of one contact that wait for the messages they change; the oldest go first. A mailbox that was emptied out of order has
/// fewer.
pub(crate) const MAX_EARLY_CHANGES: usize = 1_000;
/// The same of a stranger, of whom 17 messages are stored.
pub(crate) const MAX_EARLY_CHANGES_OF_STRANGER: usize = 17;
/// A change whose message does not come is forgotten after this: relays keep envelopes no longer.
pub(crate) const EARLY_CHANGE_KEEP_MS: u64 = 30 * DAY_MS;

/// While no time is trusted, or nothing is due for longer, messages that disappear are looked at this often.
pub(crate) const EXPIRY_RETRY_MS: u64 = 60 * SECOND_MS;

/// While the user types, a contact is told again this often ...
pub(crate) const TYPING_REFRESH_MS: u64 = 3 * SECOND_MS;
/// ... and that it ended, so long after the last key.
pub(crate) const TYPING_ENDS_MS: u64 = 3 * SECOND_MS;
/// That a contact types is shown for so long after he last said so: once more than he says it, and the way.
pub(crate) const TYPING_SHOWN_MS: u64 = 5 * SECOND_MS;

/// What a contact said of being there counts for so long ...
pub(crate) const PRESENCE_SHOWN_MS: u64 = 30 * SECOND_MS;
/// ... and it is asked again after a random time from here ...
pub(crate) const PRESENCE_ASK_FROM_MS: u64 = 15 * SECOND_MS;
/// ... to here, so that the next answer comes before that; more and more seldom while none comes ...
pub(crate) const PRESENCE_ASK_TO_MS: u64 = 20 * SECOND_MS;
/// ... up to this.
pub(crate) const PRESENCE_ASK_LONGEST_MS: u64 = 5 * 60 * SECOND_MS;
/// Who asks is answered after a random time from here ...
pub(crate) const PRESENCE_ANSWER_FROM_MS: u64 = 100;
/// ... to here, ...
pub(crate) const PRESENCE_ANSWER_TO_MS: u64 = 1_500;
/// ... so often at once ...
pub(crate) const PRESENCE_ANSWERS: u32 = 3;
/// ... and once more after this: a budget is full again when what its asker was told counts no longer.
pub(crate) const PRESENCE_ANSWER_SPACING_MS: u64 = PRESENCE_SHOWN_MS / PRESENCE_ANSWERS as u64;
/// Conversations that can be looked at at once: as many as a large screen shows; the oldest is left for another one.
pub(crate) const MAX_OPEN_CONVERSATIONS: usize = 16;

/// What is shown once and was not asked for is deleted after this, in seconds.
pub const VIEW_ONCE_KEEP_S: u32 = 14 * 24 * 3_600;

// --- profiles -----------------------------------------------------------------------------------

/// The own profile is put at a random time after the user changed it, from here ...
pub(crate) const PROFILE_PUT_FROM_MS: u64 = 5 * SECOND_MS;
/// ... to here: the relay shall not see whose connection it follows.
pub(crate) const PROFILE_PUT_TO_MS: u64 = 60 * SECOND_MS;
/// When the user was there last is put at a random time after it was put before, from here ...
pub(crate) const LAST_SEEN_PUT_FROM_MS: u64 = 15 * 60 * SECOND_MS;
/// ... to here.
pub(crate) const LAST_SEEN_PUT_TO_MS: u64 = 30 * 60 * SECOND_MS;
/// The profile of a contact that was just accepted is fetched at a random time from here ...
pub(crate) const PROFILE_FIRST_FROM_MS: u64 = 5 * SECOND_MS;
/// ... to here ...
pub(crate) const PROFILE_FIRST_TO_MS: u64 = 10 * 60 * SECOND_MS;
/// ... and a changed one up to here: its owner's relay shall not see who is online.
pub(crate) const PROFILE_FETCH_TO_MS: u64 = DAY_MS;
/// How often a profile that was told of is looked for.
pub(crate) const MAX_PROFILE_TRIES: u32 = 3;
/// When a contact was there last is looked up so often at most: its profile says it no finer.
pub(crate) const LAST_SEEN_LOOK_MS: u64 = 15 * 60 * SECOND_MS;

// --- sessions -----------------------------------------------------------------------------------

/// A session that never got an answer is renewed, once if nothing is heard, after a random time from here ...
pub(crate) const UNANSWERED_FROM_MS: u64 = 3 * DAY_MS;
/// ... to here.
pub(crate) const UNANSWERED_TO_MS: u64 = 5 * DAY_MS;
/// Archived sessions of one peer device: each costs two inversions for an envelope that matches nothing.
pub(crate) const MAX_ARCHIVED_SESSIONS: usize = 2;
/// A session that only receives is forgotten when it received nothing for so long, and the peer has shown that it uses another
/// one (protocol.md, F15).
pub(crate) const ARCHIVED_KEEP_MS: u64 = 7 * DAY_MS;
/// A session that still works, or that came to an end, is not replaced sooner after the handshake before (attack row R12).
pub(crate) const FRESH_SPACING_MS: u64 = HOUR_MS;
/// A message waits so long for the handshake that it begins while its session still works: a relay that is slow, or another
/// one that has the manifest, does not hold it up longer.
pub(crate) const FRESH_PATIENCE_MS: u64 = 20 * SECOND_MS;
/// A session that stays unanswered is renewed for a device that is heard all the same, and not sooner than this after its
/// handshake (decisions, "Re-handshake").
pub(crate) const RENEWAL_SPACING_MS: u64 = 7 * DAY_MS;
/// Nothing is encrypted so long after a start unless the own relay has said how far this device acknowledged, or cannot be
/// reached.
pub(crate) const ROLLBACK_WAIT_MS: u64 = 10 * SECOND_MS;
/// That this device's store is older than what its relay saw is believed so often: a relay can lie.
pub(crate) const ROLLBACK_SPACING_MS: u64 = DAY_MS;
/// Messages of a chain that get no answer before a message that says nothing completes the ratchet step ...
pub(crate) const QUIET_AFTER_MESSAGES: u32 = 50;
/// ... and the time after which one message is enough (decisions, "Idle sessions"), ...
pub(crate) const QUIET_AFTER_MS: u64 = 3 * DAY_MS;
/// ... and the random time that it waits besides, from here ...
pub(crate) const QUIET_WAIT_FROM_MS: u64 = HOUR_MS;
/// ... to here.
pub(crate) const QUIET_WAIT_TO_MS: u64 = 24 * HOUR_MS;
/// Sessions of all peers together: bounds the tag index and the scan of an unknown envelope. Beyond it strangers' first
/// messages are dropped, and contacts' wait.
pub(crate) const MAX_SESSIONS: usize = 20_000;
/// Devices of one stranger, each with one session: an account that is written from phone and desktop before it is accepted.
pub(crate) const MAX_DEVICES_OF_STRANGER: usize = 4;
// Strangers leave four fifths of the sessions to contacts.
const _: () = assert!(MAX_REQUESTS * MAX_DEVICES_OF_STRANGER as u64 <= MAX_SESSIONS as u64 / 5);

// --- receiving ----------------------------------------------------------------------------------

/// First messages handled at once, and ...
pub(crate) const FIRST_MESSAGE_BURST: u32 = 50;
/// ... the time after which one more may be (protocol.md 1.4: 10 a second).
pub(crate) const FIRST_MESSAGE_SPACING_MS: u64 = 100;
/// Messages stored of a stranger whose request is not decided: a first message and what an invite permits.
pub(crate) const MAX_REQUEST_MESSAGES: u64 = 17;
/// First messages without any one-time key that are remembered, so that none is accepted twice: 0.1 KB each.
pub(crate) const MAX_ACCEPTED_FIRST_MESSAGES: u64 = 20_000;
/// Deliveries that wait for the scan budget, unacknowledged; above the relay's window of 256.
pub(crate) const MAX_DEFERRED: usize = 512;
/// Rows of devices of one contact, those included that are gone: an account key can sign any number.
pub(crate) const MAX_DEVICES_OF_CONTACT: usize = 64;
/// The highest number of a delivery that is believed (the relay's are Unix seconds · 2²⁰ and count up): what a
/// signed column holds.
pub(crate) const MAX_DELIVERY_SEQ: u64 = (1 << 63) - 1;
/// The highest number of a stream that is believed: no honest device writes so much.
pub(crate) const MAX_STREAM_SEQ: u64 = 1 << 48;
/// The latest time a message is sorted at, Unix ms (in the year 6429): what a signed row number holds.
pub(crate) const LATEST_CLOCK_MS: u64 = (1 << 47) - 1;

// --- delivery secret ----------------------------------------------------------------------------

/// A delivery secret that was replaced is honoured for so long (decisions, "Rotation").
pub(crate) const DELIVERY_KEEP_MS: u64 = 30 * DAY_MS;
/// Contacts to which nothing is sent anyway are told the new one at random times in this span.
pub(crate) const DELIVERY_TELL_MS: u64 = 7 * DAY_MS;
/// Replaced secrets that are honoured at once: each costs a token at the relay, which has room for 256.
pub(crate) const MAX_OLD_DELIVERY: usize = 16;

// --- receipts, gaps -----------------------------------------------------------------------------

/// A delivery receipt waits at least this long for others ...
pub(crate) const RECEIPT_WAIT_FROM_MS: u64 = 50;
/// ... and at most this long.
pub(crate) const RECEIPT_WAIT_TO_MS: u64 = 400;
/// A receipt for a repetition goes by itself after a random time from here ...
pub(crate) const RECEIPT_LATER_FROM_MS: u64 = HOUR_MS;
/// ... to here.
pub(crate) const RECEIPT_LATER_TO_MS: u64 = 12 * HOUR_MS;
/// Batches of receipts and answers that one contact may cause at once ...
pub(crate) const ANSWER_BURST: u32 = 8;
/// ... before they are this far apart (attack row T1), ...
pub(crate) const ANSWER_SPACING_MS: u64 = 60 * SECOND_MS;
/// ... and a random time up to this more.
pub(crate) const ANSWER_JITTER_MS: u64 = 10 * SECOND_MS;
/// What a contact asks to be sent again is sent after a random time from here ...
pub(crate) const RESEND_ANSWER_FROM_MS: u64 = SECOND_MS;
/// ... to here.
pub(crate) const RESEND_ANSWER_TO_MS: u64 = 20 * SECOND_MS;
/// For so long an answer to a resend request is looked for in what does not open: the wait before it, and one for the budget.
pub(crate) const RESEND_EXPECTED_MS: u64 = 120 * SECOND_MS;
/// A resend request that no message carried is sent by itself after a random time from here ...
pub(crate) const RESEND_WAIT_FROM_MS: u64 = HOUR_MS;
/// ... to here (protocol.md, F2).
pub(crate) const RESEND_WAIT_TO_MS: u64 = 12 * HOUR_MS;
/// A gap becomes visible this long after the mailbox caught up.
pub(crate) const GAP_VISIBLE_AFTER_MS: u64 = 60 * SECOND_MS;
/// Gaps remembered for one peer device, each of any length; a peer that makes more gains nothing.
pub(crate) const MAX_GAPS_PER_DEVICE: usize = 100;
/// How often a gap is asked for.
pub(crate) const MAX_GAP_REQUESTS: u32 = 3;
/// Content that fits the smallest envelope, in bytes.
pub(crate) const SMALLEST_CONTENT: usize = 255;
/// Messages sent again to one contact in a day: a contact cannot turn requests into a flood.
pub(crate) const MAX_RESENDS_PER_DAY: u32 = 500;
/// Messages that one device asks for and that are not answered yet; it asks for the rest on another day.
pub(crate) const MAX_RESENDS_ASKED: usize = 500;

// --- upkeep -------------------------------------------------------------------------------------

/// A manifest is signed again after this.
pub(crate) const MANIFEST_RENEW_MS: u64 = 7 * DAY_MS;
/// A manifest that is renewed is put at a random time after a login, or after it became due, from here ...
pub(crate) const MANIFEST_WAIT_FROM_MS: u64 = 5 * SECOND_MS;
/// ... to here ...
pub(crate) const MANIFEST_WAIT_TO_MS: u64 = 10 * 60 * SECOND_MS;
/// ... and at once when it is so old: an app that is online for seconds each day must not let it expire.
pub(crate) const MANIFEST_URGENT_AFTER_MS: u64 = 14 * DAY_MS;
/// Signed and last-resort prekeys are replaced after this ...
pub(crate) const PREKEY_ROTATE_MS: u64 = 7 * DAY_MS;
/// ... or, when [`MAX_ACCEPTED_FIRST_MESSAGES`] named them, after this.
pub(crate) const PREKEY_ROTATE_EARLIEST_MS: u64 = HOUR_MS;
/// A private prekey outlives its replacement by this.
pub(crate) const PREKEY_KEEP_MS: u64 = 14 * DAY_MS;
/// One-time prekeys whose private halves are kept, given away or not, of both kinds: 26 full sets. A relay that asks for more
/// gets none, and strangers use the last resort until old ones aged.
pub(crate) const MAX_ONE_TIME_KEYS: u64 = 4_000;
/// A one-time prekey that was never used is deleted after this: its page expired long before.
pub(crate) const ONE_TIME_KEEP_MS: u64 = 120 * DAY_MS;
/// Low-water refill waits a random time up to this, so that it does not mark the pop that caused it.
pub(crate) const REFILL_WAIT_TO_MS: u64 = 10 * 60 * SECOND_MS;
/// A manifest of a contact that is silent is fetched again after a random time from here ...
pub(crate) const REFETCH_FROM_MS: u64 = 24 * HOUR_MS;
/// ... to here.
pub(crate) const REFETCH_TO_MS: u64 = 72 * HOUR_MS;
/// A manifest that was fetched so recently serves for a handshake.
pub(crate) const MANIFEST_FRESH_MS: u64 = HOUR_MS;
/// After a failed lookup (manifest or prekeys) it is tried again after this, doubled each time ...
pub(crate) const LOOKUP_RETRY_FIRST_MS: u64 = 5 * SECOND_MS;
/// ... up to this.
pub(crate) const LOOKUP_RETRY_LONGEST_MS: u64 = 6 * HOUR_MS;
/// Relay and device agree on the time when they differ by no more.
pub(crate) const CLOCK_TOLERANCE_MS: u64 = DAY_MS;

/// Devices of a contact are written to until the newest manifest that lists them is so old.
pub(crate) const MANIFEST_BELIEVED_MS: u64 = 45 * DAY_MS;
/// Own manifests remembered, so that one that is none of them is noticed: signed weekly, more than a year of them. Nobody
/// honest names one older than the life of a manifest and of an envelope.
pub(crate) const MAX_KNOWN_MANIFESTS: usize = 64;
/// Alarms over the own account that wait to be dismissed: any stranger can cause one.
pub(crate) const MAX_ACCOUNT_ALARMS: usize = 16;
/// Alarms over contacts that wait to be dismissed, of 9 bytes each; the oldest go first.
pub(crate) const MAX_IDENTITY_ALARMS: usize = 1_024;

// --- connections --------------------------------------------------------------------------------

/// Requests in flight on one connection; the relay's own limit is 64.
pub(crate) const MAX_REQUESTS_PER_LANE: usize = 32;
/// Longest time for which a connection that failed is left alone: a relay that is back is found within it.
pub(crate) const LANE_RETRY_LONGEST_MS: u64 = 5 * 60 * SECOND_MS;
/// Connections remembered, open ones and those to leave alone for a while.
pub(crate) const MAX_KNOWN_LANES: usize = 1_024;
/// Rows handled at a time by ageing: bounds memory.
pub(crate) const UPKEEP_ROWS: usize = 200;
/// Contacts, and devices of contacts, kept in memory.
pub(crate) const MAX_CACHED_CONTACTS: usize = 4_096;
/// First wait after the own relay refused something, doubled each time.
pub(crate) const REFUSED_FIRST_MS: u64 = 5 * SECOND_MS;
/// Undelivered messages that are encrypted again for a new session or device, the newest; older ones stay lost to it.
pub(crate) const MAX_REQUEUED: usize = 500;
/// First messages kept because the budget or the clock did not allow to open them; beyond it they wait at the
/// relay.
pub(crate) const MAX_PARKED_FIRST: u64 = 4_096;
/// Handshakes that may follow the first one with a device of which nothing was heard.
pub(crate) const MAX_RENEWALS: u32 = 1;
