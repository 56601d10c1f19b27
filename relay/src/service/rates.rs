//! Rates without identities: GCRA (the generic cell rate algorithm, ITU-T I.371) over connections, salted source
//! prefixes, mailboxes and everything; and each source's share of a mailbox. In memory only, bounded, and gone at a
//! restart.
//!
//! Why not the crate `governor`, which is GCRA as well: its limiters read a clock, and the service is told the time; its
//! keyed limiters grow with their keys, and these must not; and a cell here is 8 bytes, of which there are half a
//! million. What is left of it is [`Cell::take`].

use std::collections::HashMap;

use rand_core::CryptoRng;
use sha2::{Digest, Sha256};
use undertone_wire::MailboxId;

use super::ServiceConfig;
use super::limits::{NETWORK_SHARE, RATE_CELLS, SHARE_ENTRIES, SHARE_WINDOW_MS};
use crate::storage::Timestamp;

/// How many units pass: a burst at once, and a steady flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    burst: u32,
    /// Microseconds in which one unit comes back; 0 = no limit.
    interval_us: u64,
}

impl Rate {
    /// `burst` at once, `per_second` in the long run.
    #[must_use]
    pub const fn new(burst: u32, per_second: u32) -> Self {
        Self::per(burst, per_second, 1_000_000)
    }

    /// `burst` at once, `per_hour` in the long run.
    #[must_use]
    pub const fn per_hour(burst: u32, per_hour: u32) -> Self {
        Self::per(burst, per_hour, 3_600_000_000)
    }

    /// `per_second` in the long run, `seconds` worth of them at once.
    #[must_use]
    pub const fn bursting(seconds: u32, per_second: u32) -> Self {
        Self::new(per_second.saturating_mul(seconds), per_second)
    }

    /// An hour's worth at once, and as many in the long run.
    #[must_use]
    pub const fn hourly(per_hour: u32) -> Self {
        Self::per_hour(per_hour, per_hour)
    }

    /// No limit.
    #[must_use]
    pub const fn unlimited() -> Self {
        Self {
            burst: 0,
            interval_us: 0,
        }
    }

    /// `factor` times as much.
    #[must_use]
    pub const fn times(self, factor: u32) -> Self {
        // Widening only; `u64::from` is not const.
        let interval_us = self.interval_us / factor as u64;
        Self {
            burst: self.burst.saturating_mul(factor),
            interval_us: if interval_us == 0 && self.interval_us > 0 {
                1
            } else {
                interval_us
            },
        }
    }

    const fn per(burst: u32, units: u32, period_us: u64) -> Self {
        // Widening only; `u64::from` is not const.
        let units = if units == 0 { 1 } else { units as u64 };
        Self {
            burst: if burst == 0 { 1 } else { burst },
            interval_us: if period_us < units {
                1
            } else {
                period_us / units
            },
        }
    }
}

/// Too much; come back after this many milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooMuch {
    pub(super) retry_after_ms: u32,
}

/// The state of one rate: its theoretical arrival time in microseconds.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Cell(u64);

impl Cell {
    /// Takes `units`, or nothing when that is too much.
    pub(crate) fn take(&mut self, rate: Rate, units: u32, now: Timestamp) -> Result<(), TooMuch> {
        self.0 = self.after(rate, units, now)?;
        Ok(())
    }

    /// The state after `units` were taken.
    fn after(self, rate: Rate, units: u32, now: Timestamp) -> Result<u64, TooMuch> {
        let now_us = now.0.saturating_mul(1000);
        let units = units.min(rate.burst);
        let next = self.0.max(now_us) + u64::from(units) * rate.interval_us;
        let latest = now_us + u64::from(rate.burst) * rate.interval_us;
        if next > latest {
            let wait_ms = (next - latest).div_ceil(1000);
            return Err(TooMuch {
                retry_after_ms: u32::try_from(wait_ms).unwrap_or(u32::MAX),
            });
        }
        Ok(next)
    }
}

/// Rates by key in constant memory: keys are hashed to cells under a secret salt.
struct CellTable {
    rate: Rate,
    cells: Box<[Cell]>,
}

impl CellTable {
    fn new(rate: Rate) -> Self {
        Self {
            rate,
            cells: vec![Cell::default(); RATE_CELLS].into(),
        }
    }

    fn take(&mut self, slot: usize, units: u32, now: Timestamp) -> Result<(), TooMuch> {
        let rate = self.rate;
        self.cell(slot).take(rate, units, now)
    }

    fn check(&mut self, slot: usize, units: u32, now: Timestamp) -> Result<(), TooMuch> {
        let rate = self.rate;
        self.cell(slot).after(rate, units, now).map(drop)
    }

    fn cell(&mut self, slot: usize) -> &mut Cell {
        let index = slot % RATE_CELLS;
        &mut self.cells[index]
    }
}

/// A rate of sources, and what whole networks of them may do.
struct SourceTable {
    sources: CellTable,
    networks: CellTable,
}

impl SourceTable {
    fn new(rate: Rate) -> Self {
        Self {
            sources: CellTable::new(rate),
            networks: CellTable::new(rate.times(NETWORK_SHARE)),
        }
    }

    fn take(&mut self, slots: &Slots, units: u32, now: Timestamp) -> Result<(), TooMuch> {
        if let Some(network) = slots.network {
            self.networks.check(network, units, now)?;
        }
        self.sources.take(slots.source, units, now)?;
        if let Some(network) = slots.network {
            self.networks.take(network, units, now)?;
        }
        Ok(())
    }
}

/// Where a source and its network are counted.
struct Slots {
    source: usize,
    network: Option<usize>,
}

