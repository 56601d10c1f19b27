//! The bytes of both kinds of state, for sealed storage. All of them are secret.
//!
//! ```text
//! both       version 1 ‖ group id 16 ‖ epoch hash 32 ‖ account 32 ‖ device 16 ‖ index 4
//! sending    ‖ key id 8 ‖ first 4 ‖ n 4 ‖ made 8 ‖ CK 32 ‖ seed of the signing key 32
//! receiving  ‖ count 1 ‖ chains
//! chain      key id 8 ‖ verification key 32 ‖ start 4 ‖ next 4 ‖ CK 32 ‖ superseded 1: 0, or 1 ‖ since 8
//!            ‖ count 1 ‖ skipped: n 4 ‖ mk 32
//! ```

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use super::limits::{CHAIN_MESSAGES, MAX_GROUP_N, MAX_OLD_CHAINS};
use super::receiving::ReceivingChain;
use super::{
    EpochId, KeyId, ReceivingSender, Sender, SenderIndex, SenderSigningKey, SendingChain,
    VerificationKey,
};
use crate::primitives::codec::{DecodeError, Reader, Writer};
use crate::primitives::secret::SecretBytes;
use crate::ratchet::{ChainKey, MessageKey};
use crate::time::Timestamp;

/// Version of both encodings.
const VERSION: u8 = 1;

const WHO_LEN: usize = 1 + 16 + 32 + 32 + 16 + 4;
const SENDING_LEN: usize = WHO_LEN + KeyId::LEN + 4 + 4 + 8 + 32 + 32;
/// Without its skipped keys.
const CHAIN_LEN: usize = KeyId::LEN + 32 + 4 + 4 + 32 + 9 + 1;
const SKIPPED_LEN: usize = 4 + 32;

/// Stored bytes that are no chain: the store is corrupt, or newer than this software.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("stored sender key is malformed")]
pub struct MalformedChain;

impl From<DecodeError> for MalformedChain {
    fn from(_: DecodeError) -> Self {
        Self
    }
}

type Who = (EpochId, Sender, SenderIndex);

fn write_who((epoch, sender, index): Who, writer: &mut Writer<'_>) {
    writer.u8(VERSION);
    epoch.write(writer);
    sender.write(writer);
    writer.u32(index.get());
}

fn read_who(reader: &mut Reader<'_>) -> Result<Who, MalformedChain> {
    if reader.u8()? != VERSION {
        return Err(MalformedChain);
    }
    Ok((
        EpochId::read(reader)?,
        Sender::read(reader)?,
        SenderIndex::read(reader)?,
    ))
}

impl SendingChain {
    /// The chain's bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(SENDING_LEN));
        let mut writer = Writer::new(&mut bytes);
        write_who((self.epoch, self.sender, self.index), &mut writer);
        writer
            .bytes(self.key.as_bytes())
            .u32(self.first)
            .u32(self.n)
            .u64(self.made.0)
            .bytes(self.chain_key.as_bytes())
            .bytes(self.signing_key.expose());
        bytes
    }

    /// Reads what [`SendingChain::to_bytes`] gave. The caller wipes the original.
    ///
    /// # Errors
    /// [`MalformedChain`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, MalformedChain> {
        let mut reader = Reader::new(bytes);
        let (epoch, sender, index) = read_who(&mut reader)?;
        let chain = Self {
            epoch,
            sender,
            index,
            key: KeyId::from_bytes(*reader.array()?),
            first: reader.u32()?,
            n: reader.u32()?,
            made: Timestamp(reader.u64()?),
            chain_key: ChainKey::from_bytes(*reader.array()?),
            signing_key: SenderSigningKey::from_seed(&SecretBytes::copy_from(reader.array()?)),
        };
        reader.finish()?;
        let sent = chain.n.checked_sub(chain.first);
        let possible = chain.first <= MAX_GROUP_N
            && chain.n <= MAX_GROUP_N + 1
            && sent.is_some_and(|sent| sent <= CHAIN_MESSAGES);
        possible.then_some(chain).ok_or(MalformedChain)
    }
}

impl ReceivingSender {
    /// The bytes of the sender's chains.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let skipped: usize = self.chains.values().map(|chain| chain.skipped.len()).sum();
        let len = WHO_LEN + 1 + self.chains.len() * CHAIN_LEN + skipped * SKIPPED_LEN;
        let mut bytes = Zeroizing::new(Vec::with_capacity(len));
        let mut writer = Writer::new(&mut bytes);
        write_who((self.epoch, self.sender, self.index), &mut writer);
        write_count(self.chains.len(), &mut writer);
        for chain in self.chains.values() {
            write_chain(chain, &mut writer);
        }
        bytes
    }

    /// Reads what [`ReceivingSender::to_bytes`] gave. The caller wipes the original.
    ///
    /// # Errors
    /// [`MalformedChain`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, MalformedChain> {
        let mut reader = Reader::new(bytes);
        let (epoch, sender, index) = read_who(&mut reader)?;
        let count = usize::from(reader.u8()?);
        if count > MAX_OLD_CHAINS + 1 {
            return Err(MalformedChain);
        }
        let mut chains: BTreeMap<u32, Box<ReceivingChain>> = BTreeMap::new();
        for _ in 0..count {
            let chain = Box::new(read_chain(&mut reader)?);
            if chains
                .last_key_value()
                .is_some_and(|(start, _)| *start >= chain.start)
            {
                return Err(MalformedChain);
            }
            chains.insert(chain.start, chain);
        }
        reader.finish()?;
        Ok(Self {
            epoch,
            sender,
            index,
            chains,
        })
    }
}

/// At most 6 chains, of at most 99 skipped keys.
fn write_count(count: usize, writer: &mut Writer<'_>) {
    writer.u8(u8::try_from(count).unwrap_or(u8::MAX));
}

fn write_chain(chain: &ReceivingChain, writer: &mut Writer<'_>) {
    writer
        .bytes(chain.key.as_bytes())
        .bytes(chain.verification_key.as_bytes())
        .u32(chain.start)
        .u32(chain.next)
        .bytes(chain.chain_key.as_bytes());
    match chain.superseded {
        None => _ = writer.u8(0),
        Some(since) => _ = writer.u8(1).u64(since.0),
    }
    write_count(chain.skipped.len(), writer);
    for (n, key) in &chain.skipped {
        writer.u32(*n).bytes(key.as_bytes());
    }
}

fn read_chain(reader: &mut Reader<'_>) -> Result<ReceivingChain, MalformedChain> {
    let mut chain = ReceivingChain {
        key: KeyId::from_bytes(*reader.array()?),
        verification_key: VerificationKey::parse(reader.array()?).map_err(|_| MalformedChain)?,
        start: reader.u32()?,
        next: reader.u32()?,
        chain_key: ChainKey::from_bytes(*reader.array()?),
        skipped: BTreeMap::new(),
        superseded: match reader.u8()? {
            0 => None,
            1 => Some(Timestamp(reader.u64()?)),
            _ => return Err(MalformedChain),
        },
    };
    if chain.start > MAX_GROUP_N || !(chain.start..=chain.end()).contains(&chain.next) {
        return Err(MalformedChain);
    }
    let mut lowest = chain.start;
    for _ in 0..reader.u8()? {
        let n = reader.u32()?;
        if n < lowest || n >= chain.next {
            return Err(MalformedChain);
        }
        lowest = n + 1;
        let key = Box::new(MessageKey::from_bytes(*reader.array()?));
        chain.skipped.insert(n, key);
    }
    Ok(chain)
}
