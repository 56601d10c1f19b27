//! Work challenges, without keeping any: `time ‖ counter ‖ MAC` under a secret of this run.

use rand_core::CryptoRng;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use undertone_wire::limits::WORK_CHALLENGE_MS;
use zeroize::Zeroizing;

use crate::storage::Timestamp;

/// Bytes of a challenge.
const LEN: usize = 32;

pub(super) struct WorkIssuer {
    secret: Zeroizing<[u8; 32]>,
    counter: u64,
}

impl WorkIssuer {
    pub(super) fn new<R: CryptoRng + ?Sized>(rng: &mut R) -> Self {
        let mut secret = Zeroizing::new([0; 32]);
        rng.fill_bytes(&mut *secret);
        Self { secret, counter: 0 }
    }

    /// A challenge and when it ends.
    pub(super) fn issue(&mut self, now: Timestamp) -> ([u8; LEN], Timestamp) {
        self.counter = self.counter.wrapping_add(1);
        let mut challenge = [0; LEN];
        let (head, mac) = challenge.split_at_mut(16);
        let (time, counter) = head.split_at_mut(8);
        time.copy_from_slice(&now.0.to_be_bytes());
        counter.copy_from_slice(&self.counter.to_be_bytes());
        mac.copy_from_slice(&self.mac(head));
        (challenge, now.plus(WORK_CHALLENGE_MS))
    }

    /// Whether this is a challenge of this run that has not ended.
    pub(super) fn is_valid(&self, challenge: &[u8], now: Timestamp) -> bool {
        if challenge.len() != LEN {
            return false;
        }
        let (head, mac) = challenge.split_at(16);
        let Some(time) = head.first_chunk::<8>() else {
            return false;
        };
        let issued = Timestamp(u64::from_be_bytes(*time));
        let genuine: bool = mac.ct_eq(&self.mac(head)).into();
        genuine && issued <= now && now.since(issued) < WORK_CHALLENGE_MS
    }

    /// The input has one length, so that a keyed hash is a MAC.
    fn mac(&self, head: &[u8]) -> [u8; 16] {
        let mut hash = Sha256::new();
        hash.update(*self.secret);
        hash.update(head);
        let digest: [u8; 32] = hash.finalize().into();
        let mut mac = [0; 16];
        mac.copy_from_slice(digest.split_at(16).0);
        mac
    }
}
