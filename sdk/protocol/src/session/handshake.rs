//! PQXDH from both sides, up to a session and its first message.
//!
//! The checks come in the order that gives a stranger least: nothing is stored, fetched or answered before the body of
//! the message has opened.

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::encrypt::SendingStep;
use super::open::{OpenChain, OpenError};
use super::{Role, Sending, Session};
use crate::account::AccountId;
use crate::content::{Introduction, IntroductionError};
use crate::device::{DeviceIdentity, DeviceStatement, IdentityKey, StatementError};
use crate::envelope::Context;
use crate::first_message::{self, BODY_LEN, FIRST_MESSAGE_LEN, FLAGS, FirstMessage};
use crate::header::Header;
use crate::identity_block::{IdentityBlock, VerifiedIdentity};
use crate::manifest::ManifestRef;
use crate::pq_ratchet::{Announced, Announcement, PqRatchet};
use crate::pqxdh::{
    EarlySecrets, IdentityTranscript, LateSecrets, RecipientKeys, SessionSecrets, TranscriptHash,
};
use crate::prekeys::{OneTimePrekeySecret, PrekeyKind, SignedPrekeySecret, VerifiedBundle};
use crate::primitives::dh::{DhError, PublicKey, SecretKey, role};
use crate::primitives::kem::mlkem1024;
use crate::ratchet::{RatchetKey, RatchetPublicKey};
use crate::session::EncryptError;
use crate::time::Timestamp;

/// The device that begins a session.
pub struct Initiator<'a> {
    /// Its account.
    pub account: AccountId,
    /// Its id and public keys.
    pub device: DeviceIdentity,
    /// The secret half of its identity key.
    pub identity_key: &'a IdentityKey,
    /// Its account's manifest.
    pub manifest: ManifestRef,
    /// The account's statement that the device is its own as of that manifest.
    pub statement: DeviceStatement,
}

/// A session that this device began.
pub struct Initiated {
    /// The session, to be stored before the message leaves the device.
    pub session: Session,
    /// The first message, 4,096 bytes.
    pub first_message: Vec<u8>,
}

