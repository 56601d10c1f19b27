use super::*;

const OUTPUT: &str = "\
==1== Lackey
I  00000100,3
marks 0x200 0x300
I  00000104,3
I  00000200,1
I  00000301,4
I  00000300,1
I  00000200,1
I  00000302,4
I  00000300,1
 S 1fff000760,8
I  00000200,1
I  00000203,4
 L 1fff000768,8
I  00000207,2
I  00000300,1
==1== done
";

#[test]
fn traces_are_what_is_between_the_marks_without_those_that_warm_up() {
    let traces = read(OUTPUT.as_bytes()).unwrap();
    let [trace] = traces.as_slice() else {
        panic!("{} traces", traces.len())
    };
    assert_eq!(trace.begin, 0x200);
    assert_eq!(trace.len(), 3);
    assert_eq!(trace.instructions().collect::<Vec<_>>(), [0x203, 0x207]);
    assert_eq!(trace.lines().nth(1).and_then(address), Some(0x1f_ff00_0768));
}

#[test]
fn output_without_marks_or_without_their_end_has_no_traces() {
    for output in [
        "==1== Lackey\nI  00000100,3\n",
        "marks 0x200 0x300\nI  00000200,1\nI  00000203,4\n",
        "",
    ] {
        assert!(read(output.as_bytes()).is_err(), "{output}");
    }
}

#[test]
fn what_the_program_says_is_in_the_error() {
    let output = "marks 0x200 0x300\nconstant_time: no such operation\n";
    let error = read(output.as_bytes()).unwrap_err().to_string();
    assert!(error.contains("no such operation"), "{error}");
}
