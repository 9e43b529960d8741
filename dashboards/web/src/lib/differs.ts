// What differs: which courier, zone, facility, packer, supplier, channel or payment mode a product's returns stick out with, once the category's own
// rate with that value and the product's own level are accounted for.
//
// Of a dimension, e is the product's pieces with a value times the category's rate with it (without the product, drawn toward the category's rate as if
// `prior` pieces had returned at that). Given all k returns of the product, those with one value are binomial with share e / sum of e: a value sticks out
// when they are not. That is Przyborowski and Wilenski's conditional test of two Poisson means (1940), with mid-p. Lift is the odds ratio, its interval
// Wilson's. The flags of all values together are controlled by Benjamini and Hochberg (1995). The shares of one dimension depend on each other
// negatively, for which the procedure was not proven; the level is therefore a nominal one.
import { wilson } from "./format";

export interface Counts { dimension: string; value: string; ownN: number; ownK: number; restN: number; restK: number }
export interface Difference extends Counts { expected: number; share: number; usualShare: number; own: number; usual: number; lift: number; low: number; high: number; p: number; flagged: boolean }
/** What the category would return with the product's own mix of a dimension. */
export interface Standard { dimension: string; rate: number }
export interface Differences { rows: Difference[]; standards: Standard[]; own: number; usual: number; n: number; k: number; tested: number; level: number }

const prior = 20;
export const level = 0.1;

const logs: number[] = [0];
const logFactorial = (n: number): number => { for (let i = logs.length; i <= n; i++) logs.push(logs[i - 1]! + Math.log(i)); return logs[n]!; };

/** Two-sided mid-p of k of n at share p, exact up to 5,000 and by the normal approximation beyond. */
export function binomial(k: number, n: number, p: number): number {
  if (n <= 0 || p <= 0 || p >= 1) return 1;
  if (n > 5000) {
    const z = Math.abs(k - n * p) / Math.sqrt(n * p * (1 - p));
    // Abramowitz and Stegun 26.2.17.
    const t = 1 / (1 + 0.2316419 * z), tail = Math.exp(-z * z / 2) / Math.sqrt(2 * Math.PI) * t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
    return Math.min(1, 2 * tail);
  }
  const mass = (i: number): number => Math.exp(logFactorial(n) - logFactorial(i) - logFactorial(n - i) + i * Math.log(p) + (n - i) * Math.log(1 - p));
  let below = 0;
  for (let i = 0; i < k; i++) below += mass(i);
  const at = mass(k), low = below + at / 2;
  return Math.min(1, 2 * Math.max(0, Math.min(low, 1 - low)));
}

/** Which p-values are discoveries at a level, by Benjamini and Hochberg. */
export function discoveries(p: readonly number[], at: number): boolean[] {
  const sorted = [...p].sort((a, b) => a - b);
  let bar = -1;
  sorted.forEach((value, i) => { if (value <= at * (i + 1) / p.length) bar = value; });
  return p.map((value) => value <= bar);
}

export function differences(counts: readonly Counts[]): Differences {
  const all = counts.find((c) => c.dimension === "all"), n = all?.ownN ?? 0, k = all?.ownK ?? 0;
  const usual = all && all.restN > 0 ? all.restK / all.restN : 0;
  const names = [...new Set(counts.filter((c) => c.dimension !== "all").map((c) => c.dimension))];
  const rows: Difference[] = [], standards: Standard[] = [];
  for (const dimension of names) {
    const list = counts.filter((c) => c.dimension === dimension && c.ownN > 0);
    const rate = (c: Counts): number => (c.restK + prior * usual) / (c.restN + prior);
    const restN = counts.filter((c) => c.dimension === dimension).reduce((s, c) => s + c.restN, 0), ownN = list.reduce((s, c) => s + c.ownN, 0), ownK = list.reduce((s, c) => s + c.ownK, 0);
    const e = list.reduce((s, c) => s + c.ownN * rate(c), 0);
    if (ownN > 0) standards.push({ dimension, rate: e / ownN });
    // One value alone cannot stick out from the others.
    if (list.length < 2 || e <= 0) continue;
    for (const c of list) {
      const expected = c.ownN * rate(c), of = expected / e, odds = (share: number): number => share / (1 - share), interval = wilson(c.ownK, ownK);
      const ratio = (share: number): number => of <= 0 || of >= 1 ? NaN : odds(share) / odds(of);
      rows.push({ ...c, expected: expected * (ownK / e || 0), share: c.ownN / ownN, usualShare: restN > 0 ? c.restN / restN : 0, own: c.ownK / c.ownN, usual: rate(c),
        lift: ratio(ownK ? c.ownK / ownK : 0), low: ratio(interval?.[0] ?? 0), high: ratio(interval?.[1] ?? 1), p: binomial(c.ownK, ownK, of), flagged: false });
    }
  }
  const found = discoveries(rows.map((r) => r.p), level);
  rows.forEach((r, i) => { r.flagged = found[i]!; });
  rows.sort((a, b) => a.p - b.p || b.ownN - a.ownN || (a.value < b.value ? -1 : 1));
  return { rows, standards, own: n ? k / n : 0, usual, n, k, tested: rows.length, level };
}
