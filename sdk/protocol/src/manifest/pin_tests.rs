use super::*;
use crate::manifest::{
    ManifestDraft,
    fixture::{Fixture, NOW, device, record_key},
};

/// Attack row D2: a rollback is stale, a fork is an alarm, whichever way it is met.
#[test]
fn d2_rollback_is_stale_and_fork_is_found() {
    let f = Fixture::new(1);
    let first = f.first();
    let second = f.next(&first);
    let third = f.next(&second);
    let fork = {
        let mut draft = ManifestDraft::successor(&first).unwrap();
        draft.add(device(2));
        draft.sign(&f.key, NOW).unwrap()
    };
    let after_fork = f.next(&fork);
    let pin = Pin::first(&second);
    assert_eq!(pin.check(&first), Verdict::Stale);
    assert_eq!(pin.check(&second), Verdict::Same);
    assert_eq!(pin.check(&third), Verdict::Fresh(Link::Chained));
    assert_eq!(pin.check(&fork), Verdict::Fork);
    assert_eq!(pin.check(&after_fork), Verdict::Fork);
    assert_eq!(pin.check(&f.next(&third)), Verdict::Fresh(Link::Gap));
    for unpinned in [&first, &second, &fork, &after_fork] {
        assert_eq!(pin.advanced(unpinned), pin);
    }
    assert_eq!(pin.advanced(&third).reference(), third.reference());

    let gossip = |manifest: &VerifiedManifest| {
        let reference = manifest.reference();
        pin.check_gossip(reference.version, &reference.hash.gossip())
    };
    assert_eq!(gossip(&first), Gossip::PeerIsBehind);
    assert_eq!(gossip(&second), Gossip::Same);
    assert_eq!(gossip(&third), Gossip::PeerIsAhead);
    assert_eq!(gossip(&fork), Gossip::Fork);
    assert_eq!(Pin::from_bytes(&pin.to_bytes()), Ok(pin));
}

#[test]
fn a_recovery_is_newer_than_everything_before_it() {
    let f = Fixture::new(1);
    let first = f.first();
    let mut newest = first.clone();
    for _ in 0..3 {
        newest = f.next(&newest);
    }
    let recovered = ManifestDraft::recovery(&first, device(3), record_key(3)).unwrap();
    let recovered = recovered.sign(&f.key, NOW).unwrap();
    assert_eq!(
        recovered.body().version,
        ManifestVersion {
            epoch: 1,
            counter: 1
        }
    );
    assert_eq!(
        Pin::first(&newest).check(&recovered),
        Verdict::Fresh(Link::Recovered)
    );
    assert_eq!(Pin::first(&recovered).check(&newest), Verdict::Stale);
    assert_eq!(recovered.body().revoked, [device(1).identity.id]);
    // Without knowledge of any manifest before it, it is unchained.
    let mut body = recovered.body().clone();
    body.previous = None;
    assert!(VerifiedManifest::parse(&f.signed(&body), &f.account).is_ok());
}

#[test]
fn a_succession_key_is_committed_to_in_the_first_manifest_seen_or_never() {
    let f = Fixture::new(1);
    let pin = Pin::first(&f.first());
    let mut body = f.next(&f.first()).body().clone();
    body.succession = Some(SuccessionCommitment([1; 32]));
    let thief = VerifiedManifest::parse(&f.signed(&body), &f.account).unwrap();
    assert_eq!(pin.advanced(&thief).succession(), None);
    assert_eq!(pin.advanced(&thief).reference(), thief.reference());
}

/// A first message names its sender's manifest before that can be fetched.
#[test]
fn a_claimed_pin_takes_the_commitment_of_the_first_manifest_seen() {
    let f = Fixture::new(1);
    let commitment = SuccessionCommitment([1; 32]);
    let draft = ManifestDraft::first(&f.root, device(1), record_key(1), Some(commitment));
    let manifest = draft.sign(&f.key, NOW).unwrap();
    let claimed = Pin::claimed(manifest.reference());
    assert_eq!(claimed.succession(), None);
    assert_eq!(claimed.check(&manifest), Verdict::Same);
    assert_eq!(claimed.advanced(&manifest), Pin::first(&manifest));
    assert_eq!(
        claimed.advanced(&f.first()),
        claimed,
        "a fork fixes nothing"
    );
    for pin in [claimed, Pin::first(&manifest), Pin::first(&f.first())] {
        assert_eq!(pin.to_bytes().len(), Pin::LEN);
        assert_eq!(Pin::from_bytes(&pin.to_bytes()), Ok(pin));
    }
    let mut contradiction = Pin::first(&manifest).to_bytes();
    contradiction[40] = 0;
    assert_eq!(
        Pin::from_bytes(&contradiction),
        Err(DecodeError::InvalidValue)
    );
}
