//! Comparisons of something secret with a guess that an attacker chose.

use std::hint::black_box;

use undertone_protocol::account::Root;
use undertone_protocol::primitives::aead::{self, AeadError, NONCE_LEN};
use undertone_protocol::primitives::secret::SecretBytes;
use undertone_protocol::recovery_phrase::{self, RecoveryPhraseError, WORD_COUNT};
use undertone_wire::bearer::BearerHash;

use super::input::{check, random, wrong_guesses};
use super::{ConstantTimeError, Operation, traced};

pub(super) const OPERATIONS: &[Operation] = &[
    Operation {
        name: "secret_bytes",
        inputs: guesses_and_the_secret,
        run: secret_bytes,
    },
    Operation {
        name: "bearer_hash",
        inputs: guesses_and_the_secret,
        run: bearer_hash,
    },
    Operation {
        name: "aead_tag",
        inputs: forgeries,
        run: aead_tag,
    },
    Operation {
        name: "phrase",
        inputs: phrases,
        run: phrase,
    },
    Operation {
        name: "phrase_checksum",
        inputs: phrases_with_one_word_exchanged,
        run: phrase_checksum,
    },
];

const KEY: u64 = 1;

/// The answer is a value that nothing branches on before the comparison has ended, so that the right guess is one of the inputs.
fn guesses_and_the_secret() -> Result<Vec<Vec<u8>>, ConstantTimeError> {
    let secret = random::<32>(KEY);
    let mut guesses = wrong_guesses(&secret);
    guesses.push(secret.to_vec());
    Ok(guesses)
}

fn secret_bytes(guess: &[u8]) -> Result<(), ConstantTimeError> {
    let secret = SecretBytes::copy_from(&random::<32>(KEY));
    let guess = SecretBytes::<32>::copy_from(guess.try_into()?);
    traced(|| secret.ct_eq(&guess));
    Ok(())
}

/// The hash of a bearer, as the relay compares it with each that a mailbox's owner has registered.
fn bearer_hash(guess: &[u8]) -> Result<(), ConstantTimeError> {
    let registered = black_box(BearerHash::from_bytes(random(KEY)));
    let guess = black_box(BearerHash::from_bytes(guess.try_into()?));
    traced(|| registered == guess);
    Ok(())
}

const NONCE: [u8; NONCE_LEN] = [1; NONCE_LEN];

/// A body with each wrong tag.
fn forgeries() -> Result<Vec<Vec<u8>>, ConstantTimeError> {
    let mut sealed = [7; 256 + aead::TAG_LEN];
    aead::seal(&random(KEY), &NONCE, b"associated", &mut sealed)?;
    let (body, tag) = sealed.split_at(256);
    let forged = wrong_guesses(tag);
    Ok(forged.iter().map(|tag| [body, tag].concat()).collect())
}

fn aead_tag(sealed: &[u8]) -> Result<(), ConstantTimeError> {
    let mut sealed = sealed.to_vec();
    let key = random(KEY);
    let opened = traced(|| aead::open(&key, &NONCE, b"associated", &mut sealed).err());
    check(opened == Some(AeadError::NotAuthentic))
}

/// Words that a phrase exchanges for others, and how many phrases are wanted.
const EXCHANGED: [usize; 3] = [0, 11, WORD_COUNT - 2];
const PHRASES: usize = 3;

/// Phrases of different roots whose words have the same lengths.
fn phrases() -> Result<Vec<Vec<u8>>, ConstantTimeError> {
    let lengths = |words: &[&str; WORD_COUNT]| words.map(str::len);
    let words_of = |root| recovery_phrase::words(&Root::from_secret(SecretBytes::copy_from(&root)));
    let root = random::<32>(KEY);
    let first = words_of(root);
    let mut phrases = vec![first];
    for seed in 0_u16..=u16::MAX {
        // Other first words, and with them another checksum, and another last word.
        let mut other = root;
        other[..2].copy_from_slice(&seed.to_be_bytes());
        let words = words_of(other);
        if other != root && lengths(&words) == lengths(&first) {
            phrases.push(words);
        }
        if phrases.len() == PHRASES {
            break;
        }
    }
    Ok(phrases
        .iter()
        .map(|words| words.join(" ").into_bytes())
        .collect())
}

fn phrase(text: &[u8]) -> Result<(), ConstantTimeError> {
    let text = str::from_utf8(text)?;
    check(traced(|| recovery_phrase::parse(text)).is_ok())
}

/// A phrase in which one word stands for another one of its length, at the beginning, in the middle and near the end.
fn phrases_with_one_word_exchanged() -> Result<Vec<Vec<u8>>, ConstantTimeError> {
    let words_of =
        |seed| recovery_phrase::words(&Root::from_secret(SecretBytes::copy_from(&random(seed))));
    let words = words_of(KEY);
    let mut phrases = Vec::new();
    for at in EXCHANGED {
        let others = (KEY + 1..).flat_map(words_of);
        let fitting = others.filter(|other| other.len() == words[at].len());
        let exchanged = fitting.map(|other| {
            let mut words = words;
            words[at] = other;
            words.join(" ")
        });
        let wrong = exchanged
            .take(PHRASES * 100)
            .find(|text| recovery_phrase::parse(text).err() == Some(RecoveryPhraseError::Checksum));
        phrases.push(wrong.ok_or("no other word fits")?.into_bytes());
    }
    Ok(phrases)
}

fn phrase_checksum(text: &[u8]) -> Result<(), ConstantTimeError> {
    let text = str::from_utf8(text)?;
    let parsed = traced(|| recovery_phrase::parse(text));
    check(parsed.err() == Some(RecoveryPhraseError::Checksum))
}
