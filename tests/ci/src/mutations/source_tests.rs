use super::*;

const FILE: &str = "\
# Two.
mutation: not_checked
what: Nobody looks.
file: src/a.rs
package: a
test: tests::looks
 fn open() {
-    check()?;
-    check_again()?;
+    check_again();
 }

mutation: gone
what: A line is missing.
file: src/a.rs
package: a
test: tests::is_there
-    line();
";

#[test]
fn a_file_has_fields_and_hunks() {
    let mutations = parse(FILE).unwrap();
    let [first, second] = &mutations[..] else {
        panic!("{} mutations", mutations.len())
    };
    assert_eq!(
        *first,
        Mutation {
            name: "not_checked".to_owned(),
            what: "Nobody looks.".to_owned(),
            file: "src/a.rs".to_owned(),
            package: "a".to_owned(),
            test: "tests::looks".to_owned(),
            before: "fn open() {\n    check()?;\n    check_again()?;\n}\n".to_owned(),
            after: "fn open() {\n    check_again();\n}\n".to_owned(),
        }
    );
    assert_eq!((&*second.before, &*second.after), ("    line();\n", ""));
}

#[test]
fn a_mutation_replaces_what_it_names_and_nothing_else() {
    let mutations = parse(FILE).unwrap();
    let text = "use a;\n\nfn open() {\n    check()?;\n    check_again()?;\n}\nend\n";
    assert_eq!(
        mutations[0].apply(text).unwrap(),
        "use a;\n\nfn open() {\n    check_again();\n}\nend\n"
    );
    assert_eq!(mutations[1].apply("    line();\n").unwrap(), "");
}

#[test]
fn a_text_that_is_gone_or_there_twice_is_stale() {
    let mutations = parse(FILE).unwrap();
    assert_eq!(mutations[0].apply("fn open() {\n}\n"), Err(Stale(0)));
    assert_eq!(
        mutations[1].apply("    line();\nother\n    line();\n"),
        Err(Stale(2))
    );
}

#[test]
fn part_of_a_line_is_another_line() {
    let mutations = parse(FILE).unwrap();
    assert_eq!(mutations[1].apply("if x {    line();\n"), Err(Stale(0)));
    assert_eq!(mutations[1].apply("    line(); // why\n"), Err(Stale(0)));
}

#[test]
fn what_is_not_understood_is_an_error() {
    let with = |line: &str| parse(&FILE.replacen("what: Nobody looks.\n", line, 1));
    assert_eq!(with("why: Nobody looks.\n"), Err(SourceError::Line(3)));
    assert_eq!(with("what: a\nwhat: b\n"), Err(SourceError::Line(4)));
    assert_eq!(
        with(""),
        Err(SourceError::Incomplete("not_checked".to_owned()))
    );
    assert_eq!(parse("what: of nothing\n"), Err(SourceError::Line(1)));
    assert_eq!(
        parse(&FILE.replace(": gone", ": not_checked")),
        Err(SourceError::Repeated(13))
    );
    assert_eq!(
        parse(&FILE.replace("-    line();", "     line();")),
        Err(SourceError::Incomplete("gone".to_owned()))
    );
}
