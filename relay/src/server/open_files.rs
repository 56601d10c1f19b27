//! The process's limit of open files, against the connections that the configuration allows.
//!
//! Each socket is a file. A relay that takes more of them than it may open fails at whatever needs the next one: a blob, a
//! checkpoint, the operator's own request. So it takes fewer, and says so.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::limits;

/// Raises the soft limit of open files to what `connections` need, as far as the hard one allows. For a program of its
/// own: the limit is the whole process's.
pub fn raise_open_files(connections: usize) {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let needed = connections.saturating_add(limits::FILES_BESIDE);
    let wanted = u64::try_from(needed).unwrap_or(u64::MAX);
    let wanted = maximum.map_or(wanted, |most| most.min(wanted));
    if current.is_some_and(|now| now < wanted) {
        let raised = Rlimit {
            current: Some(wanted),
            maximum,
        };
        // Where it is refused the relay takes fewer connections, and says so.
        let _ = setrlimit(Resource::Nofile, raised);
    }
}

/// Connections that the process may hold, `wanted` at most; fewer are told to the operator.
pub(crate) fn places(wanted: usize) -> usize {
    let limit = getrlimit(Resource::Nofile).current;
    let limit = limit.map_or(usize::MAX, |n| usize::try_from(n).unwrap_or(usize::MAX));
    let places = within(limit, wanted);
    if places < wanted {
        tracing::warn!(
            open_files = limit,
            connections = places,
            max_connections = wanted,
            "the limit of open files is too low for max_connections, fewer are taken: raise it (ulimit -n, LimitNOFILE)"
        );
    }
    places
}

/// Connections within a limit of open files. What works beside them keeps its files, half of them when they are few.
fn within(open_files: usize, wanted: usize) -> usize {
    let beside = limits::FILES_BESIDE.min(open_files / 2);
    wanted.min(open_files - beside).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_works_beside_connections_keeps_its_files() {
        let beside = limits::FILES_BESIDE;
        assert_eq!(within(usize::MAX, 100_000), 100_000);
        assert_eq!(within(100_000 + beside, 100_000), 100_000);
        assert_eq!(within(99_999 + beside, 100_000), 99_999);
        assert_eq!(within(1_024, 100_000), 512);
        assert_eq!(within(0, 100_000), 1);
    }
}
