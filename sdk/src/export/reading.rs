//! Reading an export into an account that knows nobody.
//!
//! Invariant: nothing is believed: a line becomes what the SDK would have taken from the network, or the import fails and names it.
//! Only files are opened whose names follow from what was checked (an account's text, a SHA-256), and only plain ones, of bounded
//! size; memory holds one line and one file of `media`. Not its concern: what a contact may do afterwards (the engine's `import`).

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use undertone_protocol::account::{AccountId, ManifestWritePublicKey};
use undertone_protocol::content::{
    AppPayload, ContactCard, Hlc, MAX_TEXT, Mention, MessageId, Post, Reactions, Reply, TextRange,
    Timer,
};
use undertone_protocol::device::DeviceId;
use undertone_protocol::relay_address::RelayAddress;
use undertone_protocol::time::Timestamp;

use super::ImportSummary;
use super::error::{ImportError, ImportFile, LineFault};
use super::files::{CONTACTS, HEAD, MEDIA, conversation_file, media_name};
use super::limits::{MAX_IMPORT_LINE_BYTES, MAX_IMPORT_MEDIA_BYTES};
use super::lines::{self, AnyHead, Clock, FORMAT, Head, Kind, Line, ME, PostLine, Standing, State};
use crate::engine::import::{ImportedContact, ImportedInto, ImportedSettings, Imports};
use crate::engine::{LATEST_CLOCK_MS, Step};
use crate::operation::{Operation, Watch};
use crate::store::{
    ContactId, ConversationSettings, MessageKind, MessageRowId, NewMessage, Revision,
};

/// An import that is to be done.
pub(crate) struct Import {
    folder: PathBuf,
    operation: Operation,
}

impl Import {
    pub(crate) fn new(folder: PathBuf, operation: Operation) -> Self {
        Self { folder, operation }
    }

    /// Does it: all of it, or nothing.
    pub(crate) fn run(&self, step: &mut Step<'_>) -> Result<ImportSummary, ImportError> {
        let head = self.head()?;
        step.import(|imports| self.everything(&head, imports))
    }

    fn head(&self) -> Result<Head, ImportError> {
        let file = ImportFile::Head;
        let mut lines = Lines::open(&self.folder.join(HEAD), file)?;
        let line = lines.next()?.ok_or(ImportError::NotAnExport)?;
        let any: AnyHead = serde_json::from_slice(line).map_err(|_| ImportError::NotAnExport)?;
        if any.format != FORMAT {
            return Err(ImportError::NotAnExport);
        }
        if any.version != lines::VERSION {
            return Err(ImportError::NewerVersion { found: any.version });
        }
        let head = serde_json::from_slice(line);
        head.map_err(|_| lines.wrong(LineFault::Malformed))
    }

    fn everything(
        &self,
        head: &Head,
        imports: &Imports<'_, '_>,
    ) -> Result<ImportSummary, ImportError> {
        let settings = ImportedSettings {
            read_receipts: head.read_receipts,
            typing_indicators: head.typing_indicators,
        };
        imports
            .begin(&settings)
            .map_err(|refusal| ImportError::refused(refusal, ImportFile::Head, 1))?;
        let mut summary = ImportSummary::default();
        let mut contacts = Lines::open(&self.folder.join(CONTACTS), ImportFile::Contacts)?;
        while let Some(line) = contacts.next_line()? {
            let Line::Contact(contact) = line else {
                return Err(contacts.wrong(LineFault::Malformed));
            };
            self.operation.at(summary.messages, head.messages)?;
            summary.contacts += 1;
            let file = ImportFile::Conversation(summary.contacts);
            // Its name is one that this SDK writes, or it is not opened.
            let account = lines::account(&contact.account);
            let account = account.ok_or_else(|| contacts.wrong(LineFault::Value("account")))?;
            let path = self.folder.join(conversation_file(&contact.account));
            let mut conversation = Lines::open(&path, file)?;
            let Some(Line::Conversation(first)) = conversation.next_line()? else {
                return Err(conversation.wrong(LineFault::Malformed));
            };
            let new = imported_contact(&contacts, &contact, account, &conversation, first)?;
            let into = imports
                .contact(&new)
                .map_err(|refusal| contacts.refused(refusal))?;
            let mut reading = Reading {
                import: self,
                imports,
                lines: conversation,
                into,
                account: &contact.account,
                current: None,
            };
            reading.messages(&mut summary.messages, head.messages)?;
        }
        if (summary.contacts, summary.messages) != (head.contacts, head.messages) {
            return Err(ImportError::Incomplete);
        }
        Ok(summary)
    }

