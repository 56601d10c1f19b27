//! How contacts, messages and failures are called.

use undertone::{
    AccountAlarm, AccountId, Actor, Contact, ContactId, ContactState, DelayReason, Event,
    FailureReason, GapState, IdentityAlarm, Message, MessageId, MessageState, Once, Original,
    Preview, SearchHit, SystemRow, TimelineItem, TimelineRow, Timestamp,
};

use crate::failure::Failure;
use crate::record::Record;
use crate::when;

pub(crate) fn error_record(failure: &Failure) -> Record {
    Record::Error {
        actor: actor(failure.actor),
        text: failure.text.clone(),
    }
}

/// Who must act.
pub(crate) fn actor(actor: Actor) -> &'static str {
    match actor {
        Actor::Nobody => "nobody",
        Actor::User => "user",
        Actor::Developer => "developer",
        Actor::Operator => "operator",
    }
}

/// What to call a contact.
pub(crate) fn name(contact: &Contact) -> String {
    called(&contact.name, Some(contact.account))
}

/// What to call somebody; whose name is not known yet, by the end of the account's id.
pub(crate) fn called(name: &str, account: Option<AccountId>) -> String {
    match account {
        Some(account) if name.is_empty() => {
            let account = account.to_text();
            let end = account.get(account.len().saturating_sub(6)..);
            format!("…{}", end.unwrap_or_default())
        }
        Some(_) | None => name.to_owned(),
    }
}

pub(crate) fn contact_record(contact: &Contact) -> Record {
    let state = match contact.state {
        ContactState::Invited => "invited",
        ContactState::Requested => "requested",
        ContactState::Accepted => "accepted",
        ContactState::Blocked => "blocked",
    };
    Record::Contact {
        number: contact.id.get(),
        name: name(contact),
        state,
    }
}

/// How a person is told how it stands with a contact.
pub(crate) fn contact_text(number: i64, name: &str, state: &str) -> String {
    let standing = match state {
        "invited" => "asked; what you write waits for their answer".to_owned(),
        "requested" => format!("waits for your answer (/accept {number}, /decline {number})"),
        "accepted" => "you can write to each other".to_owned(),
        "blocked" => "blocked; whatever they send is discarded".to_owned(),
        other => other.to_owned(),
    };
    format!("{name} ({number}): {standing}")
}

/// Whether somebody is there, above a conversation.
pub(crate) fn presence_text(state: &str, at: Option<Timestamp>) -> String {
    match (state, at) {
        ("recently", _) => "seen recently".to_owned(),
        (state, Some(at)) => format!("{state} {}", when::brief(&when::here(at), &when::now())),
        (state, None) => state.to_owned(),
    }
}

/// What somebody shows of himself.
pub(crate) fn profile_text(name: &str, about: &str, picture: usize) -> String {
    let about = match about {
        "" => String::new(),
        about => format!(": {}", about.replace('\n', " ")),
    };
    match picture {
        0 => format!("{name}{about}"),
        bytes => format!("{name}{about} (with a picture of {bytes} bytes)"),
    }
}

/// How a person is told what did not work. Who must act is said when it is somebody else.
pub(crate) fn error_text(actor: &str, text: &str) -> String {
    match actor {
        "operator" => format!("{text} (the relay's operator must act)"),
        "developer" => format!("{text} (a defect of this program)"),
        _ => text.to_owned(),
    }
}

pub(crate) fn message_record(number: i64, message: &Message) -> Record {
    Record::Message {
        number,
        outgoing: message.sender.is_none(),
        id: hex(message.id),
        state: state_name(message.state),
        text: text_of(message),
        sent: message.sent,
        reason: failure_text(message.state),
        quote: quote_of(message),
        edited: message.edited.is_some(),
        reactions: reactions_of(message),
        again: false,
        place: message.position,
    }
}

/// The beginning of what a message answers.
fn quote_of(message: &Message) -> String {
    let reply = message.post.as_ref().and_then(|post| post.reply.as_ref());
    reply.map_or_else(String::new, |reply| reply.quote.clone())
}

fn reactions_of(message: &Message) -> String {
    let emoji = message.reactions.iter().flat_map(|one| &one.emoji);
    emoji.map(String::as_str).collect::<Vec<_>>().join(" ")
}

