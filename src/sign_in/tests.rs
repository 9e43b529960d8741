use axum::body::to_bytes;
use axum::http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, COOKIE, LOCATION, RETRY_AFTER, SET_COOKIE};
use axum::middleware;
use axum::routing::get;
use tower::ServiceExt;

use super::*;

const TOKEN: &str = "the engine's token, which is long";
const PAGE: (&str, &str) = ("accept", "text/html,application/xhtml+xml,*/*;q=0.8");
const HERE: (&str, &str) = ("sec-fetch-site", "same-origin");

/// A page, a call that changes something, and an endless stream, behind the gate.
fn site() -> Router {
    let gate = Gate::new(TOKEN).unwrap();
    let endless = || async {
        let stream = futures::stream::pending::<Result<String, std::io::Error>>();
        ([(CONTENT_TYPE, "text/event-stream")], Body::from_stream(stream))
    };
    Router::new()
        .route("/", get(|| async { "figures" }).post(|| async { "changed" }))
        .route("/live", get(endless))
        .layer(middleware::from_fn_with_state(gate.clone(), guard))
        .merge(router(gate))
        .layer(middleware::from_fn(crate::same_site::refuse_others))
}

async fn send(site: &Router, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Response {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::from(body.to_owned())).unwrap();
    site.clone().oneshot(request).await.unwrap()
}

async fn sign_in_with(site: &Router, token: &str, next: &str, headers: &[(&str, &str)]) -> Response {
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let body = format!(
        "token={}&next={}",
        token.replace('\'', "%27").replace(' ', "+"),
        next.replace('&', "%26")
    );
    send(site, "POST", "/sign-in", &[&form, headers].concat(), &body).await
}

fn header_of(response: &Response, name: header::HeaderName) -> String {
    response.headers()[name].to_str().unwrap().to_owned()
}

async fn text(response: Response) -> String {
    String::from_utf8(to_bytes(response.into_body(), 1 << 20).await.unwrap().to_vec()).unwrap()
}

/// The cookie of a new session, as a browser sends it back.
async fn signed_in(site: &Router) -> String {
    let response = sign_in_with(site, TOKEN, "/", &[]).await;
    header_of(&response, SET_COOKIE)
        .split(';')
        .next()
        .unwrap()
        .to_owned()
}

#[tokio::test(start_paused = true)]
async fn a_program_passes_with_the_token_and_is_told_what_to_send_without() {
    let site = site();
    for scheme in ["Bearer", "bearer"] {
        let token = format!("{scheme} {TOKEN}");
        let response = send(&site, "POST", "/", &[("authorization", &token)], "").await;
        assert_eq!(response.status(), StatusCode::OK);
    }
    for headers in [
        &[][..],
        &[("accept", "*/*")],
        &[(AUTHORIZATION.as_str(), "Bearer ")],
        &[PAGE, (AUTHORIZATION.as_str(), "Bearer the engine's token")],
        &[(AUTHORIZATION.as_str(), TOKEN)],
    ] {
        let response = send(&site, "GET", "/", headers, "").await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{headers:?}");
        assert_eq!(header_of(&response, header::WWW_AUTHENTICATE), "Bearer");
        assert_eq!(header_of(&response, CONTENT_TYPE), "application/problem+json");
    }
}

#[tokio::test(start_paused = true)]
async fn a_wrong_token_in_a_header_waits_for_its_answer() {
    let begun = tokio::time::Instant::now();
    send(&site(), "GET", "/", &[("authorization", "Bearer wrong")], "").await;
    assert_eq!(begun.elapsed(), WRONG);
}

