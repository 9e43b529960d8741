// A quick chart of an answer: over time as lines, by a word as bars. At most five series and 2,000 points; the table stays the full form.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Field, Table } from "@uwdata/flechette";
import { count, significant, stamp } from "../../lib/format";
import { Failure, Skeleton } from "../../parts/card";
import { TimeChart } from "../../parts/chart";
import { visit, type Answer } from "./answer";
import { isNumber, isTime, toMs, display } from "./values";

const points = 2000, bars = 40, series = 5;

interface Lines { kind: "lines"; of: Field; x: number[]; lines: { label: string; values: (number | null)[] }[]; more: number; step: number }
interface Bars { kind: "bars"; of: Field; by: Field | null; shown: { name: string; value: number | null }[]; rows: number }
type Drawn = Lines | Bars | { kind: "none" };

const places = new Intl.PluralRules("en", { type: "ordinal" }), endings: Record<string, string> = { one: "st", two: "nd", few: "rd" };
const ordinal = (n: number): string => n + (endings[places.select(n)] ?? "th");
const numeric = (v: unknown): number | null => v == null ? null : Number(v);

/** What is drawn of an answer: every so many rows of one with a time, in its order, the first rows of another. */
async function gather(answer: Answer): Promise<Drawn> {
  const { fields, rows } = answer, time = fields.findIndex(isTime), numbers = fields.flatMap((f, i) => isNumber(f) ? [i] : []);
  if (!numbers.length || !rows) return { kind: "none" };
  if (time >= 0) {
    const chosen = numbers.slice(0, series), times = new Float64Array(rows), found: [number, (number | null)[]][] = [];
    const seconds = (table: Table, row: number): number | null => { const t = table.getChildAt(time).at(row) as unknown; return t == null ? null : toMs(fields[time]!, t) / 1000; };
    let timed = 0;
    await visit(answer, 0, rows, (table, row, end) => {
      for (let r = row; r < end; r++) { const t = seconds(table, r); if (t != null) times[timed++] = t; }
    });
    // Every so many rows in the order of time, not of arrival: a query that asks for no order gets another one at every run, and its chart must not change by that.
    const sorted = times.subarray(0, timed).sort(), step = Math.max(1, Math.ceil(timed / points)), wanted = new Map<number, number>();
    for (let i = 0; i < timed; i += step) wanted.set(sorted[i]!, (wanted.get(sorted[i]!) ?? 0) + 1);
    await visit(answer, 0, rows, (table, row, end) => {
      for (let r = row; r < end; r++) {
        const t = seconds(table, r), left = t == null ? 0 : wanted.get(t);
        if (t == null || !left) continue;
        wanted.set(t, left - 1);
        found.push([t, chosen.map((c) => numeric(table.getChildAt(c).at(r)))]);
      }
    });
    found.sort((a, b) => a[0] - b[0]);
    return { kind: "lines", of: fields[time]!, x: found.map(([t]) => t), lines: chosen.map((c, i) => ({ label: fields[c]!.name, values: found.map(([, v]) => v[i]!) })), more: numbers.length - chosen.length, step };
  }
  const word = fields.findIndex((f) => !isNumber(f)), value = numbers[0]!, label = word >= 0 ? word : numbers[1] ?? -1, shown: Bars["shown"] = [];
  await visit(answer, 0, bars, (table, row, end, at) => {
    for (let r = row; r < end; r++) shown.push({ name: label >= 0 ? display(fields[label]!, table.getChildAt(label).at(r)) : `row ${at + r + 1}`, value: numeric(table.getChildAt(value).at(r)) });
  });
  return { kind: "bars", of: fields[value]!, by: fields[label] ?? null, shown, rows };
}

export function QuickChart({ answer, rows }: { answer: Answer; rows: number }) {
  const drawn = useSignal<Drawn | null>(null), failed = useSignal(""), tries = useSignal(0);
  useEffect(() => {
    let mine = true;
    gather(answer).then((d) => { if (mine) drawn.value = d; }, (e: unknown) => { if (mine) failed.value = String(e); });
    return () => { mine = false; };
  }, [answer, rows, tries.value]);
  const d = drawn.value;
  if (failed.value) return <Failure problem={{ title: "the rows cannot be read", detail: failed.value, status: 0 }} retry={() => { failed.value = ""; tries.value++; }} kept={false} />;
  if (!d) return <Skeleton />;
  if (d.kind === "lines") return <>
    <TimeChart x={d.x} time lines={d.lines} height={300} label={`${d.lines.map((l) => l.label).join(", ")} over ${d.of.name}`} format={(v) => significant(v)}
      say={(i) => `${stamp(d.x[i]! * 1000)}: ${d.lines.map((l) => `${l.label} ${count(l.values[i])}`).join(", ")}`} band={undefined} immatureFrom={undefined} />
    <ul class="ends named">{d.lines.map((l, i) => <li><svg width="24" height="8" aria-hidden="true"><line x1="0" x2="24" y1="4" y2="4" stroke={`var(--series-${i + 1})`} stroke-width="2" stroke-dasharray={["", "6 3", "2 3", "8 3 2 3", "1 2"][i]} /></svg> {l.label}</li>)}
      {d.more > 0 && <li>and {d.more} more in the table</li>}{d.step > 1 && <li>every {ordinal(d.step)} row</li>}</ul>
  </>;
  if (d.kind === "bars") {
    const most = Math.max(0, ...d.shown.map((s) => s.value ?? 0)), least = Math.min(0, ...d.shown.map((s) => s.value ?? 0)), span = most - least || 1;
    return <><p class="note">{d.of.name} by {d.by?.name ?? "row"}{d.rows > bars ? `, first ${bars} of ${count(d.rows)} rows` : ""}</p>
      <table class="bars"><tbody>{d.shown.map((s) => <tr><th scope="row">{s.name}</th><td class="barcell"><svg viewBox="0 0 100 12" preserveAspectRatio="none" aria-hidden="true">{s.value != null && <rect x={100 * (Math.min(0, s.value) - least) / span} width={100 * Math.abs(s.value) / span} height="12" />}</svg></td><td class="r">{s.value == null ? "–" : Number.isInteger(s.value) ? count(s.value) : significant(s.value)}</td></tr>)}</tbody></table></>;
  }
  return <p class="empty">{rows ? "A chart needs a column of numbers; this answer has none." : "No row answers this, so there is nothing to draw."}</p>;
}
