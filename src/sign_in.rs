//! Who may call: API clients send the engine's token, browsers exchange it once for a session. The session's cookie is no token, is hidden from scripts
//! and goes to this site alone; what it authorises to change something must besides come from a page of this site.
//!
//! A session may do all that the token may: there are no users and no roles.

mod attempts;
mod sessions;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, DefaultBodyLimit, Form, Query, Request, State};
use axum::http::{Extensions, HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use eddy_dashboards::{SignIn, SignInPage};
use futures::StreamExt;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::same_site::{Origin, changes, origin};
use crate::serve::problem;
use attempts::Attempts;
use sessions::{LIFE, Session, Sessions};

/// What an answer to a wrong token waits.
const WRONG: Duration = Duration::from_millis(300);
/// Longest form; the address to go on to may hold a query.
const FORM_BYTES: usize = 64 << 10;

/// The token, the sessions given for it, and the addresses that guess.
pub struct Gate {
    token: [u8; 32],
    sessions: Mutex<Sessions>,
    attempts: Mutex<Attempts>,
    page: SignInPage,
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn digest(text: &[u8]) -> [u8; 32] {
    Sha256::digest(text).into()
}

impl Gate {
    /// A gate that one token opens.
    pub fn new(token: &str) -> anyhow::Result<Arc<Self>> {
        Ok(Arc::new(Self {
            token: digest(token.as_bytes()),
            sessions: Mutex::default(),
            attempts: Mutex::default(),
            page: SignInPage::new()?,
        }))
    }

    /// Compares digests, in a time that tells neither where two tokens differ nor how long they are.
    fn opens(&self, given: &[u8]) -> bool {
        let given = digest(given);
        let pairs = given.iter().zip(&self.token);
        pairs.fold(0, |difference, (x, y)| difference | (x ^ y)) == 0
    }

    fn session(&self, headers: &HeaderMap) -> Option<Session> {
        let now = Instant::now();
        ids(headers).find_map(|id| held(&self.sessions).find(id, now))
    }

    fn end(&self, headers: &HeaderMap) {
        for id in ids(headers) {
            held(&self.sessions).end(id);
        }
    }

    fn page(&self, status: StatusCode, headers: &HeaderMap, next: &str, wrong: Option<&str>) -> Response {
        let says = SignIn {
            next,
            wrong,
            from_elsewhere: wrong.is_none() && origin(headers, &Uri::default()) == Origin::Elsewhere,
            hours: LIFE.as_secs() / 3600,
        };
        let mut response = self.page.respond(status, headers, says);
        if status == StatusCode::UNAUTHORIZED {
            challenge(&mut response);
        }
        response
    }
}

/// Sign-in and sign-out.
pub fn router(gate: Arc<Gate>) -> Router {
    Router::new()
        .route("/sign-in", get(ask).post(sign_in))
        .route("/sign-out", post(sign_out))
        .layer(DefaultBodyLimit::max(FORM_BYTES))
        .with_state(gate)
}

/// Lets pass who sends the token, or a cookie of a session; others are told what is missing, browsers by a page.
pub async fn guard(State(gate): State<Arc<Gate>>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    if let Some(given) = headers.get(header::AUTHORIZATION) {
        if bearer(given).is_some_and(|token| gate.opens(token)) {
            return next.run(request).await;
        }
        tokio::time::sleep(WRONG).await;
        return unauthorised();
    }
    let Some(session) = gate.session(headers) else {
        if !asks_for_a_page(&request) {
            return unauthorised();
        }
        let wanted = request.uri().path_and_query().map_or("/", |p| p.as_str());
        return gate.page(StatusCode::UNAUTHORIZED, headers, local(wanted), None);
    };
    if changes(request.method()) && origin(headers, request.uri()) != Origin::Here {
        return problem(
            StatusCode::FORBIDDEN,
            "a session may change something only from a page of this engine; other callers send the token as `Authorization: Bearer ...`",
        );
    }
    until_its_end(session, next.run(request).await)
}

/// An endless answer ends with the session.
fn until_its_end(session: Session, response: Response) -> Response {
    let endless = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind == "text/event-stream");
    if !endless {
        return response;
    }
    response.map(|body| Body::from_stream(body.into_data_stream().take_until(Box::pin(session.over()))))
}

fn bearer(value: &HeaderValue) -> Option<&[u8]> {
    let (scheme, token) = value.as_bytes().split_at_checked("Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then_some(token)
}

fn unauthorised() -> Response {
    let mut response = problem(
        StatusCode::UNAUTHORIZED,
        "send the engine's token as `Authorization: Bearer ...`; in a browser, sign in at /sign-in",
    );
    challenge(&mut response);
    response
}

fn challenge(response: &mut Response) {
    let value = HeaderValue::from_static("Bearer");
    response.headers_mut().insert(header::WWW_AUTHENTICATE, value);
}

fn asks_for_a_page(request: &Request) -> bool {
    let mut accepted = request
        .headers()
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|v| v.to_str().ok())
        .flat_map(|v| v.split(','));
    matches!(*request.method(), Method::GET | Method::HEAD)
        && accepted.any(|range| range.split(';').next().unwrap_or_default().trim() == "text/html")
}

/// The address to go on to: a path of this site, else its first page. Browsers read `\` as `/` and leave out control characters, so
/// that only printable ASCII without it is sure to stay here.
fn local(next: &str) -> &str {
    let stays = next.starts_with('/')
        && !next.starts_with("//")
        && !next.starts_with("/sign-")
        && next.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    if stays { next } else { "/" }
}

const COOKIE: &str = "eddy_session";
/// Browsers take a cookie of this name only over HTTPS, for this host alone.
const SECURE_COOKIE: &str = "__Host-eddy_session";

fn ids(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let cookies = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|v| v.to_str().ok())
        .flat_map(|v| v.split(';'));
    cookies.filter_map(|cookie| {
        let (name, value) = cookie.trim().split_once('=')?;
        [COOKIE, SECURE_COOKIE].contains(&name).then_some(value)
    })
}

