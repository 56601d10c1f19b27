use super::*;

const CHUNK: [u8; CHUNK_LEN] = [9; CHUNK_LEN];

fn slot(announcement: Announcement) -> Slot {
    let chunk = Chunk {
        index: ChunkIndex::new(7).unwrap(),
        bytes: CHUNK,
    };
    match announcement {
        Announcement::Idle => Slot::Idle,
        Announcement::Key => Slot::Key(chunk),
        Announcement::Ciphertext => Slot::Ciphertext(chunk),
        Announcement::HaveCiphertext => Slot::HaveCiphertext,
        Announcement::Mix => Slot::Mix,
    }
}

fn bytes(announcement: Announcement) -> [u8; FIELDS_LEN] {
    let fields = PqFields {
        epoch: 0x0102,
        slot: slot(announcement),
    };
    let mut bytes = [0xee; FIELDS_LEN];
    fields.write(&mut bytes);
    bytes
}

#[test]
fn fields_lie_where_the_specification_puts_them() {
    let expected = [
        (Announcement::Idle, [1, 2, 0x00, 0], [0; CHUNK_LEN]),
        (Announcement::Key, [1, 2, 0x17, 0], CHUNK),
        (Announcement::Ciphertext, [1, 2, 0x27, 1], CHUNK),
        (
            Announcement::HaveCiphertext,
            [1, 2, 0x00, 2],
            [0; CHUNK_LEN],
        ),
        (Announcement::Mix, [1, 2, 0x00, 4], [0; CHUNK_LEN]),
    ];
    for (announcement, head, chunk) in expected {
        let bytes = bytes(announcement);
        assert_eq!((&bytes[..4], &bytes[4..]), (&head[..], &chunk[..]));
        let parsed = PqFields::parse(&bytes).ok().unwrap();
        assert!(parsed.slot == slot(announcement));
        let announced = parsed.announced();
        let (epoch, index_free) = (0x0102, [1, 2, head[2] & 0xf0, head[3]]);
        assert_eq!(
            announced,
            Announced {
                epoch,
                announcement
            }
        );
        assert_eq!(announced.to_bytes(), index_free);
        assert_eq!(Announced::from_bytes(index_free), Ok(announced));
    }
}

/// Of the 65,536 values of kind, index and flags, 23 are legal: ten of each chunked kind, and three idle ones.
#[test]
fn only_the_combinations_of_the_table_are_legal() {
    let mut legal = Vec::new();
    for (kind_index, flags) in (0..=u8::MAX).flat_map(|k| (0..=u8::MAX).map(move |f| (k, f))) {
        let mut bytes = [0; FIELDS_LEN];
        (bytes[2], bytes[3]) = (kind_index, flags);
        if PqFields::parse(&bytes).is_ok() {
            legal.push((kind_index, flags));
        }
        let announced = Announced::from_bytes([0, 1, kind_index, flags]);
        let of_a_chain = kind_index & 0x0f == 0 && PqFields::parse(&bytes).is_ok();
        assert_eq!(announced.is_ok(), of_a_chain);
    }
    let expected: Vec<_> = [(0x00, 0), (0x00, 2), (0x00, 4)]
        .into_iter()
        .chain((0x10..0x1a).map(|key| (key, 0)))
        .chain((0x20..0x2a).map(|ciphertext| (ciphertext, 1)))
        .collect();
    assert_eq!(legal, expected);
}

#[test]
fn an_idle_chunk_is_zeros() {
    for announcement in [
        Announcement::Idle,
        Announcement::HaveCiphertext,
        Announcement::Mix,
    ] {
        for at in 4..FIELDS_LEN {
            let mut bytes = bytes(announcement);
            bytes[at] = 1;
            assert!(PqFields::parse(&bytes).is_err());
        }
    }
}

#[test]
fn each_side_says_what_is_its_own() {
    let by = |announcement: Announcement| {
        [true, false].map(|proposer| announcement.may_come_from(proposer))
    };
    assert_eq!(by(Announcement::Idle), [true, true]);
    assert_eq!(by(Announcement::Key), [true, false]);
    assert_eq!(by(Announcement::HaveCiphertext), [true, false]);
    assert_eq!(by(Announcement::Ciphertext), [false, true]);
    assert_eq!(by(Announcement::Mix), [false, true]);
}
