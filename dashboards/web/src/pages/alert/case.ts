// What the page knows of its alert: the row, the findings behind the probability, and the events of the case once the log was read.
import { computed, effect, signal } from "@preact/signals";
import { evidenceOf, type Row } from "../../lib/alerts";
import { follow, rows, text, type Query } from "../../lib/data";
import { sequence } from "../../lib/live";
import { settled } from "../../parts/review";
import type { Told } from "../../lib/timeline";

export const alert = follow("alert"), score = follow("alert_score"), keys = follow("alert_keys"), peers = follow("alert_peers"), cluster = follow("alert_cluster");
// Retry on the alert mends what failed beside it.
alert.data.subscribe((result) => { if (result) for (const q of [keys, score, peers, cluster]) if (q.error.peek()) q.retry(); });
export const row = computed((): Row | null => rows(alert.data.value)[0] ?? null);
/** Whether it is about a person more than about one order or return: then all of whom it names is its story. */
export const whole = computed(() => row.value != null && (row.value.subject_kind === "customer" || row.value.order_id == null && row.value.rma_id == null));

const texts = (list: unknown[]): string => [...new Set(list.map(String))].sort().map(text).join(", ") || "''";
const textOr = (value: unknown): string => text(value == null ? "" : String(value));
/** What the events of the case are known by. Read anew whenever the alert or its parcels change. */
const about = {
  get keys() { return texts(rows(keys.data.value).map((k) => k.subject)); },
  get ids() { return texts(row.value ? evidenceOf(row.value).flatMap((e) => e.id ?? []) : []); },
  get order() { return textOr(row.value?.order_id); },
  get rma() { return textOr(row.value?.rma_id); },
  get customer() { return textOr(whole.value ? row.value?.customer_id : ""); },
  get agent() { return textOr(whole.value && row.value?.customer_id == null ? row.value?.agent : ""); },
};

/** A log of so many batches is read without asking. */
const near = 10_000;
export const log = signal<Query | null>(null);
export const readLog = (): void => { log.value ? log.value.retry() : log.value = follow("alert_events", about); };
export const events = computed((): Told[] | null => {
  const result = log.value?.data.value, shows = row.value ? evidenceOf(row.value) : [];
  return result ? rows(result).map((r) => ({ sequence: Number(r.sequence), index: Number(r.index), time: String(r.time), source: String(r.source ?? ""), id: String(r.id ?? ""), type: String(r.type ?? ""), subject: String(r.subject ?? ""), data: String(r.data ?? "{}"), evidence: shows.some((e) => e.id === r.id && (!e.source || e.source === r.source)) })) : null;
});
effect(() => { if (row.value && keys.data.value && !log.peek() && sequence.peek() <= near) readLog(); });
// What people say of it stands in the log too: it is read again when the alert changes.
let at: unknown = null;
effect(() => { const now = row.value?.updated_at ?? null; if (at != null && now != null && now !== at && log.peek()) log.peek()!.retry(); at = now ?? at; });
let seen = settled.peek();
effect(() => { if (settled.value !== seen) { seen = settled.value; alert.retry(); } });
