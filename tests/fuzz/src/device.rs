//! One side of a session as a device keeps it: the session, the tags that it expects, the keys of skipped messages, and what is stored.

use std::collections::HashMap;

use rand_chacha::ChaCha8Rng;
use undertone_protocol::envelope::Envelope;
use undertone_protocol::session::{MessageNumber, OpenError, Position, Session, SkippedKey};
use undertone_protocol::tag::Tag;
use undertone_protocol::tag_index::{Lookup, TagIndex};

use crate::party::rng;

/// Milliseconds between two looks into the index: a scan that finds nothing is never put off.
const PATIENCE_MS: u64 = 60_000;

/// What is stored of a side.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Stored {
    pub(crate) session: Vec<u8>,
    pub(crate) material: Vec<u8>,
    /// By number, so that equal contents are equal.
    pub(crate) skipped: Vec<(MessageNumber, Tag, [u8; 32])>,
}

pub(crate) struct Device {
    pub(crate) session: Session,
    /// The material of the post-quantum ratchet as it was last given out.
    material: Vec<u8>,
    index: TagIndex,
    skipped: HashMap<Tag, SkippedKey>,
    now_ms: u64,
}

/// What became of an envelope.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Received {
    /// It opened, and says this.
    Opened(Vec<u8>),
    /// An ephemeral message.
    Ephemeral(Vec<u8>),
    /// It was opened before.
    Duplicate,
    /// The peer opened the chain twice.
    Contradicted,
    /// No session expects it, or it is no envelope at all.
    Unknown,
    /// It did not open.
    Rejected(OpenError),
}

impl Device {
    pub(crate) fn new(session: Session) -> Self {
        Self::resumed(session, Vec::new())
    }

    /// A session that was read from the store, which has this material.
    pub(crate) fn resumed(session: Session, material: Vec<u8>) -> Self {
        let mut index = TagIndex::new(&mut rng(0));
        index.track(&session);
        Self {
            session,
            material,
            index,
            skipped: HashMap::new(),
            now_ms: 0,
        }
    }

    /// What a restart finds.
    pub(crate) fn restored(stored: &Stored) -> Self {
        let session = Session::from_bytes(&stored.session, &stored.material).unwrap();
        let mut device = Self::resumed(session, stored.material.clone());
        for (number, tag, key) in &stored.skipped {
            let key = SkippedKey::from_parts(*number, *tag, *key);
            device.expect(key);
        }
        device
    }

    pub(crate) fn stored(&mut self) -> Stored {
        if let Some(material) = self.session.take_changed_pq_material() {
            self.material = material.to_vec();
        }
        let mut skipped: Vec<_> = self
            .skipped
            .values()
            .map(|key| (key.number(), key.tag(), *key.expose()))
            .collect();
        skipped.sort_unstable_by_key(|(number, _, _)| *number);
        Stored {
            session: self.session.to_bytes().to_vec(),
            material: self.material.clone(),
            skipped,
        }
    }

    fn expect(&mut self, key: SkippedKey) {
        self.index
            .expect_skipped(self.session.id(), key.number(), key.tag());
        self.skipped.insert(key.tag(), key);
    }

    /// The next message and its number; nothing when the chain is full.
    pub(crate) fn send(
        &mut self,
        rng: &mut ChaCha8Rng,
        text: &[u8],
    ) -> Option<(MessageNumber, Vec<u8>)> {
        let mut envelope = Vec::new();
        let number = self.session.encrypt(rng, text, &mut envelope).ok()?;
        Some((number, envelope))
    }

    pub(crate) fn send_ephemeral(&mut self, rng: &mut ChaCha8Rng, text: &[u8]) -> Option<Vec<u8>> {
        let mut envelope = Vec::new();
        self.session
            .encrypt_ephemeral(rng, text, &mut envelope)
            .ok()?;
        Some(envelope)
    }

    /// Opens an envelope, and commits unless the device crashes before: then nothing has happened.
    pub(crate) fn receive(&mut self, bytes: &[u8], crashes: bool) -> Received {
        let Ok(envelope) = Envelope::parse(bytes) else {
            return Received::Unknown;
        };
        self.now_ms += PATIENCE_MS;
        let mut content = Vec::new();
        let opened = match self.index.lookup(envelope.tag(), self.now_ms) {
            Lookup::Live { position, .. } => self.open(position, envelope, &mut content, crashes),
            Lookup::Skipped { .. } => self.open_skipped(envelope, &mut content, crashes),
            Lookup::Ephemeral { number, .. } => {
                match self.session.open_ephemeral(number, envelope, &mut content) {
                    Err(error) => Err(error),
                    Ok(opened) => {
                        if !crashes {
                            opened.commit();
                        }
                        return Received::Ephemeral(content);
                    }
                }
            }
            Lookup::Duplicate => return self.replayed(envelope),
            Lookup::Unknown => return Received::Unknown,
            Lookup::Later { .. } => panic!("a scan is put off after a minute"),
        };
        match opened {
            Ok(()) => Received::Opened(content),
            Err(error) => Received::failed(error, &content),
        }
    }

    /// Looks whether what comes under a number that was used before is a copy.
    fn replayed(&mut self, envelope: Envelope<'_>) -> Received {
        let found = self.index.replayed(envelope.tag(), self.now_ms);
        if found.is_some_and(|(_, n)| self.session.is_contradicted_by(n, envelope)) {
            Received::Contradicted
        } else {
            Received::Duplicate
        }
    }

    fn open(
        &mut self,
        position: Position,
        envelope: Envelope<'_>,
        content: &mut Vec<u8>,
        crashes: bool,
    ) -> Result<(), OpenError> {
        let opened = self.session.open(position, envelope, content)?;
        if !crashes {
            let skipped = opened.commit();
            self.index.follow(&self.session, envelope.tag(), &skipped);
            let kept = skipped.into_iter().map(|key| (key.tag(), key));
            self.skipped.extend(kept);
        }
        Ok(())
    }

    fn open_skipped(
        &mut self,
        envelope: Envelope<'_>,
        content: &mut Vec<u8>,
        crashes: bool,
    ) -> Result<(), OpenError> {
        let tag = envelope.tag();
        let key = &self.skipped[&tag];
        let opened = self.session.open_skipped(key, envelope, content)?;
        if !crashes {
            let _changed = opened.commit();
            self.index.consume_skipped(tag);
            self.skipped.remove(&tag);
        }
        Ok(())
    }
}

impl Received {
    fn failed(error: OpenError, content: &[u8]) -> Self {
        assert!(content.is_empty(), "content of a message that did not open");
        if error == OpenError::NotExpected {
            Self::Duplicate
        } else {
            Self::Rejected(error)
        }
    }
}
