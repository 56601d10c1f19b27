//! The prekey bundle: what an initiator has fetched, checked as a whole.

use crate::{account::AccountId, device::DeviceId};
use crate::{
    device::DeviceIdentity,
    manifest::{ManifestRef, VerifiedManifest},
    prekeys::{
        OneTimePrekeyPublic, PageError, PrekeyId, PrekeyKind, PrekeyPage, SignedPrekeyPublic,
        item::ItemError,
        last_resort,
        one_time::{verify_one_time, verify_one_time_kem},
    },
    primitives::kem::mlkem1024,
    time::Timestamp,
};

/// What a relay gave for one mailbox. Nothing in it is checked yet.
#[derive(Clone, Copy)]
pub struct PrekeyBundle<'a> {
    /// The page.
    pub page: &'a [u8],
    /// A one-time X25519 item, unless they are used up.
    pub one_time: Option<&'a [u8]>,
    /// A one-time ML-KEM-1024 item, or the last-resort one. Never absent.
    pub kem: &'a [u8],
}

/// Why a bundle was not accepted. Nothing is sent to the device; fetching the manifest again, or waiting until the device
/// publishes again, may help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// The manifest lists no such device, or lists it as revoked.
    #[error("not a device of the account")]
    UnknownDevice,
    /// The manifest's 30 days are over, so that it vouches for no new session.
    #[error("the account's device list has expired")]
    ManifestExpired,
    /// The page is not acceptable.
    #[error(transparent)]
    Page(#[from] PageError),
    /// The page names another manifest of the version that is known: the account key signed two. Alarm.
    #[error("two device lists of one version")]
    Fork,
    /// The one-time X25519 prekey is not acceptable.
    #[error("one-time prekey: {0}")]
    OneTime(ItemError),
    /// There is no KEM prekey: no session is made without one.
    #[error("no KEM prekey")]
    NoKem,
    /// The KEM prekey is not acceptable.
    #[error("KEM prekey: {0}")]
    Kem(ItemError),
    /// One key is used in two roles. The device's software is at fault.
    #[error("one key in two roles")]
    KeyReuse,
}

/// Everything a handshake with one device needs, all of it vouched for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedBundle {
    /// The account.
    pub account: AccountId,
    /// The manifest by which the device was checked.
    pub manifest: ManifestRef,
    /// The device.
    pub device: DeviceIdentity,
    /// SPK with its id.
    pub signed_prekey: (PrekeyId, SignedPrekeyPublic),
    /// OPK with its id, unless they were used up.
    pub one_time: Option<(PrekeyId, OneTimePrekeyPublic)>,
    /// The id of KPK.
    pub kem_id: PrekeyId,
    /// Whether KPK is for one session or the last resort.
    pub kem_kind: PrekeyKind,
    /// KPK.
    pub kem: mlkem1024::PublicKey,
    /// The page names a newer manifest than the one used: fetch it.
    pub newer_manifest: bool,
}

impl PrekeyBundle<'_> {
    /// Checks the bundle of the device with id `device`, as `manifest` lists it.
    ///
    /// # Errors
    /// [`BundleError`].
    pub fn verify(
        &self,
        manifest: &VerifiedManifest,
        device: &DeviceId,
        now: Timestamp,
    ) -> Result<VerifiedBundle, BundleError> {
        let account = manifest.body().account;
        let listed = manifest.device(device).ok_or(BundleError::UnknownDevice)?;
        if manifest.is_expired(now) {
            return Err(BundleError::ManifestExpired);
        }
        let signing_key = &listed.identity.signing_key;
        let page = PrekeyPage::open(self.page, &account, listed, now)?;
        let known = manifest.reference();
        if page.manifest.version == known.version && page.manifest.hash != known.hash {
            return Err(BundleError::Fork);
        }
        let one_time = self
            .one_time
            .map(|item| verify_one_time(item, &account, device, signing_key, now))
            .transpose()
            .map_err(BundleError::OneTime)?;
        let kind = self.kem.first().copied().ok_or(BundleError::NoKem)?;
        let (kem_kind, verified) = if kind == PrekeyKind::KemLastResort.to_byte() {
            (
                PrekeyKind::KemLastResort,
                last_resort::verify(self.kem, &account, device, signing_key, now),
            )
        } else {
            (
                PrekeyKind::KemOneTime,
                verify_one_time_kem(self.kem, &account, device, signing_key, now),
            )
        };
        let (kem_id, kem) = verified.map_err(BundleError::Kem)?;
        let (identity_key, spk) = (listed.identity.identity_key.as_bytes(), page.key.as_bytes());
        let reused = |opk: &[u8; 32]| opk == spk || opk == identity_key;
        if identity_key == spk
            || one_time
                .as_ref()
                .is_some_and(|(_, opk)| reused(opk.as_bytes()))
        {
            return Err(BundleError::KeyReuse);
        }
        Ok(VerifiedBundle {
            account,
            manifest: known,
            device: listed.identity,
            signed_prekey: (page.id, page.key),
            one_time,
            kem_id,
            kem_kind,
            kem,
            newer_manifest: page.manifest.version > known.version,
        })
    }
}

#[cfg(test)]
#[path = "bundle_tests.rs"]
mod tests;
