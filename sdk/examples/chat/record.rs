//! What the program has to say, one item at a time: drawn in a terminal, or written as a line that a script can parse.
//!
//! A line is the kind and its fields, separated by tabs; in a field `\t`, `\n` and `\\` stand for a tab, a line feed and a
//! backslash.

use std::fmt::{self, Write};

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
    /// A link to give away.
    Invite { link: String },
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
    },
    /// A message.
    Message {
        number: i64,
        outgoing: bool,
        id: String,
        state: &'static str,
        text: String,
    },
    /// A message went further.
    State { id: String, state: &'static str },
    /// A message that a search found; matches are between » and «.
    Hit {
        number: i64,
        id: String,
        snippet: String,
    },
    /// A number to compare with the other side.
    Safety { number: i64, digits: String },
    /// Something that the user should know.
    Alarm { text: String },
    /// What is sent to a contact waits; it goes on by itself.
    Delay { number: i64, reason: &'static str },
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
            Self::Invite { link } => ("invite", vec![own(link)]),
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
            } => (
                "conversation",
                vec![number.to_string(), own(name), unread.to_string()],
            ),
            Self::Message {
                number,
                outgoing,
                id,
                state,
                text,
            } => {
                let way = if *outgoing { "out" } else { "in" };
                (
                    "message",
                    vec![
                        number.to_string(),
                        way.to_owned(),
                        own(id),
                        (*state).to_owned(),
                        own(text),
                    ],
                )
            }
            Self::State { id, state } => ("state", vec![own(id), (*state).to_owned()]),
            Self::Hit {
                number,
                id,
                snippet,
            } => ("hit", vec![number.to_string(), own(id), own(snippet)]),
            Self::Safety { number, digits } => ("safety", vec![number.to_string(), own(digits)]),
            Self::Alarm { text } => ("alarm", vec![own(text)]),
            Self::Delay { number, reason } => (
                "alarm",
                vec![format!("sending to contact {number} waits: {reason}")],
            ),
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
