//! What the addresses of a trace are in the program: functions, and divisions.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, Stdio};

use super::ConstantTimeError;
use super::trace::{Trace, address};

/// The function at which a trace begins.
const BEGIN: &str = "constant_time::begin";

/// The program's machine code, as objdump shows it.
pub(super) struct Binary {
    /// Functions by their address in the file.
    functions: BTreeMap<u64, String>,
    /// Addresses of divisions in the file.
    divisions: BTreeSet<u64>,
    /// Address of [`BEGIN`] in the file.
    begin: u64,
}

impl Binary {
    pub(super) fn read(program: &Path) -> Result<Self, ConstantTimeError> {
        let output = Command::new("objdump")
            .args(["--disassemble", "--demangle", "--no-show-raw-insn"])
            .arg(program)
            .stdin(Stdio::null())
            .output()
            .map_err(ConstantTimeError::Objdump)?;
        Self::parse(&String::from_utf8_lossy(&output.stdout))
    }

    fn parse(listing: &str) -> Result<Self, ConstantTimeError> {
        let mut functions = BTreeMap::new();
        let mut divisions = BTreeSet::new();
        for line in listing.lines() {
            if let Some((address, name)) = function(line) {
                functions.insert(address, name.to_owned());
            } else if let Some(address) = division(line) {
                divisions.insert(address);
            }
        }
        let begin = functions.iter().find(|(_, name)| name.contains(BEGIN));
        let begin = begin.map(|(address, _)| *address);
        Ok(Self {
            functions,
            divisions,
            begin: begin.ok_or(ConstantTimeError::NoMark(BEGIN))?,
        })
    }

    /// The divisions among a trace's instructions, each once.
    pub(super) fn divisions(&self, trace: &Trace) -> Vec<String> {
        let executed: BTreeSet<_> = trace
            .instructions()
            .map(|address| self.in_file(trace, address))
            .filter(|address| self.divisions.contains(address))
            .collect();
        let named = executed.iter().map(|address| self.name(*address));
        named.map(|name| format!("divides, in {name}")).collect()
    }

    /// Where two traces part.
    pub(super) fn difference(&self, first: &Trace, second: &Trace) -> Option<String> {
        if first == second {
            return None;
        }
        let shown = |line: Option<&[u8]>| {
            line.map_or("its end".to_owned(), |line| {
                String::from_utf8_lossy(line).trim().to_owned()
            })
        };
        let (mut ours, mut theirs) = (first.lines(), second.lines());
        let mut last = first.begin;
        for step in 1_usize.. {
            let (a, b) = (ours.next(), theirs.next());
            if let Some(line @ [b'I', ..]) = a {
                last = address(line).unwrap_or(last);
            }
            if a != b {
                let function = self.name(self.in_file(first, last));
                return Some(format!(
                    "step {step} is {} or {}, in {function}",
                    shown(a),
                    shown(b)
                ));
            }
            if a.is_none() {
                break;
            }
        }
        Some("the marks lie elsewhere".to_owned())
    }

    fn in_file(&self, trace: &Trace, address: u64) -> u64 {
        address.wrapping_sub(trace.begin).wrapping_add(self.begin)
    }

    /// The function around an address.
    fn name(&self, address: u64) -> &str {
        let before = self.functions.range(..=address).next_back();
        let after = self.functions.range(address..).next();
        match (before, after) {
            (Some((_, name)), Some(_)) => name,
            _ => "another file",
        }
    }
}

/// `0000000000012340 <name>:`.
fn function(line: &str) -> Option<(u64, &str)> {
    let (address, name) = line.strip_suffix(">:")?.split_once(" <")?;
    Some((u64::from_str_radix(address, 16).ok()?, name))
}

/// `   12345:` and `div    %rcx` behind a tab, of x86-64 or of AArch64.
fn division(line: &str) -> Option<u64> {
    let (address, instruction) = line.split_once(":\t")?;
    let mnemonic = instruction.split_whitespace().next()?;
    let name = mnemonic.trim_end_matches(['b', 'w', 'l', 'q']);
    if !["div", "idiv", "udiv", "sdiv"].contains(&name) {
        return None;
    }
    u64::from_str_radix(address.trim(), 16).ok()
}

#[cfg(test)]
#[path = "binary_tests.rs"]
mod tests;
