//! One line a figure, and percentiles.

use serde_json::json;

/// Prints one measured figure. `limit` names what bounds it, in words.
pub fn figure(bench: &str, what: &str, value: f64, unit: &str, note: &str) {
    println!(
        "{}",
        json!({ "bench": bench, "what": what, "value": value, "unit": unit, "note": note })
    );
}

/// The q-quantile of samples, by nearest rank; sorts them.
pub fn quantile(samples: &mut [f64], q: f64) -> f64 {
    assert!(!samples.is_empty(), "no samples");
    samples.sort_by(f64::total_cmp);
    let rank = (q * samples.len() as f64).ceil() as usize;
    samples[rank.clamp(1, samples.len()) - 1]
}

/// Median of several runs, each giving one number.
pub fn median_of(runs: usize, mut run: impl FnMut() -> f64) -> f64 {
    let mut values: Vec<f64> = (0..runs).map(|_| run()).collect();
    quantile(&mut values, 0.5)
}
