//! The limits of the wire, the same for both sides. `Hello` announces those that a relay may lower.

/// Bytes of one encoded frame, either way. The largest that is needed is a multi-recipient send of
/// [`MAX_RECIPIENTS`] entries (about 70 bytes each) with one shared envelope, or a full set of prekeys (about 200 KiB).
pub const MAX_FRAME_BYTES: usize = 512 * 1024;

/// Protobuf fields inside the body of one frame. Empty entries cost two bytes on the wire and over a hundred in memory;
/// this bounds what a hostile peer can blow up.
pub const MAX_BODY_FIELDS: usize = MAX_RECIPIENTS + 16;

/// Bytes of one envelope: the largest bucket. What is larger is a blob.
pub const MAX_ENVELOPE_BYTES: usize = 64 * 1024;

/// Bytes of one record's value.
pub const MAX_RECORD_BYTES: usize = 64 * 1024;

/// Entries of one multi-recipient send.
pub const MAX_RECIPIENTS: usize = 4096;

/// Requests of one connection that have no answer yet. More than a fast client keeps going; a bound on the relay's memory.
pub const MAX_REQUESTS_IN_FLIGHT: usize = 64;

/// Deliveries in flight before an ack is needed: messages.
pub const DELIVERY_WINDOW: u32 = 256;

/// Deliveries in flight before an ack is needed: bytes of envelopes, exceeded by at most one envelope.
pub const DELIVERY_WINDOW_BYTES: usize = 1024 * 1024;

/// Milliseconds: the client sends something at least this often.
pub const HEARTBEAT_MS: u32 = 12_000;

/// Milliseconds of silence after which a connection is dead, for either side: two heartbeats and a little. A relay that
/// looks every 5 s finds it within 30 s.
pub const DEAD_AFTER_MS: u64 = 25_000;

/// Milliseconds: upper bound of the random wait before connecting again after `Closing`.
pub const RECONNECT_JITTER_MS: u32 = 10_000;

/// Delivery tokens and invites registered at one mailbox.
pub const MAX_TOKENS: usize = 256;

/// One-time X25519 prekeys kept for one mailbox: two batches.
pub const MAX_ONE_TIME_X25519: usize = 200;

/// One-time ML-KEM prekeys kept for one mailbox: two batches.
pub const MAX_ONE_TIME_KEM: usize = 100;

/// Bytes of one opaque prekey item, page or last-resort key. An ML-KEM-1024 key is 1,568 bytes; the rest is its
/// signature and Merkle path.
pub const MAX_PREKEY_ITEM_BYTES: usize = 4096;

/// Bytes of the opaque part of a ping.
pub const MAX_PING_BYTES: usize = 64;

/// Bytes of an envelope that may come as a knock: a first message.
pub const MAX_KNOCK_ENVELOPE_BYTES: usize = 4096;

/// Leading zero bits of knock work at an empty knock lane: about a million hashes.
pub const BASE_DIFFICULTY: u32 = 20;

/// Leading zero bits beyond which a client refuses to work (about 270 million hashes): no relay may burn a battery.
pub const MAX_DIFFICULTY: u32 = 28;

/// Milliseconds that a work challenge is valid.
pub const WORK_CHALLENGE_MS: u64 = 5 * 60 * 1000;

/// Milliseconds for which a message id or pop id is remembered after it was acked or answered.
pub const IDEMPOTENCE_MS: u64 = 10 * 60 * 1000;

/// Milliseconds until a queued envelope expires.
pub const ENVELOPE_TTL_MS: u64 = 30 * 24 * 60 * 60 * 1000;

#[cfg(test)]
mod tests {
    use super::*;

    /// In the words of `SPEC.md`. Whoever speaks to a relay or a client of another version relies on each of them.
    #[test]
    fn limits_are_those_of_the_specification() {
        assert_eq!(MAX_FRAME_BYTES, 524_288, "512 KiB");
        assert_eq!(MAX_BODY_FIELDS, 4_112);
        assert_eq!(MAX_ENVELOPE_BYTES, 65_536, "64 KiB");
        assert_eq!(MAX_RECORD_BYTES, 65_536, "64 KiB");
        assert_eq!(DELIVERY_WINDOW_BYTES, 1_048_576, "1 MiB");
        assert_eq!(WORK_CHALLENGE_MS, 300_000, "five minutes");
        assert_eq!(IDEMPOTENCE_MS, 600_000, "ten minutes");
        assert_eq!(ENVELOPE_TTL_MS, 2_592_000_000, "30 days");
    }
}
