use super::*;

fn row(ours: f64, goal: Goal) -> Row {
    Row::new(
        "ping_pong",
        "us",
        ours,
        (200.0, "5 x X25519".into()),
        BTreeMap::from([("vodozemac 0.11.1", 210.0)]),
        goal,
    )
}

#[test]
fn a_goal_is_met_exactly_at_its_limit() {
    assert!(row(220.0, Goal::TimesFloor(1.1)).ok);
    assert!(!row(220.1, Goal::TimesFloor(1.1)).ok);
    assert!(row(100.0, Goal::AtMost(100.0)).ok);
    assert!(!row(100.1, Goal::AtMost(100.0)).ok);
    assert!(row(100.0, Goal::AtLeast(100.0)).ok);
    assert!(!row(99.9, Goal::AtLeast(100.0)).ok);
}

#[test]
fn json_has_the_agreed_keys() {
    let json = serde_json::to_value(row(210.0, Goal::AtMost(300.0))).unwrap();
    let expected = serde_json::json!({
        "name": "ping_pong", "unit": "us", "ours": 210.0, "floor": 200.0,
        "peers": {"vodozemac 0.11.1": 210.0}, "goal": 300.0, "ok": true,
    });
    assert_eq!(json, expected);
}

#[test]
fn the_line_for_a_reader_names_everything() {
    let line = row(250.0, Goal::TimesFloor(1.1)).to_string();
    for part in [
        "MISS",
        "ping_pong",
        "250.00 us",
        "1.25 x",
        "vodozemac 0.11.1 210.00",
        "5 x X25519",
    ] {
        assert!(line.contains(part), "{part} in {line}");
    }
}

#[test]
fn a_row_without_a_floor_has_no_ratio() {
    let floor = (0.0, "nothing must allocate".into());
    let row = Row::new(
        "encrypt_allocs",
        "allocations",
        0.0,
        floor,
        BTreeMap::new(),
        Goal::AtMost(0.0),
    );
    assert!(row.ok);
    assert!(!row.to_string().contains(" x)"), "{row}");
}

#[test]
fn a_goal_of_the_reference_machine_grows_with_the_floor_and_never_shrinks() {
    let goal = |floor| Goal::OnReference {
        at_most: 150.0,
        floor,
    };
    assert!((row(1.0, goal(200.0)).goal - 150.0).abs() < 1e-9);
    assert!((row(1.0, goal(100.0)).goal - 300.0).abs() < 1e-9);
    assert!((row(1.0, goal(400.0)).goal - 150.0).abs() < 1e-9);
}
