//! What text of the user is accepted.

use super::limits::MAX_NAME_BYTES;

/// Whether a text can be a name: not blank, one line, within the limit. A name may be absent: see callers.
pub(crate) fn is_name(text: &str) -> bool {
    text.len() <= MAX_NAME_BYTES && !text.trim().is_empty() && !text.chars().any(char::is_control)
}

/// A text of several lines that came from outside, without other control characters.
pub(crate) fn clean_text(text: &str) -> String {
    let shown = |character: &char| *character == '\n' || !character.is_control();
    text.trim().chars().filter(shown).collect()
}

/// Cuts a name that came from outside to the limit, at a character boundary, without control characters.
pub(crate) fn clean_name(text: &str) -> String {
    let mut name = String::new();
    for character in text
        .trim()
        .chars()
        .filter(|character| !character.is_control())
    {
        if name.len() + character.len_utf8() > MAX_NAME_BYTES {
            break;
        }
        name.push(character);
    }
    name
}
