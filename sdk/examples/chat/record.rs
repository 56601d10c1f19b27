//! What the program has to say, one item at a time: drawn in a terminal, or written as a line that a script can parse.
//!
//! A line is the kind and its fields, separated by tabs; in a field `\t`, `\n` and `\\` stand for a tab, a line feed and a
//! backslash. Times are Unix milliseconds. More fields may follow those of today.

use std::fmt::{self, Write};

use undertone::{Position, Timestamp};

/// One item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Record {
    /// The profile is open.
    Ready { account: String },
    /// The own relay answers.
    Online,
    /// The own relay cannot be reached: why, and who can do something about it.
    Offline { reason: String, actor: &'static str },
    /// What had come while this program was away has arrived.
    CaughtUp,
    /// Others can write to this profile now, and invites work.
    Reachable,
    /// Who this profile is.
    Me { account: String, name: String },
    /// The 24 words that are the account.
    Phrase { words: String },
    /// A link to give away.
    Invite { link: String },
    /// A link that was made before.
    Invitation {
        number: i64,
        name: String,
        state: &'static str,
        created: Timestamp,
        link: String,
    },
    /// Somebody wrote for the first time and waits to be accepted.
    Request {
        number: i64,
        name: String,
        text: String,
    },
    /// Somebody this profile knows.
    Contact {
        number: i64,
        name: String,
        state: &'static str,
    },
    /// An entry of the conversation list.
    Conversation {
        number: i64,
        name: String,
        unread: u64,
        active: Timestamp,
        preview: String,
        /// Why what is sent there waits; empty when it does not.
        delay: &'static str,
        /// How it stands in the list, in words.
        marks: String,
        /// Unread messages that name or answer oneself.
        mentions: u64,
        /// How far the last message has come; empty when it is not an own one.
        state: &'static str,
    },
    /// Messages are missing here: how many, and what becomes of them.
    Gap {
        number: i64,
        messages: u64,
        text: &'static str,
        place: Position,
    },
    /// A message.
    Message {
        number: i64,
        outgoing: bool,
        id: String,
        state: &'static str,
        text: String,
        sent: Timestamp,
        /// Why it failed; empty when it did not.
        reason: &'static str,
        /// The beginning of what it answers; empty when it answers nothing.
        quote: String,
        /// Whether it says something else than at first.
        edited: bool,
        /// The emoji of everybody, separated by spaces.
        reactions: String,
        /// Whether it was told before, and is told again because it changed.
        again: bool,
        /// Its place in the conversation.
        place: Position,
    },
    /// Somebody types, or does not any more.
    Typing { number: i64, typing: bool },
    /// Whether somebody is there: online, away, seen at a time, recently; empty when it is not told.
    Presence {
        number: i64,
        state: &'static str,
        at: Option<Timestamp>,
    },
    /// What somebody shows of himself, or (0) this profile does; the picture's size in bytes.
    Profile {
        number: i64,
        name: String,
        about: String,
        picture: usize,
    },
    /// What a message said that is shown once.
    Once { text: String },
    /// A message was deleted here.
    Removed { id: String },
    /// What a message said before, and since when.
    Before { text: String, since: Timestamp },
    /// A message went further, or failed and why.
    State {
        id: String,
        state: &'static str,
        reason: &'static str,
    },
    /// A message that a search found; matches are between » and «.
    Hit {
        number: i64,
        id: String,
        snippet: String,
        sent: Timestamp,
    },
    /// A number to compare with the other side.
    Safety { number: i64, digits: String },
    /// Something that the user should know.
    Alarm { text: String },
    /// What is sent to a contact waits; it goes on by itself.
    Delay { number: i64, reason: &'static str },
    /// Messages of a contact are missing, or no longer are: how many, and what becomes of them.
    Missing {
        number: i64,
        messages: u64,
        text: &'static str,
    },
    /// It goes on.
    Resumed { number: i64 },
    /// Something did not work, and who can do something about it.
    Error { actor: &'static str, text: String },
    /// A line of help, or a remark.
    Text { text: String },
    /// A line of a QR code.
    Code { text: String },
    /// The answer to a command is complete.
    End { command: String },
}

impl Record {
    fn fields(&self) -> (&'static str, Vec<String>) {
        let own = |text: &String| text.clone();
        match self {
            Self::Ready { account } => ("ready", vec![own(account)]),
            Self::Online => ("online", vec![]),
            Self::Offline { reason, actor } => ("offline", vec![own(reason), (*actor).to_owned()]),
            Self::CaughtUp => ("caught-up", vec![]),
            Self::Reachable => ("reachable", vec![]),
            Self::Me { account, name } => ("me", vec![own(account), own(name)]),
            Self::Phrase { words } => ("phrase", vec![own(words)]),
            Self::Invite { link } => ("invite", vec![own(link)]),
            Self::Invitation {
                number,
                name,
                state,
                created,
                link,
            } => (
                "invitation",
                vec![
                    number.to_string(),
                    own(name),
                    (*state).to_owned(),
                    created.0.to_string(),
                    own(link),
                ],
            ),
            Self::Request { number, name, text } => {
                ("request", vec![number.to_string(), own(name), own(text)])
            }
            Self::Contact {
                number,
                name,
                state,
            } => (
                "contact",
                vec![number.to_string(), own(name), (*state).to_owned()],
            ),
            Self::Conversation {
                number,
                name,
                unread,
                active,
                preview,
                delay,
                marks,
                mentions,
                state,
            } => (
                "conversation",
                vec![
                    number.to_string(),
                    own(name),
                    unread.to_string(),
                    active.0.to_string(),
                    own(preview),
                    (*delay).to_owned(),
                    own(marks),
                    mentions.to_string(),
                    (*state).to_owned(),
                ],
            ),
            Self::Gap {
                number,
                messages,
                text,
                place: _,
            } => (
                "gap",
                vec![number.to_string(), messages.to_string(), (*text).to_owned()],
            ),
            Self::Message {
                number,
                outgoing,
                id,
                state,
                text,
                sent,
                reason,
                quote,
                edited,
                reactions,
                again,
                place: _,
            } => {
                let way = if *outgoing { "out" } else { "in" };
                (
                    if *again { "changed" } else { "message" },
                    vec![
                        number.to_string(),
                        way.to_owned(),
                        own(id),
                        (*state).to_owned(),
                        own(text),
                        sent.0.to_string(),
                        (*reason).to_owned(),
                        own(quote),
                        if *edited { "edited" } else { "" }.to_owned(),
                        own(reactions),
                    ],
                )
            }
            Self::Typing { number, typing } => {
                let state = if *typing { "on" } else { "off" };
                ("typing", vec![number.to_string(), state.to_owned()])
            }
            Self::Presence { number, state, at } => {
                let at = at.map_or_else(String::new, |at| at.0.to_string());
                (
                    "presence",
                    vec![number.to_string(), (*state).to_owned(), at],
                )
            }
            Self::Profile {
                number,
                name,
                about,
                picture,
            } => (
                "profile",
                vec![
                    number.to_string(),
                    own(name),
                    own(about),
                    picture.to_string(),
                ],
            ),
            Self::Once { text } => ("once", vec![own(text)]),
            Self::Removed { id } => ("removed", vec![own(id)]),
            Self::Before { text, since } => ("before", vec![own(text), since.0.to_string()]),
            Self::State { id, state, reason } => (
                "state",
                vec![own(id), (*state).to_owned(), (*reason).to_owned()],
            ),
            Self::Hit {
                number,
                id,
                snippet,
                sent,
            } => (
                "hit",
                vec![
                    number.to_string(),
                    own(id),
                    own(snippet),
                    sent.0.to_string(),
                ],
            ),
            Self::Safety { number, digits } => ("safety", vec![number.to_string(), own(digits)]),
            Self::Alarm { text } => ("alarm", vec![own(text)]),
            Self::Delay { number, reason } => (
                "alarm",
                vec![format!("sending to contact {number} waits: {reason}")],
            ),
            Self::Missing {
                number,
                messages,
                text,
            } => (
                "missing",
                vec![number.to_string(), messages.to_string(), (*text).to_owned()],
            ),
            Self::Resumed { number } => ("resumed", vec![number.to_string()]),
            Self::Error { actor, text } => ("error", vec![(*actor).to_owned(), own(text)]),
            Self::Text { text } | Self::Code { text } => ("text", vec![own(text)]),
            Self::End { command } => ("end", vec![own(command)]),
        }
    }
}

/// The line that a script parses.
impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, fields) = self.fields();
        f.write_str(kind)?;
        for field in fields {
            f.write_char('\t')?;
            for character in field.chars() {
                match character {
                    '\t' => f.write_str("\\t")?,
                    '\n' => f.write_str("\\n")?,
                    '\\' => f.write_str("\\\\")?,
                    other => f.write_char(other)?,
                }
            }
        }
        Ok(())
    }
}
