//! A session's bytes, for sealed storage. Keys, ciphertexts and secrets of the post-quantum ratchet are apart, so that a
//! message writes no more than it changes.
//!
//! ```text
//! version 1 ‖ SID 16 ‖ role 1 ‖ TH 32 ‖ RK 32 ‖ DHs secret 32 ‖ DHs public 32 ‖ DHr 32
//! ‖ sending 1: 0 ‖ chain 4 ‖ NHSs 32 ‖ PN 4 ‖ chain before 1: 0
//!                                             or 1 ‖ HKs 32 ‖ TKs 32 ‖ its PN 4 ‖ its epoch 2 ‖ side
//!           or 1 ‖ chain 4 ‖ HKs 32 ‖ TKs 32 ‖ CKs 32 ‖ Ns 4 ‖ PN 4 ‖ NHSs 32 ‖ epoch 2 ‖ side
//! ‖ receiving 1: 0, or 1 ‖ chain 4 ‖ HKr 32 ‖ TKr 32 ‖ CKr 32 ‖ Nr 4 ‖ epoch 2 ‖ kind 1 ‖ flags 1 ‖ side
//! ‖ NHKr 32 ‖ NTKr 32 ‖ post-quantum ratchet 18 ‖ ephemeral messages since the last message received 1
//! side: ESK 32 ‖ number 4 (sending: that behind its block of 256; receiving: the lowest not too old)
//! ```

use zeroize::Zeroizing;

use super::{
    ClosedChain, ReceivingChain, Role, Sending, SendingChain, Session, SessionId, SideChain,
};
use crate::pq_ratchet::{Announced, IllegalFields, PqRatchet, STORED_LEN};
use crate::pqxdh::TranscriptHash;
use crate::primitives::codec::{DecodeError, Reader, Writer};
use crate::primitives::dh::{DhError, PublicKey};
use crate::ratchet::{
    ChainKey, EphemeralSeed, HeaderKey, HeaderKeys, HeaderSeed, RatchetKey, RootKey,
};
use crate::tag::TagKey;

/// Version of the encoding.
const VERSION: u8 = 1;

const SIDE_LEN: usize = 32 + 4;
const SENDING_LEN: usize = 1 + 4 + 4 * 32 + 2 * 4 + 2 + SIDE_LEN;
const RECEIVING_LEN: usize = 1 + 4 + 3 * 32 + 4 + 4 + SIDE_LEN;

/// The longest encoding, so that the buffer never grows and leaves keys behind.
const MAX_LEN: usize = 1 + 16 + 1 + 5 * 32 + SENDING_LEN + RECEIVING_LEN + 2 * 32 + STORED_LEN + 1;

/// Stored bytes that are no session: the store is corrupt, or newer than this software.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("stored session is malformed")]
pub struct MalformedSession;

impl From<DecodeError> for MalformedSession {
    fn from(_: DecodeError) -> Self {
        Self
    }
}

impl From<IllegalFields> for MalformedSession {
    fn from(_: IllegalFields) -> Self {
        Self
    }
}

impl From<DhError> for MalformedSession {
    fn from(_: DhError) -> Self {
        Self
    }
}

