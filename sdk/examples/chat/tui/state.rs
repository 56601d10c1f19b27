//! What is on the screen.

use std::collections::HashSet;

use super::pane::Pane;
use crate::record::Record;
use crate::wording::{contact_text, error_text};

/// Lines kept of notices, answers and one conversation; a longer history is one `/history` away.
const KEPT: usize = 2_000;

/// One conversation in the list.
pub(super) struct Entry {
    pub(super) number: i64,
    pub(super) name: String,
    pub(super) unread: u64,
}

/// A message of the open conversation.
pub(super) struct Line {
    pub(super) id: String,
    pub(super) outgoing: bool,
    pub(super) state: &'static str,
    pub(super) text: String,
}

/// A line beside the conversation: an answer, a request, an error.
pub(super) struct Note {
    pub(super) text: String,
    pub(super) kind: Kind,
    /// Whether a command asked for it.
    pub(super) is_answer: bool,
}

/// How a note is drawn.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Plain,
    Error,
    /// Of interest until something is sent again.
    Passing,
    /// A row of a QR code: of use only when all rows are there.
    Code,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) entries: Vec<Entry>,
    pub(super) open: Option<i64>,
    pub(super) messages: Vec<Line>,
    pub(super) notes: Vec<Note>,
    pub(super) input: Vec<char>,
    pub(super) cursor: usize,
    pub(super) messages_pane: Pane,
    pub(super) notes_pane: Pane,
    /// Contacts whose request was told, with its text.
    requests: HashSet<i64>,
    /// Whether what is taken now answers a command.
    is_answering: bool,
    pub(super) connection: String,
    pub(super) account: String,
    pub(super) name: String,
}

impl State {
    /// A note that is no record.
    pub(super) fn hint(&mut self, text: &str) {
        self.is_answering = true;
        self.note(text.to_owned(), Kind::Plain);
        self.is_answering = false;
    }

    /// Takes the answer to a command, which is read from its beginning.
    pub(super) fn answer(&mut self, records: Vec<Record>) {
        if self.notes.is_empty() {
            self.notes_pane.show_start();
        } else {
            self.notes_pane.show_end();
        }
        self.is_answering = true;
        self.take(records);
        self.is_answering = false;
    }

    /// Types a character.
    pub(super) fn insert(&mut self, character: char) {
        self.input.insert(self.cursor, character);
        self.cursor += 1;
    }

    /// Types a text; it may have several lines.
    pub(super) fn paste(&mut self, text: &str) {
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        for character in text.chars() {
            if !character.is_control() || character == '\n' {
                self.insert(character);
            }
        }
    }

    /// What the page keys move: answers that do not fit, else the conversation.
    pub(super) fn scrolled(&mut self) -> &mut Pane {
        if self.open.is_none() || (!self.notes.is_empty() && self.notes_pane.overflows()) {
            &mut self.notes_pane
        } else {
            &mut self.messages_pane
        }
    }

    /// Removes all notes.
    pub(super) fn close_notes(&mut self) {
        self.notes.clear();
        self.notes_pane.show_end();
    }

    /// Removes what answered a command; what came by itself stays.
    pub(super) fn close_answer(&mut self) {
        self.notes.retain(|note| !note.is_answer);
        self.notes_pane.show_end();
    }

    /// Shows another conversation; its messages come as records.
    pub(super) fn open(&mut self, number: i64) {
        self.open = Some(number);
        self.messages.clear();
        self.messages_pane.show_end();
    }

    pub(super) fn replace_list(&mut self, records: Vec<Record>) {
        self.entries.clear();
        for record in records {
            if let Record::Conversation {
                number,
                name,
                unread,
            } = record
            {
                self.entries.push(Entry {
                    number,
                    name,
                    unread,
                });
            }
        }
    }

    /// Takes what the session says.
    pub(super) fn take(&mut self, records: Vec<Record>) {
        for record in records {
            self.take_one(record);
        }
    }

