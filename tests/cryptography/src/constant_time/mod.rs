//! Operations on secrets, each with inputs that differ in the secret alone, for the gate `cargo ci constant-time`.
//!
//! The gate runs each operation with each of its inputs under valgrind, and compares the addresses of all instructions and of all memory
//! that they touch, in order, between `traced`'s two marks. Invariant: of one operation's inputs all have one length and lead to one
//! result, so that two traces differ only if a branch or an address depends on the secret. What an operation may show by its result
//! (whether a message opened, whether a tag was found) is therefore not compared.
//!
//! The names of files and folders are the whole interface between this program and the gate: [`prepare`] writes a folder for each
//! operation and a file for each input, and an operation whose name begins with `control_` must be found, because it is *not* in
//! constant time.
//!
//! Covered, by the rows of the attack catalogue: C11 (comparisons of tags, commitments, MACs and hashes; header trial; the recovery phrase;
//! AES and the hashes without tables), S8 (decapsulation, with no division either). Not covered, and why:
//! - which session a tag is found in, and whether a message opens: the work that follows differs anyway, and the relay hears of it
//!   through an acknowledgement that waits for the disk;
//! - where a tag falls in the index's tables: the envelope shows the tag, the tables are seeded, and what a prober learns is a slot;
//! - the lengths of a message's content and of a recovery phrase's words;
//! - the expansion of a public ML-KEM matrix from its public seed, which rejects as many samples as that seed makes it;
//! - instructions whose duration depends on their operands, but for divisions, of which the gate allows none;
//! - instructions that valgrind's processor does not have (the SHA extensions, AVX-512): there it runs the portable code;
//! - the relay's comparisons of a blob's secret and of a challenge's MAC, which no interface reaches alone: they call the same function
//!   as the comparison of a bearer.

mod comparisons;
mod controls;
mod input;
mod keys;
mod messages;

use std::error::Error;
use std::fs;
use std::hint::black_box;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// An operation could not be prepared or run.
pub type ConstantTimeError = Box<dyn Error + Send + Sync>;

/// One operation.
struct Operation {
    name: &'static str,
    /// Inputs that differ in the secret alone.
    inputs: fn() -> Result<Vec<Vec<u8>>, ConstantTimeError>,
    /// Reads an input and does the operation, once, inside `traced`.
    run: fn(&[u8]) -> Result<(), ConstantTimeError>,
}

/// Runs that find out what the processor can do, and leave the heap as each following run finds it and leaves it.
const WARM_UPS: usize = 2;

/// Every operation.
fn operations() -> impl Iterator<Item = &'static Operation> {
    [
        comparisons::OPERATIONS,
        controls::OPERATIONS,
        keys::OPERATIONS,
        messages::OPERATIONS,
    ]
    .into_iter()
    .flatten()
}

/// Writes the inputs of every operation to `folder/OPERATION/NUMBER`.
///
/// # Errors
/// When an input cannot be made or written.
pub fn prepare(folder: &Path) -> Result<(), ConstantTimeError> {
    for operation in operations() {
        let folder = folder.join(operation.name);
        fs::create_dir_all(&folder)?;
        let inputs =
            (operation.inputs)().map_err(|error| format!("{}: {error}", operation.name))?;
        for (number, input) in inputs.iter().enumerate() {
            fs::write(file(&folder, number), input)?;
        }
    }
    Ok(())
}

/// Runs one operation with each input that [`prepare`] wrote to `folder`, in order, after saying on standard error where the marks of the
/// traces are.
///
/// The first input comes `WARM_UPS` times more than the others, in front, for the gate to drop.
///
/// # Errors
/// When there is no such operation or no input, or when the operation does not end as it should.
pub fn run(operation: &str, folder: &Path) -> Result<(), ConstantTimeError> {
    let operation = operations()
        .find(|known| known.name == operation)
        .ok_or("no such operation")?;
    let folder = folder.join(operation.name);
    let inputs: Vec<_> = (0..)
        .map_while(|number| fs::read(file(&folder, number)).ok())
        .collect();
    let first = inputs.first().ok_or("no input")?;
    let marks = format!("marks {:?} {:?}\n", begin as fn(), end as fn());
    // One write, so that it is one line among valgrind's.
    io::stderr().write_all(marks.as_bytes())?;
    // All lie in one place, one after the other.
    let mut place = first.clone();
    for input in std::iter::repeat_n(first, WARM_UPS).chain(&inputs) {
        if place.len() != input.len() {
            return Err("inputs of different lengths".into());
        }
        place.copy_from_slice(input);
        (operation.run)(&place)?;
    }
    Ok(())
}

fn file(folder: &Path, number: usize) -> PathBuf {
    folder.join(format!("{number:02}"))
}

/// Does the work whose trace is compared. What it returns is dropped outside.
fn traced<T>(work: impl FnOnce() -> T) -> T {
    begin();
    let result = black_box(work());
    end();
    result
}

/// The instruction at which a trace begins.
#[inline(never)]
fn begin() {
    black_box("begin");
}

/// The instruction at which it ends.
#[inline(never)]
fn end() {
    black_box("end");
}
