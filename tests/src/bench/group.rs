//! One message of a group: 100 bytes of text in the lowest bucket, for any number of recipients.

use std::hint::black_box;

use undertone_protocol::account::{AccountId, Root};
use undertone_protocol::device::DeviceId;
use undertone_protocol::group::{
    EpochHash, EpochId, GroupEpoch, GroupHeaderSeed, GroupId, Sender, SenderIndex, SendingChain,
};

use crate::bench::BenchError;
use crate::bench::measure::{Contest, cpu_us};
use crate::bench::primitives::{self, rng};
use crate::bench::row::{Goal, Row};
use undertone_cryptography::meeting::{NOW, encoded_content};

/// Messages a pass: what a chain holds.
const MESSAGES: u32 = 100;
/// Bytes that the signature covers, its label included.
const SIGNED: usize = 1 + "undertone/v1/group-msg".len() + 8 + 173;

/// What an encryption into the 512-byte bucket cannot do without, and the signature of its ciphertext. The limit is absolute,
/// because it is for any number of recipients.
pub(super) fn seal() -> Result<Row, BenchError> {
    Contest::new("seal_group", seal_one_chain)
        .needs(1, primitives::aes_block())
        .needs(1, primitives::salt())
        .needs(1, primitives::chain_step())
        .needs(1, primitives::expand_64())
        .needs(1, primitives::gcm_seal(256, 173))
        .needs(1, primitives::sha256(32 + 256 + 16))
        .needs(1, primitives::ed25519_sign(SIGNED))
        .needs(1, primitives::gcm_seal(163, 65))
        .run(Goal::OnReference {
            at_most: 20.0,
            floor: 14.6,
        })
}

/// One pass: all messages of a fresh chain.
fn seal_one_chain() -> Result<f64, BenchError> {
    let mut rng = rng();
    let id = EpochId {
        group: GroupId::from_bytes([1; 16]),
        hash: EpochHash([2; 32]),
    };
    let epoch = GroupEpoch::new(id, &GroupHeaderSeed::generate(&mut rng));
    let sender = Sender {
        account: AccountId::of(&Root::generate(&mut rng).account_key()),
        device: DeviceId::generate(&mut rng),
    };
    let index = SenderIndex::new(0).ok_or("no index")?;
    let mut chain = SendingChain::begin(&mut rng, id, (sender, index), NOW);
    let (content, mut envelope) = (encoded_content()?, Vec::new());
    cpu_us(MESSAGES, || {
        for _ in 0..MESSAGES {
            envelope.clear();
            chain.seal(&mut rng, &epoch, NOW, black_box(&content), &mut envelope)?;
            black_box(&envelope);
        }
        Ok(())
    })
}
