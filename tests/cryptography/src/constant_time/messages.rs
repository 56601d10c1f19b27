//! Finding, opening and encrypting messages of established sessions.

use undertone_protocol::envelope::Envelope;
use undertone_protocol::session::{OpenError, Position, Session};
use undertone_protocol::tag::Tag;
use undertone_protocol::tag_index::{Lookup, TagIndex};

use super::input::{check, pack, random, rng, unpack, unpack_array, wrong_guesses};
use super::{ConstantTimeError, Operation, traced};
use crate::meeting::{Meeting, encoded_content};

pub(super) const OPERATIONS: &[Operation] = &[
    Operation {
        name: "tag",
        inputs: tags_that_begin_as_expected,
        run: lookup,
    },
    Operation {
        name: "header_trial",
        inputs: tags_of_no_session,
        run: lookup,
    },
    Operation {
        name: "commitment",
        inputs: wrong_commitments,
        run: commitment,
    },
    Operation {
        name: "message_open",
        inputs: messages,
        run: message_open,
    },
    Operation {
        name: "message_encrypt",
        inputs: senders,
        run: message_encrypt,
    },
];

/// Where a tag and a commitment lie in an envelope.
const TAG: core::ops::Range<usize> = 1..17;
const COMMITMENT: core::ops::Range<usize> = 208..240;
/// Bytes of a tag that the index is keyed by.
const KEYED_BY: usize = 8;

/// A session that expects message 1 of its current chain, and that message.
struct Expectant {
    sender: Session,
    receiver: Session,
    envelope: Vec<u8>,
}

impl Expectant {
    fn new(seed: u64) -> Result<Self, ConstantTimeError> {
        let mut pair = Meeting::new(rng(seed))?.pair()?;
        let envelope = pair.alice_writes()?;
        Ok(Self {
            sender: pair.alice.session,
            receiver: pair.bob.session,
            envelope,
        })
    }

    /// The envelope with other bytes at `at`.
    fn with(&self, at: core::ops::Range<usize>, bytes: &[u8]) -> Vec<u8> {
        let mut envelope = self.envelope.clone();
        envelope[at].copy_from_slice(bytes);
        envelope
    }

    fn tag(&self) -> &[u8] {
        &self.envelope[TAG]
    }
}

/// A session as the store keeps it.
fn stored(session: &mut Session) -> Result<Vec<u8>, ConstantTimeError> {
    let material = session.take_changed_pq_material();
    let material = material.ok_or("no material of the post-quantum ratchet")?;
    pack(&[&session.to_bytes(), &material])
}

fn restored(mut stored: &[u8]) -> Result<Session, ConstantTimeError> {
    let (session, material) = (unpack(&mut stored)?, unpack(&mut stored)?);
    Ok(Session::from_bytes(session, material)?)
}

/// Three sessions, and tags whose first half is `first` and whose second half is each of `seconds`.
fn lookups(first: &[u8], seconds: &[Vec<u8>]) -> Result<Vec<Vec<u8>>, ConstantTimeError> {
    let mut sessions = Vec::new();
    for seed in 1..=3 {
        sessions.extend(pack(&[&stored(&mut Expectant::new(seed)?.receiver)?])?);
    }
    let lookup = |second: &Vec<u8>| {
        let tag = [first, second].concat();
        Ok([pack(&[&tag])?, sessions.clone()].concat())
    };
    seconds.iter().map(lookup).collect()
}

/// The map has the tag's first half: the second half is compared, then inversion is tried.
fn tags_that_begin_as_expected() -> Result<Vec<Vec<u8>>, ConstantTimeError> {
    let expectant = Expectant::new(1)?;
    let (first, second) = expectant.tag().split_at(KEYED_BY);
    lookups(first, &wrong_guesses(second))
}

/// Inversion is tried under both tag keys of each session, and gives other bytes for each tag.
fn tags_of_no_session() -> Result<Vec<Vec<u8>>, ConstantTimeError> {
    lookups(
        &random::<KEYED_BY>(9),
        &wrong_guesses(&random::<KEYED_BY>(10)),
    )
}

fn lookup(mut input: &[u8]) -> Result<(), ConstantTimeError> {
    let tag = Tag::from_bytes(*unpack_array(&mut input)?);
    let mut index = TagIndex::new(&mut rng(1));
    while !input.is_empty() {
        index.track(&restored(unpack(&mut input)?)?);
    }
    check(traced(|| index.lookup(tag, 0)) == Lookup::Unknown)
}

/// A receiver and an envelope, ready to be opened.
fn opening(receiver: &mut Session, envelope: &[u8]) -> Result<Vec<u8>, ConstantTimeError> {
    pack(&[&stored(receiver)?, envelope])
}

/// A genuine header, and a message key that the sender did not use.
fn wrong_commitments() -> Result<Vec<Vec<u8>>, ConstantTimeError> {
    let expectant = Expectant::new(1)?;
    let wrong = wrong_guesses(&expectant.envelope[COMMITMENT]);
    let envelopes = wrong.iter().map(|wrong| expectant.with(COMMITMENT, wrong));
    let envelopes: Vec<_> = envelopes.collect();
    let mut receiver = expectant.receiver;
    let stored = stored(&mut receiver)?;
    envelopes
        .iter()
        .map(|envelope| pack(&[&stored, envelope]))
        .collect()
}

fn commitment(input: &[u8]) -> Result<(), ConstantTimeError> {
    check(open(input)? == Some(OpenError::Commitment))
}

/// One message each of sessions that have nothing in common.
fn messages() -> Result<Vec<Vec<u8>>, ConstantTimeError> {
    let message = |seed| {
        let mut expectant = Expectant::new(seed)?;
        opening(&mut expectant.receiver, &expectant.envelope)
    };
    (1..=4).map(message).collect()
}

fn message_open(input: &[u8]) -> Result<(), ConstantTimeError> {
    check(open(input)?.is_none())
}

fn open(mut input: &[u8]) -> Result<Option<OpenError>, ConstantTimeError> {
    let mut session = restored(unpack(&mut input)?)?;
    let envelope = Envelope::parse(unpack(&mut input)?)?;
    let mut content = Vec::with_capacity(1_024);
    let position = Position::Current { n: 1 };
    Ok(traced(|| {
        session.open(position, envelope, &mut content).err()
    }))
}

fn senders() -> Result<Vec<Vec<u8>>, ConstantTimeError> {
    let sender = |seed| stored(&mut Expectant::new(seed)?.sender);
    (1..=4).map(sender).collect()
}

fn message_encrypt(input: &[u8]) -> Result<(), ConstantTimeError> {
    let mut session = restored(input)?;
    let content = encoded_content()?;
    let mut envelope = Vec::with_capacity(1_024);
    check(traced(|| session.encrypt(&mut rng(1), &content, &mut envelope)).is_ok())
}
