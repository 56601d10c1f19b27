//! The recovery phrase: the root as 24 English words.
//!
//! Source: BIP-39, of which only the encoding of 256 bits with an 8-bit checksum is used; the root is the entropy itself,
//! and BIP-39's seed derivation (a passphrase, PBKDF2) plays no part.
//!
//! Invariant: of the words that are read, time and memory depend on no more than their lengths. The library's own search ends at the
//! first difference, which is why only its list is used. Words that are *shown* are looked up by what they stand for: a screen shows
//! more than a cache.

use bip39::Language;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use zeroize::Zeroizing;

use crate::{
    account::{ROOT_LEN, Root},
    primitives::{hash::sha256, secret::SecretBytes},
};

/// Words of a phrase.
pub const WORD_COUNT: usize = 24;

/// Bits that one word stands for.
const WORD_BITS: usize = 11;

/// Why a text is no recovery phrase. The person who typed it must act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecoveryPhraseError {
    /// Not 24 words.
    #[error("a recovery phrase has 24 words, not {found}")]
    WordCount {
        /// How many there were.
        found: usize,
    },
    /// A word is not in the list.
    #[error("word {position} is not in the word list")]
    UnknownWord {
        /// Which one, counted from 1.
        position: usize,
    },
    /// All words are in the list but do not belong together: one is wrong, or two are exchanged.
    #[error("the words do not belong together")]
    Checksum,
}

/// The words that stand for `root`, in order, to be shown to the user and kept nowhere.
#[must_use]
pub fn words(root: &Root) -> [&'static str; WORD_COUNT] {
    // 256 bits, 8 bits of checksum, and two bytes so that each word can be cut from a window of three bytes.
    let mut bits = Zeroizing::new([0_u8; ROOT_LEN + 3]);
    let [checksum, ..] = sha256(&[root.expose()]);
    let source = root.expose().iter().chain([&checksum]);
    for (to, from) in bits.iter_mut().zip(source) {
        *to = *from;
    }
    let list = Language::English.word_list();
    core::array::from_fn(|word| {
        let bit = word * WORD_BITS;
        let window = bits
            .iter()
            .skip(bit / 8)
            .take(3)
            .fold(0, |window, byte| window << 8 | usize::from(*byte));
        list[(window >> (24 - WORD_BITS - bit % 8)) % list.len()]
    })
}

/// Parses a phrase. Case and the amount of white space do not matter.
///
/// # Errors
/// [`RecoveryPhraseError`], by what is wrong with the text.
pub fn parse(text: &str) -> Result<Root, RecoveryPhraseError> {
    let lower = Zeroizing::new(text.to_lowercase());
    let found = lower.split_whitespace().count();
    if found != WORD_COUNT {
        return Err(RecoveryPhraseError::WordCount { found });
    }
    let list = numbers();
    let mut bits = Zeroizing::new([0_u8; ROOT_LEN + 3]);
    for (word, text) in lower.split_whitespace().enumerate() {
        let unknown = RecoveryPhraseError::UnknownWord { position: word + 1 };
        let index = index_in(&list, text).ok_or(unknown)?;
        let bit = word * WORD_BITS;
        let window = u32::from(index) << (24 - WORD_BITS - bit % 8);
        let [_, window @ ..] = window.to_be_bytes();
        for (to, from) in bits.iter_mut().skip(bit / 8).zip(window) {
            *to |= from;
        }
    }
    let (root, rest) = bits
        .split_first_chunk()
        .ok_or(RecoveryPhraseError::Checksum)?;
    let [checksum, ..] = sha256(&[root]);
    let found = rest.first().ok_or(RecoveryPhraseError::Checksum)?;
    if bool::from(checksum.ct_eq(found)) {
        Ok(Root::from_secret(SecretBytes::copy_from(root)))
    } else {
        Err(RecoveryPhraseError::Checksum)
    }
}

/// The words of the list, in its order. No word has no letters, which zero would stand for.
fn numbers() -> [u64; 1 << WORD_BITS] {
    Language::English
        .word_list()
        .map(|word| number_of(word).unwrap_or(0))
}

/// Where `word` stands in the list. All of the list is compared.
fn index_in(list: &[u64], word: &str) -> Option<u16> {
    let word = number_of(word)?;
    let (mut index, mut known) = (0, Choice::from(0));
    for (at, listed) in (0_u16..).zip(list) {
        let same = listed.ct_eq(&word);
        index.conditional_assign(&at, same);
        known |= same;
    }
    bool::from(known).then_some(index)
}

/// The letters of a word of at most eight, as all of the list are.
fn number_of(word: &str) -> Option<u64> {
    let mut letters = [0; 8];
    letters
        .get_mut(..word.len())?
        .copy_from_slice(word.as_bytes());
    Some(u64::from_be_bytes(letters))
}

#[cfg(test)]
#[path = "recovery_phrase_tests.rs"]
mod tests;
