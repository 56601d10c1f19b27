use super::*;
use tokio::runtime::Builder;

fn block_on<T>(future: impl Future<Output = T>) -> T {
    Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(future)
}

#[test]
fn progress_is_told_and_the_end_ends_it() {
    let operation = Operation::new();
    let mut events = operation.events();
    let guard = operation.guard();
    operation.at(1, 3).unwrap();
    assert_eq!(
        block_on(events.next()),
        Some(Progress { done: 1, total: 3 })
    );
    // Whoever is slow misses what was in between.
    operation.at(2, 3).unwrap();
    operation.at(3, 3).unwrap();
    assert_eq!(
        block_on(events.next()),
        Some(Progress { done: 3, total: 3 })
    );
    guard.done();
    assert_eq!(block_on(events.next()), None);
    assert_eq!(block_on(events.next()), None);
    assert!(!operation.is_cancelled());
    assert_eq!(block_on(operation.events().next()), None);
}

#[test]
fn a_dropped_call_is_cancelled() {
    let operation = Operation::new();
    drop(operation.guard());
    assert!(operation.is_cancelled());
    assert_eq!(operation.at(1, 2), Err(Cancelled));
}

#[test]
fn work_is_interrupted_while_it_says_how_and_not_after() {
    let operation = Operation::new();
    let count = Arc::new(Mutex::new(0));
    let counted = count.clone();
    operation.interrupt(Some(Box::new(move || *counted.lock().unwrap() += 1)));
    operation.cancel();
    operation.interrupt(None);
    operation.cancel();
    assert_eq!(*count.lock().unwrap(), 1);
}