/// What a message says, or why it says nothing.
fn text_of(message: &Message) -> String {
    match message.text() {
        Some(text) => text.to_owned(),
        None if message.deleted => "(deleted)".to_owned(),
        None if message.once.is_some() => once_text(message).to_owned(),
        None => message.system.map_or_else(|| UNKNOWN.to_owned(), happened),
    }
}

const UNKNOWN: &str = "(a kind of message that this version does not know)";

/// The beginning of a message, in the list and in a quote.
pub(crate) fn preview_text(preview: &Preview) -> String {
    match preview {
        Preview::Text(text) => text.clone(),
        Preview::Card { name } => format!("(a contact: {name})"),
        Preview::Place { label } => format!("(a place: {label})"),
        Preview::Payload { mime_type } => format!("({mime_type})"),
        Preview::Deleted => "(deleted)".to_owned(),
        Preview::Once => "(shown once)".to_owned(),
        Preview::System(row) => happened(*row),
        _ => UNKNOWN.to_owned(),
    }
}

/// A row of a conversation, as a line of it.
pub(crate) fn row_record(number: i64, row: &TimelineRow) -> Option<Record> {
    match &row.item {
        TimelineItem::Message(item) => {
            let mut record = message_record(number, &item.message);
            if let (Record::Message { quote, .. }, Some(quoted)) = (&mut record, &item.quote) {
                let edited = match quoted.original {
                    Original::Edited => " (edited)",
                    _ => "",
                };
                *quote = format!("{}{edited}", preview_text(&quoted.preview));
            }
            Some(record)
        }
        TimelineItem::Gap(gap) => Some(Record::Gap {
            number,
            messages: gap.messages,
            text: gap_text(gap.state),
            place: row.position,
        }),
        _ => None,
    }
}

/// What becomes of messages that are missing.
pub(crate) fn gap_text(state: GapState) -> &'static str {
    match state {
        GapState::Open | GapState::Requested => "they are asked for again",
        GapState::Unavailable => "their sender no longer has them",
    }
}

/// What is said in place of a message that is shown once.
fn once_text(message: &Message) -> &'static str {
    match (message.once, message.sender) {
        (Some(Once::Unseen), Some(_)) => "(shown once: /view and its number shows it)",
        (Some(Once::Unseen), None) => "(shown once)",
        _ => "(was shown once)",
    }
}

/// What happened, in words.
fn happened(row: SystemRow) -> String {
    match row {
        SystemRow::TimerSet(Some(timer)) => {
            let seconds = timer.seconds();
            let time = match (seconds % 86_400, seconds % 3_600, seconds % 60) {
                (0, ..) => format!("{} d", seconds / 86_400),
                (_, 0, _) => format!("{} h", seconds / 3_600),
                (.., 0) => format!("{} min", seconds / 60),
                _ => format!("{seconds} s"),
            };
            format!("(what is written from now on disappears {time} after it was read)")
        }
        SystemRow::TimerSet(None) => "(what is written from now on stays)".to_owned(),
        SystemRow::IdentityChanged(alarm) => {
            format!("({}; ask them by another way)", news_of(alarm))
        }
        _ => UNKNOWN.to_owned(),
    }
}

/// Why a message will not arrive; empty when it may.
pub(crate) fn failure_text(state: MessageState) -> &'static str {
    match state {
        MessageState::Failed(FailureReason::TooLarge) => "larger than their relay takes",
        MessageState::Failed(FailureReason::RefusedByRelay) => "their relay does not understand it",
        MessageState::Expired => "they did not fetch it within 30 days",
        _ => "",
    }
}

pub(crate) fn hex(id: MessageId) -> String {
    id.as_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

pub(crate) fn state_name(state: MessageState) -> &'static str {
    match state {
        MessageState::Received => "received",
        MessageState::Pending => "pending",
        MessageState::Sent => "sent",
        MessageState::Delivered => "delivered",
        MessageState::Read => "read",
        MessageState::Failed(_) => "failed",
        MessageState::Expired => "expired",
    }
}

