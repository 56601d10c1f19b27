//! DH1 … DH5 and SS, and what is derived from them.
//!
//! The values come in two parts, because the responder learns who the initiator is from what the first part decrypts.

use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::{IdentityTranscript, TranscriptHash};
use crate::identity_block::{IDENTITY_BLOCK_LEN, SEALED_IDENTITY_BLOCK_LEN};
use crate::labels;
use crate::primitives::aead::{self, AeadError, NONCE_LEN};
use crate::primitives::{dh, kdf, kem};
use crate::ratchet::{HeaderSeed, RootKey};
use crate::session::SessionId;

/// HKDF's salt where the specification says 0.
const NO_SALT: [u8; 32] = [0; 32];

/// Bytes in front of the agreed values (X3DH specification, section 2.2: F).
const DOMAIN: [u8; 32] = [0xff; 32];

/// The agreed values that do not involve the initiator's identity key.
pub(crate) struct EarlySecrets {
    /// DH(EK_A, IK_B).
    pub(crate) dh2: dh::SharedSecret,
    /// DH(EK_A, SPK_B).
    pub(crate) dh3: dh::SharedSecret,
    /// DH(EK_A, OPK_B), when a one-time prekey is used.
    pub(crate) dh4: Option<dh::SharedSecret>,
    /// The KEM's shared secret.
    pub(crate) ss: kem::SharedSecret,
}

/// The agreed values that authenticate the initiator.
pub(crate) struct LateSecrets {
    /// DH(IK_A, SPK_B).
    pub(crate) dh1: dh::SharedSecret,
    /// DH(IK_A, OPK_B), when a one-time prekey is used.
    pub(crate) dh5: Option<dh::SharedSecret>,
}

/// K0: hides the identity block. Used once, with a nonce of zeros.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct IdentityBlockKey([u8; 32]);

/// What a session starts with.
pub(crate) struct SessionSecrets {
    /// RK0.
    pub(crate) root: RootKey,
    /// HSA: header seed of the initiator's first chain.
    pub(crate) initiator_seed: HeaderSeed,
    /// NHSB: header seed of the responder's first chain.
    pub(crate) responder_seed: HeaderSeed,
    /// SID.
    pub(crate) id: SessionId,
}

impl EarlySecrets {
    /// K0 = HKDF(0, FF³² ‖ DH2 ‖ DH3 ‖ [DH4] ‖ SS, "pqxdh-id" ‖ TH0, 32).
    pub(crate) fn identity_block_key(&self, transcript: &IdentityTranscript) -> IdentityBlockKey {
        let ikm: [&[u8]; 5] = [
            &DOMAIN,
            self.dh2.expose(),
            self.dh3.expose(),
            optional(self.dh4.as_ref()),
            self.ss.expose(),
        ];
        IdentityBlockKey(*kdf::hkdf::<32>(
            &NO_SALT,
            &ikm,
            labels::PQXDH_ID,
            &[transcript.as_bytes()],
        ))
    }

    /// RK0 ‖ HSA ‖ NHSB ‖ SID = HKDF(0, FF³² ‖ DH1 ‖ DH2 ‖ DH3 ‖ [DH4 ‖ DH5] ‖ SS, "pqxdh-sk" ‖ TH, 112).
    pub(crate) fn session_secrets(
        &self,
        late: &LateSecrets,
        transcript: &TranscriptHash,
    ) -> SessionSecrets {
        let ikm: [&[u8]; 7] = [
            &DOMAIN,
            late.dh1.expose(),
            self.dh2.expose(),
            self.dh3.expose(),
            optional(self.dh4.as_ref()),
            optional(late.dh5.as_ref()),
            self.ss.expose(),
        ];
        let okm = kdf::hkdf::<112>(&NO_SALT, &ikm, labels::PQXDH_SK, &[transcript.as_bytes()]);
        SessionSecrets {
            root: RootKey::from_bytes(*part(&okm, 0)),
            initiator_seed: HeaderSeed::from_bytes(*part(&okm, 32)),
            responder_seed: HeaderSeed::from_bytes(*part(&okm, 64)),
            id: SessionId::from_bytes(*part(&okm, 96)),
        }
    }
}

impl IdentityBlockKey {
    /// Encrypts the block.
    pub(crate) fn seal(
        &self,
        transcript: &IdentityTranscript,
        block: &[u8; IDENTITY_BLOCK_LEN],
    ) -> Result<[u8; SEALED_IDENTITY_BLOCK_LEN], AeadError> {
        let mut sealed = [0; SEALED_IDENTITY_BLOCK_LEN];
        sealed[..IDENTITY_BLOCK_LEN].copy_from_slice(block);
        aead::seal(&self.0, &[0; NONCE_LEN], transcript.as_bytes(), &mut sealed)?;
        Ok(sealed)
    }

    /// Decrypts the block.
    pub(crate) fn open(
        &self,
        transcript: &IdentityTranscript,
        sealed: &[u8; SEALED_IDENTITY_BLOCK_LEN],
    ) -> Result<Zeroizing<[u8; IDENTITY_BLOCK_LEN]>, AeadError> {
        let mut sealed = Zeroizing::new(*sealed);
        let block = aead::open(
            &self.0,
            &[0; NONCE_LEN],
            transcript.as_bytes(),
            sealed.as_mut_slice(),
        )?;
        block
            .first_chunk()
            .copied()
            .map(Zeroizing::new)
            .ok_or(AeadError::Length)
    }
}

fn optional(secret: Option<&dh::SharedSecret>) -> &[u8] {
    secret.map_or(&[], |secret| secret.expose())
}

/// `N` bytes of the output from `start` on.
fn part<const N: usize>(okm: &[u8; 112], start: usize) -> Zeroizing<[u8; N]> {
    let mut bytes = Zeroizing::new([0; N]);
    bytes.copy_from_slice(&okm[start..start + N]);
    bytes
}
