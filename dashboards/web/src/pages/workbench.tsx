// Workbench: let me ask. Editor, catalogue, rows, quick chart, plan. The query is in the URL and its history in this browser; `:live` asks again
// as the sequence moves. Read-only: what a query may cost is the engine's to bound, and shown.
import { batch, computed, effect, signal } from "@preact/signals";
import { useCallback, useEffect, useRef } from "preact/hooks";
import { count, duration, when, zoneName } from "../lib/format";
import { command } from "../lib/keys";
import { frozen, onFrame, sequence } from "../lib/live";
import { csv, request, SqlError, type Problem } from "../lib/data";
import { hold } from "../lib/order";
import { nonce, shell } from "../lib/shell";
import { get, search, set } from "../lib/url";
import { Failure, Skeleton } from "../parts/card";
import { mount } from "../parts/frame";
import { fit, Grid, type GridColumn } from "../parts/grid";
import { copies, copy, CopyButtons } from "../parts/sqlpanel";
import { ask, byteLimit, rowLimit, visit, type Answer } from "./workbench/answer";
import { createEditor, type Editor } from "./workbench/editor";
import { forget, past, remember } from "./workbench/past";
import { QuickChart } from "./workbench/quickchart";
import { catalogue, Schema } from "./workbench/schema";
import { isNumber, isText, typeName } from "./workbench/values";
import { pageRows, Windows } from "./workbench/windows";

/** An answer as shown: the rows in view, and the columns at widths that fit its first rows. */
interface Shown { answer: Answer; windows: Windows; columns: GridColumn[] }
const draft = signal(get("q")), asked = signal(""), shown = signal<Shown | null>(null), problem = signal<Problem | null>(null);
const running = signal<AbortController | null>(null), came = signal<{ rows: number; bytes: number } | null>(null);
const plan = signal<{ sql: string; text: string } | null>(null);
let editor: Editor | null = null;

const live = computed(() => get("live") === "1");
const view = computed(() => get("view") || "rows");
/** The text without a leading `:live`, which only says how to run it. */
const clean = (text: string) => text.replace(/^\s*:live\b/i, "").replace(/;\s*$/, "").trim();