/// Why a session was not begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InitiateError {
    /// The recipient is this very device, or two keys of the handshake are the same: the recipient's keys are not its
    /// own, or the random number generator repeats itself.
    #[error("a key occurs twice in the handshake")]
    RepeatedKey,
    /// A key of the recipient does not contribute. The recipient is at fault.
    #[error("a key of the recipient does not contribute")]
    Agreement(#[from] DhError),
    /// What the first message should say does not fit it. The caller must act.
    #[error(transparent)]
    Introduction(#[from] IntroductionError),
    /// The first message was not encrypted.
    #[error(transparent)]
    Encrypt(#[from] EncryptError),
}

/// The device that a first message reached, with the prekeys that the message names.
pub struct Responder<'a> {
    /// Its account.
    pub account: AccountId,
    /// Its id and public keys.
    pub device: DeviceIdentity,
    /// The secret half of its identity key.
    pub identity_key: &'a IdentityKey,
    /// The signed prekey.
    pub signed_prekey: &'a SignedPrekeySecret,
    /// The one-time prekey, if the message names one.
    pub one_time_prekey: Option<&'a OneTimePrekeySecret>,
    /// The KEM prekey.
    pub kem_prekey: &'a mlkem1024::SecretKey,
    /// Whether it is used once: [`PrekeyKind::KemOneTime`] or [`PrekeyKind::KemLastResort`].
    pub kem_prekey_kind: PrekeyKind,
}

/// A session that a peer's device began, proved by its first message.
pub struct Responded {
    /// The session, to be stored with everything else in one transaction that also deletes the one-time prekeys.
    pub session: Session,
    /// Who began it.
    pub peer: VerifiedIdentity,
    /// What the first message says.
    pub introduction: Introduction,
}

/// Why a first message was not accepted. Nothing has changed; nothing is shown, answered or fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RespondError {
    /// The message names a one-time prekey and none was given, or the reverse. The caller must act.
    #[error("one-time prekey does not fit the message")]
    OneTimePrekey,
    /// A key of the initiator does not contribute. The initiator is at fault.
    #[error("a key of the initiator does not contribute")]
    Agreement(#[from] DhError),
    /// The identity block was not made for these prekeys of this device, or was changed on the way.
    #[error("identity block rejected")]
    IdentityBlock,
    /// The initiator's account does not vouch for his device.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// The initiator claims to be this very device, or two keys of the handshake are the same.
    #[error("a key occurs twice in the handshake")]
    RepeatedKey,
    /// The message itself: the initiator does not hold the identity key he claims, or the bytes were changed.
    #[error(transparent)]
    Message(#[from] OpenError),
    /// The message is authentic and malformed. The initiator's software is at fault.
    #[error(transparent)]
    Introduction(#[from] IntroductionError),
}

/// A session whose first message is not sealed yet.
struct Unsealed {
    session: Session,
    /// The hash of what stands before header and body.
    front: [u8; 32],
    plaintext: Zeroizing<Vec<u8>>,
    /// What stands before header and body.
    first_message: Vec<u8>,
}

impl Session {
    /// Begins a session with the device whose prekeys were verified, and encrypts its first message.
    ///
    /// # Errors
    /// [`InitiateError`].
    pub fn initiate(
        rng: &mut impl CryptoRng,
        initiator: &Initiator<'_>,
        bundle: &VerifiedBundle,
        introduction: &Introduction,
    ) -> Result<Initiated, InitiateError> {
        let Unsealed {
            mut session,
            front,
            plaintext,
            mut first_message,
        } = Self::agree(rng, initiator, bundle, introduction)?;
        session.seal_next(rng, Some(front), &plaintext, BODY_LEN, &mut first_message)?;
        Ok(Initiated {
            session,
            first_message,
        })
    }

    /// Everything of [`Session::initiate`] in front of the first message's header and body.
    fn agree(
        rng: &mut impl CryptoRng,
        initiator: &Initiator<'_>,
        bundle: &VerifiedBundle,
        introduction: &Introduction,
    ) -> Result<Unsealed, InitiateError> {
        let recipient = &RecipientKeys::of(bundle);
        let ephemeral = SecretKey::<role::Ephemeral>::generate(rng);
        let ephemeral_public = ephemeral.public_key();
        let identity = initiator.identity_key;
        check_distinct(&initiator.device.identity_key, &ephemeral_public, recipient)
            .map_err(|RepeatedKey| InitiateError::RepeatedKey)?;

        let (_, signed) = recipient.signed;
        let one_time = recipient.one_time.as_ref();
        let (ciphertext, ss) = bundle.kem.encapsulate(rng);
        let early = EarlySecrets {
            dh2: ephemeral.agree(&recipient.identity)?,
            dh3: ephemeral.agree(&signed)?,
            dh4: one_time.map(|(_, key)| ephemeral.agree(key)).transpose()?,
            ss,
        };
        let late = LateSecrets {
            dh1: identity.agree(&signed)?,
            dh5: one_time.map(|(_, key)| identity.agree(key)).transpose()?,
        };
        let identity_transcript =
            IdentityTranscript::new(FLAGS, recipient, &ephemeral_public, &ciphertext);
        let block = IdentityBlock {
            account: initiator.account,
            device: initiator.device,
            manifest: initiator.manifest,
            recipient_manifest: bundle.manifest,
            statement: initiator.statement,
        }
        .to_bytes();
        let sealed_block = early
            .identity_block_key(&identity_transcript)
            .seal(&identity_transcript, &block)
            .map_err(|_| EncryptError::TooLong)?;
        let transcript = TranscriptHash::new(&identity_transcript, &block);
        let secrets = early.session_secrets(&late, &transcript);

        let mut first_message = Vec::with_capacity(FIRST_MESSAGE_LEN);
        let front = first_message::write_front(
            &ephemeral_public,
            recipient.ids(),
            &ciphertext,
            &sealed_block,
            &mut first_message,
        );
        let (pq, ratchet_key) = PqRatchet::initiator(rng);
        let plaintext = introduction.encode(ratchet_key.as_bytes())?;
        let peer_ratchet = signed.as_first_ratchet_key();
        Ok(Unsealed {
            session: Self::first(rng, secrets, transcript, (peer_ratchet, pq))?,
            front,
            plaintext,
            first_message,
        })
    }

    /// An initiator's session before its first message: the first root step is taken with the signed prekey.
    fn first(
        rng: &mut impl CryptoRng,
        secrets: SessionSecrets,
        transcript: TranscriptHash,
        (peer_ratchet, pq): (RatchetPublicKey, PqRatchet),
    ) -> Result<Self, DhError> {
        let chain = (0, &secrets.initiator_seed, 0);
        let step = SendingStep::new(rng, (&secrets.root, None, pq.epoch()), &peer_ratchet, chain)?;
        Ok(Self {
            id: secrets.id,
            role: Role::Initiator,
            transcript,
            root: step.root,
            ratchet: step.ratchet,
            peer_ratchet,
            sending: Sending::Open(step.chain),
            receiving: None,
            next_receiving: secrets.responder_seed.expand(),
            pq,
            ephemerals: 0,
        })
    }

    /// Answers a first message: agrees on the session, checks who began it, and opens what it says.
    ///
    /// # Errors
    /// [`RespondError`].
    pub fn respond(
        responder: &Responder<'_>,
        message: &FirstMessage<'_>,
        now: Timestamp,
    ) -> Result<Responded, RespondError> {
        let one_time = match (message.prekey_ids().one_time, responder.one_time_prekey) {
            (Some(id), Some(key)) => Some((id, key)),
            (None, None) => None,
            _ => return Err(RespondError::OneTimePrekey),
        };
        let (ss, kem_public) = responder.kem_prekey.decapsulate(message.ciphertext());
        let signed_public = responder.signed_prekey.public_key();
        let recipient = RecipientKeys {
            account: responder.account,
            device: responder.device.id,
            identity: responder.device.identity_key,
            signed: (message.prekey_ids().signed, signed_public),
            one_time: one_time.map(|(id, key)| (id, key.public_key())),
            kem: (
                message.prekey_ids().kem,
                responder.kem_prekey_kind,
                &kem_public,
            ),
        };
        let ephemeral = message.ephemeral();
        let early = EarlySecrets {
            dh2: responder.identity_key.agree(ephemeral)?,
            dh3: responder.signed_prekey.agree(ephemeral)?,
            dh4: one_time.map(|(_, key)| key.agree(ephemeral)).transpose()?,
            ss,
        };
        let identity_transcript =
            IdentityTranscript::new(FLAGS, &recipient, ephemeral, message.ciphertext());
        let block = early
            .identity_block_key(&identity_transcript)
            .open(&identity_transcript, message.identity_block())
            .map_err(|_| RespondError::IdentityBlock)?;
        let peer = IdentityBlock::parse(&block)
            .map_err(|_| RespondError::IdentityBlock)?
            .verify(now)?;
        let peer_identity = peer.device.identity_key;
        if peer.device.id == responder.device.id {
            return Err(RespondError::RepeatedKey);
        }
        check_distinct(&peer_identity, ephemeral, &recipient)
            .map_err(|RepeatedKey| RespondError::RepeatedKey)?;
        let late = LateSecrets {
            dh1: responder.signed_prekey.agree(&peer_identity)?,
            dh5: one_time
                .map(|(_, key)| key.agree(&peer_identity))
                .transpose()?,
        };
        let transcript = TranscriptHash::new(&identity_transcript, &block);
        let secrets = early.session_secrets(&late, &transcript);
        let ratchet = RatchetKey::from_parts(
            responder.signed_prekey.expose(),
            signed_public.as_first_ratchet_key(),
        );
        Self::prove(secrets, transcript, ratchet, peer, message)
    }

    /// Opens the first message with what was agreed, and makes the session of it.
    fn prove(
        secrets: SessionSecrets,
        transcript: TranscriptHash,
        ratchet: RatchetKey,
        peer: VerifiedIdentity,
        message: &FirstMessage<'_>,
    ) -> Result<Responded, RespondError> {
        let keys = secrets.initiator_seed.expand();
        let context = Context::First(&transcript, message.front_hash());
        let sealed = message.sealed();
        let header = sealed
            .open_header(context, &keys.header)
            .map_err(OpenError::from)?;
        if !begins_session(&header) || sealed.tag() != keys.tag.maker().tag(0) {
            return Err(OpenError::Header.into());
        }
        let mut plaintext = Zeroizing::new(Vec::with_capacity(BODY_LEN + 16));
        let step = OpenChain {
            root: &secrets.root,
            mix: None,
            ratchet: &ratchet,
            keys: &keys,
            chain: 0,
            header: &header,
        };
        let new = step.open(sealed, context, Vec::new(), &mut plaintext)?;
        let (introduction, ratchet_key) = Introduction::parse(&plaintext)?;
        let mut pq = PqRatchet::responder(ratchet_key);
        pq.received(&new.pq);
        let session = Self {
            id: secrets.id,
            role: Role::Responder,
            transcript,
            root: new.root,
            ratchet,
            peer_ratchet: new.peer_ratchet,
            sending: Sending::Due {
                chain: 0,
                seed: secrets.responder_seed,
                previous_length: 0,
                closed: None,
            },
            receiving: Some(new.receiving),
            next_receiving: new.next_receiving,
            pq,
            ephemerals: 0,
        };
        Ok(Responded {
            session,
            peer,
            introduction,
        })
    }
}

/// What a first message announces: the initiator sends the key of epoch 1.
const FIRST: Announced = Announced {
    epoch: 1,
    announcement: Announcement::Key,
};

/// Whether a header is one of a first message: number 0 of the first chain, with the key of epoch 1.
fn begins_session(header: &Header) -> bool {
    header.n == 0 && header.previous_length == 0 && header.pq.announced() == FIRST
}

/// Two keys of one handshake are the same.
struct RepeatedKey;

/// No X25519 key occurs twice among IK_A, EK_A, IK_B, SPK_B and OPK_B: a key has one use.
fn check_distinct(
    initiator: &PublicKey<role::Identity>,
    ephemeral: &PublicKey<role::Ephemeral>,
    recipient: &RecipientKeys<'_>,
) -> Result<(), RepeatedKey> {
    let one_time = recipient.one_time.as_ref().map(|(_, key)| key.as_bytes());
    let (_, signed) = &recipient.signed;
    let keys = [
        initiator.as_bytes(),
        ephemeral.as_bytes(),
        recipient.identity.as_bytes(),
        signed.as_bytes(),
    ];
    let repeated = |at: usize, key| {
        keys.iter().skip(at + 1).any(|other| *other == key) || one_time == Some(key)
    };
    if keys.iter().enumerate().any(|(at, key)| repeated(at, *key)) {
        Err(RepeatedKey)
    } else {
        Ok(())
    }
}

#[cfg(test)]
#[path = "handshake_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "impostor_tests.rs"]
mod impostor_tests;
