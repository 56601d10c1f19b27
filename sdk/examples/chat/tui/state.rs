//! What is on the screen.

use std::collections::{HashMap, HashSet};

use undertone::{Position, Timestamp};

use super::pane::Pane;
use crate::record::Record;
use crate::when;
use crate::wording::{contact_text, error_text, presence_text, profile_text};

/// Words of the phrase in one row.
const WORDS: usize = 4;

/// Groups of a safety number in one row.
const GROUPS: usize = 6;

/// Lines kept of notices, answers and one conversation; what is older is left out.
const KEPT: usize = 2_000;

/// The state of a line that is no message but says that some are missing.
pub(super) const GAP: &str = "gap";

/// One conversation in the list.
pub(super) struct Entry {
    pub(super) number: i64,
    pub(super) name: String,
    pub(super) unread: u64,
    pub(super) active: Timestamp,
    pub(super) preview: String,
    /// Why what is sent there waits; empty when it does not.
    pub(super) delay: &'static str,
    /// How it stands in the list, in words.
    pub(super) marks: String,
    /// Unread messages that name or answer oneself.
    pub(super) mentions: u64,
    /// How far the last message has come; empty when it is not an own one.
    pub(super) state: &'static str,
}

/// A message of the open conversation.
pub(super) struct Line {
    pub(super) id: String,
    pub(super) outgoing: bool,
    pub(super) state: &'static str,
    pub(super) text: String,
    /// The beginning of what it answers; empty when it answers nothing.
    pub(super) quote: String,
    /// What is said of it behind its text: that it was edited, and the reactions.
    pub(super) remark: String,
    /// Why it failed; empty when it did not.
    pub(super) reason: &'static str,
    /// The day and the time of day when it was written.
    pub(super) day: String,
    pub(super) time: String,
    pub(super) place: Position,
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
    /// Contacts that type.
    pub(super) typing: HashSet<i64>,
    /// Whether contacts are there, in words.
    pub(super) presence: HashMap<i64, String>,
    /// Contacts whose request was told, with its text, which may be empty.
    requests: HashMap<i64, String>,
    /// Whether what is taken now answers a command.
    is_answering: bool,
    pub(super) connection: String,
    pub(super) account: String,
    pub(super) name: String,
}

impl State {
    /// The conversation in which a person types words, and no command.
    pub(super) fn types_to(&self) -> Option<i64> {
        let says = self.input.first().is_some_and(|first| *first != '/');
        self.open.filter(|_| says)
    }

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

    /// Whether the page keys move the conversation, and not answers that do not fit.
    pub(super) fn scrolls_messages(&self) -> bool {
        self.open.is_some() && (self.notes.is_empty() || !self.notes_pane.overflows())
    }

