use super::*;

fn graph_of(edges: &[(&str, &[&str])]) -> Graph {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    edges
        .iter()
        .map(|(name, to)| ((*name).to_owned(), owned(to)))
        .collect()
}

fn sound() -> Graph {
    graph_of(&[
        ("undertone-protocol", &[]),
        ("undertone-wire", &[]),
        ("undertone", &["undertone-protocol", "undertone-wire"]),
        ("undertone-relay", &["undertone-wire"]),
    ])
}

#[test]
fn a_sound_graph_passes() {
    assert_eq!(findings(&sound()), Vec::<String>::new());
}

#[test]
fn the_relay_must_not_reach_the_sdk_through_another_crate() {
    let mut graph = sound();
    graph.insert(
        "undertone-wire".into(),
        BTreeSet::from(["undertone-protocol".to_owned()]),
    );
    let found = findings(&graph);
    assert!(
        found.contains(&"undertone-wire must not depend on undertone-protocol".to_owned()),
        "{found:?}"
    );
    assert!(
        found.contains(&"undertone-relay reaches undertone-protocol".to_owned()),
        "{found:?}"
    );
}

#[test]
fn a_crate_without_an_entry_is_found() {
    let mut graph = sound();
    graph.insert("undertone-new".into(), BTreeSet::new());
    assert_eq!(
        findings(&graph),
        ["undertone-new has no entry in the dependency rule"]
    );
}

#[test]
fn a_missing_relay_crate_is_found() {
    let mut graph = sound();
    graph.remove("undertone-relay");
    assert_eq!(findings(&graph).len(), 1);
}

#[test]
fn dev_dependencies_are_aside_and_build_dependencies_are_not() {
    let metadata: Metadata = serde_json::from_str(
        r#"{"target_directory": "target", "workspace_members": ["a", "b"], "packages": [
            {"id": "a", "name": "undertone-relay", "version": "1.0.0", "license": null, "targets": [], "dependencies": [
                {"name": "undertone-wire", "kind": "build"}, {"name": "undertone", "kind": "dev"}, {"name": "serde", "kind": null}]},
            {"id": "b", "name": "undertone-wire", "version": "1.0.0", "license": null, "targets": [], "dependencies": []},
            {"id": "c", "name": "serde", "version": "1.0.0", "license": "MIT", "targets": [], "dependencies": []}]}"#,
    )
    .unwrap();
    assert_eq!(
        graph(&metadata),
        graph_of(&[
            ("undertone-relay", &["undertone-wire"]),
            ("undertone-wire", &[])
        ])
    );
}

#[test]
fn the_workspace_as_it_is_keeps_the_rule() {
    assert!(matches!(check().unwrap(), Outcome::Passed(_)));
}
