// Workbench: let me ask. Editor, catalogue, rows, quick chart, plan. The query is in the URL and its history in this browser; `:live` asks again
// as the sequence moves. Read-only: what a query may cost is the engine's to bound, and shown.
import { batch, computed, effect, signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { count, duration, when, zoneName } from "../lib/format";
import { command } from "../lib/keys";
import { frozen, onFrame, sequence } from "../lib/live";
import { csv, request, SqlError, type Problem } from "../lib/data";
import { hold } from "../lib/order";
import { nonce, shell } from "../lib/shell";
import { get, search, set } from "../lib/url";
import { Failure, Skeleton } from "../parts/card";
import { mount } from "../parts/frame";
import { fit, Grid } from "../parts/grid";
import { copies, copy, CopyButtons } from "../parts/sqlpanel";
import { ask, byteLimit, rowLimit, type Answer } from "./workbench/answer";
import { createEditor, type Editor } from "./workbench/editor";
import { forget, past, remember } from "./workbench/past";
import { QuickChart } from "./workbench/quickchart";
import { catalogue, Schema } from "./workbench/schema";
import { display, isNumber, isText, typeName } from "./workbench/values";

const draft = signal(get("q")), asked = signal(""), answer = signal<Answer | null>(null), problem = signal<Problem | null>(null);
const running = signal<AbortController | null>(null), came = signal<{ rows: number; bytes: number } | null>(null);
const plan = signal<{ sql: string; text: string } | null>(null);
let editor: Editor | null = null;

const live = computed(() => get("live") === "1");
const view = computed(() => get("view") || "rows");
/** The text without a leading `:live`, which only says how to run it. */
const clean = (text: string) => text.replace(/^\s*:live\b/i, "").replace(/;\s*$/, "").trim();

async function run(again = false): Promise<void> {
  const raw = again ? asked.peek() : draft.peek(), sql = clean(raw);
  if (!sql) { problem.value = { title: "there is nothing to run", detail: "Write a query, or take one of the worked questions.", status: 0 }; return; }
  if (again && running.peek()) return;
  running.peek()?.abort();
  const mine = new AbortController();
  batch(() => { running.value = mine; if (!again) { came.value = null; problem.value = null; } asked.value = sql; });
  if (!again) {
    editor?.mark(null);
    set({ q: sql, live: /^\s*:live\b/i.test(raw) ? "1" : get("live") || null, sort: null });
  }
  try {
    const result = await ask(sql, mine.signal, (rows, bytes) => { if (!again) came.value = { rows, bytes }; });
    if (running.peek() !== mine) return;
    show(result, again);
    if (!again) remember({ sql, at: Date.now(), rows: result.table.numRows, ms: Math.round(result.ms) });
    if (view.peek() === "plan") void explain();
  } catch (e) {
    if (running.peek() !== mine) return;
    if ((e as Error).name === "AbortError") problem.value = { title: "cancelled", detail: "The query was cancelled; what is shown is older.", status: 0 };
    else {
      problem.value = e instanceof SqlError ? e.problem : { title: "the answer cannot be read", detail: String(e), status: 0 };
      // An error of the text lies in the draft only while the draft is what was run.
      if (!again && clean(draft.peek()) === sql) editor?.mark(shifted(problem.peek()!, draft.peek()));
    }
  } finally {
    if (running.peek() === mine) running.value = null;
  }
}

/** Positions count from the text that was sent; the draft may begin with blank lines or `:live`. */
function shifted(p: Problem, text: string): Problem {
  const lead = text.indexOf(clean(text)), before = text.slice(0, lead), lines = before.split("\n").length - 1;
  return { ...p, line: p.line ? p.line + lines : undefined, column: p.line === 1 && p.column ? p.column + (lead - (before.lastIndexOf("\n") + 1)) : p.column, position: p.position == null ? undefined : p.position + lead };
}

async function explain(): Promise<void> {
  const sql = clean(draft.peek());
  if (!sql || plan.peek()?.sql === sql) return;
  try {
    const response = await request(/^explain\b/i.test(sql) ? sql : `explain ${sql}`, "application/json");
    const said = await response.json() as { rows: unknown[][] };
    plan.value = { sql, text: said.rows.map((r) => `${r.length > 1 ? `── ${String(r[0]).replaceAll("_", " ")}\n` : ""}${String(r.at(-1))}`).join("\n\n") };
  } catch (e) { if (e instanceof SqlError) { plan.value = null; problem.value = e.problem; editor?.mark(shifted(e.problem, draft.peek())); } }
}
const cancel = () => running.peek()?.abort();

// Rows as shown: an order of row numbers, so that sorting and holding move no data.
const order = signal<number[] | null>(null), held = signal({ moved: 0, fresh: 0 });
let wanted: number[] | null = null;
const keyOf = (a: Answer, r: number) => String(a.table.getChildAt(0).at(r));
function show(result: Answer, again: boolean): void {
  const old = answer.peek();
  let rows: number[] | null = sorted(result), waiting = { moved: 0, fresh: 0 };
  wanted = rows;
  // A live rerun keeps the order the reader sees, where the first column names the rows.
  if (again && old && result.table.numRows && old.table.numCols === result.table.numCols && result.table.numRows <= 5000 && isText(result.table.schema.fields[0]!)) {
    const before = (order.peek() ?? [...Array(old.table.numRows).keys()]).map((r) => keyOf(old, r));
    if (new Set(before).size === before.length) {
      const h = hold(before, rows ?? [...Array(result.table.numRows).keys()], (r) => keyOf(result, r));
      rows = h.rows;
      waiting = { moved: h.moved, fresh: h.fresh };
    }
  }
  batch(() => { answer.value = result; order.value = rows; held.value = waiting; problem.value = null; });
}
const reorder = () => batch(() => { order.value = wanted; held.value = { moved: 0, fresh: 0 }; });

function sortOf(a: Answer): { column: number; down: boolean } | null {
  const [name, way] = get("sort").split("."), column = a.table.schema.fields.findIndex((f) => f.name === name);
  return column < 0 ? null : { column, down: way === "desc" };
}
function sorted(a: Answer): number[] | null {
  const by = sortOf(a);
  if (!by) return null;
  const column = a.table.getChildAt(by.column), values = Array.from({ length: a.table.numRows }, (_, r) => column.at(r) as any), sign = by.down ? -1 : 1;
  return [...values.keys()].sort((x, y) => { const p = values[x], q = values[y]; return p == null ? (q == null ? x - y : 1) : q == null ? -1 : p < q ? -sign : p > q ? sign : x - y; });
}
let sortText = get("sort");
effect(() => { const now = search.value.get("sort") ?? ""; if (now !== sortText) { sortText = now; const a = answer.peek(); if (a) { wanted = sorted(a); reorder(); } } });
// Back and forward bring the text back; it runs again only when asked.
addEventListener("popstate", () => { const q = get("q"); if (q !== clean(draft.peek())) { editor?.replace(q); if (q) void run(); } });

onFrame(() => { if (live.peek() && asked.peek() && !document.hidden) later(); });
let timer: ReturnType<typeof setTimeout> | undefined;
function later(): void { timer ??= setTimeout(() => { timer = undefined; void run(true); }, Math.max(1000, (answer.peek()?.ms ?? 0) * 4)); }

function EditorBox() {
  const host = useRef<HTMLDivElement>(null);
  useEffect(() => {
    editor = createEditor(host.current!, draft.peek(), nonce, { run: () => void run(), change: () => { draft.value = editor!.text(); } });
    const stop = effect(() => editor!.know(catalogue.value.map((t) => ({ ...t }))));
    return stop;
  }, []);
  return <div ref={host} class="editor" tabIndex={-1} />;
}

const roles = ["merchandiser", "loss prevention", "operator"];
const Worked = () => <section class="card worked" data-card tabIndex={-1} aria-labelledby="t-worked"><header><h2 id="t-worked">Six worked questions</h2><p class="note">Take one, run it, change it.</p></header>
  <div class="roles">{roles.map((role) => <div><h3>{role}</h3><ul>{shell.queries.filter((q) => q.role === role).map((q) => <li><button type="button" class="link" onClick={() => { editor!.replace(q.sql); void run(); }}>{q.title}</button>{q.note && <p class="note">{q.note}.</p>}</li>)}</ul></div>)}</div>
</section>;

function Rows({ a }: { a: Answer }) {
  const fields = a.table.schema.fields, by = sortOf(a), rows = order.value, at = (r: number) => rows ? rows[r]! : r;
  const n = rows ? rows.length : a.table.numRows, sample = Math.min(40, a.table.numRows);
  const columns = fields.map((f, i) => ({ label: f.name, type: typeName(f), right: isNumber(f), title: `${f.name}: ${typeName(f)}. Sorts the rows shown`,
    width: fit(`${f.name}  ${typeName(f)}`, Array.from({ length: sample }, (_, r) => display(f, a.table.getChildAt(i).at(r)))) }));
  if (!a.table.numRows) return <p class="empty">No row answers this. The query ran; its conditions leave nothing.</p>;
  return <Grid id="rows" label="Result" columns={columns} count={n} height={Math.max(320, innerHeight - 430)} sort={by}
    onSort={(c) => set({ sort: by?.column === c ? (by.down ? null : `${fields[c]!.name}.desc`) : `${fields[c]!.name}.asc` }, false)}
    cell={(r, c) => { const v = a.table.getChildAt(c).at(at(r)); return v == null ? <span class="missing">–</span> : display(fields[c]!, v); }} />;
}

function Summary({ a }: { a: Answer }) {
  return <span class="note" role="status">{count(a.table.numRows)} {a.table.numRows === 1 ? "row" : "rows"}{a.whole ? "" : `: the first of a longer answer, cut at ${count(rowLimit)} rows or ${byteLimit >> 20} MB; CSV has all`} · {duration(a.ms)}{a.sequence ? <> · as of sequence {count(a.sequence)}</> : null} · times in {zoneName}</span>;
}

function Result() {
  const a = answer.value, p = problem.value, tab = view.value;
  const tabs: [string, string][] = [["rows", "Rows"], ["chart", "Chart"], ["plan", "Plan"]];
  return <section class="card result" data-card tabIndex={-1} aria-label="Answer" aria-busy={!!running.value}>
    <header><span class="group" role="group" aria-label="Form of the answer">{tabs.map(([id, title]) => <button type="button" aria-pressed={tab === id} onClick={() => { set({ view: id === "rows" ? null : id }, false); if (id === "plan") void explain(); }}>{title}</button>)}</span>
      {running.value && !live.value ? <span class="note" role="status">Running{came.value ? `: ${count(came.value.rows)} rows, ${(came.value.bytes / 1e6).toFixed(1)} MB` : "…"}</span> : a && <Summary a={a} />}
      {(held.value.fresh > 0 || held.value.moved > 0) && <button type="button" class="primary" onClick={reorder}>{[held.value.fresh && `${held.value.fresh} new`, held.value.moved && `${held.value.moved} rows would move`].filter(Boolean).join(", ")} <kbd>r</kbd></button>}
      <span class="spring" />
      {asked.value && <button type="button" class="quiet" onClick={() => csv(asked.peek(), "eddy-sql").catch((e: unknown) => { problem.value = e instanceof SqlError ? e.problem : { title: "the export failed", detail: String(e), status: 0 }; })}>CSV of all</button>}
    </header>
    {p && <Failure problem={p} retry={() => void run()} kept={!!a} />}
    {tab === "plan" ? (plan.value ? <pre class="plan" tabIndex={0} aria-label="Plan">{plan.value.text}</pre> : !p && <Skeleton />)
      : a ? <div class={p ? "kept" : ""}>{tab === "chart" ? <QuickChart table={a.table} /> : <Rows a={a} />}</div> : !p && running.value && <Skeleton lines={8} />}
  </section>;
}

const History = () => <details class="card past"><summary><h2>History</h2> <span class="note">{past.value.length ? `${past.value.length} in this browser` : "empty"}</span></summary>
  {past.value.length > 0 && <><ul>{past.value.slice(0, 30).map((h) => <li><button type="button" class="quiet" onClick={() => { editor!.replace(h.sql); editor!.focus(); }}><code>{h.sql.replace(/\s+/g, " ").slice(0, 160)}</code></button><span class="note">{when(h.at)}{h.rows != null ? `, ${count(h.rows)} rows, ${duration(h.ms)}` : ""}</span></li>)}</ul>
    <button type="button" class="quiet" onClick={forget}>Forget all</button></>}
</details>;

command({ key: "e", title: "Edit the query", group: "This page", run: () => editor?.focus() },
  { key: "Ctrl-Enter", title: "Run (in the editor)", group: "This page", run: () => void run() },
  { key: "r", title: "Reorder: show new and moved rows", group: "This page", run: reorder },
  { key: "l", title: "Live: ask again as the sequence moves", group: "This page", run: () => set({ live: live.peek() ? null : "1" }, false) },
  { key: "c", title: "Cancel the running query", group: "This page", run: cancel },
  { key: "/", title: "Search tables and columns", group: "This page", run: () => { const d = document.querySelector<HTMLDetailsElement>("#schema"); if (d) d.open = true; document.getElementById("schema-search")?.focus(); } },
  { key: "f", title: "Filter tables and columns", group: "This page", run: () => document.getElementById("schema-search")?.focus() },
  ...copies.map((c) => ({ title: `Copy as ${c.name}`, group: "This page", run: () => void copy(c.of(clean(draft.peek())), c.name) })));

const wide = matchMedia("(min-width: 1101px)").matches;
mount(() => <><div class="title"><h1>Workbench</h1><p class="lead">Let me ask.</p></div>
  <div class="bench">
    <details class="card side" id="schema" data-card tabIndex={-1} open={wide}><summary><h2>Tables</h2> <span class="note">{catalogue.value.length || ""}</span></summary><Schema insert={(name) => editor?.insert(name)} /></details>
    <div class="stack">
      <section class="card ask" data-card tabIndex={-1} aria-label="Query"><EditorBox />
        <div class="bar">
          {running.value && !live.value ? <button type="button" class="primary" onClick={cancel}>Cancel</button> : <button type="button" class="primary" onClick={() => void run()}>Run <kbd>Ctrl ↵</kbd></button>}
          <button type="button" aria-pressed={live.value} title="Ask again as the sequence moves (:live)" onClick={() => set({ live: live.value ? null : "1" }, false)}>:live</button>
          <span class="note">{frozen.value != null && live.value ? "Live waits: the view is frozen. " : ""}Read-only. At most {shell.limits?.seconds ?? 30} s and {Math.round((shell.limits?.memory_bytes ?? 0) / 1048576) || "–"} MB in the engine; {count(rowLimit)} rows here, all by CSV.</span>
          <span class="spring" />{clean(draft.value) && <CopyButtons sql={clean(draft.value)} />}
        </div></section>
      {!answer.value && !problem.value && !running.value ? <Worked /> : <Result />}
      <History />
    </div>
  </div></>);
void sequence;
if (clean(draft.peek())) void run();
