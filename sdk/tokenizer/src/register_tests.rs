use rusqlite::Connection;

use super::*;

fn database() -> Connection {
    let connection = Connection::open_in_memory().unwrap();
    register(&connection).unwrap();
    connection
        .execute_batch("CREATE VIRTUAL TABLE t USING fts5 (body, tokenize = 'undertone')")
        .unwrap();
    connection
}

fn found(connection: &Connection, expression: &str) -> Vec<i64> {
    let mut statement = connection
        .prepare("SELECT rowid FROM t WHERE t MATCH ?1 ORDER BY rowid")
        .unwrap();
    let rows = statement.query_map([expression], |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}

#[test]
fn documents_are_found_by_their_terms() {
    let connection = database();
    for body in ["Die Straße", "東京都に住む", "straw"] {
        connection
            .execute("INSERT INTO t (body) VALUES (?1)", [body])
            .unwrap();
    }
    assert_eq!(found(&connection, "\"strasse\""), [1]);
    assert_eq!(found(&connection, "\"京都\""), [2]);
    assert_eq!(found(&connection, "\"\u{3}京\""), [2]);
    assert_eq!(found(&connection, "\"\u{2}st\""), [1, 3]);
    assert_eq!(found(&connection, "\"stra\" *"), [1, 3]);
    assert_eq!(found(&connection, "\"東京\" + \"京都\""), [2]);
    assert_eq!(found(&connection, "\"京都\" + \"東京\""), Vec::<i64>::new());
}

#[test]
fn a_deleted_document_leaves_a_sound_index() {
    let connection = database();
    for body in ["Die Straße", "東京都に住む", "straw"] {
        connection
            .execute("INSERT INTO t (body) VALUES (?1)", [body])
            .unwrap();
    }
    connection
        .execute("DELETE FROM t WHERE rowid = 2", [])
        .unwrap();
    assert_eq!(found(&connection, "\"京都\""), Vec::<i64>::new());
    connection
        .execute("INSERT INTO t (t) VALUES ('integrity-check')", [])
        .unwrap();
}

#[test]
fn text_that_is_not_utf8_is_indexed_up_to_the_fault() {
    let connection = database();
    connection
        .execute(
            "INSERT INTO t (body) VALUES (CAST(x'616263206465ff6768' AS TEXT))",
            [],
        )
        .unwrap();
    assert_eq!(found(&connection, "\"abc\""), [1]);
    assert_eq!(found(&connection, "\"gh\""), Vec::<i64>::new());
}

#[test]
fn an_empty_document_has_no_terms() {
    let connection = database();
    connection
        .execute("INSERT INTO t (body) VALUES ('')", [])
        .unwrap();
    connection
        .execute("INSERT INTO t (t) VALUES ('integrity-check')", [])
        .unwrap();
}

#[test]
fn each_connection_registers_for_itself() {
    let first = database();
    let second = database();
    first
        .execute("INSERT INTO t (body) VALUES ('one')", [])
        .unwrap();
    drop(first);
    second
        .execute("INSERT INTO t (body) VALUES ('two')", [])
        .unwrap();
    assert_eq!(found(&second, "\"two\""), [1]);
}
