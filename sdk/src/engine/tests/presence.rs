//! Who is told whether somebody is there, who asks, and what nobody learns by asking.

use std::collections::BTreeSet;

use undertone_protocol::content::{Body as Says, Presence as Told, PresenceState};
use undertone_wire::frame::Body;

use super::super::{Audience, Event, Presence};
use super::world::World;
use crate::error::StepError;
use crate::store::{ContactId, ContactState};

const MINUTE_MS: u64 = 60_000;

impl World {
    fn look(&mut self, device: usize, contact: ContactId) {
        let conversation = self.conversation(device, contact);
        self.command(device, |step| step.conversation_opened(conversation))
            .unwrap();
    }

    fn leave(&mut self, device: usize, contact: ContactId) {
        let conversation = self.conversation(device, contact);
        self.command(device, |step| {
            step.conversation_closed(conversation);
            Ok::<_, StepError>(())
        })
        .unwrap();
    }

    fn away(&mut self, device: usize, away: bool) {
        self.command(device, |step| {
            step.set_away(away);
            Ok::<_, StepError>(())
        })
        .unwrap();
    }

    pub(super) fn audience(&mut self, device: usize, audience: Audience) {
        self.command(device, |step| step.set_last_seen_audience(audience))
            .unwrap();
    }

    pub(super) fn presence(&mut self, device: usize, contact: ContactId) -> Option<Presence> {
        let conversation = self.conversation(device, contact);
        let view = self.engine(device).view().unwrap();
        view.presence(conversation).unwrap()
    }

    /// A contact asks, whatever its own software would do.
    fn ask(&mut self, device: usize, contact: ContactId) {
        let ask = Told {
            state: PresenceState::Online,
            asks: true,
        };
        self.command(device, |step| step.tell_now(contact, Says::Presence(ask)))
            .unwrap();
    }

    fn told(&self, device: usize) -> usize {
        let sent = self.devices[device].sent.iter();
        let ephemeral = |body: &Body| matches!(body, Body::Send(send) if send.ephemeral);
        sent.filter(|(_, body)| ephemeral(body)).count()
    }
}

/// Two who have both written: each has heard the other.
pub(super) fn talking(seed: u64) -> (World, [usize; 2], [ContactId; 2]) {
    let (mut world, [anna, ben], [of_anna, of_ben]) = World::acquainted(seed);
    world.say(anna, of_anna, "one");
    world.run_for(1_000);
    world.say(ben, of_ben, "two");
    world.run_for(1_000);
    (world, [anna, ben], [of_anna, of_ben])
}

#[test]
fn who_looks_at_a_conversation_sees_whether_the_other_side_is_there() {
    let (mut world, [anna, ben], [of_anna, of_ben]) = talking(1_000);
    assert_eq!(world.presence(anna, of_anna), Some(Presence::Recently));
    world.run_for(5 * MINUTE_MS);
    assert_eq!(world.told(anna) + world.told(ben), 0, "nobody looks");
    world.look(anna, of_anna);
    world.run_for(2_000);
    assert_eq!(world.presence(anna, of_anna), Some(Presence::Online));
    assert_eq!(world.presence(ben, of_ben), Some(Presence::Recently));
    // It is asked and answered again and again.
    world.run_for(10 * MINUTE_MS);
    assert_eq!(world.presence(anna, of_anna), Some(Presence::Online));
    let (asked, answered) = (world.told(anna), world.told(ben));
    assert!((30..=42).contains(&asked), "{asked}");
    assert_eq!(answered, asked);
    // That the other side leaves its device is told at once, if it was asked a short time ago.
    world.away(ben, true);
    world.run_for(2_000);
    assert_eq!(world.presence(anna, of_anna), Some(Presence::Away));
    world.away(ben, false);
    world.run_for(2_000);
    assert_eq!(world.presence(anna, of_anna), Some(Presence::Online));
    let changes = world.devices[anna].events.iter();
    let changes = changes.filter(|event| matches!(event, Event::PresenceChanged { .. }));
    assert_eq!(changes.count(), 3);
    // Who looks no more asks no more.
    world.leave(anna, of_anna);
    let before = world.told(anna) + world.told(ben);
    world.run_for(10 * MINUTE_MS);
    assert_eq!(world.told(anna) + world.told(ben), before);
    assert_eq!(world.presence(anna, of_anna), Some(Presence::Recently));
}

#[test]
fn who_loses_his_connection_is_shown_for_half_a_minute_and_asked_more_and_more_seldom() {
    let (mut world, [anna, ben], [of_anna, _]) = talking(1_010);
    world.look(anna, of_anna);
    world.run_for(2_000);
    world.go_offline(ben);
    world.run_for(28_000);
    let asked = world.told(anna);
    world.run_for(4_000);
    assert_eq!(world.presence(anna, of_anna), Some(Presence::Recently));
    world.run_for(60 * MINUTE_MS);
    let more = world.told(anna) - asked;
    assert!((10..=30).contains(&more), "{more}");
    world.go_online(ben);
    world.run_for(6 * MINUTE_MS);
    assert_eq!(world.presence(anna, of_anna), Some(Presence::Online));
}

