// Health: is the machine honest and keeping up? The path of an event with rate and latency, what was refused and why, what stands
// still, and what the engine says of itself. Figures of the strip are made here from two readings of /metrics.
import { computed, signal } from "@preact/signals";
import { ago, count, duration, instant, significant, stamp, words } from "../lib/format";
import { command } from "../lib/keys";
import { eventTime, frozen, now } from "../lib/live";
import { csv, follow, num, problemOf, rows, SqlError, type Problem } from "../lib/data";
import { newest, present, quantileMs, rate, samples, total, unreachable, watchMetrics } from "../lib/metrics";
import { hold } from "../lib/order";
import { stages, type Stage } from "../lib/stages";
import { get, set } from "../lib/url";
import { Card, Changing, Failure, Table } from "../parts/card";
import { mount } from "../parts/frame";
import { fit, Grid } from "../parts/grid";

const reasons = follow("dead_letters_by_reason"), recent = follow("dead_letters_recent"), ageing = follow("returns_ageing"), progress = follow("progress_by_shard"), tables = follow("table_rows");
watchMetrics();

// What the engine says of itself, read again with the metrics.
const ready = signal<{ ok: boolean; text: string } | null>(null);
const checkReady = async () => {
  if (document.visibilityState === "visible" && frozen.peek() == null) {
    try {
      const response = await fetch("/readyz"), body = (await response.text()).trim();
      let text = body;
      try { const said = JSON.parse(body); text = said.detail ?? said.reason ?? said.status ?? (said.sequence == null ? body : `sequence ${count(said.sequence)}`); } catch { /* plain words */ }
      ready.value = { ok: response.ok, text: String(text) };
    } catch { ready.value = { ok: false, text: "the engine does not answer" }; }
  }
  setTimeout(checkReady, 5000);
};
void checkReady();

function figureOf(stage: Stage): { rate: number | null; p99: number | null; lag: number | null; names: string } {
  const r = present(stage.rates), l = present(stage.latency, "_bucket"), g = stage.lag && present(stage.lag);
  return { rate: r ? rate(r) : null, p99: l ? quantileMs(l, 0.99) : null, lag: g ? total(newest(), g) : null, names: [r, l, g].filter(Boolean).join(", ") || "not exposed by this engine" };
}

function Strip() {
  const list = samples.value;
  return <section class="card strip" data-card tabIndex={-1} aria-labelledby="t-strip">
    <header><h2 id="t-strip">The path of an event</h2><p class="note">Of the last minute, from two readings of <a href="/metrics">/metrics</a>{list.length < 2 ? "; the second is on its way" : ""}.{unreachable.value ? " The engine does not answer: what is shown is the last reading." : ""}</p></header>
    <ol class={unreachable.value ? "kept" : ""}>{stages.map((stage) => { const f = figureOf(stage);
      return <li title={f.names}><h3>{stage.title}</h3><p class="note">{stage.does}</p>
        <p class="figure small"><Changing value={f.rate == null ? "–" : f.rate >= 100 ? count(Math.round(f.rate)) : significant(f.rate)} /> <span class="note">{stage.unit}</span></p>
        <dl class="pairs"><div><dt>p99 of {stage.of}</dt><dd><Changing value={duration(f.p99)} /></dd></div>{stage.lag && <div><dt>behind the log</dt><dd>{f.lag == null ? "–" : `${count(f.lag)} ${stage.lagUnit}`}</dd></div>}</dl></li>; })}</ol>
  </section>;
}

const Says = () => <section class="card says" data-card tabIndex={-1} aria-labelledby="t-says">
  <header><h2 id="t-says">What the engine says of itself</h2></header>
  {ready.value == null ? <p class="note">Asking /readyz…</p> : ready.value.ok ? <p><b class="good">✓ Ready.</b> <span class="note">/readyz: {ready.value.text}</span></p>
    : <p role="alert"><b class="bad">✕ Not ready:</b> {ready.value.text}. <span class="note">Run <code>eddy doctor</code>: it says what is wrong and how to mend it.</span></p>}
