// Raw against adjusted by delivery cohort, with the interval of the final rate, the category's rate, and the onsets of anomalies.
import { said } from "../../lib/anomalies";
import { follow, num, rows } from "../../lib/data";
import { count, day, instant, missing, percent, significant, words } from "../../lib/format";
import { get, set } from "../../lib/url";
import { Card, Table } from "../../parts/card";
import { TimeChart } from "../../parts/chart";
import { category, few, record } from "./case";

const cohorts = follow("product_cohorts"), anomalies = follow("product_anomalies");

export function Cohorts() {
  const list = rows(cohorts.data.value).map((r) => ({ at: instant(r.cohort_start) ?? 0, delivered: num(r.delivered), returned: num(r.returned), raw: r.raw_rate as number | null, maturity: num(r.maturity), adjusted: r.adjusted_rate as number | null, low: r.lower as number | null, high: r.upper as number | null }));
  const grain = get("grain") || "week", usual = category.value?.propensity ?? null, told = rows(anomalies.data.value), young = list.findIndex((p) => p.maturity < 0.9), half = { day: 43_200, week: 302_400, month: 1_315_000 }[grain] ?? 302_400;
  const point = (p: typeof list[number], v: number | null) => p.delivered >= few ? v : null;
  const say = (i: number) => { const p = list[i]; return p ? `${grain} of ${day(p.at)}: ${p.delivered >= few ? `${percent(p.adjusted)} adjusted, ${percent(p.raw)} raw` : "too few for a point"}, ends within ${percent(p.low)} to ${percent(p.high)}, ${count(p.returned)} of ${count(p.delivered)}, ${percent(p.maturity)} mature` : ""; };
  const thin = list.length > 0 && !list.some((p) => p.delivered >= few);
  return <Card query={cohorts} lines={8} tools={<select aria-label="Cohort" data-key="grain" value={grain} onChange={(e) => set({ grain: e.currentTarget.value === "week" ? null : e.currentTarget.value })}>{["day", "week", "month"].map((g) => <option value={g} selected={g === grain}>by {g}</option>)}</select>}
    note={<>Adjusted solid, raw dashed; bars: 90% interval of the final rate. Dotted: the rate of {words(record.value?.category)}. Hatched: less than 90% mature. Below {few} delivered no point{thin && <>: no {grain} of it has as many{grain !== "month" && <>. <button type="button" class="link" onClick={() => set({ grain: "month" })}>By month</button></>}</>}.</>}
    isEmpty={!list.length} empty={<p class="empty">No cohort yet: it needs <code>shipment.delivered</code> events of this product.</p>}
    table={() => <Table label="Raw against adjusted" rows={list} cells={[{ label: "Delivered in", value: (p) => day(p.at) }, { label: "Delivered", right: true, value: (p) => count(p.delivered) }, { label: "Returned", right: true, value: (p) => count(p.returned) }, { label: "Raw", right: true, value: (p) => percent(point(p, p.raw)) },
      { label: "Maturity", right: true, value: (p) => percent(p.maturity) }, { label: "Adjusted", right: true, value: (p) => percent(point(p, p.adjusted)) }, { label: "90% interval", right: true, value: (p) => `${percent(p.low)} to ${percent(p.high)}` }]} />}>
    <TimeChart x={list.map((p) => p.at / 1000)} time height={240} label="Return rate by delivery cohort, raw and adjusted" say={say} format={(v) => `${significant(Math.round(v * 1000) / 10)}%`}
      lines={[{ label: "adjusted", values: list.map((p) => point(p, p.adjusted)), dash: [] }, { label: "raw", values: list.map((p) => point(p, p.raw)), muted: true, dash: [5, 4] }, { label: "category", values: list.map(() => usual), muted: true, dash: [1, 3] }]}
      band={{ low: list.map((p) => p.low), high: list.map((p) => p.high) }} hidePoint={(i) => (list[i]?.delivered ?? 0) < few} immatureFrom={young < 0 ? undefined : list[young]!.at / 1000 - half}
      marks={told.flatMap((a) => { const at = instant(a.onset); return at == null ? [] : [{ x: at / 1000, label: a.direction === "down" ? "▼ anomaly" : "▲ anomaly" }]; })} />
    {told.length > 0 ? <ul class="ends named">{told.map((a) => <li><span aria-hidden="true">{a.direction === "down" ? "▼" : "▲"}</span> <a href={`/anomalies?status=all&at=${encodeURIComponent(String(a.anomaly_id))}`}>Since {day(a.onset)}{a.reason_group == null ? "" : ` for ${words(a.reason_group)}`}: {said(a)}</a> ({words(a.status)})</li>)}</ul>
      : <p class="note">{anomalies.error.value ? <>Anomalies cannot be marked: {anomalies.error.value.detail || anomalies.error.value.title} <button type="button" class="link" onClick={anomalies.retry}>Retry</button></> : anomalies.data.value ? "No anomaly was told of this product or its style." : missing}</p>}
  </Card>;
}
