//! What an open connection works with, and what its owner wants of it meanwhile.

use tokio::sync::{mpsc, watch};
use undertone_protocol::relay_address::RelayAddress;
use undertone_wire::Frame;

use super::Transport;
use super::config::ConnectionClass;
use super::report::Reporter;

/// What the owner wants of a link; the counters only grow.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wish {
    pub(super) wanted: bool,
    pub(super) nudges: u64,
    pub(super) probes: u64,
}

/// What a session works with.
pub(super) struct Lines<'a> {
    pub(super) transport: &'a Transport,
    pub(super) relay: &'a RelayAddress,
    pub(super) class: ConnectionClass,
    pub(super) reporter: &'a Reporter,
    pub(super) outgoing: mpsc::Receiver<Frame>,
    pub(super) settings: ConversationSettings,
}

/// The owner's settings, as one open connection follows them.
pub(super) struct ConversationSettings {
    pub(super) settings: watch::Receiver<Wish>,
    pub(super) probes_seen: u64,
}

/// What the owner's change of mind means for an open connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    None,
    Probe,
    Close,
}

impl ConversationSettings {
    /// Waits for a change of mind. Safe to cancel.
    pub(super) async fn change(&mut self) -> Change {
        if self.settings.changed().await.is_err() {
            return Change::Close;
        }
        let wish = *self.settings.borrow_and_update();
        let probe = std::mem::replace(&mut self.probes_seen, wish.probes) != wish.probes;
        match (wish.wanted, probe) {
            (false, _) => Change::Close,
            (true, true) => Change::Probe,
            (true, false) => Change::None,
        }
    }
}
