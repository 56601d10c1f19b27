//! The last tags that were opened, in half a megabyte.
//!
//! A table of buckets of eight, each a ring: together they remember about the last 65,536 tags, each bucket exactly its
//! last eight. Forgetting one costs no correctness: its replay is parked and ages out.

use super::hasher::Seed;
use crate::session::limits::CONSUMED_TAGS;

const WAYS: usize = 8;
const BUCKETS: usize = CONSUMED_TAGS / WAYS;

/// Remembers the first 8 bytes of consumed tags. The table is made when the first one comes.
pub(super) struct ConsumedTags {
    seed: Seed,
    buckets: Vec<Bucket>,
}

#[derive(Clone, Copy, Default)]
struct Bucket {
    tags: [Option<core::num::NonZeroU64>; WAYS],
    next: usize,
}

impl ConsumedTags {
    pub(super) const fn new(seed: Seed) -> Self {
        Self {
            seed,
            buckets: Vec::new(),
        }
    }

    pub(super) fn insert(&mut self, tag: u64) {
        if self.buckets.is_empty() {
            self.buckets.resize(BUCKETS, Bucket::default());
        }
        let at = self.bucket(tag);
        if let Some(bucket) = self.buckets.get_mut(at)
            && let Some(way) = bucket.tags.get_mut(bucket.next)
        {
            *way = core::num::NonZeroU64::new(tag);
            bucket.next = (bucket.next + 1) % WAYS;
        }
    }

    pub(super) fn contains(&self, tag: u64) -> bool {
        let tag = core::num::NonZeroU64::new(tag);
        tag.is_some()
            && self
                .buckets
                .get(self.bucket(tag.map_or(0, core::num::NonZeroU64::get)))
                .is_some_and(|bucket| bucket.tags.contains(&tag))
    }

    fn bucket(&self, tag: u64) -> usize {
        usize::try_from(self.seed.word(tag)).unwrap_or(0) % BUCKETS
    }
}
