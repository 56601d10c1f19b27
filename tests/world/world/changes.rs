//! People change what they wrote, and react to what others wrote: in the end both sides have the same picture.

use rand::RngExt;

use super::{PATIENCE_MS, World};
use crate::device::{Act, Picture};
use crate::faults::Faults;
use crate::network::DeviceNumber;

impl World {
    /// People write, edit, take back and react, and things go wrong.
    pub(crate) fn live_with_changes(&mut self, actions: usize) {
        for _ in 0..actions {
            let from = self.rng.random_range(0..self.devices.len());
            let to = (from + self.rng.random_range(1..self.devices.len())) % self.devices.len();
            if self.rng.random_bool(0.4) {
                self.say(from, to);
            } else {
                self.change(from, to);
            }
            let pause = self.rng.random_range(0..20_000);
            self.run_for(pause);
        }
    }

    /// Somebody does something with one of the newest messages.
    fn change(&mut self, from: DeviceNumber, to: DeviceNumber) {
        let back = self.rng.random_range(0..8);
        let act = match self.rng.random_range(0..10) {
            0 => Act::Delete,
            1..5 => Act::Edit,
            _ => Act::React(self.rng.random_range(0..4)),
        };
        let fate = self.fate();
        let effects = self.devices[from].change(self.clock, to, back, act, fate);
        self.log.note(
            self.clock.elapsed(),
            format_args!("{from} does {act:?} with message {back} to {to}"),
        );
        self.after_step(from, effects);
    }

    /// No more faults: runs until both sides of each conversation have the same picture, or fails.
    pub(crate) fn agree(&mut self) {
        self.faults = Faults::none();
        let until = self.clock.elapsed() + PATIENCE_MS;
        while self.clock.elapsed() < until && self.first_difference().is_some() {
            self.run_for(60_000.max((self.clock.elapsed() + PATIENCE_MS - until) / 4));
        }
        if let Some((one, other, pictures)) = self.first_difference() {
            panic!(
                "{one} and {other} differ: {pictures:?}\n{}",
                self.log.tail()
            );
        }
    }

    /// Two people who see their conversation differently, and how.
    fn first_difference(&mut self) -> Option<(DeviceNumber, DeviceNumber, [Vec<Picture>; 2])> {
        for one in 0..self.devices.len() {
            for other in one + 1..self.devices.len() {
                let ours = self.devices[one].picture(other);
                let theirs = self.devices[other].picture(one);
                let mirrored: Vec<_> = theirs.iter().map(Picture::mirrored).collect();
                if ours != mirrored {
                    return Some((one, other, [ours, mirrored]));
                }
            }
        }
        None
    }

    /// How many messages are edited, taken back, or have reactions, in the eyes of everybody.
    pub(crate) fn changed(&mut self) -> [usize; 3] {
        let mut counts = [0; 3];
        for one in 0..self.devices.len() {
            for other in (0..self.devices.len()).filter(|other| *other != one) {
                for picture in self.devices[one].picture(other) {
                    counts[0] += usize::from(picture.edited);
                    counts[1] += usize::from(picture.deleted);
                    counts[2] += usize::from(!picture.reactions.concat().is_empty());
                }
            }
        }
        counts
    }
}
