//! Measurements, in release, each printed as one JSON line that `scripts/bench` gathers into `benches/RESULTS.md`.
//!
//!     cargo bench --bench eddy -- [NAME ...]
//!
//! Names: fold, watch, score, tables, scan, backlog, http, load, freshness, decisions, lookup, merchandise, assess, restart. Nothing here decides a test.

mod assess;
mod backlog;
mod decisions;
mod engine;
mod fold;
mod freshness;
mod http;
mod load;
mod lookup;
mod merchandise;
mod report;
mod restart;
mod scan;
mod score;
mod tables;
mod watch;
mod world;

/// The engine's own allocator, so that what runs in this process runs as it does there.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    // As the engine does.
    #[cfg(target_os = "linux")]
    rustix::thread::disable_transparent_huge_pages(true).expect("the kernel knows large pages");
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|arg| !arg.starts_with("--"))
        .collect();
    let all: [(&str, fn()); 14] = [
        ("fold", fold::run),
        ("watch", watch::run),
        ("score", score::run),
        ("tables", tables::run),
        ("scan", scan::run),
        ("backlog", backlog::run),
        ("http", http::run),
        ("load", load::run),
        ("freshness", freshness::run),
        ("decisions", decisions::run),
        ("lookup", lookup::run),
        ("merchandise", merchandise::run),
        ("assess", assess::run),
        ("restart", restart::run),
    ];
    for (name, run) in all {
        if wanted.is_empty() || wanted.iter().any(|w| w == name) {
            eprintln!("bench: {name}");
            run();
        }
    }
}