/// Whether the browser's side of the connection is HTTPS, which a proxy before the engine says.
fn by_https(headers: &HeaderMap) -> bool {
    headers
        .get("x-forwarded-proto")
        .and_then(|v| v.to_str().ok()?.split(',').next())
        .is_some_and(|scheme| scheme.trim().eq_ignore_ascii_case("https"))
}

/// A cookie for so many seconds; of none, the browser forgets it.
fn cookie(headers: &HeaderMap, id: &str, seconds: u64) -> HeaderValue {
    let (name, secure) = if by_https(headers) {
        (SECURE_COOKIE, "; Secure")
    } else {
        (COOKIE, "")
    };
    let cookie = format!("{name}={id}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    HeaderValue::from_str(&cookie).expect("a name, hexadecimal digits and attributes")
}

#[derive(Deserialize)]
struct Onward {
    #[serde(default)]
    next: String,
}

async fn ask(State(gate): State<Arc<Gate>>, Query(onward): Query<Onward>, headers: HeaderMap) -> Response {
    let next = local(&onward.next);
    match gate.session(&headers) {
        Some(_) => Redirect::to(next).into_response(),
        None => gate.page(StatusCode::OK, &headers, next, None),
    }
}

#[derive(Deserialize)]
struct Shown {
    #[serde(default)]
    token: String,
    #[serde(default)]
    next: String,
}

async fn sign_in(
    State(gate): State<Arc<Gate>>,
    extensions: Extensions,
    headers: HeaderMap,
    Form(shown): Form<Shown>,
) -> Response {
    let next = local(&shown.next);
    let peer = peer(&extensions);
    if let Err(wait) = held(&gate.attempts).may_try(peer, Instant::now()) {
        let says = format!("Too many wrong tokens came from here. Wait {wait} seconds, then try again.");
        let mut response = gate.page(StatusCode::TOO_MANY_REQUESTS, &headers, next, Some(&says));
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from(wait));
        return response;
    }
    if !gate.opens(shown.token.trim().as_bytes()) {
        held(&gate.attempts).wrong(peer, Instant::now());
        tracing::warn!(%peer, "a wrong token was given to sign in");
        tokio::time::sleep(WRONG).await;
        let says = "That is not this engine's token. Whoever started the engine has it.";
        return gate.page(StatusCode::UNAUTHORIZED, &headers, next, Some(says));
    }
    gate.end(&headers);
    let id = held(&gate.sessions).begin(Instant::now());
    let mut response = Redirect::to(next).into_response();
    let out = response.headers_mut();
    out.insert(header::SET_COOKIE, cookie(&headers, &id, LIFE.as_secs()));
    out.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

async fn sign_out(State(gate): State<Arc<Gate>>, headers: HeaderMap) -> Response {
    gate.end(&headers);
    let mut response = Redirect::to("/sign-in").into_response();
    response
        .headers_mut()
        .insert(header::SET_COOKIE, cookie(&headers, "", 0));
    response
}

fn peer(extensions: &Extensions) -> IpAddr {
    extensions
        .get::<ConnectInfo<SocketAddr>>()
        .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0.ip())
}
