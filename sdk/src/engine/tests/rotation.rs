//! Who is blocked loses the right to send; the others keep it, and nobody is shown by it.

use undertone_protocol::time::DAY_MS;
use undertone_wire::frame::Body;
use undertone_wire::right::Right;

use super::world::World;
use crate::error::StepError;
use crate::store::{ContactId, ContactState, MessageState};

/// Anna and Carl are Ben's contacts: (world, [Anna, Ben, Carl], Ben to Anna, Anna to Ben, Ben to Carl, Carl to Ben).
struct Three {
    world: World,
    anna: usize,
    ben: usize,
    carl: usize,
    anna_to_ben: ContactId,
    ben_to_anna: ContactId,
    ben_to_carl: ContactId,
    carl_to_ben: ContactId,
}

fn three(seed: u64) -> Three {
    let (mut world, [anna, ben], [anna_to_ben, ben_to_anna]) = World::acquainted(seed);
    let carl = world.account("Carl");
    world.go_online(carl);
    world.settle();
    let link = world.invite(ben);
    let carl_to_ben = world.add(carl, &link, "hello");
    world.settle();
    let ben_to_carl = world.contact_in(ben, ContactState::Requested).unwrap();
    world.command(ben, |step| step.accept(ben_to_carl)).unwrap();
    world.run_for(5_000);
    // What is left is the right of contacts.
    let invites = world.engine(ben).view().unwrap().invites().unwrap();
    for invite in invites {
        world
            .command(ben, |step| step.revoke_invite(&invite.id))
            .unwrap();
    }
    world.settle();
    Three {
        world,
        anna,
        ben,
        carl,
        anna_to_ben,
        ben_to_anna,
        ben_to_carl,
        carl_to_ben,
    }
}

impl Three {
    fn block(&mut self) {
        let whom = self.ben_to_anna;
        self.world
            .command(self.ben, |step| step.block(whom))
            .unwrap();
        self.world.settle();
    }

    /// Whether somebody knows Ben's newest delivery secret.
    fn knows(&mut self, device: usize, ben: ContactId) -> bool {
        let known = self.world.command(device, |step| {
            let contact = step.contact(ben)?.unwrap();
            Ok::<_, StepError>(*contact.secrets.delivery.as_ref().unwrap().expose())
        });
        let current = self.world.command(self.ben, |step| {
            Ok::<_, StepError>(*step.core.me.delivery.current().expose())
        });
        known.unwrap() == current.unwrap()
    }

    fn days(&mut self, days: u64) {
        for _ in 0..days {
            self.world.run_for(DAY_MS);
        }
    }

    /// Somebody writes to Ben. With which rights, in order?
    fn rights(&mut self, device: usize, ben: ContactId) -> Vec<&'static str> {
        let from = self.world.devices[device].sent.len();
        self.world.say(device, ben, "text");
        self.world.settle();
        let sent = &self.world.devices[device].sent[from..];
        sent.iter()
            .filter_map(|(_, body)| {
                let Body::Send(send) = body else {
                    return None;
                };
                send.right.as_ref()?.right.as_ref()
            })
            .map(|right| match right {
                Right::Bearer(_) => "token",
                Right::Work(_) => "work",
            })
            .collect()
    }
}

fn sends(three: &Three, from: usize) -> usize {
    three.world.devices[three.ben].sent[from..]
        .iter()
        .filter(|(_, body)| matches!(body, Body::Send(_)))
        .count()
}

#[test]
fn the_bearer_of_who_is_blocked_ends_after_thirty_days() {
    let mut three = three(950);
    let (anna, carl) = (three.anna, three.carl);
    let (anna_to_ben, carl_to_ben) = (three.anna_to_ben, three.carl_to_ben);
    three.block();
    three.days(29);
    assert_eq!(three.rights(anna, anna_to_ben), ["token"], "others need it");
    three.world.restart(three.ben);
    three.days(2);
    let rights = three.rights(anna, anna_to_ben);
    assert_eq!(rights.last(), Some(&"work"), "{rights:?}");
    assert_eq!(three.rights(carl, carl_to_ben), ["token"]);
    let history = three.world.history(carl, carl_to_ben);
    assert!(
        history
            .iter()
            .all(|(_, state)| *state != MessageState::Pending)
    );
}

#[test]
fn others_learn_the_new_secret_with_what_is_sent_to_them_anyway() {
    let mut three = three(951);
    let (carl, carl_to_ben) = (three.carl, three.carl_to_ben);
    let from = three.world.devices[three.ben].sent.len();
    three.block();
    three.world.run_for(60_000);
    assert_eq!(
        sends(&three, from),
        0,
        "nobody sees that somebody was blocked"
    );
    assert!(!three.knows(carl, carl_to_ben));
    three.world.restart(three.ben);
    three.world.say(three.ben, three.ben_to_carl, "by the way");
    three.world.settle();
    assert!(three.knows(carl, carl_to_ben));
    assert_eq!(
        three.world.texts(carl, carl_to_ben),
        ["hello", "by the way"]
    );
}

#[test]
fn who_is_written_nothing_learns_the_new_secret_within_a_week() {
    let mut three = three(952);
    let (anna, carl) = (three.anna, three.carl);
    let (anna_to_ben, carl_to_ben) = (three.anna_to_ben, three.carl_to_ben);
    three.block();
    three.days(8);
    assert!(three.knows(carl, carl_to_ben));
    assert!(!three.knows(anna, anna_to_ben));
    let (ben, whom) = (three.ben, three.ben_to_anna);
    three.world.command(ben, |step| step.unblock(whom)).unwrap();
    three.days(1);
    assert!(three.knows(anna, anna_to_ben), "until it ends");
}

#[test]
fn a_secret_that_nobody_knows_is_not_replaced() {
    let mut three = three(953);
    let (ben, anna, carl) = (three.ben, three.ben_to_anna, three.ben_to_carl);
    let replaced = |three: &mut Three| {
        let old = three.world.command(ben, |step| {
            Ok::<_, StepError>(step.core.me.delivery.old().len())
        });
        old.unwrap()
    };
    three.block();
    assert_eq!(replaced(&mut three), 1);
    three.world.command(ben, |step| step.block(carl)).unwrap();
    assert_eq!(replaced(&mut three), 1);
    three.world.command(ben, |step| step.unblock(anna)).unwrap();
    three.world.command(ben, |step| step.unblock(carl)).unwrap();
    three.world.say(ben, carl, "again");
    three.world.command(ben, |step| step.block(anna)).unwrap();
    assert_eq!(replaced(&mut three), 2);
}
