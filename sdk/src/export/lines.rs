//! The lines of an export: one JSON object each, with fields in the order in which they stand here.
//!
//! Invariant: a field that is not known is refused, and so is one whose value breaks a rule; what a type here holds is text and
//! numbers, and becomes something that the SDK trusts in `reading` only. Not its concern: files.

use serde::{Deserialize, Serialize};
use undertone_protocol::account::AccountId;
use undertone_protocol::content::{
    ContactCard, FormatRange, Hlc, LinkPreview, Location, Mention, Post, Reply, Style, TextRange,
    Timer,
};

use super::error::LineFault;
use crate::engine::IdentityAlarm;
use crate::store::{FailureReason, MessageState};

/// What `export.json` says the folder is.
pub(super) const FORMAT: &str = "undertone-export";
/// The version of the format.
pub(super) const VERSION: u32 = 1;
/// This account, as whoever wrote something.
pub(super) const ME: &str = "me";

/// `export.json`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Head {
    pub(super) format: String,
    pub(super) version: u32,
    pub(super) account: String,
    pub(super) name: String,
    pub(super) read_receipts: bool,
    pub(super) typing_indicators: bool,
    pub(super) contacts: u64,
    pub(super) messages: u64,
}

/// The beginning of [`Head`] that every version has.
#[derive(Deserialize)]
pub(super) struct AnyHead {
    pub(super) format: String,
    pub(super) version: u32,
}

/// A line of any of the other files.
#[derive(Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Line {
    Contact(Contact),
    Conversation(Conversation),
    Message(Box<Message>),
    Revision(Box<Revision>),
    Reaction(Reaction),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Contact {
    pub(super) account: String,
    pub(super) name: String,
    pub(super) standing: Standing,
    pub(super) blocked: bool,
    pub(super) relay: String,
    pub(super) manifest_key: String,
    pub(super) since: u64,
}

/// What of a contact's state means something without keys.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(super) enum Standing {
    /// One wrote to it, or accepted it.
    Known,
    /// It asked, and the user has not decided.
    Request,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Conversation {
    pub(super) with: String,
    pub(super) created: u64,
    pub(super) read: Clock,
    pub(super) pinned: bool,
    pub(super) archived: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) muted_until: Option<u64>,
    pub(super) marked_unread: bool,
    pub(super) draft: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) timer: Option<u32>,
}

/// A hybrid logical clock: Unix milliseconds, and a counter.
#[derive(Serialize, Deserialize, Clone, Copy)]
#[serde(deny_unknown_fields)]
pub(super) struct Clock {
    pub(super) ms: u64,
    pub(super) n: u16,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Message {
    pub(super) id: String,
    pub(super) from: String,
    pub(super) device: String,
    pub(super) seq: u64,
    pub(super) clock: Clock,
    pub(super) sent: u64,
    pub(super) stored: u64,
    pub(super) state: State,
    pub(super) kind: Kind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) post: Option<PostLine>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) edited: Option<Clock>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) timer: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) identity: Option<Identity>,
}

#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    Text,
    Deleted,
    Unsupported,
    TimerSet,
    IdentityChanged,
}

/// What is new or wrong of a contact's identity.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(super) enum Identity {
    ManifestForked,
    ManifestForged,
    HistoryForked,
    AccountRecovered,
    DeviceAdded,
}

