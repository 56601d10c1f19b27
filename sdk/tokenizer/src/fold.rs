//! Folding: which characters count as the same.
//!
//! Compatibility decomposition (Unicode UAX #15, NFKD), marks of alphabets that are readable without them dropped, lower
//! case, a short list of letters, then composition again (so that Hangul and voiced Kana are single characters). Signs of
//! Indic and South-East Asian scripts are kept: they are vowels.

use std::ops::Range;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// A folded character, and the bytes of the text that it came from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Unit {
    pub(crate) character: char,
    pub(crate) range: Range<usize>,
}

/// Folds a text.
pub(crate) fn fold(text: &str) -> Vec<Unit> {
    let mut units = Vec::with_capacity(text.len());
    let mut scratch = String::new();
    let mut characters = text.char_indices().peekable();
    while let Some((start, first)) = characters.next() {
        let mut end = start + first.len_utf8();
        while let Some((at, next)) = characters.next_if(|(_, next)| continues(*next)) {
            end = at + next.len_utf8();
        }
        let cluster = start..end;
        if first.is_ascii() && end == start + 1 {
            units.push(Unit {
                character: first.to_ascii_lowercase(),
                range: cluster,
            });
        } else if stands_alone(first) && end == start + first.len_utf8() {
            units.push(Unit {
                character: first,
                range: cluster,
            });
        } else if let Some(source) = text.get(cluster.clone()) {
            scratch.clear();
            fold_cluster(source, &mut scratch);
            units.extend(scratch.nfc().map(|character| Unit {
                character,
                range: cluster.clone(),
            }));
        }
    }
    units
}

/// Characters that folding leaves as they are, found without tables: most of Han, and Hangul syllables.
fn stands_alone(c: char) -> bool {
    matches!(c, '\u{4E00}'..='\u{9FFF}' | '\u{AC00}'..='\u{D7A3}')
}

/// Whether a character belongs to the one before it, as a mark does to its letter: a text is not cut in front of it.
#[must_use]
pub fn continues(c: char) -> bool {
    !c.is_ascii()
        && (is_combining_mark(c)
            || is_ignorable(c)
            // Half-width voiced sound marks, and vowels and finals of decomposed Hangul.
            || matches!(c, '\u{FF9E}' | '\u{FF9F}' | '\u{1160}'..='\u{11FF}' | '\u{D7B0}'..='\u{D7FF}'))
}

fn fold_cluster(source: &str, out: &mut String) {
    let mut previous = '\0';
    for c in source.nfkd() {
        if is_ignorable(c) || (is_combining_mark(c) && is_dropped(c, previous)) {
            continue;
        }
        for lower in c.to_lowercase() {
            push_letter(lower, out);
        }
        previous = c;
    }
}

/// Appends a lower-case letter as it is found.
fn push_letter(c: char, out: &mut String) {
    let folded = match c {
        'ß' => return out.push_str("ss"),
        'æ' => return out.push_str("ae"),
        'œ' => return out.push_str("oe"),
        'þ' => return out.push_str("th"),
        'ø' => 'o',
        'đ' | 'ð' => 'd',
        'ł' => 'l',
        'ħ' => 'h',
        'ŧ' => 't',
        'ı' => 'i',
        'ς' => 'σ',
        // Arabic: alef wasla, alef maqsura and Persian ya, ta marbuta, Persian kaf.
        'ٱ' => 'ا',
        'ى' | 'ی' => 'ي',
        'ة' => 'ه',
        'ک' => 'ك',
        other => digit(other).unwrap_or(other),
    };
    out.push(folded);
}

/// Decimal digits of other scripts, as ASCII digits. Each script's ten digits are consecutive.
fn digit(c: char) -> Option<char> {
    const ZEROS: [u32; 18] = [
        0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6, 0x0C66, 0x0CE6,
        0x0D66, 0x0E50, 0x0ED0, 0x0F20, 0x1040, 0x17E0, 0x1810,
    ];
    let code = u32::from(c);
    ZEROS
        .iter()
        .find_map(|zero| code.checked_sub(*zero).filter(|value| *value < 10))
        .and_then(|value| char::from_digit(value, 10))
}

/// Marks that a reader leaves out: accents, harakat, niqqud. Voiced sound marks, Indic and South-East Asian signs are kept,
/// and the breve of й and ў, which are letters of their own.
fn is_dropped(mark: char, base: char) -> bool {
    match mark {
        '\u{0306}' => !matches!(base, 'и' | 'И' | 'у' | 'У'),
        '\u{0300}'..='\u{036F}'
        | '\u{0483}'..='\u{0489}'
        | '\u{0591}'..='\u{05C7}'
        | '\u{0610}'..='\u{061A}'
        | '\u{064B}'..='\u{065F}'
        | '\u{0670}'
        | '\u{06D6}'..='\u{06ED}'
        | '\u{0711}'
        | '\u{0730}'..='\u{074A}'
        | '\u{08CA}'..='\u{08FF}'
        | '\u{1AB0}'..='\u{1AFF}'
        | '\u{1DC0}'..='\u{1DFF}'
        | '\u{20D0}'..='\u{20FF}'
        | '\u{FE00}'..='\u{FE0F}'
        | '\u{FE20}'..='\u{FE2F}'
        | '\u{E0100}'..='\u{E01EF}' => true,
        _ => false,
    }
}

/// Characters that have no meaning of their own: joiners, direction marks, soft hyphen, tatweel, skin tones.
fn is_ignorable(c: char) -> bool {
    matches!(
        c,
        '\u{00AD}'
            | '\u{0640}'
            | '\u{061C}'
            | '\u{200B}'..='\u{200F}'
            | '\u{202A}'..='\u{202E}'
            | '\u{2060}'..='\u{2064}'
            | '\u{2066}'..='\u{2069}'
            | '\u{FEFF}'
            | '\u{1F3FB}'..='\u{1F3FF}'
    )
}

#[cfg(test)]
#[path = "fold_tests.rs"]
mod tests;
