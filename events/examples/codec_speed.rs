//! Prints what reading and writing one event costs, in nanoseconds. `cargo run --release -p eddy-events --example codec_speed`.
//!
//! A rough figure of the machine at hand, not a benchmark with statistics: the best of several rounds.

use std::hint::black_box;
use std::time::Instant;

use eddy_events::codec;

const SCAN: &str = r#"{"specversion":"1.0","id":"scan-000000012345-07","source":"urn:courier:delhivery","type":"eddy.shipment.out_for_delivery","subject":"DL0004521987","time":"2026-11-02T18:41:07+05:30","data":{"agent":"agt_5521","attempt_no":1,"awb":"DL0004521987","courier":"delhivery","hub":"BLR-HUB-1","mapping_version":"delhivery-3","pincode":"560034","raw_code":"UD-OFD"}}"#;

fn main() {
    let examples: Vec<(&str, Vec<u8>)> = [
        "eddy.shipment.delivery_failed",
        "eddy.shipment.manifested",
        "eddy.order.placed",
    ]
    .into_iter()
    .filter_map(|kind| {
        let path = format!("{}/tests/golden/{kind}.json", env!("CARGO_MANIFEST_DIR"));
        std::fs::read(path).ok().map(|raw| (kind, raw))
    })
    .chain([("eddy.shipment.out_for_delivery", SCAN.as_bytes().to_vec())])
    .collect();
    println!(
        "{:<34}{:>7}{:>9}{:>9}{:>14}{:>9}{:>13}",
        "type", "bytes", "decode", "encode", "canonicalise", "(raw)", "fingerprint"
    );
    for (kind, raw) in &examples {
        let (event, line) = match codec::canonicalise(raw) {
            Ok(done) => done,
            Err(rejection) => {
                eprintln!("{kind}: {rejection}");
                continue;
            }
        };
        let decode = best(|| drop(black_box(codec::decode(black_box(&line)))));
        let encode = best(|| drop(black_box(codec::encode(black_box(&event)))));
        let again = best(|| drop(black_box(codec::canonicalise(black_box(&line)))));
        let fresh = best(|| drop(black_box(codec::canonicalise(black_box(raw)))));
        let hash = best(|| {
            let _ = black_box((event.identity(), eddy_events::fingerprint(black_box(&line))));
        });
        println!(
            "{kind:<34}{:>7}{decode:>9.0}{encode:>9.0}{again:>14.0}{fresh:>9.0}{hash:>13.0}",
            line.len()
        );
    }
}

/// Nanoseconds a call, the best of several rounds.
fn best(mut call: impl FnMut()) -> f64 {
    const CALLS: u32 = 20_000;
    let mut best = f64::INFINITY;
    for _ in 0..15 {
        let start = Instant::now();
        for _ in 0..CALLS {
            call();
        }
        best = best.min(start.elapsed().as_nanos() as f64 / f64::from(CALLS));
    }
    best
}
