//! One connection to NATS with what JetStream needs on it: credentials, TLS, a count of reconnects, and publishing that
//! tells "not stored" from "perhaps stored". It knows no stream.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::{self, context::PublishErrorKind, publish::PublishAck};
use async_nats::{Client, ConnectOptions, HeaderMap};
use bytes::Bytes;
use tokio::sync::watch;

use crate::binary::{self, Version};
use crate::metrics::Metrics;
use crate::{Error, LogConfig};

/// How to prove who we are.
#[derive(Clone, Default)]
pub enum Credentials {
    /// Not at all, or by what the URL holds.
    #[default]
    None,
    /// A token.
    Token(String),
    /// A name and a password.
    User {
        /// The name.
        name: String,
        /// The password.
        password: String,
    },
    /// A `.creds` file with a JWT and its seed.
    File(PathBuf),
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Credentials::None => "None",
            Credentials::Token(_) => "Token(..)",
            Credentials::User { .. } => "User(..)",
            Credentials::File(_) => "File(..)",
        })
    }
}

/// TLS of the connection. An URL with `tls://` requires it too.
#[derive(Clone, Debug, Default)]
pub struct Tls {
    /// Refuse a server without TLS.
    pub required: bool,
    /// PEM file of the authority to trust besides the system's.
    pub ca: Option<PathBuf>,
    /// PEM files of our certificate and its key.
    pub identity: Option<(PathBuf, PathBuf)>,
}

/// Why a publish was not acknowledged.
#[derive(Debug)]
pub(crate) enum Publish {
    /// The server may have stored it: the acknowledgement was lost or late.
    Ambiguous(String),
    /// It is not stored, but may be if tried again soon.
    Transient(String),
    /// It is not stored: an expectation of the publisher is wrong.
    WrongLast(String),
    /// It is not stored, and trying again does not help.
    Final(Error),
}

#[derive(Clone)]
pub(crate) struct Connection {
    pub client: Client,
    pub context: jetstream::Context,
    /// Counts the connections made, so that what waits on a lost one need not wait for its time to run out.
    pub epoch: watch::Receiver<u64>,
}

impl Connection {
    pub async fn open(config: &LogConfig, name: &str, metrics: &Metrics) -> Result<Connection, Error> {
        let url = redacted(&config.url);
        let failed = |reason: String| Error::Connect {
            url: url.clone(),
            reason,
        };
        let (epochs, epoch) = watch::channel(0u64);
        let epochs = Arc::new(epochs);
        let counted = metrics.clone();
        let mut options = ConnectOptions::new()
            .name(format!("eddy {name}"))
            .connection_timeout(Duration::from_secs(5))
            .ping_interval(Duration::from_secs(10))
            .request_timeout(Some(Duration::from_secs(10)))
            // A private server is back within a second; a shared one is not hammered.
            .reconnect_delay_callback(|attempts| Duration::from_millis((10u64 << attempts.min(7)).min(1000)))
            .event_callback(move |event| {
                let (epochs, metrics) = (epochs.clone(), counted.clone());
                async move {
                    match event {
                        async_nats::Event::Connected => {
                            metrics.connections.inc();
                            epochs.send_modify(|n| *n += 1);
                        }
                        async_nats::Event::Disconnected => {
                            metrics.disconnections.inc();
                            tracing::warn!("connection to nats lost");
                        }
                        async_nats::Event::SlowConsumer(id) => {
                            tracing::warn!(id, "a reader of nats is too slow, messages were dropped")
                        }
                        other => tracing::debug!(event = %other, "nats"),
                    }
                }
            });
        options = match &config.credentials {
            Credentials::None => options,
            Credentials::Token(token) => options.token(token.clone()),
            Credentials::User { name, password } => options.user_and_password(name.clone(), password.clone()),
            Credentials::File(path) => options
                .credentials_file(path)
                .await
                .map_err(Error::io("read", path))?,
        };
        if config.tls.required {
            options = options.require_tls(true);
        }
        if let Some(ca) = &config.tls.ca {
            options = options.add_root_certificates(ca.clone());
        }
        if let Some((certificate, key)) = &config.tls.identity {
            options = options.add_client_certificate(certificate.clone(), key.clone());
        }
        let client = options
            .connect(config.url.as_str())
            .await
            .map_err(|e| failed(chain(&e)))?;
        let context = jetstream::context::ContextBuilder::new()
            .timeout(Duration::from_secs(10))
            .max_ack_inflight(65_536)
            .build(client.clone());
        Ok(Connection {
            client,
            context,
            epoch,
        })
    }