    fn take_one(&mut self, record: Record) {
        match record {
            Record::Message {
                number,
                outgoing,
                id,
                state,
                text,
            } => {
                let line = Line {
                    id,
                    outgoing,
                    state,
                    text,
                };
                self.message(number, line);
            }
            Record::State { id, state } => {
                if matches!(state, "sent" | "delivered") {
                    self.notes.retain(|note| note.kind != Kind::Passing);
                }
                for line in self.messages.iter_mut().filter(|line| line.id == id) {
                    line.state = state;
                }
            }
            Record::Ready { account } => self.account = account,
            Record::Me { account, name } => {
                self.note(format!("you are {name}, {account}"), Kind::Plain);
                self.name = name;
            }
            Record::Online => self.connection = "online".to_owned(),
            Record::Offline { reason, .. } => self.connection = reason,
            Record::CaughtUp | Record::Reachable | Record::End { .. } => {}
            Record::Contact {
                number,
                name,
                state,
            } => {
                if state != "requested" {
                    self.requests.remove(&number);
                }
                self.note(contact_text(number, &name, state), Kind::Plain);
            }
            Record::Request { number, name, text } => {
                self.requests.insert(number);
                let answers = format!("/accept {number}, /decline {number}, /block {number}");
                let text = format!("{name} wants to talk: {text}   ({answers})");
                self.note(text, Kind::Plain);
            }
            Record::Safety { number, digits } => {
                let with = format!("the safety number with {}", self.name_of(number));
                self.note(
                    format!("{with}; it must be the same at their side:"),
                    Kind::Plain,
                );
                self.note(digits, Kind::Plain);
            }
            other => {
                if let Some((text, kind)) = self.note_of(other) {
                    self.note(text, kind);
                }
            }
        }
    }

    /// The note for a record that is told in one.
    fn note_of(&self, record: Record) -> Option<(String, Kind)> {
        Some(match record {
            Record::Conversation {
                number,
                name,
                unread: 0,
            } => (format!("{name} ({number})"), Kind::Plain),
            Record::Conversation {
                number,
                name,
                unread,
            } => (format!("{name} ({number}): {unread} unread"), Kind::Plain),
            Record::Hit {
                number, snippet, ..
            } => {
                let name = self.name_of(number);
                (format!("{name}: {snippet}   (/open {number})"), Kind::Plain)
            }
            Record::Delay { number, reason } => {
                let name = self.name_of(number);
                (format!("sending to {name} waits: {reason}"), Kind::Passing)
            }
            Record::Alarm { text } => (text, Kind::Error),
            Record::Error { actor, text } => (error_text(actor, &text), Kind::Error),
            Record::Invite { link: text } | Record::Text { text } => (text, Kind::Plain),
            Record::Code { text } => (text, Kind::Code),
            _ => return None,
        })
    }

    fn message(&mut self, number: i64, new: Line) {
        if self.open != Some(number) {
            // The text of a request was told with the request.
            if !new.outgoing && !self.requests.contains(&number) {
                let (name, text) = (self.name_of(number), new.text);
                self.note(format!("{name}: {text}   (/open {number})"), Kind::Plain);
            }
            return;
        }
        match self.messages.iter_mut().find(|line| line.id == new.id) {
            Some(line) => *line = new,
            None => self.messages.push(new),
        }
        let excess = self.messages.len().saturating_sub(KEPT);
        self.messages.drain(..excess);
    }

    fn note(&mut self, text: String, kind: Kind) {
        self.notes.push(Note {
            text,
            kind,
            is_answer: self.is_answering,
        });
        let excess = self.notes.len().saturating_sub(KEPT);
        self.notes.drain(..excess);
    }

    pub(super) fn name_of(&self, number: i64) -> String {
        let entry = self.entries.iter().find(|entry| entry.number == number);
        entry.map_or_else(|| format!("contact {number}"), |entry| entry.name.clone())
    }
}
