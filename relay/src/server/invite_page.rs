//! The page behind an invite link, `https://RELAY/#ut1…`.
//!
//! Invariant: no script, nothing loaded from anywhere, and the same bytes for everybody. What follows `#` stays in the
//! reader's browser: a page with a script could read it, and a relay could be made to serve such a page, which is why
//! a code scanned in person is the better invitation.

use super::body::{self, Response};

const PAGE: &str = include_str!("invite_page.html");

/// Forbids everything but the style inside the page.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";

/// The page with its headers.
pub(crate) fn response() -> Response {
    body::with_headers(
        body::full(http::StatusCode::OK, PAGE),
        &[
            (http::header::CONTENT_TYPE, "text/html; charset=utf-8"),
            (http::header::CONTENT_SECURITY_POLICY, POLICY),
            (http::header::REFERRER_POLICY, "no-referrer"),
            (http::header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (http::header::CACHE_CONTROL, "public, max-age=3600"),
        ],
    )
}
