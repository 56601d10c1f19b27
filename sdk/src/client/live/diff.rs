//! From what a list showed to what it shows now, as the fewest moves and one step for each other change.
//!
//! Invariant: applied one after the other to the old rows, the steps give the new ones.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

/// A step. Each place is one in the rows as the steps before left them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Op {
    /// The row at this place goes.
    Remove { at: usize },
    /// The row at one place is at another, counted without it.
    Move { from: usize, to: usize },
    /// The new row with this place comes there.
    Insert { at: usize },
    /// The row at this place is the new one with that place.
    Update { at: usize },
}

/// The steps from `old` to `new`. A row is the same as another if it has the same id, which no two rows of a list have.
pub(super) fn diff<R: PartialEq, I: Eq + Hash + Copy>(
    old: &[R],
    new: &[R],
    id: impl Fn(&R) -> I,
) -> Vec<Op> {
    let before: HashMap<I, &R> = old.iter().map(|row| (id(row), row)).collect();
    let ids: Vec<I> = new.iter().map(&id).collect();
    let after: HashMap<I, usize> = ids.iter().enumerate().map(|(at, id)| (*id, at)).collect();
    let mut ops = Vec::new();
    let mut left: Vec<I> = old.iter().map(&id).collect();
    for at in (0..left.len()).rev() {
        if left.get(at).is_some_and(|id| !after.contains_key(id)) {
            left.remove(at);
            ops.push(Op::Remove { at });
        }
    }
    let wanted: Vec<I> = ids
        .iter()
        .filter(|id| before.contains_key(id))
        .copied()
        .collect();
    reorder(&mut left, &wanted, &after, &mut ops);
    let is_new = |(_, id): &(usize, &I)| !before.contains_key(id);
    let inserts = ids.iter().enumerate().filter(is_new);
    ops.extend(inserts.map(|(at, _)| Op::Insert { at }));
    let changed = |(row, id): (&R, &I)| before.get(id).is_some_and(|before| *before != row);
    let updates = new
        .iter()
        .zip(&ids)
        .enumerate()
        .filter(|(_, pair)| changed(*pair));
    ops.extend(updates.map(|(at, _)| Op::Update { at }));
    ops
}

/// Moves what does not keep its order. Each such row goes right behind the one that is wanted before it.
fn reorder<I: Eq + Hash + Copy>(
    left: &mut Vec<I>,
    wanted: &[I],
    after: &HashMap<I, usize>,
    ops: &mut Vec<Op>,
) {
    let places: Vec<usize> = left
        .iter()
        .filter_map(|id| after.get(id).copied())
        .collect();
    let stays = longest_ascending(&places);
    let mut previous: Option<I> = None;
    for id in wanted {
        let stays_here = after.get(id).is_some_and(|place| stays.contains(place));
        let from = left.iter().position(|one| one == id);
        if let Some(from) = from.filter(|_| !stays_here) {
            left.remove(from);
            let behind = previous.and_then(|previous| left.iter().position(|one| *one == previous));
            let to = behind.map_or(0, |at| at + 1);
            left.insert(to, *id);
            if from != to {
                ops.push(Op::Move { from, to });
            }
        }
        previous = Some(*id);
    }
}

/// The members of a longest ascending subsequence of distinct numbers (patience sorting).
fn longest_ascending(numbers: &[usize]) -> HashSet<usize> {
    // The last number of the best subsequence of each length, and what is before each number in its best one.
    let mut tails: Vec<usize> = Vec::new();
    let mut before: HashMap<usize, Option<usize>> = HashMap::new();
    for number in numbers {
        let length = tails.partition_point(|tail| tail < number);
        let previous = length.checked_sub(1).and_then(|at| tails.get(at)).copied();
        before.insert(*number, previous);
        match tails.get_mut(length) {
            Some(tail) => *tail = *number,
            None => tails.push(*number),
        }
    }
    let mut members = HashSet::new();
    let mut next = tails.last().copied();
    while let Some(member) = next {
        members.insert(member);
        next = before.get(&member).copied().flatten();
    }
    members
}

#[cfg(test)]
#[path = "diff_tests.rs"]
mod tests;
