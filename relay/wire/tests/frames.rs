//! Frames as an enemy writes them: cut, prolonged, huge, random.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod samples;

use bytes::{BufMut, Bytes, BytesMut};
use proptest::prelude::*;
use prost::Message;
use undertone_wire::batch;
use undertone_wire::frame::Body;
use undertone_wire::limits::{MAX_BODY_FIELDS, MAX_FRAME_BYTES, MAX_RECIPIENTS};
use undertone_wire::{
    Frame, FrameDecodeError, FrameEncodeError, Recipient, Send, SendMany, SentMany,
};

#[test]
fn a_cut_frame_is_never_taken_for_another() {
    for (name, frame) in samples::frames() {
        let bytes = frame.to_bytes().unwrap();
        for len in 0..bytes.len() {
            let cut = Frame::from_bytes(bytes.slice(..len));
            assert!(cut.is_err() || cut.unwrap().body.is_none(), "{name} {len}");
        }
    }
}

#[test]
fn a_trailing_byte_is_refused() {
    for (name, frame) in samples::frames() {
        for byte in 0..=255u8 {
            let mut bytes = frame.to_bytes().unwrap().to_vec();
            bytes.push(byte);
            let decoded = Frame::from_bytes(bytes.into());
            assert_eq!(decoded, Err(FrameDecodeError::Malformed), "{name} {byte}");
        }
    }
}

#[test]
fn fields_of_a_later_version_are_skipped() {
    for (name, frame) in samples::frames() {
        let mut bytes = frame.to_bytes().unwrap().to_vec();
        // Field 1,000 as a varint.
        bytes.extend_from_slice(&[0xc0, 0x3e, 0x01]);
        assert_eq!(Frame::from_bytes(bytes.into()), Ok(frame), "{name}");
    }
}

#[test]
fn a_message_of_a_later_version_has_no_body() {
    // Request 5 with an empty body 999.
    let bytes = Bytes::from_static(&[0x08, 0x05, 0xba, 0x3e, 0x00]);
    let frame = Frame {
        request_id: 5,
        body: None,
    };
    assert_eq!(Frame::from_bytes(bytes), Ok(frame));
}

#[test]
fn a_large_frame_is_neither_sent_nor_read() {
    let large = Frame {
        request_id: 1,
        body: Some(Body::Send(Send {
            envelope: Bytes::from(vec![0; MAX_FRAME_BYTES]),
            ..Send::default()
        })),
    };
    assert_eq!(large.to_bytes(), Err(FrameEncodeError::TooLarge));
    let bytes = Bytes::from(vec![0; MAX_FRAME_BYTES + 1]);
    assert_eq!(Frame::from_bytes(bytes), Err(FrameDecodeError::TooLarge));
}

/// A frame of this many bytes.
fn frame_of(len: usize) -> Frame {
    let with = |payload: usize| Frame {
        request_id: 1,
        body: Some(Body::Send(Send {
            envelope: Bytes::from(vec![7; payload]),
            ..Send::default()
        })),
    };
    // The lengths of payload and body are varints of three bytes around here.
    let around = len - 64;
    let overhead = with(around).encoded_len() - around;
    with(len - overhead)
}

#[test]
fn the_largest_frame_is_sent_and_read() {
    let largest = frame_of(MAX_FRAME_BYTES);
    let bytes = largest.to_bytes().unwrap();
    assert_eq!(bytes.len(), MAX_FRAME_BYTES);
    assert_eq!(Frame::from_bytes(bytes), Ok(largest.clone()));
    let mut body = BytesMut::new();
    batch::push(&mut body, &largest).unwrap();
    assert_eq!(batch::pop(&mut body.freeze()), Ok(Some(largest)));

    let larger = frame_of(MAX_FRAME_BYTES + 1);
    assert_eq!(larger.to_bytes(), Err(FrameEncodeError::TooLarge));
    let mut body = BytesMut::new();
    assert_eq!(
        batch::push(&mut body, &larger),
        Err(FrameEncodeError::TooLarge)
    );
    assert!(body.is_empty());
    let bytes = Bytes::from(larger.encode_to_vec());
    assert_eq!(bytes.len(), MAX_FRAME_BYTES + 1);
    assert_eq!(Frame::from_bytes(bytes), Err(FrameDecodeError::TooLarge));
}

#[test]
fn an_empty_frame_of_a_batch_is_a_frame() {
    let mut body = Bytes::from_static(&[0, 0, 0, 0]);
    assert_eq!(batch::pop(&mut body), Ok(Some(Frame::default())));
    assert_eq!(batch::pop(&mut body), Ok(None));
}

