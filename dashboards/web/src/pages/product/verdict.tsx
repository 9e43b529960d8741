// The verdict in a sentence with its numbers, and whether couriers, lanes, facilities or packers explain it: that is said before the product is blamed.
import { count, day, missing, money, percent, points, words } from "../../lib/format";
import { subject } from "../../lib/url";
import { Card, Table } from "../../parts/card";
import { axisOf, Interval } from "../../parts/interval";
import { category, compared, few, own, product, record, style, type Level } from "./case";

const carriers = ["courier", "zone", "facility", "packer"];
const range = (low: number, high: number): string => `${percent(low)} to ${percent(high)}`;

function Blame() {
  const d = compared.value, excess = d.own - d.usual;
  if (d.n < few || !d.standards.length) return null;
  if (Math.abs(excess) < 0.01) return <p>Of deliveries old enough to compare, its rate is that of its category.</p>;
  const best = d.standards.filter((s) => carriers.includes(s.dimension)).sort((a, b) => (b.rate - a.rate) * Math.sign(excess))[0];
  if (!best) return null;
  const explained = Math.max(0, Math.min(1, (best.rate - d.usual) / excess)), flagged = d.rows.filter((r) => r.flagged);
  return <p>Of deliveries 30 to 210 days old {percent(d.own)} came back, against {percent(d.usual)} of the rest of its category. The category, with this product's own mix of {best.dimension === "courier" || best.dimension === "packer" ? `${best.dimension}s` : best.dimension === "zone" ? "lanes" : "facilities"}, would return {percent(best.rate)}: {explained < 0.1 ? "who carried and packed it explains almost none of the difference" : `that explains ${percent(explained)} of the difference`}{explained < 0.5 ? ", so it lies with the product" : ", so look there before blaming the product"}.
    {flagged.length > 0 && <> What sticks out: {flagged.slice(0, 3).map((f) => `${f.dimension} ${words(f.value)}`).join(", ")}.</>}</p>;
}

export function Verdict() {
  const r = record.value, o = own.value, c = category.value, currency = String(r?.currency ?? "INR");
  const levels = ([["this SKU", o], [`style ${String(r?.style ?? "")}`, style.value], [words(r?.category), c]] as [string, Level | null][]).filter((l): l is [string, Level] => !!l[1]);
  const axis = axisOf(levels.map(([, l]) => ({ low: l.from, high: l.to }))), verdict = !o ? "" : o.excess != null && o.excess > 0 ? "surely above its category" : o.peer != null && o.to < o.peer ? "surely below its category" : "not surely different from its category";
  return <Card query={product} title={r ? `${subject}${r.size == null ? "" : `, size ${String(r.size)}`}` : subject} lines={5} note={o ? <>Pieces delivered from {day(o.since)} to {day(o.until)}, by delivery, units asked back. {r?.price_minor == null ? "" : `Price ${money(r.price_minor, currency)}. `}{r?.supplier_id == null ? "" : `Supplier ${String(r.supplier_id)}.`}</> : undefined}
    isEmpty={!r} empty={<p class="empty">No product <code>{subject}</code> is in the catalogue, was delivered, or came back. <a href={`/products?search=${encodeURIComponent(subject.slice(0, 4))}`}>Look for one like it</a>, or tell of it with <code>context.catalogue_item_updated</code>.</p>}>
    {o ? <><div class="verdict"><p>{o.delivered >= few ? <><b>{percent(o.adjusted)}</b> of the {count(o.delivered)} pieces are expected back</> : <>Of {count(o.delivered)} pieces, too few for a point, {range(o.low, o.high)} are expected back</>}: {count(o.returned)} were asked back so far, and {percent(o.maturity)} of the returns have come.
        Over many windows its rate is {range(o.from, o.to)}{o.peer == null ? "" : ` where ${words(r?.category)} has ${percent(o.peer)}`}: <b class={o.excess != null && o.excess > 0 ? "watch" : ""}>{verdict}</b>{o.excess != null && o.excess > 0 && <>, by at least {points(o.excess).replace("+", "")}{o.atStake != null && <>, worth {money(Math.round(o.atStake / 100) * 100, currency)} in 90 days</>}</>}.
        {o.reason && <> Most often given: {words(o.reason)} ({percent(o.reasonShare)} of returns).</>}</p><Blame /></div>
      <Table label="This product, its style and its category" rows={levels} cells={[{ label: "Of", value: ([name]) => name }, { label: "Delivered", right: true, value: ([, l]) => count(l.delivered) }, { label: "Returned", right: true, value: ([, l]) => count(l.returned) },
        { label: "Raw", right: true, value: ([, l]) => l.delivered < few ? missing : percent(l.raw) }, { label: "Maturity", right: true, value: ([, l]) => percent(l.maturity) }, { label: "Adjusted", right: true, value: ([, l]) => l.delivered < few ? missing : percent(l.adjusted) }, { label: "ends within, 90%", right: true, value: ([, l]) => range(l.low, l.high) },
        { label: "Over many windows, 90%", value: ([, l]) => <span class="ranged"><Interval low={l.from} high={l.to} at={l.delivered < few ? null : l.propensity} usual={o.peer ?? l.propensity} axis={axis} /><span class="note">{range(l.from, l.to)}</span></span> }, { label: "Trend", right: true, value: ([, l]) => l.delivered < few ? missing : points(l.trend) }]} /></>
      : <p class="empty">Nothing of it was delivered in the last 90 closed days{r ? `; ever ${count(r.ever_delivered)} delivered, ${count(r.ever_requested)} asked back` : ""}.</p>}
  </Card>;
}
