//! One-time prekeys: made and signed in batches, taken one at a time.

use rand_core::CryptoRng;
use zeroize::ZeroizeOnDrop;

use crate::{
    account::AccountId,
    device::DeviceId,
    labels::{self, SignatureLabel},
    limits::{MAX_ONE_TIME_PREKEY_LIFETIME_MS, MAX_PREKEY_BATCH},
    prekeys::{
        OneTimePrekeyPublic, OneTimePrekeySecret, PrekeyId, PrekeyKind, PrekeyOwner,
        item::{ItemError, Lifetime, begin_body},
        merkle::{self, Node, Tree},
    },
    primitives::{
        codec::{DecodeError, Reader, Writer},
        kem::mlkem1024,
        signature::{PublicKey, Signature, role},
    },
    time::Timestamp,
};

/// A kind of one-time prekey.
trait Kind {
    /// The private half.
    type Secret: ZeroizeOnDrop;
    /// The public half.
    type Public;
    /// Bytes of the public half.
    const KEY_LEN: usize;
    const KIND: PrekeyKind;
    const LABEL: SignatureLabel<role::Device>;
    /// A fresh key: the private half and the encoded public one.
    fn generate(rng: &mut impl CryptoRng) -> (Self::Secret, Vec<u8>);
    fn parse(bytes: &[u8]) -> Result<Self::Public, DecodeError>;
}

struct X25519;
struct Kem;

impl Kind for X25519 {
    type Secret = OneTimePrekeySecret;
    type Public = OneTimePrekeyPublic;
    const KEY_LEN: usize = 32;
    const KIND: PrekeyKind = PrekeyKind::OneTime;
    const LABEL: SignatureLabel<role::Device> = labels::ONE_TIME_PREKEYS;

    fn generate(rng: &mut impl CryptoRng) -> (Self::Secret, Vec<u8>) {
        let secret = OneTimePrekeySecret::generate(rng);
        let public = secret.public_key().as_bytes().to_vec();
        (secret, public)
    }

    fn parse(bytes: &[u8]) -> Result<Self::Public, DecodeError> {
        Ok(OneTimePrekeyPublic::parse(
            bytes.try_into().map_err(|_| DecodeError::Truncated)?,
        )?)
    }
}

impl Kind for Kem {
    type Secret = mlkem1024::SecretKey;
    type Public = mlkem1024::PublicKey;
    const KEY_LEN: usize = mlkem1024::PUBLIC_KEY_LEN;
    const KIND: PrekeyKind = PrekeyKind::KemOneTime;
    const LABEL: SignatureLabel<role::Device> = labels::KEM_PREKEYS;

    fn generate(rng: &mut impl CryptoRng) -> (Self::Secret, Vec<u8>) {
        let secret = mlkem1024::SecretKey::generate(rng);
        let public = secret.public_key().as_bytes().to_vec();
        (secret, public)
    }

    fn parse(bytes: &[u8]) -> Result<Self::Public, DecodeError> {
        Ok(mlkem1024::PublicKey::parse(
            bytes.try_into().map_err(|_| DecodeError::Truncated)?,
        )?)
    }
}

/// One key of a fresh batch.
pub struct Generated<S> {
    /// Its id, under which the relay keeps the item and the device the private half.
    pub id: PrekeyId,
    /// The private half, for sealed storage.
    pub secret: S,
    /// What the relay keeps and gives away once.
    pub item: Vec<u8>,
}

/// A fresh one-time X25519 prekey.
pub type OneTimePrekey = Generated<OneTimePrekeySecret>;
/// A fresh one-time ML-KEM-1024 prekey.
pub type OneTimeKemPrekey = Generated<mlkem1024::SecretKey>;

/// Why no batch was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    /// No item, or more than 256. The caller is at fault.
    #[error("a batch has 1 to 256 prekeys")]
    Count,
    /// Two keys came out the same: the platform's random numbers repeat. Nothing must be published.
    #[error("the random number generator repeats itself")]
    RandomnessRepeats,
}

