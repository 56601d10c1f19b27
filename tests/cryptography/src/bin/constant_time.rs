//! Runs operations on secrets for the gate `cargo ci constant-time`, which reads their traces.
//!
//! `constant_time prepare FOLDER` writes the inputs; `constant_time run OPERATION FOLDER` runs one operation with them. The arguments
//! are few and fixed, and every line that runs before an operation is one that valgrind traces too: hence no parser of arguments.
#![forbid(unsafe_code)]

use std::env;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use undertone_cryptography::constant_time::{self, ConstantTimeError};

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "constant_time: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<(), ConstantTimeError> {
    match arguments {
        [command, folder] if command == "prepare" => constant_time::prepare(Path::new(folder)),
        [command, operation, folder] if command == "run" => {
            constant_time::run(operation, Path::new(folder))
        }
        _ => Err("usage: constant_time prepare FOLDER | run OPERATION FOLDER".into()),
    }
}
