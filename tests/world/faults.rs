//! What goes wrong in a world, and how often.

/// Chances, each between 0 and 1, per occasion.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Faults {
    /// A frame arrives late by up to [`Faults::longest_delay_ms`]; else by a few milliseconds.
    pub delay: f64,
    /// Longest delay of a frame, in milliseconds.
    pub longest_delay_ms: u64,
    /// All frames take equally long, so that one more changes nothing for the others.
    pub even: bool,
    /// A connection breaks when a frame is put on it; what is on its way in both directions is lost.
    pub cut: f64,
    /// A device dies before the commit of a step.
    pub crash_before_commit: f64,
    /// A device dies after the commit of a step, before any of its effects.
    pub crash_after_commit: f64,
    /// The relay dies before the commit of a batch; all connections break.
    pub relay_crash: f64,
    /// A relay that lies: a delivery is dropped,
    pub drop_delivery: f64,
    /// or delivered twice,
    pub duplicate_delivery: f64,
    /// or swapped with the next,
    pub reorder_delivery: f64,
    /// or has a byte flipped.
    pub corrupt_delivery: f64,
    /// A device's disk is put back to an older copy, per action.
    pub rollback: f64,
    /// The relay is restored from an older backup, per action.
    pub relay_restore: f64,
    /// A device's clock jumps, per action,
    pub clock_jump: f64,
    /// by up to so much from the true time, in milliseconds.
    pub longest_jump_ms: i64,
    /// Somebody blocks whom he has written to, or ends that, per action.
    pub quarrel: f64,
}

impl Faults {
    /// Whether the relay loses on purpose what it said it took.
    pub(crate) fn is_relay_lying(&self) -> bool {
        self.drop_delivery > 0.0 || self.corrupt_delivery > 0.0
    }

    pub(crate) const fn none() -> Self {
        Self {
            delay: 0.0,
            longest_delay_ms: 0,
            even: false,
            cut: 0.0,
            crash_before_commit: 0.0,
            crash_after_commit: 0.0,
            relay_crash: 0.0,
            drop_delivery: 0.0,
            duplicate_delivery: 0.0,
            reorder_delivery: 0.0,
            corrupt_delivery: 0.0,
            rollback: 0.0,
            relay_restore: 0.0,
            clock_jump: 0.0,
            longest_jump_ms: 0,
            quarrel: 0.0,
        }
    }

    pub(crate) const fn even() -> Self {
        Self {
            even: true,
            ..Self::none()
        }
    }

    pub(crate) const fn network() -> Self {
        Self {
            delay: 0.2,
            longest_delay_ms: 20_000,
            cut: 0.03,
            relay_crash: 0.005,
            ..Self::none()
        }
    }

    pub(crate) const fn crashes() -> Self {
        Self {
            crash_before_commit: 0.05,
            crash_after_commit: 0.05,
            cut: 0.01,
            ..Self::none()
        }
    }

    pub(crate) const fn hostile_deliveries() -> Self {
        Self {
            drop_delivery: 0.05,
            duplicate_delivery: 0.1,
            reorder_delivery: 0.1,
            corrupt_delivery: 0.05,
            ..Self::none()
        }
    }

    pub(crate) const fn rollbacks() -> Self {
        Self {
            rollback: 0.05,
            cut: 0.02,
            ..Self::none()
        }
    }

    pub(crate) const fn relay_restores() -> Self {
        Self {
            relay_restore: 0.03,
            cut: 0.02,
            ..Self::none()
        }
    }

    /// Jumps within what clocks may differ by.
    pub(crate) const fn clock_jumps() -> Self {
        Self {
            clock_jump: 0.1,
            longest_jump_ms: 11 * 3_600_000,
            cut: 0.02,
            ..Self::none()
        }
    }

    /// Jumps by up to a year.
    pub(crate) const fn wrong_clocks() -> Self {
        Self {
            longest_jump_ms: 365 * 24 * 3_600_000,
            ..Self::clock_jumps()
        }
    }

    pub(crate) const fn quarrels() -> Self {
        Self {
            quarrel: 0.05,
            cut: 0.02,
            ..Self::none()
        }
    }

    pub(crate) const fn everything_honest() -> Self {
        Self {
            delay: 0.2,
            longest_delay_ms: 20_000,
            cut: 0.02,
            ..Self::crashes()
        }
    }
}