/// Makes and signs `count` one-time X25519 prekeys.
///
/// # Errors
/// [`BatchError`].
pub fn generate_one_time(
    owner: &PrekeyOwner<'_>,
    count: usize,
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Result<Vec<OneTimePrekey>, BatchError> {
    generate::<X25519>(owner, count, now, rng)
}

/// Makes and signs `count` one-time ML-KEM-1024 prekeys.
///
/// # Errors
/// [`BatchError`].
pub fn generate_one_time_kem(
    owner: &PrekeyOwner<'_>,
    count: usize,
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Result<Vec<OneTimeKemPrekey>, BatchError> {
    generate::<Kem>(owner, count, now, rng)
}

fn generate<K: Kind>(
    owner: &PrekeyOwner<'_>,
    count: usize,
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Result<Vec<Generated<K::Secret>>, BatchError> {
    let total = u16::try_from(count).map_err(|_| BatchError::Count)?;
    if count == 0 || count > MAX_PREKEY_BATCH {
        return Err(BatchError::Count);
    }
    let mut ids: Vec<PrekeyId> = Vec::with_capacity(count);
    while ids.len() < count {
        let id = PrekeyId::generate(rng);
        // A repeated id is drawn again; a generator that only repeats is found by the keys below.
        ids.push(if ids.contains(&id) {
            PrekeyId::generate(rng)
        } else {
            id
        });
    }
    let keys: Vec<_> = ids.iter().map(|_| K::generate(rng)).collect();
    let leaves: Vec<_> = (0..total)
        .zip(&ids)
        .zip(&keys)
        .map(|((index, id), (_, key))| merkle::leaf(K::KIND, index, *id, key))
        .collect();
    let repeats = |list: &mut Vec<&[u8]>| {
        list.sort_unstable();
        list.windows(2).any(|pair| pair.first() == pair.get(1))
    };
    let id_bytes: Vec<_> = ids.iter().map(|id| id.to_bytes()).collect();
    if repeats(&mut keys.iter().map(|(_, key)| key.as_slice()).collect())
        || repeats(&mut id_bytes.iter().map(<[u8; 4]>::as_slice).collect())
    {
        return Err(BatchError::RandomnessRepeats);
    }
    let tree = Tree::new(leaves);
    let lifetime = Lifetime::starting(now, MAX_ONE_TIME_PREKEY_LIFETIME_MS);
    let signature = owner.signing_key.sign(
        K::LABEL,
        &root_body(
            &owner.account,
            &owner.device,
            K::KIND,
            total,
            lifetime,
            &tree.root(),
        ),
    );
    Ok((0..total)
        .zip(ids)
        .zip(keys)
        .map(|((index, id), (secret, key))| {
            let place = Place {
                index,
                count: total,
                lifetime,
                path: tree.path(usize::from(index)),
                signature,
            };
            Generated {
                id,
                secret,
                item: place.encode(K::KIND, id, &key),
            }
        })
        .collect())
}

/// `account 32 ‖ device 16 ‖ kind 1 ‖ count 2 ‖ issued 8 ‖ expires 8 ‖ root 32`.
fn root_body(
    account: &AccountId,
    device: &DeviceId,
    kind: PrekeyKind,
    count: u16,
    lifetime: Lifetime,
    root: &Node,
) -> Vec<u8> {
    let mut body = begin_body(account, device, kind);
    let mut writer = Writer::new(&mut body);
    writer.u16(count);
    lifetime.write(&mut writer);
    writer.bytes(root);
    body
}

/// Where an item stands in its batch, and the batch's signature.
struct Place {
    index: u16,
    count: u16,
    lifetime: Lifetime,
    path: Vec<Node>,
    signature: Signature,
}

impl Place {
    /// `kind 1 ‖ id 4 ‖ key ‖ index 2 ‖ count 2 ‖ issued 8 ‖ expires 8 ‖ path 32 × depth ‖ signature 64`.
    fn encode(&self, kind: PrekeyKind, id: PrekeyId, key: &[u8]) -> Vec<u8> {
        let mut item = Vec::with_capacity(key.len() + 400);
        let mut writer = Writer::new(&mut item);
        writer
            .u8(kind.to_byte())
            .u32(id.get())
            .bytes(key)
            .u16(self.index)
            .u16(self.count);
        self.lifetime.write(&mut writer);
        writer
            .bytes(self.path.as_flattened())
            .bytes(&self.signature.0);
        item
    }

    /// Reads what follows the key.
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (index, count) = (reader.u16()?, reader.u16()?);
        if index >= count || usize::from(count) > MAX_PREKEY_BATCH {
            return Err(DecodeError::InvalidValue);
        }
        let lifetime = Lifetime::read(reader)?;
        let path = (0..merkle::depth(count))
            .map(|_| reader.array().copied())
            .collect::<Result<_, _>>()?;
        Ok(Self {
            index,
            count,
            lifetime,
            path,
            signature: Signature(*reader.array()?),
        })
    }
}

/// Checks a one-time X25519 item of `device`.
pub(super) fn verify_one_time(
    item: &[u8],
    account: &AccountId,
    device: &DeviceId,
    key: &PublicKey<role::Device>,
    now: Timestamp,
) -> Result<(PrekeyId, OneTimePrekeyPublic), ItemError> {
    verify::<X25519>(item, account, device, key, now)
}

/// Checks a one-time ML-KEM-1024 item of `device`.
pub(super) fn verify_one_time_kem(
    item: &[u8],
    account: &AccountId,
    device: &DeviceId,
    key: &PublicKey<role::Device>,
    now: Timestamp,
) -> Result<(PrekeyId, mlkem1024::PublicKey), ItemError> {
    verify::<Kem>(item, account, device, key, now)
}

fn verify<K: Kind>(
    item: &[u8],
    account: &AccountId,
    device: &DeviceId,
    signing_key: &PublicKey<role::Device>,
    now: Timestamp,
) -> Result<(PrekeyId, K::Public), ItemError> {
    let mut reader = Reader::new(item);
    if reader.u8()? != K::KIND.to_byte() {
        return Err(DecodeError::InvalidValue.into());
    }
    let id = PrekeyId::new(reader.u32()?).ok_or(DecodeError::InvalidValue)?;
    let key = reader.bytes(K::KEY_LEN)?;
    let place = Place::read(&mut reader)?;
    reader.finish()?;
    let root = merkle::root_of(
        merkle::leaf(K::KIND, place.index, id, key),
        place.index,
        &place.path,
    );
    let body = root_body(account, device, K::KIND, place.count, place.lifetime, &root);
    signing_key.verify(K::LABEL, &body, &place.signature)?;
    place.lifetime.check(MAX_ONE_TIME_PREKEY_LIFETIME_MS, now)?;
    Ok((id, K::parse(key)?))
}
