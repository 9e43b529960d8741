//! `GET /v1/live`: server-sent events. One task a process merges the tables' frames, at most four a second, and keeps the last
//! minute for resuming; it runs only while somebody listens, so that loading pays nothing for an unwatched page.
//!
//! A frame tells which keys changed, not their values: a page asks `POST /v1/sql` for those it shows. Frames are numbered for resuming; the sequence of
//! the log does not order them, for dead letters change without it.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{Query, State};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use eddy_query::LiveTables;
use eddy_query::live::{Frame, Keys};
use futures::Stream;
use futures::stream::unfold;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::secure;
use crate::shell::utc;

/// Least time between two frames.
const PACE: Duration = Duration::from_millis(250);
/// Silence after which a heartbeat is sent.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// How long the feed goes on without a listener, so that a reader who changes pages can resume.
const LINGER: Duration = Duration::from_secs(30);
/// Frames kept for resuming: a minute at full pace.
const KEPT: usize = 240;
/// Keys named per table and frame; beyond, `many`.
const NAMED_KEYS: usize = 100;

/// The changed keys of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
enum Changed {
    Keys(Vec<String>),
    Many(&'static str),
}

/// What a page gets.
#[derive(Debug, Clone, Serialize)]
struct Tidings {
    sequence: u64,
    event_time: Option<String>,
    changed: BTreeMap<String, Changed>,
}

/// A place in the feed: which run of it, and the frame of that run. Of another run nothing is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    run: u32,
    number: u64,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:08x}-{}", self.run, self.number)
    }
}

impl Place {
    fn parse(id: &str) -> Option<Self> {
        let (run, number) = id.split_once('-')?;
        Some(Self {
            run: u32::from_str_radix(run, 16).ok()?,
            number: number.parse().ok()?,
        })
    }
}

#[derive(Debug, Clone)]
enum Sent {
    Frame(Place, Arc<Tidings>),
    /// Frames were lost: read everything again.
    Reset(Place, u64),
}

impl Sent {
    fn event(&self) -> Event {
        match self {
            Self::Frame(place, tidings) => Event::default()
                .id(place.to_string())
                .json_data(&**tidings)
                .unwrap_or_else(|_| Event::default().event("reset").data("{}")),
            Self::Reset(place, sequence) => Event::default()
                .id(place.to_string())
                .event("reset")
                .data(format!("{{\"sequence\":{sequence}}}")),
        }
    }
}

#[derive(Debug)]
struct Inner {
    running: bool,
    /// The newest frame.
    place: Place,
    /// Number before the first kept frame: a reader who has seen it can resume.
    from: u64,
    kept: VecDeque<(Place, Arc<Tidings>)>,
    sender: broadcast::Sender<Sent>,
}

impl Inner {
    /// The frames after a place, unless some of them are gone.
    fn after(&self, last: Place) -> Option<VecDeque<Sent>> {
        let known = last.run == self.place.run && (self.from..=self.place.number).contains(&last.number);
        known.then(|| {
            let missed = self.kept.iter().filter(|(place, _)| place.number > last.number);
            missed
                .map(|(place, tidings)| Sent::Frame(*place, Arc::clone(tidings)))
                .collect()
        })
    }
}

/// The feed of a process.
#[derive(Debug)]
pub(crate) struct Feed {
    tables: Arc<LiveTables>,
    shutdown: CancellationToken,
    inner: Mutex<Inner>,
}

impl Feed {
    pub(crate) fn new(tables: Arc<LiveTables>, shutdown: CancellationToken) -> Arc<Self> {
        let inner = Inner {
            running: false,
            place: Place { run: 0, number: 0 },
            from: 0,
            kept: VecDeque::new(),
            sender: broadcast::channel(64).0,
        };
        Arc::new(Self {
            tables,
            shutdown,
            inner: Mutex::new(inner),
        })
    }

    fn inner(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The feed, running: what is applied from now on will be told.
    fn running(self: &Arc<Self>) -> std::sync::MutexGuard<'_, Inner> {
        let mut inner = self.inner();
        if !inner.running {
            let frames = self.tables.subscribe();
            inner.running = true;
            inner.place = Place {
                run: rand::random(),
                number: 0,
            };
            inner.from = 0;
            inner.kept.clear();
            tokio::spawn(Arc::clone(self).run(frames));
        }
        inner
    }

    /// Where a page that reads the tables now has to go on listening.
    pub(crate) fn place(self: &Arc<Self>) -> String {
        self.running().place.to_string()
    }

    fn now(&self) -> Tidings {
        let snapshot = self.tables.snapshot();
        Tidings {
            sequence: snapshot.sequence(),
            event_time: snapshot.event_time_micros().and_then(utc),
            changed: BTreeMap::new(),
        }
    }

    /// What a new listener is told at once, and all that follows, without a gap between.
    fn listen(self: &Arc<Self>, last: Option<&str>) -> (VecDeque<Sent>, broadcast::Receiver<Sent>) {
        let inner = self.running();
        let now = self.now();
        let reset = Sent::Reset(inner.place, now.sequence);
        let frame = Sent::Frame(inner.place, Arc::new(now));
        let at_once = match last.map(|id| Place::parse(id).and_then(|last| inner.after(last))) {
            Some(None) => VecDeque::from([reset, frame]),
            Some(Some(missed)) if !missed.is_empty() => missed,
            None | Some(Some(_)) => VecDeque::from([frame]),
        };
        (at_once, inner.sender.subscribe())
    }

