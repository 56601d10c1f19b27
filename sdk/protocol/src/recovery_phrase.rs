//! The recovery phrase: the root as 24 English words.
//!
//! Source: BIP-39, of which only the encoding of 256 bits with an 8-bit checksum is used; the root is the entropy itself,
//! and BIP-39's seed derivation (a passphrase, PBKDF2) plays no part.

use bip39::{Language, Mnemonic};
use zeroize::{Zeroize, Zeroizing};

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
    let mnemonic = match Mnemonic::parse_in_normalized(Language::English, &lower) {
        Ok(mnemonic) => mnemonic,
        Err(bip39::Error::UnknownWord(index)) => {
            return Err(RecoveryPhraseError::UnknownWord {
                position: index + 1,
            });
        }
        Err(_) => return Err(RecoveryPhraseError::Checksum),
    };
    let (mut entropy, _) = mnemonic.to_entropy_array();
    let mut secret = SecretBytes::<ROOT_LEN>::zeroed();
    for (to, from) in secret.expose_mut().iter_mut().zip(entropy.iter()) {
        *to = *from;
    }
    entropy.zeroize();
    Ok(Root::from_secret(secret))
}

#[cfg(test)]
#[path = "recovery_phrase_tests.rs"]
mod tests;