impl Session {
    /// The session's bytes, all of them secret, but for the material of its post-quantum ratchet.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_LEN));
        let mut writer = Writer::new(&mut bytes);
        writer
            .u8(VERSION)
            .bytes(self.id.as_bytes())
            .u8(match self.role {
                Role::Initiator => 0,
                Role::Responder => 1,
            });
        writer
            .bytes(self.transcript.as_bytes())
            .bytes(self.root.as_bytes());
        writer
            .bytes(self.ratchet.expose())
            .bytes(self.ratchet.public_key().as_bytes());
        writer.bytes(self.peer_ratchet.as_bytes());
        match &self.sending {
            Sending::Due {
                chain,
                seed,
                previous_length,
                closed,
            } => {
                writer
                    .u8(0)
                    .u32(*chain)
                    .bytes(seed.as_bytes())
                    .u32(*previous_length);
                write_closed(closed.as_ref(), &mut writer);
            }
            Sending::Open(chain) => {
                writer.u8(1).u32(chain.chain);
                write_keys(&chain.keys, &mut writer);
                writer
                    .bytes(chain.chain_key.as_bytes())
                    .u32(chain.n)
                    .u32(chain.previous_length);
                writer.bytes(chain.next_seed.as_bytes()).u16(chain.epoch);
                write_side(&chain.side.seed, chain.side.reserved(), &mut writer);
            }
        }
        match &self.receiving {
            None => _ = writer.u8(0),
            Some(chain) => {
                writer.u8(1).u32(chain.chain);
                write_keys(&chain.keys, &mut writer);
                writer.bytes(chain.chain_key.as_bytes()).u32(chain.n);
                writer.bytes(&chain.announced.to_bytes());
                write_side(&chain.side.seed, chain.side.next, &mut writer);
            }
        }
        write_keys(&self.next_receiving, &mut writer);
        self.pq.write(&mut writer);
        writer.u8(self.ephemerals);
        bytes
    }

    /// The material of the session's post-quantum ratchet, all of it secret, when it is not what the store has; empty when
    /// there is none. To be stored in one transaction with [`Session::to_bytes`].
    #[must_use = "the session cannot be read without it"]
    pub fn take_changed_pq_material(&mut self) -> Option<Zeroizing<Vec<u8>>> {
        self.pq.take_changed_material()
    }

    /// Reads what [`Session::to_bytes`] and [`Session::take_changed_pq_material`] last gave. The caller wipes the
    /// originals.
    ///
    /// # Errors
    /// [`MalformedSession`].
    pub fn from_bytes(bytes: &[u8], pq_material: &[u8]) -> Result<Self, MalformedSession> {
        let mut reader = Reader::new(bytes);
        if reader.u8()? != VERSION {
            return Err(MalformedSession);
        }
        let id = SessionId::from_bytes(*reader.array()?);
        let role = match reader.u8()? {
            0 => Role::Initiator,
            1 => Role::Responder,
            _ => return Err(MalformedSession),
        };
        let session = Self {
            id,
            role,
            transcript: TranscriptHash::from_bytes(*reader.array()?),
            root: RootKey::from_bytes(*reader.array()?),
            ratchet: RatchetKey::from_parts(reader.array()?, PublicKey::parse(reader.array()?)?),
            peer_ratchet: PublicKey::parse(reader.array()?)?,
            sending: read_sending(&mut reader)?,
            receiving: read_receiving(&mut reader)?,
            next_receiving: read_keys(&mut reader)?,
            pq: PqRatchet::read(role, &mut reader, pq_material)?,
            ephemerals: reader.u8()?,
        };
        reader.finish()?;
        Ok(session)
    }
}

fn write_side(seed: &EphemeralSeed, number: u32, writer: &mut Writer<'_>) {
    writer.bytes(seed.as_bytes()).u32(number);
}

fn read_side(reader: &mut Reader<'_>) -> Result<SideChain, DecodeError> {
    Ok(SideChain {
        seed: EphemeralSeed::from_bytes(*reader.array()?),
        next: reader.u32()?,
    })
}

fn write_closed(closed: Option<&ClosedChain>, writer: &mut Writer<'_>) {
    match closed {
        None => _ = writer.u8(0),
        Some(chain) => {
            writer.u8(1);
            write_keys(&chain.keys, writer);
            writer.u32(chain.previous_length).u16(chain.epoch);
            write_side(&chain.side.seed, chain.side.reserved(), writer);
        }
    }
}

fn read_closed(reader: &mut Reader<'_>) -> Result<Option<ClosedChain>, MalformedSession> {
    match reader.u8()? {
        0 => Ok(None),
        1 => Ok(Some(ClosedChain {
            keys: read_keys(reader)?,
            previous_length: reader.u32()?,
            epoch: reader.u16()?,
            side: read_side(reader)?,
        })),
        _ => Err(MalformedSession),
    }
}

fn write_keys(keys: &HeaderKeys, writer: &mut Writer<'_>) {
    writer
        .bytes(keys.header.as_bytes())
        .bytes(keys.tag.as_bytes());
}

fn read_keys(reader: &mut Reader<'_>) -> Result<HeaderKeys, DecodeError> {
    Ok(HeaderKeys {
        header: HeaderKey::from_bytes(*reader.array()?),
        tag: TagKey::from_bytes(*reader.array()?),
    })
}

fn read_sending(reader: &mut Reader<'_>) -> Result<Sending, MalformedSession> {
    match reader.u8()? {
        0 => Ok(Sending::Due {
            chain: reader.u32()?,
            seed: HeaderSeed::from_bytes(*reader.array()?),
            previous_length: reader.u32()?,
            closed: read_closed(reader)?,
        }),
        1 => Ok(Sending::Open(SendingChain {
            chain: reader.u32()?,
            keys: read_keys(reader)?,
            chain_key: ChainKey::from_bytes(*reader.array()?),
            n: reader.u32()?,
            previous_length: reader.u32()?,
            next_seed: HeaderSeed::from_bytes(*reader.array()?),
            epoch: reader.u16()?,
            side: read_side(reader)?,
        })),
        _ => Err(MalformedSession),
    }
}

fn read_receiving(reader: &mut Reader<'_>) -> Result<Option<ReceivingChain>, MalformedSession> {
    match reader.u8()? {
        0 => Ok(None),
        1 => Ok(Some(ReceivingChain {
            chain: reader.u32()?,
            keys: read_keys(reader)?,
            chain_key: ChainKey::from_bytes(*reader.array()?),
            n: reader.u32()?,
            announced: Announced::from_bytes(*reader.array()?)?,
            side: read_side(reader)?,
        })),
        _ => Err(MalformedSession),
    }
}
