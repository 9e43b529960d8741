// What became of it: grades and dispositions with the money got back, arrivals to expect with how such forecasts turned out, and the latest returns.
import { follow, num, rows } from "../../lib/data";
import { count, day, instant, missing, money, percent, significant, when, words } from "../../lib/format";
import { get, set } from "../../lib/url";
import { Card, Table } from "../../parts/card";
import { TimeChart } from "../../parts/chart";
import { few, own, record } from "./case";

const ends = follow("product_ends"), forecast = follow("product_forecast"), latest = follow("product_returns");

export function Ends() {
  const list = rows(ends.data.value), lines = list.reduce((n, r) => n + num(r.lines), 0), currencies = [...new Set(list.map((r) => String(r.currency ?? "")))];
  return <Card query={ends} lines={4} note={list.length && currencies.length === 1 ? <>{count(lines)} lines came back, {money(list.reduce((n, r) => n + num(r.refund_minor), 0), currencies[0]!)} refunded, <b>{money(list.reduce((n, r) => n + num(r.recovered_minor), 0), currencies[0]!)}</b> recovered as told so far.</> : undefined}
    isEmpty={!list.length} empty={<p class="empty">Nothing of it has come back yet: <code>return.received</code> tells.</p>}>
    <Table label="Grades and dispositions" rows={list} cells={[{ label: "Grade", value: (r) => words(r.grade) }, { label: "Disposition", value: (r) => words(r.disposition) }, { label: "Lines", right: true, value: (r) => count(r.lines) }, { label: "Share", right: true, value: (r) => lines < few ? missing : percent(num(r.lines) / lines) },
      { label: "Refunded", right: true, value: (r) => money(r.refund_minor, String(r.currency ?? "")) }, { label: "Recovered", right: true, value: (r) => money(r.recovered_minor, String(r.currency ?? "")) }]} />
  </Card>;
}

const placeOf = (facility: string): string => facility === "all" ? "everywhere" : facility;

export function Forecast() {
  const all = rows(forecast.data.value).map((r) => ({ facility: String(r.facility), at: instant(r.day) ?? 0, made: r.made_on, expected: num(r.expected), low: num(r.p10), mid: num(r.p50), high: num(r.p90), actual: r.actual == null ? null : num(r.actual), ahead: r.ahead === true || r.ahead === "true" }));
  const ahead = all.filter((r) => r.ahead && r.actual == null), past = all.filter((r) => !r.ahead && r.actual != null), sum = (list: typeof all, of: (r: typeof all[number]) => number) => list.reduce((n, r) => n + of(r), 0);
  const by = [...new Set(ahead.map((r) => r.facility))].map((facility) => { const mine = ahead.filter((r) => r.facility === facility), was = past.filter((r) => r.facility === facility), came = sum(was, (r) => r.actual!);
    return { facility, mine, expected: sum(mine, (r) => r.expected), n: was.length, error: came ? sum(was, (r) => Math.abs(r.expected - r.actual!)) / came : null, covered: was.length ? was.filter((r) => r.actual! >= r.low && r.actual! <= r.high).length / was.length : null }; }).sort((a, b) => b.expected - a.expected || (a.facility < b.facility ? -1 : 1));
  const shown = by.find((f) => f.facility === get("facility")) ?? by[0], o = own.value;
  const say = (i: number) => { const p = shown?.mine[i]; return p ? `${day(p.at)}: ${count(Math.round(p.expected))} pieces expected, ${placeOf(shown!.facility)}, ${count(Math.round(p.low))} to ${count(Math.round(p.high))}` : ""; };
  return <Card query={forecast} lines={6} note={<>{o && <>Of this product, <b>{count(Math.max(0, Math.round(o.adjusted * o.delivered - o.returned)))}</b> of the pieces delivered in 90 days are still expected back. </>}Below: all of {words(record.value?.category)}, as arrivals are forecast by facility and category; bars: 80% interval.</>}
    isEmpty={!by.length} empty={<p class="empty">No forecast of its category yet: the first is made when a day closes after enough <code>return.received</code> events.</p>}
    table={() => <Table label="Forecast by day" rows={shown?.mine ?? []} cells={[{ label: "Day", value: (p) => day(p.at) }, { label: "Expected", right: true, value: (p) => count(Math.round(p.expected)) }, { label: "Half within", right: true, value: (p) => count(Math.round(p.mid)) }, { label: "80% interval", right: true, value: (p) => `${count(Math.round(p.low))} to ${count(Math.round(p.high))}` }]} />}>
    {shown && <TimeChart x={shown.mine.map((p) => p.at / 1000)} time height={160} label={`Pieces expected to arrive by day, ${placeOf(shown.facility)}`} say={say} format={(v) => significant(v)} lines={[{ label: placeOf(shown.facility), values: shown.mine.map((p) => p.expected) }]} band={{ low: shown.mine.map((p) => p.low), high: shown.mine.map((p) => p.high) }} />}
    <Table label="Forecast by facility" rows={by} cells={[{ label: "Facility", value: (f) => <button type="button" class="link" aria-pressed={f === shown} onClick={() => set({ facility: f.facility }, false)}>{placeOf(f.facility)}</button> }, { label: "14 days", right: true, value: (f) => count(Math.round(f.expected)) },
      { label: "Error, past 14 days", right: true, value: (f) => percent(f.error), title: () => "Sum of absolute errors by day ÷ what came, as forecast a fortnight ago" }, { label: "In the interval", right: true, value: (f) => f.n < 7 ? missing : percent(f.covered), title: (f) => `${f.n} days; 80% should be` }]} />
  </Card>;
}

export function Latest() {
  const list = rows(latest.data.value);
  return <Card query={latest} lines={6} note={list.length === 50 ? "The latest 50." : undefined} isEmpty={!list.length} empty={<p class="empty">Nothing of it was asked back.</p>}>
    <Table label="Latest returns" rows={list} cells={[{ label: "Return", mono: true, value: (r) => String(r.rma_id) }, { label: "Asked", right: true, value: (r) => when(r.requested_at) }, { label: "Pieces", right: true, value: (r) => count(r.qty) }, { label: "Reason", value: (r) => words(r.reason) }, { label: "Status", value: (r) => words(r.status) }, { label: "Grade", value: (r) => words(r.grade) },
      { label: "Facility", value: (r) => r.facility == null ? missing : String(r.facility) }, { label: "Refund", right: true, value: (r) => money(r.refund_minor, String(r.currency ?? "")) }]} />
  </Card>;
}
