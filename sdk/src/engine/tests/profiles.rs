//! What people show of themselves: to whom, when it is put and fetched, and what nobody learns by it.

use undertone_protocol::account::ManifestWriteKey;
use undertone_protocol::content::{Body as Says, ProfilePlace};
use undertone_protocol::manifest::RecordId;
use undertone_protocol::profile::{Profile, ProfileDigest};
use undertone_protocol::time::DAY_MS;
use undertone_wire::frame::Body;

use super::super::{Audience, Lane, Presence};
use super::presence::talking;
use super::world::{START_MS, World, relay};
use crate::error::{ProfileError, StepError};
use crate::store::{ContactId, ContactState, ShownProfile};

const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 60 * MINUTE_MS;
const QUARTER_MS: u64 = 15 * MINUTE_MS;

fn ada() -> Profile {
    Profile {
        name: "Ada".to_owned(),
        about: "engines".to_owned(),
        avatar: vec![7; 20_000],
    }
}

impl World {
    fn set_profile(&mut self, device: usize, profile: &Profile) {
        self.command(device, |step| step.set_profile(profile.clone()))
            .unwrap();
    }

    fn profile(&mut self, device: usize, contact: ContactId) -> Option<ShownProfile> {
        let view = self.engine(device).view().unwrap();
        view.profile_of(contact).unwrap()
    }

    fn name(&mut self, device: usize, contact: ContactId) -> String {
        let view = self.engine(device).view().unwrap();
        view.contact(contact).unwrap().unwrap().name
    }

    /// How often a device fetched profiles.
    fn fetches(&self, device: usize) -> usize {
        let sent = self.devices[device].sent.iter();
        let fetches = sent.filter(|(lane, _)| matches!(lane, Lane::Profile(_)));
        fetches.count()
    }

    /// The records that a device put, with how often.
    fn puts(&self, device: usize, key: &[u8]) -> usize {
        let sent = self.devices[device].sent.iter();
        let puts = sent.filter(|(lane, body)| {
            let put = matches!(body, Body::PutRecord(put) if put.write_key == key);
            assert!(!put || *lane == Lane::Record(relay()));
            put
        });
        puts.count()
    }

    /// The public key of a device's own profile's record.
    fn profile_key(&mut self, device: usize) -> Vec<u8> {
        let me = &self.engine(device).core.me;
        let key = me.profile.write_key(&me.device_record_key).public_key();
        key.as_bytes().to_vec()
    }
}

#[test]
fn contacts_see_a_profile_and_what_changes_in_it() {
    let (mut world, [anna, ben], [of_anna, of_ben]) = talking(1_200);
    assert_eq!(world.name(ben, of_ben), "Anna");
    world.set_profile(anna, &ada());
    world.run_for(2 * MINUTE_MS);
    let key = world.profile_key(anna);
    assert_eq!(world.puts(anna, &key), 1);
    assert!(!world.is_open(anna, &Lane::Record(relay())));
    assert_eq!(world.profile(ben, of_ben), None);
    // Told with what is sent anyway, and fetched by and by, on a connection of its own.
    world.say(anna, of_anna, "look at me");
    world.run_for(1_000);
    assert_eq!(world.fetches(ben), 0, "nobody sees when it was told");
    world.run_for(15 * MINUTE_MS);
    assert_eq!(world.fetches(ben), 1);
    let shown = world.profile(ben, of_ben).unwrap();
    assert_eq!((&*shown.name, &*shown.about), ("Ada", "engines"));
    assert_eq!(shown.picture_of, Some(ada().digest().unwrap()));
    let picture = world.engine(ben).view().unwrap().avatar(of_ben).unwrap();
    assert_eq!(picture, Some(ada().avatar));
    assert_eq!(world.name(ben, of_ben), "Ada");
    // What the user calls her stays until he wants it no more.
    world
        .command(ben, |step| step.rename(of_ben, "the countess"))
        .unwrap();
    let changed = Profile {
        name: "Ada L.".to_owned(),
        avatar: Vec::new(),
        ..ada()
    };
    world.set_profile(anna, &changed);
    world.run_for(2 * MINUTE_MS);
    world.say(anna, of_anna, "look again");
    world.run_for(DAY_MS + 2 * HOUR_MS);
    let shown = world.profile(ben, of_ben).unwrap();
    assert_eq!((&*shown.name, shown.picture_of), ("Ada L.", None));
    assert_eq!(world.name(ben, of_ben), "the countess");
    world.command(ben, |step| step.rename(of_ben, "")).unwrap();
    assert_eq!(world.name(ben, of_ben), "Ada L.");
    world.restart(anna);
    world.restart(ben);
    assert_eq!(world.profile(ben, of_ben).unwrap().about, "engines");
    let own = world.engine(anna).view().unwrap().profile().unwrap();
    assert_eq!(own, changed);
}

