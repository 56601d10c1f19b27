//! What a client weighs that has a large history and nothing to do.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use undertone::{Client, ClientConfig, Connection, SearchFilter};

use super::{History, KEY, SCREEN};
use crate::bench::BenchError;
use crate::bench::row::{Goal, Row};

/// Resident memory of a process of its own (this program, with all its code that has been read), connected, after it showed the
/// list, a conversation and a search.
pub(in crate::bench) fn idle(history: &mut History) -> Result<Row, BenchError> {
    let program = std::env::current_exe()?;
    let output = Command::new(program)
        .arg("--idle-client")
        .arg(&history.store)
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    let mib: f64 = String::from_utf8(output.stdout)?.trim().parse()?;
    let of = "none; the cache of pages alone may take 16".to_owned();
    let goal = Goal::AtMost(40.0);
    Ok(Row::new(
        "idle_client_mib",
        "MiB",
        mib,
        (0.0, of),
        BTreeMap::new(),
        goal,
    ))
}

/// The other process: opens the client of a store, shows something, and says how many MiB it has resident.
///
/// # Errors
/// When the client cannot be opened, or the system does not tell.
pub fn idle_client(store: &Path) -> Result<f64, BenchError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let client = Client::open(ClientConfig::new(store, KEY)).await?;
        let mut events = client.events();
        while client.connection() != Connection::Online {
            events.next().await.ok_or("the client was closed")?;
        }
        let list = client.conversations(None, SCREEN).await?;
        let first = list.first().ok_or("there is no conversation")?;
        client.conversation(first.id).messages(None, SCREEN).await?;
        client
            .search("ok", SearchFilter::default(), None, SCREEN)
            .await?;
        let mib = resident_mib()?;
        client.close().await;
        Ok(mib)
    })
}

/// Resident memory of this process, in MiB.
fn resident_mib() -> Result<f64, BenchError> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .ok_or("the system does not tell how much memory is resident")?;
    let kib: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib / 1_024.0)
}
