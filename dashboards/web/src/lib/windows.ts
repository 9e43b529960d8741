// Rows of a query that are read in windows of 200 as the reader looks at them, sorted by the server. Newer values are laid over the rows
// the reader sees; what would move is counted and not done. The first window is a followed query, which carries errors and the feed's news.
import { batch, effect, signal, untracked } from "@preact/signals";
import { bind, filters, rows, run, type Query } from "./data";

export const windowRows = 200;
type Row = Record<string, unknown>;
interface Window { shown: Row[]; newest: Row[] }

export class Windows {
  /** Changes with every window that comes or goes. */
  readonly changed = signal(0);
  private windows = new Map<number, Window>();
  private reading = new Set<number>();
  private wanted: number[] = [];
  private asked = "";

  constructor(private readonly first: Query, private readonly key: (row: Row) => string) {
    effect(() => {
      const data = first.data.value, sql = first.sql.value;
      untracked(() => {
        if (!data || data.sql !== sql) return;
        const same = sql === this.asked;
        this.asked = sql;
        if (!same) this.windows.clear();
        this.put(0, rows(data));
        // What else is in view is as old as the first window was.
        if (same) for (const page of [...this.windows.keys()]) if (page) { if (this.wanted.includes(page)) void this.read(page); else this.windows.delete(page); }
      });
    });
  }

  /** Names the rows in view; windows that hold none of them are forgotten, save the first. */
  view(from: number, to: number): void {
    this.wanted = [];
    for (let page = Math.floor(from / windowRows); page <= Math.floor(Math.max(from, to) / windowRows); page++) this.wanted.push(page);
    for (const page of [...this.windows.keys()]) if (page && !this.wanted.includes(page)) this.windows.delete(page);
    for (const page of this.wanted) if (page && !this.windows.has(page)) void this.read(page);
  }

  row(at: number): Row | undefined {
    return this.windows.get(Math.floor(at / windowRows))?.shown[at % windowRows];
  }

  find(key: string): { row: Row; at: number } | null {
    for (const [page, window] of this.windows) { const i = window.shown.findIndex((row) => this.key(row) === key); if (i >= 0) return { row: window.shown[i]!, at: page * windowRows + i }; }
    return null;
  }

  /** Rows of the windows held whose place would change. */
  moved(): number {
    let n = 0;
    for (const { shown, newest } of this.windows.values()) newest.forEach((row, i) => { if (shown[i] && this.key(shown[i]!) !== this.key(row)) n++; });
    return n;
  }

  reorder(): void {
    for (const window of this.windows.values()) window.shown = window.newest;
    this.changed.value++;
  }

  private put(page: number, newest: Row[]): void {
    const known = this.windows.get(page);
    const values = known && new Map(newest.map((row) => [this.key(row), row]));
    this.windows.set(page, { newest, shown: known ? known.shown.map((row) => values!.get(this.key(row)) ?? row) : newest });
    this.changed.value++;
  }

  private async read(page: number): Promise<void> {
    if (this.reading.has(page)) return;
    this.reading.add(page);
    const asked = this.asked;
    try {
      const result = await run(bind(this.first.named, { ...filters(), offset: String(page * windowRows) }));
      if (asked === this.asked && this.wanted.includes(page)) this.put(page, rows(result));
    } catch (e) {
      // The card says what went wrong, and its Retry reads again from the first window on.
      const problem = (e as { problem?: Query["error"]["value"] }).problem;
      batch(() => { this.first.error.value = problem ?? { title: "unreadable answer", detail: String(e), status: 0 }; });
    } finally {
      this.reading.delete(page);
    }
    if (asked !== this.asked && this.wanted.includes(page) && !this.windows.has(page)) void this.read(page);
  }
}
