// The action queue: recommended, still valid, unanswered, by expected gain. `1` accepts and `2` overrides the row that is chosen, by its decision and never by its place.
import { computed, signal } from "@preact/signals";
import { follow, num, rows } from "../../lib/data";
import { count, duration, instant, missing, money, percent, words } from "../../lib/format";
import { eventTime } from "../../lib/live";
import { hold } from "../../lib/order";
import { get, set } from "../../lib/url";
import { Card } from "../../parts/card";
import { fit, Grid } from "../../parts/grid";
import { accept, answers, override, Said, type Answerable } from "../../parts/reroute";

export const queue = follow("routing_queue");
type Row = Record<string, unknown>;
const key = (r: Row) => String(r.decision_id);

const order = signal<string[] | null>(null);
const held = computed(() => {
  const all = rows(queue.data.value);
  return order.value ? hold(order.value, all, key) : { rows: all, moved: 0, fresh: 0 };
});
export const reorder = (): void => { const result = queue.data.peek(); if (result) order.value = rows(result).map(key); };
// The order is taken from the first answer, and again whenever there was nothing to keep.
queue.data.subscribe((result) => { if (result && !order.peek()?.length) reorder(); });

const chosen = computed(() => held.value.rows.find((r) => key(r) === get("at")) ?? null);
export const answerable = (r: Row): Answerable => ({
  decision_id: key(r), parcel: String(r.parcel ?? r.rma_id ?? r.order_id), stage: String(r.stage), action: String(r.action), recommended: true,
  to_courier: r.to_courier == null ? null : String(r.to_courier), to_hub: r.to_hub == null ? null : String(r.to_hub), from_courier: r.from_courier == null ? null : String(r.from_courier),
  risk_before: num(r.risk_before), expected_gain_minor: num(r.expected_gain_minor), currency: String(r.currency ?? ""), alternatives: r.alternatives,
});
const last = signal<{ id: string; what: string } | null>(null);
const act = (how: (d: Answerable) => void): void => {
  const row = chosen.peek();
  if (!row) return;
  const d = answerable(row);
  last.value = { id: d.decision_id, what: d.parcel };
  how(d);
};
export const acceptChosen = (): void => act(accept), overrideChosen = (): void => act(override);
const openDecision = (r: Row) => { location.href = `/decisions/${encodeURIComponent(key(r))}`; };

const left = (r: Row): string => { const until = instant(r.valid_until), clock = instant(eventTime.value); return until == null || clock == null ? missing : until <= clock ? "over" : duration(until - clock); };
const actionOf = (r: Row): string => r.to_hub ? `${words(r.action)}: ${r.to_hub}` : r.to_courier ? `${words(r.action)}: ${r.from_courier ?? missing} → ${r.to_courier}` : words(r.action);
const columns: { label: string; right?: boolean; mono?: boolean; show: (r: Row) => string }[] = [
  { label: "Expected gain", right: true, show: (r) => money(r.expected_gain_minor, String(r.currency ?? "")) },
  { label: "Parcel", mono: true, show: (r) => String(r.parcel ?? r.rma_id ?? r.order_id ?? missing) },
  { label: "Stage", show: (r) => words(r.stage) },
  { label: "Risk", right: true, show: (r) => percent(num(r.risk_before)) },
  { label: "Risk after", right: true, show: (r) => percent(num(r.risk_after)) },
  { label: "Action", show: actionOf },
  { label: "Time left", right: true, show: left },
  { label: "Reason", show: (r) => String(r.reason ?? "") },
];

export function Queue() {
  const { rows: list, fresh, moved } = held.value, at = list.findIndex((r) => key(r) === get("at")), row = list[at];
  const answer = row && answers.value.get(key(row)), busy = answer?.state === "pending" || answer?.state === "recorded";
  const widths = columns.map((c) => ({ label: c.label, right: c.right, mono: c.mono, width: c.label === "Reason" ? 620 : fit(c.label, list.slice(0, 40).map(c.show), c.mono) }));
  const gain = list.reduce((n, r) => n + num(r.expected_gain_minor), 0);
  return <Card query={queue} lines={6} class="queue" note={list.length ? <><b>{count(list.length)}</b> open{list.length === 200 ? ", the 200 of most gain" : ""}, together {money(gain, String(list[0]!.currency ?? ""))} by expectation. <kbd>1</kbd> accept, <kbd>2</kbd> override, <kbd>Enter</kbd> open. Time left is by event time.</> : undefined}
    isEmpty={!list.length && !fresh} empty={<><p class="empty"><span class="good">✓ No parcel waits for an answer.</span> One does when its risk is above the policy's threshold, something feasible is worth it, and the recommendation is still valid.</p>{last.value && <Said {...last.value} />}</>}>
    <div class="bar">
      {row ? <span class="chosen"><b class="mono">{columns[1]!.show(row)}</b> {actionOf(row)}</span> : <span>Choose a row to answer it.</span>}
      <button type="button" class="primary" disabled={!row || busy} onClick={acceptChosen}>Accept <kbd>1</kbd></button>
      <button type="button" disabled={!row || busy} onClick={overrideChosen}>Override… <kbd>2</kbd></button>
      {row && <a class="button" href={`/decisions/${encodeURIComponent(key(row))}`}>Why</a>}
      <span class="spring" />
      {(fresh > 0 || moved > 0) && <button type="button" onClick={reorder}>{[fresh && `${fresh} new`, moved && `${moved} rows would move`].filter(Boolean).join(", ")} <kbd>r</kbd></button>}
    </div>
    {last.value && <Said {...last.value} />}
    <Grid id="queue" label="Action queue" columns={widths} count={list.length} height={340} selected={at} cell={(r, c) => { const it = list[r]!, said = c === 5 ? answers.value.get(key(it)) : undefined; return said && said.state !== "failed" ? `${said.word}, ${said.state}` : columns[c]!.show(it); }}
      onRow={(r) => set({ at: key(list[r]!) }, false)} onMove={(r) => { const it = list[r]; if (it) set({ at: key(it) }, false); }} onEnter={(r) => openDecision(list[r]!)} />
  </Card>;
}
