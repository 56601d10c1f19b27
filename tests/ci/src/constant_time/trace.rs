//! The trace of one operation: every instruction and every access to memory between two marks, as valgrind's tool lackey prints them.

use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};

use super::ConstantTimeError;

/// The program's own line: where its marks are, as `marks 0xBEGIN 0xEND`.
const MARKS: &str = "marks ";

/// Runs in front that the program does not count, as its documentation says.
const WARM_UPS: usize = 2;

/// glibc keeps what is freed in caches that `calloc` does not take from, so that one run's memory would lie beside the last one's.
const PLAIN_HEAP: &str = "glibc.malloc.tcache_count=0";

/// Lines `I  ADDRESS,SIZE` (an instruction), ` L …`, ` S …` and ` M …` (memory loaded, stored, modified).
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Trace {
    /// Where the first mark lies in this process.
    pub(super) begin: u64,
    lines: Vec<u8>,
}

/// Whether valgrind is there, with its tool.
pub(super) fn valgrind_starts() -> Result<(), ConstantTimeError> {
    let output = Command::new("valgrind")
        .args(["--tool=lackey", "--version"])
        .output();
    output.map(drop).map_err(ConstantTimeError::Valgrind)
}

impl Trace {
    /// Runs the operation with its inputs under valgrind: a trace for each, in order.
    pub(super) fn all_of(
        program: &Path,
        operation: &str,
        folder: &Path,
    ) -> Result<Vec<Self>, ConstantTimeError> {
        let failed = |why: String| ConstantTimeError::Run {
            operation: operation.to_owned(),
            why,
        };
        let mut child = Command::new("valgrind")
            .args(["--tool=lackey", "--trace-mem=yes", "--basic-counts=no"])
            .arg(program)
            .args(["run", operation])
            .arg(folder)
            .env("GLIBC_TUNABLES", PLAIN_HEAP)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(ConstantTimeError::Valgrind)?;
        let output = child.stderr.take();
        let output = output.ok_or_else(|| failed("no output".to_owned()))?;
        let read = read(output);
        let status = child.wait().map_err(|error| failed(error.to_string()))?;
        match read {
            Ok(traces) if status.success() => Ok(traces),
            Ok(_) => Err(failed(status.to_string())),
            Err(why) => Err(failed(format!("{why}, {status}"))),
        }
    }

    /// These lines, of a process in which the first mark lies at `begin`.
    #[cfg(test)]
    pub(super) fn of_lines(begin: u64, lines: &str) -> Self {
        Self {
            begin,
            lines: lines.into(),
        }
    }

    /// Number of lines.
    pub(super) fn len(&self) -> usize {
        self.lines().count()
    }

    pub(super) fn lines(&self) -> impl Iterator<Item = &[u8]> {
        self.lines.split_inclusive(|byte| *byte == b'\n')
    }

    /// Addresses of the instructions, in order.
    pub(super) fn instructions(&self) -> impl Iterator<Item = u64> {
        self.lines().filter_map(|line| match line {
            [b'I', ..] => address(line),
            _ => None,
        })
    }
}

/// Reads all of valgrind's output: a trace for each pair of marks but the first [`WARM_UPS`].
fn read(output: impl Read) -> io::Result<Vec<Trace>> {
    let mut output = BufReader::with_capacity(1 << 16, output);
    let mut line = Vec::new();
    let mut marks = None;
    let mut traces = Vec::new();
    let mut running: Option<Trace> = None;
    let mut said = Vec::new();
    while next(&mut output, &mut line)? {
        match (&marks, &mut running) {
            _ if !is_step(&line) => {
                marks = marks.or_else(|| Marks::parse(&line));
                said.extend_from_slice(&line);
            }
            (Some(marks), Some(_)) if line.starts_with(&marks.end_line) => {
                traces.extend(running.take());
            }
            (Some(_), Some(trace)) => trace.lines.extend_from_slice(&line),
            (Some(marks), None) if line.starts_with(&marks.begin_line) => {
                running = Some(Trace {
                    begin: marks.begin,
                    lines: Vec::new(),
                });
            }
            _ => {}
        }
    }
    if running.is_some() || traces.len() < WARM_UPS {
        let said = String::from_utf8_lossy(&said);
        return Err(io::Error::other(format!("no traces; {said}")));
    }
    Ok(traces.split_off(WARM_UPS))
}

/// Where traces begin and end.
struct Marks {
    begin: u64,
    /// How the lines of the two instructions begin.
    begin_line: Vec<u8>,
    end_line: Vec<u8>,
}

impl Marks {
    fn parse(line: &[u8]) -> Option<Self> {
        let line = str::from_utf8(line).ok()?;
        let (begin, end) = line.strip_prefix(MARKS)?.trim_end().split_once(' ')?;
        let parse = |text: &str| u64::from_str_radix(text.strip_prefix("0x")?, 16).ok();
        let line_of = |address: u64| format!("I  {address:08x},").into_bytes();
        let (begin, end) = (parse(begin)?, parse(end)?);
        Some(Self {
            begin,
            begin_line: line_of(begin),
            end_line: line_of(end),
        })
    }
}

/// The address of a line of a trace.
pub(super) fn address(line: &[u8]) -> Option<u64> {
    let text = str::from_utf8(line.get(3..)?).ok()?;
    u64::from_str_radix(text.split_once(',')?.0, 16).ok()
}

fn next(output: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    Ok(output.read_until(b'\n', line)? > 0)
}

fn is_step(line: &[u8]) -> bool {
    matches!(
        line,
        [b'I', b' ', b' ', ..] | [b' ', b'L' | b'S' | b'M', b' ', ..]
    )
}

#[cfg(test)]
#[path = "trace_tests.rs"]
mod tests;
