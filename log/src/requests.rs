//! Questions over NATS: a subject on which an engine answers. Engines of one tenant share the questions among them. It does not know what is asked.

use async_nats::{Client, Message, Subscriber};
use bytes::Bytes;
use futures::StreamExt;

use crate::Error;

/// Engines that share questions.
const GROUP: &str = "eddy";

/// Questions as they come.
pub struct Requests {
    client: Client,
    subscriber: Subscriber,
}

impl Requests {
    pub(crate) async fn open(client: Client, subject: String) -> Result<Requests, Error> {
        let subscriber = client
            .queue_subscribe(subject.clone(), GROUP.to_owned())
            .await
            .map_err(|error| Error::Config(format!("questions on {subject} cannot be heard: {error}")))?;
        Ok(Requests { client, subscriber })
    }

    /// The next question; none when the connection was closed for good.
    pub async fn next(&mut self) -> Option<Request> {
        let message = self.subscriber.next().await?;
        Some(Request {
            client: self.client.clone(),
            message,
        })
    }
}

/// One question.
pub struct Request {
    client: Client,
    message: Message,
}

impl Request {
    /// What is asked.
    pub fn payload(&self) -> &[u8] {
        &self.message.payload
    }

    /// Answers. Whoever asked without an address for the answer gets none.
    pub async fn answer(self, payload: impl Into<Bytes>) {
        if let Some(reply) = self.message.reply
            && let Err(error) = self.client.publish(reply, payload.into()).await
        {
            tracing::warn!(%error, "an answer over nats was not sent");
        }
    }
}
