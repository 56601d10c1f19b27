//! What goes wrong beside the network, once in a while: disks, backups, clocks, and quarrels.

use rand::RngExt;

use super::{World, relay_time};
use crate::network::DeviceNumber;

/// How likely something is copied that may be put back later, per action.
const COPY: f64 = 0.2;

impl World {
    /// Whatever befalls somebody who has just written to a peer.
    pub(super) fn mishap(&mut self, from: DeviceNumber, to: DeviceNumber) {
        let faults = self.faults;
        if self.rng.random_bool(faults.rollback) {
            self.roll_back(from);
        } else if faults.rollback > 0.0 && self.rng.random_bool(COPY) {
            self.devices[from].keep_copy();
        }
        if self.rng.random_bool(faults.relay_restore) {
            self.restore_relay();
        } else if faults.relay_restore > 0.0 && self.rng.random_bool(COPY) {
            self.relay.back_up();
        }
        if self.rng.random_bool(faults.clock_jump) {
            let longest = faults.longest_jump_ms;
            let skew = self.rng.random_range(-longest..=longest);
            self.log.note(
                self.clock.elapsed(),
                format_args!("the clock of {from} is off by {skew} ms"),
            );
            self.devices[from].set_clock(skew);
        }
        if self.rng.random_bool(faults.quarrel) {
            self.quarrel(from, to);
        }
    }

    fn roll_back(&mut self, device: DeviceNumber) {
        if self.devices[device].has_copy() {
            self.log.note(
                self.clock.elapsed(),
                format_args!("{device} gets an old disk"),
            );
            for conn in self.connections_of(device) {
                self.hang_up(conn);
            }
            self.devices[device].roll_back(self.clock);
            self.reconnect_soon(device);
        }
    }

    fn restore_relay(&mut self) {
        if self.relay.restore(relay_time(self.clock)) {
            self.log
                .note(self.clock.elapsed(), "the relay is restored from a backup");
            self.cut_everybody();
        }
    }

    /// One blocks another, or ends that. What had not arrived by then may be discarded.
    fn quarrel(&mut self, one: DeviceNumber, other: DeviceNumber) {
        let block = self.quarrels.insert((one, other));
        if !block {
            self.quarrels.remove(&(one, other));
        }
        self.log.note(
            self.clock.elapsed(),
            format_args!("{one} blocks {other}: {block}"),
        );
        for index in 0..self.said.len() {
            let said = &self.said[index];
            let (from, to) = (said.from, said.to);
            if [(one, other), (other, one)].contains(&(from, to)) {
                let history = self.devices[to].history(from);
                let said = &mut self.said[index];
                said.may_be_lost |= !history.iter().any(|shown| shown.text == said.text);
            }
        }
        self.act(one, |device, clock| device.block(clock, other, block));
    }

    /// Nobody blocks anybody any more, and the clocks are right.
    pub(super) fn make_up(&mut self) {
        for device in &mut self.devices {
            device.set_clock(0);
        }
        for (one, other) in std::mem::take(&mut self.quarrels) {
            self.act(one, |device, clock| device.block(clock, other, false));
        }
    }
}
