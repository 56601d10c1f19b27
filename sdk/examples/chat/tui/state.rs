//! What is on the screen.

use crate::record::Record;

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
    pub(super) is_error: bool,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) entries: Vec<Entry>,
    pub(super) open: Option<i64>,
    pub(super) messages: Vec<Line>,
    pub(super) notes: Vec<Note>,
    pub(super) input: Vec<char>,
    pub(super) cursor: usize,
    /// Lines scrolled up from the newest.
    pub(super) scroll: usize,
    pub(super) connection: String,
    pub(super) account: String,
    pub(super) name: String,
}

impl State {
    /// A note that is no record.
    pub(super) fn hint(&mut self, text: &str) {
        self.note(text.to_owned(), false);
    }

    /// A command is about to be answered; its answer replaces older notes when it has one of its own.
    pub(super) fn answering(&mut self, replaces: bool) {
        if replaces {
            self.notes.clear();
        }
    }

    /// Shows another conversation; its messages come as records.
    pub(super) fn open(&mut self, number: i64) {
        self.open = Some(number);
        self.messages.clear();
        self.scroll = 0;
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
            match record {
                Record::Message {
                    number,
                    outgoing,
                    id,
                    state,
                    text,
                } => {
                    if self.open == Some(number) {
                        self.message(Line {
                            id,
                            outgoing,
                            state,
                            text,
                        });
                    } else if !outgoing {
                        let name = self.name_of(number);
                        self.note(format!("{name}: {text}   (/open {number})"), false);
                    }
                }
                Record::State { id, state } => {
                    for line in self.messages.iter_mut().filter(|line| line.id == id) {
                        line.state = state;
                    }
                }
                Record::Ready { account } => self.account = account,
                Record::Me { account, name } => {
                    self.note(format!("you are {name}, {account}"), false);
                    self.name = name;
                }
                Record::Online => self.connection = "online".to_owned(),
                Record::Offline { reason, .. } => self.connection = reason,
                Record::CaughtUp
                | Record::Reachable
                | Record::End { .. }
                | Record::Conversation { .. } => {}
                Record::Invite { link } => self.note(format!("give away: {link}"), false),
                Record::Request { number, name, text } => {
                    self.note(format!("{name} wants to talk: {text}   (/accept {number}, /decline {number}, /block {number})"), false);
                }
                Record::Contact {
                    number,
                    name,
                    state,
                } => self.note(format!("{number} {name}: {state}"), false),
                Record::Hit {
                    number, snippet, ..
                } => {
                    let name = self.name_of(number);
                    self.note(format!("{name}: {snippet}"), false);
                }
                Record::Safety { number, digits } => {
                    let name = self.name_of(number);
                    self.note(format!("the safety number with {name}: {digits}"), false);
                }
                Record::Alarm { text } => self.note(text, true),
                Record::Error {
                    actor: "nobody",
                    text,
                } => self.note(text, true),
                Record::Error { actor, text } => self.note(
                    format!("{text} (the {actor} can do something about it)"),
                    true,
                ),
                Record::Text { text } => self.note(text, false),
            }
        }
    }

    fn message(&mut self, new: Line) {
        match self.messages.iter_mut().find(|line| line.id == new.id) {
            Some(line) => *line = new,
            None => self.messages.push(new),
        }
        let excess = self.messages.len().saturating_sub(KEPT);
        self.messages.drain(..excess);
    }

    fn note(&mut self, text: String, is_error: bool) {
        self.notes.push(Note { text, is_error });
        let excess = self.notes.len().saturating_sub(KEPT);
        self.notes.drain(..excess);
    }

    fn name_of(&self, number: i64) -> String {
        let entry = self.entries.iter().find(|entry| entry.number == number);
        entry.map_or_else(|| format!("contact {number}"), |entry| entry.name.clone())
    }
}
