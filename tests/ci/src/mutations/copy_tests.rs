use super::*;

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

#[test]
fn a_copy_follows_what_it_was_made_from() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("from"), folder.path().join("to"));
    write(&from.join("a/kept.rs"), "one");
    write(&from.join("a/gone.rs"), "two");
    let files = ["a/kept.rs".to_owned(), "a/gone.rs".to_owned()];
    update(&from, &files, &to).unwrap();
    assert_eq!(fs::read_to_string(to.join("a/gone.rs")).unwrap(), "two");

    // A run was stopped before it took its mistake back.
    write(&to.join("a/kept.rs"), "mistake");
    update(&from, &files[..1], &to).unwrap();
    assert_eq!(fs::read_to_string(to.join("a/kept.rs")).unwrap(), "one");
    assert!(!to.join("a/gone.rs").exists());
}

#[test]
fn what_is_equal_is_not_written_again() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("from"), folder.path().join("to"));
    write(&from.join("a.rs"), "one");
    write(&to.join("a.rs"), "one");
    let written = || fs::metadata(to.join("a.rs")).unwrap().modified().unwrap();
    let before = written();
    update(&from, &["a.rs".to_owned()], &to).unwrap();
    assert_eq!(written(), before);
}
