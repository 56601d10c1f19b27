//! Notices that an epoch no longer advances.

/// Messages that both sides must have sent since the last progress before an epoch counts as stalled. At 30 % loss no
/// simulated epoch needed more than 120 each way as a whole, so that between two steps of one this many do not pass.
pub(crate) const STALLED_AFTER: u16 = 100;

/// Messages since the last change of state or new chunk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Progress {
    pub(super) sent: u16,
    pub(super) received: u16,
}

impl Progress {
    pub(super) const fn sent(&mut self) {
        self.sent = self.sent.saturating_add(1);
    }

    pub(super) const fn received(&mut self) {
        self.received = self.received.saturating_add(1);
    }

    /// Whether the peer had every chance: messages went both ways, and nothing came of them.
    pub(super) const fn is_stalled(self) -> bool {
        self.sent >= STALLED_AFTER && self.received >= STALLED_AFTER
    }
}
