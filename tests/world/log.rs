//! What happened, in order: one line an event. Two runs with one seed give the same lines.

use std::fmt::Display;
use std::fs::File;
use std::io::Write;

/// The log of a world. Lines name devices by number; keys and ids, which differ in form only by the seed, stay out so that a
/// log can be read.
#[derive(Debug, Default)]
pub(crate) struct Log {
    lines: Vec<String>,
    trace: Option<File>,
}

impl Log {
    /// With every frame in a file of the current folder when `UNDERTONE_WORLD_TRACE` is set: for one schedule of one test.
    pub(crate) fn open(seed: u64) -> Self {
        let trace = std::env::var_os("UNDERTONE_WORLD_TRACE").map(|_| {
            File::create(format!("world-{seed}.trace")).expect("the folder can be written")
        });
        let mut log = Self {
            lines: Vec::new(),
            trace,
        };
        log.note(0, format_args!("the world of seed {seed} begins"));
        log
    }

    pub(crate) fn note(&mut self, elapsed_ms: u64, what: impl Display) {
        let line = format!("{elapsed_ms:>12} {what}");
        self.detail(elapsed_ms, what);
        self.lines.push(line);
    }

    /// What is too much for a failure's message.
    pub(crate) fn detail(&mut self, elapsed_ms: u64, what: impl Display) {
        if let Some(trace) = &mut self.trace {
            writeln!(trace, "{elapsed_ms:>12} {what}").expect("the trace can be written");
        }
    }

    /// What happened, without the line that names the seed.
    pub(crate) fn events(&self) -> &[String] {
        self.lines.get(1..).unwrap_or_default()
    }

    /// The first line, which names the seed, and the last ones, for a failure's message.
    pub(crate) fn tail(&self) -> String {
        let first = self.lines.first().into_iter();
        let last = self
            .lines
            .iter()
            .skip(self.lines.len().saturating_sub(80).max(1));
        first
            .chain(last)
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join("\n")
    }
}
