//! The safety number: what two people compare to know that no relay stands between them.
//!
//! It depends on both account keys only, so that new devices do not change it. Both sides compute the same number. The
//! digits hold 199 bits, so that finding two account keys whose numbers agree takes about 2^99 steps; the QR payload
//! carries the keys themselves.

use crate::{account::AccountId, labels, primitives::kdf};

/// Decimal digits of a safety number.
pub const DIGITS: usize = 60;
/// Digits of one group.
pub const GROUP_DIGITS: usize = 5;
/// Groups of a safety number.
pub const GROUPS: usize = DIGITS / GROUP_DIGITS;
/// Bytes of a QR payload.
pub const QR_LEN: usize = 1 + 2 * AccountId::LEN;

/// First byte of a QR payload.
const QR_VERSION: u8 = 1;
/// Bytes from which one group is computed: 40 bits, so that the remainder of division by 100,000 is all but uniform.
const GROUP_BYTES: usize = 5;

/// The safety number of two accounts.
pub struct SafetyNumber {
    own: AccountId,
    theirs: AccountId,
}

/// Why a scanned QR payload does not confirm the safety number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QrError {
    /// Something else was scanned.
    #[error("not a safety number")]
    NotASafetyNumber,
    /// Written by a newer version: this program must be updated.
    #[error("safety number of a newer version")]
    Version,
    /// The other device sees other account keys: somebody may stand between the two, or it shows another conversation.
    #[error("the safety numbers differ")]
    Mismatch,
}

impl SafetyNumber {
    /// The safety number of one's own account and a contact's.
    #[must_use]
    pub const fn new(own: AccountId, theirs: AccountId) -> Self {
        Self { own, theirs }
    }

    /// Twelve groups of five digits.
    ///
    /// Group i is the big-endian number in bytes 5i..5i+5 of
    /// `HKDF(0, lower key ‖ higher key, L("safety-number"), 60)`, modulo 100,000.
    #[must_use]
    pub fn groups(&self) -> [u32; GROUPS] {
        let (own, theirs) = (self.own.as_bytes(), self.theirs.as_bytes());
        let (lower, higher) = if own <= theirs {
            (own, theirs)
        } else {
            (theirs, own)
        };
        let bytes = kdf::hkdf::<{ GROUPS * GROUP_BYTES }>(
            &[0; 32],
            &[lower, higher],
            labels::SAFETY_NUMBER,
            &[],
        );
        let mut groups = [0; GROUPS];
        for (group, bytes) in groups.iter_mut().zip(bytes.chunks_exact(GROUP_BYTES)) {
            // The remainder after each byte stays below 100,000, so nothing overflows.
            *group = bytes.iter().fold(0, |remainder: u32, byte| {
                (remainder * 256 + u32::from(*byte)) % 100_000
            });
        }
        groups
    }

    /// The 60 digits in groups of five, separated by spaces.
    #[must_use]
    pub fn to_text(&self) -> String {
        self.groups().map(|group| format!("{group:05}")).join(" ")
    }

    /// What one's own device shows as a QR code: version ‖ own account key ‖ contact's account key.
    #[must_use]
    pub fn qr_payload(&self) -> [u8; QR_LEN] {
        let mut payload = [QR_VERSION; QR_LEN];
        let keys = self.own.as_bytes().iter().chain(self.theirs.as_bytes());
        for (to, from) in payload.iter_mut().skip(1).zip(keys) {
            *to = *from;
        }
        payload
    }

    /// Compares what was scanned from the contact's device.
    ///
    /// # Errors
    /// [`QrError`], by what was scanned.
    pub fn check_qr(&self, scanned: &[u8]) -> Result<(), QrError> {
        let scanned: &[u8; QR_LEN] = scanned.try_into().map_err(|_| QrError::NotASafetyNumber)?;
        let [version, keys @ ..] = scanned;
        if *version != QR_VERSION {
            return Err(QrError::Version);
        }
        let (first, second) = keys.split_at(AccountId::LEN);
        if first == self.theirs.as_bytes() && second == self.own.as_bytes() {
            Ok(())
        } else {
            Err(QrError::Mismatch)
        }
    }
}

#[cfg(test)]
#[path = "safety_number_tests.rs"]
mod tests;
