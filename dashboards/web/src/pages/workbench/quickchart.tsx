// A quick chart of an answer: over time as lines, by a word as bars. At most five series and 2,000 points; the table stays the full form.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Field } from "@uwdata/flechette";
import { count, significant, stamp } from "../../lib/format";
import { Failure, Skeleton } from "../../parts/card";
import { TimeChart } from "../../parts/chart";
import { visit, type Answer } from "./answer";
import { isNumber, isTime, toMs, display } from "./values";

const points = 2000, bars = 40, series = 5;

interface Lines { kind: "lines"; of: Field; x: number[]; lines: { label: string; values: (number | null)[] }[]; more: number; step: number }
interface Bars { kind: "bars"; of: Field; by: Field | null; shown: { name: string; value: number | null }[]; rows: number }
type Drawn = Lines | Bars | { kind: "none" };

const numeric = (v: unknown): number | null => v == null ? null : Number(v);

/** What is drawn of an answer: every so many rows of one with a time, the first rows of another. */
async function gather(answer: Answer): Promise<Drawn> {
  const { fields, rows } = answer, time = fields.findIndex(isTime), numbers = fields.flatMap((f, i) => isNumber(f) ? [i] : []);
  if (!numbers.length || !rows) return { kind: "none" };
  if (time >= 0) {
    const step = Math.max(1, Math.ceil(rows / points)), chosen = numbers.slice(0, series), found: [number, (number | null)[]][] = [];
    await visit(answer, 0, rows, (table, row, end, at) => {
      for (let r = row + (step - (at + row) % step) % step; r < end; r += step) {
        const t = table.getChildAt(time).at(r);
        if (t != null) found.push([toMs(fields[time]!, t) / 1000, chosen.map((c) => numeric(table.getChildAt(c).at(r)))]);
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
      {d.more > 0 && <li>and {d.more} more in the table</li>}{d.step > 1 && <li>every {d.step}th row</li>}</ul>
  </>;
  if (d.kind === "bars") {
    const most = Math.max(0, ...d.shown.map((s) => s.value ?? 0)), least = Math.min(0, ...d.shown.map((s) => s.value ?? 0)), span = most - least || 1;
    return <><p class="note">{d.of.name} by {d.by?.name ?? "row"}{d.rows > bars ? `, first ${bars} of ${count(d.rows)} rows` : ""}</p>
      <table class="bars"><tbody>{d.shown.map((s) => <tr><th scope="row">{s.name}</th><td class="barcell"><svg viewBox="0 0 100 12" preserveAspectRatio="none" aria-hidden="true">{s.value != null && <rect x={100 * (Math.min(0, s.value) - least) / span} width={100 * Math.abs(s.value) / span} height="12" />}</svg></td><td class="r">{s.value == null ? "–" : Number.isInteger(s.value) ? count(s.value) : significant(s.value)}</td></tr>)}</tbody></table></>;
  }
  return <p class="empty">{rows ? "A chart needs a column of numbers; this answer has none." : "No row answers this, so there is nothing to draw."}</p>;
}
