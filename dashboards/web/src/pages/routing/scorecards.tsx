// Courier scorecards: what was observed over what the lanes served give with the other couriers (indirect standardisation), so that hard lanes are not held
// against a courier. It is done in odds, so that a rate stays a rate: observed odds / expected odds x the odds of all that is expected, which puts the average
// courier at the usual rate. The interval is the Wilson interval of the observed share, moved the same way; expected is taken for known.
import { computed, signal } from "@preact/signals";
import { follow, num, rows, type Query } from "../../lib/data";
import { count, missing, money, percent, wilson } from "../../lib/format";
import { Card, Table, type Cell } from "../../parts/card";
import { axisOf, Interval } from "../../parts/interval";
import { bins } from "./settled";

const few = 30;
const cards = follow("courier_scorecards");
const measures = [["first_attempt", "First attempt delivers"], ["not_delivered", "Not delivered"], ["promise_kept", "Promise kept"]] as const;
type Measure = typeof measures[number][0];
/** Money a parcel, in minor units. */
interface Cost { n: number; raw: number; adjusted: number }
interface Adjusted { n: number; observed: number; raw: number; rate: number; low: number; high: number; usual: number }

/** Odds of a share; those of none and of all are kept finite. */
const odds = (share: number): number => { const kept = Math.min(1 - 1e-6, Math.max(1e-6, share)); return kept / (1 - kept); };

const table = computed(() => {
  const list = rows(cards.data.value), by = new Map<string, Partial<Record<Measure, Adjusted>>>();
  for (const [measure] of measures) {
    const of = list.filter((r) => r.measure === measure), all = (key: string) => of.reduce((s, r) => s + num(r[key]), 0), total = Math.max(1, all("n"));
    for (const r of of) {
      const n = num(r.n), observed = num(r.observed), expected = odds(num(r.expected) / n), usual = odds(all("expected") / total), interval = wilson(observed, n) ?? [0, 1];
      const adjusted = (share: number) => { const o = usual * odds(share) / expected; return o / (1 + o); };
      const one = { n, observed, raw: observed / n, rate: adjusted(observed / n), low: adjusted(interval[0]), high: adjusted(interval[1]), usual: all("observed") / total };
      by.set(String(r.courier), { ...by.get(String(r.courier)), [measure]: one });
    }
  }
  const costs = list.filter((r) => r.measure === "cost"), all = (key: string) => costs.reduce((s, r) => s + num(r[key]), 0), usual = all("expected") / Math.max(1, all("n"));
  const cost = new Map(costs.map((r): [string, Cost] => [String(r.courier), { n: num(r.n), raw: num(r.observed) / num(r.n), adjusted: num(r.observed) / num(r.expected) * usual }]));
  return [...by].map(([courier, of]) => ({ courier, cost: cost.get(courier), ...of })).sort((a, b) => (b.not_delivered?.n ?? 0) - (a.not_delivered?.n ?? 0) || (a.courier < b.courier ? -1 : 1));
});
type Line = typeof table.value[number];

// Proofs are in the log alone: it is read when asked for, from the first parcel scored within the last 30 days on.
const proofs = signal<Query | null>(null);
const readLog = () => {
  const recent = bins.peek().filter((b) => b.recent).map((b) => b.firstSequence);
  proofs.value = follow("attempts_without_proof", { since: String(recent.length ? Math.min(...recent) : 0) });
};

