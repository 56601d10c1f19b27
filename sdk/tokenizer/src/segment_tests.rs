use super::*;
use proptest::prelude::*;

const WHOLE: Mode = Mode::Query { prefix: false };
const BEGINNING: Mode = Mode::Query { prefix: true };

fn texts(text: &str, mode: Mode) -> Vec<String> {
    segment(text, mode)
        .into_iter()
        .map(|token| token.text)
        .collect()
}

/// Terms by position, the marks of helper terms written out.
fn positions(text: &str) -> Vec<Vec<String>> {
    let mut all: Vec<Vec<String>> = Vec::new();
    for token in segment(text, Mode::Document) {
        if token.position == all.len() {
            all.push(Vec::new());
        }
        let readable = token.text.replace(PREFIX, "^").replace(CHARACTER, "=");
        all[token.position].push(readable);
    }
    all
}

#[test]
fn words_carry_their_beginnings() {
    assert_eq!(
        positions("Hello, a!"),
        [vec!["hello", "^h", "^he"], vec!["a", "^a"]]
    );
}

#[test]
fn runs_become_pairs_and_a_last_character() {
    assert_eq!(
        positions("東京都"),
        [vec!["東京", "=東"], vec!["京都", "=京"], vec!["都", "=都"]]
    );
    assert_eq!(
        positions("ไทย"),
        [vec!["ไท", "=ไ"], vec!["ทย", "=ท"], vec!["ย", "=ย"]]
    );
    assert_eq!(
        positions("iPhone用"),
        [vec!["iphone", "^i", "^ip"], vec!["用", "=用"]]
    );
}

#[test]
fn each_of_the_scripts_without_spaces_is_a_run() {
    for text in [
        "漢字",
        "かな",
        "カナー",
        "한글",
        "ไทย",
        "ລາວ",
        "ខ្មែរ",
        "မြန်မာ",
        "𠮷野",
        "々〇",
    ] {
        let tokens = segment(text, Mode::Document);
        let characters = fold(text).len();
        assert_eq!(tokens.len(), 2 * characters, "{text}");
    }
}

#[test]
fn signs_stay_in_their_words() {
    assert_eq!(texts("हिन्दी में", WHOLE), ["हिन्दी", "में"]);
    assert_eq!(texts("বাংলা தமிழ்", WHOLE), ["বাংলা", "தமிழ்"]);
}

#[test]
fn pictographs_are_terms() {
    assert_eq!(texts("ok👍🏽👍 ❤️", WHOLE), ["ok", "👍", "👍", "❤"]);
}

#[test]
fn queries_ask_for_what_documents_have() {
    assert_eq!(texts("京都", WHOLE), ["京都"]);
    assert_eq!(texts("東京都", WHOLE), ["東京", "京都"]);
    assert_eq!(texts("京", WHOLE), ["\u{3}京"]);
    // A run that something follows must end there.
    assert_eq!(texts("東京 abc", WHOLE), ["東京", "京", "abc"]);
    assert_eq!(texts("東京! ", WHOLE), ["東京"]);
    assert_eq!(texts("he", BEGINNING), ["\u{2}he"]);
    assert_eq!(texts("hel", BEGINNING), ["hel"]);
    assert_eq!(texts("he", WHOLE), ["he"]);
    assert_eq!(texts("  ,;  ", WHOLE), Vec::<String>::new());
}

#[test]
fn only_the_last_word_of_a_beginning_is_open() {
    let open: Vec<_> = segment("hello worl", BEGINNING)
        .into_iter()
        .map(|token| token.extendable)
        .collect();
    assert_eq!(open, [false, true]);
    assert!(!segment("he", BEGINNING)[0].extendable);
    assert!(!segment("hello", WHOLE)[0].extendable);
}

#[test]
fn filters_are_terms_as_they_are() {
    assert_eq!(
        texts("\u{1}c12 \u{1}s-3", Mode::Document),
        ["\u{1}c12", "\u{1}s-3"]
    );
}

#[test]
fn text_cannot_forge_helper_terms() {
    assert_eq!(
        positions("\u{2}ab \u{3}c"),
        [vec!["ab", "^a", "^ab"], vec!["c", "^c"]]
    );
}

proptest! {
    #[test]
    fn positions_count_up_and_ranges_are_of_the_text(text in any::<String>()) {
        let mut next = 0;
        for token in segment(&text, Mode::Document) {
            prop_assert!(token.position == next || token.position + 1 == next);
            next = token.position + 1;
            prop_assert!(text.get(token.range).is_some_and(|source| !source.is_empty()));
            prop_assert!(!token.text.is_empty());
        }
    }

    /// Every query made of a part of a document finds it: its terms stand in the document in a row.
    #[test]
    fn a_document_has_the_terms_of_itself(text in "[a-cA-Cäß東京都ไทยक्ष ,]{1,24}") {
        let document = positions(&text.replace(['\u{2}', '\u{3}'], ""));
        let query: Vec<String> =
            texts(&text, WHOLE).into_iter().map(|term| term.replace(CHARACTER, "=")).collect();
        if !query.is_empty() {
            let found = document
                .windows(query.len())
                .any(|window| window.iter().zip(&query).all(|(here, wanted)| here.contains(wanted)));
            prop_assert!(found, "{query:?} in {document:?}");
        }
    }
}
