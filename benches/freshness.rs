//! From the answer 202 to the row a query sees, at a steady rate with the log synced: a paced writer posts one event a
//! request; a sampler asks for the key over the PostgreSQL wire from the moment of its answer until the row is there.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use crate::engine::Engine;
use crate::http::{Connection, request};
use crate::report::{figure, quantile};
use crate::world;

pub fn run() {
    for rate in [2_000, 10_000] {
        let engine = Engine::start(&["--durability", "synced"]);
        let mut samples = measure(&engine, rate, Duration::from_secs(10));
        let note = format!(
            "{rate} events/s in single requests, log synced, {} samples",
            samples.len()
        );
        for (name, q) in [("p50", 0.50), ("p99", 0.99)] {
            let what = format!("accepted to row visible at {rate} events/s, {name}");
            figure("freshness", &what, quantile(&mut samples, q), "ms", &note);
        }
    }
}

/// Paced writers on several connections; returns the client threads' stop.
pub struct Writers {
    stop: Arc<AtomicUsize>,
    threads: Vec<std::thread::JoinHandle<usize>>,
}

impl Writers {
    /// Posts `rate` events a second until stopped; sends the AWB and time of each `every`th answer.
    pub fn start(
        addr: &str,
        rate: usize,
        every: usize,
        acknowledged: Option<mpsc::SyncSender<(String, Instant)>>,
    ) -> Self {
        let stop = Arc::new(AtomicUsize::new(0));
        let connections = 16;
        let threads = (0..connections)
            .map(|client| {
                let (addr, stop, acknowledged) = (addr.to_owned(), stop.clone(), acknowledged.clone());
                std::thread::spawn(move || {
                    let mut connection = Connection::open(&addr).unwrap();
                    let begin = Instant::now();
                    let gap = Duration::from_secs_f64(connections as f64 / rate as f64);
                    let mut n = 0;
                    while stop.load(Ordering::Relaxed) == 0 {
                        let due = begin + gap * n as u32;
                        if let Some(wait) = due.checked_duration_since(Instant::now()) {
                            std::thread::sleep(wait);
                        }
                        let body = world::manifested(client, n);
                        let bytes = request("/v1/events", "application/cloudevents+json", body.as_bytes());
                        let (status, _) = connection.exchange(&bytes).unwrap();
                        assert_eq!(status, 202);
                        if n % every == 0
                            && let Some(sender) = &acknowledged
                        {
                            let _ = sender.try_send((world::awb(client, n), Instant::now()));
                        }
                        n += 1;
                    }
                    n
                })
            })
            .collect();
        Self { stop, threads }
    }

    /// Ends the writers; returns how many events they posted.
    pub fn stop(self) -> usize {
        self.stop.store(1, Ordering::Relaxed);
        self.threads.into_iter().map(|t| t.join().unwrap()).sum()
    }
}

fn measure(engine: &Engine, rate: usize, span: Duration) -> Vec<f64> {
    let (sender, receiver) = mpsc::sync_channel(1);
    let writers = Writers::start(&engine.http, rate, 20, Some(sender));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut samples = Vec::new();
    runtime.block_on(async {
        let client = crate::lookup::connect(&engine.pg).await;
        let statement = client
            .prepare("select awb from shipments where awb = $1")
            .await
            .unwrap();
        let end = Instant::now() + span;
        while Instant::now() < end {
            let Ok((awb, acknowledged)) = receiver.recv_timeout(Duration::from_secs(1)) else {
                break;
            };
            while client.query(&statement, &[&awb]).await.unwrap().is_empty() {
                assert!(
                    acknowledged.elapsed() < Duration::from_secs(10),
                    "{awb} does not appear"
                );
            }
            samples.push(acknowledged.elapsed().as_secs_f64() * 1e3);
        }
    });
    drop(receiver);
    let posted = writers.stop();
    eprintln!("  {posted} events posted at {rate}/s");
    samples
}
