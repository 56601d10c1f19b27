//! Many sessions: one message to a thousand devices, and an envelope that belongs to none of three thousand.

use crate::bench::BenchError;
use crate::bench::measure::Contest;
use crate::bench::messages::needs_encryption;
use crate::bench::row::{Goal, Row};
use crate::bench::{primitives, sessions, vodozemac};

/// Devices that one message goes to.
const RECIPIENTS: u32 = 1_000;
/// Sessions that an unknown envelope is tested against.
const SESSIONS: u32 = 3_000;

/// The limit is absolute, because the point is to be nowhere near one DH per recipient.
pub(super) fn seal_1000_pairwise() -> Result<Row, BenchError> {
    let mut ours = sessions::many(RECIPIENTS)?;
    let mut theirs = (0..RECIPIENTS)
        .map(|_| vodozemac::Pair::established())
        .collect::<Result<Vec<_>, _>>()?;
    let contest = Contest::new("seal_1000_pairwise", move || {
        sessions::seal_to_all(&mut ours)
    });
    needs_encryption(contest, RECIPIENTS)
        .peer(vodozemac::NAME, move || vodozemac::seal_to_all(&mut theirs))
        .run(Goal::OnReference {
            at_most: 1_600.0,
            floor: 1_062.0,
        })
}

/// A tag that is in no window is inverted under the current and the next tag key of every session.
pub(super) fn miss_3000() -> Result<Row, BenchError> {
    let mut index = sessions::index_of(SESSIONS)?;
    Contest::new("miss_3000", move || sessions::miss(&mut index))
        .needs(2 * SESSIONS, primitives::aes_inversion())
        .run(Goal::OnReference {
            at_most: 200.0,
            floor: 173.0,
        })
}
