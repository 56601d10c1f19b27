use super::*;
use crate::pq_ratchet::{CHUNK_LEN, Chunk, ChunkIndex, Slot};
use crate::primitives::dh::SecretKey;
use crate::test_support::bad_points;
use proptest::prelude::*;

fn header(n: u32, previous_length: u32) -> Header {
    Header {
        dh: PublicKey::parse(&[7; 32]).unwrap(),
        previous_length,
        n,
        pq: PqFields {
            epoch: 1,
            slot: Slot::Idle,
        },
    }
}

#[test]
fn fields_lie_where_the_specification_puts_them() {
    let bytes = header(0x0102, 0x0304).to_bytes();
    assert_eq!(bytes[..32], [7; 32]);
    assert_eq!(bytes[32..42], [0, 0, 3, 4, 0, 0, 1, 2, 0, 1]);
    assert_eq!(bytes[42..], [0; 121]);
}

#[test]
fn integer_extremes_are_rejected() {
    for previous_length in [1_000, 1_001, u32::MAX - 1, u32::MAX] {
        assert!(
            Header::parse(&header(0, previous_length).to_bytes()).is_err(),
            "PN = {previous_length}"
        );
    }
    assert!(Header::parse(&header(998, 999).to_bytes()).is_ok());
}

#[test]
fn e1_low_order_and_non_canonical_ratchet_keys_are_rejected() {
    for dh in bad_points() {
        let mut bytes = header(0, 0).to_bytes();
        bytes[..32].copy_from_slice(&dh);
        assert!(Header::parse(&bytes).is_err());
    }
}

proptest! {
    #[test]
    fn parse_inverts_encode(
        n in 0..=998_u32,
        previous_length in 0..=999_u32,
        secret: [u8; 32],
        epoch: u16,
        slot in 0..5_u8,
        index in 0..10_u8,
        byte: u8,
    ) {
        let chunk = Chunk { index: ChunkIndex::new(index).unwrap(), bytes: [byte; CHUNK_LEN] };
        let slots = [Slot::Idle, Slot::Key(chunk), Slot::Ciphertext(chunk), Slot::HaveCiphertext, Slot::Mix];
        let pq = PqFields { epoch, slot: slots[usize::from(slot)] };
        let dh = SecretKey::from_bytes(&secret).public_key();
        let header = Header { dh, previous_length, n, pq };
        prop_assert!(Header::parse(&header.to_bytes()) == Ok(header));
    }

    #[test]
    fn what_parses_encodes_to_the_same_bytes(
        n in 0..1_100_u32,
        previous_length in 0..1_100_u32,
        kind_index: u8,
        flags in 0..8_u8,
        at in 44..163_usize,
        value in 0..2_u8,
    ) {
        let mut bytes = header(n, previous_length).to_bytes();
        bytes[42] = kind_index;
        bytes[43] = flags;
        bytes[at] = value;
        if let Ok(header) = Header::parse(&bytes) {
            prop_assert_eq!(header.to_bytes(), bytes);
        }
    }
}