    /// Refuses servers that are too old.
    pub fn check_version(&self, url: &str) -> Result<Version, Error> {
        let told = self.client.server_info().version;
        let version = Version::parse(&told).ok_or_else(|| Error::Connect {
            url: redacted(url),
            reason: format!("the server calls its version `{told}`, which is not a nats-server's"),
        })?;
        binary::check_version(version, &redacted(url))?;
        Ok(version)
    }

    /// One attempt to publish, and its outcome.
    pub async fn publish(
        &self,
        subject: &str,
        headers: HeaderMap,
        payload: Bytes,
        patience: Duration,
    ) -> Result<PublishAck, Publish> {
        let mut epoch = self.epoch.clone();
        epoch.mark_unchanged();
        let attempt = async {
            let ack = self
                .context
                .publish_with_headers(subject.to_string(), headers, payload)
                .await
                .map_err(classify)?;
            ack.await.map_err(classify)
        };
        tokio::select! {
            // The answer first: it may have arrived before the connection was lost.
            biased;
            outcome = tokio::time::timeout(patience, attempt) => outcome.unwrap_or_else(|_| Err(Publish::Ambiguous(format!("nothing within {} s", patience.as_secs())))),
            Ok(()) = epoch.changed() => Err(Publish::Ambiguous("the connection was lost".into())),
        }
    }
}

pub(crate) fn classify(error: async_nats::jetstream::context::PublishError) -> Publish {
    let jetstream = std::error::Error::source(&error)
        .and_then(|s| s.downcast_ref::<jetstream::Error>())
        .cloned();
    match error.kind() {
        PublishErrorKind::TimedOut | PublishErrorKind::BrokenPipe => Publish::Ambiguous(error.to_string()),
        PublishErrorKind::StreamNotFound => {
            Publish::Transient("no stream answers; the server may be starting, or out of disk space".into())
        }
        PublishErrorKind::WrongLastSequence | PublishErrorKind::WrongLastMessageId => {
            Publish::WrongLast(chain(&error))
        }
        _ => match jetstream {
            Some(reason) => refused("append", &reason),
            None => Publish::Final(Error::request("append", chain(&error))),
        },
    }
}

pub(crate) fn refused(doing: &str, error: &jetstream::Error) -> Publish {
    use jetstream::ErrorCode as Code;
    let reason = error.to_string();
    match error.error_code() {
        Code::STORAGE_RESOURCES_EXCEEDED
        | Code::INSUFFICIENT_RESOURCES
        | Code::ACCOUNT_RESOURCES_EXCEEDED
        | Code::STREAM_STORE_FAILED
        | Code::TEMP_STORAGE_FAILED => Publish::Final(Error::StorageFull { reason }),
        Code::CLUSTER_NOT_AVAILABLE
        | Code::CLUSTER_NOT_LEADER
        | Code::CLUSTER_NOT_ACTIVE
        | Code::JETSTREAM_NOT_ENABLED => Publish::Transient(reason),
        Code::STREAM_WRONG_LAST_SEQUENCE | Code::STREAM_WRONG_LAST_MESSAGE_ID => Publish::WrongLast(reason),
        Code(code) => Publish::Final(Error::Refused {
            doing: doing.into(),
            code,
            reason,
        }),
    }
}

/// An error with its causes on one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text.push_str(": ");
            text.push_str(&inner_text);
        }
        cause = inner.source();
    }
    text
}

/// A URL without the name and password it may carry.
pub(crate) fn redacted(url: &str) -> String {
    url.split(',')
        .map(|one| match (one.split_once("://"), one.rsplit_once('@')) {
            (Some((scheme, _)), Some((_, host))) => format!("{scheme}://{host}"),
            (None, Some((_, host))) => host.to_string(),
            _ => one.to_string(),
        })
        .collect::<Vec<_>>()
        .join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_in_a_url_are_not_repeated() {
        assert_eq!(
            redacted("nats://user:secret@host:4222,tls://b@c:1"),
            "nats://host:4222,tls://c:1"
        );
        assert_eq!(redacted("nats://host:4222"), "nats://host:4222");
    }
}
