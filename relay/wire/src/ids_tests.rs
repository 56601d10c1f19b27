use super::*;

#[test]
fn ids_are_the_documented_hashes() {
    let key = [7u8; 32];
    assert_eq!(
        MailboxId::of_key(&key).as_bytes(),
        &Sha256::digest(key)[..16]
    );
    let mut labelled = labels::RECORD_ID.as_bytes().to_vec();
    labelled.extend_from_slice(&key);
    assert_eq!(
        RecordId::of_write_key(&key).as_bytes(),
        &Sha256::digest(labelled)[..16]
    );
}

#[test]
fn a_field_of_another_length_is_no_id() {
    assert_eq!(MessageId::try_from([0u8; 15].as_slice()), Err(BadIdLength));
    assert_eq!(MessageId::try_from([0u8; 17].as_slice()), Err(BadIdLength));
    assert_eq!(MessageId::try_from(&Bytes::new()), Err(BadIdLength));
    let id = MessageId::from_bytes([3; 16]);
    assert_eq!(MessageId::try_from(&id.to_field()), Ok(id));
}

#[test]
fn derived_ids_differ_and_wrap() {
    let base = MessageId::from_bytes([0xff; 16]);
    assert_eq!(MessageId::derive(base, 0), base);
    let next = MessageId::derive(base, 1);
    assert_eq!(&next.as_bytes()[12..], &[0, 0, 0, 0]);
    assert_eq!(&next.as_bytes()[..12], &[0xff; 12]);
}

#[test]
fn debug_shows_no_byte() {
    assert_eq!(
        format!("{:?}", MailboxId::from_bytes([9; 16])),
        "MailboxId(..)"
    );
}
