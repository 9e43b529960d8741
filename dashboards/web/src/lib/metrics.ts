// Reads /metrics as text, keeps a minute of samples, and makes rates and quantiles of the difference. Computed here, so that a figure
// is of the last minute and not of the engine's whole life.
import { signal } from "@preact/signals";
import { frozen } from "./live";

export interface Sample { at: number; values: Map<string, { labels: Record<string, string>; value: number }[]> }
export const samples = signal<Sample[]>([]);
export const unreachable = signal(false);

const line = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)/;
const label = /(\w+)="((?:[^"\\]|\\.)*)"/g;

export function parse(text: string, at: number): Sample {
  const values: Sample["values"] = new Map();
  for (const row of text.split("\n")) {
    if (!row || row[0] === "#") continue;
    const m = line.exec(row);
    if (!m) continue;
    const labels: Record<string, string> = {};
    for (const l of (m[2] ?? "").matchAll(label)) labels[l[1]!] = l[2]!;
    let list = values.get(m[1]!);
    if (!list) values.set(m[1]!, list = []);
    list.push({ labels, value: m[3] === "+Inf" ? Infinity : Number(m[3]) });
  }
  return { at, values };
}

const everyMs = 5000, keep = 13;
let started = false;
export function watchMetrics(): void {
  if (started) return;
  started = true;
  const read = async () => {
    if (document.visibilityState === "visible" && frozen.peek() == null) {
      try {
        const response = await fetch("/metrics");
        if (!response.ok) throw new Error(String(response.status));
        samples.value = [...samples.peek(), parse(await response.text(), Date.now())].slice(-keep);
        unreachable.value = false;
      } catch { unreachable.value = true; }
    }
    // The second sample comes early, so that there is a difference to show.
    setTimeout(read, samples.peek().length === 1 ? 1000 : everyMs);
  };
  void read();
}

type Match = Record<string, string>;
const pick = (s: Sample, name: string, match: Match = {}) => (s.values.get(name) ?? []).filter((v) => Object.entries(match).every(([k, want]) => v.labels[k] === want));
export const total = (s: Sample | undefined, name: string, match?: Match): number | null => {
  const found = s ? pick(s, name, match) : [];
  return found.length ? found.reduce((n, v) => n + v.value, 0) : null;
};
export const newest = (): Sample | undefined => samples.value.at(-1);

/** The first of the names that the engine exposes. */
export const present = (names: readonly string[], suffix = ""): string | null => names.find((n) => newest()?.values.has(n + suffix)) ?? null;

/** Increase a second over the kept samples; a counter that fell (a restart) counts from there. */
export function rate(name: string, match?: Match): number | null {
  const list = samples.value;
  if (list.length < 2) return null;
  let sum = 0;
  for (let i = 1; i < list.length; i++) {
    const a = total(list[i - 1], name, match), b = total(list[i], name, match);
    if (a == null || b == null) continue;
    sum += b >= a ? b - a : b;
  }
  return sum / ((list.at(-1)!.at - list[0]!.at) / 1000);
}

/** A quantile of a histogram over the kept samples, linear within the bucket as Prometheus does; null when nothing was observed. */
export function quantile(name: string, q: number, match?: Match): number | null {
  const list = samples.value;
  if (list.length < 2) return null;
  const buckets = (s: Sample) => {
    const by = new Map<number, number>();
    for (const v of pick(s, name + "_bucket", match)) { const le = v.labels.le === "+Inf" ? Infinity : Number(v.labels.le); by.set(le, (by.get(le) ?? 0) + v.value); }
    return by;
  };
  const a = buckets(list[0]!), b = buckets(list.at(-1)!);
  const rows = [...b].sort((x, y) => x[0] - y[0]).map(([le, n]) => [le, Math.max(0, n - (a.get(le) ?? 0))] as const);
  const all = rows.at(-1)?.[1] ?? 0;
  if (!all) return null;
  const rank = q * all;
  let low = 0, before = 0;
  for (const [le, n] of rows) {
    if (n >= rank) return le === Infinity ? low : low + (le - low) * (n === before ? 1 : (rank - before) / (n - before));
    low = le;
    before = n;
  }
  return low;
}

/** Milliseconds of a histogram whose name says its unit. */
export const quantileMs = (name: string, q: number, match?: Match): number | null => {
  const value = quantile(name, q, match);
  return value == null ? null : /_(ms|millis|milliseconds)$/.test(name) ? value : /_(us|micros|microseconds)$/.test(name) ? value / 1000 : value * 1000;
};

/** From the log's receipt of a message to its rows in the tables. */
export const visible = "eddy_fold_visible_seconds";
