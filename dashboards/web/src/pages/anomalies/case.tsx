// The chosen case: observed against expected, the ranked differences that explain it, what is folded into it, what was changed near its onset, and how similar ones ended.
import { useComputed } from "@preact/signals";
import { causesOf, evidenceOf, isRate, membersOf, pieceCount, sentence, seriesOf, qOf, sliceOf, unitOf, type Row } from "../../lib/anomalies";
import { follow, num, rows, text } from "../../lib/data";
import { count, day, instant, missing, money, percent, points, significant, times, when, words } from "../../lib/format";
import { get, set } from "../../lib/url";
import { Card, Table } from "../../parts/card";
import { TimeChart } from "../../parts/chart";
import { queue } from "./figures";

const few = 30;
const own = (): Row | null => rows(queue.data.value).find((r) => r.anomaly_id === get("at")) ?? null;
/** Weeks, or months where a week has too few for a point, unless the reader chose. */
const grainOf = (r: Row): string => {
  const days = Math.max(1, ((instant(r.window_end) ?? 0) - (instant(r.onset) ?? 0)) / 86_400_000 + 1);
  return get("grain") || (num(r.delivered) / days * 7 < few ? "month" : "week");
};
const series = follow("anomaly_series", () => { const r = own(); if (!r || !isRate(r)) return null; const s = seriesOf(r); return { series: text(s.dimension), of: text(s.value), grain: text(grainOf(r)) }; });
const nearby = follow("anomaly_nearby", () => { const r = own(); return r?.onset == null ? null : { onset: `date ${text(String(r.onset).slice(0, 10))}` }; });
const past = follow("anomaly_past", () => { const r = own(); return r ? { case: text(String(r.anomaly_id)) } : null; });

function Observed({ row }: { row: Row }) {
  const list = rows(series.data.value).map((r) => ({ at: instant(r.cohort_start) ?? 0, delivered: num(r.delivered), returned: num(r.returned), raw: r.raw_rate as number | null, maturity: num(r.maturity), adjusted: r.adjusted_rate as number | null, low: r.lower as number | null, high: r.upper as number | null }));
  const onset = instant(row.onset) ?? 0, about = seriesOf(row), grain = grainOf(row), span = ({ day: 1, week: 7, month: 30 }[grain] ?? 7) * 86_400_000 - 86_400_000, young = list.findIndex((p) => p.maturity < 0.9);
  // The row counts until now, the chart is adjusted: what was expected is the adjusted rate since the onset over the factor, so that both are of one basis.
  const since = list.filter((p) => p.at + span >= onset && p.adjusted != null), n = since.reduce((s, p) => s + p.delivered, 0), factor = num(row.factor);
  const expected = about.withReason && n && factor > 0 ? since.reduce((s, p) => s + p.adjusted! * p.delivered, 0) / n / factor : null;
  const say = (i: number) => { const p = list[i]; return p ? `${grain} of ${day(p.at)}: ${p.delivered >= few ? percent(p.adjusted) : "too few for a point"} adjusted, ${percent(p.low)} to ${percent(p.high)}, ${count(p.returned)} of ${count(p.delivered)}, ${percent(p.maturity)} mature` : ""; };
  return <Card query={series} lines={6} tools={<select aria-label="Cohort" data-key="grain" value={grain} onChange={(e) => set({ grain: e.currentTarget.value })}>{["day", "week", "month"].map((g) => <option value={g} selected={g === grain}>by {g}</option>)}</select>} note={<>Adjusted rate by {grain} of delivery, 90% interval of the final rate; below {few} delivered no point. Upright: the onset. {expected != null && "Dashed: what was expected since then, the adjusted rate over the factor. "}Hatched: less than 90% mature.{!about.withReason && " All reasons: the table holds no triple of dimensions."}</>}
    isEmpty={!list.length} empty={<p class="empty">No cohort of {sliceOf(row.dimension, row.value)} is in the table of rates.</p>}
    table={() => <Table label="Observed against expected" rows={list} cells={[{ label: "Delivered in", value: (p) => day(p.at) }, { label: "Delivered", right: true, value: (p) => count(p.delivered) }, { label: "Returned", right: true, value: (p) => count(p.returned) },
      { label: "Raw", right: true, value: (p) => p.delivered < few ? missing : percent(p.raw) }, { label: "Maturity", right: true, value: (p) => percent(p.maturity) }, { label: "Adjusted", right: true, value: (p) => p.delivered < few ? missing : percent(p.adjusted) },
      { label: "90% interval", right: true, value: (p) => `${percent(p.low)} to ${percent(p.high)}` }, { label: "Expected", right: true, value: (p) => p.at + span >= onset ? percent(expected) : missing }]} />}>
    <TimeChart x={list.map((p) => p.at / 1000)} time height={200} label="Adjusted return rate by delivery, observed and expected" say={say} format={(v) => `${significant(Math.round(v * 1000) / 10)}%`}
      lines={[{ label: "adjusted", values: list.map((p) => p.delivered >= few ? p.adjusted : null) }, { label: "expected", values: list.map((p) => p.at + span >= onset ? expected : null), muted: true, dash: [5, 4] }]}
      band={{ low: list.map((p) => p.low), high: list.map((p) => p.high) }} immatureFrom={young < 0 ? undefined : list[young]!.at / 1000 - span / 2000} hidePoint={(i) => (list[i]?.delivered ?? 0) < few} marks={[{ x: onset / 1000, label: "onset" }]} />
  </Card>;
}

