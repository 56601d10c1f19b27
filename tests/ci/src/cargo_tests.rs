use super::*;

#[test]
fn the_workspace_root_holds_the_lock_file() {
    assert!(workspace_root().join("Cargo.lock").is_file());
}

#[test]
fn a_command_is_shown_as_typed() {
    assert_eq!(
        shown(&cargo(["test", "--workspace"])),
        "cargo test --workspace"
    );
}

#[test]
fn the_exit_code_decides() {
    assert!(matches!(
        passes(Command::new("true").arg("x")),
        Outcome::Passed(_)
    ));
    assert!(matches!(
        passes(&mut Command::new("false")),
        Outcome::Failed(_)
    ));
    assert!(matches!(
        passes(&mut Command::new("no-such-command-here")),
        Outcome::Failed(_)
    ));
}
