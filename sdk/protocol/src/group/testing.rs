//! Epochs, senders and their receivers, and messages that no honest sender makes, for the tests of group messages.

use rand_chacha::ChaCha20Rng;
use rand_core::CryptoRng;

use super::header::Named;
use super::message::{bound, header_ad, signed};
use super::*;
use crate::account::{AccountId, Root};
use crate::device::DeviceId;
use crate::envelope::{BodyFirst, Envelope, KIND_MESSAGE};
use crate::header::HEADER_LEN;
use crate::ratchet::{BodyKey, ChainKey, MessageKey};
use crate::test_support::rng;
use crate::time::Timestamp;

pub(super) const NOW: Timestamp = Timestamp(1_800_000_000_000);

pub(super) const INDEX: u32 = 5;

pub(super) fn epoch_id(seed: u8) -> EpochId {
    EpochId {
        group: GroupId::from_bytes([seed; 16]),
        hash: EpochHash([seed + 1; 32]),
    }
}

pub(super) fn epoch(seed: u8) -> GroupEpoch {
    GroupEpoch::new(
        epoch_id(seed),
        &GroupHeaderSeed::from_bytes(&[seed + 2; 32]),
    )
}

pub(super) fn index(index: u32) -> SenderIndex {
    SenderIndex::new(index).unwrap()
}

pub(super) fn sender(rng: &mut impl CryptoRng) -> Sender {
    Sender {
        account: AccountId::of(&Root::generate(rng).account_key()),
        device: DeviceId::generate(rng),
    }
}

/// One sender of an epoch, and a member that was given its first chain.
pub(super) struct Fixture {
    pub(super) rng: ChaCha20Rng,
    pub(super) epoch: GroupEpoch,
    pub(super) who: Sender,
    pub(super) sending: SendingChain,
    pub(super) receiving: ReceivingSender,
}

impl Fixture {
    pub(super) fn new(seed: u8) -> Self {
        let mut rng = rng(seed);
        let epoch = epoch(seed);
        let who = sender(&mut rng);
        let sending = SendingChain::begin(&mut rng, epoch.id(), (who, index(INDEX)), NOW);
        let mut receiving = ReceivingSender::new(epoch.id(), (who, index(INDEX)));
        let learned = receiving.learn(sending.distribution().unwrap(), &who, NOW);
        assert_eq!(learned, Ok(Learned::New));
        Self {
            rng,
            epoch,
            who,
            sending,
            receiving,
        }
    }

    pub(super) fn seal(&mut self, text: &[u8]) -> Vec<u8> {
        let mut envelope = Vec::new();
        let number = self
            .sending
            .seal(&mut self.rng, &self.epoch, NOW, text, &mut envelope);
        let tag = Envelope::parse(&envelope).unwrap().tag();
        assert_eq!(self.epoch.locate(tag), number.ok());
        envelope
    }

    /// Opens and commits.
    pub(super) fn open(&mut self, envelope: &[u8]) -> Result<Vec<u8>, GroupOpenError> {
        open(&mut self.receiving, &self.epoch, envelope)
    }

    /// The sender rotates; the member is given the new chain, or not.
    pub(super) fn rotate(&mut self, given: bool) {
        let next = SendingChain::from_bytes(&self.sending.to_bytes()).unwrap();
        self.sending = next.rotate(&mut self.rng, NOW).unwrap();
        if given {
            self.learn().unwrap();
        }
    }

    /// The member is given the sender's chain as it stands.
    pub(super) fn learn(&mut self) -> Result<Learned, LearnError> {
        let distribution = self.sending.distribution().unwrap();
        self.receiving.learn(distribution, &self.who, NOW)
    }

    pub(super) fn state(&self) -> Vec<u8> {
        self.receiving.to_bytes().to_vec()
    }

    /// What the sender's next message is made of.
    pub(super) fn next(&self) -> Forged<'_> {
        Forged {
            named: Named {
                key: self.sending.key,
                sender: self.sending.index,
                n: self.sending.n,
            },
            tag: (self.sending.index.get(), self.sending.n),
            who: self.who,
            message_key: self.sending.chain_key.fork().step(),
            signing_key: &self.sending.signing_key,
            reserved: 0,
            padded_len: 256,
        }
    }
}

pub(super) fn open(
    receiving: &mut ReceivingSender,
    epoch: &GroupEpoch,
    envelope: &[u8],
) -> Result<Vec<u8>, GroupOpenError> {
    let mut content = vec![1, 2, 3];
    let parsed = Envelope::parse(envelope).unwrap();
    match receiving.open(epoch, parsed, &mut content) {
        Ok(opened) => {
            opened.commit();
            Ok(content)
        }
        Err(error) => {
            assert!(content.is_empty());
            Err(error)
        }
    }
}

/// The key of message `ahead` messages behind the one that `chain_key` is for.
pub(super) fn message_key(chain_key: &ChainKey, ahead: u32) -> MessageKey {
    let mut chain_key = chain_key.fork();
    (0..ahead).for_each(|_| drop(chain_key.step()));
    chain_key.step()
}

/// The commitments of the next `count` messages of a chain.
pub(super) fn commitments(chain_key: &ChainKey, count: u32) -> Vec<[u8; 32]> {
    let mut chain_key = chain_key.fork();
    (0..count)
        .map(|_| *chain_key.step().expand().0.as_bytes())
        .collect()
}

/// The commitment that an envelope carries.
pub(super) fn commitment_of(envelope: &[u8]) -> [u8; 32] {
    *Envelope::parse(envelope).unwrap().sealed().commitment()
}

/// A message made by somebody who knows the keys that it is made with.
pub(super) struct Forged<'a> {
    pub(super) named: Named,
    /// Sender index and number in the tag's block.
    pub(super) tag: (u32, u32),
    /// In what is signed.
    pub(super) who: Sender,
    pub(super) message_key: MessageKey,
    pub(super) signing_key: &'a SenderSigningKey,
    /// The header's last byte.
    pub(super) reserved: u8,
    /// Of the text: as long as the text itself, and there is no padding.
    pub(super) padded_len: usize,
}

impl Forged<'_> {
    pub(super) fn envelope(&self, epoch: &GroupEpoch, text: &[u8]) -> Vec<u8> {
        let (id, salt) = (epoch.id(), [9; 12]);
        let tag = epoch.keys.tag.maker().group_tag(self.tag.0, self.tag.1);
        let bound = bound(&id, &self.who, self.named, (tag, &salt));
        let mut out = vec![KIND_MESSAGE];
        let sealed = BodyFirst::seal(
            (tag, salt),
            &self.message_key,
            bound.as_slice(),
            (text, self.padded_len),
            &mut out,
        )
        .unwrap();
        let body = signed(&bound, &[sealed.behind_header()]);
        let signature = self.signing_key.sign(crate::labels::GROUP_MSG, &body);
        let mut header: [u8; HEADER_LEN] = self.named.with(&signature);
        header[HEADER_LEN - 1] = self.reserved;
        sealed
            .seal_header(&epoch.keys.header, &header_ad(&id, tag), &header)
            .unwrap();
        out
    }
}
