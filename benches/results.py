"""Reads figures (JSON lines) and prints benches/RESULTS.md: machine, versions, limits, and a row a figure beside its target."""
import datetime
import json
import os
import platform
import subprocess
import sys

# (bench, beginning of what) -> target in words; a figure without one is context.
TARGETS = {
    ("backlog", "JetStream to queryable rows"): "at least 300,000 events/s",
    ("fold", "in-memory folds"): "at least 1,000,000 events/s",
    ("load", "durable file load, canonical"): "at least 150,000 events/s",
    ("http", "durable HTTP ingest, latency p99"): "under 10 ms",
    ("http", "durable HTTP ingest, latency p50"): "",
    ("http", "durable HTTP ingest"): "at least 10,000 events/s",
    ("freshness", "accepted to row visible at 2000 events/s, p99"): "under 15 ms",
    ("lookup", "key lookup by the PostgreSQL wire, p99"): "under 3 ms",
    ("scan", "group-by over 10M rows while ingesting, ratio"): "within 1.5",
    ("tables", "live table memory"): "under 200 bytes a row",
    ("fold", "in-memory folds of all projections, every detector"): "at least 300,000 events/s",
    ("fold", "in-memory folds of all projections, parcels and returns scored"): "",
    ("assess", "a return assessed while 2,000 events/s arrive, p99"): "under 10 ms",
    ("load", "durable file load, amazon_india"): "at least 150,000 events/s",
    ("restart", "restart to answering"): "within 10 s",
    ("merchandise", "a merchandiser's query, p95"): "under 50 ms",
    ("watch", "what the watch of return rates adds"): "under 1 us",
    ("score", "one score with explanation, p50"): "under 10 us",
    ("score", "one score with explanation, p99"): "under 50 us",
    ("decisions", "event sent to decision received at 2000 events/s, a decision for one in ten, p99"): "under 5 ms",
    ("decisions", "event sent to decision received at 2000 events/s, a decision for each, p99"): "under 5 ms",
    ("decisions", "event sent to decision received at 10000 events/s, a decision for one in ten, p99"): "under 15 ms",
}


def said(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def cpu():
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as text:
            return next(line.split(":", 1)[1].strip() for line in text if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or "unknown"


def shown(value, unit):
    if abs(value) >= 1000:
        return f"{value:,.0f} {unit}"
    return f"{value:.3g} {unit}"


def target(bench, what):
    best = ""
    for (name, begins), words in TARGETS.items():
        if name == bench and what.startswith(begins) and len(begins) > len(best):
            best = begins
    return TARGETS.get((bench, best), "")


def main():
    figures = [json.loads(line) for line in sys.stdin if line.startswith("{")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    print("# Measured\n")
    print("Written by `make bench`. One machine, one run; figures of shared machines move by a tenth or two between runs.\n")
    print(f"- {datetime.date.today()}, {cpu()}, {os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} {platform.release()}")
    print(f"- {said('rustc', '--version')}, release profile; nats-server 2.15.1; DuckDB as in `scripts/setup`")
    print("- Load generators, the engine and nats-server share the same cores.\n")
    print("| bench | what | measured | target | how |\n|---|---|---:|---|---|")
    for f in figures:
        print(f"| {f['bench']} | {f['what']} | {shown(f['value'], f['unit'])} | {target(f['bench'], f['what'])} | {f['note']} |")
    notes = os.path.join(os.path.dirname(os.path.abspath(__file__)), "NOTES.md")
    if os.path.exists(notes):
        print()
        with open(notes, encoding="utf-8") as text:
            print(text.read().strip())


main()