    /// The bytes of a file of `media`, which are what its name says.
    fn media(&self, name: &str) -> Result<Vec<u8>, LineFault> {
        // The name of the digest, and so of no other folder.
        lines::bytes::<32>(name).ok_or(LineFault::Value("sha256"))?;
        let path = self.folder.join(MEDIA).join(name);
        let mut bytes = Vec::new();
        plain(&path)
            .and_then(|file| {
                file.take(MAX_IMPORT_MEDIA_BYTES + 1)
                    .read_to_end(&mut bytes)
            })
            .map_err(|_| LineFault::Media)?;
        let is_small = u64::try_from(bytes.len()).is_ok_and(|len| len <= MAX_IMPORT_MEDIA_BYTES);
        if is_small && media_name(&bytes) == name {
            Ok(bytes)
        } else {
            Err(LineFault::Media)
        }
    }
}

/// A conversation that is being read.
struct Reading<'i, 's> {
    import: &'i Import,
    imports: &'i Imports<'i, 's>,
    lines: Lines,
    into: ImportedInto,
    /// The contact, as lines name it.
    account: &'i str,
    /// The message that revisions and reactions belong to.
    current: Option<Current>,
}

struct Current {
    id: String,
    row: MessageRowId,
    edited: Option<Hlc>,
}

impl Reading<'_, '_> {
    fn messages(&mut self, count: &mut u64, total: u64) -> Result<(), ImportError> {
        while let Some(line) = self.lines.next_line()? {
            self.import.operation.at(*count, total.max(*count))?;
            let taken = match line {
                Line::Message(message) => {
                    *count += 1;
                    self.message(*message)?;
                    Ok(())
                }
                Line::Revision(revision) => self.revision(*revision)?,
                Line::Reaction(reaction) => self.reaction(&reaction)?,
                Line::Contact(_) | Line::Conversation(_) => Err(LineFault::Malformed),
            };
            taken.map_err(|fault| self.lines.wrong(fault))?;
        }
        Ok(())
    }

    fn message(&mut self, line: lines::Message) -> Result<(), ImportError> {
        let id = line.id.clone();
        let new = self.new_message(line);
        let (message, edited) = new.map_err(|fault| self.lines.wrong(fault))?;
        let row = self
            .imports
            .message(message, edited)
            .map_err(|refusal| self.lines.refused(refusal))?;
        self.current = Some(Current { id, row, edited });
        Ok(())
    }

    fn new_message(&self, line: lines::Message) -> Result<(NewMessage, Option<Hlc>), LineFault> {
        let sender = self.person(&line.from)?;
        if sender.is_some() != (line.state == State::Received) {
            return Err(LineFault::Value("state"));
        }
        let kind = match line.kind {
            Kind::Text => MessageKind::Text,
            Kind::Deleted => MessageKind::Deleted,
            Kind::Unsupported => MessageKind::Unsupported,
            Kind::TimerSet => MessageKind::TimerSet,
            Kind::IdentityChanged => MessageKind::IdentityChanged,
        };
        let is_text = line.kind == Kind::Text;
        if line.post.is_some() != is_text || line.edited.is_some() && !is_text {
            return Err(LineFault::Value("kind"));
        }
        let (body, parts) = match line.post {
            Some(post) => self.post(post)?,
            None => (String::new(), None),
        };
        let message = NewMessage {
            conversation: self.into.conversation,
            message_id: message_id(&line.id)?,
            clock: clock(line.clock)?,
            sender,
            sender_device: DeviceId::from_bytes(
                lines::bytes(&line.device).ok_or(LineFault::Value("device"))?,
            ),
            seq: line.seq,
            kind,
            state: line.state.afterwards(),
            // Whatever time an author claimed: nothing is sorted or deleted by it.
            sent: Timestamp(line.sent),
            stored: Timestamp(line.stored),
            body,
            parts,
            timer: None,
            extra: lines::extra(line.kind, line.timer, line.identity)?,
            mentions_me: false,
        };
        Ok((message, line.edited.map(clock).transpose()?))
    }

