//! Row identities and the column encodings of everything that is not text or opaque bytes.
//!
//! A row id names a row of one table of this database and means nothing outside of it. Enums are stored as small
//! integers; a value that no variant has is corruption.

use rusqlite::ToSql;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, Type, ValueRef};
use undertone_protocol::account::AccountId;
use undertone_protocol::session::MessageNumber;
use undertone_protocol::time::Timestamp;

macro_rules! row_id {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub struct $name(pub(in crate::store) i64);

        impl $name {
            /// The row's number, for keeping it outside of the database (an event, a binding).
            #[must_use]
            pub fn get(self) -> i64 {
                self.0
            }

            /// The id with this number; whether such a row exists shows when it is read.
            #[must_use]
            pub const fn new(number: i64) -> Self {
                Self(number)
            }
        }

        impl ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(ToSqlOutput::from(self.0))
            }
        }

        impl FromSql for $name {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                value.as_i64().map(Self)
            }
        }
    };
}

macro_rules! bytes_id {
    ($(#[$meta:meta])* $name:ident, $len:literal) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub struct $name([u8; $len]);

        impl $name {
            /// The id with these bytes.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; $len]) -> Self {
                Self(bytes)
            }

            /// The id's bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }
        }
    };
}

/// Declares an enum that is stored as a small integer.
macro_rules! coded {
    ($(#[$meta:meta])* pub enum $name:ident { $($(#[$vmeta:meta])* $variant:ident = $code:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum $name { $($(#[$vmeta])* $variant),+ }

        impl $name {
            pub(in crate::store) const fn code(self) -> i64 {
                match self { $(Self::$variant => $code),+ }
            }
        }

        impl rusqlite::ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
                Ok(rusqlite::types::ToSqlOutput::from(self.code()))
            }
        }

        impl rusqlite::types::FromSql for $name {
            fn column_result(value: rusqlite::types::ValueRef<'_>) -> rusqlite::types::FromSqlResult<Self> {
                match value.as_i64()? {
                    $($code => Ok(Self::$variant),)+
                    other => Err(rusqlite::types::FromSqlError::OutOfRange(other)),
                }
            }
        }
    };
}
pub(in crate::store) use coded;

row_id! {
    /// A contact: one other account.
    ContactId
}
row_id! {
    /// One device of a contact, or of one's own account.
    PeerDeviceId
}
row_id! {
    /// A conversation.
    ConversationId
}
row_id! {
    /// A message's row: its hybrid logical clock, packed, so that row order is time order. Two messages with the same
    /// clock get neighbouring rows; their exact order in a timeline is that of (clock, message id).
    MessageRowId
}
row_id! {
    /// A queued envelope; ids grow, and their order is the order of sending to one mailbox.
    OutboxId
}
row_id! {
    /// Something known to be missing.
    GapId
}
row_id! {
    /// A message key kept for a message that was skipped.
    SkippedId
}
row_id! {
    /// A copy kept for a resend.
    RetainedId
}

bytes_id! {
    /// What the relay recognises a repeated send by.
    EnvelopeId, 16
}
bytes_id! {
    /// An invite, random.
    InviteId, 16
}

/// An unsigned number in a signed column. A value above `i64::MAX` is refused, never wrapped.
#[derive(Clone, Copy)]
pub(in crate::store) struct Uint(pub(in crate::store) u64);

impl ToSql for Uint {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        i64::try_from(self.0)
            .map(ToSqlOutput::from)
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
    }
}

impl FromSql for Uint {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let signed = value.as_i64()?;
        u64::try_from(signed)
            .map(Self)
            .map_err(|_| FromSqlError::OutOfRange(signed))
    }
}

/// A time in a column. What is later than a column holds is stored as the latest that it does: no clock of anybody can make
/// the store refuse a row.
pub(in crate::store) fn at(time: Timestamp) -> Uint {
    Uint(time.0.min(i64::MAX.unsigned_abs()))
}

/// An optional time in a column.
pub(in crate::store) fn maybe_at(time: Option<Timestamp>) -> Option<Uint> {
    time.map(at)
}

impl From<Uint> for Timestamp {
    fn from(value: Uint) -> Self {
        Self(value.0)
    }
}

/// A message's number in its session, in one column: the chain above the number in it. Any number fits, since a peer may
/// ask for any; only those below 2³¹ chains, which is all that exist, keep their order.
pub(in crate::store) fn packed(number: MessageNumber) -> i64 {
    (u64::from(number.chain) << 32 | u64::from(number.n)).cast_signed()
}

/// See [`packed`].
pub(in crate::store) fn unpacked(packed: i64) -> MessageNumber {
    let [c0, c1, c2, c3, n0, n1, n2, n3] = packed.to_be_bytes();
    MessageNumber {
        chain: u32::from_be_bytes([c0, c1, c2, c3]),
        n: u32::from_be_bytes([n0, n1, n2, n3]),
    }
}

/// An account id in a column.
pub(in crate::store) fn account_id(bytes: [u8; AccountId::LEN]) -> rusqlite::Result<AccountId> {
    AccountId::parse(&bytes).map_err(malformed)
}

/// A column that does not hold what was written to it.
pub(in crate::store) fn malformed(
    error: impl std::error::Error + Send + Sync + 'static,
) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, Type::Blob, Box::new(error))
}
