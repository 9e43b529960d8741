// The queue by expected loss: amount, pattern, one line for and one against, an opaque key, age, who has it; the chosen one beside it. Verdicts fall on the alert that is
// chosen, by its id and never by its place. Several at once need one pattern and one reason, and are never confirmed.
import { computed, effect, signal } from "@preact/signals";
import { ageMs, assignee, counterLine, counterOf, evidenceOf, kinds, named, statuses, type Row } from "../../lib/alerts";
import { follow, num, rows } from "../../lib/data";
import { count, duration, missing, money, words } from "../../lib/format";
import { eventTime } from "../../lib/live";
import { hold } from "../../lib/order";
import { get, set } from "../../lib/url";
import { Card } from "../../parts/card";
import { Grid } from "../../parts/grid";
import { ask, done, Said, settled, told, type Word } from "../../parts/review";
import { patterns } from "./figures";
import { Preview } from "./preview";

export const queue = follow("alerts_queue");
const key = (r: Row) => String(r.alert_id);

const order = signal<string[] | null>(null);
const held = computed(() => {
  const all = rows(queue.data.value);
  return order.value ? hold(order.value, all, key) : { rows: all as Row[], moved: 0, fresh: 0 };
});
export const reorder = (): void => { const result = queue.data.peek(); if (result) order.value = rows(result).map(key); };
// The order is taken from the first answer, whenever there was nothing to keep, and when the reader asks for other rows.
let asked = queue.sql.peek();
queue.data.subscribe((result) => { if (result && (!order.peek()?.length || asked !== queue.sql.peek())) { asked = queue.sql.peek(); reorder(); } });
let seen = settled.peek();
effect(() => { if (settled.value !== seen) { seen = settled.value; queue.retry(); } });

const marks = computed(() => get("sel").split(",").filter(Boolean));
const marked = computed(() => held.value.rows.filter((r) => marks.value.includes(key(r))));
const chosen = computed(() => held.value.rows.find((r) => key(r) === get("at")) ?? null);
const toggle = (id: string) => { const now = marks.peek(); set({ sel: (now.includes(id) ? now.filter((m) => m !== id) : [...now, id]).join(",") }, false); };
export const markChosen = (): void => { const row = chosen.peek(); if (row) toggle(key(row)); };
export const clearMarks = (): void => set({ sel: null }, false);
const open = (r: Row) => { location.href = `/alerts/${encodeURIComponent(key(r))}`; };
export const openChosen = (): void => { const row = chosen.peek(); if (row) open(row); };

/** Words that may fall on several at once: never a confirmation. */
const several: readonly Word[] = ["dismissed", "needs_more"];
/** Why the marked cannot be done at once, if they cannot. */
const hindrance = computed(() => new Set(marked.value.map((r) => r.pattern)).size > 1 ? "Alerts of several patterns are marked: one reason cannot hold for all of them." : "");
const busy = (r: Row): boolean => ["pending"].includes(told.value.get(key(r))?.state ?? "");
const last = signal<{ id: string; what: string }[]>([]);
export function act(word: Word): void {
  const many = marked.peek(), row = chosen.peek(), list = many.length ? many : row ? [row] : [];
  if (!list.length || (many.length && (!several.includes(word) || hindrance.peek())) || list.some(busy)) return;
  last.value = list.map((r) => ({ id: key(r), what: `${words(r.pattern)}, ${String(r.subject_id)}` }));
  ask(list, word);
}

const firstFor = (r: Row): string => evidenceOf(r)[0]?.says ?? missing;
const firstAgainst = (r: Row): string => { const c = counterOf(r); const best = c.find((x) => x.found) ?? c[0]; return best ? counterLine(best) : "no innocent explanation was looked for"; };
const columns = [
  { label: "✓", width: 40, title: "Marked for doing several at once (x)" }, { label: "Expected loss", width: 110, right: true }, { label: "Pattern", width: 142 },
  { label: "For and against", width: 378 }, { label: "Whom", width: 142 }, { label: "Age", width: 92, right: true }, { label: "Assignee", width: 94 },
];

function cell(r: Row, column: number) {
  const said = told.value.get(key(r)), on = marks.value.includes(key(r));
  switch (column) {
    case 0: return <span class="mark-box" onClick={(e) => { e.stopPropagation(); toggle(key(r)); }}>{on ? "☑" : "☐"}<span class="sr">{on ? "marked" : "not marked"}</span></span>;
    case 1: return <b>{money(r.expected_loss_minor, String(r.currency ?? ""))}</b>;
    case 2: return <><span>{words(r.pattern)}</span><span class="note">{said && said.state !== "failed" && said.state !== "overtaken" ? `${done[said.word]}, ${said.state}` : `${words(r.status)}${r.action === "block" ? ", blocks" : ""}`}</span></>;
    case 3: return <><span title={firstFor(r)}><span class="sr">For: </span><span aria-hidden="true" class="sign">+ </span>{firstFor(r)}</span><span class="note" title={firstAgainst(r)}><span class="sr">Against: </span><span aria-hidden="true" class="sign">− </span>{firstAgainst(r)}</span></>;
    case 4: return <><span class="mono">{named(r)}</span><span class="note">{words(r.subject_kind)}{String(r.subject_id) !== named(r) ? ` ${String(r.subject_id)}` : ""}</span></>;
    case 5: return duration(ageMs(r, eventTime.value));
    default: return assignee(r) || <span class="missing">{missing}</span>;
  }
}

