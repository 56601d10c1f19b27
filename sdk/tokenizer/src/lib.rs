//! The full-text tokenizer of Undertone's history: folded words, bigrams, co-located prefix tokens.
