//! What must hold after each event.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::rc::Rc;

use undertone_protocol::primitives::aead::instrument;
use undertone_relay::service::ConnectionId;
use undertone_relay::storage::memory::Kept;
use undertone_wire::Frame;
use undertone_wire::frame::Body;

/// Sizes an envelope may have, in bytes, up to what this world sends.
const BUCKETS: [usize; 6] = [512, 1_024, 2_048, 4_096, 8_192, 16_384];

/// One line of a conversation as a device shows it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Shown {
    /// Who wrote it, by the text itself: `name number`.
    pub text: String,
    /// Whether the device received it.
    pub incoming: bool,
}

/// Watches every AEAD call of this thread: no (key, nonce) may be used twice by anybody, ever.
pub(crate) struct NonceLedger {
    repeated: Rc<RefCell<bool>>,
}

impl NonceLedger {
    pub(crate) fn open() -> Self {
        let repeated = Rc::new(RefCell::new(false));
        let flag = Rc::clone(&repeated);
        let mut seen = HashSet::new();
        instrument::install(Some(Box::new(move |key, nonce| {
            if !seen.insert((key, nonce)) {
                *flag.borrow_mut() = true;
            }
        })));
        Self { repeated }
    }

    pub(crate) fn is_clean(&self) -> bool {
        !*self.repeated.borrow()
    }
}

impl Drop for NonceLedger {
    fn drop(&mut self) {
        instrument::install(None);
    }
}

/// Nothing that the relay may not know is in any frame that reaches it, and envelopes have the sizes of their buckets.
pub(crate) fn relay_may_see(frame: &Frame, secrets: &[Vec<u8>]) -> Result<(), String> {
    let bytes = frame.to_bytes().map_err(|error| error.to_string())?;
    for secret in secrets {
        if bytes.windows(secret.len()).any(|window| window == secret) {
            return Err(format!(
                "a frame to the relay holds {} secret bytes",
                secret.len()
            ));
        }
    }
    let sizes: Vec<usize> = match &frame.body {
        Some(Body::Send(send)) => vec![send.envelope.len()],
        Some(Body::SendMany(many)) => {
            let own = many
                .recipients
                .iter()
                .map(|recipient| recipient.envelope.len());
            own.chain([many.shared_envelope.len()])
                .filter(|size| *size > 0)
                .collect()
        }
        _ => Vec::new(),
    };
    match sizes.iter().find(|size| !BUCKETS.contains(size)) {
        Some(size) => Err(format!("an envelope of {size} bytes is no bucket")),
        None => Ok(()),
    }
}

/// What the relay has stored is within its allow-list: at most a mailbox and a record for each of `people`, envelopes of
/// buckets, and values in which nothing of `secrets` can be read.
pub(crate) fn relay_may_keep(
    kept: &Kept,
    people: usize,
    secrets: &[Vec<u8>],
) -> Result<(), String> {
    let (mailboxes, records) = (kept.mailboxes.len(), kept.records.len());
    if mailboxes > people || records > people || !kept.blobs.is_empty() {
        return Err(format!(
            "{people} people left {mailboxes} mailboxes, {records} records and {} blobs",
            kept.blobs.len()
        ));
    }
    let mut sizes = kept.envelopes.iter().map(|envelope| envelope.len());
    if let Some(size) = sizes.find(|size| !BUCKETS.contains(size)) {
        return Err(format!("an envelope of {size} bytes is kept"));
    }
    for bytes in kept.envelopes.iter().chain(&kept.values) {
        for secret in secrets {
            if bytes.windows(secret.len()).any(|window| window == secret) {
                return Err(format!("{} secret bytes are kept", secret.len()));
            }
        }
    }
    Ok(())
}

/// What a request shows of who makes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Matter {
    /// Whose mailbox it is.
    Mailbox,
    /// Whose record it is.
    Record,
    /// Who is looked up.
    LookUp,
    /// To whom something is sent.
    Send,
}

/// Watches what each connection carries: the relay could tie two matters together that are on one.
#[derive(Debug, Default)]
pub(crate) struct Matters(BTreeMap<ConnectionId, Matter>);

impl Matters {
    pub(crate) fn carried(&mut self, conn: ConnectionId, frame: &Frame) -> Result<(), String> {
        let matter = match &frame.body {
            Some(
                Body::Authenticate(_)
                | Body::Ack(_)
                | Body::Credit(_)
                | Body::SetTokens(_)
                | Body::ReplacePrekeys(_)
                | Body::PrekeyStatus(_)
                | Body::DeleteMailbox(_),
            ) => Matter::Mailbox,
            Some(Body::PutRecord(_) | Body::DeleteRecord(_)) => Matter::Record,
            Some(Body::GetRecord(_) | Body::PopPrekeys(_)) => Matter::LookUp,
            Some(Body::Send(_) | Body::SendMany(_)) => Matter::Send,
            _ => return Ok(()),
        };
        let first = *self.0.entry(conn).or_insert(matter);
        if first == matter {
            Ok(())
        } else {
            Err(format!("one connection shows {first:?} and {matter:?}"))
        }
    }
}

/// Nothing shows twice, and each sender's messages stand in the order they were written.
pub(crate) fn history_is_sound(history: &[Shown]) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    let mut last: BTreeMap<&str, u64> = BTreeMap::new();
    for shown in history {
        if !seen.insert(&shown.text) {
            return Err(format!("{:?} shows twice", shown.text));
        }
        if let Some((name, number)) = shown.text.rsplit_once(' ')
            && let Ok(number) = number.parse::<u64>()
            && last
                .insert(name, number)
                .is_some_and(|before| before > number)
        {
            return Err(format!("{:?} is out of order", shown.text));
        }
    }
    Ok(())
}