    fn revision(&self, line: lines::Revision) -> Result<Result<(), LineFault>, ImportError> {
        let read = || {
            let of = self
                .current
                .as_ref()
                .filter(|current| current.id == line.of);
            let of = of.ok_or(LineFault::Value("of"))?;
            let clock = clock(line.clock)?;
            if of.edited.is_none_or(|edited| clock >= edited) {
                return Err(LineFault::Value("clock"));
            }
            let (body, parts) = self.post(line.post)?;
            Ok((of.row, Revision { clock, body, parts }))
        };
        match read() {
            Ok((row, revision)) => {
                let taken = self.imports.revision(row, &revision);
                taken.map_err(|refusal| self.lines.refused(refusal))?;
                Ok(Ok(()))
            }
            Err(fault) => Ok(Err(fault)),
        }
    }

    fn reaction(&self, line: &lines::Reaction) -> Result<Result<(), LineFault>, ImportError> {
        let read = || {
            let to = self
                .current
                .as_ref()
                .filter(|current| current.id == line.to);
            let to = to.ok_or(LineFault::Value("to"))?;
            let reactions = Reactions {
                target: message_id(&line.to)?,
                emoji: line.emoji.clone(),
            };
            Ok((
                to.row,
                self.person(&line.from)?,
                clock(line.clock)?,
                reactions,
            ))
        };
        match read() {
            Ok((row, sender, clock, reactions)) => {
                let taken = self.imports.reaction(row, sender, clock, &reactions);
                taken.map_err(|refusal| self.lines.refused(refusal))?;
                Ok(Ok(()))
            }
            Err(fault) => Ok(Err(fault)),
        }
    }

    /// Whom a line names; `None` is this account.
    fn person(&self, name: &str) -> Result<Option<ContactId>, LineFault> {
        if name == ME {
            Ok(None)
        } else if name == self.account {
            Ok(Some(self.into.contact))
        } else {
            Err(LineFault::UnknownPerson)
        }
    }

    /// Text and parts of a post, as the store has them.
    fn post(&self, line: PostLine) -> Result<(String, Option<Vec<u8>>), LineFault> {
        let payload = match line.payload {
            Some(payload) => Some(AppPayload {
                bytes: self.import.media(&payload.sha256)?,
                mime_type: payload.mime_type,
            }),
            None => None,
        };
        let post = Post {
            text: line.text,
            reply: line.reply.map(reply).transpose()?,
            mentions: line
                .mentions
                .iter()
                .map(mention)
                .collect::<Result<_, _>>()?,
            formats: line.formats.iter().map(Into::into).collect(),
            preview: line.preview.map(Into::into),
            card: line.card.map(card).transpose()?,
            location: line.location.map(Into::into),
            payload,
            disappears_after: None,
            view_once: false,
            unknown: Vec::new(),
        };
        // A text alone may be empty, as it may when it comes from the network.
        if post.is_plain() && post.text.len() <= MAX_TEXT {
            return Ok((post.text, None));
        }
        let parts = post.parts().map_err(|_| LineFault::Value("post"))?;
        Ok((post.text, (!parts.is_empty()).then_some(parts)))
    }
}

fn imported_contact(
    contacts: &Lines,
    line: &lines::Contact,
    account: AccountId,
    conversation: &Lines,
    first: lines::Conversation,
) -> Result<ImportedContact, ImportError> {
    let wrong = |field| contacts.wrong(LineFault::Value(field));
    let key = lines::bytes::<32>(&line.manifest_key)
        .and_then(|key| ManifestWritePublicKey::parse(&key).ok())
        .ok_or_else(|| wrong("manifest_key"))?;
    let relay = RelayAddress::parse_canonical(line.relay.as_bytes()).map_err(|_| wrong("relay"))?;
    let in_file = |fault| conversation.wrong(fault);
    if first.with != line.account {
        return Err(in_file(LineFault::Value("with")));
    }
    let timer = match first.timer {
        Some(seconds) => {
            let timer = Timer::from_seconds(seconds);
            Some(timer.ok_or_else(|| in_file(LineFault::Value("timer")))?)
        }
        None => None,
    };
    Ok(ImportedContact {
        account,
        name: line.name.clone(),
        is_request: line.standing == Standing::Request,
        is_blocked: line.blocked,
        manifest_key: key,
        relay,
        since: Timestamp(line.since),
        conversation_made: Timestamp(first.created),
        read: clock(first.read).map_err(in_file)?,
        settings: ConversationSettings {
            pinned: first.pinned,
            archived: first.archived,
            muted_until: first.muted_until.map(Timestamp),
            marked_unread: first.marked_unread,
            draft: first.draft,
        },
        timer,
    })
}

