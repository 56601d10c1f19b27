//! Invitations: the link that carries an account, its relay and a token, and the bearer that the token becomes.
//!
//! The link is `https://RELAY/#ut1…`; the part behind `#` never reaches a server. Who may still use an invitation, and how
//! often, is the relay's and the engine's concern.

use rand_core::CryptoRng;
use zeroize::{ZeroizeOnDrop, Zeroizing};

use crate::{
    account::{AccountId, ManifestWritePublicKey},
    bech32m,
    delivery::{BEARER_LEN, Bearer},
    device::MailboxId,
    labels,
    primitives::{codec::Reader, kdf, secret::SecretBytes},
    relay_address::{RelayAddress, RelayAddressError},
};

/// Bytes of an invite seed.
pub const INVITE_SEED_LEN: usize = 32;
/// Bytes of an invite token.
pub const INVITE_TOKEN_LEN: usize = 16;

/// First byte of a link's payload.
const LINK_VERSION: u8 = 1;
/// Bytes of a link's payload: version ‖ account ‖ manifest write key ‖ token.
const PAYLOAD_LEN: usize = 1 + 32 + 32 + INVITE_TOKEN_LEN;

/// The secret from which an account's invite tokens come. Synced between its devices. Wiped on drop.
pub struct InviteSeed(SecretBytes<INVITE_SEED_LEN>);

impl ZeroizeOnDrop for InviteSeed {}

impl InviteSeed {
    /// A fresh random seed.
    #[must_use]
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        Self(SecretBytes::random(rng))
    }

    /// Reads a seed that [`InviteSeed::expose`] gave. The caller wipes the original.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; INVITE_SEED_LEN]) -> Self {
        Self(SecretBytes::copy_from(bytes))
    }

    /// The bytes, for sealed storage.
    #[must_use]
    pub fn expose(&self) -> &[u8; INVITE_SEED_LEN] {
        self.0.expose()
    }

    /// The token of invitation `number`: `Expand(seed, L("invite-token") ‖ u32 number, 16)`.
    #[must_use]
    pub fn token(&self, number: u32) -> InviteToken {
        let mut token = SecretBytes::zeroed();
        kdf::expand_into(
            self.expose(),
            labels::INVITE_TOKEN,
            &[&number.to_be_bytes()],
            token.expose_mut(),
        );
        InviteToken(token)
    }
}

/// The secret in an invite link. Wiped on drop.
pub struct InviteToken(SecretBytes<INVITE_TOKEN_LEN>);

impl ZeroizeOnDrop for InviteToken {}

impl InviteToken {
    /// Reads a token that [`InviteToken::expose`] gave. The caller wipes the original.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; INVITE_TOKEN_LEN]) -> Self {
        Self(SecretBytes::copy_from(bytes))
    }

    /// The bytes, for sealed storage.
    #[must_use]
    pub fn expose(&self) -> &[u8; INVITE_TOKEN_LEN] {
        self.0.expose()
    }

    /// The bearer for `mailbox`: `Expand(token ‖ 0×16, L("invite-bearer") ‖ mailbox id, 16)`.
    ///
    /// The token is uniform but shorter than a PRK; HMAC pads a key with zeros anyway, so that its length changes nothing.
    #[must_use]
    pub fn bearer(&self, mailbox: &MailboxId) -> Bearer {
        let mut prk = Zeroizing::new([0; 32]);
        for (to, from) in prk.iter_mut().zip(self.expose()) {
            *to = *from;
        }
        Bearer(kdf::expand::<BEARER_LEN>(
            &prk,
            labels::INVITE_BEARER,
            &[mailbox.as_bytes()],
        ))
    }
}

/// What an invite link says. Neither `Clone` nor `Debug`: it carries a secret.
pub struct InviteLink {
    /// The relay of the account's records.
    pub relay: RelayAddress,
    /// The account.
    pub account: AccountId,
    /// The key whose record holds the account's manifest.
    pub manifest_write_key: ManifestWritePublicKey,
    /// What gives the right to knock.
    pub token: InviteToken,
}

/// Why a text is no invite link. Whoever gave the text must act; a new link may help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InviteLinkError {
    /// There is no `#` with an invitation behind it.
    #[error("no invitation in the link: the part behind # is missing")]
    NoInvitation,
    /// What stands before the `#` is no relay.
    #[error("not the address of a relay: {0}")]
    Relay(#[from] RelayAddressError),
    /// What stands behind the `#` is no bech32m of ours, or was cut or mistyped.
    #[error("invitation cut off or mistyped")]
    Text,
    /// Made by a newer version: this program must be updated.
    #[error("invitation of a newer version")]
    Version,
    /// An Undertone text, but no invitation (an account id alone gives no right to knock).
    #[error("not an invitation")]
    Length,
    /// A key in it is none.
    #[error("invitation with an unacceptable key")]
    Key,
}

impl InviteLink {
    /// The link's text.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        let payload = Zeroizing::new(bech32m::encode(&[
            &[LINK_VERSION],
            self.account.as_bytes(),
            self.manifest_write_key.as_bytes(),
            self.token.expose(),
        ]));
        Zeroizing::new(format!("{}/#{}", self.relay.as_str(), payload.as_str()))
    }

    /// Parses a link, with or without white space around it, in lower or upper case.
    ///
    /// # Errors
    /// [`InviteLinkError`], by what is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, InviteLinkError> {
        let (address, payload) = text
            .trim()
            .split_once('#')
            .ok_or(InviteLinkError::NoInvitation)?;
        let relay = RelayAddress::parse(address)?;
        if payload.is_empty() {
            return Err(InviteLinkError::NoInvitation);
        }
        let payload = bech32m::decode(payload).map_err(|_| InviteLinkError::Text)?;
        if payload.first() != Some(&LINK_VERSION) {
            return Err(InviteLinkError::Version);
        }
        let payload: &[u8; PAYLOAD_LEN] = payload
            .as_slice()
            .try_into()
            .map_err(|_| InviteLinkError::Length)?;
        let mut reader = Reader::new(&payload[1..]);
        Self::read_payload(relay, &mut reader)
    }

    fn read_payload(relay: RelayAddress, reader: &mut Reader<'_>) -> Result<Self, InviteLinkError> {
        let account = reader.array().map_err(|_| InviteLinkError::Length)?;
        let write_key = reader.array().map_err(|_| InviteLinkError::Length)?;
        let token = reader.array().map_err(|_| InviteLinkError::Length)?;
        Ok(Self {
            relay,
            account: AccountId::parse(account).map_err(|_| InviteLinkError::Key)?,
            manifest_write_key: ManifestWritePublicKey::parse(write_key)
                .map_err(|_| InviteLinkError::Key)?,
            token: InviteToken::from_bytes(token),
        })
    }
}

#[cfg(test)]
#[path = "invite_tests.rs"]
mod tests;
