//! A small client that follows the engine's decisions and carries out each exactly once, whoever dies when.
//!
//!     cargo run --example follow_decisions -- --data-dir ./data --ledger decisions.ndjson
//!     cargo run --example follow_decisions -- --nats nats://host:4222 --token SECRET --ledger decisions.ndjson
//!
//! Three rules make it exact:
//! 1. An output is known by its cause (header `Eddy-Cause`: shard/sequence/index/ordinal/count), which ascends. A server that lost the end of its stream gets the same outputs
//!    again, so the place in the stream may repeat and the cause may not.
//! 2. What was done and how far the client is are one write: a line of the ledger, synced. Here the line is the effect; with a database it is one transaction.
//! 3. After any interruption the client goes on behind the last whole line of its ledger. Where the stream holds another message at that place, it reads
//!    from the beginning and leaves out what is not behind its cause.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_nats::connection::State;
use async_nats::jetstream::consumer::DeliverPolicy;
use async_nats::jetstream::consumer::pull::OrderedConfig;
use async_nats::jetstream::{self, stream::Stream};
use futures::StreamExt;
use serde_json::{Value, json};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Shard, sequence, index and ordinal of a cause.
type Cause = (u64, u64, u64, u64);

/// Where the client is: behind this place of the stream, and behind this cause.
type Done = Option<(u64, Cause)>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let args = Args::parse()?;
    let mut ledger = Ledger::open(&args.ledger)?;
    loop {
        let Err(error) = follow(&args, &mut ledger).await;
        eprintln!("interrupted, going on in a moment: {error}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Follows until something fails.
async fn follow(args: &Args, ledger: &mut Ledger) -> Result<std::convert::Infallible, Failure> {
    let (url, token) = args.server()?;
    let mut options = async_nats::ConnectOptions::new();
    if let Some(token) = token {
        options = options.token(token);
    }
    let client = tokio::time::timeout(Duration::from_secs(5), options.connect(url)).await??;
    let stream = jetstream::new(client.clone()).get_stream("EDDY_DERIVED").await?;
    let after = resume(&stream, ledger.done).await?;
    let consumer = stream
        .create_consumer(OrderedConfig {
            filter_subject: format!("eddy.derived.{}.{}.reroute", args.tenant, args.shard),
            deliver_policy: DeliverPolicy::ByStartSequence {
                start_sequence: after + 1,
            },
            ..OrderedConfig::default()
        })
        .await?;
    let mut messages = consumer.messages().await?;
    loop {
        let Ok(next) = tokio::time::timeout(Duration::from_secs(1), messages.next()).await else {
            // A server that is gone may come back elsewhere: the client would wait for it at the old place.
            if client.connection_state() != State::Connected {
                return Err("the server is gone".into());
            }
            continue;
        };
        let message = next.ok_or("the server ended the subscription")??;
        let place = message.info().map_err(|error| error.to_string())?.stream_sequence;
        let cause = message
            .headers
            .as_ref()
            .and_then(|headers| headers.get("Eddy-Cause"));
        let cause = cause_of(cause.ok_or("an output without a cause")?.as_str())?;
        // Rule 1: told again is not a new decision.
        if ledger.done.is_none_or(|(_, done)| cause > done) {
            ledger.carry_out(place, cause, &message.payload)?;
        }
    }
}

/// The place behind which to read: rule 3.
async fn resume(stream: &Stream, done: Done) -> Result<u64, Failure> {
    let Some((place, cause)) = done else { return Ok(0) };
    let same = match stream.get_raw_message(place).await {
        Ok(message) => {
            let header = message.headers.get("Eddy-Cause");
            header.is_some_and(|header| cause_of(header.as_str()).is_ok_and(|found| found == cause))
        }
        Err(_) => false,
    };
    Ok(if same { place } else { 0 })
}

fn cause_of(text: &str) -> Result<Cause, Failure> {
    let parts: Vec<u64> = text.split('/').map(str::parse).collect::<Result<_, _>>()?;
    match parts[..] {
        [shard, sequence, index, ordinal, _count] => Ok((shard, sequence, index, ordinal)),
        _ => Err(format!("not a cause: {text}").into()),
    }
}

/// What was carried out, one JSON line each: rule 2.
struct Ledger {
    file: File,
    done: Done,
}

impl Ledger {
    /// Opens a ledger and drops a line that was not written to its end.
    fn open(path: &Path) -> Result<Self, Failure> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        file.set_len(whole as u64)?;
        file.seek(SeekFrom::End(0))?;
        let done = match text[..whole].lines().last() {
            Some(line) => {
                let line: Value = serde_json::from_str(line)?;
                let place = line["place"].as_u64().ok_or("a ledger line without a place")?;
                Some((place, cause_of(line["cause"].as_str().unwrap_or(""))?))
            }
            None => None,
        };
        Ok(Self { file, done })
    }

    fn carry_out(&mut self, place: u64, cause: Cause, payload: &[u8]) -> Result<(), Failure> {
        let event: Value = serde_json::from_slice(payload)?;
        let (shard, sequence, index, ordinal) = cause;
        let line = json!({
            "place": place,
            "cause": format!("{shard}/{sequence}/{index}/{ordinal}/0"),
            "type": event["type"],
            "decision": event["data"],
        });
        self.file.write_all(format!("{line}\n").as_bytes())?;
        self.file.sync_data()?;
        self.done = Some((place, cause));
        Ok(())
    }
}

struct Args {
    nats: Option<String>,
    token: Option<String>,
    data_dir: PathBuf,
    ledger: PathBuf,
    tenant: String,
    shard: u32,
}

impl Args {
    fn parse() -> Result<Self, Failure> {
        let mut args = Self {
            nats: None,
            token: None,
            data_dir: "./data".into(),
            ledger: "decisions.ndjson".into(),
            tenant: "default".to_owned(),
            shard: 0,
        };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let value = words.next().ok_or_else(|| format!("{word} needs a value"))?;
            match word.as_str() {
                "--nats" => args.nats = Some(value),
                "--token" => args.token = Some(value),
                "--data-dir" => args.data_dir = value.into(),
                "--ledger" => args.ledger = value.into(),
                "--tenant" => args.tenant = value,
                "--shard" => args.shard = value.parse()?,
                _ => return Err(format!("{word} is not known; see the head of this example").into()),
            }
        }
        Ok(args)
    }

    /// The server, asked for at each attempt: a private one may have another port after a restart.
    fn server(&self) -> Result<(String, Option<String>), Failure> {
        if let Some(nats) = &self.nats {
            return Ok((nats.clone(), self.token.clone()));
        }
        let endpoint: Value =
            serde_json::from_slice(&std::fs::read(self.data_dir.join("nats.endpoint.json"))?)?;
        let word = |name: &str| endpoint[name].as_str().map(ToOwned::to_owned);
        Ok((word("url").ok_or("no url in the endpoint file")?, word("token")))
    }
}
