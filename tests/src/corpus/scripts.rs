//! Nine scripts: letters whose folded form they are, and the ways in which people write them.

use rand::seq::IndexedRandom;
use rand::{Rng, RngExt};
use unicode_normalization::UnicodeNormalization;

/// A script's letters, in the form that folding gives them.
pub(super) struct Script {
    pub(super) letters: &'static [&'static str],
    /// Written without spaces between words.
    pub(super) unspaced: bool,
    /// The lengths of its words, in letters.
    pub(super) lengths: (usize, usize),
    /// Marks that folding takes away.
    marks: &'static [&'static str],
}

/// The script of addresses, and of words that everybody uses.
pub(super) const LATIN: usize = 0;

/// Latin, Cyrillic, Greek, Arabic, Hebrew, Devanagari, Han with Kana, Hangul, Thai.
pub(super) const SCRIPTS: [Script; 9] = [
    Script {
        letters: &[
            "a", "b", "c", "d", "e", "f", "g", "h", "i", "k", "l", "m", "n", "o", "p", "r", "s",
            "t", "u", "v", "w", "z",
        ],
        unspaced: false,
        lengths: (2, 10),
        marks: &["\u{301}", "\u{308}", "\u{30C}"],
    },
    Script {
        letters: &[
            "а", "б", "в", "г", "д", "е", "ж", "з", "и", "й", "к", "л", "м", "н", "о", "п", "р",
            "с", "т", "у", "х", "ц", "ш", "ы", "ь", "я",
        ],
        unspaced: false,
        lengths: (2, 10),
        marks: &["\u{301}"],
    },
    Script {
        letters: &[
            "α", "β", "γ", "δ", "ε", "ζ", "η", "θ", "ι", "κ", "λ", "μ", "ν", "ο", "π", "ρ", "σ",
            "τ", "υ", "φ", "χ", "ω",
        ],
        unspaced: false,
        lengths: (2, 10),
        marks: &["\u{301}"],
    },
    Script {
        letters: &[
            "ا", "ب", "ت", "ج", "ح", "د", "ر", "س", "ش", "ص", "ع", "ف", "ق", "ك", "ل", "م", "ن",
            "ه", "و", "ي",
        ],
        unspaced: false,
        lengths: (2, 7),
        marks: &["\u{64E}", "\u{650}", "\u{651}", "\u{640}"],
    },
    Script {
        letters: &[
            "א", "ב", "ג", "ד", "ה", "ו", "ז", "ח", "ט", "י", "כ", "ל", "מ", "נ", "ס", "ע", "פ",
            "צ", "ק", "ר", "ש", "ת",
        ],
        unspaced: false,
        lengths: (2, 6),
        marks: &["\u{5B8}", "\u{5BC}"],
    },
    Script {
        letters: &[
            "क",
            "कि",
            "की",
            "ग",
            "च",
            "ज",
            "त",
            "ति",
            "द",
            "न",
            "न्द",
            "प",
            "ब",
            "म",
            "में",
            "य",
            "र",
            "ल",
            "व",
            "स",
            "ह",
            "हि",
            "अ",
            "आ",
        ],
        unspaced: false,
        lengths: (1, 6),
        marks: &["\u{200D}"],
    },
    Script {
        letters: &[
            "東", "京", "都", "日", "本", "人", "大", "学", "生", "中", "国", "語", "時", "間",
            "会", "社", "新", "聞", "電", "車", "今", "年", "𠮷", "の", "に", "が", "を", "は",
            "で", "す", "た", "カ", "ナ", "ー", "ト", "ラ",
        ],
        unspaced: true,
        lengths: (1, 4),
        marks: &[],
    },
    Script {
        letters: &[
            "한", "국", "어", "사", "람", "은", "가", "이", "는", "를", "에", "서", "나", "라",
            "오", "늘", "내", "일", "집", "학", "교", "시", "간", "친", "구",
        ],
        unspaced: true,
        lengths: (1, 4),
        marks: &[],
    },
    Script {
        letters: &[
            "ก",
            "ข",
            "ค",
            "ง",
            "จ",
            "ช",
            "ด",
            "ต",
            "ท",
            "ที่",
            "น",
            "บ",
            "ป",
            "พ",
            "ม",
            "ย",
            "ร",
            "ล",
            "ว",
            "ส",
            "ห",
            "ไ",
            "า",
            "เ",
        ],
        unspaced: true,
        lengths: (2, 6),
        marks: &[],
    },
];

impl Script {
    /// A word of its letters.
    pub(super) fn word(&self, rng: &mut impl Rng) -> String {
        let (shortest, longest) = self.lengths;
        let len = rng.random_range(shortest..=longest);
        (0..len)
            .filter_map(|_| self.letters.choose(rng).copied())
            .collect()
    }
}

/// Writes what is folded in one of the ways that fold to it: capitals, accents and vowel points, full width, decomposed
/// characters.
pub fn decorated(rng: &mut impl Rng, folded: &str) -> String {
    let script = SCRIPTS.iter().find(|script| {
        script
            .letters
            .iter()
            .any(|letter| folded.starts_with(letter))
    });
    let marks = script.map_or(&[][..], |script| script.marks);
    let mut out = String::new();
    for c in folded.chars() {
        match rng.random_range(0..16) {
            0 => out.extend(c.to_uppercase()),
            1 if c.is_ascii_lowercase() => {
                out.extend(char::from_u32(
                    u32::from(c) - u32::from(b'a') + FULL_WIDTH_A,
                ));
            }
            2 => out.extend(std::iter::once(c).nfd()),
            _ => out.push(c),
        }
        if rng.random_ratio(1, 24)
            && let Some(mark) = marks.choose(rng)
        {
            out.push_str(mark);
        }
    }
    if rng.random() {
        out.nfc().collect()
    } else {
        out
    }
}

/// The first of the letters that are as wide as those of Han.
const FULL_WIDTH_A: u32 = 0xFF41;
