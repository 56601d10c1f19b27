//! The prekey page: the signed prekey and the account's statement for the device, given to every initiator.
//!
//! The page is sealed under a key that only those can derive who know the account: it names the manifest, and that name is
//! the same on the pages of all devices of an account, which the relay must not learn to be one account's.

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::{
    account::AccountId,
    device::{DeviceId, DeviceSigningPublicKey, DeviceStatement, MailboxId, StatementError},
    labels,
    limits::MAX_PREKEY_LIFETIME_MS,
    manifest::{ManifestDevice, ManifestRef},
    prekeys::{
        PrekeyId, PrekeyKind, PrekeyOwner, SignedPrekeyPublic, SignedPrekeySecret,
        item::{ItemError, Lifetime, begin_body},
    },
    primitives::{
        aead,
        codec::{DecodeError, Reader, Writer},
        kdf,
        signature::{SIGNATURE_LEN, Signature},
    },
    time::Timestamp,
};

/// First byte of an opened page.
const FORMAT: u8 = 1;
/// Bytes of an opened page: format ‖ id ‖ SPK ‖ issued ‖ expires ‖ signature ‖ manifest ‖ statement.
const PLAIN_LEN: usize =
    1 + 4 + 32 + 8 + 8 + SIGNATURE_LEN + ManifestRef::LEN + DeviceStatement::LEN;

/// A fresh signed prekey.
pub struct SignedPrekey {
    /// Its id.
    pub id: PrekeyId,
    /// The private half, for sealed storage. It is also the first ratchet key of sessions that are accepted with it.
    pub secret: SignedPrekeySecret,
    lifetime: Lifetime,
    signature: Signature,
}

impl SignedPrekey {
    /// Makes and signs one, valid for 45 days.
    #[must_use]
    pub fn generate(owner: &PrekeyOwner<'_>, now: Timestamp, rng: &mut impl CryptoRng) -> Self {
        let id = PrekeyId::generate(rng);
        let secret = SignedPrekeySecret::generate(rng);
        let lifetime = Lifetime::starting(now, MAX_PREKEY_LIFETIME_MS);
        let body = body(
            &owner.account,
            &owner.device,
            id,
            lifetime,
            &secret.public_key(),
        );
        let signature = owner.signing_key.sign(labels::SIGNED_PREKEY, &body);
        Self {
            id,
            secret,
            lifetime,
            signature,
        }
    }

    /// The sealed page with this prekey, for the relay of `mailbox`.
    ///
    /// `nonce 12 ‖ AES-256-GCM(key, nonce, AD = mailbox id, page)`.
    ///
    /// # Errors
    /// [`PageError::NotAuthentic`] never happens here: the length is fixed.
    pub fn seal_page(
        &self,
        account: &AccountId,
        mailbox: &MailboxId,
        manifest: &ManifestRef,
        statement: &DeviceStatement,
        rng: &mut impl CryptoRng,
    ) -> Result<Vec<u8>, PageError> {
        let mut nonce = [0; aead::NONCE_LEN];
        rng.fill_bytes(&mut nonce);
        let mut page = Vec::with_capacity(PLAIN_LEN + aead::NONCE_LEN + aead::TAG_LEN);
        let mut writer = Writer::new(&mut page);
        writer
            .bytes(&nonce)
            .u8(FORMAT)
            .u32(self.id.get())
            .bytes(self.secret.public_key().as_bytes());
        self.lifetime.write(&mut writer);
        writer.bytes(&self.signature.0);
        manifest.write(&mut writer);
        writer
            .bytes(&statement.to_bytes())
            .bytes(&[0; aead::TAG_LEN]);
        let (_, sealed) = page.split_at_mut(aead::NONCE_LEN);
        aead::seal(
            &seal_key(account, mailbox),
            &nonce,
            mailbox.as_bytes(),
            sealed,
        )
        .map_err(|_| PageError::NotAuthentic)?;
        Ok(page)
    }
}

/// `HKDF(0, account public key, L("prekey-page-seal") ‖ mailbox id, 32)`.
fn seal_key(account: &AccountId, mailbox: &MailboxId) -> Zeroizing<[u8; aead::KEY_LEN]> {
    kdf::hkdf(
        &[0; 32],
        &[account.as_bytes()],
        labels::PREKEY_PAGE_SEAL,
        &[mailbox.as_bytes()],
    )
}

/// `account 32 ‖ device 16 ‖ kind 1 ‖ id 4 ‖ issued 8 ‖ expires 8 ‖ key 32`.
fn body(
    account: &AccountId,
    device: &DeviceId,
    id: PrekeyId,
    lifetime: Lifetime,
    key: &SignedPrekeyPublic,
) -> Vec<u8> {
    let mut body = begin_body(account, device, PrekeyKind::Signed);
    let mut writer = Writer::new(&mut body);
    writer.u32(id.get());
    lifetime.write(&mut writer);
    writer.bytes(key.as_bytes());
    body
}

/// Why a page was not accepted. The relay may serve an old or foreign one; else the device must publish again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    /// It does not open under this account's key for this mailbox.
    #[error("prekey page that does not open")]
    NotAuthentic,
    /// The signed prekey is not acceptable.
    #[error("signed prekey: {0}")]
    SignedPrekey(#[from] ItemError),
    /// The account's statement for the device is not acceptable.
    #[error(transparent)]
    Statement(#[from] StatementError),
}

impl From<DecodeError> for PageError {
    fn from(error: DecodeError) -> Self {
        Self::SignedPrekey(error.into())
    }
}

/// A checked page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrekeyPage {
    /// The signed prekey's id.
    pub id: PrekeyId,
    /// SPK.
    pub key: SignedPrekeyPublic,
    /// The manifest that the device's statement names; it may be newer than the reader's.
    pub manifest: ManifestRef,
}

impl PrekeyPage {
    /// Opens and checks the page of `device`.
    ///
    /// # Errors
    /// [`PageError`].
    pub fn open(
        page: &[u8],
        account: &AccountId,
        device: &ManifestDevice,
        now: Timestamp,
    ) -> Result<Self, PageError> {
        let mailbox = &device.identity.mailbox;
        let mut page = page.to_vec();
        let (nonce, sealed) = page
            .split_first_chunk_mut()
            .ok_or(PageError::NotAuthentic)?;
        let plain = aead::open(
            &seal_key(account, mailbox),
            nonce,
            mailbox.as_bytes(),
            sealed,
        )
        .map_err(|_| PageError::NotAuthentic)?;
        let mut reader = Reader::new(plain);
        if reader.u8()? != FORMAT {
            return Err(DecodeError::InvalidValue.into());
        }
        let id = PrekeyId::new(reader.u32()?).ok_or(DecodeError::InvalidValue)?;
        let key = SignedPrekeyPublic::parse(reader.array()?).map_err(DecodeError::from)?;
        let lifetime = Lifetime::read(&mut reader)?;
        let signature = Signature(*reader.array()?);
        let manifest = ManifestRef::read(&mut reader)?;
        let statement = DeviceStatement::read(&mut reader)?;
        reader.finish()?;
        let signing_key: &DeviceSigningPublicKey = &device.identity.signing_key;
        let body = body(account, &device.identity.id, id, lifetime, &key);
        signing_key
            .verify(labels::SIGNED_PREKEY, &body, &signature)
            .map_err(ItemError::from)?;
        lifetime.check(MAX_PREKEY_LIFETIME_MS, now)?;
        statement.verify(account, &device.identity, &manifest, now)?;
        Ok(Self { id, key, manifest })
    }
}
