//! The post-quantum ratchet inside real sessions (`pq_simulation`): its invariants, and the readings of it that fail.

use super::pq_simulation::{Disk, Net, Party, Received};
use super::testing::state;
use super::*;
use crate::pq_ratchet::{Announcement, Slot};

/// Schedules of each kind; `UNDERTONE_PQ_SCHEDULES` sets another number.
const SCHEDULES: u64 = 25;

fn schedules() -> u64 {
    let asked = std::env::var("UNDERTONE_PQ_SCHEDULES").ok();
    asked.map_or(SCHEDULES, |count| count.parse().unwrap())
}

/// Loss, reordering, duplicates and crashes: every envelope that arrives for the first time opens, and the running epoch
/// ends within 30 round trips of a network that has become honest.
#[test]
fn schedules_keep_the_invariants_and_epochs_end() {
    let mut worst = 0;
    for seed in 0..schedules() {
        let mut net = Net::new(seed);
        for _ in 0..150 {
            net.disturb();
        }
        net.lanes = [Vec::new(), Vec::new()];
        worst = worst.max(net.round_trips_to_next_epoch(30));
        for _ in 0..3 {
            let next = net.round_trips_to_next_epoch(22);
            assert!(next >= 20, "{next}");
        }
    }
    assert!(worst >= 20, "the schedules disturb nothing: {worst}");
}

/// Whatever arrives first opens, in any order: no key differs.
#[test]
fn nothing_that_arrives_is_refused() {
    for seed in 1_000..1_000 + schedules() {
        let mut net = Net::new(seed);
        for _ in 0..120 {
            let side = net.below(2);
            let flying = net.lanes[side].len();
            if flying == 0 || net.chance(55) {
                net.send(side);
            } else if net.chance(15) {
                let at = net.below(flying);
                net.lanes[side].remove(at);
            } else {
                let at = net.below(flying);
                let received = net.deliver(side, at, false);
                assert!(matches!(received, Received::Opened(_)), "{received:?}");
            }
        }
    }
}

/// B1, a disk that goes back inside a sending chain: the Double Ratchet survives, so must the post-quantum one: no chunk
/// contradicts another, and the epochs go on.
#[test]
fn b1_a_rollback_inside_a_chain_stalls_nothing() {
    let mut rolled_back = 0;
    for seed in 2_000..2_000 + schedules() {
        let mut net = Net::new(seed);
        let mut lost = 0;
        for _ in 0..150 {
            net.disturb();
            if net.chance(6) {
                let side = net.below(2);
                let party = &mut net.parties[side];
                let dh = party.disks.last().unwrap().dh;
                let same = |disk: &Disk| disk.dh == dh;
                let first = party.disks.iter().position(same).unwrap();
                let at = first + net.below(net.parties[side].disks.len() - first);
                lost += net.parties[side].disks.len() - at;
                net.parties[side].load(at);
                net.parties[side].disks.truncate(at + 1);
                rolled_back += 1;
                assert!(net.unfailed());
            }
        }
        net.lanes = [Vec::new(), Vec::new()];
        // What is sent again under a number that the peer has seen is a duplicate.
        let extra = u32::try_from(lost).unwrap();
        net.round_trips_to_next_epoch(30 + extra);
        net.round_trips_to_next_epoch(22);
    }
    assert!(rolled_back > 50);
}

/// A disk that goes back over a sending root step ends the session if the peer saw that step; still no key differs and no
/// chunk contradicts another.
#[test]
fn b17_a_rollback_over_a_root_step_contradicts_nothing() {
    for seed in 3_000..3_000 + schedules() {
        let mut net = Net::new(seed);
        for _ in 0..150 {
            let side = net.below(2);
            let flying = net.lanes[side].len();
            match net.below(10) {
                0..=3 if net.parties[side].session.remaining() > 0 => net.send(side),
                4..=7 if flying > 0 => {
                    let at = net.below(flying);
                    let (text, envelope) = net.lanes[side].remove(at);
                    if let Received::Opened(content) = net.parties[side].receive(&envelope) {
                        assert_eq!(content, text);
                    }
                }
                8 if net.chance(20) => {
                    let at = net.below(net.parties[side].disks.len());
                    net.parties[side].load(at);
                }
                _ => {}
            }
            assert!(net.unfailed());
        }
    }
}

/// pq_epoch has 16 bits, e 64.
#[test]
fn epochs_go_on_when_the_field_wraps() {
    let mut net = Net::new(4_000);
    for party in &mut net.parties {
        party.session.pq.skip_epochs(65_530);
        if let Some(chain) = &mut party.session.receiving {
            chain.announced.epoch += 65_530;
        }
        party.write();
    }
    for expected in 65_532..=65_543 {
        net.round_trips_to_next_epoch(30);
        assert_eq!(net.epoch(), expected);
        net.parties.iter_mut().for_each(Party::crash);
    }
}

