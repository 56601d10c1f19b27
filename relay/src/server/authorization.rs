//! `Authorization: Bearer`, by which a long-poll session is found and a blob is changed (RFC 6750, section 2.1).

use http::{Request, header};

/// The bytes of `Authorization: Bearer <hex>`.
pub(crate) fn bearer<B, const N: usize>(request: &Request<B>) -> Option<[u8; N]> {
    let value = request
        .headers()
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?;
    let mut bytes = [0; N];
    hex::decode_to_slice(value.strip_prefix("Bearer ")?, &mut bytes).ok()?;
    Some(bytes)
}
