//! What ties a login to the connection it was made on, so that nobody in between can pass it on.

use sha2::{Digest, Sha256};

use crate::ChannelBinding;

/// The value that `Authenticate` signs besides the challenge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BindingValue {
    /// 32 bytes of TLS exporter `EXPORTER-Channel-Binding` with an empty context (RFC 9266) of this very connection.
    Exporter([u8; 32]),
    /// [`host`] of the name that the client connected to.
    Host([u8; 32]),
}

impl BindingValue {
    /// What `Hello` announces for it.
    #[must_use]
    pub const fn kind(&self) -> ChannelBinding {
        match self {
            Self::Exporter(_) => ChannelBinding::Exporter,
            Self::Host(_) => ChannelBinding::Host,
        }
    }

    pub(crate) const fn parts(&self) -> (u8, &[u8; 32]) {
        match self {
            Self::Exporter(value) => (1, value),
            Self::Host(value) => (2, value),
        }
    }
}

/// SHA-256 of a host name in ASCII lower case, without port and without the brackets of an IPv6 address.
#[must_use]
pub fn host(name: &str) -> [u8; 32] {
    let bare = name
        .strip_prefix('[')
        .and_then(|inner| inner.strip_suffix(']'))
        .unwrap_or(name);
    Sha256::digest(bare.to_ascii_lowercase()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_binding_ignores_case_and_brackets() {
        assert_eq!(host("Relay.Example"), host("relay.example"));
        assert_eq!(host("[::1]"), host("::1"));
        assert_ne!(host("relay.example"), host("relay.example2"));
    }
}
