//! How inputs are made, packed into one file, and read again.

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand_core::Rng;

use super::ConstantTimeError;

/// The generator of inputs: the same on each run, so that a gate that passed passes again.
pub(super) fn rng(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}

pub(super) fn random<const N: usize>(seed: u64) -> [u8; N] {
    let mut bytes = [0; N];
    rng(seed).fill_bytes(&mut bytes);
    bytes
}

/// Wrong guesses at `secret`: in the first byte, one in the middle, a single bit of the last, every byte.
pub(super) fn wrong_guesses(secret: &[u8]) -> Vec<Vec<u8>> {
    let last = secret.len().saturating_sub(1);
    let flips: [(usize, usize, u8); 4] = [
        (0, 0, 0xff),
        (last / 2, last / 2, 0xff),
        (last, last, 1),
        (0, last, 0xff),
    ];
    let guess = |(first, last, mask): (usize, usize, u8)| {
        let flipped = |(at, byte): (usize, &u8)| {
            if (first..=last).contains(&at) {
                byte ^ mask
            } else {
                *byte
            }
        };
        secret.iter().enumerate().map(flipped).collect()
    };
    flips.map(guess).to_vec()
}

/// Keys that differ as much as keys can: two random ones, all zeros, all ones, and a single bit.
pub(super) fn different_keys<const N: usize>() -> Vec<Vec<u8>> {
    let mut bit = [0; N];
    if let Some(last) = bit.last_mut() {
        *last = 1;
    }
    let keys: [[u8; N]; 5] = [random(1), random(2), [0; N], [0xff; N], bit];
    keys.map(Vec::from).to_vec()
}

/// Several byte strings in one, each behind its length.
pub(super) fn pack(parts: &[&[u8]]) -> Result<Vec<u8>, ConstantTimeError> {
    let mut packed = Vec::new();
    for part in parts {
        packed.extend_from_slice(&u32::try_from(part.len())?.to_be_bytes());
        packed.extend_from_slice(part);
    }
    Ok(packed)
}

/// The next of the byte strings that [`pack`] packed.
pub(super) fn unpack<'a>(packed: &mut &'a [u8]) -> Result<&'a [u8], ConstantTimeError> {
    let (len, rest) = packed.split_first_chunk().ok_or("an input ends early")?;
    let len = usize::try_from(u32::from_be_bytes(*len))?;
    let (part, rest) = rest.split_at_checked(len).ok_or("an input ends early")?;
    *packed = rest;
    Ok(part)
}

/// [`unpack`] of a known length.
pub(super) fn unpack_array<'a, const N: usize>(
    packed: &mut &'a [u8],
) -> Result<&'a [u8; N], ConstantTimeError> {
    Ok(unpack(packed)?.try_into()?)
}

/// An operation must end as its trace is meant to end.
pub(super) fn check(ended_as_meant: bool) -> Result<(), ConstantTimeError> {
    if ended_as_meant {
        Ok(())
    } else {
        Err("the operation ended otherwise than it should".into())
    }
}
