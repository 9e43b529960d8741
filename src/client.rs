//! How the other commands reach a running engine over HTTP. It knows addresses, tokens and problem
//! documents; it knows no endpoint.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::Args;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::config::DEFAULT_HTTP;

/// Where the engine is.
#[derive(Args, Debug, Clone)]
pub struct EngineArgs {
    /// The engine's HTTP address
    #[arg(long, env = "EDDY_HTTP", value_name = "ADDR", default_value = DEFAULT_HTTP)]
    pub http: String,
    /// The engine's token, when it asks for one
    #[arg(long, env = "EDDY_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    pub token: Option<String>,
}

/// No engine answers at the address.
#[derive(Debug, thiserror::Error)]
#[error("no engine answers at {0}: start one with `eddy up`, or name its address with --http (EDDY_HTTP)")]
pub struct Unreachable(pub String);

/// An RFC 9457 problem document.
#[derive(Deserialize)]
struct Problem {
    #[serde(default)]
    title: String,
    #[serde(default)]
    detail: String,
}

/// A client of one engine.
pub struct Client {
    base: String,
    http: reqwest::Client,
    token: Option<String>,
}

impl Client {
    /// A client that opens no connection yet.
    pub fn new(args: &EngineArgs) -> anyhow::Result<Self> {
        let base = if args.http.contains("://") {
            args.http.trim_end_matches('/').to_owned()
        } else {
            format!("http://{}", args.http)
        };
        let http = reqwest::Client::builder()
            .no_proxy()
            .connect_timeout(Duration::from_secs(5))
            .build()
            .context("cannot make an HTTP client")?;
        Ok(Self {
            base,
            http,
            token: args.token.clone(),
        })
    }

    /// A request to a path of the engine.
    pub fn request(&self, method: http::Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// Sends; a refusal becomes an error with the engine's own words.
    pub async fn send(&self, request: reqwest::RequestBuilder) -> anyhow::Result<reqwest::Response> {
        accepted(self.answer(request).await?).await
    }

    async fn answer(&self, request: reqwest::RequestBuilder) -> anyhow::Result<reqwest::Response> {
        request.send().await.map_err(|error| {
            if error.is_connect() {
                anyhow::Error::new(Unreachable(self.base.clone()))
            } else {
                anyhow::Error::new(error).context(format!("the engine at {} did not answer", self.base))
            }
        })
    }

    /// A GET that answers JSON.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        let response = self.send(self.request(http::Method::GET, path)).await?;
        response
            .json()
            .await
            .with_context(|| format!("the answer of {path} is not the expected JSON"))
    }

    /// Posts a body; an answer 429 or 503 is waited for and tried again, for up to two minutes.
    pub async fn post_waiting<T: DeserializeOwned>(
        &self,
        path: &str,
        content_type: &str,
        body: bytes::Bytes,
    ) -> anyhow::Result<T> {
        let end = Instant::now() + Duration::from_secs(120);
        loop {
            let request = self
                .request(http::Method::POST, path)
                .header("content-type", content_type)
                .body(body.clone());
            let response = self.answer(request).await?;
            if matches!(response.status().as_u16(), 429 | 503) && Instant::now() < end {
                let after = response
                    .headers()
                    .get("retry-after")
                    .and_then(|v| v.to_str().ok()?.parse().ok());
                tokio::time::sleep(Duration::from_secs_f64(after.unwrap_or(0.2_f64).clamp(0.05, 5.0))).await;
                continue;
            }
            let response = accepted(response).await?;
            return response
                .json()
                .await
                .with_context(|| format!("the answer of {path} is not the expected JSON"));
        }
    }

    /// Waits until the engine says that it is ready.
    pub async fn ready_within(&self, wait: Duration) -> anyhow::Result<()> {
        let end = Instant::now() + wait;
        loop {
            match self.send(self.request(http::Method::GET, "/readyz")).await {
                Ok(_) => return Ok(()),
                Err(error) if Instant::now() >= end => return Err(error),
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }
}

/// An answer of success, or an error with the engine's own words.
async fn accepted(response: reqwest::Response) -> anyhow::Result<reqwest::Response> {
    if response.status().is_success() {
        return Ok(response);
    }
    let status = response.status();
    let text = response.text().await.unwrap_or_default();
    match serde_json::from_str::<Problem>(&text) {
        Ok(problem) if !problem.detail.is_empty() => bail!("{}", problem.detail),
        Ok(problem) if !problem.title.is_empty() => bail!("{}", problem.title),
        _ => bail!("the engine answered {status}: {text}"),
    }
}
