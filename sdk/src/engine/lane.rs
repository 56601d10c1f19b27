//! Which of its sockets a client uses for a request. Mixing them would let a relay link a mailbox with
//! what its owner sends and asks about, so a lane is part of each request's type and never guessed.
//!
//! Opening, idling and closing connections is not its concern: that is the driver's.

use undertone_protocol::relay_address::RelayAddress;

/// One kind of connection to one relay.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// The authenticated connection to one's own mailbox; there is one.
    Own,
    /// Unauthenticated: sending, and the proof of work that may go with it.
    Anonymous(RelayAddress),
    /// Unauthenticated: records and prekeys. Apart from [`Lane::Anonymous`], so that what a client looks
    /// up is not on the connection it sends with.
    Lookup(RelayAddress),
    /// Unauthenticated: one of the own records, and nothing else. Open for one put, so that the account's pseudonyms at the
    /// relay are on no connection with each other, and on no connection with what its owner looks up, sends or receives.
    Record(RelayAddress),
    /// Unauthenticated: contacts' profiles, apart from [`Lane::Lookup`], so that an account's profile is on no connection with its
    /// device list.
    Profile(RelayAddress),
}

impl Lane {
    /// The relay of an unauthenticated lane; `None` for [`Lane::Own`], whose relay the account names.
    #[must_use]
    pub fn relay(&self) -> Option<&RelayAddress> {
        match self {
            Self::Own => None,
            Self::Anonymous(relay)
            | Self::Lookup(relay)
            | Self::Record(relay)
            | Self::Profile(relay) => Some(relay),
        }
    }
}
