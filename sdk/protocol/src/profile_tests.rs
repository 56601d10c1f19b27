use super::*;
use crate::limits::MANIFEST_BUCKETS;
use crate::test_support::rng;
use crate::time::DAY_MS;

fn profile() -> Profile {
    Profile {
        name: "Ada".to_owned(),
        about: "Grüße, 世界".to_owned(),
        avatar: vec![1, 2, 3],
    }
}

fn record() -> ProfileRecord {
    ProfileRecord {
        profile: profile(),
        last_seen: QuarterHour::of(Timestamp(DAY_MS)),
    }
}

fn key(byte: u8) -> ProfileKey {
    ProfileKey::from_bytes(&[byte; 32])
}

fn id(byte: u8) -> RecordId {
    RecordId::of(&ManifestWriteKey::generate(&mut rng(byte)).public_key())
}

#[test]
fn a_key_is_stored_as_it_is() {
    assert_eq!(key(9).expose(), &[9; PROFILE_KEY_LEN]);
}

#[test]
fn a_profile_is_read_back_with_its_digest() {
    for record in [record(), ProfileRecord::default()] {
        let value = record.seal(&key(1), &id(1), &mut rng(2)).unwrap();
        let (opened, digest) = ProfileRecord::open(&value, &key(1), &id(1)).unwrap();
        assert_eq!(opened, record);
        assert_eq!(digest, record.profile.digest().unwrap());
    }
}

/// When its owner was there is not what contacts were told of: it may change alone.
#[test]
fn the_digest_covers_what_the_profile_says_and_not_when_its_owner_was_there() {
    let digest = profile().digest().unwrap();
    let changes: [fn(&mut Profile); 3] = [
        |profile| profile.name.push('x'),
        |profile| profile.about.push('x'),
        |profile| profile.avatar.push(0),
    ];
    for change in changes {
        let mut changed = profile();
        change(&mut changed);
        assert_ne!(changed.digest().unwrap(), digest);
    }
    let mut later = record();
    later.last_seen = QuarterHour::of(Timestamp(2 * DAY_MS));
    let value = later.seal(&key(1), &id(1), &mut rng(2)).unwrap();
    assert_eq!(
        ProfileRecord::open(&value, &key(1), &id(1)).unwrap().1,
        digest
    );
}

#[test]
fn a_profile_opens_for_who_has_its_key_and_in_its_record_only() {
    let value = record().seal(&key(1), &id(1), &mut rng(2)).unwrap();
    for (key, id) in [(key(2), id(1)), (key(1), id(2))] {
        assert_eq!(
            ProfileRecord::open(&value, &key, &id),
            Err(ProfileError::NotAuthentic)
        );
    }
    for at in (0..value.len()).step_by(97) {
        let mut changed = value.clone();
        changed[at] ^= 1;
        assert_eq!(
            ProfileRecord::open(&changed, &key(1), &id(1)),
            Err(ProfileError::NotAuthentic),
            "{at}"
        );
    }
    assert!(ProfileRecord::open(&value[1..], &key(1), &id(1)).is_err());
}

/// C10: whether there is a name, a long text or when somebody was there shows in no length; a profile without a picture is as long as a
/// list of devices.
#[test]
fn c10_a_profile_without_a_picture_has_one_length() {
    let longest = ProfileRecord {
        profile: Profile {
            name: "n".repeat(MAX_NAME),
            about: "a".repeat(MAX_ABOUT),
            avatar: Vec::new(),
        },
        last_seen: record().last_seen,
    };
    for record in [ProfileRecord::default(), longest] {
        let value = record.seal(&key(1), &id(1), &mut rng(2)).unwrap();
        assert_eq!(value.len(), MANIFEST_BUCKETS[0]);
    }
    let mut largest = record();
    largest.profile.avatar = vec![7; MAX_AVATAR];
    let value = largest.seal(&key(1), &id(1), &mut rng(2)).unwrap();
    assert_eq!(value.len(), MANIFEST_BUCKETS[3]);
}

#[test]
fn a_profile_keeps_its_limits() {
    let changes: [fn(&mut Profile); 3] = [
        |profile| profile.name = "n".repeat(MAX_NAME + 1),
        |profile| profile.about = "a".repeat(MAX_ABOUT + 1),
        |profile| profile.avatar = vec![0; MAX_AVATAR + 1],
    ];
    for change in changes {
        let mut record = record();
        change(&mut record.profile);
        assert_eq!(record.profile.encode(), Err(ProfileTooLong));
        assert_eq!(
            record.seal(&key(1), &id(1), &mut rng(2)),
            Err(ProfileTooLong)
        );
    }
}

/// A relay cannot make these, since it has no key; another implementation could.
#[test]
fn what_is_sealed_and_no_profile_is_refused() {
    let sealed = |content: &[u8]| {
        let key = key(1);
        let value = sealed_record::seal(&key.seal_key(&id(1)), &id(1), content, &mut rng(3));
        ProfileRecord::open(&value.unwrap(), &key, &id(1)).map(|_| ())
    };
    let profile = profile().encode().unwrap();
    assert_eq!(sealed(&[&[1, 0, 0, 0, 0][..], &profile].concat()), Ok(()));
    assert_eq!(
        sealed(&[&[2, 0, 0, 0, 0][..], &profile].concat()),
        Err(ProfileError::Version)
    );
    let malformed = Err(ProfileError::Malformed);
    assert_eq!(sealed(&[]), malformed);
    assert_eq!(sealed(&[1, 0, 0, 0, 0]), malformed);
    assert_eq!(
        sealed(&[&[1, 0, 0, 0, 0][..], &profile, &[0]].concat()),
        malformed
    );
    // A name that is no text, and one that is too long.
    assert_eq!(
        sealed(&[1, 0, 0, 0, 0, 0, 1, 0xff, 0, 0, 0, 0, 0, 0]),
        malformed
    );
    let long = [&[1, 0, 0, 0, 0, 0, 65][..], &[b'n'; 65], &[0; 6]].concat();
    assert_eq!(sealed(&long), malformed);
}

#[test]
fn a_later_version_may_add_to_a_profile() {
    let mut encoded = profile().encode().unwrap();
    encoded.truncate(encoded.len() - 2);
    encoded.extend([0, 3, 7, 8, 9]);
    assert_eq!(Profile::parse(&encoded), Ok(profile()));
}

#[test]
fn the_record_moves_with_the_profile_key_and_no_contact_can_write_it() {
    let device_record_key = ManifestWriteKey::generate(&mut rng(5));
    let write_key = key(1).write_key(&device_record_key);
    let again = key(1).write_key(&device_record_key);
    assert!(write_key.public_key() == again.public_key());
    assert!(write_key.public_key() != key(2).write_key(&device_record_key).public_key());
    let other = ManifestWriteKey::generate(&mut rng(6));
    assert!(write_key.public_key() != key(1).write_key(&other).public_key());
}

#[test]
fn a_time_tells_no_more_than_the_quarter_of_an_hour() {
    let quarter = |ms| QuarterHour::of(Timestamp(ms));
    assert_eq!(quarter(QUARTER_HOUR_MS - 1), None);
    assert_eq!(quarter(QUARTER_HOUR_MS), quarter(2 * QUARTER_HOUR_MS - 1));
    assert_eq!(
        quarter(2 * QUARTER_HOUR_MS - 1).unwrap().begins(),
        Timestamp(QUARTER_HOUR_MS)
    );
    assert_eq!(quarter(u64::MAX), None);
}