    /// What the page keys move.
    pub(super) fn scrolled(&mut self) -> &mut Pane {
        if self.scrolls_messages() {
            &mut self.messages_pane
        } else {
            &mut self.notes_pane
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
                active,
                preview,
                delay,
                marks,
                mentions,
                state,
            } = record
            {
                self.entries.push(Entry {
                    number,
                    name,
                    unread,
                    active,
                    preview,
                    delay,
                    marks,
                    mentions,
                    state,
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
                sent,
                reason,
                quote,
                edited,
                reactions,
                again,
                place,
            } => {
                let sent = when::here(sent);
                let edited = if edited { "edited" } else { "" };
                let line = Line {
                    quote: one_line(&quote),
                    remark: one_line(&format!("{edited} {reactions}")),
                    id,
                    outgoing,
                    state,
                    text,
                    reason,
                    day: when::day(&sent),
                    time: when::time(&sent),
                    place,
                };
                self.message(number, line, again);
            }
            Record::Typing { number, typing } => {
                if typing {
                    self.typing.insert(number);
                } else {
                    self.typing.remove(&number);
                }
            }
            Record::Gap {
                number,
                messages,
                text,
                place,
            } => self.gap(number, messages, text, place),
            Record::Presence { number, state, at } => {
                self.presence.insert(number, presence_text(state, at));
            }
            Record::Removed { id } => self.messages.retain(|line| line.id != id),
            Record::State { id, state, reason } => {
                for line in self.messages.iter_mut().filter(|line| line.id == id) {
                    (line.state, line.reason) = (state, reason);
                }
            }
            Record::Resumed { .. } => self.notes.retain(|note| note.kind != Kind::Passing),
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
                let answers = format!("/accept {number}, /decline {number}, /block {number}");
                let wish = match text.as_str() {
                    "" => format!("{name} wants to talk   ({answers})"),
                    text => format!("{name} wants to talk: {text}   ({answers})"),
                };
                self.requests.insert(number, text);
                self.note(wish, Kind::Plain);
            }
            Record::Phrase { words } => self.phrase(&words),
            Record::Safety { number, digits } => {
                let with = format!("the safety number with {}", self.name_of(number));
                self.note(
                    format!("{with}; it must be the same at their side:"),
                    Kind::Plain,
                );
                let groups: Vec<&str> = digits.split(' ').collect();
                for row in groups.chunks(GROUPS) {
                    self.note(row.join(" "), Kind::Plain);
                }
            }
            other => {
                if let Record::Missing { number, .. } = &other
                    && self.open == Some(*number)
                {
                    // Those that are left follow.
                    self.messages.retain(|line| line.state != GAP);
                }
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
                unread,
                active,
                preview,
                mentions,
                ..
            } => {
                let unread = match (unread, mentions) {
                    (0, _) => String::new(),
                    (unread, 0) => format!(", {unread} unread"),
                    (unread, mentions) => format!(", {unread} unread, {mentions} to you"),
                };
                let last = one_line(&preview);
                let text = format!("{} {name} ({number}){unread}: {last}", brief(active));
                (text, Kind::Plain)
            }
            Record::Invitation {
                number,
                name,
                state,
                created,
                link,
            } => {
                let made = brief(created);
                let text = format!("{number} {name}, {state}, made {made}: {link}");
                (text, Kind::Plain)
            }
            Record::Profile {
                number,
                name,
                about,
                picture,
            } => {
                let whose = match number {
                    0 => "you are shown as".to_owned(),
                    number => format!("{} calls itself", self.name_of(number)),
                };
                let text = profile_text(&name, &about, picture);
                (format!("{whose} {text}"), Kind::Plain)
            }
            Record::Once { text } => (format!("shown once, gone now: {text}"), Kind::Plain),
            Record::Hit {
                number,
                snippet,
                sent,
                ..
            } => {
                let (name, sent) = (self.name_of(number), brief(sent));
                let text = format!("{sent} {name}: {snippet}   (/open {number})");
                (text, Kind::Plain)
            }
            Record::Missing {
                number,
                messages,
                text,
            } => {
                let name = self.name_of(number);
                let text = match messages {
                    0 => format!("{name}: {text}"),
                    1 => format!("one message of {name} is missing: {text}"),
                    many => format!("{many} messages of {name} are missing: {text}"),
                };
                (text, Kind::Plain)
            }
            // Of the open conversation its title says it.
            Record::Delay { number, .. } if self.open == Some(number) => return None,
            Record::Delay { number, reason } => {
                let name = self.name_of(number);
                (format!("sending to {name} waits: {reason}"), Kind::Passing)
            }
            Record::Before { text, since } => (
                format!("{}: {}", brief(since), one_line(&text)),
                Kind::Plain,
            ),
            Record::Alarm { text } => (text, Kind::Error),
            Record::Error { actor, text } => (error_text(actor, &text), Kind::Error),
            Record::Invite { link: text } | Record::Text { text } => (text, Kind::Plain),
            Record::Code { text } => (text, Kind::Code),
            _ => return None,
        })
    }

    fn message(&mut self, number: i64, new: Line, again: bool) {
        if self.open != Some(number) {
            // The text of a request was told with the request, unless it was too long for that.
            let was_told = self.requests.get(&number) == Some(&new.text);
            if !new.outgoing && !was_told && !again {
                let (name, text) = (self.name_of(number), new.text);
                self.note(format!("{name}: {text}   (/open {number})"), Kind::Plain);
            }
            return;
        }
        if let Some(line) = self.messages.iter_mut().find(|line| line.id == new.id) {
            *line = new;
            return;
        }
        let at = self.messages.partition_point(|line| line.place < new.place);
        self.messages.insert(at, new);
        let excess = self.messages.len().saturating_sub(KEPT);
        self.messages.drain(..excess);
    }

    /// A line where messages are missing.
    fn gap(&mut self, number: i64, messages: u64, text: &'static str, place: Position) {
        let line = Line {
            id: format!("{place:?}"),
            outgoing: false,
            state: GAP,
            text: format!("({messages} missing: {text})"),
            quote: String::new(),
            remark: String::new(),
            reason: "",
            day: when::day(&when::here(place.clock.time())),
            time: String::new(),
            place,
        };
        self.message(number, line, true);
    }

    fn phrase(&mut self, words: &str) {
        let words: Vec<&str> = words.split(' ').collect();
        for (row, words) in words.chunks(WORDS).enumerate() {
            let numbered = (row * WORDS + 1..).zip(words);
            let cells = numbered.map(|(number, word)| format!("{number:>2} {word:<10}"));
            self.note(cells.collect(), Kind::Plain);
        }
        self.note("Esc takes them off the screen".to_owned(), Kind::Plain);
    }

    /// Whether older messages have room on the screen.
    pub(super) fn has_room(&self) -> bool {
        self.open.is_some() && self.messages.len() < KEPT
    }

    /// Messages that nobody looked at, in all conversations.
    pub(super) fn unread(&self) -> u64 {
        self.entries.iter().map(|entry| entry.unread).sum()
    }

    /// The open conversation in the list.
    pub(super) fn open_entry(&self) -> Option<&Entry> {
        let is_open = |entry: &&Entry| Some(entry.number) == self.open;
        self.entries.iter().find(is_open)
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

fn brief(at: Timestamp) -> String {
    when::brief(&when::here(at), &when::now())
}

/// A text in one line.
pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
