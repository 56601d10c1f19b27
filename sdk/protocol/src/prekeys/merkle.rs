//! The Merkle tree over a batch of one-time prekeys: one signature for all of them.
//!
//! Leaves are hashed under another label than nodes, and carry kind, index and id; the tree is filled up to a power of two
//! with zero leaves, and the number of items is in the signed body, so that a path has one possible length.

use crate::{
    labels,
    prekeys::{PrekeyId, PrekeyKind},
    primitives::hash::{HASH_LEN, labelled},
};

/// A hash of the tree.
pub(super) type Node = [u8; HASH_LEN];

/// What stands in place of leaves that no item fills. No preimage of it is known.
const EMPTY: Node = [0; HASH_LEN];

/// `SHA-256(L("prekey-leaf") ‖ kind 1 ‖ index 2 ‖ id 4 ‖ key)`.
pub(super) fn leaf(kind: PrekeyKind, index: u16, id: PrekeyId, key: &[u8]) -> Node {
    labelled(
        labels::PREKEY_LEAF,
        &[&[kind.to_byte()], &index.to_be_bytes(), &id.to_bytes(), key],
    )
}

/// `SHA-256(L("prekey-node") ‖ left ‖ right)`.
fn node(left: &Node, right: &Node) -> Node {
    labelled(labels::PREKEY_NODE, &[left, right])
}

/// Hashes in the path of an item of a batch of `count`.
pub(super) fn depth(count: u16) -> usize {
    usize::try_from(u32::from(count).next_power_of_two().trailing_zeros()).unwrap_or(usize::MAX)
}

/// A tree, level by level from the leaves to the root.
pub(super) struct Tree(Vec<Vec<Node>>);

impl Tree {
    /// The tree over `leaves`.
    pub(super) fn new(mut leaves: Vec<Node>) -> Self {
        leaves.resize(leaves.len().next_power_of_two(), EMPTY);
        let mut levels = vec![leaves];
        while let Some(level) = levels.last().filter(|level| level.len() > 1) {
            let parents = level
                .chunks_exact(2)
                .map(|pair| node(&pair[0], &pair[1]))
                .collect();
            levels.push(parents);
        }
        Self(levels)
    }

    /// The root.
    pub(super) fn root(&self) -> Node {
        self.0
            .last()
            .and_then(|level| level.first())
            .copied()
            .unwrap_or(EMPTY)
    }

    /// The path of the leaf at `index`: the sibling at each level, from the leaves up.
    pub(super) fn path(&self, index: usize) -> Vec<Node> {
        let levels = self.0.iter().take(self.0.len().saturating_sub(1));
        levels
            .enumerate()
            .map(|(height, level)| level.get((index >> height) ^ 1).copied().unwrap_or(EMPTY))
            .collect()
    }
}

/// The root that `leaf` at `index` leads to along `path`.
pub(super) fn root_of(leaf: Node, index: u16, path: &[Node]) -> Node {
    path.iter()
        .enumerate()
        .fold(leaf, |below, (height, sibling)| {
            if (usize::from(index) >> height) & 1 == 0 {
                node(&below, sibling)
            } else {
                node(sibling, &below)
            }
        })
}

#[cfg(test)]
#[path = "merkle_tests.rs"]
mod tests;
