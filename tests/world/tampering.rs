//! A relay that meddles with every k-th envelope for one device, and what it sees of that device meanwhile.
//!
//! Its question is attack row F2's: does this device do anything because of it, by which the sender could be told?

use rand::RngExt;
use rand_chacha::ChaCha12Rng;
use undertone_protocol::envelope::KIND_MESSAGE;
use undertone_wire::Frame;
use undertone_wire::frame::Body;

use crate::network::DeviceNumber;

/// Bytes of an envelope by which it is found: its kind and its tag (SPEC.md, "Envelope").
const NAMED: usize = 17;

/// What becomes of an envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Harm {
    /// A bit of its header or of its body is flipped: its recipient knows whose it is.
    Body,
    /// A bit of its tag is flipped: it is nobody's.
    Tag,
    /// It does not come at all.
    Withheld,
}

/// The relay's doing, and where it counts.
#[derive(Debug)]
pub(crate) struct Tampering {
    pub(crate) device: DeviceNumber,
    /// Every how manyth envelope of a session.
    pub(crate) every: u64,
    pub(crate) harm: Option<Harm>,
    pub(crate) rng: ChaCha12Rng,
    /// Envelopes of sessions so far.
    pub(crate) seen: u64,
    /// What the device did so far, in its order.
    pub(crate) operations: Vec<Operation>,
}

/// Something that a device did, as its relay sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Operation {
    /// Milliseconds since the beginning.
    pub(crate) at: u64,
    /// On which kind of connection.
    pub(crate) lane: &'static str,
    /// What was asked for.
    pub(crate) kind: String,
    /// The mailbox that was named.
    pub(crate) mailbox: Vec<u8>,
    /// Bytes of the envelope.
    pub(crate) size: usize,
}

impl Operation {
    /// Whether the relay sees the same, but for the moment.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        let at = self.at;
        *self
            == Self {
                at,
                ..other.clone()
            }
    }
}

impl Tampering {
    pub(crate) fn new(device: DeviceNumber, harm: Option<Harm>, rng: ChaCha12Rng) -> Self {
        Self {
            device,
            every: 4,
            harm,
            rng,
            seen: 0,
            operations: Vec::new(),
        }
    }

    /// Envelopes that came to harm, or would have.
    pub(crate) fn harmed(&self) -> u64 {
        self.seen / self.every
    }

    /// What the relay makes of a frame on its way down; `None` when it keeps it.
    pub(crate) fn pass(&mut self, to: DeviceNumber, mut frame: Frame) -> Option<Frame> {
        let Some(Body::Deliver(deliver)) = &mut frame.body else {
            return Some(frame);
        };
        if to != self.device || deliver.envelope.first() != Some(&KIND_MESSAGE) {
            return Some(frame);
        }
        self.seen += 1;
        if !self.seen.is_multiple_of(self.every) {
            return Some(frame);
        }
        let length = deliver.envelope.len();
        let at = match self.harm {
            None => return Some(frame),
            Some(Harm::Withheld) => return None,
            Some(Harm::Body) => self.rng.random_range(NAMED..length),
            Some(Harm::Tag) => self.rng.random_range(1..NAMED),
        };
        let mut bytes = deliver.envelope.to_vec();
        bytes[at] ^= 1 << self.rng.random_range(0..8);
        deliver.envelope = bytes.into();
        Some(frame)
    }

    /// Takes down what a device does. Acknowledgements answer the relay's own deliveries one by one, so they say what it did,
    /// and nothing else.
    pub(crate) fn observe(
        &mut self,
        at: u64,
        device: DeviceNumber,
        lane: &'static str,
        frame: Option<&Frame>,
    ) {
        if device != self.device {
            return;
        }
        let (kind, mailbox, size) = match frame.map(|frame| &frame.body) {
            None => ("connects".to_owned(), Vec::new(), 0),
            Some(Some(Body::Ack(_) | Body::Credit(_))) => return,
            Some(Some(Body::Send(send))) => (
                "Send".to_owned(),
                send.mailbox.to_vec(),
                send.envelope.len(),
            ),
            Some(body) => {
                let text = format!("{body:?}");
                let name = text.trim_start_matches("Some(").split(['(', ' ']).next();
                (name.unwrap_or_default().to_owned(), Vec::new(), 0)
            }
        };
        self.operations.push(Operation {
            at,
            lane,
            kind,
            mailbox,
            size,
        });
    }
}
