// What a threshold would have done with the parcels that are settled: flagged, caught, and rupees by expectation.
//
// Shares have Wilson intervals. Rupees are a sum over parcels, each flagged one giving share acted x (averted x cost of its failure, if it failed,
// less the cost of acting): the interval is the normal one of that sum, from the parcels' own spread. It holds the assumptions for true.
import { num, rows } from "./data";
import type { Numbers } from "./policy";
import type { Result } from "./shell";

export interface Bin { stage: string; bin: number; recent: boolean; currency: string; parcels: number; failed: number; value: number; squared: number; firstSequence: number }

export const binsOf = (result: Result | null): Bin[] => rows(result).map((r) => ({
  stage: String(r.stage), bin: Math.max(0, Math.min(99, num(r.bin))), recent: r.recent === true, currency: String(r.currency ?? ""), parcels: num(r.parcels), failed: num(r.failed),
  value: num(r.failed_value_minor), squared: num(r.failed_value_squared), firstSequence: num(r.first_sequence),
}));

/** What acting on a flagged parcel does: the share that can be acted on, the share of failures averted, the cost a parcel. */
export interface Acting { share: number; averts: number; costMinor: number }

export interface Point {
  threshold: number; parcels: number; failed: number; flagged: number; caught: number;
  saved: number; low: number; high: number;
}

/** The currency of most parcels: rupees are never added to something else. */
export function mainCurrency(bins: Bin[]): string {
  const by = new Map<string, number>();
  for (const b of bins) by.set(b.currency, (by.get(b.currency) ?? 0) + b.parcels);
  return [...by].sort((a, b) => b[1] - a[1])[0]?.[0] ?? "";
}

/** A point for each hundredth from 0 to 1, of one stage's bins. */
export function curve(bins: Bin[], acting: Acting, numbers: Numbers): Point[] {
  const currency = mainCurrency(bins), { share, averts, costMinor } = acting, fixed = numbers.failure_cost_minor, part = numbers.failure_share;
  const at = (threshold: number): Point => {
    let parcels = 0, failed = 0, flagged = 0, caught = 0, paid = 0, lost = 0, value = 0, squared = 0, all = 0;
    for (const b of bins) {
      parcels += b.parcels;
      failed += b.failed;
      const counts = b.currency === currency;
      if (counts) all += b.parcels;
      if (b.bin < threshold) continue;
      flagged += b.parcels;
      caught += b.failed;
      if (counts) { paid += b.parcels; lost += b.failed; value += b.value; squared += b.squared; }
    }
    const cost = fixed * lost + part * value, costSquared = fixed * fixed * lost + 2 * fixed * part * value + part * part * squared;
    const saved = share * (averts * cost - costMinor * paid);
    const squares = share * share * (averts * averts * costSquared - 2 * averts * costMinor * cost + costMinor * costMinor * paid);
    const half = all ? 1.959964 * Math.sqrt(Math.max(0, squares - saved * saved / all)) : 0;
    return { threshold, parcels, failed, flagged, caught, saved, low: saved - half, high: saved + half };
  };
  return Array.from({ length: 101 }, (_, i) => at(i));
}

/** The threshold that saves most; none when none saves anything. Of equals the highest, which troubles fewest. */
export function best(points: Point[]): Point | null {
  let found: Point | null = null;
  for (const p of points) if (p.saved > 0 && (!found || p.saved >= found.saved)) found = p;
  return found;
}
