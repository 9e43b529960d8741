// Return rates at equal age: pieces asked back at an age, of the pieces whose delivery is at least that old. Each day's increment has its own
// denominator, so that young cohorts count up to the age they have and no further (a product-limit estimate, as Kaplan and Meier's of 1958, with
// few enough returns that increments add).
export interface Point { delivered: number; returned: number; rate: number | null }

/** Cumulative rates for ages 0 to `last` days, from pieces by the age of their delivery and by the age at which they were asked back. */
export function curve(delivered: ReadonlyMap<number, number>, returned: ReadonlyMap<number, number>, last: number): Point[] {
  const old = (age: number): number => { let n = 0; for (const [a, pieces] of delivered) if (a >= age) n += pieces; return n; };
  const out: Point[] = [];
  let sum = 0, k = 0;
  for (let age = 0; age <= last; age++) {
    const n = old(age), back = returned.get(age) ?? 0;
    if (n > 0) sum += back / n;
    k += back;
    out.push({ delivered: n, returned: k, rate: n > 0 ? Math.min(1, sum) : null });
  }
  return out;
}
