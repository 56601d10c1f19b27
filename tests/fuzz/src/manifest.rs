//! Manifests: a body that was edited or made up and then signed by the account key, a signed one that was edited behind its signature, and the
//! pin that a contact keeps.
//!
//! Asserted: a manifest that is accepted is written again as the same bytes, has the hash of its body, keeps the limits, and has one signed by the
//! draft after it that its reader takes for the next; an edited one says what was signed or is refused; the pin moves to what is newer and to
//! nothing else, and never to another succession key.

use undertone_protocol::limits::{
    MAX_DEVICES, MAX_MANIFEST_EXTENSION_LEN, MAX_MANIFEST_LIFETIME_MS, MAX_REVOKED,
};
use undertone_protocol::manifest::{
    Gossip, Link, ManifestDraft, ManifestVersion, Pin, Verdict, VerifiedManifest,
};

use crate::edit::{chosen, edited, flip};
use crate::party::{ALICE, NOW};
use crate::signing::{SECOND, body_of, encoded, reference_of, signed};

/// Longest body that is signed: what a manifest's length field can say.
const MAX_BODY: usize = u16::MAX as usize;

/// The first byte chooses: the first or second manifest's body edited and signed, a body of the input's own, the second manifest edited after it
/// was signed, a pin.
pub fn run(data: &[u8]) {
    let Some((choice, script)) = data.split_first() else {
        return;
    };
    match choice % 5 {
        0 => judge(&edited(body_of(&ALICE.manifest), script)),
        1 => judge(&edited(body_of(&SECOND), script)),
        2 => judge(script),
        3 => {
            let bytes = edited(SECOND.signed_bytes(), script);
            if let Ok(manifest) = VerifiedManifest::parse(&bytes, &ALICE.account) {
                assert_eq!(manifest.body(), SECOND.body());
                assert_eq!(manifest.reference(), SECOND.reference());
            }
        }
        _ => {
            if let Ok(pin) = Pin::from_bytes(script) {
                assert_eq!(pin.to_bytes(), script);
                pinned(pin, &SECOND);
            }
        }
    }
}

fn judge(body: &[u8]) {
    if body.len() > MAX_BODY {
        return;
    }
    let Ok(manifest) = VerifiedManifest::parse(&signed(body, &[]), &ALICE.account) else {
        return;
    };
    let says = manifest.body();
    assert_eq!(encoded(says), body);
    assert_eq!(says.account, ALICE.account);
    assert_eq!(manifest.reference(), reference_of(says.version, body));
    assert!((1..=MAX_DEVICES).contains(&says.devices.len()));
    assert!(says.revoked.len() <= MAX_REVOKED);
    assert!(says.extensions.len() <= MAX_MANIFEST_EXTENSION_LEN);
    assert!(says.expires > says.issued);
    assert!(says.expires.since(says.issued) <= MAX_MANIFEST_LIFETIME_MS);
    for device in &says.devices {
        let id = device.identity.id;
        assert_eq!(manifest.device(&id), Some(device));
        assert!(manifest.statement(&id).is_some());
        assert!(!says.revoked.contains(&id));
    }
    pinned(Pin::first(&ALICE.manifest), &manifest);
    pinned(Pin::claimed(SECOND.reference()), &manifest);
    succeeded(&manifest);
}

fn pinned(pin: Pin, manifest: &VerifiedManifest) {
    let (old, new) = (pin.reference(), manifest.reference());
    let moved = pin.advanced(manifest);
    match pin.check(manifest) {
        Verdict::Fresh(_) => {
            assert!(new.version > old.version);
            assert_eq!(moved.reference(), new);
        }
        Verdict::Same => assert_eq!((old, moved.reference()), (new, new)),
        Verdict::Stale => assert!(new.version < old.version),
        Verdict::Fork => assert!(new.version >= old.version),
    }
    if matches!(pin.check(manifest), Verdict::Stale | Verdict::Fork) {
        assert_eq!(moved, pin);
    }
    if pin.succession().is_some() {
        assert_eq!(moved.succession(), pin.succession());
    }
    let stored = moved.to_bytes();
    assert_eq!(Pin::from_bytes(&stored), Ok(moved));
    let reference = moved.reference();
    let gossip = moved.check_gossip(reference.version, &reference.hash.gossip());
    assert_eq!(gossip, Gossip::Same);
}

fn succeeded(manifest: &VerifiedManifest) {
    let Ok(draft) = ManifestDraft::successor(manifest) else {
        let ManifestVersion { counter, .. } = manifest.body().version;
        assert_eq!(counter, u32::MAX);
        return;
    };
    let next = draft.sign(&ALICE.key, NOW).unwrap();
    let read = VerifiedManifest::parse(next.signed_bytes(), &ALICE.account);
    assert_eq!(read.as_ref(), Ok(&next));
    let verdict = Pin::first(manifest).check(&next);
    assert_eq!(verdict, Verdict::Fresh(Link::Chained));
}

/// Both manifests, their bodies, a pin, and each part with one byte changed.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = vec![
        chosen(0, &[]),
        chosen(1, &[]),
        chosen(2, body_of(&ALICE.manifest)),
        chosen(3, &[]),
        chosen(4, &Pin::first(&ALICE.manifest).to_bytes()),
        chosen(4, &Pin::claimed(SECOND.reference()).to_bytes()),
    ];
    let parts = [
        0, 1, 36, 40, 48, 80, 88, 92, 130, 1_690, 1_721, 1_730, 1_760, 1_818, 1_840, 1_850,
    ];
    for part in parts {
        seeds.push(chosen(0, &flip(part, 1)));
        seeds.push(chosen(1, &flip(part, 2)));
        seeds.push(chosen(3, &flip(part + 2, 1)));
    }
    seeds
}
