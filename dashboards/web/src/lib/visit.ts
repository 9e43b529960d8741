// What the tables held when the reader last left, with its sequence: kept in this browser, so a difference is of two exact figures.
// A pause of half an hour ends a visit.
interface Mark { sequence: number; at: number; event_time: string | null; figures: Record<string, unknown> }
interface Kept { base: Mark | null; latest: Mark }

const store = "eddy.visit", pauseMs = 30 * 60_000;
let base: Mark | null | undefined, latest: Mark | null = null;

function load(): Kept | null {
  try { return JSON.parse(localStorage.getItem(store) ?? "null"); } catch { return null; }
}
function save(): void {
  try { if (latest) localStorage.setItem(store, JSON.stringify({ base: base ?? null, latest })); } catch { /* without storage there is no last visit */ }
}

/** Notes the newest figures and gives the mark to compare with, if there is one. */
export function visit(sequence: number, event_time: string | null, figures: Record<string, unknown>): Mark | null {
  if (base === undefined) {
    const kept = load();
    base = kept ? (Date.now() - kept.latest.at > pauseMs ? kept.latest : kept.base ?? null) : null;
  }
  // A smaller sequence is another log: nothing to compare with.
  if (base && base.sequence > sequence) base = null;
  if (!latest || latest.sequence !== sequence || Date.now() - latest.at > 10_000) {
    latest = { sequence, at: Date.now(), event_time, figures };
    save();
  }
  return base;
}
visit.restart = (): void => { base = latest; save(); };
