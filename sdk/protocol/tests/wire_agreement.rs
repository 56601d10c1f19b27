//! What this crate and `undertone-wire` compute each on their own must agree: neither may depend on the other.

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use undertone_protocol::{
    account::ManifestWriteKey,
    delivery::BEARER_LEN,
    device::{DeviceKeys, MailboxId},
    labels,
    limits::{MANIFEST_BUCKETS, ONE_TIME_KEM_PREKEYS, ONE_TIME_PREKEYS},
    manifest::RecordId,
    prekeys::{LastResortPrekey, PrekeyOwner, one_time::generate_one_time_kem},
    time::Timestamp,
};
use undertone_wire::signed::{DeleteRecordBody, SignedBody};

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::from_seed([1; 32])
}

#[test]
fn labels_of_both_are_prefix_free_together() {
    for ours in labels::ALL {
        for theirs in undertone_wire::labels::ALL {
            let shared = "undertone/v1/record-id";
            let apart = !ours.starts_with(theirs) && !theirs.starts_with(ours);
            assert!(
                apart || (*ours == shared && theirs == shared),
                "{ours} and {theirs}"
            );
        }
    }
}

#[test]
fn ids_are_the_same() {
    let mailbox = DeviceKeys::generate(&mut rng())
        .unwrap()
        .mailbox
        .public_key();
    assert_eq!(
        MailboxId::of(&mailbox).as_bytes(),
        undertone_wire::MailboxId::of_key(mailbox.as_bytes()).as_bytes()
    );
    let write_key = ManifestWriteKey::generate(&mut rng()).public_key();
    assert_eq!(
        RecordId::of(&write_key).as_bytes(),
        undertone_wire::RecordId::of_write_key(write_key.as_bytes()).as_bytes()
    );
}

#[test]
fn what_a_write_key_signs_the_relay_accepts() {
    let key = ManifestWriteKey::generate(&mut rng());
    let public = key.public_key();
    let body = DeleteRecordBody {
        write_key: public.as_bytes(),
        expected_version: 3,
    };
    assert!(
        body.verify(&key.sign_framed(&body.signed_bytes()).0)
            .is_ok()
    );
}

#[test]
fn what_is_published_fits_the_relay() {
    use undertone_wire::limits;
    let (keys, now) = (DeviceKeys::generate(&mut rng()).unwrap(), Timestamp(1));
    let account = undertone_protocol::account::Root::generate(&mut rng()).account_key();
    let owner = PrekeyOwner {
        account: undertone_protocol::account::AccountId::of(&account),
        device: keys.id,
        signing_key: &keys.signing,
    };
    let batch = generate_one_time_kem(&owner, 256, now, &mut rng()).unwrap();
    assert!(
        batch
            .iter()
            .all(|kpk| kpk.item.len() <= limits::MAX_PREKEY_ITEM_BYTES)
    );
    let last = LastResortPrekey::generate(&owner, now, &mut rng());
    assert!(last.item.len() <= limits::MAX_PREKEY_ITEM_BYTES);
    assert!(
        MANIFEST_BUCKETS
            .iter()
            .all(|bucket| *bucket <= limits::MAX_RECORD_BYTES)
    );
    const { assert!(ONE_TIME_PREKEYS <= limits::MAX_ONE_TIME_X25519) };
    const { assert!(ONE_TIME_KEM_PREKEYS <= limits::MAX_ONE_TIME_KEM) };
    assert_eq!(BEARER_LEN, undertone_wire::bearer::BEARER_LEN);
}
