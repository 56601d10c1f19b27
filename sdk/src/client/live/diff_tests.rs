use proptest::prelude::*;

use super::*;

type Row = (u8, u8);

/// As an app applies the steps.
fn apply(old: &[Row], new: &[Row], ops: &[Op]) -> Vec<Row> {
    let mut rows = old.to_vec();
    for op in ops {
        match *op {
            Op::Remove { at } => _ = rows.remove(at),
            Op::Move { from, to } => {
                let row = rows.remove(from);
                rows.insert(to, row);
            }
            Op::Insert { at } => rows.insert(at, new[at]),
            Op::Update { at } => rows[at] = new[at],
        }
    }
    rows
}

fn steps(old: &[Row], new: &[Row]) -> Vec<Op> {
    diff(old, new, |row| row.0)
}

#[test]
fn each_kind_of_change_is_one_step() {
    let old = [(1, 0), (2, 0), (3, 0), (4, 0)];
    assert_eq!(steps(&old, &old), []);
    assert_eq!(
        steps(&old, &[(1, 0), (3, 0), (4, 0)]),
        [Op::Remove { at: 1 }]
    );
    assert_eq!(
        steps(&old, &[(1, 0), (2, 0), (9, 0), (3, 0), (4, 0)]),
        [Op::Insert { at: 2 }]
    );
    assert_eq!(
        steps(&old, &[(1, 0), (2, 7), (3, 0), (4, 0)]),
        [Op::Update { at: 1 }]
    );
    let to_the_top = [(4, 0), (1, 0), (2, 0), (3, 0)];
    assert_eq!(steps(&old, &to_the_top), [Op::Move { from: 3, to: 0 }]);
    assert_eq!(steps(&to_the_top, &old), [Op::Move { from: 0, to: 3 }]);
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    proptest::collection::vec((0_u8..24, 0_u8..3), 0..20).prop_map(|rows| {
        let mut seen = HashSet::new();
        rows.into_iter().filter(|row| seen.insert(row.0)).collect()
    })
}

proptest! {
    #[test]
    fn the_steps_lead_from_the_old_to_the_new(old in rows(), new in rows()) {
        let ops = steps(&old, &new);
        prop_assert_eq!(apply(&old, &new, &ops), new);
    }

    #[test]
    fn one_row_that_moves_is_one_step(old in rows(), from in 0_usize..20, to in 0_usize..20) {
        prop_assume!(!old.is_empty());
        let mut new = old.clone();
        let row = new.remove(from % old.len());
        new.insert(to % old.len(), row);
        prop_assert!(steps(&old, &new).len() <= 1);
    }
}
