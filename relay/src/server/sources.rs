//! Who connects from where, as far as limits need it: salted hashes of source prefixes with counts, in memory.
//!
//! Invariant: no address is kept, only SHA-256(salt ‖ prefix)[..16] under a salt of this process, and at most
//! [`limits::SOURCES`] of them. When the table is full, those without a connection are forgotten.
//! Not its concern: the service's own rate limits, which get the same hash.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::Arc,
};

use parking_lot::Mutex;
use sha2::{Digest, Sha256};

use super::limits;

/// A salted hash of a source prefix: the whole IPv4 address, or the /64 of an IPv6 one.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct SourcePrefix(pub(crate) [u8; 16]);

/// Counts by source prefix.
pub(crate) struct Sources {
    salt: [u8; 32],
    max_connections: usize,
    blob_bytes_per_hour: u64,
    table: Mutex<HashMap<SourcePrefix, Usage>>,
}

#[derive(Default)]
struct Usage {
    connections: usize,
    blob_hour: u64,
    blob_bytes: u64,
}

/// One counted connection; dropping it gives the place back.
pub(crate) struct Place {
    sources: Arc<Sources>,
    prefix: SourcePrefix,
}

impl Sources {
    pub(crate) fn new(
        salt: [u8; 32],
        max_connections: usize,
        blob_bytes_per_hour: u64,
    ) -> Arc<Self> {
        Arc::new(Self {
            salt,
            max_connections,
            blob_bytes_per_hour,
            table: Mutex::default(),
        })
    }

    /// Hashes the prefix of an address. An IPv4 address in IPv6 clothes is the IPv4 address.
    pub(crate) fn prefix(&self, address: IpAddr) -> SourcePrefix {
        let canonical = address.to_canonical();
        let mut hash = Sha256::new().chain_update(self.salt);
        match canonical {
            IpAddr::V4(v4) => hash.update(v4.octets()),
            IpAddr::V6(v6) => {
                let prefix = v6.to_bits() & (u128::MAX << 64);
                hash.update(Ipv6Addr::from_bits(prefix).octets());
            }
        }
        let digest: [u8; 32] = hash.finalize().into();
        let mut short = [0; 16];
        short.copy_from_slice(&digest[..16]);
        SourcePrefix(short)
    }

    /// Takes a place for a connection; `None` when this source holds too many.
    pub(crate) fn enter(self: &Arc<Self>, prefix: SourcePrefix) -> Option<Place> {
        let mut table = self.table.lock();
        make_room(&mut table, prefix);
        let usage = table.entry(prefix).or_default();
        if usage.connections >= self.max_connections {
            return None;
        }
        usage.connections += 1;
        Some(Place {
            sources: self.clone(),
            prefix,
        })
    }

    /// Counts bytes of blobs reserved in the hour of `now_ms` (Unix milliseconds); false when they are too many.
    pub(crate) fn reserve_blob(&self, prefix: SourcePrefix, bytes: u64, now_ms: u64) -> bool {
        let hour = now_ms / 3_600_000;
        let mut table = self.table.lock();
        make_room(&mut table, prefix);
        let usage = table.entry(prefix).or_default();
        if usage.blob_hour != hour {
            (usage.blob_hour, usage.blob_bytes) = (hour, 0);
        }
        let total = usage.blob_bytes.saturating_add(bytes);
        if total > self.blob_bytes_per_hour {
            return false;
        }
        usage.blob_bytes = total;
        true
    }
}

fn make_room(table: &mut HashMap<SourcePrefix, Usage>, newcomer: SourcePrefix) {
    if table.len() >= limits::SOURCES && !table.contains_key(&newcomer) {
        table.retain(|_, usage| usage.connections > 0);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut table = self.sources.table.lock();
        if let Some(usage) = table.get_mut(&self.prefix) {
            usage.connections = usage.connections.saturating_sub(1);
        }
    }
}

#[cfg(test)]
#[path = "sources_tests.rs"]
mod tests;