fn many(recipients: usize) -> Vec<u8> {
    let entries = [0x0a, 0x00].repeat(recipients);
    let mut frame = BytesMut::new();
    frame.put_slice(&[0x08, 0x01]);
    // Field 33, length-delimited.
    frame.put_slice(&[0x8a, 0x02]);
    prost::encoding::encode_varint(u64::try_from(entries.len()).unwrap(), &mut frame);
    frame.put_slice(&entries);
    frame.to_vec()
}

#[test]
fn small_bytes_cannot_become_large_memory() {
    let most = Frame::from_bytes(many(MAX_RECIPIENTS).into()).unwrap();
    let Some(Body::SendMany(send)) = most.body else {
        panic!("another body")
    };
    assert_eq!(send.recipients.len(), MAX_RECIPIENTS);
    let at_the_limit = Frame::from_bytes(many(MAX_BODY_FIELDS).into());
    assert!(at_the_limit.is_ok(), "{at_the_limit:?}");
    let too_many = many(MAX_BODY_FIELDS + 1);
    assert_eq!(
        Frame::from_bytes(too_many.into()),
        Err(FrameDecodeError::TooManyFields)
    );
    // Split over several bodies, which protobuf merges.
    let mut merged = many(3_000);
    merged.extend_from_slice(&many(3_000));
    assert_eq!(
        Frame::from_bytes(merged.into()),
        Err(FrameDecodeError::TooManyFields)
    );
}

#[test]
fn the_largest_useful_frames_fit() {
    let recipient = Recipient {
        mailbox: Bytes::from(vec![1; 16]),
        message_id: Bytes::from(vec![2; 16]),
        right: None,
        envelope: Bytes::new(),
    };
    let mut recipients = vec![recipient; MAX_RECIPIENTS];
    for (_, frame) in samples::frames() {
        if let Some(Body::SendMany(send)) = frame.body {
            for (n, recipient) in recipients.iter_mut().enumerate() {
                recipient.right.clone_from(&send.recipients[n % 2].right);
            }
        }
    }
    let send = Frame {
        request_id: u64::MAX,
        body: Some(Body::SendMany(SendMany {
            recipients,
            shared_envelope: Bytes::from(vec![3; 64 * 1024]),
            wake: true,
            ephemeral: true,
        })),
    };
    let bytes = send.to_bytes().unwrap();
    assert_eq!(Frame::from_bytes(bytes), Ok(send));
    let answer = Frame {
        request_id: u64::MAX,
        body: Some(Body::SentMany(SentMany {
            results: vec![Default::default(); MAX_RECIPIENTS],
        })),
    };
    assert_eq!(Frame::from_bytes(answer.to_bytes().unwrap()), Ok(answer));
}

#[test]
fn a_batch_gives_back_its_frames() {
    let mut body = BytesMut::new();
    let frames = samples::frames();
    for (_, frame) in &frames {
        batch::push(&mut body, frame).unwrap();
    }
    let whole = body.freeze();
    let mut rest = whole.clone();
    for (_, frame) in frames {
        assert_eq!(batch::pop(&mut rest), Ok(Some(frame)));
    }
    assert_eq!(batch::pop(&mut rest), Ok(None));
    let mut cut = whole.slice(..whole.len() - 1);
    let end = std::iter::repeat_with(|| batch::pop(&mut cut)).find(|popped| popped.is_err());
    assert_eq!(end, Some(Err(FrameDecodeError::Malformed)));
    let mut short = Bytes::from_static(&[0, 0, 0]);
    assert_eq!(batch::pop(&mut short), Err(FrameDecodeError::Malformed));
    let mut huge = Bytes::from_static(&[0xff, 0xff, 0xff, 0xff, 0]);
    assert_eq!(batch::pop(&mut huge), Err(FrameDecodeError::TooLarge));
}

proptest! {
    #[test]
    fn random_bytes_are_refused_or_a_frame(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(frame) = Frame::from_bytes(bytes.into()) {
            prop_assert_eq!(Frame::from_bytes(frame.to_bytes().unwrap()), Ok(frame));
        }
    }

    #[test]
    fn a_flipped_byte_is_refused_or_a_frame(
        which in 0..32usize,
        at in any::<prop::sample::Index>(),
        flip in 1..=255u8,
    ) {
        let (_, frame) = &samples::frames()[which];
        let mut bytes = frame.to_bytes().unwrap().to_vec();
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        if let Ok(other) = Frame::from_bytes(bytes.into()) {
            prop_assert_eq!(Frame::from_bytes(other.to_bytes().unwrap()), Ok(other));
        }
    }
}
