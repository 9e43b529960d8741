// Live without jumping: newer rows are laid over the order the reader sees. What would move and what is new is counted, not done.
export interface Held<T> { rows: T[]; moved: number; fresh: number }

/**
 * Keeps `order` (keys as now shown) while `next` brings newer values: rows that are gone leave, new rows wait.
 * `moved` counts the kept rows whose place among the kept would change.
 */
export function hold<T>(order: readonly string[], next: readonly T[], key: (row: T) => string): Held<T> {
  const byKey = new Map(next.map((row) => [key(row), row]));
  const shown = order.filter((k) => byKey.has(k)), known = new Set(shown);
  const wanted = next.map(key).filter((k) => known.has(k));
  return { rows: shown.map((k) => byKey.get(k)!), moved: shown.filter((k, i) => wanted[i] !== k).length, fresh: next.length - known.size };
}
