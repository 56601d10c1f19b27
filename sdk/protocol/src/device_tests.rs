use super::*;
use crate::{
    account::Root,
    manifest::{ManifestHash, ManifestVersion},
    test_support::{FixedRng, assert_every_flip_rejected, rng},
    time::DAY_MS,
};

const NOW: Timestamp = Timestamp(1_800_000_000_000);
const MANIFEST: ManifestRef = ManifestRef {
    version: ManifestVersion {
        epoch: 1,
        counter: 9,
    },
    hash: ManifestHash([3; 32]),
};

fn setup() -> (AccountKey, DeviceIdentity) {
    let mut rng = rng(1);
    (
        Root::generate(&mut rng).account_key(),
        DeviceKeys::generate(&mut rng).unwrap().public(),
    )
}

fn read(bytes: &[u8]) -> Result<DeviceStatement, DecodeError> {
    let mut reader = Reader::new(bytes);
    let statement = DeviceStatement::read(&mut reader)?;
    reader.finish()?;
    Ok(statement)
}

#[test]
fn a_mailbox_is_named_by_the_hash_of_its_key() {
    let keys = DeviceKeys::generate(&mut rng(1)).unwrap();
    let hash = sha256(&[keys.mailbox.public_key().as_bytes()]);
    assert_eq!(keys.public().mailbox.as_bytes()[..], hash[..16]);
}

/// Attack row E10: a broken generator stops key generation instead of giving equal keys.
#[test]
fn e10_a_generator_that_repeats_is_noticed() {
    assert_eq!(
        DeviceKeys::generate(&mut FixedRng::new(&[7])).err(),
        Some(RandomnessRepeats)
    );
    assert_eq!(
        DeviceKeys::generate(&mut FixedRng::new(&[0; 32])).err(),
        Some(RandomnessRepeats)
    );
    // Two secrets alike, whichever they are; in front of them is the id.
    for secrets in [[1, 1, 2], [2, 1, 1], [1, 2, 1]] {
        let bytes = [&[9; 16][..], &secrets.map(|byte| [byte; 32]).concat()].concat();
        assert_eq!(
            DeviceKeys::generate(&mut FixedRng::new(&bytes)).err(),
            Some(RandomnessRepeats),
            "{secrets:?}"
        );
    }
    assert!(DeviceKeys::generate(&mut rng(1)).is_ok());
}

#[test]
fn a_statement_holds_for_its_device_account_and_manifest_only() {
    let (key, device) = setup();
    let account = AccountId::of(&key);
    let statement = DeviceStatement::sign(&key, &device, &MANIFEST, NOW);
    assert_eq!(statement.verify(&account, &device, &MANIFEST, NOW), Ok(()));
    let other = DeviceKeys::generate(&mut rng(2)).unwrap().public();
    let other_account = AccountId::of(&Root::generate(&mut rng(3)).account_key());
    let changed = [
        DeviceIdentity {
            id: other.id,
            ..device
        },
        DeviceIdentity {
            identity_key: other.identity_key,
            ..device
        },
        DeviceIdentity {
            signing_key: other.signing_key,
            ..device
        },
        DeviceIdentity {
            mailbox: other.mailbox,
            ..device
        },
    ];
    for device in changed {
        assert_eq!(
            statement.verify(&account, &device, &MANIFEST, NOW),
            Err(StatementError::NotVerified)
        );
    }
    assert_eq!(
        statement.verify(&other_account, &device, &MANIFEST, NOW),
        Err(StatementError::NotVerified)
    );
    for manifest in [
        ManifestRef {
            hash: ManifestHash([4; 32]),
            ..MANIFEST
        },
        ManifestRef {
            version: ManifestVersion {
                epoch: 1,
                counter: 10,
            },
            ..MANIFEST
        },
        ManifestRef {
            version: ManifestVersion {
                epoch: 0,
                counter: 9,
            },
            ..MANIFEST
        },
    ] {
        assert_eq!(
            statement.verify(&account, &device, &manifest, NOW),
            Err(StatementError::NotVerified)
        );
    }
}

#[test]
fn a_statement_ends_after_a_year() {
    let (key, device) = setup();
    let account = AccountId::of(&key);
    let statement = DeviceStatement::sign(&key, &device, &MANIFEST, NOW);
    let check = |now| statement.verify(&account, &device, &MANIFEST, now);
    assert_eq!(statement.expires(), NOW.plus(365 * DAY_MS));
    assert_eq!(check(NOW.plus(365 * DAY_MS)), Ok(()));
    assert_eq!(
        check(NOW.plus(365 * DAY_MS + 1)),
        Err(StatementError::Expired)
    );
    assert_eq!(check(NOW.minus(DAY_MS)), Ok(()));
    assert_eq!(check(NOW.minus(DAY_MS + 1)), Err(StatementError::TooLong));
}

#[test]
fn any_flipped_byte_of_a_statement_is_rejected() {
    let (key, device) = setup();
    let account = AccountId::of(&key);
    let bytes = DeviceStatement::sign(&key, &device, &MANIFEST, NOW).to_bytes();
    assert_every_flip_rejected(&bytes, |bytes| {
        read(bytes)
            .is_ok_and(|statement| statement.verify(&account, &device, &MANIFEST, NOW).is_ok())
    });
}

#[test]
fn a_device_identity_round_trips() {
    let (_, device) = setup();
    let mut bytes = Vec::new();
    device.write(&mut Writer::new(&mut bytes));
    assert_eq!(bytes.len(), DeviceIdentity::LEN);
    assert_eq!(DeviceIdentity::read(&mut Reader::new(&bytes)), Ok(device));
    // A low-order identity key, and a signing key that is no point of the curve.
    let mut low_order = bytes.clone();
    low_order[16..48].fill(0);
    assert_eq!(
        DeviceIdentity::read(&mut Reader::new(&low_order)),
        Err(DecodeError::InvalidKey)
    );
    bytes[48..80].fill(0);
    assert_eq!(
        DeviceIdentity::read(&mut Reader::new(&bytes)),
        Err(DecodeError::InvalidKey)
    );
}
