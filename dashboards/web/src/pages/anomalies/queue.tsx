// The queue by rupees at stake, and the chosen case beside it. What is said falls on the anomaly that is chosen, by its id and never by its place.
import { computed, effect, signal } from "@preact/signals";
import { ageMs, dimensions, isRate, qOf, ratesOf, sentence, statuses, subjects, titleOf, type Row } from "../../lib/anomalies";
import { num, rows } from "../../lib/data";
import { count, duration, money, points, words } from "../../lib/format";
import { eventTime } from "../../lib/live";
import { hold } from "../../lib/order";
import { get, set } from "../../lib/url";
import { Card } from "../../parts/card";
import { Grid } from "../../parts/grid";
import { Case } from "./case";
import { figures, queue, tested } from "./figures";
import { ask, done, Said, settled, told, type Word } from "./review";

const key = (r: Row) => String(r.anomaly_id);

const order = signal<string[] | null>(null);
const held = computed(() => {
  const all = rows(queue.data.value);
  return order.value ? hold(order.value, all, key) : { rows: all as Row[], moved: 0, fresh: 0 };
});
export const reorder = (): void => { const result = queue.data.peek(); if (result) order.value = rows(result).map(key); };
let asked = queue.sql.peek();
queue.data.subscribe((result) => { if (result && (!order.peek()?.length || asked !== queue.sql.peek())) { asked = queue.sql.peek(); reorder(); } });
let seen = settled.peek();
effect(() => { if (settled.value !== seen) { seen = settled.value; queue.retry(); figures.retry(); } });

const chosen = computed(() => held.value.rows.find((r) => key(r) === get("at")) ?? null);
const last = signal<{ id: string; what: string } | null>(null);
const busy = (r: Row): boolean => told.value.get(key(r))?.state === "pending";
export function act(word: Word): void {
  const row = chosen.peek();
  if (!row || busy(row)) return;
  last.value = { id: key(row), what: titleOf(row) };
  ask(row, word, held.peek().rows.filter((r) => key(r) !== key(row)));
}

const columns = [
  { label: "At stake", width: 104, right: true }, { label: "What has changed", width: 460 }, { label: "q-value", width: 84, right: true, title: "The least share of false discoveries at which this one would be told" },
  { label: "Age", width: 100, right: true, title: "Since the estimated onset, by event time" }, { label: "Status", width: 120 },
];
const arrow = (r: Row) => r.direction === "down" ? "▼" : "▲";

function cell(r: Row, column: number) {
  const said = told.value.get(key(r)), rates = ratesOf(r);
  switch (column) {
    case 0: return <b>{money(r.at_stake_minor == null ? null : Math.round(num(r.at_stake_minor) / 100) * 100, String(r.currency ?? ""))}</b>;
    case 1: return <><span title={sentence(r)}>{sentence(r)}</span><span class="note"><span aria-hidden="true">{arrow(r)} </span>{r.direction === "down" ? "fewer" : "more"}{rates ? `, ${points(rates.observed - rates.expected)}` : ""}, {count(r.delivered)} {isRate(r) ? "delivered" : "counted"} since</span></>;
    case 2: return qOf(r.q_value);
    case 3: return duration(ageMs(r, eventTime.value));
    default: return <><span>{said && said.state !== "failed" && said.word !== "note" ? `${done[said.word]}, ${said.state}` : words(r.status)}</span>{r.actor != null && <span class="note">{String(r.actor)}</span>}</>;
  }
}

const Pick = ({ name, label, all, options }: { name: string; label: string; all: string; options: readonly string[] }) => <select data-key={name} aria-label={label} value={get(name)} onChange={(e) => set({ [name]: e.currentTarget.value, at: null })}>
  <option value="" selected={!get(name)}>{all}</option>{options.map((o) => <option value={o} selected={o === get(name)}>{words(o).replace(",", " × ")}</option>)}</select>;

export function Queue() {
  const { rows: list, fresh, moved } = held.value, at = list.findIndex((r) => key(r) === get("at")), row = list[at];
  const filtered = ["status", "subject", "kind", "search"].filter((k) => get(k)), clear = () => set(Object.fromEntries([...filtered, "at"].map((k) => [k, null])));
  const verb = (word: Word, title: string, k: string) => <button type="button" class={word === "acknowledged" ? "primary" : undefined} disabled={!row || busy(row) || row.status === word || (word !== "note" && (row.status === "resolved" || row.status === "merged"))} onClick={() => act(word)}>{title} <kbd>{k}</kbd></button>;
  return <Card query={queue} lines={8} class="queue alerts" note={list.length ? <><b>{count(list.length)}</b> {list.length === 200 ? "of most at stake" : get("status") ? "pass the filter" : "open or acknowledged"}. One case is one row: what says the same is folded into it. Resolved ones close themselves. Rates are raw, of what was counted since the onset: seen and expected until now. <kbd>j</kbd><kbd>k</kbd> move.</> : undefined}>
    <div class="bar">
      <label>Style, courier or reason <input id="anomalies-search" type="search" value={get("search")} onChange={(e) => set({ search: e.currentTarget.value.trim(), at: null })} /></label>
      <Pick name="status" label="Status" all="open and acknowledged" options={["all", ...statuses]} /><Pick name="subject" label="Subject" all="any subject" options={subjects} /><Pick name="kind" label="About" all="about anything" options={dimensions} />
      {filtered.length > 0 && <button type="button" class="quiet" onClick={clear}>Take the filters off</button>}
      <span class="spring" />
      {(fresh > 0 || moved > 0) && <button type="button" onClick={reorder}>{[fresh && `${fresh} new`, moved && `${moved} rows would move`].filter(Boolean).join(", ")} <kbd>r</kbd></button>}
    </div>
    <div class="bar verbs">
      {row ? <span class="chosen"><b>{titleOf(row)}</b></span> : <span>Choose a row to see why, and to say something of it.</span>}
      {verb("acknowledged", "Acknowledge", "a")}{verb("dismissed", "Dismiss…", "d")}{verb("snoozed", "Hold until it grows by a quarter", "h")}{verb("merged", "Merge…", "m")}{verb("note", "Note…", "n")}
    </div>
    {last.value && <Said {...last.value} />}
    {list.length || fresh ? <div class="split even">
      <Grid id="anomalies" label="Anomalies by rupees at stake" columns={columns} count={list.length} height={720} rowHeight={48} selected={at} cell={(r, c) => list[r] ? cell(list[r]!, c) : ""}
        onRow={(r) => set({ at: key(list[r]!) }, false)} onMove={(r) => { const it = list[r]; if (it) set({ at: key(it) }, false); }} />
      <aside aria-label="The chosen anomaly" tabIndex={0}>{row ? <Case row={row} /> : <p class="empty">Choose a row to see observed against expected, and what explains most of the difference.</p>}</aside>
    </div> : <p class="empty">{filtered.length ? <>No anomaly passes the filters: {filtered.map((k) => `${k === "kind" ? "about" : k} ${words(get(k))}`).join(", ")}. <button type="button" class="link" onClick={clear}>Take them off</button>.</>
      : <><span class="good">✓ Nothing beyond chance in {tested() ? count(tested()) : "the"} slices tested.</span> What shifts shows here some days after its onset. <code>eddy simulate --orders 20000</code> brings a world with some.</>}</p>}
  </Card>;
}
