//! Bounds of the store, each with its unit and its reason.

/// Bytes of page cache SQLite may keep, in KiB. 8–16 MiB is where search latency stops improving (measured at a million
/// messages).
pub const PAGE_CACHE_KIB: i64 = 16_384;

/// WAL pages before an automatic checkpoint. 8,000 pages (32 MiB) amortise checkpoints over a backlog of thousands of
/// messages.
pub const WAL_CHECKPOINT_PAGES: i64 = 8_000;

/// Prepared statements kept; above the number of distinct statements of the table modules.
pub const STATEMENT_CACHE: usize = 256;

/// Characters of a message in the conversation list.
pub const PREVIEW_CHARS: usize = 120;

/// Characters of a search result's snippet.
pub const SNIPPET_CHARS: usize = 160;

/// Characters shown before the first match in a snippet.
pub const SNIPPET_LEAD_CHARS: usize = 40;

/// Rows of one page of a list, a timeline or a search: bounds memory per call.
pub const MAX_PAGE_ROWS: usize = 500;

/// Results that are ranked together: what a search by relevance reads for one page, in rows.
pub const MAX_RANKED: usize = 500;
const _: () = assert!(MAX_RANKED <= MAX_PAGE_ROWS);

/// Characters of a text that are looked at to rank it: nearly all messages whole, and no more of a long one than of many short
/// ones.
pub const RANKED_CHARS: usize = 2_000;

/// Words and phrases of one query: bounds the work of one search.
pub const MAX_QUERY_TERMS: usize = 32;

/// Characters of one query: longer ones are cut.
pub const MAX_QUERY_CHARS: usize = 1_024;

/// Messages deleted at once above which the index is merged as a whole: about where the two ways cost the same (measured at
/// a million messages: 4–8 ms a message against 3 s).
pub const BULK_REMOVAL_MESSAGES: usize = 700;

/// Messages that are indexed at a time when the index is built again: about 0.1 s, after which cancelling is looked for.
pub const REBUILD_ROWS: i64 = 2_000;

/// Pages that are copied at a time when the store's key is rotated: 4 MiB, some hundredths of a second.
pub const ROTATE_PAGES: i32 = 1_024;

/// Sealed values that are sealed anew in one transaction: bounds memory, a session's being the largest at some 60 KiB.
pub const RESEAL_ROWS: i64 = 200;

/// Bytes that are overwritten at a time when a file is destroyed.
pub const ERASE_BYTES: usize = 1 << 20;