</section>;

const Progress = () => <Card query={progress} lines={2} note="The last position applied to the tables." isEmpty={!rows(progress.data.value).length} empty={<p class="empty">Nothing has been applied yet.</p>}>
  <Table label="Progress by shard" rows={rows(progress.data.value)} cells={[
    { label: "Shard", value: (r) => String(r.shard) }, { label: "Sequence", right: true, value: (r) => <Changing value={count(r.sequence)} /> }, { label: "Events", right: true, value: (r) => count(r.events) },
    { label: "Event time", right: true, value: (r) => stamp(r.event_time).slice(0, 19) }, { label: "Log to tables", right: true, value: (r) => { const a = instant(r.applied_at), l = instant(r.logged_at); return a == null || l == null ? "–" : a - l > 60_000 ? "at rest" : duration(a - l); }, title: () => "From the log's receipt of the last batch to its rows in the tables; at rest after a restart" }]} />
</Card>;

const Tables = () => <Card query={tables} lines={6}>
  <Table label="Tables" rows={rows(tables.data.value)} cells={[{ label: "Table", mono: true, value: (r) => <a href={`/sql?q=${encodeURIComponent(`select * from ${nameOf(r)} limit 200`)}`}>{nameOf(r)}</a>, title: (r) => String(r.comment ?? "") }, { label: "Rows", right: true, value: (r) => count(r.rows ?? r.row_count) }]} />
</Card>;
const nameOf = (r: Record<string, unknown>) => { const schema = String(r.table_schema ?? r.schema ?? ""), name = String(r.table_name ?? r.name ?? r.table ?? ""); return schema && !["public", "eddy"].includes(schema) ? `${schema}.${name}` : name; };

const buckets: [string, string][] = [["under_2_days", "under 2 days"], ["days_2_to_7", "2 to 7"], ["days_7_to_14", "7 to 14"], ["days_14_to_30", "14 to 30"], ["over_30_days", "over 30"]];
function Ageing() {
  const list = rows(ageing.data.value), most = Math.max(1, ...list.flatMap((r) => buckets.map(([key]) => num(r[key]))));
  return <Card query={ageing} lines={3} note="Open return lines by what they wait for and for how many days, by event time. Darker: more lines." isEmpty={!list.length} empty={<p class="empty"><span class="good">✓ None stands still.</span></p>}>
    <div class="scroll" tabIndex={0} role="region" aria-label="Stalled returns by age, rows"><table class="matrix"><thead><tr><th scope="col">Waits for</th>{buckets.map(([, label]) => <th scope="col" class="r">{label}</th>)}<th scope="col" class="r">Lines</th></tr></thead>
      <tbody>{list.map((r) => <tr><th scope="row">{words(r.waits_for)}</th>{buckets.map(([key]) => { const n = num(r[key]); return <td class="r" style={{ "--heat": String(Math.round(Math.sqrt(n / most) * 38)) }}>{count(n)}</td>; })}<td class="r total"><Changing value={count(r.lines)} /></td></tr>)}</tbody></table></div>
  </Card>;
}

// The letters: the order the reader sees is kept; new ones wait.
type Letter = Record<string, unknown>;
const keyOf = (r: Letter) => String(r.sequence);
const order = signal<{ sql: string; keys: string[] } | null>(null);
const held = computed(() => {
  const result = recent.data.value, all = rows(result);
  if (!result) return { rows: [] as Letter[], moved: 0, fresh: 0, sql: "" };
  const o = order.value;
  return o && o.sql === result.sql ? { ...hold(o.keys, all, keyOf), sql: o.sql } : { rows: all, moved: 0, fresh: 0, sql: result.sql ?? "" };
});
// The order is taken when an answer to another question arrives.
recent.data.subscribe((result) => { if (result && order.peek()?.sql !== result.sql) order.value = { sql: result.sql ?? "", keys: rows(result).map(keyOf) }; });
const reorder = () => { const result = recent.data.peek(); if (result) order.value = { sql: result.sql ?? "", keys: rows(result).map(keyOf) }; };

