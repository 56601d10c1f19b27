//! Every limit of the protocol, with its unit and its reason.

use crate::time::DAY_MS;

/// Bytes of a relay address: a host name may have 253 characters, but no relay needs one so long, and the address must
/// fit the first message.
pub const MAX_RELAY_ADDRESS_LEN: usize = 128;

/// Bytes that an envelope adds to its padded plaintext: kind, tag, salt, sealed header, commitment and the body's tag.
pub const ENVELOPE_OVERHEAD: usize = 256;

/// Devices in a manifest: with statements they fill little of a record, and a sender encrypts to each.
pub const MAX_DEVICES: usize = 16;

/// Revoked device ids in a manifest; the oldest go first. They inform; what is not listed as a device is none.
pub const MAX_REVOKED: usize = 256;

/// Bytes of a manifest's extensions and of its annex: room for a post-quantum key and signature.
pub const MAX_MANIFEST_EXTENSION_LEN: usize = 4_096;

/// Life of a manifest, in milliseconds: bounds how long a relay can hide a newer one from somebody who has no session.
pub const MAX_MANIFEST_LIFETIME_MS: u64 = 30 * DAY_MS;

/// The latest time that a manifest may name, in Unix milliseconds (in the year 6429): beyond it no clock is right, and a
/// store of signed numbers still holds it.
pub const MAX_MANIFEST_TIME_MS: u64 = (1 << 47) - 1;

/// Sizes of a sealed manifest, and of a sealed profile, in bytes. The smallest holds 16 devices, so that the relay does not learn
/// how many there are; the largest is the largest record.
pub const MANIFEST_BUCKETS: [usize; 4] = [8_192, 16_384, 32_768, 65_536];

/// Bytes of UTF-8 that an account says about itself in its profile: a few lines.
pub const MAX_ABOUT: usize = 512;

/// Bytes of an avatar: with the rest of a profile, and room for what later versions add, it fits the largest record.
pub const MAX_AVATAR: usize = 48 * 1_024;

/// Bytes of what later versions add to a profile.
pub const MAX_PROFILE_ANNEX: usize = 8_192;

/// Life of a device statement, in milliseconds: a year, since freshness is checked after acceptance.
pub const DEVICE_STATEMENT_LIFETIME_MS: u64 = 365 * DAY_MS;

/// Disagreement of two honest clocks that is tolerated, in milliseconds.
pub const CLOCK_TOLERANCE_MS: u64 = DAY_MS;

/// Life of a signed prekey, its page and a last-resort prekey, in milliseconds. They are replaced weekly by a device that
/// is online; one that was not for so long is dormant.
pub const MAX_PREKEY_LIFETIME_MS: u64 = 45 * DAY_MS;

/// Life of a batch of one-time prekeys, in milliseconds: beyond the page's, so that topping up is what replaces them.
pub const MAX_ONE_TIME_PREKEY_LIFETIME_MS: u64 = 90 * DAY_MS;

/// One-time X25519 prekeys of a full supply.
pub const ONE_TIME_PREKEYS: usize = 100;

/// One-time ML-KEM-1024 prekeys of a full supply.
pub const ONE_TIME_KEM_PREKEYS: usize = 50;

/// Items in one batch of one-time prekeys: a path of at most eight hashes.
pub const MAX_PREKEY_BATCH: usize = 256;
