// Decision: why did Eddy send it there? What was chosen among what, why the risk is what it is, what would have changed it, what came of it. It shows what was
// told; recomputing it at its own sequence needs queries of the past, and is left out.
import { computed } from "@preact/signals";
import { alternatives, chosenOf, nameOf, type Decided } from "../lib/alternatives";
import { follow, num, rows } from "../lib/data";
import { instant, money, percent, when, words } from "../lib/format";
import { command } from "../lib/keys";
import { eventTime } from "../lib/live";
import { policies } from "../lib/policy";
import { subject } from "../lib/url";
import { Card, Changing, Failure, Skeleton } from "../parts/card";
import { mount } from "../parts/frame";
import { accept, answers, override, OverrideDialog, Said, type Answerable } from "../parts/reroute";
import { Alternatives } from "./decision/alternatives";
import { Outcome } from "./decision/outcome";
import { Provenance } from "./decision/provenance";
import { Reasons } from "./decision/reasons";

const decision = follow("decision"), score = follow("decision_score"), published = follow("routing_policies");
// Retry on the decision mends what failed beside it.
decision.data.subscribe((result) => { if (result) for (const q of [score, published]) if (q.error.peek()) q.retry(); });
const row = computed(() => rows(decision.data.value)[0] ?? null);
const textOr = (v: unknown): string | null => v == null ? null : String(v);
const decided = computed((): Answerable | null => {
  const r = row.value;
  return r && { decision_id: String(r.decision_id), parcel: String(r.parcel ?? r.rma_id ?? r.order_id), stage: String(r.stage), action: String(r.action), recommended: r.recommended === true, to_courier: textOr(r.to_courier), to_hub: textOr(r.to_hub),
    from_courier: textOr(r.from_courier), risk_before: num(r.risk_before), expected_gain_minor: num(r.expected_gain_minor), currency: String(r.currency ?? ""), alternatives: r.alternatives };
});
const list = computed(() => alternatives(row.value?.alternatives));
const policy = computed(() => policies(published.data.value).find((p) => p.version === row.value?.policy_version) ?? null);

/** Whether an answer can still be given: not when it has ended, nor, without an answer so far, when it is no longer valid. */
const answerable = computed(() => {
  const r = row.value, until = instant(r?.valid_until), clock = instant(eventTime.value), said = answers.value.get(subject);
  if (!r || r.recommended !== true || said?.state === "pending" || ["delivered", "not_delivered"].includes(String(r.outcome ?? ""))) return false;
  return r.outcome != null || said?.state === "recorded" || until == null || clock == null || until > clock;
});
const act = (how: (d: Answerable) => void) => { const d = decided.peek(); if (d && answerable.peek()) how(d); };

function sentence(d: Decided & { parcel: string }): string {
  const at = chosenOf(list.value, d), chosen = list.value[at];
  if (!d.recommended) return `${d.parcel} was left as it is${d.from_courier ? ` with ${d.from_courier}` : ""}`;
  if (d.to_courier) return `${d.parcel} was to go from ${d.from_courier ?? "its courier"} to ${d.to_courier}`;
  return `For ${d.parcel} it was recommended to ${chosen ? nameOf(chosen, false) : words(d.action)}`;
}

function Sentence() {
  const r = row.value, d = decided.value;
  const unknown = <div class="empty"><p>No decision <code>{subject}</code> is in the tables. Its link may come from another engine, or the tables are still being read from the log.</p><p><a href="/routing">Open decisions</a> · <code>eddy sql "select decision_id, reason from routing_decisions limit 10"</code></p></div>;
  return <Card query={decision} title={r ? `Decision ${subject}` : "Decision"} lines={3} class="sentence" isEmpty={!r || !d} empty={unknown}>
    {r && d && <>
      <p class="verdict">{sentence(d)} – {String(r.reason)}.</p>
      <dl class="quad">
        <div><dt>Risk before</dt><dd><span class="figure">{percent(d.risk_before)}</span><span class="note">never delivered, as it stood</span></dd></div>
        <div><dt>Risk after</dt><dd><span class="figure">{percent(num(r.risk_after))}</span><span class="note">{d.recommended ? "under what was recommended" : "nothing was changed"}</span></dd></div>
        <div><dt>Expected gain</dt><dd><span class="figure">{money(d.expected_gain_minor, d.currency)}</span><span class="note">against leaving it as it is{d.recommended ? "" : ", of the best feasible choice"}</span></dd></div>
        <div><dt>Outcome</dt><dd><span class="figure"><Changing value={r.outcome == null ? "none yet" : words(r.outcome)} /></span><span class="note">valid until {when(r.valid_until)}</span></dd></div>
      </dl>
      {d.recommended && <div class="bar"><button type="button" class="primary" disabled={!answerable.value} onClick={() => act(accept)}>Accept <kbd>1</kbd></button>
        <button type="button" disabled={!answerable.value} onClick={() => act(override)}>Override… <kbd>2</kbd></button>
        {!answerable.value && answers.value.get(subject)?.state !== "pending" && <span>{["delivered", "not_delivered"].includes(String(r.outcome ?? "")) ? "It has ended: nothing is left to answer." : "It is no longer valid, by event time."}</span>}</div>}
      <Said id={d.decision_id} what={d.parcel} />
    </>}
  </Card>;
}

/** What a card is while it waits for the decision. */
const Waiting = ({ title }: { title: string }) => <section class="card" data-card tabIndex={-1} aria-busy="true" aria-label={title}><header><h2>{title}</h2></header><Skeleton lines={5} /></section>;

command({ key: "1", title: "Accept the recommendation", group: "This page", run: () => act(accept) },
  { key: "2", title: "Override the recommendation", group: "This page", run: () => act(override) },
  { key: "u", title: "Back to Routing", group: "This page", run: () => { location.href = "/routing"; } });

mount(() => {
  const r = row.value, d = decided.value;
  return <><div class="title"><h1>Decision</h1><p class="lead">Why did Eddy send it there?</p><span class="spring" /><a class="button" href="/routing">All open decisions <kbd>u</kbd></a></div>
    <div class="stack">{published.error.value && <Failure problem={published.error.value} retry={published.retry} kept={!!published.data.value} />}<Sentence />
      {r && d ? <div class="columns flat"><div><Alternatives query={decision} list={list.value} d={d} policy={policy.value} /><Outcome query={decision} row={r} list={list.value} d={d} policy={policy.value} /></div>
        <div><Reasons query={score} row={r} /><Provenance row={r} score={rows(score.data.value)[0] ?? null} policy={policy.value} /></div></div>
        : !decision.data.value && !decision.error.value && <div class="columns flat"><div><Waiting title="All alternatives" /><Waiting title="What came of it" /></div><div><Waiting title="What the risk is made of" /></div></div>}
    </div><OverrideDialog /></>;
});
