//! Both begin at once (attack row E13): they come to one session, and nothing is lost on the way.

use std::cell::RefCell;
use std::rc::Rc;

use bytes::Bytes;
use undertone_protocol::envelope::KIND_FIRST_MESSAGE;
use undertone_protocol::time::{DAY_MS, HOUR_MS};
use undertone_wire::frame::Body;

use super::world::World;
use crate::store::{ContactId, MessageState, SessionStatus};

/// What the relay does with what is meant for each of the two.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Deliveries {
    /// It keeps them.
    Kept,
    /// First messages do not arrive as they were sent.
    FirstSpoiled,
    /// It delivers.
    Flow,
}

struct Meeting {
    world: World,
    contacts: [ContactId; 2],
    deliveries: Rc<RefCell<[Deliveries; 2]>>,
    written: usize,
}

impl Meeting {
    /// Two accounts that write to each other at once, with first messages at the relay.
    fn new(seed: u64) -> Self {
        let mut world = World::new(seed);
        for name in ["Anna", "Ben"] {
            let device = world.account(name);
            world.go_online(device);
        }
        world.settle();
        let links = [world.invite(0), world.invite(1)];
        let deliveries = Rc::new(RefCell::new([Deliveries::Kept; 2]));
        let set = deliveries.clone();
        world.tamper = Some(Box::new(move |device, frame| {
            let Some(Body::Deliver(deliver)) = &mut frame.body else {
                return true;
            };
            let how = set.borrow()[device];
            if how == Deliveries::FirstSpoiled
                && deliver.envelope.first() == Some(&KIND_FIRST_MESSAGE)
            {
                let mut bytes = deliver.envelope.to_vec();
                bytes[2_000] ^= 1;
                deliver.envelope = Bytes::from(bytes);
            }
            how != Deliveries::Kept
        }));
        let contacts = [
            world.add(0, &links[1], "from 0, 0"),
            world.add(1, &links[0], "from 1, 1"),
        ];
        world.settle();
        assert_eq!([0, 1].map(|device| world.first_messages(device, 0)), [1, 1]);
        Self {
            world,
            contacts,
            deliveries,
            written: 2,
        }
    }

    fn deliver(&mut self, device: usize, how: Deliveries) {
        self.deliveries.borrow_mut()[device] = how;
        self.world.cut(device);
    }

    fn say(&mut self, device: usize) {
        let text = format!("from {device}, {}", self.written);
        self.written += 1;
        self.world.say(device, self.contacts[device], &text);
    }

    /// Everything is delivered from now on, and everybody says something more.
    fn come_to_rest(&mut self, ms: u64) {
        for device in 0..2 {
            self.deliver(device, Deliveries::Flow);
        }
        self.world.run_for(60_000);
        for device in [0, 1, 0] {
            self.say(device);
            self.world.run_for(60_000);
        }
        self.world.run_for(ms);
    }

    fn assert_one_session(&mut self, seed: u64) {
        let [a, b] = [0, 1].map(|device| self.world.sending(device, self.contacts[device]));
        assert!(a.is_some(), "seed {seed}");
        assert_eq!(a, b, "seed {seed}: both send in one session");
    }

    fn assert_nothing_lost(&mut self, seed: u64) {
        let texts = [0, 1].map(|device| {
            let mut texts = self.world.texts(device, self.contacts[device]);
            texts.sort_unstable();
            texts
        });
        assert_eq!(texts[0].len(), self.written, "seed {seed}: {texts:?}");
        assert_eq!(texts[0], texts[1], "seed {seed}");
        for device in 0..2 {
            let history = self.world.history(device, self.contacts[device]);
            let open = history.iter().find(|(_, state)| {
                !matches!(state, MessageState::Delivered | MessageState::Received)
            });
            assert_eq!(open, None, "seed {seed}");
        }
    }

    /// The lowest of the sessions that a device has.
    fn lowest(&mut self, device: usize) -> undertone_protocol::session::SessionId {
        let sessions = self.world.sessions(device, self.contacts[device]);
        sessions.into_iter().map(|(id, _)| id).min().unwrap()
    }
}