function Proofs() {
  const query = proofs.value;
  if (!query) return <section class="card" data-card tabIndex={-1} aria-labelledby="t-proofs"><header><h2 id="t-proofs">Failed attempts without proof</h2>
    <p class="note">Suspected fake attempts: those whose own proof says that there was neither call, nor position, nor code. Proofs stand in the log alone, so the log is read for it, over 30 days of event time.</p></header>
    <button type="button" onClick={readLog}>Read the log</button></section>;
  const list = rows(query.data.value).map((r) => ({ courier: String(r.courier), n: num(r.attempts), k: num(r.unproven), interval: wilson(num(r.unproven), num(r.attempts)) }));
  const axis = axisOf(list.map((r) => r.n >= few && r.interval ? { low: r.interval[0], high: r.interval[1] } : null)), n = list.reduce((s, r) => s + r.n, 0), usual = n ? list.reduce((s, r) => s + r.k, 0) / n : 0;
  return <Card query={query} lines={4} tools={<button type="button" class="quiet" onClick={query.retry}>Read again</button>}
    note="Suspected, not proven: neither call, nor position, nor code, of the failed attempts that came with a proof. Raw, 95% intervals; never charged to a buyer."
    isEmpty={!list.length} empty={<p class="empty">No failed attempt came with a proof: couriers tell it in <code>shipment.delivery_failed</code>, member <code>proof</code>.</p>}>
    <Table label="Failed attempts without proof" rows={list} cells={[{ label: "Courier", value: (r) => <span class="clip">{r.courier}</span>, title: (r) => r.courier }, { label: "Attempts", right: true, value: (r) => count(r.n) }, { label: "Without proof", right: true, value: (r) => count(r.k) },
      { label: "Raw", right: true, value: (r) => r.n < few ? missing : percent(r.k / r.n) }, { label: "95% interval", right: true, value: (r) => r.interval ? `${percent(r.interval[0])} to ${percent(r.interval[1])}` : missing },
      { label: "of all", value: (r) => r.interval && <Interval low={r.interval[0]} high={r.interval[1]} at={r.n < few ? null : r.k / r.n} usual={usual} axis={axis} /> }]} />
  </Card>;
}

export function Scorecards() {
  const list = table.value, currency = String(rows(cards.data.value)[0]?.currency ?? "");
  const cells: Cell[] = [{ label: "Courier", value: (r: Line) => <span class="clip">{r.courier}</span>, title: (r: Line) => r.courier }, { label: "Ended", right: true, value: (r: Line) => count(r.not_delivered?.n ?? 0) },
    ...measures.flatMap(([key, label]): Cell[] => {
      const axis = axisOf(list.map((r) => r[key] && r[key]!.n >= few ? r[key]! : null), list.flatMap((r) => r[key] ? [r[key]!.usual] : []));
      return [{ label: `${label}, raw`, right: true, value: (r: Line) => { const m = r[key]; return m && m.n >= few ? percent(m.raw) : missing; }, title: (r: Line) => { const m = r[key]; return m ? `${count(m.observed)} of ${count(m.n)}` : ""; } },
        { label: "adjusted", right: true, value: (r: Line) => { const m = r[key]; return m && m.n >= few ? percent(m.rate) : missing; }, title: (r: Line) => { const m = r[key]; return m ? `95% interval ${percent(m.low)} to ${percent(m.high)}` : ""; } },
        { label: "95% interval", value: (r: Line) => { const m = r[key]; return m ? <span class="ranged"><Interval low={m.low} high={m.high} at={m.n < few ? null : m.rate} usual={m.usual} axis={axis} /><span class="note">{percent(m.low)} to {percent(m.high)}</span></span> : missing; } }];
    }),
    { label: "Cost, raw", right: true, value: (r: Line) => r.cost && r.cost.n >= few ? money(Math.round(r.cost.raw), currency) : missing, title: (r: Line) => r.cost ? `${count(r.cost.n)} parcels with a tariff` : "" },
    { label: "adjusted", right: true, value: (r: Line) => r.cost && r.cost.n >= few ? money(Math.round(r.cost.adjusted), currency) : missing, title: (r: Line) => r.cost ? "a parcel, were its lanes like all" : "" }];
  return <><Card query={cards} title="Couriers, adjusted for the lanes they serve" lines={6} class="scorecards"
    note="Forward parcels. Adjusted, by odds of observed over expected, where expected is what the same lanes and payment modes give with the other couriers; a thin lane is drawn toward its zones. Upright line: the usual rate. Promise kept is of the delivered that had a promise. Cost: the tariff in force at the manifest with the fee for cash and, of what came back, for the way back; adjusted by its ratio to what the same lanes cost with the others."
    isEmpty={!list.length} empty={<p class="empty">No parcel has ended yet, so no courier has a card.</p>}>
    <Table label="Courier scorecards" rows={list} cells={cells} />
  </Card><Proofs /></>;
}
