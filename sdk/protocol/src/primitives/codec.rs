//! Reading and writing of the protocol's encodings: big-endian integers, fixed fields, length-prefixed fields.
//!
//! Invariant: a value has one encoding, and a parser that ends without [`Reader::finish`] has not accepted its input.

/// Why bytes are no encoding of what was expected. Whoever sent them is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The input ended early.
    #[error("input ends early")]
    Truncated,
    /// The input goes on after its end.
    #[error("input goes on after its end")]
    TrailingBytes,
    /// A count or length is above its limit.
    #[error("count or length above its limit")]
    TooLong,
    /// A field holds a value that is not allowed there (a reserved byte that is not zero, an unknown version, entries
    /// out of order).
    #[error("field with a value that is not allowed")]
    InvalidValue,
    /// A field is no valid public key.
    #[error("field that is no valid public key")]
    InvalidKey,
}

impl From<super::dh::DhError> for DecodeError {
    fn from(_: super::dh::DhError) -> Self {
        Self::InvalidKey
    }
}

impl From<super::signature::SignatureError> for DecodeError {
    fn from(_: super::signature::SignatureError) -> Self {
        Self::InvalidKey
    }
}

impl From<super::kem::InvalidEncapsulationKey> for DecodeError {
    fn from(_: super::kem::InvalidEncapsulationKey) -> Self {
        Self::InvalidKey
    }
}

/// A value is longer than its length field or its limit allows. The caller is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("value above the limit of its encoding")]
pub struct EncodeError;

/// Reads an encoding from front to back.
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Reads from `bytes`.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The next `count` bytes.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`].
    pub fn bytes(&mut self, count: usize) -> Result<&'a [u8], DecodeError> {
        let (head, tail) = self
            .0
            .split_at_checked(count)
            .ok_or(DecodeError::Truncated)?;
        self.0 = tail;
        Ok(head)
    }

    /// The next `N` bytes.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`].
    pub fn array<const N: usize>(&mut self) -> Result<&'a [u8; N], DecodeError> {
        let (head, tail) = self.0.split_first_chunk().ok_or(DecodeError::Truncated)?;
        self.0 = tail;
        Ok(head)
    }

    /// One byte.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`].
    pub fn u8(&mut self) -> Result<u8, DecodeError> {
        self.array::<1>().map(|[b]| *b)
    }

    /// A 16-bit integer.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`].
    pub fn u16(&mut self) -> Result<u16, DecodeError> {
        self.array().map(|b| u16::from_be_bytes(*b))
    }

    /// A 32-bit integer.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`].
    pub fn u32(&mut self) -> Result<u32, DecodeError> {
        self.array().map(|b| u32::from_be_bytes(*b))
    }

    /// A 64-bit integer.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`].
    pub fn u64(&mut self) -> Result<u64, DecodeError> {
        self.array().map(|b| u64::from_be_bytes(*b))
    }

    /// A field with a one-byte length of at most `max`.
    ///
    /// # Errors
    /// [`DecodeError::TooLong`] or [`DecodeError::Truncated`].
    pub fn field_u8(&mut self, max: usize) -> Result<&'a [u8], DecodeError> {
        let length = usize::from(self.u8()?);
        if length > max {
            Err(DecodeError::TooLong)
        } else {
            self.bytes(length)
        }
    }

    /// A field with a two-byte length of at most `max`.
    ///
    /// # Errors
    /// [`DecodeError::TooLong`] or [`DecodeError::Truncated`].
    pub fn field_u16(&mut self, max: usize) -> Result<&'a [u8], DecodeError> {
        let length = usize::from(self.u16()?);
        if length > max {
            Err(DecodeError::TooLong)
        } else {
            self.bytes(length)
        }
    }

    /// `count` bytes that must be zero.
    ///
    /// # Errors
    /// [`DecodeError::InvalidValue`] or [`DecodeError::Truncated`].
    pub fn zeros(&mut self, count: usize) -> Result<(), DecodeError> {
        if self.bytes(count)?.iter().all(|b| *b == 0) {
            Ok(())
        } else {
            Err(DecodeError::InvalidValue)
        }
    }

    /// What has not been read yet.
    #[must_use]
    pub const fn rest(&self) -> &'a [u8] {
        self.0
    }

    /// Accepts the end of the input.
    ///
    /// # Errors
    /// [`DecodeError::TrailingBytes`].
    pub const fn finish(self) -> Result<(), DecodeError> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(DecodeError::TrailingBytes)
        }
    }
}

/// Appends encodings to a buffer.
pub struct Writer<'a>(&'a mut Vec<u8>);

impl<'a> Writer<'a> {
    /// Appends to `buffer`.
    pub const fn new(buffer: &'a mut Vec<u8>) -> Self {
        Self(buffer)
    }

    /// Appends `bytes` as they are.
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// Appends one byte.
    pub fn u8(&mut self, value: u8) -> &mut Self {
        self.bytes(&[value])
    }

    /// Appends a 16-bit integer.
    pub fn u16(&mut self, value: u16) -> &mut Self {
        self.bytes(&value.to_be_bytes())
    }

    /// Appends a 32-bit integer.
    pub fn u32(&mut self, value: u32) -> &mut Self {
        self.bytes(&value.to_be_bytes())
    }

    /// Appends a 64-bit integer.
    pub fn u64(&mut self, value: u64) -> &mut Self {
        self.bytes(&value.to_be_bytes())
    }

    /// Appends a one-byte length and `bytes`.
    ///
    /// # Errors
    /// [`EncodeError`] above 255 bytes.
    pub fn field_u8(&mut self, bytes: &[u8]) -> Result<&mut Self, EncodeError> {
        let length = u8::try_from(bytes.len()).map_err(|_| EncodeError)?;
        Ok(self.u8(length).bytes(bytes))
    }

    /// Appends a two-byte length and `bytes`.
    ///
    /// # Errors
    /// [`EncodeError`] above 65,535 bytes.
    pub fn field_u16(&mut self, bytes: &[u8]) -> Result<&mut Self, EncodeError> {
        let length = u16::try_from(bytes.len()).map_err(|_| EncodeError)?;
        Ok(self.u16(length).bytes(bytes))
    }
}

#[cfg(test)]
#[path = "codec_tests.rs"]
mod tests;
