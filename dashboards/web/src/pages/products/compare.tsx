// The selected products at equal age: of the pieces delivered at least so many days ago, the share that was asked back by then. Young cohorts count as far as they are old.
import { computed } from "@preact/signals";
import { curve, type Point } from "../../lib/curves";
import { follow, num, rows, text } from "../../lib/data";
import { count, missing, percent, significant, wilson } from "../../lib/format";
import { get, set } from "../../lib/url";
import { Card, Table } from "../../parts/card";
import { TimeChart } from "../../parts/chart";
import { few, level, marks } from "./level";

const last = 60, ages = [7, 14, 21, 30, 45, 60];
const curves = follow("products_curves", () => get("compare") && marks.value.length ? { keys: marks.value.map(text).join(", "), level: text(level()) } : null);
export const compare = (): void => {
  if (!marks.peek().length) return;
  set({ compare: "age" });
  requestAnimationFrame(() => document.querySelector<HTMLElement>("[data-query=products_curves]")?.focus());
};

interface Line { name: string; points: Point[] }
const lines = computed((): Line[] => {
  const all = rows(curves.data.value);
  return marks.value.map((name) => {
    const of = (kind: string) => new Map(all.filter((r) => r.value === name && r.kind === kind).map((r) => [num(r.age), num(r.pieces)]));
    return { name, points: curve(of("delivered"), of("returned"), last) };
  });
});
const shown = (p: Point | undefined): number | null => p && p.delivered >= few ? p.rate : null;
const range = (p: Point): string => { const i = p.rate == null ? null : wilson(p.rate * p.delivered, p.delivered); return i ? `${percent(i[0])} to ${percent(i[1])}` : missing; };

export function Compare() {
  if (!get("compare") || !marks.value.length) return null;
  const list = lines.value, say = (i: number): string => `${i} days after delivery: ${list.map((l) => { const p = l.points[i]!; return `${l.name} ${shown(p) == null ? `too few for a point, ${range(p)}` : percent(p.rate)} of ${count(p.delivered)}`; }).join("; ")}`;
  return <Card query={curves} title="Compared at equal age" lines={8} tools={<button type="button" class="quiet" onClick={() => set({ compare: null })}>Close</button>}
    note={<>Share asked back by each age, of the pieces delivered in the last 180 days that are at least that old: no product looks good for being new. Nothing is drawn where fewer than {few} pieces are that old.</>}
    isEmpty={!list.some((l) => l.points[0]?.delivered)} empty={<p class="empty">Nothing of these was delivered in the last 180 days.</p>}
    table={() => <Table label="Rates at equal age" rows={ages.flatMap((age) => list.map((l) => ({ age, name: l.name, p: l.points[age]! })))} cells={[
      { label: "Age", value: (r) => `${r.age} days` }, { label: "Product", value: (r) => r.name }, { label: "That old", right: true, value: (r) => count(r.p.delivered) },
      { label: "Rate at that age", right: true, value: (r) => percent(shown(r.p)) }, { label: "95% interval", right: true, value: (r) => range(r.p) }]} />}>
    <TimeChart x={Array.from({ length: last + 1 }, (_, i) => i)} time={false} height={260} label="Share asked back by age in days, by product" format={(v) => `${significant(Math.round(v * 1000) / 10)}%`} say={say}
      lines={list.map((l) => ({ label: l.name, values: l.points.map((p) => shown(p)) }))} />
    <ul class="ends named">{list.map((l, i) => { const end = [...l.points].reverse().find((p) => shown(p) != null); return <li><svg width="24" height="8" aria-hidden="true"><line x1="0" x2="24" y1="4" y2="4" stroke={`var(--series-${i + 1})`} stroke-width="2" stroke-dasharray={["", "6 3", "2 3", "8 3 2 3", "1 2"][i]} /></svg> {l.name}{end ? `, ${percent(end.rate)} in the end` : ", too few pieces"}</li>; })}
      <li>age in days after delivery →</li></ul>
  </Card>;
}
