//! Key lookups over the PostgreSQL wire, prepared, while events arrive.

use std::time::{Duration, Instant};

use crate::engine::Engine;
use crate::freshness::Writers;
use crate::report::{figure, quantile};
use crate::world;

/// A connection to the engine's PostgreSQL wire.
pub async fn connect(addr: &str) -> tokio_postgres::Client {
    let (host, port) = addr.split_once(':').unwrap();
    let config = format!("host={host} port={port} user=eddy dbname=eddy");
    let (client, connection) = tokio_postgres::connect(&config, tokio_postgres::NoTls)
        .await
        .unwrap();
    tokio::spawn(connection);
    client
}

pub fn run() {
    let engine = Engine::start(&["--durability", "synced"]);
    let loaded = 1_000_000;
    crate::backlog::post_shipments(&engine, loaded);
    engine.settle();
    let writers = Writers::start(&engine.http, 2_000, usize::MAX, None);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut samples = Vec::new();
    runtime.block_on(async {
        let client = connect(&engine.pg).await;
        let statement = client
            .prepare("select awb, status, courier, updated_at from shipments where awb = $1")
            .await
            .unwrap();
        let end = Instant::now() + Duration::from_secs(10);
        let mut n: usize = 0;
        while Instant::now() < end {
            n = (n
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407))
                % loaded;
            let awb = world::awb(99, n);
            let begin = Instant::now();
            let rows = client.query(&statement, &[&awb]).await.unwrap();
            samples.push(begin.elapsed().as_secs_f64() * 1e3);
            assert_eq!(rows.len(), 1);
        }
    });
    writers.stop();
    let note = format!(
        "{loaded} shipments, one connection, prepared, while 2,000 events/s arrive; {} lookups",
        samples.len()
    );
    figure(
        "lookup",
        "key lookup by the PostgreSQL wire, p50",
        quantile(&mut samples, 0.50),
        "ms",
        &note,
    );
    figure(
        "lookup",
        "key lookup by the PostgreSQL wire, p99",
        quantile(&mut samples, 0.99),
        "ms",
        &note,
    );
}
