//! One connection to NATS with what JetStream needs on it: a count of reconnects, what the server forbids, and publishing that
//! tells "not stored" from "perhaps stored". It knows no stream.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::{
    self,
    context::{GetStreamError, PublishErrorKind},
    publish::PublishAck,
    stream::Stream,
};
use async_nats::{Client, ConnectOptions, HeaderMap, ServerError};
use bytes::Bytes;
use tokio::sync::{broadcast, watch};

use crate::access::{Access, redacted};
use crate::binary::{self, Version};
use crate::metrics::Metrics;
use crate::{Error, LogConfig};

/// What an engine's user must be allowed to do.
const PERMISSIONS: &str = "grant it to publish to `eddy.>`, `$JS.API.>` and `_INBOX.>` and to subscribe to `_INBOX.>` and `eddy.requests.>`";

/// Room for the headers and the protocol line of a message within the server's `max_payload`.
const HEADER_ROOM: usize = 4096;

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
    /// What the server said that it forbids.
    denials: broadcast::Sender<String>,
}

/// How long an answer is waited for before the request is made again, and how often that is done.
const ANSWER: Duration = Duration::from_secs(3);
const REPEATS: usize = 3;

impl Connection {
    pub async fn open(config: &LogConfig, name: &str, metrics: &Metrics) -> Result<Connection, Error> {
        let access = Access::of(config)?;
        let (epochs, epoch) = watch::channel(0u64);
        let epochs = Arc::new(epochs);
        let (denials, _) = broadcast::channel(16);
        let (counted, denied) = (metrics.clone(), denials.clone());
        let options = ConnectOptions::new()
            .name(format!("eddy {name}"))
            .connection_timeout(Duration::from_secs(5))
            .ping_interval(Duration::from_secs(10))
            .request_timeout(Some(Duration::from_secs(10)))
            // A private server is back within a second; a shared one is not hammered.
            .reconnect_delay_callback(|attempts| Duration::from_millis((10u64 << attempts.min(7)).min(1000)))
            .event_callback(move |event| {
                let (epochs, metrics, denied) = (epochs.clone(), counted.clone(), denied.clone());
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
                        async_nats::Event::ServerError(ServerError::Other(said)) => {
                            tracing::warn!(said, "nats");
                            // Nobody may be waiting for it.
                            let _ = denied.send(said);
                        }
                        other => tracing::debug!(event = %other, "nats"),
                    }
                }
            });
        let client = access
            .apply(options)
            .await?
            .connect(&access.addresses[..])
            .await
            .map_err(|e| Error::Connect {
                url: redacted(&config.url),
                reason: chain(&e),
                remedy: access.remedy(&e),
            })?;
        let context = jetstream::context::ContextBuilder::new()
            .timeout(Duration::from_secs(10))
            .max_ack_inflight(65_536)
            .build(client.clone());
        Ok(Connection {
            client,
            context,
            epoch,
            denials,
        })
    }

    /// Makes a request on `subject`, unless the server forbids it: then no answer would come.
    pub async fn permitted<T>(
        &self,
        doing: &str,
        subject: &str,
        request: impl Future<Output = T>,
    ) -> Result<T, Error> {
        let denied = self.denial(subject);
        tokio::select! {
            biased;
            answer = request => Ok(answer),
            reason = denied => Err(Error::NotPermitted {
                doing: doing.into(),
                reason,
                remedy: PERMISSIONS.into(),
            }),
        }
    }

    /// Makes a request that does no harm when made twice, and makes it again when no answer comes. A cluster whose servers are still finding
    /// one another closes routes that it has twice, and what was on them is lost.
    pub async fn insist<T, F: Future<Output = T>>(
        &self,
        doing: &str,
        subject: &str,
        request: impl Fn() -> F,
    ) -> Result<T, Error> {
        for _ in 0..REPEATS {
            if let Ok(answer) = tokio::time::timeout(ANSWER, self.permitted(doing, subject, request())).await
            {
                return answer;
            }
            tracing::info!(doing, "no answer from nats: asking again");
        }
        self.permitted(doing, subject, request()).await
    }

    /// Looks up a stream.
    pub async fn stream(&self, name: &str) -> Result<Result<Stream, GetStreamError>, Error> {
        let subject = format!("$JS.API.STREAM.INFO.{name}");
        self.insist(&format!("look up stream {name}"), &subject, || {
            self.context.get_stream(name)
        })
        .await
    }

    /// Waits until the server forbids to publish to this subject, or to one that begins so, or to hear the answers.
    fn denial(&self, subject: &str) -> impl Future<Output = String> + use<> {
        let mut denials = self.denials.subscribe();
        let quoted = format!("\"{subject}");
        async move {
            loop {
                match denials.recv().await {
                    Ok(said) if said.contains(&quoted) || said.contains("Subscription to \"_INBOX") => {
                        return said;
                    }
                    Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
                    Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
                }
            }
        }
    }

    /// Refuses servers that are too old.
    pub fn check_version(&self, url: &str) -> Result<Version, Error> {
        let told = self.client.server_info().version;
        let version = Version::parse(&told).ok_or_else(|| Error::Connect {
            url: redacted(url),
            remedy: "name a nats-server with --nats".into(),
            reason: format!("the server calls its version `{told}`, which is not a nats-server's"),
        })?;
        binary::check_version(version, &redacted(url))?;
        Ok(version)
    }

    /// The largest payload that the server takes at this moment, with headers beside it.
    pub fn max_bytes(&self) -> usize {
        self.client.max_payload().saturating_sub(HEADER_ROOM)
    }

    /// One attempt to publish, and its outcome.
    pub async fn publish(
        &self,
        subject: &str,
        headers: HeaderMap,
        payload: Bytes,
        patience: Duration,
    ) -> Result<PublishAck, Publish> {
        let (bytes, limit) = (payload.len(), self.max_bytes());
        if bytes > limit {
            return Err(Publish::Final(Error::TooLarge { bytes, limit }));
        }
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
            outcome = tokio::time::timeout(patience, self.permitted("append", subject, attempt)) => match outcome {
                Ok(Ok(outcome)) => outcome,
                Ok(Err(denied)) => Err(Publish::Final(denied)),
                Err(_) => Err(Publish::Ambiguous(format!("nothing within {} s", patience.as_secs()))),
            },
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
        PublishErrorKind::StreamNotFound => Publish::Transient(
            "no stream answers; the server may be starting or out of disk space, a cluster may have lost half of its servers or more, or EDDY_EVENTS, EDDY_DERIVED or EDDY_DEAD_LETTERS was \
             deleted: restore it from a backup"
                .into(),
        ),
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
        // An earlier attempt with this id is on its way through the cluster.
        Code::STREAM_DUPLICATE_MESSAGE_CONFLICT => Publish::Ambiguous(reason),
        Code::STREAM_WRONG_LAST_SEQUENCE
        | Code::STREAM_WRONG_LAST_SEQUENCE_CONSTANT
        | Code::STREAM_WRONG_LAST_MESSAGE_ID => Publish::WrongLast(reason),
        Code::CLUSTER_NOT_LEADER
        | Code::CLUSTER_NOT_ACTIVE
        | Code::STREAM_OFFLINE
        | Code::STREAM_OFFLINE_REASON => Publish::Transient(reason),
        // Unavailable for a while, or too much at once.
        _ if matches!(error.code(), 429 | 503) => Publish::Transient(reason),
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
