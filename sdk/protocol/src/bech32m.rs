//! The textual encoding of account ids and invite links: bech32m with the prefix `ut` (BIP-350).
//!
//! Invariant: bytes have one text (up to all-upper case, for QR codes), so padding bits must be zero.

use bech32::{Bech32m, Hrp, primitives::decode::CheckedHrpstring};
use zeroize::Zeroizing;

/// The human-readable prefix; texts start with it and the separator `1`.
const PREFIX: &str = "ut";

/// The text is no bech32m of ours: another prefix, a wrong character or checksum, mixed case, or padding that is not
/// zero. The person or program that gave the text must act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not valid bech32m with the prefix ut")]
pub struct Bech32mError;

/// The lower-case text of the concatenation of `parts`.
pub(crate) fn encode(parts: &[&[u8]]) -> String {
    let bytes = Zeroizing::new(parts.concat());
    // Fails only above the checksum's 1,023 characters; everything encoded here has fewer than 100 bytes.
    bech32::encode_lower::<Bech32m>(Hrp::parse_unchecked(PREFIX), &bytes).unwrap_or_default()
}

/// The bytes of `text`.
pub(crate) fn decode(text: &str) -> Result<Zeroizing<Vec<u8>>, Bech32mError> {
    let checked = CheckedHrpstring::new::<Bech32m>(text).map_err(|_| Bech32mError)?;
    if !checked.hrp().as_str().eq_ignore_ascii_case(PREFIX) {
        return Err(Bech32mError);
    }
    let bytes = Zeroizing::new(checked.byte_iter().collect::<Vec<u8>>());
    // The library ignores padding bits; the only canonical text is the one that we would write.
    let canonical = Zeroizing::new(encode(&[&bytes]));
    if canonical.eq_ignore_ascii_case(text) {
        Ok(bytes)
    } else {
        Err(Bech32mError)
    }
}
