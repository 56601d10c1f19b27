//! What is left of the sessions' keys in memory when engines are closed, as locking does.

use zeroize::Zeroizing;

use super::world::World;
use crate::store::tests::memory::{MaskedKey, burn_stack};
use crate::store::{ContactId, ContactState};

/// Where the root key is in a session's bytes: behind version, id, role and transcript hash.
const ROOT_KEY: std::ops::Range<usize> = 50..82;

/// People who write to Ben: so many that his table of sessions grows.
const FRIENDS: usize = 6;

/// The root keys of all sessions with a device's contacts, masked.
#[inline(never)]
fn root_keys(world: &mut World, device: usize, contacts: &[ContactId]) -> Vec<MaskedKey> {
    world
        .command(device, |step| {
            let mut keys = Vec::new();
            for contact in contacts {
                for row in step.tx.peer_devices().of_contact(*contact)? {
                    for cached in step.core.sessions.of(row.id) {
                        let bytes: Zeroizing<Vec<u8>> = cached.session.to_bytes();
                        let mut masked = [0; 32];
                        for (to, from) in masked.iter_mut().zip(&bytes[ROOT_KEY]) {
                            *to = MaskedKey::mask(*from);
                        }
                        keys.push(MaskedKey::from_masked(masked));
                    }
                }
            }
            Ok::<_, crate::error::StepError>(keys)
        })
        .unwrap()
}

/// S3.
#[test]
fn s3_closed_engines_have_left_no_root_key_in_memory() {
    let mut world = World::new(740);
    let ben = world.account("Ben");
    world.go_online(ben);
    world.settle();
    let mut contacts = Vec::new();
    for n in 0..FRIENDS {
        let friend = world.account(&n.to_string());
        world.go_online(friend);
        world.settle();
        let link = world.invite(ben);
        world.add(friend, &link, "hello");
        world.settle();
        let request = world.contact_in(ben, ContactState::Requested).unwrap();
        world.command(ben, |step| step.accept(request)).unwrap();
        contacts.push(request);
        world.run_for(5_000);
    }
    let keys = root_keys(&mut world, ben, &contacts);
    burn_stack();
    assert_eq!(keys.len(), FRIENDS);
    let found = |keys: &[MaskedKey]| keys.iter().map(|key| key.in_memory().0).collect::<Vec<_>>();
    let before = found(&keys);
    assert!(
        before.iter().all(|count| *count >= 1),
        "the search finds them: {before:?}"
    );
    drop(world);
    burn_stack();
    assert_eq!(found(&keys), [0; FRIENDS]);
}