/// What is limited by source prefix.
#[derive(Debug, Clone, Copy)]
pub(super) enum SourceRate {
    Requests,
    NewMailboxes,
    NewRecords,
    Pops,
}

struct Share {
    since: Timestamp,
    messages: u32,
    bytes: u64,
}

pub(super) struct Rates {
    salt: [u8; 16],
    all: (Rate, Cell),
    requests: SourceTable,
    new_mailboxes: SourceTable,
    new_records: SourceTable,
    pops: SourceTable,
    envelopes: CellTable,
    shares: HashMap<(MailboxId, [u8; 16]), Share>,
    max_share: Option<(u32, u64)>,
}

impl Rates {
    pub(super) fn new<R: CryptoRng + ?Sized>(config: &ServiceConfig, rng: &mut R) -> Self {
        let mut salt = [0; 16];
        rng.fill_bytes(&mut salt);
        let max_share = (config.source_share > 0).then(|| {
            (
                (config.mailbox_messages / config.source_share).max(1),
                config.mailbox_bytes / u64::from(config.source_share),
            )
        });
        Self {
            salt,
            all: (config.all_requests, Cell::default()),
            requests: SourceTable::new(config.source_requests),
            new_mailboxes: SourceTable::new(config.source_new_mailboxes),
            new_records: SourceTable::new(config.source_new_records),
            pops: SourceTable::new(config.source_pops),
            envelopes: CellTable::new(config.mailbox_envelopes),
            shares: HashMap::new(),
            max_share,
        }
    }

    pub(super) fn take_any(&mut self, units: u32, now: Timestamp) -> Result<(), TooMuch> {
        let (rate, cell) = &mut self.all;
        cell.take(*rate, units, now)
    }

    pub(super) fn take_source(
        &mut self,
        what: SourceRate,
        source: &[u8; 16],
        units: u32,
        now: Timestamp,
    ) -> Result<(), TooMuch> {
        let slots = Slots {
            source: self.slot(source),
            network: network_of(source).map(|network| self.slot(&network)),
        };
        let table = match what {
            SourceRate::Requests => &mut self.requests,
            SourceRate::NewMailboxes => &mut self.new_mailboxes,
            SourceRate::NewRecords => &mut self.new_records,
            SourceRate::Pops => &mut self.pops,
        };
        table.take(&slots, units, now)
    }

    pub(super) fn take_mailbox(&mut self, id: MailboxId, now: Timestamp) -> Result<(), TooMuch> {
        let slot = self.slot(id.as_bytes());
        self.envelopes.take(slot, 1, now)
    }

    /// Whether the source may put `bytes` more into the mailbox within the window.
    pub(super) fn check_share(
        &self,
        id: MailboxId,
        source: &[u8; 16],
        bytes: u64,
        now: Timestamp,
    ) -> Result<(), TooMuch> {
        let Some((messages, total)) = self.max_share else {
            return Ok(());
        };
        for (source, factor) in tiers(source) {
            let Some(share) = self.shares.get(&(id, source)) else {
                continue;
            };
            let age = now.since(share.since);
            let fits = share.messages < messages.saturating_mul(factor)
                && share.bytes + bytes <= total.saturating_mul(factor.into());
            if age < SHARE_WINDOW_MS && !fits {
                return Err(TooMuch {
                    retry_after_ms: u32::try_from(SHARE_WINDOW_MS - age).unwrap_or(u32::MAX),
                });
            }
        }
        Ok(())
    }

    /// Counts what was put.
    pub(super) fn count_share(
        &mut self,
        id: MailboxId,
        source: &[u8; 16],
        bytes: u64,
        now: Timestamp,
    ) {
        if self.max_share.is_some() {
            for (source, _) in tiers(source) {
                self.count_one_share((id, source), bytes, now);
            }
        }
    }

    fn count_one_share(&mut self, key: (MailboxId, [u8; 16]), bytes: u64, now: Timestamp) {
        if self.shares.len() >= SHARE_ENTRIES && !self.shares.contains_key(&key) {
            return;
        }
        let share = self.shares.entry(key).or_insert(Share {
            since: now,
            messages: 0,
            bytes: 0,
        });
        if now.since(share.since) >= SHARE_WINDOW_MS {
            *share = Share {
                since: now,
                messages: 0,
                bytes: 0,
            };
        }
        share.messages = share.messages.saturating_add(1);
        share.bytes = share.bytes.saturating_add(bytes);
    }

    /// Forgets shares whose window is over.
    pub(super) fn purge(&mut self, now: Timestamp) {
        self.shares
            .retain(|_, share| now.since(share.since) < SHARE_WINDOW_MS);
    }

    fn slot(&self, key: &[u8; 16]) -> usize {
        let mut hash = Sha256::new();
        hash.update(self.salt);
        hash.update(key);
        let digest: [u8; 32] = hash.finalize().into();
        digest
            .iter()
            .take(4)
            .fold(0, |slot, byte| slot << 8 | usize::from(*byte))
    }
}

/// What a source's network is counted under, when it has one.
fn network_of(source: &[u8; 16]) -> Option<[u8; 16]> {
    let (network, host) = source.split_at(8);
    let mut key = [0; 16];
    key[..8].copy_from_slice(network);
    (network != host).then_some(key)
}

/// A source and its network, with what they may do as multiples of what a source may.
fn tiers(source: &[u8; 16]) -> impl Iterator<Item = ([u8; 16], u32)> {
    let network = network_of(source).map(|network| (network, NETWORK_SHARE));
    [(*source, 1)].into_iter().chain(network)
}

#[cfg(test)]
#[path = "rates_tests.rs"]
mod tests;
