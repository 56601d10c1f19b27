use super::*;

/// Says that the places that the mutations name are still there; whether a test notices them costs builds, and is the gate's to say.
#[test]
fn every_mutation_fits_the_code_as_it_is() {
    let root = workspace_root();
    let mutations = load(&root.join(FOLDER)).unwrap();
    assert!(mutations.len() >= 25);
    for mutation in mutations {
        let text = fs::read_to_string(root.join(&mutation.file)).unwrap();
        let applied = mutation.apply(&text);
        assert!(applied.is_ok(), "{}: {applied:?}", mutation.name);
    }
}
