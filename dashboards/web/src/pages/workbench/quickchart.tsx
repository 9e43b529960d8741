// A quick chart of an answer: over time or a number as lines, by a word as bars. At most five series; the table stays the full form.
import type { Table } from "@uwdata/flechette";
import { count, significant, stamp } from "../../lib/format";
import { TimeChart } from "../../parts/chart";
import { isNumber, isTime, toMs, display } from "./values";

const points = 2000, bars = 40;

export function QuickChart({ table }: { table: Table }) {
  const fields = table.schema.fields, n = table.numRows;
  const time = fields.findIndex((f) => isTime(f)), numbers = fields.map((f, i) => [f, i] as const).filter(([f]) => isNumber(f)).map(([, i]) => i);
  const word = fields.findIndex((f) => !isNumber(f) && !isTime(f));
  const at = (c: number, r: number) => { const v = table.getChildAt(c).at(r); return v == null ? null : Number(v); };
  if (time >= 0 && numbers.length) {
    const step = Math.max(1, Math.ceil(n / points));
    const index = Array.from({ length: Math.ceil(n / step) }, (_, i) => i * step).filter((r) => table.getChildAt(time).at(r) != null)
      .sort((a, b) => toMs(fields[time]!, table.getChildAt(time).at(a)) - toMs(fields[time]!, table.getChildAt(time).at(b)));
    const lines = numbers.slice(0, 5).map((c) => ({ label: fields[c]!.name, values: index.map((r) => at(c, r)) }));
    const x = index.map((r) => toMs(fields[time]!, table.getChildAt(time).at(r)) / 1000);
    return <>
      <TimeChart x={x} time lines={lines} height={300} label={`${lines.map((l) => l.label).join(", ")} over ${fields[time]!.name}`} format={(v) => significant(v)}
        say={(i) => `${stamp(x[i]! * 1000)}: ${lines.map((l) => `${l.label} ${l.values[i] == null ? "–" : count(l.values[i])}`).join(", ")}`} band={undefined} immatureFrom={undefined} />
      <ul class="ends named">{lines.map((l, i) => <li><svg width="24" height="8" aria-hidden="true"><line x1="0" x2="24" y1="4" y2="4" stroke={`var(--series-${i + 1})`} stroke-width="2" stroke-dasharray={["", "6 3", "2 3", "8 3 2 3", "1 2"][i]} /></svg> {l.label}</li>)}
        {numbers.length > 5 && <li>and {numbers.length - 5} more in the table</li>}{step > 1 && <li>every {step}th row</li>}</ul>
    </>;
  }
  if (numbers.length && n) {
    const c = numbers.find((i) => i !== word) ?? numbers[0]!, label = word >= 0 ? word : numbers.find((i) => i !== c) ?? -1;
    const shown = Array.from({ length: Math.min(n, bars) }, (_, r) => ({ name: label >= 0 ? display(fields[label]!, table.getChildAt(label).at(r)) : `row ${r + 1}`, value: at(c, r) }));
    const most = Math.max(0, ...shown.map((s) => s.value ?? 0)), least = Math.min(0, ...shown.map((s) => s.value ?? 0)), span = most - least || 1;
    return <><p class="note">{fields[c]!.name} by {label >= 0 ? fields[label]!.name : "row"}{n > bars ? `, first ${bars} of ${count(n)} rows` : ""}</p>
      <table class="bars"><tbody>{shown.map((s) => <tr><th scope="row">{s.name}</th><td class="barcell"><svg viewBox="0 0 100 12" preserveAspectRatio="none" aria-hidden="true">{s.value != null && <rect x={100 * (Math.min(0, s.value) - least) / span} width={100 * Math.abs(s.value) / span} height="12" />}</svg></td><td class="r">{s.value == null ? "–" : Number.isInteger(s.value) ? count(s.value) : significant(s.value)}</td></tr>)}</tbody></table></>;
  }
  return <p class="empty">A chart needs a column of numbers; this answer has none.</p>;
}
