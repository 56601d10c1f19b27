//! The full-text tokenizer of Undertone's history: what of a text is found by which words.
//!
//! **Invariant.** The index, the query and the highlighting use one segmentation ([`segment`]), and it depends on nothing but
//! the text: the same text always gives the same tokens, which deleting from the index relies on.
//!
//! **Not its concern.** Query syntax, ranking and snippets.
//!
//! [`register`] is the only `unsafe` code of the workspace: SQLite takes tokenizers as C function pointers.

#![deny(unsafe_op_in_unsafe_fn)]

mod fold;
mod register;
mod segment;

pub use fold::continues;
pub use register::{NAME, register};
pub use segment::{Mode, Token, segment};

/// The version of the segmentation. Whatever changes a token of any text raises it; indexes of another version are built
/// again.
pub const VERSION: u32 = 1;
