//! Who connects from where, as far as limits need it: salted hashes of source prefixes with counts, in memory.
//!
//! A source is an IPv4 address or an IPv6 /64. Whoever has an IPv6 /48 has 65,536 of them, so the /48 is counted as well
//! and may do [`NETWORK_SHARE`] times what one source may.
//!
//! Invariant: no address is kept, only a hash under a salt of this process, and hardly more than [`limits::SOURCES`] of
//! them: when the table is full, those that hold nothing are forgotten.
//! Not its concern: the service's own rate limits, which get the same hash.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::Arc,
};

use parking_lot::Mutex;
use sha2::{Digest, Sha256};

use super::limits;
use crate::{
    service::{Cell, Rate, limits::NETWORK_SHARE},
    storage::Timestamp,
};

/// Bits of an IPv6 address that one customer shares, at least.
const SOURCE_BITS: u32 = 64;

/// Bits that one large customer shares.
const NETWORK_BITS: u32 = 48;

/// 8 bytes of a salted hash of the /48 (or IPv4 address), then 8 of the /64 (or IPv4 address).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct SourcePrefix(pub(crate) [u8; 16]);

/// What one source may do.
pub(crate) struct SourceLimits {
    /// Connections at one time.
    pub(crate) connections: usize,
    /// Uploads and downloads of blobs at one time.
    pub(crate) transfers: usize,
    /// Bytes of blobs reserved in an hour.
    pub(crate) blob_bytes_per_hour: u64,
    /// Blobs made.
    pub(crate) new_blobs: Rate,
    /// HTTP requests.
    pub(crate) requests: Rate,
}

/// Counts by source prefix.
pub(crate) struct Sources {
    salt: [u8; 32],
    limits: SourceLimits,
    table: Mutex<Table>,
}

struct Table {
    rows: HashMap<SourcePrefix, Usage>,
    /// Rows at which those that hold nothing are forgotten.
    full_at: usize,
}

#[derive(Default)]
struct Usage {
    connections: usize,
    transfers: usize,
    blob_hour: u64,
    blob_bytes: u64,
    new_blobs: Cell,
    requests: Cell,
}

/// Something that a source holds one of.
#[derive(Clone, Copy)]
enum Held {
    Connection,
    Transfer,
}

/// One counted connection or transfer; dropping it gives the place back.
pub(crate) struct Place {
    sources: Arc<Sources>,
    prefix: SourcePrefix,
    held: Held,
}

impl SourcePrefix {
    /// The row of the source with its factor, and that of its network if that is larger.
    fn tiers(self) -> impl Iterator<Item = (Self, u32)> {
        let (network, source) = self.0.split_at(8);
        let mut wide = [0; 16];
        wide[..8].copy_from_slice(network);
        let wide = (network != source).then_some((Self(wide), NETWORK_SHARE));
        [(self, 1)].into_iter().chain(wide)
    }
}

impl Sources {
    pub(crate) fn new(salt: [u8; 32], limits: SourceLimits) -> Arc<Self> {
        let table = Table {
            rows: HashMap::new(),
            full_at: limits::SOURCES,
        };
        Arc::new(Self {
            salt,
            limits,
            table: Mutex::new(table),
        })
    }

    /// Hashes the prefix of an address. An IPv4 address in IPv6 clothes is the IPv4 address.
    pub(crate) fn prefix(&self, address: IpAddr) -> SourcePrefix {
        let mut both = [0; 16];
        let halves = both.as_chunks_mut::<8>().0;
        for (half, bits) in halves.iter_mut().zip([NETWORK_BITS, SOURCE_BITS]) {
            let mut hash = Sha256::new().chain_update(self.salt);
            match address.to_canonical() {
                IpAddr::V4(v4) => hash.update(v4.octets()),
                IpAddr::V6(v6) => {
                    let prefix = v6.to_bits() & (u128::MAX << (128 - bits));
                    hash.update(bits.to_be_bytes());
                    hash.update(Ipv6Addr::from_bits(prefix).octets());
                }
            }
            half.copy_from_slice(&hash.finalize()[..8]);
        }
        SourcePrefix(both)
    }