#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    Received,
    Pending,
    Sent,
    Delivered,
    Read,
    FailedTooLarge,
    FailedRefused,
    Expired,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Revision {
    pub(super) of: String,
    pub(super) clock: Clock,
    pub(super) post: PostLine,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reaction {
    pub(super) to: String,
    pub(super) from: String,
    pub(super) clock: Clock,
    pub(super) emoji: Vec<String>,
}

/// A text and what is beside it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PostLine {
    pub(super) text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) reply: Option<ReplyLine>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) mentions: Vec<MentionLine>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) formats: Vec<FormatLine>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) preview: Option<PreviewLine>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) card: Option<CardLine>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) location: Option<LocationLine>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) payload: Option<PayloadLine>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReplyLine {
    pub(super) to: String,
    pub(super) author: String,
    pub(super) quote: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MentionLine {
    pub(super) start: u16,
    pub(super) len: u16,
    pub(super) account: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FormatLine {
    pub(super) start: u16,
    pub(super) len: u16,
    pub(super) style: u8,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PreviewLine {
    pub(super) url: String,
    pub(super) title: String,
    pub(super) description: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CardLine {
    pub(super) account: String,
    pub(super) name: String,
    pub(super) relay: String,
    pub(super) manifest_key: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LocationLine {
    pub(super) latitude_e7: i32,
    pub(super) longitude_e7: i32,
    pub(super) accuracy_m: u32,
    pub(super) label: String,
}

/// The bytes are in `media`, under their SHA-256.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PayloadLine {
    pub(super) mime_type: String,
    pub(super) sha256: String,
}

impl From<Hlc> for Clock {
    fn from(clock: Hlc) -> Self {
        let [.., high, low] = clock.as_packed().to_be_bytes();
        Self {
            ms: clock.time().0,
            n: u16::from_be_bytes([high, low]),
        }
    }
}

impl From<MessageState> for State {
    fn from(state: MessageState) -> Self {
        match state {
            MessageState::Received => Self::Received,
            MessageState::Pending => Self::Pending,
            MessageState::Sent => Self::Sent,
            MessageState::Delivered => Self::Delivered,
            MessageState::Read => Self::Read,
            MessageState::Failed(FailureReason::TooLarge) => Self::FailedTooLarge,
            MessageState::Failed(FailureReason::RefusedByRelay) => Self::FailedRefused,
            MessageState::Expired => Self::Expired,
        }
    }
}

impl State {
    /// What is left of it without an outbox: what was not sent will not be.
    pub(super) fn afterwards(self) -> MessageState {
        match self {
            Self::Received => MessageState::Received,
            Self::Sent => MessageState::Sent,
            Self::Delivered => MessageState::Delivered,
            Self::Read => MessageState::Read,
            Self::FailedTooLarge => MessageState::Failed(FailureReason::TooLarge),
            Self::FailedRefused => MessageState::Failed(FailureReason::RefusedByRelay),
            Self::Pending | Self::Expired => MessageState::Expired,
        }
    }
}

impl PostLine {
    /// A post, with what its payload is called in `media`. Parts that this version does not know are left out: nobody can say that
    /// no key is in them.
    pub(super) fn of(post: Post, payload: Option<PayloadLine>) -> Self {
        let Post {
            text,
            reply,
            mentions,
            formats,
            preview,
            card,
            location,
            payload: _,
            disappears_after: _,
            view_once: _,
            unknown: _,
        } = post;
        Self {
            text,
            reply: reply.map(ReplyLine::from),
            mentions: mentions.iter().map(MentionLine::from).collect(),
            formats: formats.iter().map(FormatLine::from).collect(),
            preview: preview.map(PreviewLine::from),
            card: card.map(CardLine::from),
            location: location.map(LocationLine::from),
            payload,
        }
    }
}

impl From<Reply> for ReplyLine {
    fn from(reply: Reply) -> Self {
        Self {
            to: hex::encode(reply.message.as_bytes()),
            author: reply.author.to_text(),
            quote: reply.quote,
        }
    }
}

impl From<&Mention> for MentionLine {
    fn from(mention: &Mention) -> Self {
        Self {
            start: mention.range.start,
            len: mention.range.len,
            account: mention.account.to_text(),
        }
    }
}

impl From<&FormatRange> for FormatLine {
    fn from(format: &FormatRange) -> Self {
        let (TextRange { start, len }, Style(style)) = (format.range, format.style);
        Self { start, len, style }
    }
}

impl From<&FormatLine> for FormatRange {
    fn from(line: &FormatLine) -> Self {
        Self {
            range: TextRange {
                start: line.start,
                len: line.len,
            },
            style: Style(line.style),
        }
    }
}

impl From<LinkPreview> for PreviewLine {
    fn from(preview: LinkPreview) -> Self {
        Self {
            url: preview.url,
            title: preview.title,
            description: preview.description,
        }
    }
}

impl From<PreviewLine> for LinkPreview {
    fn from(line: PreviewLine) -> Self {
        Self {
            url: line.url,
            title: line.title,
            description: line.description,
        }
    }
}

impl From<ContactCard> for CardLine {
    fn from(card: ContactCard) -> Self {
        Self {
            account: card.account.to_text(),
            name: card.name,
            relay: card.relay.as_str().to_owned(),
            manifest_key: hex::encode(card.manifest_write_key.as_bytes()),
        }
    }
}

impl From<Location> for LocationLine {
    fn from(location: Location) -> Self {
        Self {
            latitude_e7: location.latitude_e7,
            longitude_e7: location.longitude_e7,
            accuracy_m: location.accuracy_m,
            label: location.label,
        }
    }
}

impl From<LocationLine> for Location {
    fn from(line: LocationLine) -> Self {
        Self {
            latitude_e7: line.latitude_e7,
            longitude_e7: line.longitude_e7,
            accuracy_m: line.accuracy_m,
            label: line.label,
        }
    }
}

/// An account as it stands in a line: in its one form.
pub(super) fn account(text: &str) -> Option<AccountId> {
    let account = AccountId::parse_text(text).ok()?;
    (account.to_text() == text).then_some(account)
}

/// Bytes as they stand in a line: hexadecimal digits in lower case.
pub(super) fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    hex::decode_to_slice(text, &mut bytes).ok()?;
    (hex::encode(bytes) == text).then_some(bytes)
}

impl From<IdentityAlarm> for Identity {
    fn from(alarm: IdentityAlarm) -> Self {
        match alarm {
            IdentityAlarm::ManifestForked => Self::ManifestForked,
            IdentityAlarm::ManifestForged => Self::ManifestForged,
            IdentityAlarm::HistoryForked => Self::HistoryForked,
            IdentityAlarm::AccountRecovered => Self::AccountRecovered,
            IdentityAlarm::DeviceAdded => Self::DeviceAdded,
        }
    }
}

impl From<Identity> for IdentityAlarm {
    fn from(line: Identity) -> Self {
        match line {
            Identity::ManifestForked => Self::ManifestForked,
            Identity::ManifestForged => Self::ManifestForged,
            Identity::HistoryForked => Self::HistoryForked,
            Identity::AccountRecovered => Self::AccountRecovered,
            Identity::DeviceAdded => Self::DeviceAdded,
        }
    }
}

/// What a message of a kind keeps beside its text, from the fields that only this kind has.
pub(super) fn extra(
    kind: Kind,
    timer: Option<u32>,
    identity: Option<Identity>,
) -> Result<Option<Vec<u8>>, LineFault> {
    let is_timer = timer.is_none_or(|seconds| Timer::from_seconds(seconds).is_some());
    match (kind, timer, identity) {
        (Kind::TimerSet, timer, None) if is_timer => {
            Ok(Some(timer.unwrap_or(0).to_be_bytes().to_vec()))
        }
        (Kind::IdentityChanged, None, Some(identity)) => {
            Ok(Some(vec![IdentityAlarm::from(identity).code()]))
        }
        (Kind::Text | Kind::Deleted | Kind::Unsupported, None, None) => Ok(None),
        (_, Some(_), _) => Err(LineFault::Value("timer")),
        (_, None, _) => Err(LineFault::Value("identity")),
    }
}
