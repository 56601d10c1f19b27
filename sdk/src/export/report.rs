//! A report about somebody, for the app to send to whoever decides about it. The SDK sends nothing.
//!
//! Invariant: it holds what the user could see, and no key. That somebody wrote it is this device's word: messages are deniable, and
//! nothing in a report proves more than that.

use serde::Serialize;
use undertone_protocol::account::AccountId;
use undertone_protocol::content::{Hlc, MessageId, Post};
use undertone_protocol::time::Timestamp;

use super::files::media_name;
use super::lines::{PayloadLine, PostLine};
use crate::engine::Reported;
use crate::store::{ContactId, MessageKind, MessageRow};

/// What is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportTarget {
    /// A contact, with the last [`REPORTED_MESSAGES`](crate::limits::REPORTED_MESSAGES) messages that it wrote.
    Contact(ContactId),
    /// One message of a contact.
    Message(MessageId),
}

/// A report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Whose messages it is about.
    pub about: AccountId,
    /// What the user calls them; not verified.
    pub name: String,
    /// Who reports.
    pub by: AccountId,
    /// When.
    pub made: Timestamp,
    /// What they wrote, oldest first.
    pub messages: Vec<ReportedMessage>,
}

/// A message in a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportedMessage {
    /// The same on every device of both sides.
    pub id: MessageId,
    /// When it was written, by its author's clock.
    pub sent: Timestamp,
    /// When it came here.
    pub received: Timestamp,
    /// When it was edited last, by its author's clock.
    pub edited: Option<Timestamp>,
    /// What it says; `None` when its author took it back, and when its kind is newer than this version.
    pub post: Option<Post>,
}

#[derive(Serialize)]
struct ReportLine<'a> {
    about: String,
    name: &'a str,
    by: String,
    made: u64,
    messages: Vec<MessageLine>,
}

#[derive(Serialize)]
struct MessageLine {
    id: String,
    sent: u64,
    received: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    edited: Option<u64>,
    post: Option<PostLine>,
    /// What `payload` of the post names.
    #[serde(skip_serializing_if = "Option::is_none")]
    payload_hex: Option<String>,
}

impl Report {
    /// The report as one JSON object. Posts are written as in an export; the bytes of a payload follow in hexadecimal digits.
    #[must_use]
    pub fn to_json(&self) -> String {
        let line = ReportLine {
            about: self.about.to_text(),
            name: &self.name,
            by: self.by.to_text(),
            made: self.made.0,
            messages: self.messages.iter().map(MessageLine::from).collect(),
        };
        // Text and numbers: nothing that JSON does not have.
        serde_json::to_string(&line).unwrap_or_default()
    }
}

impl From<Reported> for Report {
    fn from(reported: Reported) -> Self {
        let messages = reported.messages.into_iter().rev();
        Self {
            about: reported.contact.account,
            name: reported.contact.name,
            by: reported.by,
            made: reported.made,
            messages: messages.map(ReportedMessage::from).collect(),
        }
    }
}

impl From<MessageRow> for ReportedMessage {
    fn from(row: MessageRow) -> Self {
        let message = row.message;
        let parts = message.parts.unwrap_or_default();
        let is_text = message.kind == MessageKind::Text;
        Self {
            id: message.message_id,
            sent: message.sent,
            received: message.stored,
            edited: row.edited.map(Hlc::time),
            post: is_text.then(|| {
                Post::from_parts(&message.body, &parts).unwrap_or_else(|_| Post::text(message.body))
            }),
        }
    }
}

impl From<&ReportedMessage> for MessageLine {
    fn from(message: &ReportedMessage) -> Self {
        let payload = message.post.as_ref().and_then(|post| post.payload.as_ref());
        let named = payload.map(|payload| PayloadLine {
            mime_type: payload.mime_type.clone(),
            sha256: media_name(&payload.bytes),
        });
        Self {
            id: hex::encode(message.id.as_bytes()),
            sent: message.sent.0,
            received: message.received.0,
            edited: message.edited.map(|at| at.0),
            payload_hex: payload.map(|payload| hex::encode(&payload.bytes)),
            post: message.post.clone().map(|post| PostLine::of(post, named)),
        }
    }
}
