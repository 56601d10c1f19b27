//! Frames: one, one of many equal entries, and several in the body of a long poll.
//!
//! Asserted: what is read stays within the limits, is written again as bytes that read back the same, and these are at most twice as many (a number
//! of an enumeration is cut to 32 bits, and has ten bytes when it is negative then); an unknown field changes nothing; a body gives at most one frame for every four bytes, and the frames put
//! together again give the same frames.

use bytes::{Bytes, BytesMut};
use undertone_wire::frame::Body;
use undertone_wire::limits::{MAX_BODY_FIELDS, MAX_FRAME_BYTES, MAX_RECIPIENTS};
use undertone_wire::{Frame, batch};

use crate::edit::chosen;

/// Field 1,000 as a varint, which no version has yet.
const UNKNOWN_FIELD: [u8; 3] = [0xc0, 0x3e, 0x01];

/// Protobuf's wire type of bytes and messages.
const LENGTH_DELIMITED: usize = 2;

/// Bytes by which lengths may grow.
const ROOM: usize = 16;

/// The first byte chooses: a frame, a body of frames, an entry of a frame.
pub fn run(data: &[u8]) {
    let Some((choice, bytes)) = data.split_first() else {
        return;
    };
    match choice % 3 {
        0 => one(bytes),
        1 => several(bytes),
        _ => repeated(bytes),
    }
}

/// A field number, how many entries (two bytes), and one of them.
fn repeated(bytes: &[u8]) {
    let Some(([field, high, low], entry)) = bytes.split_first_chunk() else {
        return;
    };
    let count = usize::from(u16::from_be_bytes([*high, *low]));
    if count * entry.len() > MAX_FRAME_BYTES {
        return;
    }
    let mut frame = vec![0x08, 0x01];
    varint(usize::from(*field) << 3 | LENGTH_DELIMITED, &mut frame);
    varint(count * entry.len(), &mut frame);
    frame.extend_from_slice(&entry.repeat(count));
    one(&frame);
}

fn varint(mut number: usize, out: &mut Vec<u8>) {
    while number > 0x7f {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}

fn one(bytes: &[u8]) {
    let Ok(frame) = Frame::from_bytes(Bytes::copy_from_slice(bytes)) else {
        return;
    };
    assert!(bytes.len() <= MAX_FRAME_BYTES);
    assert!(entries(&frame) <= MAX_BODY_FIELDS);
    let canonical = frame.to_bytes().unwrap();
    assert!(
        canonical.len() <= 2 * bytes.len() + ROOM,
        "longer than what came"
    );
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

/// The golden frames, each alone, and all in one body; and frames of as many entries as there may be, and more.
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
    // Send to many (33), their outcomes (68), tokens (18): as many as there may be, and more.
    for (field, entry) in [(33, [0x0a, 0x00]), (68, [0x0a, 0x00]), (18, [0x0a, 0x00])] {
        for count in [MAX_RECIPIENTS, MAX_BODY_FIELDS, MAX_BODY_FIELDS + 1] {
            let [.., high, low] = count.to_be_bytes();
            seeds.push(chosen(2, &[&[field, high, low], &entry[..]].concat()));
        }
    }
    seeds
}

/// The frames of the wire's golden vectors.
fn golden() -> Vec<Vec<u8>> {
    let lines = include_str!("../../../relay/wire/vectors/frames.txt").lines();
    let bytes = lines.filter_map(|line| line.split_once(' '));
    bytes
        .map(|(_, bytes)| hex::decode(bytes).unwrap())
        .collect()
}
