//! What the keeper of blobs does by itself, with a committing thread of its own.

use std::{
    path::PathBuf,
    sync::{Arc, atomic::AtomicBool},
};

use parking_lot::Mutex;
use tokio::sync::Semaphore;
use undertone_wire::StoreEpoch;

use super::*;
use crate::{
    server::{
        blob_files::Writer,
        committer::{Committer, CommittingThread},
        log_gate::LogGate,
        metrics::Metrics,
        sources::roomy,
    },
    service::{Service, ServiceConfig},
    storage::{BlobCreate, BlobEntry, Room, Timestamp, memory::MemoryStorage},
};

/// Blobs over a storage in memory.
fn blobs(folder: PathBuf) -> Arc<Blobs> {
    let committer = Committer::new(usize::MAX);
    let metrics = Arc::new(Metrics::new());
    let storage = MemoryStorage::new(StoreEpoch::from_bytes([1; 16]), Timestamp(0));
    let thread = CommittingThread {
        committer: committer.clone(),
        service: Service::new(ServiceConfig::default(), &mut rand::rng()),
        storage: Box::new(storage),
        metrics: metrics.clone(),
        healthy: Arc::new(AtomicBool::new(true)),
        room: Room::Plenty,
    };
    std::thread::spawn(move || thread.run());
    Arc::new(Blobs {
        folder,
        committer,
        sources: roomy(),
        metrics,
        quota: u64::MAX,
        max_length: u64::MAX,
        finished_ms: 0,
        transfers: Arc::new(Semaphore::new(1)),
        writing: Mutex::default(),
        failures: LogGate::default(),
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn one_sweep_removes_all_that_has_expired() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = blobs(folder.path().to_owned());
    let count = 3 * u32::try_from(limits::BLOB_SWEEP).unwrap() + 1;
    let id = |n: u32| {
        let mut id = [0; 16];
        id[..4].copy_from_slice(&n.to_be_bytes());
        BlobId::from_bytes(id)
    };
    let index = blobs.committer.index(move |storage, now| {
        for n in 0..=count {
            let entry = BlobEntry {
                length: 1,
                received: 0,
                secret_hash: [0; 32],
                // The last one is young.
                expires: if n < count {
                    Timestamp(1)
                } else {
                    now.plus(60_000)
                },
            };
            assert_eq!(
                storage.create_blob(id(n), &entry, u64::MAX)?,
                BlobCreate::Created
            );
        }
        Ok(())
    });
    index.await.unwrap();
    for n in [0, count - 1, count] {
        Writer::open(folder.path(), id(n), 0).unwrap();
    }
    blobs.sweep().await;
    let left = blobs.committer.index(|storage, _| storage.totals());
    assert_eq!(left.await.unwrap().blobs, 1);
    let mut files = Vec::new();
    for folder in blob_files::folders(folder.path()).unwrap() {
        files.extend(blob_files::ids_in(&folder).unwrap());
    }
    assert!(files == [id(count)]);
    blobs.committer.stop();
}
