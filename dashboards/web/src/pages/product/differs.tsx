// What differs: by courier, lane, facility, packer, supplier, channel and payment, whether the product's returns stick out with one of them once the category's rate with it is accounted for.
import { percent, count, missing, times, words } from "../../lib/format";
import { level, type Difference } from "../../lib/differs";
import { get, set } from "../../lib/url";
import { Card, Table } from "../../parts/card";
import { compared, differs, few } from "./case";

const names: Record<string, string> = { zone: "lane, to zone", payment: "payment" };
const nameOf = (dimension: string): string => names[dimension] ?? dimension;

export function Differs() {
  const d = compared.value, picked = get("by"), list = picked ? d.rows.filter((r) => r.dimension === picked) : d.rows, flagged = d.rows.filter((r) => r.flagged).length;
  return <Card query={differs} lines={10} tools={<select aria-label="By" data-key="by" value={picked} onChange={(e) => set({ by: e.currentTarget.value })}><option value="" selected={!picked}>by everything</option>{d.standards.map((s) => <option value={s.dimension} selected={s.dimension === picked}>by {nameOf(s.dimension)}</option>)}</select>}
    note={<>Deliveries 30 to 210 days old: {count(d.k)} of {count(d.n)} pieces came back. Lift: how far returns with a value stick out from this product's others, after the category's own rate with that value; 95% interval. <b>{count(d.tested)}</b> values tested, {flagged ? <b>{count(flagged)} flagged</b> : "none flagged"}, at a false-discovery share of {percent(level)} (Benjamini and Hochberg). <b>{flagged ? "A flag points there" : "Without a flag, look at the product itself"}</b>.</>}
    isEmpty={!d.n} empty={<p class="empty">Nothing of it was delivered 30 to 210 days ago: there is no matured return to compare.</p>}>
    <Table label="What differs" rows={list.slice(0, 60)} cells={[{ label: "By", value: (r: Difference) => nameOf(r.dimension) }, { label: "Value", value: (r: Difference) => <span class="clip">{words(r.value)}</span>, title: (r) => r.value },
      { label: "Pieces", right: true, value: (r: Difference) => count(r.ownN) }, { label: "Share", right: true, value: (r: Difference) => percent(r.share), title: (r) => `of the category ${percent(r.usualShare)}` }, { label: "Rate", right: true, value: (r: Difference) => r.ownN < few ? missing : percent(r.own), title: (r) => `${r.ownK} of ${r.ownN}` }, { label: "Category's", right: true, value: (r: Difference) => percent(r.usual) },
      { label: "Lift", right: true, value: (r: Difference) => r.ownN < few ? missing : times(r.lift) }, { label: "95% interval", right: true, value: (r: Difference) => isFinite(r.low) && isFinite(r.high) ? `${times(r.low)} to ${times(r.high)}` : missing },
      { label: "Sticks out", value: (r: Difference) => r.flagged ? <b class="watch">▲ flagged</b> : <span class="note">as chance has it</span>, title: (r) => `p = ${r.p.toPrecision(2)}` }]} />
    <h3>With this product's own mix, the category would return</h3>
    <dl class="pairs">{d.standards.map((s) => <div><dt>of {nameOf(s.dimension)}</dt><dd>{percent(s.rate)}</dd></div>)}<div><dt>as it is, without this product</dt><dd>{percent(d.usual)}</dd></div><div><dt>this product</dt><dd>{d.n < few ? missing : percent(d.own)}</dd></div></dl>
  </Card>;
}