#[test]
fn presence_is_kept_nowhere() {
    let (mut world, [anna, ben], [of_anna, _]) = talking(1_020);
    world.look(anna, of_anna);
    world.run_for(MINUTE_MS);
    world.go_offline(ben);
    world.settle();
    let kept = world.storage.kept().envelopes.len();
    world.run_for(10 * MINUTE_MS);
    assert_eq!(world.storage.kept().envelopes.len(), kept);
}

/// A lost step costs what was under way, not what the user looks at.
#[test]
fn a_lost_step_does_not_end_that_the_user_looks() {
    let (mut world, [anna, _], [of_anna, _]) = talking(1_030);
    world.look(anna, of_anna);
    world.run_for(2_000);
    let now = world.now(anna);
    let mut rng = undertone_protocol_rng();
    drop(world.engine(anna).begin(now, &mut rng).unwrap());
    world.cut(anna);
    world.run_for(60_000);
    assert_eq!(world.presence(anna, of_anna), Some(Presence::Online));
}

fn undertone_protocol_rng() -> rand_chacha::ChaCha20Rng {
    rand_core::SeedableRng::seed_from_u64(1)
}

#[test]
fn who_tells_nothing_is_told_nothing_and_asks_nothing() {
    let (mut world, [anna, ben], [of_anna, of_ben]) = talking(1_040);
    world.audience(ben, Audience::Nobody);
    world.look(anna, of_anna);
    world.look(ben, of_ben);
    world.run_for(5 * MINUTE_MS);
    assert_eq!(world.told(ben), 0);
    assert_eq!(world.presence(anna, of_anna), Some(Presence::Recently));
    assert_eq!(world.presence(ben, of_ben), None, "it is mutual");
    // Whom he chooses is told again, and nobody else.
    world.audience(ben, Audience::Chosen(BTreeSet::from([of_ben])));
    world.run_for(6 * MINUTE_MS);
    assert_eq!(world.presence(anna, of_anna), Some(Presence::Online));
    assert_eq!(world.presence(ben, of_ben), Some(Presence::Online));
    world.audience(ben, Audience::Chosen(BTreeSet::new()));
    world.run_for(MINUTE_MS);
    assert_eq!(world.presence(anna, of_anna), Some(Presence::Recently));
    assert_eq!(world.presence(ben, of_ben), None);
}

/// T1: whoever may not know gets what a device that is off would give.
#[test]
fn t1_neither_a_stranger_nor_who_is_blocked_nor_who_was_not_chosen_is_answered() {
    let mut world = World::new(1_050);
    let (anna, ben) = (world.account("Anna"), world.account("Ben"));
    for device in [anna, ben] {
        world.go_online(device);
    }
    world.settle();
    let link = world.invite(ben);
    let of_anna = world.add(anna, &link, "hello");
    world.run_for(1_000);
    let of_ben = world.contact_in(ben, ContactState::Requested).unwrap();
    let peer = world.peer_device(ben, of_ben);
    let sent = world.requests(ben);
    for _ in 0..60 {
        // Had a stranger a session in which it could ask, it would be asked this.
        let ask = Told {
            state: PresenceState::Online,
            asks: true,
        };
        world
            .command(ben, |step| step.peer_is_there(peer, ask))
            .unwrap();
        world.ask(anna, of_anna);
        world.run_for(1_000);
    }
    assert_eq!(world.sends(ben, sent), 0, "a stranger");
    world.command(ben, |step| step.accept(of_ben)).unwrap();
    world.run_for(5_000);
    world.say(anna, of_anna, "how are you?");
    world.run_for(5_000);
    world.ask(anna, of_anna);
    world.run_for(2_000);
    assert_eq!(world.told(ben), 1, "the control: a contact is answered");
    world.audience(ben, Audience::Nobody);
    for _ in 0..60 {
        world.ask(anna, of_anna);
        world.run_for(1_000);
    }
    assert_eq!(world.told(ben), 1, "one who was not chosen");
    world.audience(ben, Audience::Contacts);
    world.command(ben, |step| step.block(of_ben)).unwrap();
    let sent = world.requests(ben);
    for _ in 0..60 {
        world.ask(anna, of_anna);
        world.run_for(1_000);
    }
    assert_eq!(world.sends(ben, sent), 0, "one who is blocked");
}

/// T1: a contact that may know costs this device a bounded number of answers, however often it asks.
#[test]
fn t1_a_contact_that_asks_without_end_is_answered_every_ten_seconds() {
    let (mut world, [anna, ben], [of_anna, _]) = talking(1_060);
    for _ in 0..30 * 60 {
        world.ask(anna, of_anna);
        world.run_for(1_000);
    }
    let answers = world.told(ben);
    assert!((150..=3 + 30 * 6).contains(&answers), "{answers}");
}