/// Who is written nothing learns it within a week, and a day more until it is fetched.
#[test]
fn a_contact_that_is_written_nothing_learns_of_it_in_time() {
    let (mut world, [anna, ben], [_, of_ben]) = talking(1_210);
    world.set_profile(anna, &ada());
    for _ in 0..9 {
        world.run_for(DAY_MS);
    }
    assert_eq!(world.profile(ben, of_ben).unwrap().name, "Ada");
    // It is told until it is known to have arrived, and no longer.
    let from = world.requests(anna);
    world.run_for(10 * DAY_MS);
    assert!(world.sends(anna, from) <= 3);
}

#[test]
fn a_profile_that_breaks_a_limit_is_refused() {
    let (mut world, [anna, _], _) = World::acquainted(1_220);
    let refused = [
        (
            Profile {
                name: "\n".to_owned(),
                ..ada()
            },
            ProfileError::BadName,
        ),
        (
            Profile {
                about: "a".repeat(513),
                ..ada()
            },
            ProfileError::TooLong,
        ),
        (
            Profile {
                avatar: vec![0; 48 * 1_024 + 1],
                ..ada()
            },
            ProfileError::TooLong,
        ),
    ];
    for (profile, error) in refused {
        let set = world.command(anna, |step| step.set_profile(profile));
        assert_eq!(set, Err(error));
    }
    let own = world.engine(anna).view().unwrap().profile().unwrap();
    assert_eq!(own.name, "Anna");
}

#[test]
fn nothing_is_fetched_for_a_stranger_and_told_to_none() {
    let mut world = World::new(1_230);
    let (anna, ben) = (world.account("Anna"), world.account("Ben"));
    for device in [anna, ben] {
        world.go_online(device);
        world.set_profile(device, &ada());
    }
    world.run_for(2 * MINUTE_MS);
    let link = world.invite(ben);
    let of_anna = world.add(anna, &link, "hello");
    world.run_for(1_000);
    let of_ben = world.contact_in(ben, ContactState::Requested).unwrap();
    // A stranger that tells where to look.
    world
        .command(anna, |step| {
            let place = place(step.rng.next_u64());
            let composed = step.compose_hidden(Says::Profile(place))?;
            step.queue(of_anna, &composed)
        })
        .map_err(|_: StepError| ())
        .unwrap();
    world.run_for(3 * DAY_MS);
    assert_eq!(world.fetches(ben), 0);
    assert_eq!(world.fetches(anna), 0);
    world.command(ben, |step| step.accept(of_ben)).unwrap();
    world.run_for(HOUR_MS);
    assert_eq!(world.profile(anna, of_anna).unwrap().about, "engines");
    world.say(anna, of_anna, "thank you");
    world.run_for(HOUR_MS);
    assert_eq!(world.profile(ben, of_ben).unwrap().about, "engines");
}

/// A place that nothing is at.
fn place(number: u64) -> ProfilePlace {
    let mut digest = [0; 16];
    digest[..8].copy_from_slice(&number.to_be_bytes());
    let mut rng: rand_chacha::ChaCha20Rng = rand_core::SeedableRng::seed_from_u64(number);
    ProfilePlace {
        write_key: ManifestWriteKey::generate(&mut rng).public_key(),
        digest: ProfileDigest(digest),
        tells_last_seen: true,
    }
}

/// T1: who has a relay of his own sees there when his profile is looked for. It tells him nothing of who is online.
#[test]
fn t1_a_contact_that_tells_of_changes_without_end_causes_a_few_fetches_a_day() {
    let (mut world, [anna, ben], [of_anna, _]) = talking(1_240);
    for number in 0..2 * 24 * 60 {
        world
            .command(anna, |step| {
                let composed = step.compose_hidden(Says::Profile(place(number)))?;
                step.queue(of_anna, &composed)
            })
            .map_err(|_: StepError| ())
            .unwrap();
        world.run_for(MINUTE_MS);
    }
    let from = world.requests(ben);
    let fetches = world.fetches(ben);
    assert!((1..=3).contains(&fetches), "{fetches}");
    for _ in 0..30 {
        world.run_for(DAY_MS);
    }
    let in_vain = world.fetches(ben) - fetches;
    assert!(in_vain <= 3, "{in_vain}");
    assert!(world.sends(ben, from) <= 5, "and nothing is sent for it");
}

