//! The bodies that a client signs: the login of a mailbox, the writing and the deletion of a record.
//!
//! Every signature is Ed25519 over the framed message `u8 label length ‖ label ‖ u64be body length ‖ body` and is
//! verified strictly (no small-order keys, no malleability). Whose keys they are is not this module's concern.

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

use crate::binding::BindingValue;
use crate::labels;

/// A signature or its key is no good. Acts: the client that made it (a bug, or an attack).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not verify")]
pub struct BadSignature;

/// What `Authenticate.signature` covers:
/// `challenge 32 ‖ binding kind 1 ‖ binding 32 ‖ mailbox key 32 ‖ flags 1` (bit 0: peek).
#[derive(Debug, Clone, Copy)]
pub struct LoginBody<'a> {
    /// `Hello.challenge` of this connection.
    pub challenge: &'a [u8; 32],
    /// What ties the login to this connection.
    pub binding: BindingValue,
    /// Public half of the mailbox key.
    pub mailbox_key: &'a [u8; 32],
    /// Whether this is a peek.
    pub peek: bool,
}

/// What `PutRecord.signature` covers: `write key 32 ‖ expected version 8 ‖ SHA-256(value) 32`.
#[derive(Debug, Clone, Copy)]
pub struct PutRecordBody<'a> {
    /// Public half of the record's write key.
    pub write_key: &'a [u8; 32],
    /// The version it replaces, 0 = none.
    pub expected_version: u64,
    /// The new value.
    pub value: &'a [u8],
}

/// What `DeleteRecord.signature` covers: `write key 32 ‖ expected version 8`.
#[derive(Debug, Clone, Copy)]
pub struct DeleteRecordBody<'a> {
    /// Public half of the record's write key.
    pub write_key: &'a [u8; 32],
    /// The version it deletes.
    pub expected_version: u64,
}

/// A body with its label and the key that must have signed it.
pub trait SignedBody {
    /// Separates this kind of signature from every other.
    const LABEL: &'static str;

    /// The body, without label and framing.
    fn body(&self) -> Vec<u8>;

    /// The public key that signs it.
    fn key(&self) -> &[u8; 32];

    /// The framed bytes that are signed.
    fn signed_bytes(&self) -> Vec<u8> {
        frame(Self::LABEL, &self.body())
    }

    /// Signs. `key` is the private half of [`SignedBody::key`].
    fn sign(&self, key: &SigningKey) -> [u8; 64] {
        key.sign(&self.signed_bytes()).to_bytes()
    }

    /// Checks a signature strictly.
    ///
    /// # Errors
    /// [`BadSignature`] for a wrong length, a bad key, or a signature over anything else.
    fn verify(&self, signature: &[u8]) -> Result<(), BadSignature> {
        let signature = Signature::from_slice(signature).map_err(|_| BadSignature)?;
        VerifyingKey::from_bytes(self.key())
            .and_then(|key| key.verify_strict(&self.signed_bytes(), &signature))
            .map_err(|_| BadSignature)
    }
}

impl SignedBody for LoginBody<'_> {
    const LABEL: &'static str = labels::AUTHENTICATE;

    fn body(&self) -> Vec<u8> {
        let (kind, binding) = self.binding.parts();
        let mut body = Vec::with_capacity(98);
        body.extend_from_slice(self.challenge);
        body.push(kind);
        body.extend_from_slice(binding);
        body.extend_from_slice(self.mailbox_key);
        body.push(u8::from(self.peek));
        body
    }

    fn key(&self) -> &[u8; 32] {
        self.mailbox_key
    }
}

impl SignedBody for PutRecordBody<'_> {
    const LABEL: &'static str = labels::PUT_RECORD;

    fn body(&self) -> Vec<u8> {
        let mut body = Vec::with_capacity(72);
        body.extend_from_slice(self.write_key);
        body.extend_from_slice(&self.expected_version.to_be_bytes());
        body.extend_from_slice(&Sha256::digest(self.value));
        body
    }

    fn key(&self) -> &[u8; 32] {
        self.write_key
    }
}

impl SignedBody for DeleteRecordBody<'_> {
    const LABEL: &'static str = labels::DELETE_RECORD;

    fn body(&self) -> Vec<u8> {
        let mut body = Vec::with_capacity(40);
        body.extend_from_slice(self.write_key);
        body.extend_from_slice(&self.expected_version.to_be_bytes());
        body
    }

    fn key(&self) -> &[u8; 32] {
        self.write_key
    }
}

/// `u8 label length ‖ label ‖ u64be body length ‖ body`. Labels are under 256 bytes (tested).
fn frame(label: &str, body: &[u8]) -> Vec<u8> {
    let label_len = u8::try_from(label.len()).unwrap_or(u8::MAX);
    let body_len = u64::try_from(body.len()).unwrap_or(u64::MAX);
    let mut framed = Vec::with_capacity(label.len() + body.len() + 9);
    framed.push(label_len);
    framed.extend_from_slice(label.as_bytes());
    framed.extend_from_slice(&body_len.to_be_bytes());
    framed.extend_from_slice(body);
    framed
}

#[cfg(test)]
#[path = "signed_tests.rs"]
mod tests;
