//! What the length of an envelope tells the relay: nothing of what is in it.

use std::collections::BTreeMap;

use undertone_protocol::content::Post;
use undertone_protocol::profile::Profile;
use undertone_wire::frame::Body;

use super::world::World;

/// Lengths of all envelopes that a device sent, with how many there were.
fn lengths(world: &World, device: usize) -> BTreeMap<usize, usize> {
    let mut lengths = BTreeMap::new();
    for (_, body) in &world.devices[device].sent {
        if let Body::Send(send) = body {
            *lengths.entry(send.envelope.len()).or_default() += 1;
        }
    }
    lengths
}

/// C10: texts, receipts, an acceptance, completed ratchet steps.
#[test]
fn c10_whatever_a_conversation_needs_leaves_in_envelopes_of_one_length() {
    let (mut world, [anna, ben], [of_anna, of_ben]) = World::acquainted(730);
    for n in 0..12 {
        world.say(anna, of_anna, &"a".repeat(1 + n * 10));
        world.settle();
        world.say(ben, of_ben, "b");
        world.run_for(90_000);
    }
    world.run_for(4 * 24 * 3_600_000);
    let (of_a, of_b) = (lengths(&world, anna), lengths(&world, ben));
    assert_eq!(of_a.keys().copied().collect::<Vec<_>>(), [512, 4_096]);
    assert_eq!(of_a[&4_096], 1, "the first message");
    assert_eq!(of_b.keys().copied().collect::<Vec<_>>(), [512]);
    // Receipts beside the texts.
    assert!(of_a[&512] > 12 && of_b[&512] > 13, "{of_a:?} {of_b:?}");
}

/// C10: whether somebody looks, answers, shows another picture, or wants something seen once.
#[test]
fn c10_what_people_show_of_themselves_leaves_in_envelopes_of_one_length() {
    let (mut world, [anna, ben], [of_anna, of_ben]) = World::acquainted(731);
    for (device, contact) in [(anna, of_anna), (ben, of_ben)] {
        let profile = Profile {
            name: "n".repeat(64),
            about: "a".repeat(512),
            avatar: vec![7; 40_000],
        };
        world
            .command(device, |step| step.set_profile(profile))
            .unwrap();
        let conversation = world.conversation(device, contact);
        world
            .command(device, |step| step.conversation_opened(conversation))
            .unwrap();
        let once = Post {
            view_once: true,
            ..Post::text("a".repeat(170))
        };
        world
            .command(device, |step| step.send_post(conversation, once))
            .unwrap();
        world.run_for(90_000);
        world.say(device, contact, "look at me");
        world.run_for(90_000);
    }
    let (of_a, of_b) = (lengths(&world, anna), lengths(&world, ben));
    assert_eq!(of_a.keys().copied().collect::<Vec<_>>(), [512, 4_096]);
    assert_eq!(of_b.keys().copied().collect::<Vec<_>>(), [512]);
}