const Pick = ({ name, label, all, options }: { name: string; label: string; all: string; options: readonly string[] }) => <select data-key={name} aria-label={label} value={get(name)} onChange={(e) => set({ [name]: e.currentTarget.value, at: null, sel: null })}>
  <option value="" selected={!get(name)}>{all}</option>{options.map((o) => <option value={o} selected={o === get(name)}>{words(o)}</option>)}</select>;

export function Queue() {
  const { rows: list, fresh, moved } = held.value, at = list.findIndex((r) => key(r) === get("at")), row = list[at], many = marked.value;
  const filtered = ["status", "pattern", "kind", "search"].filter((k) => get(k)), loss = list.reduce((n, r) => n + num(r.expected_loss_minor), 0), one = new Set(list.map((r) => r.currency)).size === 1;
  const can = (word: Word) => many.length ? several.includes(word) && !hindrance.value && !many.some(busy) : !!row && row.status !== word && !busy(row);
  return <Card query={queue} lines={8} class="queue alerts" note={list.length ? <><b>{count(list.length)}</b> suspected{list.length === 200 ? ", the 200 of most expected loss" : ""}{one && `, together ${money(loss, String(list[0]!.currency ?? ""))} by expectation`}. <kbd>j</kbd><kbd>k</kbd> move, <kbd>x</kbd> mark, <kbd>Enter</kbd> open. Age is by event time.</> : undefined}>
    <div class="bar">
      <label>Customer, return, order or agent <input id="alerts-search" type="search" value={get("search")} onChange={(e) => set({ search: e.currentTarget.value.trim(), at: null, sel: null })} /></label>
      <Pick name="status" label="Status" all="waiting" options={["all", ...statuses]} /><Pick name="pattern" label="Pattern" all="every pattern" options={[...new Set([...patterns.value, ...(get("pattern") ? [get("pattern")] : [])])]} /><Pick name="kind" label="About" all="about anybody" options={kinds} />
      {filtered.length > 0 && <button type="button" class="quiet" onClick={() => set(Object.fromEntries([...filtered, "at", "sel"].map((k) => [k, null])))}>Take the filters off</button>}
      <span class="spring" />
      {(fresh > 0 || moved > 0) && <button type="button" onClick={reorder}>{[fresh && `${fresh} new`, moved && `${moved} rows would move`].filter(Boolean).join(", ")} <kbd>r</kbd></button>}
    </div>
    <div class="bar verbs">
      {many.length ? <span class="chosen"><b>{count(many.length)}</b> marked{hindrance.value ? "" : `: ${words(many[0]!.pattern)}`}</span> : row ? <span class="chosen"><b>{words(row.pattern)}</b> <span class="mono">{String(row.subject_id)}</span></span> : <span>Choose a row to say something of it, or mark several of one pattern.</span>}
      {!many.length && <button type="button" class="primary" disabled={!can("confirmed")} onClick={() => act("confirmed")}>Confirm… <kbd>1</kbd></button>}
      <button type="button" disabled={!can("dismissed")} onClick={() => act("dismissed")}>Dismiss{many.length ? ` ${many.length}` : ""}… <kbd>2</kbd></button>
      <button type="button" disabled={!can("needs_more")} onClick={() => act("needs_more")}>Needs more{many.length ? ` (${many.length})` : ""}… <kbd>3</kbd></button>
      {!many.length && <><button type="button" disabled={!row || !["open", "needs_more", "assigned"].includes(String(row.status)) || busy(row)} onClick={() => act("assigned")}>Take… <kbd>a</kbd></button>{row && <a class="button" href={`/alerts/${encodeURIComponent(key(row))}`}>Open <kbd>Enter</kbd></a>}</>}
      {many.length > 0 && <button type="button" class="quiet" onClick={clearMarks}>Take the marks off</button>}
      {many.length > 0 && <span>{hindrance.value || "Several at once are never confirmed: open each for that."}</span>}
    </div>
    {last.value.map((l) => <Said {...l} />)}
    {list.length || fresh ? <div class="split">
      <Grid id="alerts" label="Alerts by expected loss" columns={columns} count={list.length} height={520} rowHeight={48} selected={at} cell={(r, c) => list[r] ? cell(list[r]!, c) : ""}
        onRow={(r) => set({ at: key(list[r]!) }, false)} onMove={(r) => { const it = list[r]; if (it) set({ at: key(it) }, false); }} onEnter={(r) => { const it = list[r]; if (it) open(it); }} />
      <aside aria-label="The chosen alert">{row ? <Preview row={row} /> : <p class="empty">Choose a row to see what shows it and what speaks against it.</p>}</aside>
    </div> : <p class="empty">{filtered.length ? <>No alert passes the filters: {filtered.map((k) => `${k === "kind" ? "about" : k} ${words(get(k))}`).join(", ")}. <button type="button" class="link" onClick={() => set(Object.fromEntries(filtered.map((k) => [k, null])))}>Take them off</button>.</>
      : <><span class="good">✓ Nothing waits for a verdict.</span> The audit samples below are worth the time: only they tell what the detectors miss.</>}</p>}
  </Card>;
}