#[test]
fn what_is_not_what_the_contact_said_changes_nothing() {
    let (mut world, [anna, ben], [of_anna, of_ben]) = talking(1_250);
    world.set_profile(anna, &ada());
    world.run_for(2 * MINUTE_MS);
    world.say(anna, of_anna, "look at me");
    world.run_for(HOUR_MS);
    assert_eq!(world.profile(ben, of_ben).unwrap().about, "engines");
    let changed = Profile {
        about: "poetry".to_owned(),
        ..ada()
    };
    world.set_profile(anna, &changed);
    world.run_for(2 * MINUTE_MS);
    world.say(anna, of_anna, "look again");
    // The relay serves what does not open.
    world.tamper = Some(Box::new(move |device, frame| {
        if device == ben
            && let Some(Body::Record(record)) = &mut frame.body
        {
            let mut value = record.value.to_vec();
            value[100] ^= 1;
            record.value = value.into();
        }
        true
    }));
    let before = world.fetches(ben);
    for _ in 0..14 {
        world.run_for(DAY_MS);
    }
    assert_eq!(world.profile(ben, of_ben).unwrap().about, "engines");
    let tries = world.fetches(ben) - before;
    assert_eq!(tries, 3, "days apart, and then no more");
}

/// A relay with the help of another contact, who has the profile key, could serve it.
#[test]
fn a_profile_that_the_contact_did_not_tell_of_is_not_shown() {
    let (mut world, [anna, ben], [of_anna, of_ben]) = talking(1_255);
    world.set_profile(anna, &ada());
    world.run_for(2 * MINUTE_MS);
    world
        .command(anna, |step| {
            let me = &step.core.me;
            let key = me.profile.write_key(&me.device_record_key);
            let other = ProfilePlace {
                write_key: key.public_key(),
                digest: ProfileDigest([1; 16]),
                tells_last_seen: false,
            };
            let composed = step.compose_hidden(Says::Profile(other))?;
            step.tx.contacts().set_delivery_due(of_anna, None)?;
            step.core.contacts.changed(of_anna);
            step.queue(of_anna, &composed)
        })
        .map_err(|_: StepError| ())
        .unwrap();
    world.run_for(2 * HOUR_MS);
    assert_eq!(world.fetches(ben), 1);
    assert_eq!(world.profile(ben, of_ben), None);
    assert_eq!(world.name(ben, of_ben), "Anna");
}

#[test]
fn who_is_blocked_sees_nothing_new_and_the_others_follow() {
    let (mut world, [anna, ben], [of_anna, of_ben]) = talking(1_260);
    let carl = world.account("Carl");
    world.go_online(carl);
    world.settle();
    let link = world.invite(ben);
    let of_carl = world.add(carl, &link, "hello");
    world.settle();
    let ben_of_carl = world.contact_in(ben, ContactState::Requested).unwrap();
    world.command(ben, |step| step.accept(ben_of_carl)).unwrap();
    world.set_profile(ben, &ada());
    world.run_for(2 * MINUTE_MS);
    world.say(ben, of_ben, "look at me");
    world.say(ben, ben_of_carl, "look at me");
    world.run_for(HOUR_MS);
    assert_eq!(world.profile(anna, of_anna).unwrap().about, "engines");
    let old = world.profile_key(ben);
    world.command(ben, |step| step.block(of_ben)).unwrap();
    let changed = Profile {
        about: "poetry".to_owned(),
        ..ada()
    };
    world.set_profile(ben, &changed);
    let puts = world.puts(ben, &old);
    world.restart(ben);
    let new = world.profile_key(ben);
    assert_ne!(new, old);
    for _ in 0..9 {
        world.run_for(DAY_MS);
    }
    assert_eq!(world.profile(carl, of_carl).unwrap().about, "poetry");
    assert_eq!(world.profile(anna, of_anna).unwrap().about, "engines");
    assert_eq!(world.puts(ben, &old), puts, "as of a device that is off");
    assert!(world.puts(ben, &new) >= 1);
    let known = world.engine(anna).view().unwrap();
    let known = known.tx.profiles().get(of_anna).unwrap().unwrap().told;
    assert_eq!(known.record_key[..], old[..], "nor where it is now");
}