const letterColumns: { key: string; label: string; right?: boolean; mono?: boolean }[] = [
  { key: "sequence", label: "Sequence", right: true }, { key: "received_at", label: "Received" }, { key: "reason", label: "Reason" }, { key: "field", label: "Field", mono: true }, { key: "detail", label: "What is wrong" },
  { key: "type", label: "Type", mono: true }, { key: "source", label: "Source", mono: true }, { key: "id", label: "Id", mono: true }, { key: "origin", label: "Refused by" },
];
const show = (key: string, v: unknown): string => v == null ? "–" : key === "sequence" ? count(v) : key === "received_at" ? stamp(v).slice(0, 19) : key === "reason" ? words(v) : String(v);

const redrive = signal<{ state: "idle" | "pending" | "recorded" | "failed"; text: string; problem?: Problem }>({ state: "idle", text: "" });
async function sendRedrive(body: Record<string, unknown>, what: string): Promise<void> {
  redrive.value = { state: "pending", text: `${what}: pending` };
  try {
    const response = await fetch("/v1/dead-letters/redrive", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
    if (!response.ok) throw new SqlError(await problemOf(response));
    const said = await response.json() as Record<string, unknown>;
    const again = Array.isArray(said.rejected) ? said.rejected.length : num(said.rejected);
    redrive.value = { state: "recorded", text: `${what}: recorded. ${count(said.accepted ?? said.redriven ?? 0)} accepted, ${count(said.duplicates ?? 0)} known already, ${count(again)} refused again.` };
    recent.retry();
    reasons.retry();
  } catch (e) {
    redrive.value = { state: "failed", text: "", problem: e instanceof SqlError ? e.problem : { title: "the engine does not answer", detail: String(e), status: 0 } };
  }
}

function Reasons() {
  const list = rows(reasons.data.value), all = list.reduce((n, r) => n + num(r.letters), 0);
  return <Card query={reasons} lines={4} note={<>What was refused, by reason and by the source whose mapping is at fault. Choosing one filters the list below.</>}
    isEmpty={!list.length} empty={<p class="empty"><span class="good">✓ None.</span> Everything that came in was valid.</p>}>
    <Table label="Dead letters by reason and source" rows={list} cells={[
      { label: "Reason", value: (r) => { const on = get("reason") === r.reason && get("source") === (r.source ?? ""); return <button type="button" class="link" aria-pressed={on} onClick={() => { const sample = document.getElementById("letters"); set(on ? { reason: null, source: null, letter: null } : { reason: String(r.reason), source: r.source == null ? null : String(r.source), letter: null }); if (!on) sample?.scrollIntoView({ block: "nearest" }); }}>{words(r.reason)}</button>; } },
      { label: "Source", mono: true, value: (r) => r.source == null ? "–" : String(r.source) },
      { label: "Letters", right: true, value: (r) => <Changing value={count(r.letters)} /> }, { label: "Share", right: true, value: (r) => all ? `${(100 * num(r.letters) / all).toFixed(1)}%` : "–" },
      { label: "Latest", right: true, value: (r) => ago(r.latest_at, now.value) }]} />
  </Card>;
}

function pretty(body: unknown): string {
  try { return JSON.stringify(typeof body === "string" ? JSON.parse(body) : body, null, 2); } catch { return String(body ?? ""); }
}

function Letters() {
  const { rows: list, fresh, moved } = held.value, open = list.findIndex((r) => keyOf(r) === get("letter")), letter = list[open];
  const columns = letterColumns.map((c) => ({ ...c, width: fit(c.label, list.slice(0, 60).map((r) => show(c.key, r[c.key])), c.mono) }));
  const filtered = !!(get("reason") || get("source") || get("search"));
  return <Card query={recent} lines={8} class="letters" note={<>The newest 200 that match. <kbd>Enter</kbd> shows a letter's bytes.</>} tools={<>
      <button type="button" class="quiet" onClick={() => csv(recent.sql.peek().replace(/\nlimit 200$/, ""), "dead-letters").catch((e: unknown) => { redrive.value = { state: "failed", text: "", problem: e instanceof SqlError ? e.problem : { title: "the export failed", detail: String(e), status: 0 } }; })}>CSV of all</button></>}>
    <div class="bar" id="letters">
      <label>Search in body or id <input id="search" type="search" value={get("search")} onChange={(e) => set({ search: e.currentTarget.value, letter: null })} /></label>
      {filtered && <button type="button" onClick={() => set({ reason: null, source: null, search: null, letter: null })}>✕ {[get("reason") && words(get("reason")), get("source"), get("search") && `“${get("search")}”`].filter(Boolean).join(", ")}</button>}
      {(fresh > 0 || moved > 0) && <button type="button" class="primary" onClick={reorder}>{[fresh && `${fresh} new`, moved && `${moved} rows would move`].filter(Boolean).join(", ")} <kbd>r</kbd></button>}
      <span class="spring" />
      <button type="button" disabled={!list.length || redrive.value.state === "pending"} onClick={() => { const body: Record<string, unknown> = filtered ? {} : { since: "1970-01-01T00:00:00Z" };
          if (get("reason")) body.reason = get("reason");
          if (get("source")) body.source = get("source");
          if (get("search")) body.q = get("search");
          void sendRedrive(body, `Redrive of ${filtered ? "what matches" : "all"}`); }}>Redrive {filtered ? "what matches" : "all"}</button>
    </div>
    {redrive.value.problem ? <Failure problem={redrive.value.problem} retry={() => { redrive.value = { state: "idle", text: "" }; }} kept={false} /> : redrive.value.text && <p class="note" role="status">{redrive.value.text}</p>}
    {list.length ? <div class={letter ? "split" : ""}>
      <Grid id="dl" label="Dead letters" columns={columns} count={list.length} height={396} selected={open} cell={(r, c) => { const k = letterColumns[c]!.key; return show(k, list[r]![k]); }} onRow={(r) => set({ letter: get("letter") === keyOf(list[r]!) ? null : keyOf(list[r]!) }, false)} />
      {letter && <aside aria-label={`Letter ${keyOf(letter)}`}><header><h3>Letter {count(letter.sequence)}, {words(letter.reason)}{letter.field ? <> at <code>{String(letter.field)}</code></> : null}</h3><span class="tools">
        <button type="button" class="quiet" onClick={() => void sendRedrive({ sequences: [Number(letter.sequence)] }, `Redrive of ${keyOf(letter)}`)}>Redrive</button><button type="button" class="quiet" onClick={() => set({ letter: null }, false)}>Close</button></span></header>
        <p class="note">{String(letter.detail ?? "")}{num(letter.bytes) > String(letter.body ?? "").length ? `. The beginning of ${count(letter.bytes)} bytes` : ""}</p>
        <pre class="sql" tabIndex={0} aria-label="Bytes of the letter">{pretty(letter.body)}</pre></aside>}
    </div> : <p class="empty">{filtered ? "No letter matches this filter." : <><span class="good">✓ None.</span> Everything that came in was valid.</>}</p>}
  </Card>;
}

command({ key: "r", title: "Reorder: show new and moved rows", group: "This page", run: reorder },
  { key: "/", title: "Search dead letters", group: "This page", run: () => document.getElementById("search")?.focus() },
  { key: "f", title: "Filter: search dead letters", group: "This page", run: () => document.getElementById("search")?.focus() });

mount(() => <><div class="title"><h1>Health</h1><p class="lead">Is the machine honest and keeping up?</p><span class="spring" />
  <span class="note">{eventTime.value == null ? "No event has come in yet." : ""}</span></div>
  <div class="stack"><Strip />
    <div class="columns flat"><div><Reasons /><Letters /><Ageing /></div><div><Says /><Progress /><Tables /></div></div></div></>);
