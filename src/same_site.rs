//! Where a browser's request comes from. What would change something and comes from a page of another site is refused, whoever is signed in: a page
//! elsewhere must not write through a reader's browser, also not to an engine on loopback that asks for no token.
//!
//! Programs that are no browsers send neither header and pass.

use axum::extract::Request;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::Response;

use crate::serve::problem;

/// The page behind a request, as the browser tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A page of this engine, or the reader's own hand.
    Here,
    /// Another site's page, or one that hides.
    Elsewhere,
    /// No browser said anything.
    Unsaid,
}

/// Reads `Sec-Fetch-Site`, which no script can set; else, from browsers that do not send it, `Origin`.
pub fn origin(headers: &HeaderMap, uri: &Uri) -> Origin {
    let text = |name| headers.get(name).map(|v| v.to_str().unwrap_or_default());
    match text(header::HeaderName::from_static("sec-fetch-site")) {
        Some("same-origin" | "none") => return Origin::Here,
        Some(_) => return Origin::Elsewhere,
        None => {}
    }
    let Some(origin) = text(header::ORIGIN) else {
        return Origin::Unsaid;
    };
    let host = text(header::HOST).or_else(|| uri.authority().map(|a| a.as_str()));
    let named = origin.split_once("://").map(|(_, authority)| authority);
    if named.is_some() && named == host {
        Origin::Here
    } else {
        Origin::Elsewhere
    }
}

/// Whether a method may change something.
pub fn changes(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Refuses what a page of another site sends to be changed.
pub async fn refuse_others(request: Request, next: Next) -> Response {
    if changes(request.method()) && origin(request.headers(), request.uri()) == Origin::Elsewhere {
        return problem(
            StatusCode::FORBIDDEN,
            "this was sent by a page of another site; send it from a page of this engine, or from a program",
        );
    }
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&'static str, &str)]) -> Origin {
        let pairs = pairs
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        origin(&HeaderMap::from_iter(pairs), &Uri::default())
    }

    #[test]
    fn a_page_of_this_engine_is_told_from_others() {
        let host = ("host", "eddy.example:8080");
        for (headers, wanted) in [
            (&[("sec-fetch-site", "same-origin")][..], Origin::Here),
            (&[("sec-fetch-site", "none")], Origin::Here),
            (&[("sec-fetch-site", "same-site")], Origin::Elsewhere),
            (&[("sec-fetch-site", "cross-site")], Origin::Elsewhere),
            (&[host, ("origin", "http://eddy.example:8080")], Origin::Here),
            (&[host, ("origin", "https://eddy.example:8080")], Origin::Here),
            (&[host, ("origin", "http://eddy.example")], Origin::Elsewhere),
            (&[host, ("origin", "http://evil.example")], Origin::Elsewhere),
            (&[host, ("origin", "null")], Origin::Elsewhere),
            (&[("origin", "null")], Origin::Elsewhere),
            (&[host], Origin::Unsaid),
            (&[], Origin::Unsaid),
        ] {
            assert_eq!(of(headers), wanted, "{headers:?}");
        }
    }

    #[test]
    fn what_the_browser_says_of_the_site_outweighs_the_origin() {
        let headers = [
            ("sec-fetch-site", "cross-site"),
            ("host", "a.example"),
            ("origin", "http://a.example"),
        ];
        assert_eq!(of(&headers), Origin::Elsewhere);
    }
}
