//! Writing resumes where the index says, and reading keeps to its part.

use super::*;

#[test]
fn what_lies_behind_the_recorded_offset_is_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    let id = BlobId::from_bytes([7; 16]);
    let mut first = Writer::open(dir.path(), id, 0).unwrap();
    first.write(b"durable, then torn").unwrap();
    first.sync().unwrap();
    let mut second = Writer::open(dir.path(), id, 7).unwrap();
    second.write(b"!").unwrap();
    let mut whole = Reader::open(dir.path(), id, 0, 8).unwrap();
    assert_eq!(whole.read(100).unwrap(), b"durable!");
    assert!(whole.read(100).unwrap().is_empty());
}

#[test]
fn a_reader_gives_its_part_in_bounded_pieces() {
    let dir = tempfile::tempdir().unwrap();
    let id = BlobId::from_bytes([1; 16]);
    Writer::open(dir.path(), id, 0)
        .unwrap()
        .write(b"0123456789")
        .unwrap();
    let mut part = Reader::open(dir.path(), id, 2, 5).unwrap();
    assert_eq!(part.read(3).unwrap(), b"234");
    assert_eq!(part.read(3).unwrap(), b"56");
    assert_eq!(part.read(3).unwrap(), b"");
    let mut beyond = Reader::open(dir.path(), id, 8, 5).unwrap();
    assert!(beyond.read(5).is_err());
}

#[test]
fn listing_knows_blobs_only_and_removing_is_idempotent() {
    let dir = tempfile::tempdir().unwrap();
    let id = BlobId::from_bytes([0xAB; 16]);
    Writer::open(dir.path(), id, 0).unwrap();
    let folders = folders(dir.path()).unwrap();
    assert_eq!(folders.len(), 1);
    fs::write(folders[0].join("notes.txt"), "not a blob").unwrap();
    assert_eq!(ids_in(&folders[0]).unwrap(), vec![id]);
    remove(dir.path(), id).unwrap();
    remove(dir.path(), id).unwrap();
    assert!(ids_in(&folders[0]).unwrap().is_empty());
}
