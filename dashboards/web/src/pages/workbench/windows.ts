// The rows in view: pages of 200, read from the answer when they are looked at and forgotten when they are not.
import { signal } from "@preact/signals";
import { visit, type Answer } from "./answer";
import { display } from "./values";

export const pageRows = 200;
/** By column, then by row; null is a missing value. */
type Page = (string | null)[][];

export class Windows {
  /** Rows held; changes with every page that comes or goes. */
  readonly held = signal(0);
  private readonly pages = new Map<number, Page>();
  private wanted = new Set<number>();
  private reading: Promise<void> | null = null;
  constructor(private readonly answer: Answer) {}

  /** Names the rows in view, and returns when they are there. Rows of other pages are forgotten. */
  view(rows: Iterable<number>): Promise<void> {
    this.wanted = new Set();
    for (const row of rows) this.wanted.add(Math.floor(row / pageRows));
    for (const page of this.pages.keys()) if (!this.wanted.has(page)) this.pages.delete(page);
    this.count();
    return this.reading ?? (this.next() == null ? Promise.resolve() : this.reading = this.read());
  }

  /** What stands in a cell; undefined while its page is on the way. */
  cell(row: number, column: number): string | null | undefined {
    return this.pages.get(Math.floor(row / pageRows))?.[column]?.[row % pageRows];
  }

  private async read(): Promise<void> {
    try {
      for (let next = this.next(); next != null; next = this.next()) {
        const from = next * pageRows, page: Page = this.answer.fields.map(() => []);
        await visit(this.answer, from, from + pageRows, (table, row, end) => page.forEach((cells, c) => {
          const column = table.getChildAt(c), field = this.answer.fields[c]!;
          for (let r = row; r < end; r++) { const value = column.at(r); cells.push(value == null ? null : display(field, value)); }
        }));
        if (this.wanted.has(next)) this.pages.set(next, page);
        this.count();
      }
    } finally {
      // In the same step as the last look at what is wanted: rows that come into view after it start a reading of their own.
      this.reading = null;
    }
  }

  /** A page in view that lacks rows: one not read, or read while the answer was still coming. */
  private next(): number | undefined {
    const { rows, fields } = this.answer;
    if (!fields.length) return undefined;
    return [...this.wanted].find((page) => page * pageRows < rows && (this.pages.get(page)?.[0]?.length ?? 0) < Math.min(pageRows, rows - page * pageRows));
  }

  private count(): void {
    this.held.value = [...this.pages.values()].reduce((n, page) => n + (page[0]?.length ?? 0), 0);
  }
}
