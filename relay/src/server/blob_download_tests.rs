//! Ranges, and the pace of a download, on a clock that only the test moves.

use std::{sync::Weak, time::Duration};

use crate::server::blob_files::Writer;

use super::*;

/// A download of three chunks, and the turn that it holds.
async fn download() -> (tempfile::TempDir, Response, Weak<()>) {
    let folder = tempfile::tempdir().unwrap();
    let id = BlobId::from_bytes([1; 16]);
    let bytes = vec![7; 3 * limits::BLOB_CHUNK_BYTES];
    let length = u64::try_from(bytes.len()).unwrap();
    let mut writer = Writer::open(folder.path(), id, 0).unwrap();
    writer.write(&bytes).unwrap();
    let turn = Arc::new(());
    let held = Arc::downgrade(&turn);
    let metrics = Arc::new(Metrics::new());
    let path = folder.path().to_owned();
    let answer = answer(path, id, length, None, turn, metrics).await;
    (folder, answer.unwrap(), held)
}

#[tokio::test(start_paused = true)]
async fn a_client_that_hardly_reads_loses_its_turn() {
    let (_folder, mut answer, turn) = download().await;
    answer.body_mut().frame().await.unwrap().unwrap();
    assert!(turn.upgrade().is_some());
    // Nobody asks for the next chunk. The clock goes on when everybody waits, so whoever holds the turn does so first; advancing
    // it could come before that.
    let in_time = limits::BLOB_CHUNK_TIMEOUT + Duration::from_secs(1);
    assert!(
        timeout(in_time, std::future::pending::<()>())
            .await
            .is_err()
    );
    assert!(turn.upgrade().is_none());
    assert!(answer.body_mut().frame().await.unwrap().is_err());
}

#[tokio::test(start_paused = true)]
async fn a_client_that_reads_slowly_keeps_it_to_the_end() {
    let (_folder, mut answer, turn) = download().await;
    for _ in 0..3 {
        tokio::time::advance(limits::BLOB_CHUNK_TIMEOUT - Duration::from_secs(1)).await;
        answer.body_mut().frame().await.unwrap().unwrap();
    }
    assert!(answer.body_mut().frame().await.is_none());
    drop(answer);
    while turn.upgrade().is_some() {
        tokio::task::yield_now().await;
    }
}

#[test]
fn ranges_are_those_of_the_rfc() {
    let span = |range: &str| parse(range, 10);
    assert_eq!(span("bytes=0-3"), Part::Span(0, 3));
    assert_eq!(span("bytes=4-"), Part::Span(4, 9));
    assert_eq!(span("bytes=4-400"), Part::Span(4, 9));
    assert_eq!(span("bytes=-3"), Part::Span(7, 9));
    assert_eq!(span("bytes=-30"), Part::Span(0, 9));
    assert_eq!(span("bytes=10-"), Part::Unsatisfiable);
    assert_eq!(span("bytes=-0"), Part::Unsatisfiable);
    for ignored in [
        "bytes=5-2",
        "bytes=0-1,3-4",
        "lines=0-1",
        "bytes=",
        "bytes=-",
    ] {
        assert_eq!(span(ignored), Part::Whole, "{ignored}");
    }
}
