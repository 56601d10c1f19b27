//! What happened, in order: one line an event. Two runs with one seed give the same lines.

use std::fmt::Display;

/// The log of a world. Lines name devices by number and frames by kind and size; keys and ids, which differ in form
/// only by the seed, stay out so that a log can be read.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Log(Vec<String>);

impl Log {
    pub(crate) fn note(&mut self, elapsed_ms: u64, what: impl Display) {
        self.0.push(format!("{elapsed_ms:>12} {what}"));
    }

    /// What happened, without the line that names the seed.
    pub(crate) fn events(&self) -> &[String] {
        self.0.get(1..).unwrap_or_default()
    }

    /// The first line, which names the seed, and the last ones, for a failure's message.
    pub(crate) fn tail(&self) -> String {
        let first = self.0.first().into_iter();
        let last = self.0.iter().skip(self.0.len().saturating_sub(80).max(1));
        first
            .chain(last)
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join("\n")
    }
}