/** Why a text runs: the reader wants it, wants it in another order, or follows the feed. */
type Why = "asked" | "sorted" | "live";
async function run(why: Why = "asked"): Promise<void> {
  const raw = why === "asked" ? draft.peek() : asked.peek(), sql = clean(raw);
  if (!sql) { problem.value = { title: "there is nothing to run", detail: "Write a query, or take one of the worked questions.", status: 0 }; return; }
  if (why === "live" && running.peek()) return;
  running.peek()?.abort();
  const mine = new AbortController();
  batch(() => { running.value = mine; if (why !== "live") { came.value = null; problem.value = null; } asked.value = sql; });
  if (why === "asked") {
    editor?.mark(null);
    // Another text has an order of its own.
    sortText = sql === get("q") ? get("sort") : "";
    set({ q: sql, live: /^\s*:live\b/i.test(raw) ? "1" : get("live") || null, sort: sortText });
  }
  try {
    let first: Promise<void> | null = null;
    const result = await ask(inOrder(sql), mine.signal, (so) => {
      if (why === "live" || running.peek() !== mine) return;
      came.value = { rows: so.rows, bytes: so.bytes };
      first ??= show(so, why, mine);
    });
    await first;
    if (running.peek() !== mine) return;
    await show(result, why, mine);
    if (why === "asked") remember({ sql, at: Date.now(), rows: result.rows, ms: Math.round(result.ms) });
    if (view.peek() === "plan") void explain();
  } catch (e) {
    if (running.peek() !== mine) return;
    if ((e as Error).name === "AbortError") problem.value = { title: "cancelled", detail: "The query was cancelled; what is shown is older.", status: 0 };
    else {
      problem.value = e instanceof SqlError ? e.problem : { title: "the answer cannot be read", detail: String(e), status: 0 };
      // An order that this text does not have, from a link of another: without it the text says what is wrong with itself.
      if (sortOf() && problem.peek()!.status === 400) return void set({ sort: null }, false);
      // An error of the text lies in the draft only while the draft is what was run.
      if (why !== "live" && clean(draft.peek()) === sql) editor?.mark(shifted(problem.peek()!, draft.peek()));
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

// The engine sorts, for the page holds no more than a window. A text that is no query of rows cannot be wrapped.
const sortable = (sql: string) => /^(select|with|values|table|\()/i.test(sql.replace(/^(\s|--.*\n|\/\*[^]*?\*\/)+/, ""));
function sortOf(): { name: string; down: boolean } | null {
  const [, name, way] = /^(.+)\.(asc|desc)$/s.exec(get("sort")) ?? [];
  return name ? { name, down: way === "desc" } : null;
}
function inOrder(sql: string): string {
  const by = sortOf();
  return by && sortable(sql) ? `select * from (\n${sql}\n) as answer order by "${by.name.replaceAll('"', '""')}" ${by.down ? "desc" : "asc"} nulls last` : sql;
}
let sortText = get("sort");
effect(() => { const now = search.value.get("sort") ?? ""; if (now !== sortText) { sortText = now; if (asked.peek() && asked.peek() === get("q")) void run("sorted"); } });

// Rows as shown: an order of row numbers, so that holding moves no data.
const order = signal<number[] | null>(null), held = signal({ moved: 0, fresh: 0 });
const holdable = 5000;
/** The first column, where it names the rows and they are few enough to hold their order. */
async function keys(a: Answer): Promise<string[] | null> {
  if (a.rows > holdable || !a.fields[0] || !isText(a.fields[0])) return null;
  const found: string[] = [];
  await visit(a, 0, a.rows, (table, row, end) => { for (let r = row; r < end; r++) found.push(String(table.getChildAt(0).at(r))); });
  return new Set(found).size === found.length ? found : null;
}

/** A live rerun keeps the order the reader sees: new rows wait, and what would move is counted. */
async function keep(old: Answer, next: Answer): Promise<{ rows: number[]; moved: number; fresh: number } | null> {
  if (!next.rows || old.fields.length !== next.fields.length) return null;
  const [was, is] = await Promise.all([keys(old), keys(next)]);
  if (!was || !is) return null;
  return hold((order.peek() ?? [...was.keys()]).map((r) => was[r]!), [...is.keys()], (r) => is[r]!);
}

let inView: [number, number] = [0, 0];
/** The rows of the answer about a stretch of the grid, as ordered. */
function* about(first: number, last: number, rows: number[] | null, n: number): Iterable<number> {
  const margin = pageRows / 2;
  for (let r = Math.max(0, first - margin); r < Math.min(n, last + margin); r++) yield rows ? rows[r]! : r;
}

function columnsOf(a: Answer, windows: Windows): GridColumn[] {
  const sample = Math.min(40, a.rows), sorts = sortable(asked.peek()) ? ". Sorts the whole answer" : "";
  return a.fields.map((f, i) => ({ label: f.name, type: typeName(f), right: isNumber(f), title: `${f.name}: ${typeName(f)}${sorts}`,
    width: fit(`${f.name}  ${typeName(f)}`, Array.from({ length: sample }, (_, r) => windows.cell(r, i) ?? "–")) }));
}

/** Shows an answer, or more of it, once the rows that will be in view are there. */
async function show(result: Answer, why: Why, mine: AbortController): Promise<void> {
  const old = shown.peek(), more = old?.answer === result;
  const kept = why === "live" && old && !more ? await keep(old.answer, result) : null;
  const windows = more ? old.windows : new Windows(result), rows = kept?.rows ?? null;
  if (!more) await windows.view([...about(0, 0, null, result.rows), ...why === "live" ? about(...inView, rows, rows?.length ?? result.rows) : []]);
  if (running.peek() !== mine) return;
  // Widths stay while a live answer has the same columns.
  const same = why === "live" && old?.answer.fields.map((f) => f.name).join("\n") === result.fields.map((f) => f.name).join("\n");
  batch(() => {
    shown.value = { answer: result, windows, columns: more || same ? old!.columns : columnsOf(result, windows) };
    if (!more) { order.value = rows; held.value = kept ?? { moved: 0, fresh: 0 }; }
    came.value = { rows: result.rows, bytes: result.bytes };
    problem.value = null;
  });
}
const reorder = () => batch(() => { order.value = null; held.value = { moved: 0, fresh: 0 }; });

// Back and forward bring the text back; it runs again only when asked.
addEventListener("popstate", () => { const q = get("q"); if (q !== clean(draft.peek())) { editor?.replace(q); if (q) void run(); } });

onFrame(() => { if (live.peek() && asked.peek() && !document.hidden) later(); });
let timer: ReturnType<typeof setTimeout> | undefined;
function later(): void { timer ??= setTimeout(() => { timer = undefined; void run("live"); }, Math.max(1000, (shown.peek()?.answer.ms ?? 0) * 4)); }

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

function Rows({ windows, answer: a, columns }: Shown) {
  const rows = order.value, n = rows ? rows.length : a.rows, sort = sortOf();
  const by = sort && { column: a.fields.findIndex((f) => f.name === sort.name), down: sort.down };
  void [windows.held.value, came.value];
  const look = useCallback((first: number, last: number) => {
    inView = [first, last];
    windows.view(about(first, last, rows, n)).catch((e: unknown) => { problem.value = { title: "the rows cannot be read", detail: String(e), status: 0 }; });
  }, [windows, rows, n]);
  if (!n) return <p class="empty">No row answers this. The query ran; its conditions leave nothing.</p>;
  return <div data-held={windows.held.value}><Grid id="rows" label="Result" columns={columns} count={n} height={Math.max(320, innerHeight - 430)} sort={by} onView={look}
    onSort={sortable(asked.value) ? (c) => set({ sort: by?.column === c ? (by.down ? null : `${a.fields[c]!.name}.desc`) : `${a.fields[c]!.name}.asc` }, false) : undefined}
    cell={(r, c) => { const text = windows.cell(rows ? rows[r]! : r, c); return text == null ? <span class="missing">{text === null ? "–" : "…"}</span> : text; }} /></div>;
}

const cuts = {
  limit: () => `: the first of a longer answer, cut at ${count(rowLimit)} rows or ${byteLimit >> 20} MB; CSV has all`,
  engine: () => `: the engine broke the answer off after these, at its limit of ${shell.limits.seconds} s or of memory, or because it stopped`,
  reader: () => ": those that came before you cancelled",
};
function Summary({ a }: { a: Answer }) {
  void came.value;
  return <span class="note" role="status">{count(a.rows)} {a.rows === 1 ? "row" : "rows"}{a.cut && <b class="watch">{cuts[a.cut]()}</b>} · {duration(a.ms)}{a.sequence ? <> · as of sequence {count(a.sequence)}</> : null} · times in {zoneName}</span>;
}

function Result() {
  const now = shown.value, a = now?.answer, p = problem.value, tab = view.value;
  const tabs: [string, string][] = [["rows", "Rows"], ["chart", "Chart"], ["plan", "Plan"]];
  return <section class="card result" data-card tabIndex={-1} aria-label="Answer" aria-busy={!!running.value}>
    <header><span class="group" role="group" aria-label="Form of the answer">{tabs.map(([id, title]) => <button type="button" aria-pressed={tab === id} onClick={() => { set({ view: id === "rows" ? null : id }, false); if (id === "plan") void explain(); }}>{title}</button>)}</span>
      {running.value && !live.value ? <span class="note" role="status">Running{came.value ? `: ${count(came.value.rows)} rows, ${(came.value.bytes / 1e6).toFixed(1)} MB` : "…"}</span> : a && <Summary a={a} />}
      {(held.value.fresh > 0 || held.value.moved > 0) && <button type="button" class="primary" onClick={reorder}>{[held.value.fresh && `${held.value.fresh} new`, held.value.moved && `${held.value.moved} rows would move`].filter(Boolean).join(", ")} <kbd>r</kbd></button>}
      <span class="spring" />
      {asked.value && <button type="button" class="quiet" onClick={() => csv(inOrder(asked.peek()), "eddy-sql").catch((e: unknown) => { problem.value = e instanceof SqlError ? e.problem : { title: "the export failed", detail: String(e), status: 0 }; })}>CSV of all</button>}
    </header>
    {p && <Failure problem={p} retry={() => void run()} kept={!!a} />}
    {tab === "plan" ? (plan.value ? <pre class="plan" tabIndex={0} aria-label="Plan">{plan.value.text}</pre> : !p && <Skeleton />)
      : a ? <div class={p ? "kept" : ""}>{tab === "chart" ? <QuickChart answer={a} rows={a.rows} /> : <Rows {...now!} />}</div> : !p && running.value && <Skeleton lines={8} />}
  </section>;
}

const History = () => <details class="card past"><summary><h2>History</h2> <span class="note">{past.value.length ? `${past.value.length} in this browser` : "empty"}</span></summary>
  {past.value.length > 0 && <><ul>{past.value.slice(0, 30).map((h) => <li><button type="button" class="quiet" onClick={() => { editor!.replace(h.sql); editor!.focus(); }}><code>{h.sql.replace(/\s+/g, " ").slice(0, 160)}</code></button><span class="note">{when(h.at)}{h.rows != null ? `, ${count(h.rows)} rows, ${duration(h.ms)}` : ""}</span></li>)}</ul>
    <button type="button" class="quiet" onClick={forget}>Forget all</button></>}
</details>;

command({ key: "e", title: "Edit the query", group: "This page", run: () => editor?.focus() },
  { key: "Ctrl-Enter", title: "Run (in the editor)", group: "This page", run: () => void run() },
  { key: "r", title: "Reorder: show new and moved rows", group: "This page", run: reorder },
  { key: "o", title: "Order by the active column (in the rows)", group: "This page", run: () => document.querySelector<HTMLElement>("[role=grid]")?.focus() },
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
          <span class="note">{frozen.value != null && live.value ? "Live waits: the view is frozen. " : ""}Read-only. <kbd>Esc</kbd> leaves the editor. At most {shell.limits?.seconds ?? 30} s and {Math.round((shell.limits?.memory_bytes ?? 0) / 1048576) || "–"} MB in the engine; {count(rowLimit)} rows here, all by CSV.</span>
          <span class="spring" />{clean(draft.value) && <CopyButtons sql={clean(draft.value)} />}
        </div></section>
      {!shown.value && !problem.value && !running.value ? <Worked /> : <Result />}
      <History />
    </div>
  </div></>);
void sequence;
if (clean(draft.peek())) void run();
