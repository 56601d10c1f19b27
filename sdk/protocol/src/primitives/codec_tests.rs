use proptest::prelude::*;

use super::*;

#[test]
fn integers_are_big_endian() {
    let mut bytes = Vec::new();
    Writer::new(&mut bytes)
        .u8(1)
        .u16(0x0203)
        .u32(0x0405_0607)
        .u64(0x0809_0a0b_0c0d_0e0f);
    assert_eq!(bytes, (1..=15).collect::<Vec<u8>>());
    let mut reader = Reader::new(&bytes);
    assert_eq!(reader.u8(), Ok(1));
    assert_eq!(reader.u16(), Ok(0x0203));
    assert_eq!(reader.u32(), Ok(0x0405_0607));
    assert_eq!(reader.u64(), Ok(0x0809_0a0b_0c0d_0e0f));
    assert_eq!(reader.finish(), Ok(()));
}

#[test]
fn limits_and_ends_are_errors() {
    assert_eq!(Reader::new(&[0]).finish(), Err(DecodeError::TrailingBytes));
    assert_eq!(Reader::new(&[0]).u16(), Err(DecodeError::Truncated));
    assert_eq!(
        Reader::new(&[3, 0, 0]).field_u8(3),
        Err(DecodeError::Truncated)
    );
    assert_eq!(
        Reader::new(&[3, 0, 0, 0]).field_u8(2),
        Err(DecodeError::TooLong)
    );
    assert_eq!(
        Reader::new(&[0, 3, 0, 0, 0]).field_u16(2),
        Err(DecodeError::TooLong)
    );
    assert_eq!(
        Reader::new(&[0, 1]).zeros(2),
        Err(DecodeError::InvalidValue)
    );
    let mut buffer = Vec::new();
    assert!(Writer::new(&mut buffer).field_u8(&[0; 256]).is_err());
    assert!(Writer::new(&mut buffer).field_u16(&[0; 65_536]).is_err());
    assert!(buffer.is_empty(), "a refused field leaves nothing behind");
}

proptest! {
    #[test]
    fn fields_round_trip(
        short in prop::collection::vec(any::<u8>(), 0..=255),
        long in prop::collection::vec(any::<u8>(), 0..2_000),
    ) {
        let mut bytes = Vec::new();
        Writer::new(&mut bytes).field_u8(&short).unwrap().field_u16(&long).unwrap();
        let mut reader = Reader::new(&bytes);
        prop_assert_eq!(reader.field_u8(255), Ok(&short[..]));
        prop_assert_eq!(reader.field_u16(2_000), Ok(&long[..]));
        prop_assert_eq!(reader.finish(), Ok(()));
    }
}
