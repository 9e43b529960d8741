//! Headers that keep a page to itself: nothing inline but what carries the nonce, nothing from elsewhere, no framing.

use http::{HeaderMap, HeaderName, HeaderValue, header};

/// A nonce for one answer.
pub(crate) fn nonce() -> String {
    rand::random::<[u8; 16]>()
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect()
}

/// The headers of a page. The nonce is for the editor's style sheet alone.
pub(crate) fn page(headers: &mut HeaderMap, nonce: &str) {
    let policy = format!(
        "default-src 'self'; style-src 'self' 'nonce-{nonce}'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    let nothing = HeaderValue::from_static("default-src 'none'");
    document(headers, HeaderValue::from_str(&policy).unwrap_or(nothing));
}

/// The headers of a page that is a form and runs nothing. Its address is told to this site, so that browsers name it as the form's origin.
pub(crate) fn form(headers: &mut HeaderMap) {
    let policy = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
    document(headers, HeaderValue::from_static(policy));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
}

fn document(headers: &mut HeaderMap, policy: HeaderValue) {
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    headers.insert(header::VARY, HeaderValue::from_static("cookie"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("camera=(), microphone=(), geolocation=()"),
    );
    plain(headers);
}

/// The headers of everything.
pub(crate) fn plain(headers: &mut HeaderMap) {
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    );
    headers.insert(
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    );
}
