// Rates of small cells, drawn toward what their parents say: a cell of a courier and a lane toward the lane's rate times the courier's ratio to the
// lanes it serves, a lane toward all. An empirical Bayes estimate with a beta prior: (k + strength x prior) / (n + strength). The strength is that
// of the method of moments over the cells (as in Efron and Morris, 1975), kept between 10 and 500.

export interface Counted { n: number; k: number }
export interface Shrunk extends Counted { prior: number; rate: number; /** Share of the cell's own word in the rate. */ weight: number }

const toward = (c: Counted, prior: number, strength: number): Shrunk => {
  const weight = c.n / (c.n + strength);
  return { ...c, prior, weight, rate: weight * (c.n ? c.k / c.n : 0) + (1 - weight) * prior };
};
const sum = (cells: Iterable<Counted>): Counted => { let n = 0, k = 0; for (const c of cells) { n += c.n; k += c.k; } return { n, k }; };

/** How many parcels the prior counts for: the spread of the cells beyond that of chance. */
export function strengthOf(cells: (Counted & { prior: number })[]): number {
  let beyond = 0, could = 0;
  for (const { n, k, prior } of cells) {
    if (n < 2) continue;
    const v = prior * (1 - prior);
    // Of a beta-binomial: the variance of k is n v (1 + (n - 1) c), and the strength is (1 - c) / c.
    beyond += (k - n * prior) ** 2 - n * v;
    could += n * (n - 1) * v;
  }
  const c = could > 0 ? beyond / could : 0;
  return c > 0 ? Math.min(500, Math.max(10, (1 - c) / c)) : 500;
}

export interface Matrix<T> { lanes: string[]; couriers: string[]; cells: Map<string, Shrunk & T>; all: number; strength: number; lane: Map<string, Counted> }

/** The matrix of cells, lanes by their parcels, couriers by name. */
export function matrix<T extends Counted & { lane: string; courier: string }>(cells: T[]): Matrix<T> {
  const group = (key: (c: T) => string) => { const out = new Map<string, T[]>(); for (const c of cells) { const list = out.get(key(c)); list ? list.push(c) : out.set(key(c), [c]); } return out; };
  const total = sum(cells), all = total.n ? total.k / total.n : 0;
  const lane = new Map([...group((c) => c.lane)].map(([name, list]) => [name, sum(list)]));
  const laneStrength = strengthOf([...lane.values()].map((c) => ({ ...c, prior: all })));
  const rate = new Map([...lane].map(([name, c]) => [name, toward(c, all, laneStrength).rate]));
  const ratio = new Map([...group((c) => c.courier)].map(([name, list]) => {
    const expected = list.reduce((s, c) => s + c.n * rate.get(c.lane)!, 0), k = list.reduce((s, c) => s + c.k, 0);
    // A courier of few parcels is as the others: ten expected failures are put on either side.
    return [name, (k + 10) / (expected + 10)];
  }));
  const priors = cells.map((c) => ({ ...c, prior: Math.min(1, rate.get(c.lane)! * ratio.get(c.courier)!) }));
  const strength = strengthOf(priors);
  return {
    lanes: [...lane].sort((a, b) => b[1].n - a[1].n || (a[0] < b[0] ? -1 : 1)).map(([name]) => name), couriers: [...ratio.keys()].sort(), all, strength, lane,
    cells: new Map(priors.map((c) => [`${c.lane} ${c.courier}`, { ...c, ...toward(c, c.prior, strength) }])),
  };
}
