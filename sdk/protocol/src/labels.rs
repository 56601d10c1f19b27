//! Every domain-separation label of the protocol, in one place.
//!
//! A label is the ASCII string `"undertone/v1/" + name`. Key derivations take a [`KdfLabel`], plain hashes a
//! [`HashLabel`], and signatures a [`SignatureLabel`] whose type parameter names the only key role that may use it: a
//! key cannot be asked to sign under somebody else's label, because that does not compile.
//!
//! Invariant (tested): labels are unique and no label is a prefix of another, so that no input of one use can be read as
//! an input of another one.

use core::marker::PhantomData;

use crate::primitives::role;

/// Longest label, in bytes, that signature framing can carry (its length is one byte).
pub const MAX_LABEL_LEN: usize = 255;

/// Longest `info`, in bytes, with which one output block of the per-message expansion costs one SHA-256 block:
/// 32 bytes of feedback, the info and a counter must fit 55 bytes.
pub const MAX_MESSAGE_INFO_LEN: usize = 22;

/// Label of an HKDF or HMAC derivation.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct KdfLabel(&'static str);

/// Label of a hash that is no key derivation.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct HashLabel(&'static str);

/// Label of a signature that only a key of role `R` makes.
pub struct SignatureLabel<R>(&'static str, PhantomData<R>);

impl<R> Clone for SignatureLabel<R> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<R> Copy for SignatureLabel<R> {}

impl KdfLabel {
    /// The label's bytes, as they enter the derivation.
    #[must_use]
    pub const fn as_bytes(self) -> &'static [u8] {
        self.0.as_bytes()
    }
}

impl HashLabel {
    /// The label's bytes, as they enter the hash.
    #[must_use]
    pub const fn as_bytes(self) -> &'static [u8] {
        self.0.as_bytes()
    }
}

impl<R> SignatureLabel<R> {
    /// The label's bytes, as they enter the signed frame.
    #[must_use]
    pub const fn as_bytes(self) -> &'static [u8] {
        self.0.as_bytes()
    }
}

macro_rules! label {
    ($name:literal) => {
        concat!("undertone/v1/", $name)
    };
}

macro_rules! labels {
    (
        kdf { $($(#[$kdoc:meta])* $k:ident = $kname:literal;)* }
        hash { $($(#[$hdoc:meta])* $h:ident = $hname:literal;)* }
        signature { $($(#[$sdoc:meta])* $s:ident: $role:ident = $sname:literal;)* }
    ) => {
        $($(#[$kdoc])* pub const $k: KdfLabel = KdfLabel(label!($kname));)*
        $($(#[$hdoc])* pub const $h: HashLabel = HashLabel(label!($hname));)*
        $($(#[$sdoc])* pub const $s: SignatureLabel<role::$role> = SignatureLabel(label!($sname), PhantomData);)*
        /// Every label of the protocol.
        pub const ALL: &[&str] = &[$(label!($kname),)* $(label!($hname),)* $(label!($sname),)*];
        /// The labels of signatures alone.
        pub const SIGNATURES: &[&str] = &[$(label!($sname),)*];
    };
}

labels! {
    kdf {
        /// Root → seed of the account key.
        ROOT_ACCOUNT_KEY = "root-account-key";
        /// Root → seed of the manifest record's write key.
        ROOT_MANIFEST_WRITE_KEY = "root-manifest-write-key";
        /// Root → 64-byte seed of the recovery KEM key.
        ROOT_RECOVERY_KEM = "root-recovery-kem";
        /// Account public key and record id → key of the sealed manifest.
        MANIFEST_SEAL = "manifest-seal";
        /// Account public key and mailbox id → key of the sealed prekey page.
        PREKEY_PAGE_SEAL = "prekey-page-seal";
        /// Profile key and record id → key of the sealed profile.
        PROFILE_SEAL = "profile-seal";
        /// Seed of the device record's write key and profile key → seed of the profile record's write key.
        PROFILE_WRITE_KEY = "profile-write-key";
        /// Both account keys → digits of the safety number.
        SAFETY_NUMBER = "safety-number";
        /// Delivery secret and mailbox id → delivery bearer.
        DELIVERY_BEARER = "delivery-bearer";
        /// Invite token and mailbox id → invite bearer.
        INVITE_BEARER = "invite-bearer";
        /// Invite seed and number → invite token.
        INVITE_TOKEN = "invite-token";
        /// PQXDH shared secret and transcript hash → RK0, HSA, NHSB, SID; also prefix of TH.
        PQXDH_SK = "pqxdh-sk";
        /// The handshake's part that hides the identity block → K0; also prefix of TH0.
        PQXDH_ID = "pqxdh-id";
        /// Root step of the Double Ratchet.
        DR_ROOT = "dr-root";
        /// Header seed → header key and tag key.
        DR_HEADER = "dr-header";
        /// Message key → commitment and AEAD key. At most 22 bytes in full ([`MAX_MESSAGE_INFO_LEN`]).
        DR_MSG = "dr-msg";
        /// First chain key of a sending chain → ephemeral side key.
        EPH_SEED = "eph-seed";
        /// Ephemeral side key and number → commitment and AEAD key.
        EPH_MSG = "eph-msg";
        /// Group header seed → header key and tag key.
        GRP_HEADER = "grp-header";
    }
    hash {
        /// Record id of a record write key.
        RECORD_ID = "record-id";
        /// Hash of a manifest body.
        MANIFEST_HASH = "manifest-hash";
        /// Commitment to a succession key.
        SUCCESSION_COMMITMENT = "succession-commitment";
        /// Leaf of a prekey batch tree.
        PREKEY_LEAF = "prekey-leaf";
        /// Inner node of a prekey batch tree.
        PREKEY_NODE = "prekey-node";
        /// What a profile says, as its owner tells it to contacts.
        PROFILE_DIGEST = "profile-digest";
        /// Hash of the previous message of a stream.
        STREAM_HASH = "stream-hash";
    }
    signature {
        /// Account key over a manifest.
        MANIFEST: Account = "manifest-body";
        /// Account key over a device statement.
        DEVICE_STATEMENT: Account = "device-statement";
        /// Device signing key over a signed prekey.
        SIGNED_PREKEY: Device = "spk";
        /// Device signing key over the root of a batch of one-time X25519 prekeys.
        ONE_TIME_PREKEYS: Device = "opk-batch";
        /// Device signing key over the root of a batch of one-time ML-KEM-1024 prekeys.
        KEM_PREKEYS: Device = "kpk-once";
        /// Device signing key over a last-resort ML-KEM-1024 prekey.
        LAST_RESORT_PREKEY: Device = "kpk-last";
        /// Sender signing key over a group message.
        GROUP_MSG: GroupSender = "group-msg";
    }
}

#[cfg(test)]
#[path = "labels_tests.rs"]
mod tests;