/// B3: the relay flips a bit of the body of the first message that says MIX. Its header is authentic; nothing may follow
/// from it, or the rest of the chain is lost.
#[test]
fn b3_a_corrupted_body_of_a_mix_message_loses_nothing_else() {
    let mut net = Net::new(5_000);
    for _ in 0..100 {
        net.send(0);
        let mixes = |net: &Net| {
            let dh = net.parties[1].session.ratchet.public_key();
            net.chains
                .get(dh.as_bytes())
                .map(|chain| chain.announcement)
        };
        let last = net.lanes[1].len() - 1;
        net.deliver(1, last, false);
        (0..3).for_each(|_| net.send(1));
        if mixes(&net) == Some(Announcement::Mix) {
            let before = state(&net.parties[0].session);
            let mut corrupted = net.lanes[0][0].1.clone();
            corrupted[300] ^= 1;
            assert_eq!(
                net.parties[0].receive(&corrupted),
                Received::Rejected(OpenError::Body)
            );
            assert_eq!(state(&net.parties[0].session), before);
            for _ in 0..3 {
                assert!(matches!(net.deliver(0, 0, false), Received::Opened(_)));
            }
            return;
        }
        (0..3).for_each(|_| _ = net.deliver(0, 0, false));
    }
    panic!("no epoch was mixed")
}

/// B5: the relay drops each tenth envelope of a direction. In a fixed order that would be the same chunk every time.
#[test]
fn b5_dropping_each_tenth_envelope_stops_no_epoch() {
    let mut net = Net::new(6_000);
    for _ in 0..500 {
        for from in [0, 1] {
            net.send(from);
            let dropped = net.sent[from].is_multiple_of(10);
            let lane = &mut net.lanes[1 - from];
            let at = lane.len() - 1;
            if dropped {
                lane.pop();
            } else {
                net.deliver(1 - from, at, false);
            }
        }
    }
    // Without loss it is 24; a tenth of the chunks comes a round later.
    assert!(net.epoch() > 12, "epoch {}", net.epoch());
}

/// R10: an adversary who could read headers, which a relay cannot, drops every message with the fourth chunk of a key or a
/// ciphertext. Epochs stand still, and that is noticed; messages go on under keys into which the epochs before were mixed;
/// once he stops, the epoch that runs ends like any other.
#[test]
fn r10_dropping_a_chunk_delays_healing_and_is_noticed() {
    let mut net = Net::new(10_000);
    net.round_trips_to_next_epoch(30);
    net.round_trips_to_next_epoch(30);
    let (running, mut dropped) = (net.epoch(), 0);
    for _ in 0..200 {
        for from in [0, 1] {
            net.send(from);
            let last = net.lanes[1 - from].len() - 1;
            let header = net.header(from, &net.lanes[1 - from][last].1);
            let is_fourth = match header.pq.slot {
                Slot::Key(chunk) | Slot::Ciphertext(chunk) => chunk.index.get() == 3,
                Slot::Idle | Slot::HaveCiphertext | Slot::Mix => false,
            };
            if is_fourth {
                net.lanes[1 - from].pop();
                dropped += 1;
            } else {
                let received = net.deliver(1 - from, last, false);
                assert!(matches!(received, Received::Opened(_)), "{received:?}");
            }
        }
    }
    assert!((10..40).contains(&dropped), "{dropped} dropped");
    assert_eq!(net.epoch(), running);
    for party in &net.parties {
        assert_eq!(party.session.pq_failure(), Some(PqFailure::Stalled));
    }
    net.round_trips_to_next_epoch(30);
    for party in &net.parties {
        assert_eq!(party.session.pq_failure(), None);
    }
    net.round_trips_to_next_epoch(30);
}

/// B6: a process that ends after each message sends no chunk twice before all have left.
#[test]
fn b6_restarts_cost_no_messages() {
    let mut net = Net::new(7_000);
    for _ in 0..420 {
        net.round_trip();
        net.parties.iter_mut().for_each(Party::crash);
    }
    assert!(net.epoch() >= 20, "epoch {}", net.epoch());
}

/// B7: bursts of five arrive in reverse. The headers of messages that were skipped in the current chain count.
#[test]
fn b7_reversed_bursts_cost_no_messages() {
    let mut net = Net::new(8_000);
    for burst in 0..180 {
        let from = burst % 2;
        (0..5).for_each(|_| net.send(from));
        while let Some(last) = net.lanes[1 - from].len().checked_sub(1) {
            assert!(matches!(
                net.deliver(1 - from, last, false),
                Received::Opened(_)
            ));
        }
    }
    // 450 messages each way, 22.5 an epoch.
    assert!(net.epoch() >= 18, "epoch {}", net.epoch());
}

/// Messages of a MIX chain that come late, after later chains: their keys mixed, or did not, as the sender's.
#[test]
fn late_messages_across_a_mix_open() {
    let mut net = Net::new(9_000);
    let mut late = Vec::new();
    for _ in 0..120 {
        for from in [0, 1] {
            (0..3).for_each(|_| net.send(from));
            late.push((1 - from, net.lanes[1 - from].remove(0)));
            (0..2).for_each(|_| _ = net.deliver(1 - from, 0, false));
        }
    }
    assert!(net.epoch() > 4);
    for (to, (text, envelope)) in late {
        assert_eq!(net.parties[to].receive(&envelope), Received::Opened(text));
    }
}
