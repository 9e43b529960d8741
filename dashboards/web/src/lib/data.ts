// Named queries: bound on the page, run by POST /v1/sql, read again when the feed says their tables changed. The last good rows stay
// while a newer answer is on its way or has failed.
import { batch, effect, signal, untracked, type Signal } from "@preact/signals";
import { instant, startOfDay } from "./format";
import { frozen, onFrame, sequence } from "./live";
import { named, shell, type NamedQuery, type Result } from "./shell";
import { get, subject, subjectKind } from "./url";

export interface Problem { title: string; detail: string; status: number; line?: number; column?: number; position?: number; length?: number }

export class SqlError extends Error {
  constructor(readonly problem: Problem) { super(problem.detail || problem.title); }
}

/** A text as an SQL literal. */
export const text = (value: string): string => `'${value.replaceAll("'", "''")}'`;
/** An instant as an SQL literal. */
export const timestamp = (ms: number): string => `timestamp '${new Date(ms).toISOString().replace(".000Z", "Z")}'`;

/** The query's text with `$name` replaced by the literals given, or by the query's own defaults. */
export function bind(query: NamedQuery, literals: Record<string, string>): string {
  return query.sql.replace(/\$([a-z_]+)\b/g, (whole, name: string) => literals[name] ?? query.params[name] ?? whole);
}

/** The page's filters as literals: the URL's days are days of the tenant's zone, `to` included. */
export function filters(): Record<string, string> {
  const out: Record<string, string> = {};
  const from = startOfDay(get("from")), to = startOfDay(get("to"), 1);
  if (get("from") && from != null) out.from = timestamp(from);
  if (get("to") && to != null) out.to = timestamp(to);
  for (const key of ["dimension", "value", "grain", "reason", "source", "search", "payment", "decision", "alert", "status", "pattern", "kind", "level", "category", "style", "supplier", "sort", "way", "least"]) if (get(key)) out[key] = text(get(key));
  if (subject) out[subjectKind] = text(subject);
  return out;
}

export async function problemOf(response: Response): Promise<Problem> {
  const problem: Problem = { title: response.statusText || "the request failed", detail: "", status: response.status };
  try {
    const said = await response.json() as Partial<Problem> & { position?: unknown };
    // The place of an SQL error comes as {line, column} or as an offset.
    const { position, ...rest } = said;
    Object.assign(problem, rest, typeof position === "object" ? position : { position });
  } catch { /* an answer without a problem document keeps its status line */ }
  if (problem.status === 401) problem.detail = "You are no longer signed in.";
  return problem;
}

export async function request(sql: string, accept: string, signal?: AbortSignal): Promise<Response> {
  let response: Response;
  try {
    response = await fetch("/v1/sql", { method: "POST", headers: { "content-type": "application/json", accept }, body: JSON.stringify({ sql }), signal: signal ?? null });
  } catch (e) {
    if ((e as Error).name === "AbortError") throw e;
    throw new SqlError({ title: "the engine does not answer", detail: "The engine does not answer. Start it with `eddy up`, then retry.", status: 0 });
  }
  if (!response.ok) throw new SqlError(await problemOf(response));
  return response;
}

export async function run(sql: string, signal?: AbortSignal): Promise<Result> {
  return { ...(await (await request(sql, "application/json", signal)).json() as Result), sql };
}

export interface Query {
  readonly named: NamedQuery;
  readonly data: Signal<Result | null>;
  readonly error: Signal<Problem | null>;
  readonly fetching: Signal<boolean>;
  readonly sql: Signal<string>;
  retry(): void;
}

const open: Query[] = [];
// What each open query last cost the engine: a page of slow queries asks less often as a whole.
const costs = new Map<string, number>();
const together = () => [...costs.values()].reduce((a, b) => a + b, 0);
export const queries = (): readonly Query[] => open;

/** What no filter says; as a function it follows what the reader chose, and null when nothing is chosen: then nothing is asked. */
export type More = Record<string, string> | (() => Record<string, string> | null);

/** A named query that follows the URL and the feed. One request at a time; slow ones are asked less often. `more` binds what no filter says. */
export function follow(name: string, more: More = {}): Query {
  const query = named(name);
  const bound = (): string => { const also = typeof more === "function" ? more() : more; return also ? bind(query, { ...filters(), ...also }) : ""; };
  const first = shell.results[name];
  const data = signal<Result | null>(null), error = signal<Problem | null>(null), fetching = signal(false);
  const sql = signal(untracked(bound));
  if (first && (first.sql == null || first.sql === sql.peek())) data.value = { ...first, sql: sql.peek() };

  let controller: AbortController | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let startedAt = 0, cost = 0, busy = 0, dirty = false;

  const load = async () => {
    if (!sql.peek()) return;
    clearTimeout(timer);
    timer = undefined;
    controller?.abort();
    const mine = (controller = new AbortController());
    const asked = sql.peek();
    dirty = false;
    fetching.value = true;
    startedAt = performance.now();
    try {
      const result = await run(asked, mine.signal);
      if (mine !== controller) return;
      busy = 0;
      costs.set(name, result.elapsed_ms);
      batch(() => { data.value = result; error.value = null; });
    } catch (e) {
      if (mine !== controller || (e as Error).name === "AbortError") return;
      // Busy is not wrong: ask again soon, a few times.
      if (e instanceof SqlError && e.problem.status === 429 && busy++ < 5) { cost = 0; controller = null; fetching.value = false; later(); return; }
      error.value = e instanceof SqlError ? e.problem : { title: "unreadable answer", detail: String(e), status: 0 };
    }
    cost = performance.now() - startedAt;
    controller = null;
    fetching.value = false;
    if (dirty) later();
  };
  // At most one in 1 s; all the page's queries together take at most about a third of the engine's time.
  const later = () => {
    if (controller) { dirty = true; return; }
    timer ??= setTimeout(load, Math.max(0, startedAt + Math.max(1000, cost, together() * 2) - performance.now()));
  };

  effect(() => {
    const next = bound();
    untracked(() => {
      if (next === sql.peek() && data.peek()) return;
      // Rows of another choice are no last good answer.
      if (next !== sql.peek() && typeof more === "function") { controller?.abort(); controller = null; batch(() => { data.value = null; error.value = null; fetching.value = false; }); }
      sql.value = next;
      void load();
    });
  });
  onFrame((frame) => { if (!frame || query.reads.some((t) => t in frame.changed || t === "eddy_meta.progress")) later(); });

  const self: Query = { named: query, data, error, fetching, sql, retry: () => void load() };
  open.push(self);
  return self;
}

/** Rows as objects by column name. */
export function rows(result: Result | null): Record<string, unknown>[] {
  if (!result) return [];
  const names = result.columns.map((c) => c.name);
  return result.rows.map((row) => Object.fromEntries(names.map((n, i) => [n, row[i]])));
}

export const num = (value: unknown): number => value == null ? 0 : Number(value);

/** The tables' own clock: the latest event time known to the page. */
export function eventClock(result: Result | null): number | null {
  const row = rows(result)[0];
  return row ? instant(row.event_time) : null;
}

export async function csv(sql: string, name: string): Promise<void> {
  const blob = await (await request(sql, "text/csv")).blob();
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = `${name}-${frozen.peek() ?? sequence.peek()}.csv`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
