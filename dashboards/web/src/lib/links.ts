// Identity links of a customer as the engine tells them, and where to draw them: columns by distance, so that the same links always give the same picture.
import { problemOf, type Problem } from "./data";

export interface Node { kind: string; id: string; partners?: number; capped?: boolean; confirmed?: number }
export interface Edge { customer: string; value: string; kind: string; hard: boolean }
export interface Links { nodes: Node[]; edges: Edge[] }
export interface Placed extends Node { key: string; column: number; row: number }
export interface Drawn { nodes: Placed[]; lines: { from: Placed; to: Placed; edge: Edge }[]; columns: number; rows: number }

export type Answer = { state: "loading" } | { state: "links"; links: Links } | { state: "none" } | { state: "unknown" } | { state: "failed"; problem: Problem };

/** Asks the engine. An engine that knows no such question is told apart from one that knows no such customer. */
export async function linksOf(customer: string): Promise<Answer> {
  let response: Response;
  try { response = await fetch(`/v1/customers/${encodeURIComponent(customer)}/links`, { headers: { accept: "application/json" } }); }
  catch { return { state: "failed", problem: { title: "the engine does not answer", detail: "The engine does not answer. Start it with `eddy up`, then retry.", status: 0 } }; }
  if (response.status === 404) return { state: /^no customer/.test((await problemOf(response)).detail) ? "none" : "unknown" };
  if (!response.ok) return { state: "failed", problem: await problemOf(response) };
  try {
    const said = await response.json() as Partial<Links>;
    return { state: "links", links: { nodes: Array.isArray(said.nodes) ? said.nodes : [], edges: Array.isArray(said.edges) ? said.edges : [] } };
  } catch { return { state: "failed", problem: { title: "unreadable answer", detail: "The engine answered with something that is not a graph.", status: 0 } }; }
}

export const customerKey = (id: string): string => `customer ${id}`;
export const valueKey = (kind: string, id: string): string => `${kind} ${id}`;

/** Columns by steps from the customer, rows by the mean of the neighbours before; ties by name. */
export function draw(links: Links, customer: string): Drawn {
  const known = new Map<string, Node>();
  for (const n of links.nodes) known.set(n.kind === "customer" ? customerKey(n.id) : valueKey(n.kind, n.id), n);
  const edges = links.edges.map((edge) => ({ edge, a: customerKey(edge.customer), b: valueKey(edge.kind, edge.value) }));
  for (const { edge, a, b } of edges) { if (!known.has(a)) known.set(a, { kind: "customer", id: edge.customer }); if (!known.has(b)) known.set(b, { kind: edge.kind, id: edge.value }); }
  const next = new Map<string, string[]>();
  for (const { a, b } of edges) { next.set(a, [...next.get(a) ?? [], b]); next.set(b, [...next.get(b) ?? [], a]); }
  const at = new Map<string, Placed>(), start = customerKey(customer);
  if (!known.has(start)) known.set(start, { kind: "customer", id: customer });
  let layer = [start], column = 0, rows = 1;
  const reached = new Set(layer);
  const put = (keys: string[]) => { rows = Math.max(rows, keys.length); keys.forEach((key, row) => at.set(key, { ...known.get(key)!, key, column, row: row - (keys.length - 1) / 2 })); };
  while (layer.length) {
    put(layer);
    const mean = (key: string) => { const before = (next.get(key) ?? []).flatMap((k) => at.get(k) ?? []); return before.length ? before.reduce((n, p) => n + p.row, 0) / before.length : 0; };
    const following = [...new Set(layer.flatMap((key) => next.get(key) ?? []))].filter((key) => !reached.has(key));
    following.forEach((key) => reached.add(key));
    layer = following.sort((x, y) => mean(x) - mean(y) || (x < y ? -1 : 1));
    column++;
  }
  // What nothing leads to stands apart, at the end.
  const apart = [...known.keys()].filter((key) => !reached.has(key)).sort();
  if (apart.length) { put(apart); column++; }
  return { nodes: [...at.values()], lines: edges.flatMap(({ edge, a, b }) => { const from = at.get(a), to = at.get(b); return from && to ? [{ from, to, edge }] : []; }), columns: Math.max(1, column), rows };
}