#[test]
fn when_somebody_was_there_last_is_in_his_profile_for_contacts_and_seldom_written() {
    let (mut world, [anna, ben], [of_anna, of_ben]) = talking(1_270);
    world.set_profile(ben, &ada());
    world.run_for(2 * MINUTE_MS);
    world.say(ben, of_ben, "look at me");
    world.run_for(4 * HOUR_MS);
    let key = world.profile_key(ben);
    let puts = world.puts(ben, &key);
    assert!((8..=17).contains(&puts), "{puts}");
    let left = world.true_ms;
    world.go_offline(ben);
    world.run_for(HOUR_MS);
    assert_eq!(world.puts(ben, &key), puts);
    let conversation = world.conversation(anna, of_anna);
    world
        .command(anna, |step| step.conversation_opened(conversation))
        .unwrap();
    let fetches = world.fetches(anna);
    world.run_for(5_000);
    assert_eq!(world.fetches(anna), fetches, "first it is asked itself");
    world.run_for(MINUTE_MS);
    assert_eq!(world.fetches(anna), fetches + 1);
    let Some(Presence::LastSeen(at)) = world.presence(anna, of_anna) else {
        panic!("{:?}", world.presence(anna, of_anna));
    };
    assert!(at.0 > START_MS && at.0 % QUARTER_MS == 0);
    assert!(
        (left - 3 * QUARTER_MS..=left).contains(&at.0),
        "{left} {at:?}"
    );
    world.run_for(10 * MINUTE_MS);
    assert_eq!(world.fetches(anna), fetches + 1, "no finer than it is told");
}

#[test]
fn who_tells_nobody_when_he_was_there_does_not_touch_his_record() {
    let (mut world, [anna, ben], [of_anna, of_ben]) = talking(1_280);
    world.audience(ben, Audience::Nobody);
    world.set_profile(ben, &ada());
    world.run_for(2 * MINUTE_MS);
    world.say(ben, of_ben, "look at me");
    world.run_for(6 * HOUR_MS);
    let key = world.profile_key(ben);
    assert_eq!(world.puts(ben, &key), 1);
    assert_eq!(world.profile(anna, of_anna).unwrap().about, "engines");
    world.go_offline(ben);
    let conversation = world.conversation(anna, of_anna);
    world
        .command(anna, |step| step.conversation_opened(conversation))
        .unwrap();
    let fetches = world.fetches(anna);
    world.run_for(HOUR_MS);
    assert_eq!(world.fetches(anna), fetches);
    assert_eq!(world.presence(anna, of_anna), Some(Presence::Recently));
}

/// Their software knows it without the record, which all contacts could see change.
#[test]
fn chosen_contacts_know_when_somebody_was_there_by_what_he_does() {
    let (mut world, [anna, ben], [of_anna, of_ben]) = talking(1_285);
    world.audience(ben, Audience::Chosen([of_ben].into()));
    world.set_profile(ben, &ada());
    world.run_for(2 * MINUTE_MS);
    world.say(ben, of_ben, "look at me");
    world.run_for(HOUR_MS);
    let written = world.true_ms;
    world.say(ben, of_ben, "good night");
    world.run_for(2 * HOUR_MS);
    let key = world.profile_key(ben);
    assert_eq!(world.puts(ben, &key), 1);
    let Some(Presence::LastSeen(at)) = world.presence(anna, of_anna) else {
        panic!("{:?}", world.presence(anna, of_anna));
    };
    assert_eq!(at.0, written - written % QUARTER_MS);
    world.audience(ben, Audience::Nobody);
    world.run_for(2 * MINUTE_MS);
    world.say(ben, of_ben, "and I am gone");
    world.run_for(MINUTE_MS);
    assert_eq!(world.presence(anna, of_anna), Some(Presence::Recently));
}

/// What the relay lost is there again, and its version is not what stops it.
#[test]
fn a_relay_that_lost_the_record_gets_it_again() {
    let (mut world, [_, ben], _) = talking(1_290);
    let empty = world.storage.clone();
    world.set_profile(ben, &ada());
    world.run_for(2 * MINUTE_MS);
    let key = world.profile_key(ben);
    assert_eq!(world.puts(ben, &key), 1);
    world.restore(empty);
    world.cut(ben);
    world.run_for(5 * MINUTE_MS);
    assert_eq!(world.puts(ben, &key), 2);
    let kept = world.storage.kept();
    let write_key = undertone_protocol::account::ManifestWritePublicKey::parse(
        <&[u8; 32]>::try_from(&key[..]).unwrap(),
    );
    let id = RecordId::of(&write_key.unwrap());
    assert!(
        kept.records
            .iter()
            .any(|record| record.as_bytes() == id.as_bytes())
    );
}
