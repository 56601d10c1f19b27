use super::*;

#[test]
fn the_runners_counts_are_added_up() {
    let output = "running 2 tests\ntest a ... ok\n\ntest result: ok. 2 passed; 0 failed; 0 ignored\n\
                  test result: ok. 0 passed; 0 failed; 0 ignored\ntest result: ok. 11 passed; 0 failed";
    assert_eq!(passed(output), 13);
    assert_eq!(passed("test result: FAILED. 1 passed; 1 failed"), 0);
    assert_eq!(passed(""), 0);
}
