//! The last-resort ML-KEM-1024 prekey: what a relay gives when the one-time keys are used up.
//!
//! It is used by several sessions, so it is replaced weekly, and its kind is hashed into the handshake: the initiator
//! knows, and the responder remembers each first message made with it until its private half is deleted.

use rand_core::CryptoRng;

use crate::{
    account::AccountId,
    device::{DeviceId, DeviceSigningPublicKey},
    labels,
    limits::MAX_PREKEY_LIFETIME_MS,
    prekeys::{
        PrekeyId, PrekeyKind, PrekeyOwner,
        item::{ItemError, Lifetime, begin_body},
    },
    primitives::{
        codec::{DecodeError, Reader, Writer},
        kem::mlkem1024,
        signature::Signature,
    },
    time::Timestamp,
};

const KIND: PrekeyKind = PrekeyKind::KemLastResort;

/// A fresh last-resort prekey.
pub struct LastResortPrekey {
    /// Its id.
    pub id: PrekeyId,
    /// The private half, for sealed storage.
    pub secret: mlkem1024::SecretKey,
    /// What the relay keeps and gives away again and again.
    pub item: Vec<u8>,
}

impl LastResortPrekey {
    /// Makes and signs one, valid for 45 days.
    #[must_use]
    pub fn generate(owner: &PrekeyOwner<'_>, now: Timestamp, rng: &mut impl CryptoRng) -> Self {
        let id = PrekeyId::generate(rng);
        let secret = mlkem1024::SecretKey::generate(rng);
        let public = secret.public_key();
        let lifetime = Lifetime::starting(now, MAX_PREKEY_LIFETIME_MS);
        let body = body(
            &owner.account,
            &owner.device,
            id,
            lifetime,
            public.as_bytes(),
        );
        let signature = owner.signing_key.sign(labels::LAST_RESORT_PREKEY, &body);
        let mut item = Vec::with_capacity(1_700);
        let mut writer = Writer::new(&mut item);
        writer
            .u8(KIND.to_byte())
            .u32(id.get())
            .bytes(public.as_bytes());
        lifetime.write(&mut writer);
        writer.bytes(&signature.0);
        Self { id, secret, item }
    }
}

/// `account 32 ‖ device 16 ‖ kind 1 ‖ id 4 ‖ issued 8 ‖ expires 8 ‖ key 1,568`.
fn body(
    account: &AccountId,
    device: &DeviceId,
    id: PrekeyId,
    lifetime: Lifetime,
    key: &[u8; mlkem1024::PUBLIC_KEY_LEN],
) -> Vec<u8> {
    let mut body = begin_body(account, device, KIND);
    let mut writer = Writer::new(&mut body);
    writer.u32(id.get());
    lifetime.write(&mut writer);
    writer.bytes(key);
    body
}

/// Checks `kind 1 ‖ id 4 ‖ key 1,568 ‖ issued 8 ‖ expires 8 ‖ signature 64`.
pub(super) fn verify(
    item: &[u8],
    account: &AccountId,
    device: &DeviceId,
    signing_key: &DeviceSigningPublicKey,
    now: Timestamp,
) -> Result<(PrekeyId, mlkem1024::PublicKey), ItemError> {
    let mut reader = Reader::new(item);
    if reader.u8()? != KIND.to_byte() {
        return Err(DecodeError::InvalidValue.into());
    }
    let id = PrekeyId::new(reader.u32()?).ok_or(DecodeError::InvalidValue)?;
    let key = reader.array()?;
    let lifetime = Lifetime::read(&mut reader)?;
    let signature = Signature(*reader.array()?);
    reader.finish()?;
    signing_key.verify(
        labels::LAST_RESORT_PREKEY,
        &body(account, device, id, lifetime, key),
        &signature,
    )?;
    lifetime.check(MAX_PREKEY_LIFETIME_MS, now)?;
    Ok((
        id,
        mlkem1024::PublicKey::parse(key).map_err(DecodeError::from)?,
    ))
}
