use super::*;
use proptest::prelude::*;

fn folded(text: &str) -> String {
    fold(text).into_iter().map(|unit| unit.character).collect()
}

#[test]
fn what_readers_call_the_same_folds_to_the_same() {
    for (first, second) in [
        ("Straße", "STRASSE"),
        ("Ærøskøbing", "aeroskobing"),
        ("Łódź", "lodz"),
        ("Đặng", "dang"),
        ("İstanbul", "istanbul"),
        ("ΟΔΟΣ", "οδός"),
        ("ёлка", "Елка"),
        ("Чай", "чаи\u{306}"),
        ("مُحَمَّد", "محمد"),
        ("إسلام", "اسلام"),
        ("مدرسة", "مدرسه"),
        ("علی", "علي"),
        ("کتاب", "كتاب"),
        ("الـسـلام", "السلام"),
        ("שָׁלוֹם", "שלום"),
        ("ﬁne", "fine"),
        ("Ｆｕｌｌ１２", "full12"),
        ("ｶﾞｷﾞ", "ガギ"),
        ("\u{1112}\u{1161}\u{11ab}", "한"),
        ("१२३", "123"),
        ("٤٥", "45"),
        ("क\u{200d}्ष", "क्ष"),
        ("👍🏽", "👍"),
    ] {
        assert_eq!(folded(first), folded(second), "{first} {second}");
    }
}

#[test]
fn what_is_another_letter_stays_another() {
    for (first, second) in [
        ("чай", "чаи"),
        ("が", "か"),
        ("हिन्दी", "हन्द"),
        ("ที่", "ที"),
        ("ő", "p"),
        ("कि", "की"),
    ] {
        assert_ne!(folded(first), folded(second), "{first} {second}");
    }
}

#[test]
fn ranges_cover_the_marks_of_a_letter() {
    let text = "e\u{301}x";
    let ranges: Vec<_> = fold(text).into_iter().map(|unit| unit.range).collect();
    assert_eq!(ranges, [0..3, 3..4]);
    let ligature: Vec<_> = fold("ßa").into_iter().map(|unit| unit.range).collect();
    assert_eq!(ligature, [0..2, 0..2, 2..3]);
}

proptest! {
    #[test]
    fn folding_twice_is_folding_once(text in "\\PC{0,40}") {
        let once = folded(&text);
        prop_assert_eq!(folded(&once), once);
    }

    #[test]
    fn ranges_ascend_on_character_boundaries(text in any::<String>()) {
        let mut last = 0..0;
        for unit in fold(&text) {
            prop_assert!(text.get(unit.range.clone()).is_some_and(|source| !source.is_empty()));
            prop_assert!(unit.range == last || unit.range.start >= last.end);
            last = unit.range;
        }
    }

    #[test]
    fn composed_and_decomposed_text_are_the_same(text in "\\PC{0,40}") {
        use unicode_normalization::UnicodeNormalization;
        let composed: String = text.nfc().collect();
        let decomposed: String = text.nfd().collect();
        prop_assert_eq!(folded(&composed), folded(&decomposed));
    }
}
