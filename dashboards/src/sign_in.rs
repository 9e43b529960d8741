//! The page that asks for the engine's token. A form and a style sheet: it works without a script, and its policy allows none.
//!
//! What is done with the token is the engine's.

use askama::Template;
use axum::response::{Html, IntoResponse, Response};
use http::{HeaderMap, StatusCode};

use crate::assets::Manifest;
use crate::{Error, secure, shell};

/// What the page says.
#[derive(Debug, Clone, Copy)]
pub struct SignIn<'a> {
    /// Where the reader goes on to, an address of this site.
    pub next: &'a str,
    /// Why the last try failed, a sentence.
    pub wrong: Option<&'a str>,
    /// Whether the reader followed a link of another site, so that the browser kept a cookie back.
    pub from_elsewhere: bool,
    /// How long a session lasts.
    pub hours: u64,
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct Html5<'a> {
    theme: &'a str,
    style: &'a str,
    icon: &'a str,
    next: &'a str,
    wrong: Option<&'a str>,
    from_elsewhere: bool,
    hours: u64,
}

/// Renders the page.
#[derive(Debug, Clone)]
pub struct SignInPage(Manifest);

impl SignInPage {
    /// The page over the embedded bundle.
    ///
    /// # Errors
    /// When the bundle lacks a part.
    pub fn new() -> Result<Self, Error> {
        Ok(Self(Manifest::embedded()?))
    }

    /// The page, in the theme that the request's cookie names.
    pub fn respond(&self, status: StatusCode, request: &HeaderMap, says: SignIn<'_>) -> Response {
        let html = Html5 {
            theme: shell::theme(request),
            style: &self.0.style,
            icon: &self.0.icon,
            next: says.next,
            wrong: says.wrong,
            from_elsewhere: says.from_elsewhere,
            hours: says.hours,
        };
        match html.render() {
            Ok(html) => {
                let mut response = (status, Html(html)).into_response();
                secure::form(response.headers_mut());
                response
            }
            Err(error) => {
                tracing::error!(%error, "the page to sign in cannot be rendered");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }
}