    /// Takes a place for a connection; `None` when this source holds too many.
    pub(crate) fn enter(self: &Arc<Self>, prefix: SourcePrefix) -> Option<Place> {
        self.hold(prefix, Held::Connection, self.limits.connections)
    }

    /// Takes a place for an upload or download; `None` when this source holds too many.
    pub(crate) fn begin_transfer(self: &Arc<Self>, prefix: SourcePrefix) -> Option<Place> {
        self.hold(prefix, Held::Transfer, self.limits.transfers)
    }

    fn hold(self: &Arc<Self>, prefix: SourcePrefix, held: Held, most: usize) -> Option<Place> {
        let mut table = self.table.lock();
        let has_room = prefix.tiers().all(|(tier, factor)| {
            let most = most.saturating_mul(usize::try_from(factor).unwrap_or(usize::MAX));
            *table.row(tier).count(held) < most
        });
        if !has_room {
            return None;
        }
        for (tier, _) in prefix.tiers() {
            *table.row(tier).count(held) += 1;
        }
        Some(Place {
            sources: self.clone(),
            prefix,
            held,
        })
    }

    /// Counts an HTTP request at `now`; false when they are too many.
    pub(crate) fn request(&self, prefix: SourcePrefix, now: Timestamp) -> bool {
        let mut table = self.table.lock();
        prefix.tiers().all(|(tier, factor)| {
            let rate = self.limits.requests.times(factor);
            table.row(tier).requests.take(rate, 1, now).is_ok()
        })
    }

    /// Counts a blob that is reserved at `now`; false when they are too many, or too large together. A small one counts
    /// as [`limits::BLOB_LEAST_BYTES`].
    pub(crate) fn reserve_blob(&self, prefix: SourcePrefix, bytes: u64, now: Timestamp) -> bool {
        let hour = now.0 / 3_600_000;
        let bytes = bytes.max(limits::BLOB_LEAST_BYTES);
        let mut table = self.table.lock();
        let fits = prefix.tiers().all(|(tier, factor)| {
            let most = self
                .limits
                .blob_bytes_per_hour
                .saturating_mul(factor.into());
            let usage = table.row(tier);
            if usage.blob_hour != hour {
                (usage.blob_hour, usage.blob_bytes) = (hour, 0);
            }
            usage.blob_bytes.saturating_add(bytes) <= most
        });
        let passes = fits
            && prefix.tiers().all(|(tier, factor)| {
                let rate = self.limits.new_blobs.times(factor);
                table.row(tier).new_blobs.take(rate, 1, now).is_ok()
            });
        if passes {
            for (tier, _) in prefix.tiers() {
                let usage = table.row(tier);
                usage.blob_bytes = usage.blob_bytes.saturating_add(bytes);
            }
        }
        passes
    }
}

impl Table {
    fn row(&mut self, prefix: SourcePrefix) -> &mut Usage {
        if self.rows.len() >= self.full_at && !self.rows.contains_key(&prefix) {
            self.rows.retain(|_, usage| usage.holds_something());
            // Not again at every newcomer when nearly all of them hold something.
            self.full_at = limits::SOURCES.max(2 * self.rows.len());
        }
        self.rows.entry(prefix).or_default()
    }
}

impl Usage {
    const fn count(&mut self, held: Held) -> &mut usize {
        match held {
            Held::Connection => &mut self.connections,
            Held::Transfer => &mut self.transfers,
        }
    }

    const fn holds_something(&self) -> bool {
        self.connections > 0 || self.transfers > 0
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut table = self.sources.table.lock();
        for (tier, _) in self.prefix.tiers() {
            if let Some(usage) = table.rows.get_mut(&tier) {
                let count = usage.count(self.held);
                *count = count.saturating_sub(1);
            }
        }
    }
}

/// Sources that hardly limit anything.
#[cfg(test)]
pub(crate) fn roomy() -> Arc<Sources> {
    let limits = SourceLimits {
        connections: usize::MAX,
        transfers: usize::MAX,
        blob_bytes_per_hour: u64::MAX,
        new_blobs: Rate::unlimited(),
        requests: Rate::unlimited(),
    };
    Sources::new([0; 32], limits)
}

#[cfg(test)]
#[path = "sources_tests.rs"]
mod tests;
