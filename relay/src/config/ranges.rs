//! Which values make sense, and what they mean to the service.

use std::ops::RangeInclusive;

use undertone_wire::limits::MAX_DIFFICULTY;

use super::{Config, ConfigError};
use crate::{
    service::{
        Rate, ServiceConfig,
        limits::{KNOCK_DIFFICULTY_RISE, rates},
    },
    storage::{DAY_MS, Retention},
};

const MIB: u64 = 1024 * 1024;

/// MiB that anything may be: a pebibyte.
const ANY_MIB: RangeInclusive<u64> = 1..=1 << 30;

/// Whatever is counted.
const ANY: RangeInclusive<u64> = 1..=1_000_000_000;

/// Days that contacts expect a device's mailbox to be there, however long it is away.
const DORMANT_DAYS: u64 = 45;

/// Days of the specification: clients resend and expire by them, and keep private keys for them.
const ENVELOPE_DAYS: u64 = 30;

/// Bits of work that cost a sender anything.
const LEAST_WORK: u64 = 8;

/// Seconds after which whoever supervises the relay kills it.
const LONGEST_DRAIN_SECONDS: u64 = 3_600;

/// Days of ten years.
const LONG_DAYS: u64 = 3_650;

pub(super) fn check(config: &Config) -> Result<(), ConfigError> {
    for (key, value, range) in quotas(config).into_iter().chain(rates_of(config)) {
        if !range.contains(&value) {
            let (least, most) = range.into_inner();
            return Err(ConfigError::OutOfRange {
                key,
                value,
                least,
                most,
            });
        }
    }
    Ok(())
}

/// A key, its value, and what it may be.
type Checked = (&'static str, u64, RangeInclusive<u64>);

fn quotas(config: &Config) -> [Checked; 16] {
    let work = u64::from(MAX_DIFFICULTY - KNOCK_DIFFICULTY_RISE);
    let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    let c = config;
    let store = c.store_quota_mib.unwrap_or(*ANY_MIB.start());
    [
        ("max_connections", count(c.max_connections), ANY),
        (
            "max_connections_per_source",
            count(c.max_connections_per_source),
            ANY,
        ),
        ("max_waiting_mib", c.max_waiting_mib, ANY_MIB),
        ("store_quota_mib", store, ANY_MIB),
        (
            "mailbox_quota_messages",
            c.mailbox_quota_messages.into(),
            ANY,
        ),
        ("mailbox_quota_mib", c.mailbox_quota_mib, ANY_MIB),
        ("blob_quota_mib", c.blob_quota_mib, 0..=*ANY_MIB.end()),
        ("blob_max_mib", c.blob_max_mib, ANY_MIB),
        ("blob_source_quota_mib", c.blob_source_quota_mib, ANY_MIB),
        ("envelope_days", c.envelope_days, 1..=ENVELOPE_DAYS),
        ("mailbox_days", c.mailbox_days, DORMANT_DAYS..=LONG_DAYS),
        ("blob_days", c.blob_days, 1..=LONG_DAYS),
        // Less is no work, and beyond it clients refuse to work.
        (
            "knock_difficulty",
            c.knock_difficulty.into(),
            LEAST_WORK..=work,
        ),
        ("knock_quota", c.knock_quota.into(), ANY),
        ("invite_quota", c.invite_quota.into(), ANY),
        ("drain_seconds", c.drain_seconds, 0..=LONGEST_DRAIN_SECONDS),
    ]
}

fn rates_of(config: &Config) -> [Checked; 8] {
    let c = config;
    [
        (
            "connection_requests_per_second",
            c.connection_requests_per_second,
        ),
        ("source_requests_per_second", c.source_requests_per_second),
        ("all_requests_per_second", c.all_requests_per_second),
        (
            "mailbox_envelopes_per_second",
            c.mailbox_envelopes_per_second,
        ),
        ("source_mailboxes_per_hour", c.source_mailboxes_per_hour),
        ("source_records_per_hour", c.source_records_per_hour),
        ("source_prekeys_per_hour", c.source_prekeys_per_hour),
        ("source_blobs_per_hour", c.source_blobs_per_hour),
    ]
    .map(|(key, rate)| (key, rate.into(), ANY))
}

pub(super) fn service(config: &Config) -> ServiceConfig {
    let limits = if config.limit_rates {
        with_rates(config)
    } else {
        ServiceConfig::without_rates()
    };
    ServiceConfig {
        accepts_new_mailboxes: config.accept_new_mailboxes,
        base_difficulty: config.knock_difficulty,
        mailbox_messages: config.mailbox_quota_messages,
        mailbox_bytes: config.mailbox_quota_mib.saturating_mul(MIB),
        knocks: config.knock_quota,
        invite_quota: config.invite_quota,
        retention: Retention {
            envelope_ms: config.envelope_days.saturating_mul(DAY_MS),
            mailbox_ms: config.mailbox_days.saturating_mul(DAY_MS),
            ..Retention::default()
        },
        ..limits
    }
}

fn with_rates(config: &Config) -> ServiceConfig {
    let of_source = |per_second| Rate::bursting(rates::SOURCE_BURST, per_second);
    ServiceConfig {
        connection_requests: Rate::bursting(
            rates::CONNECTION_BURST,
            config.connection_requests_per_second,
        ),
        source_requests: of_source(config.source_requests_per_second),
        source_new_mailboxes: Rate::hourly(config.source_mailboxes_per_hour),
        source_new_records: Rate::hourly(config.source_records_per_hour),
        source_new_blobs: Rate::hourly(config.source_blobs_per_hour),
        source_pops: Rate::hourly(config.source_prekeys_per_hour),
        mailbox_envelopes: of_source(config.mailbox_envelopes_per_second),
        all_requests: Rate::bursting(rates::ALL_BURST, config.all_requests_per_second),
        ..ServiceConfig::default()
    }
}
