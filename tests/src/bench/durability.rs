//! What a durable write costs on the disk that the run uses: the floor of everything that is acknowledged.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use crate::bench::BenchError;

/// Bytes of one write: a page of the client's store.
const PAGE: usize = 4_096;

/// Milliseconds of real time that each of `samples` runs of `writes` appended and synced pages takes, one write after
/// another, in a file of its own in `folder`.
///
/// # Errors
/// When the disk refuses.
pub fn synced_writes_ms(
    folder: &Path,
    samples: usize,
    writes: usize,
) -> Result<Vec<f64>, BenchError> {
    let mut file = File::create(folder.join("floor"))?;
    let page = [1; PAGE];
    let mut took = Vec::with_capacity(samples);
    for _ in 0..samples {
        let began = Instant::now();
        for _ in 0..writes {
            file.write_all(&page)?;
            file.sync_data()?;
        }
        took.push(began.elapsed().as_secs_f64() * 1e3);
    }
    Ok(took)
}

/// The value that `percent` of `samples` do not exceed; `None` without samples.
#[must_use]
pub fn percentile(samples: &[f64], percent: usize) -> Option<f64> {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let index = (sorted.len() * percent).div_ceil(100).checked_sub(1)?;
    sorted.get(index).copied()
}

#[cfg(test)]
#[path = "durability_tests.rs"]
mod tests;
