// What the page knows of its alert: the row, the findings behind the probability, and the events of the case once the log was read.
import { computed, effect, signal } from "@preact/signals";
import { evidenceOf, type Row } from "../../lib/alerts";
import { follow, rows, type Query } from "../../lib/data";
import { sequence } from "../../lib/live";
import { settled } from "../../parts/review";
import type { Told } from "../../lib/timeline";

export const alert = follow("alert"), score = follow("alert_score"), peers = follow("alert_peers"), cluster = follow("alert_cluster");
// Retry on the alert mends what failed beside it.
alert.data.subscribe((result) => { if (result) for (const q of [score, peers, cluster]) if (q.error.peek()) q.retry(); });
export const row = computed((): Row | null => rows(alert.data.value)[0] ?? null);

/** A log of so many batches is read without asking. */
const near = 10_000;
export const log = signal<Query | null>(null);
export const readLog = (): void => { log.value ? log.value.retry() : log.value = follow("alert_events"); };
export const events = computed((): Told[] | null => {
  const result = log.value?.data.value, shows = row.value ? evidenceOf(row.value) : [];
  return result ? rows(result).map((r) => ({ sequence: Number(r.sequence), index: Number(r.index), time: String(r.time), source: String(r.source ?? ""), id: String(r.id ?? ""), type: String(r.type ?? ""), subject: String(r.subject ?? ""), data: String(r.data ?? "{}"), evidence: r.evidence === true && shows.some((e) => e.id === r.id && (!e.source || e.source === r.source)) })) : null;
});
effect(() => { if (row.value && !log.peek() && sequence.peek() <= near) readLog(); });
// What people say of it stands in the log too: it is read again when the alert changes.
let at: unknown = null;
effect(() => { const now = row.value?.updated_at ?? null; if (at != null && now != null && now !== at && log.peek()) log.peek()!.retry(); at = now ?? at; });
let seen = settled.peek();
effect(() => { if (settled.value !== seen) { seen = settled.value; alert.retry(); } });
