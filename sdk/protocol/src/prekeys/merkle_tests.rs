use proptest::prelude::*;

use super::*;

fn leaves(count: u8) -> Vec<Node> {
    (0..count)
        .map(|n| {
            leaf(
                PrekeyKind::OneTime,
                u16::from(n),
                PrekeyId::new(u32::from(n)).unwrap(),
                &[n; 32],
            )
        })
        .collect()
}

#[test]
fn paths_have_the_depth_of_their_count() {
    for (count, expected) in [
        (1, 0),
        (2, 1),
        (3, 2),
        (4, 2),
        (5, 3),
        (50, 6),
        (100, 7),
        (128, 7),
        (129, 8),
        (256, 8),
    ] {
        assert_eq!(depth(count), expected, "{count}");
    }
}

#[test]
fn leaves_and_nodes_are_apart() {
    // A node's preimage offered as a leaf gives another hash, because the labels differ.
    let pair = leaves(2);
    let root = Tree::new(pair.clone()).root();
    assert_eq!(root, labelled(labels::PREKEY_NODE, &[&pair[0], &pair[1]]));
    assert_ne!(root, labelled(labels::PREKEY_LEAF, &[&pair[0], &pair[1]]));
}

proptest! {
    #[test]
    fn every_leaf_leads_to_the_root_and_no_other_does(count in 1_u8..=255, at: prop::sample::Index, other: [u8; 32]) {
        let leaves = leaves(count);
        let tree = Tree::new(leaves.clone());
        let index = at.index(leaves.len());
        let path = tree.path(index);
        let index16 = u16::try_from(index).unwrap();
        prop_assert_eq!(path.len(), depth(u16::from(count)));
        prop_assert_eq!(root_of(leaves[index], index16, &path), tree.root());
        prop_assert_ne!(root_of(other, index16, &path), tree.root());
        if count > 1 {
            prop_assert_ne!(root_of(leaves[index], index16 ^ 1, &path), tree.root());
        }
    }
}