fn message_id(text: &str) -> Result<MessageId, LineFault> {
    let bytes = lines::bytes(text).ok_or(LineFault::Value("id"))?;
    Ok(MessageId::from_bytes(bytes))
}

fn clock(line: Clock) -> Result<Hlc, LineFault> {
    if line.ms > LATEST_CLOCK_MS {
        return Err(LineFault::Value("clock"));
    }
    let packed = Hlc::at(Timestamp(line.ms)).as_packed() | u64::from(line.n);
    Ok(Hlc::from_packed(packed))
}

/// What the row of a timer holds.
fn named(text: &str, field: &'static str) -> Result<AccountId, LineFault> {
    lines::account(text).ok_or(LineFault::Value(field))
}

fn reply(line: lines::ReplyLine) -> Result<Reply, LineFault> {
    Ok(Reply {
        message: message_id(&line.to)?,
        author: named(&line.author, "author")?,
        quote: line.quote,
    })
}

fn mention(line: &lines::MentionLine) -> Result<Mention, LineFault> {
    Ok(Mention {
        range: TextRange {
            start: line.start,
            len: line.len,
        },
        account: named(&line.account, "account")?,
    })
}

fn card(line: lines::CardLine) -> Result<ContactCard, LineFault> {
    let key = lines::bytes::<32>(&line.manifest_key)
        .and_then(|key| ManifestWritePublicKey::parse(&key).ok());
    let relay = RelayAddress::parse_canonical(line.relay.as_bytes());
    Ok(ContactCard {
        account: named(&line.account, "account")?,
        manifest_write_key: key.ok_or(LineFault::Value("manifest_key"))?,
        relay: relay.map_err(|_| LineFault::Value("relay"))?,
        name: line.name,
    })
}

/// A plain file: not a link, which could lead anywhere, and nothing whose reading does not end.
fn plain(path: &Path) -> io::Result<File> {
    if fs::symlink_metadata(path)?.is_file() {
        File::open(path)
    } else {
        Err(io::Error::from(io::ErrorKind::InvalidInput))
    }
}

/// A file that is read line by line.
struct Lines {
    reader: BufReader<File>,
    file: ImportFile,
    /// The last line that was read, counted from 1.
    number: u64,
    line: Vec<u8>,
}

impl Lines {
    fn open(path: &Path, file: ImportFile) -> Result<Self, ImportError> {
        match plain(path) {
            Ok(opened) => Ok(Self {
                reader: BufReader::new(opened),
                file,
                number: 0,
                line: Vec::new(),
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(match file {
                ImportFile::Head => ImportError::NotAnExport,
                ImportFile::Contacts | ImportFile::Conversation(_) => ImportError::Incomplete,
            }),
            Err(error) => Err(ImportError::Io { file, error }),
        }
    }

    /// The bytes of the next line.
    fn next(&mut self) -> Result<Option<&[u8]>, ImportError> {
        self.line.clear();
        let limit = u64::try_from(MAX_IMPORT_LINE_BYTES).unwrap_or(u64::MAX);
        let read = (&mut self.reader)
            .take(limit + 1)
            .read_until(b'\n', &mut self.line);
        let len = read.map_err(|error| ImportError::Io {
            file: self.file,
            error,
        })?;
        if len == 0 {
            return Ok(None);
        }
        self.number += 1;
        if len > MAX_IMPORT_LINE_BYTES {
            return Err(self.wrong(LineFault::TooLong));
        }
        Ok(Some(&self.line))
    }

    fn next_line(&mut self) -> Result<Option<Line>, ImportError> {
        let Some(line) = self.next()? else {
            return Ok(None);
        };
        let line = serde_json::from_slice(line);
        line.map(Some).map_err(|_| self.wrong(LineFault::Malformed))
    }

    /// What is wrong with the last line.
    fn wrong(&self, fault: LineFault) -> ImportError {
        ImportError::Line {
            file: self.file,
            line: self.number,
            fault,
        }
    }

    fn refused(&self, refusal: crate::error::ImportRefusal) -> ImportError {
        ImportError::refused(refusal, self.file, self.number)
    }
}