function Why({ row }: { row: Row }) {
  const causes = causesOf(row), members = membersOf(row);
  return <section class="why" aria-labelledby="t-why"><h3 id="t-why">What explains most of the difference</h3>
    {causes.length ? <table><thead><tr><th scope="col">Slice</th><th scope="col"><span class="sr">Share, as a bar</span></th><th scope="col" class="r">Share</th><th scope="col" class="r">Factor</th><th scope="col" class="r">Seen</th><th scope="col" class="r">Expected</th></tr></thead>
      <tbody>{causes.map((c) => <tr title={evidenceOf(c)}><th scope="row">{sliceOf(c.dimension, c.value)}{evidenceOf(c) && <span class="note">log-likelihood gain {evidenceOf(c)}</span>}</th>
        <td class="barcell"><svg viewBox="0 0 100 12" preserveAspectRatio="none" aria-hidden="true"><rect width={100 * Math.min(1, Math.max(0, num(c.share)))} height="12" /></svg></td>
        <td class="r">{c.share == null ? missing : percent(c.share)}</td><td class="r">{c.factor == null ? missing : times(c.factor)}</td><td class="r">{pieceCount(c.observed)}</td><td class="r">{pieceCount(c.expected)}</td></tr>)}</tbody></table>
      : <p class="empty">All other slices were looked through: nothing stands out. The shift is of the whole slice.</p>}
    {members.length > 0 && <><h3>Folded into this case</h3><p>{members.map((m, i) => <>{i > 0 && "; "}{sliceOf(m.dimension, m.value)}</>)}.</p></>}
  </section>;
}

function Nearby() {
  const list = rows(nearby.data.value);
  return <Card query={nearby} lines={2} note="Policies published and models put in force within 14 days. Tariffs stand in the log alone and are not searched." isEmpty={!list.length} empty={<p class="empty">None: nothing of the engine's own changed near the onset.</p>}>
    <Table label="Changes near the onset" rows={list} cells={[{ label: "What", value: (r) => `${r.kind} of ${words(r.subject)}` }, { label: "Version", mono: true, value: (r) => String(r.version) }, { label: "When", right: true, value: (r) => when(r.at) }]} />
  </Card>;
}

function Past() {
  const list = rows(past.data.value);
  return <Card query={past} lines={2} note="Of the same slice, or ended ones of the same dimension, reason and direction." isEmpty={!list.length} empty={<p class="empty">No similar case is known.</p>}>
    <Table label="Similar cases" rows={list} cells={[{ label: "Case", value: (r) => <button type="button" class="link" onClick={() => set({ status: "all", kind: null, search: null, at: String(r.anomaly_id) })}>{sentence(r)}</button> }, { label: "Onset", right: true, value: (r) => day(r.onset) },
      { label: "Ended", right: true, value: (r) => day(r.ended) }, { label: "How", value: (r) => <span title={r.reason == null ? undefined : String(r.reason)}>{words(r.status)}{r.actor != null && ` by ${String(r.actor)}`}</span> }]} />
  </Card>;
}

export function Case({ row }: { row: Row }) {
  const currency = String(row.currency ?? ""), n = num(row.delivered), product = useComputed(() => { const r = own(); return r?.dimension === "sku" ? String(r.value) : ""; }).value;
  return <div class="preview case">
    <h2>{sentence(row)}</h2>
    <dl class="pairs">
      <div><dt>{isRate(row) ? "Lines asked back until now" : `Counted as ${unitOf(row)}`}, and expected until now</dt><dd>{pieceCount(row.observed)} of {count(n)}, expected {pieceCount(row.expected)}{n >= few && <> ({points((num(row.observed) - num(row.expected)) / n)})</>}</dd></div>
      <div><dt>Factor</dt><dd>{times(row.factor as number | null)}</dd></div>
      <div><dt>q-value</dt><dd>{row.q_value == null ? missing : qOf(row.q_value)}{row.tested != null && <span class="note"> of {count(row.tested)} series tested</span>}</dd></div>
      <div><dt>At stake</dt><dd>{money(row.at_stake_minor, currency)}</dd></div>
      <div><dt>Onset, estimated</dt><dd>{day(row.onset)}{row.ended != null && <>, ended {day(row.ended)}</>}</dd></div>
      <div><dt>Status</dt><dd>{words(row.status)}{row.actor != null && <> by {String(row.actor)}</>}{row.merged_into != null && <> into {String(row.merged_into)}</>}</dd></div>
      {row.reason != null && row.reason !== "" && <div><dt>Said</dt><dd>“{String(row.reason)}”</dd></div>}
    </dl>
    {product && <p><a href={`/products/${encodeURIComponent(product)}`}>The product's own page</a></p>}
    <Why row={row} />{isRate(row) && <Observed row={row} />}<Nearby /><Past />
  </div>;
}
