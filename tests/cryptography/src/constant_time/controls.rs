//! What is not in constant time, one for each way in which a secret can show. The gate must find all of them.

use std::hint::black_box;

use super::input::{different_keys, random, wrong_guesses};
use super::{ConstantTimeError, Operation, traced};

pub(super) const OPERATIONS: &[Operation] = &[
    Operation {
        name: "control_early_exit",
        inputs: guesses,
        run: early_exit,
    },
    Operation {
        name: "control_table",
        inputs: keys,
        run: table,
    },
    Operation {
        name: "control_division",
        inputs: keys,
        run: division,
    },
];

fn guesses() -> Result<Vec<Vec<u8>>, ConstantTimeError> {
    Ok(wrong_guesses(&random::<32>(0)))
}

fn keys() -> Result<Vec<Vec<u8>>, ConstantTimeError> {
    Ok(different_keys::<32>())
}

/// A comparison that ends at the first difference.
fn early_exit(guess: &[u8]) -> Result<(), ConstantTimeError> {
    let secret = black_box(random::<32>(0));
    traced(|| secret.iter().zip(guess).all(|(a, b)| black_box(a) == b));
    Ok(())
}

/// A substitution by table, as of AES in plain software.
fn table(key: &[u8]) -> Result<(), ConstantTimeError> {
    let table = black_box(random::<256>(0));
    traced(|| {
        key.iter()
            .map(|byte| table.get(usize::from(*byte)).copied())
            .fold(0, |sum, byte| sum ^ byte.unwrap_or(0))
    });
    Ok(())
}

/// A division of a secret, as of ML-KEM's compression when the compiler is asked for small code.
fn division(key: &[u8]) -> Result<(), ConstantTimeError> {
    let divisor = black_box(3_329_u32);
    traced(|| {
        key.iter()
            .map(|byte| u32::from(*byte) * 3_329 / divisor)
            .fold(0, u32::wrapping_add)
    });
    Ok(())
}