    fn publish(&self, tidings: Tidings) {
        let mut inner = self.inner();
        let tidings = Arc::new(tidings);
        inner.place.number += 1;
        let place = inner.place;
        inner.kept.push_back((place, Arc::clone(&tidings)));
        if inner.kept.len() > KEPT
            && let Some((gone, _)) = inner.kept.pop_front()
        {
            inner.from = gone.number;
        }
        // No listener: the frame is kept for one who comes back.
        let _ = inner.sender.send(Sent::Frame(place, tidings));
    }

    /// What a listener is told who was too slow for what is kept.
    fn lagged(&self) -> Sent {
        Sent::Reset(self.inner().place, self.tables.snapshot().sequence())
    }

    /// Frames of the tables were lost: nobody can resume from before.
    fn reset(&self) {
        let sequence = self.tables.snapshot().sequence();
        let mut inner = self.inner();
        inner.place.number += 1;
        inner.from = inner.place.number;
        inner.kept.clear();
        let _ = inner.sender.send(Sent::Reset(inner.place, sequence));
    }

    /// Merges frames and publishes them in measured steps until nobody has listened for a while.
    async fn run(self: Arc<Self>, mut frames: broadcast::Receiver<Arc<Frame>>) {
        let mut merged = Merged::default();
        let mut due = Instant::now();
        let mut heard = Instant::now();
        loop {
            tokio::select! {
                () = self.shutdown.cancelled() => break,
                frame = frames.recv() => match frame {
                    Ok(frame) => merged.add(&frame),
                    Err(RecvError::Lagged(_)) => {
                        merged = Merged::default();
                        self.reset();
                    }
                    Err(RecvError::Closed) => break,
                },
                () = sleep_until(due), if !merged.is_empty() => {
                    let now = self.now();
                    self.publish(std::mem::take(&mut merged).tidings(now));
                    due = Instant::now() + PACE;
                }
                () = sleep_until(heard + LINGER) => {
                    let mut inner = self.inner();
                    if inner.sender.receiver_count() == 0 {
                        inner.running = false;
                        return;
                    }
                    heard = Instant::now();
                }
            }
        }
        self.inner().running = false;
    }
}

/// Frames merged until the next step.
#[derive(Debug, Default)]
struct Merged {
    frames: usize,
    changed: BTreeMap<String, Changed>,
}

impl Merged {
    fn is_empty(&self) -> bool {
        self.frames == 0
    }

    fn add(&mut self, frame: &Frame) {
        self.frames += 1;
        for table in &frame.changed {
            let known = match self.changed.get_mut(&*table.name) {
                Some(known) => known,
                None => self
                    .changed
                    .entry(table.name.to_string())
                    .or_insert_with(|| Changed::Keys(Vec::new())),
            };
            let Changed::Keys(listed) = known else { continue };
            match &table.keys {
                Keys::Some(keys) if listed.len() + keys.len() <= NAMED_KEYS => {
                    listed.extend(keys.iter().map(|k| k.join("/")))
                }
                Keys::Some(_) | Keys::Many(_) => *known = Changed::Many("many"),
            }
        }
    }

    /// The frame of what changed, as of the newest snapshot, which holds all of it.
    fn tidings(mut self, now: Tidings) -> Tidings {
        for keys in self.changed.values_mut() {
            if let Changed::Keys(keys) = keys {
                keys.sort_unstable();
                keys.dedup();
            }
        }
        Tidings {
            changed: self.changed,
            ..now
        }
    }
}

/// Where a reader goes on. Browsers send the header on their own reconnects; a page that opens the stream anew can only ask by address.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct From {
    last_event_id: Option<String>,
}

/// Serves the stream.
pub(crate) async fn stream(
    State(feed): State<Arc<Feed>>,
    Query(from): Query<From>,
    headers: HeaderMap,
) -> Response {
    let header = headers
        .get("last-event-id")
        .and_then(|v| v.to_str().ok())
        .map(str::to_owned);
    // An id of another run of the engine resets, as a gap does.
    let last = header.or(from.last_event_id).filter(|id| !id.is_empty());
    let mut response = Sse::new(events(&feed, last.as_deref())).into_response();
    let out = response.headers_mut();
    secure::plain(out);
    out.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Proxies that buffer would hold frames back.
    out.insert(
        HeaderName::from_static("x-accel-buffering"),
        HeaderValue::from_static("no"),
    );
    response
}

fn events(feed: &Arc<Feed>, last: Option<&str>) -> impl Stream<Item = Result<Event, Infallible>> + use<> {
    let (at_once, receiver) = feed.listen(last);
    let shutdown = feed.shutdown.clone();
    let feed = Arc::clone(feed);
    unfold(
        (at_once, receiver, feed, shutdown),
        |(mut at_once, mut receiver, feed, shutdown)| async move {
            let event = match at_once.pop_front() {
                Some(sent) => sent.event(),
                None => tokio::select! {
                    () = shutdown.cancelled() => return None,
                    sent = receiver.recv() => match sent {
                        Ok(sent) => sent.event(),
                        Err(RecvError::Lagged(_)) => feed.lagged().event(),
                        Err(RecvError::Closed) => return None,
                    },
                    () = tokio::time::sleep(HEARTBEAT) => {
                        Event::default().event("heartbeat").data(format!("{{\"sequence\":{}}}", feed.tables.snapshot().sequence()))
                    }
                },
            };
            Some((Ok(event), (at_once, receiver, feed, shutdown)))
        },
    )
}