#[test]
fn e13_whatever_the_schedule_both_come_to_one_session_and_nothing_is_lost() {
    for seed in 7_000..7_060 {
        let mut meeting = Meeting::new(seed);
        for _ in 0..40 {
            let device = usize::try_from(meeting.world.dice(2)).unwrap();
            match meeting.world.dice(8) {
                0 | 1 => meeting.say(device),
                2 => meeting.deliver(device, Deliveries::Flow),
                3 => meeting.deliver(device, Deliveries::Kept),
                4 => meeting.world.true_ms += meeting.world.dice(2_000),
                5 if meeting.world.dice(5) == 0 => meeting.world.restart(device),
                6 => meeting.world.settle(),
                _ => meeting.world.nudge(device),
            }
        }
        meeting.come_to_rest(13 * HOUR_MS);
        meeting.assert_one_session(seed);
        meeting.assert_nothing_lost(seed);
        let first_messages = [0, 1].map(|device| meeting.world.first_messages(device, 0));
        assert!(
            first_messages.iter().all(|count| *count <= 2),
            "seed {seed}"
        );
    }
}

#[test]
fn e13_of_two_sessions_that_both_began_the_lower_is_used_and_the_other_receives() {
    for seed in 7_100..7_110 {
        let mut meeting = Meeting::new(seed);
        meeting.come_to_rest(0);
        meeting.assert_one_session(seed);
        for device in 0..2 {
            let contact = meeting.contacts[device];
            let sessions = meeting.world.sessions(device, contact);
            let lowest = meeting.lowest(device);
            let loser = sessions.iter().find(|(id, _)| *id != lowest);
            assert_eq!(meeting.world.sending(device, contact), Some(lowest));
            // Who gave up his own before it was sent never tells of it.
            assert!(loser.is_none_or(|(_, status)| *status == SessionStatus::ReceiveOnly));
        }
    }
}

#[test]
fn b10_the_peer_uses_the_only_session_that_it_knows_and_both_return_to_the_lower_one() {
    let mut fell_back = 0;
    for seed in 7_200..7_220 {
        let mut meeting = Meeting::new(seed);
        // Follow-ups of 1, who does not know of the other session yet.
        for _ in 0..4 {
            meeting.say(1);
        }
        meeting.world.settle();
        let own = meeting.world.sending(0, meeting.contacts[0]).unwrap();
        meeting.deliver(0, Deliveries::Flow);
        meeting.world.run_for(60_000);
        let used = meeting.world.sending(0, meeting.contacts[0]).unwrap();
        if own == meeting.lowest(0) {
            assert_ne!(used, own, "seed {seed}: what 1 surely reads");
            fell_back += 1;
        }
        meeting.come_to_rest(13 * HOUR_MS);
        meeting.assert_one_session(seed);
        assert_eq!(
            meeting.world.sending(0, meeting.contacts[0]),
            Some(meeting.lowest(0)),
            "seed {seed}"
        );
        meeting.assert_nothing_lost(seed);
    }
    assert!((3..18).contains(&fell_back), "{fell_back}");
}

#[test]
fn a_session_that_the_peer_never_learned_of_costs_nothing_that_was_sent_in_it() {
    for seed in 7_300..7_320 {
        let mut meeting = Meeting::new(seed);
        meeting.say(0);
        meeting.deliver(1, Deliveries::FirstSpoiled);
        meeting.world.run_for(60_000);
        meeting.deliver(0, Deliveries::Flow);
        meeting.world.run_for(60_000);
        meeting.come_to_rest(13 * HOUR_MS);
        meeting.assert_one_session(seed);
        meeting.assert_nothing_lost(seed);
    }
}

#[test]
fn sessions_that_only_receive_are_few_and_go_after_a_week() {
    let mut meeting = Meeting::new(7_401);
    meeting.come_to_rest(0);
    let count = |meeting: &mut Meeting| {
        [0, 1].map(|device| {
            meeting
                .world
                .sessions(device, meeting.contacts[device])
                .len()
        })
    };
    assert_eq!(count(&mut meeting), [2, 2]);
    for _ in 0..6 {
        meeting.world.run_for(DAY_MS);
        meeting.world.restart(0);
        meeting.world.restart(1);
    }
    meeting.world.settle();
    assert_eq!(count(&mut meeting), [2, 2]);
    meeting.world.run_for(2 * DAY_MS);
    assert_eq!(count(&mut meeting), [1, 1]);
    meeting.come_to_rest(0);
    meeting.assert_nothing_lost(0);
}
