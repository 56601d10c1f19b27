//! The order of a batch.

use undertone_wire::{StoreEpoch, binding::BindingValue, limits::DEAD_AFTER_MS};

use super::*;
use crate::{
    server::{connection::Connection, outbound::Next},
    service::ServiceConfig,
    storage::memory::MemoryStorage,
};

#[tokio::test]
async fn a_relay_that_slept_hears_who_lives_before_it_looks_who_is_dead() {
    let committer = Committer::new(usize::MAX);
    let begin = Timestamp(1_000_000);
    let mut rng: StdRng = rand::make_rng();
    let mut thread = CommittingThread {
        committer: committer.clone(),
        service: Service::new(ServiceConfig::default(), &mut rng),
        storage: Box::new(MemoryStorage::new(StoreEpoch::from_bytes([1; 16]), begin)),
        metrics: Arc::new(Metrics::new()),
        healthy: Arc::new(AtomicBool::new(true)),
        room: Room::Plenty,
    };
    let mut outbounds = HashMap::new();
    let mut handle = |now, tick| {
        let jobs = committer.take(Duration::ZERO).unwrap().into_iter();
        thread.handle(
            jobs,
            Due { tick, sweep: false },
            now,
            &mut rng,
            &mut outbounds,
        );
    };
    let info = ConnectionInfo {
        source: [0; 16],
        binding: BindingValue::Host([0; 32]),
    };
    let living = Connection::open(committer.clone(), info).await;
    let silent = Connection::open(committer.clone(), info).await;
    handle(begin, false);
    for connection in [&living, &silent] {
        assert!(
            matches!(connection.try_next(), Some(Next::Frame(_))),
            "Hello"
        );
    }
    living.heard();
    handle(begin.plus(DEAD_AFTER_MS + 1), true);
    assert_eq!(living.try_next(), None);
    assert!(silent.try_next().is_some());
}
