// What came of a decision: the latest word, the parcel as it stands, realised against expected, and, when asked for, its events in the log.
import { signal } from "@preact/signals";
import { chosenOf, failureOf, type Alternative, type Decided } from "../../lib/alternatives";
import { follow, rows, type Query } from "../../lib/data";
import { count, missing, money, percent, stamp, when, words } from "../../lib/format";
import { sequence } from "../../lib/live";
import type { Policy } from "../../lib/policy";
import { Card, Changing, Table } from "../../parts/card";

const near = 200;
const log = signal<Query | null>(null);
const readLog = () => { log.value = follow("decision_events"); };

/** Members of an event's data that say what was done and why. */
function gist(data: unknown): string {
  try {
    const d = JSON.parse(String(data)) as Record<string, unknown>;
    return ["action", "courier", "ndr_reason", "attempt_no", "actor", "reason", "status"].flatMap((k) => d[k] == null ? [] : [k === "attempt_no" ? `attempt ${d[k]}` : k === "actor" ? `by ${d[k]}` : words(d[k])]).join(", ");
  } catch { return ""; }
}

function realised(row: Record<string, unknown>, list: Alternative[], d: Decided, policy: Policy | null): string {
  const chosen = list[chosenOf(list, d)], failure = chosen && policy ? failureOf(chosen, policy) : null, outcome = String(row.outcome ?? "");
  if (!chosen || !["delivered", "not_delivered"].includes(outcome)) return "not ended yet";
  const undelivered = outcome === "not_delivered", cost = chosen.expected_cost_minor - (failure ?? 0) * chosen.risk + (undelivered ? failure ?? 0 : 0);
  return failure == null ? missing : `${money(Math.round(cost), d.currency)}, where ${money(chosen.expected_cost_minor, d.currency)} was expected`;
}

export function Outcome({ query, row, list, d, policy }: { query: Query; row: Record<string, unknown>; list: Alternative[]; d: Decided; policy: Policy | null }) {
  const place = Number(String(row.decision_id).match(/^D(\d+)-/)?.[1]), opened = log.value;
  return <>
    <section class="card" data-card data-query={query.named.name} tabIndex={-1} aria-labelledby="t-outcome"><header><h2 id="t-outcome">What came of it</h2>
      <p class="note">Whether the action was carried out is what couriers and people told. One parcel proves nothing about a probability; many do.</p></header>
      <dl class="pairs">
        <div><dt>Latest word</dt><dd><Changing value={row.outcome == null ? "none yet" : words(row.outcome)} /></dd></div>
        <div><dt>Parcel now</dt><dd><Changing value={row.status_now == null ? missing : `${words(row.status_now)}, ${count(row.attempts_now)} ${Number(row.attempts_now) === 1 ? "attempt" : "attempts"}`} /></dd></div>
        <div><dt>Courier now</dt><dd>{String(row.courier_now ?? missing)}{d.to_courier && row.courier_now != null ? row.courier_now === d.to_courier ? ", as recommended" : ", not the recommended one" : ""}</dd></div>
        <div><dt>Promised</dt><dd>{when(row.promised_at)}</dd></div>
        <div><dt>Delivered</dt><dd>{when(row.delivered_at)}</dd></div>
        <div><dt>Risk it was given</dt><dd>{percent(Number(row.risk_after))}</dd></div>
        <div><dt>Cost, as the policy reckons</dt><dd>{realised(row, list, d, policy)}</dd></div>
      </dl>
    </section>
    {opened ? <Card query={opened} lines={4} tools={<button type="button" class="quiet" onClick={opened.retry}>Read again</button>}
        isEmpty={!rows(opened.data.value).length} empty={<p class="empty">The log has no event about it from its sequence on.</p>}>
        <Table label="Events" rows={rows(opened.data.value)} cells={[{ label: "Time", value: (r) => stamp(r.time).slice(0, 16) }, { label: "Event", mono: true, value: (r) => String(r.type).replace(/^eddy\./, "") }, { label: "What it says", value: (r) => <span class="wrap">{gist(r.data)}</span> }, { label: "Source", mono: true, value: (r) => String(r.source) }, { label: "Sequence", right: true, value: (r) => count(r.sequence) }]} /></Card>
      : <section class="card" data-card tabIndex={-1} aria-labelledby="t-events"><header><h2 id="t-events">Its events in the log</h2>
          <p class="note">Answers with their reasons, and the parcel's course. The log is read from sequence {count(place)} on{sequence.value - place > near ? `, ${count(sequence.value - place)} batches` : ""}.</p></header>
          <button type="button" onClick={readLog}>Read the log</button></section>}
  </>;
}
