//! Frames, one by one and in the body of a long poll.
//!
//! Asserted: what is read stays within the limits, is written again as bytes that read back the same, and these are no more than came (a frame
//! has no shorter form than ours); an unknown field changes nothing; a body gives at most one frame for every four bytes, and the frames put
//! together again give the same frames.

use bytes::{Bytes, BytesMut};
use undertone_wire::frame::Body;
use undertone_wire::limits::{MAX_BODY_FIELDS, MAX_FRAME_BYTES};
use undertone_wire::{Frame, batch};

use crate::edit::chosen;

/// Field 1,000 as a varint, which no version has yet.
const UNKNOWN_FIELD: [u8; 3] = [0xc0, 0x3e, 0x01];

/// The first byte chooses between a frame and a body of frames.
pub fn run(data: &[u8]) {
    let Some((choice, bytes)) = data.split_first() else {
        return;
    };
    if choice % 2 == 0 {
        one(bytes);
    } else {
        several(bytes);
    }
}

fn one(bytes: &[u8]) {
    let Ok(frame) = Frame::from_bytes(Bytes::copy_from_slice(bytes)) else {
        return;
    };
    assert!(bytes.len() <= MAX_FRAME_BYTES);
    assert!(entries(&frame) <= MAX_BODY_FIELDS);
    let canonical = frame.to_bytes().unwrap();
    assert!(canonical.len() <= bytes.len(), "longer than what came");
    assert_eq!(Frame::from_bytes(canonical.clone()).as_ref(), Ok(&frame));
    if canonical.len() + UNKNOWN_FIELD.len() <= MAX_FRAME_BYTES {
        let later = [&canonical[..], &UNKNOWN_FIELD].concat();
        assert_eq!(Frame::from_bytes(later.into()), Ok(frame));
    }
}

fn several(bytes: &[u8]) {
    let mut rest = Bytes::copy_from_slice(bytes);
    let mut frames = Vec::new();
    while let Ok(Some(frame)) = batch::pop(&mut rest) {
        frames.push(frame);
    }
    assert!(frames.len() <= bytes.len() / 4);
    let mut again = BytesMut::new();
    for frame in &frames {
        batch::push(&mut again, frame).unwrap();
    }
    let mut again = again.freeze();
    for frame in frames {
        assert_eq!(batch::pop(&mut again), Ok(Some(frame)));
    }
    assert_eq!(batch::pop(&mut again), Ok(None));
}

/// Elements of the list in a frame's body.
fn entries(frame: &Frame) -> usize {
    match &frame.body {
        Some(Body::SetTokens(body)) => body.tokens.len(),
        Some(Body::ReplacePrekeys(body)) => body.one_time_x25519.len() + body.one_time_kem.len(),
        Some(Body::SendMany(body)) => body.recipients.len(),
        Some(Body::SentMany(body)) => body.results.len(),
        _ => 0,
    }
}

/// The golden frames, each alone, and all in one body.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let golden = golden();
    let mut body = BytesMut::new();
    for bytes in &golden {
        let frame = Frame::from_bytes(Bytes::copy_from_slice(bytes)).unwrap();
        batch::push(&mut body, &frame).unwrap();
    }
    let mut seeds: Vec<_> = golden.iter().map(|bytes| chosen(0, bytes)).collect();
    seeds.push(chosen(1, &body));
    seeds
}

/// The frames of the wire's golden vectors.
pub(crate) fn golden() -> Vec<Vec<u8>> {
    let lines = include_str!("../../../relay/wire/vectors/frames.txt").lines();
    let bytes = lines.filter_map(|line| line.split_once(' '));
    bytes
        .map(|(_, bytes)| hex::decode(bytes).unwrap())
        .collect()
}