#[tokio::test]
async fn a_browser_is_shown_the_page_to_sign_in_which_keeps_the_address() {
    let response = send(&site(), "GET", "/?from=2026-01-01&grain=day", &[PAGE], "").await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(header_of(&response, header::CACHE_CONTROL), "no-store");
    let html = text(response).await;
    let kept = "value=\"/?from=2026-01-01&#38;grain=day\"";
    assert!(
        html.contains("action=\"/sign-in\"") && html.contains(kept),
        "{html}"
    );
    assert!(!html.contains("Signed in already"));
    let post = send(&site(), "POST", "/", &[PAGE], "").await;
    assert_eq!(header_of(&post, CONTENT_TYPE), "application/problem+json");
}

#[tokio::test]
async fn a_link_from_another_site_says_why_the_cookie_is_missing() {
    let headers = [PAGE, ("sec-fetch-site", "cross-site")];
    let html = text(send(&site(), "GET", "/", &headers, "").await).await;
    assert!(html.contains("Signed in already"), "{html}");
}

#[tokio::test]
async fn the_token_opens_a_session_whose_cookie_is_not_the_token() {
    let site = site();
    let response = sign_in_with(&site, TOKEN, "/?grain=day", &[HERE]).await;
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    assert_eq!(header_of(&response, LOCATION), "/?grain=day");
    let cookie = header_of(&response, SET_COOKIE);
    let (pair, attributes) = cookie.split_once("; ").unwrap();
    assert_eq!(attributes, "Path=/; Max-Age=43200; HttpOnly; SameSite=Strict");
    let id = pair.strip_prefix("eddy_session=").unwrap();
    assert!(
        id.len() == 64 && id.bytes().all(|b| b.is_ascii_hexdigit()),
        "{id}"
    );
    assert_ne!(id, hex(&digest(TOKEN.as_bytes())));
    let other = format!("a=b; {pair}; c=d");
    let page = send(&site, "GET", "/", &[PAGE, (COOKIE.as_str(), &other)], "").await;
    assert_eq!(text(page).await, "figures");
    let forged = format!("eddy_session={}", "0".repeat(64));
    let page = send(&site, "GET", "/", &[PAGE, (COOKIE.as_str(), &forged)], "").await;
    assert_eq!(page.status(), StatusCode::UNAUTHORIZED);
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[tokio::test]
async fn over_https_the_cookie_is_for_https_and_this_host_alone() {
    let response = sign_in_with(&site(), TOKEN, "/", &[("x-forwarded-proto", "https, http")]).await;
    let cookie = header_of(&response, SET_COOKIE);
    assert!(cookie.starts_with("__Host-eddy_session="), "{cookie}");
    assert!(
        cookie.ends_with("; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict; Secure"),
        "{cookie}"
    );
}

#[tokio::test(start_paused = true)]
async fn wrong_tokens_are_told_wait_and_are_held_back_after_some() {
    let site = site();
    let begun = tokio::time::Instant::now();
    let response = sign_in_with(&site, "guess", "/?grain=day", &[]).await;
    assert_eq!(begun.elapsed(), WRONG);
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert!(!response.headers().contains_key(SET_COOKIE));
    let html = text(response).await;
    assert!(html.contains("not this engine") && html.contains("role=\"alert\""));
    assert!(html.contains("value=\"/?grain=day\"") && !html.contains("guess"));
    while sign_in_with(&site, "guess", "/", &[]).await.status() == StatusCode::UNAUTHORIZED {}
    let held = sign_in_with(&site, TOKEN, "/", &[]).await;
    assert_eq!(held.status(), StatusCode::TOO_MANY_REQUESTS);
    let wait: u64 = header_of(&held, RETRY_AFTER).parse().unwrap();
    assert!(text(held).await.contains(&format!("Wait {wait} seconds")));
    let bearer = format!("Bearer {TOKEN}");
    let program = send(&site, "GET", "/", &[("authorization", &bearer)], "").await;
    assert_eq!(program.status(), StatusCode::OK, "programs are not held back");
}

#[test]
fn the_address_to_go_on_to_never_leaves_this_site() {
    for next in ["/", "/sql?q=select%201&live=1", "/health?reason=a//b", "/a/../b"] {
        assert_eq!(local(next), next);
    }
    for next in [
        "",
        "sql",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "https://evil.example/",
        "javascript:alert(1)",
        "/\t/evil.example",
        "/\r\nset-cookie: a=b",
        "/\u{2028}/",
        "/sign-in?next=/sign-in",
        "/sign-out",
    ] {
        assert_eq!(local(next), "/", "{next:?}");
    }
}

#[tokio::test]
async fn a_session_changes_something_only_from_a_page_of_the_engine() {
    let site = site();
    let cookie = signed_in(&site).await;
    let cookie = (COOKIE.as_str(), cookie.as_str());
    let host = ("host", "eddy.example");
    for (headers, wanted) in [
        (&[cookie, HERE][..], StatusCode::OK),
        (&[cookie, host, ("origin", "http://eddy.example")], StatusCode::OK),
        (&[cookie], StatusCode::FORBIDDEN),
        (
            &[cookie, host, ("origin", "http://evil.example")],
            StatusCode::FORBIDDEN,
        ),
        (&[cookie, host, ("origin", "null")], StatusCode::FORBIDDEN),
        (&[cookie, ("sec-fetch-site", "same-site")], StatusCode::FORBIDDEN),
        (&[cookie, ("sec-fetch-site", "cross-site")], StatusCode::FORBIDDEN),
    ] {
        let response = send(&site, "POST", "/", headers, "").await;
        assert_eq!(response.status(), wanted, "{headers:?}");
    }
    let read = send(&site, "GET", "/", &[cookie], "").await;
    assert_eq!(read.status(), StatusCode::OK);
}

#[tokio::test]
async fn another_site_can_neither_sign_in_nor_out() {
    let site = site();
    let elsewhere = ("sec-fetch-site", "cross-site");
    let response = sign_in_with(&site, TOKEN, "/", &[elsewhere]).await;
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    let cookie = signed_in(&site).await;
    let headers = [(COOKIE.as_str(), cookie.as_str()), elsewhere];
    let response = send(&site, "POST", "/sign-out", &headers, "").await;
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    assert_eq!(
        send(&site, "GET", "/", &headers[..1], "").await.status(),
        StatusCode::OK
    );
}

#[tokio::test]
async fn signing_out_ends_the_session_and_what_still_listens() {
    let site = site();
    let cookie = signed_in(&site).await;
    let headers = [(COOKIE.as_str(), cookie.as_str()), HERE];
    let stream = send(&site, "GET", "/live", &headers, "").await;
    assert_eq!(stream.status(), StatusCode::OK);
    let response = send(&site, "POST", "/sign-out", &headers, "").await;
    assert_eq!(header_of(&response, LOCATION), "/sign-in");
    assert!(header_of(&response, SET_COOKIE).starts_with("eddy_session=; Path=/; Max-Age=0"));
    assert_eq!(text(stream).await, "");
    let page = send(&site, "GET", "/", &headers, "").await;
    assert_eq!(page.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn signing_in_again_ends_the_session_before() {
    let site = site();
    let first = signed_in(&site).await;
    let headers = [(COOKIE.as_str(), first.as_str())];
    sign_in_with(&site, TOKEN, "/", &headers).await;
    let page = send(&site, "GET", "/", &headers, "").await;
    assert_eq!(page.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn who_is_signed_in_is_sent_on_from_the_page_to_sign_in() {
    let site = site();
    let cookie = signed_in(&site).await;
    let headers = [(ACCEPT.as_str(), "text/html"), (COOKIE.as_str(), cookie.as_str())];
    let response = send(&site, "GET", "/sign-in?next=/health", &headers, "").await;
    assert_eq!(header_of(&response, LOCATION), "/health");
    let response = send(&site, "GET", "/sign-in?next=/health", &headers[..1], "").await;
    assert_eq!(response.status(), StatusCode::OK);
    assert!(text(response).await.contains("value=\"/health\""));
}