/// The snippet with its matches between » and «; of a message without text, what it has instead.
pub(crate) fn marked(hit: &SearchHit) -> String {
    let payload = hit
        .message
        .post
        .as_ref()
        .and_then(|post| post.payload.as_ref());
    if let (true, Some(payload)) = (hit.snippet.is_empty(), payload) {
        return format!("({})", payload.mime_type);
    }
    let mut marked = String::new();
    let mut done = 0;
    for range in &hit.highlights {
        marked.push_str(hit.snippet.get(done..range.start).unwrap_or_default());
        marked.push('»');
        marked.push_str(hit.snippet.get(range.clone()).unwrap_or_default());
        marked.push('«');
        done = range.end;
    }
    marked.push_str(hit.snippet.get(done..).unwrap_or_default());
    marked
}

/// What the user should know beside messages.
pub(crate) fn alarm_text(event: &Event) -> String {
    match event {
        Event::Displaced => {
            "another program uses this profile's mailbox; this one stays away until you type".to_owned()
        }
        Event::RelayRefused { code } => format!("the relay refuses this profile ({code:?}): ask its operator"),
        Event::ClockWrong { .. } => {
            "this device's clock and the relay's differ by more than a day: set the clock".to_owned()
        }
        Event::ClockRight => "the clocks agree again".to_owned(),
        Event::MailboxGap => {
            "messages expired at the relay while this profile was away; their senders are asked again".to_owned()
        }
        Event::HealingStalled { contact } => format!(
            "keys with contact {} no longer heal against quantum computers; what you write next begins a fresh session",
            contact.get()
        ),
        Event::StoreRolledBack => {
            "this profile's disk was put back to an older state, or a copy of it runs elsewhere: unless you did that, somebody may have your keys".to_owned()
        }
        Event::IdentityAlarm { contact, alarm } => identity_alarm_text(*contact, *alarm),
        Event::DeviceListOverdue { contact, .. } => format!(
            "contact {} was not online for a month; after 45 days nothing is sent until they are",
            contact.get()
        ),
        Event::AccountAlarm(alarm) => account_alarm_text(*alarm),
        other => format!("{other:?}"),
    }
}

/// What is wrong with a contact, or new.
pub(crate) fn identity_alarm_text(contact: ContactId, alarm: IdentityAlarm) -> String {
    format!(
        "contact {}: {}; ask them by another way (until /dismiss)",
        contact.get(),
        news_of(alarm)
    )
}

fn news_of(alarm: IdentityAlarm) -> &'static str {
    match alarm {
        IdentityAlarm::ManifestForked => "somebody else seems to have their account key",
        IdentityAlarm::ManifestForged => "the relay shows a device list that they did not sign",
        IdentityAlarm::HistoryForked => {
            "what they write does not follow on what they wrote: their device was restored from a backup, or copied"
        }
        IdentityAlarm::AccountRecovered => {
            "their account was set up anew with their 24 words, and their old devices get nothing more: unless they did that, somebody else reads what you write"
        }
        IdentityAlarm::DeviceAdded => {
            "they have another device, which reads what you write: unless they added it, somebody has their account key"
        }
        _ => "something is wrong with their identity",
    }
}

/// What is wrong with the own account.
pub(crate) fn account_alarm_text(alarm: AccountAlarm) -> String {
    let what = match alarm {
        AccountAlarm::ForeignManifest => {
            "another device signed your device list: unless you set one up with your 24 words, somebody else has them"
                .to_owned()
        }
        AccountAlarm::ForeignManifestNamed { by } => format!(
            "contact {} was shown a device list of yours that you did not sign, or says so: somebody may have your 24 words",
            by.get()
        ),
        _ => "something is wrong with your identity".to_owned(),
    };
    format!("{what} (until /dismiss)")
}

pub(crate) fn delay_text(reason: DelayReason) -> &'static str {
    match reason {
        DelayReason::RelayUnreachable => "the relay cannot be reached",
        DelayReason::RelayBusy => "the relay is busy",
        DelayReason::MailboxFull => "their mailbox is full until they come online",
        DelayReason::RelayStorageFull => "the relay's disk is full; its operator must act",
        DelayReason::RelayVersion => "the relay speaks another version; one side must update",
        DelayReason::PrekeysExpired => "they were not online for 45 days",
        DelayReason::ManifestExpired | DelayReason::ManifestMissing => {
            "they must come online first"
        }
        DelayReason::TokenRefused => "the relay wants work for each message now",
        DelayReason::ClockWrong => "this device's clock is wrong",
        DelayReason::NotPublished => "your own relay was not reached yet",
        _ => "for another reason",
    }
}
