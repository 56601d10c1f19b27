use super::*;

const LISTING: &str = "\
Disassembly of section .text:

0000000000001000 <undertone_cryptography::constant_time::begin>:
    1000:\tret
0000000000001010 <compress>:
    1010:\tmov    %rdi,%rax
    1013:\tdivq   (%rsi)
    1017:\tdivsd  %xmm0,%xmm1
    101b:\tudiv   x0, x1, x2
0000000000001020 <_fini>:
    1020:\tret
";

/// A trace of a process in which the program lies 0x400000 higher, of these lines.
fn trace(lines: &str) -> Trace {
    Trace::of_lines(0x40_1000, lines)
}

fn binary() -> Binary {
    Binary::parse(LISTING).unwrap()
}

#[test]
fn divisions_that_ran_are_found_once_with_their_function() {
    let ran = trace("I  00401010,3\nI  00401013,4\nI  00401010,3\nI  00401013,4\nI  00401017,4\n");
    assert_eq!(binary().divisions(&ran), ["divides, in compress"]);
    assert!(binary().divisions(&trace("I  00401010,3\n")).is_empty());
}

#[test]
fn equal_traces_do_not_differ() {
    let lines = "I  00401010,3\n L 1fff000768,8\n";
    assert_eq!(binary().difference(&trace(lines), &trace(lines)), None);
}

#[test]
fn the_first_difference_is_shown_with_its_function() {
    let first = trace("I  00401010,3\n L 1fff000768,8\nI  00401013,4\n");
    let other_address = trace("I  00401010,3\n L 1fff000770,8\nI  00401013,4\n");
    assert_eq!(
        binary().difference(&first, &other_address).as_deref(),
        Some("step 2 is L 1fff000768,8 or L 1fff000770,8, in compress")
    );
    let shorter = trace("I  00401010,3\n L 1fff000768,8\n");
    assert_eq!(
        binary().difference(&first, &shorter).as_deref(),
        Some("step 3 is I  00401013,4 or its end, in compress")
    );
}

#[test]
fn what_lies_outside_the_program_has_no_name_of_it() {
    let first = trace("I  04c01010,3\n");
    let second = trace("I  04c01020,3\n");
    let difference = binary().difference(&first, &second).unwrap();
    assert!(difference.ends_with("in another file"), "{difference}");
}

#[test]
fn a_program_without_the_mark_cannot_be_read() {
    assert!(Binary::parse("0000000000001010 <compress>:\n").is_err());
}
