// Risk by courier and lane: share of the parcels that ended undelivered, small cells drawn toward the lane and the courier, and lighter.
import { computed } from "@preact/signals";
import { follow, num, rows } from "../../lib/data";
import { count, missing, percent, wilson } from "../../lib/format";
import { matrix } from "../../lib/shrink";
import { get, set } from "../../lib/url";
import { Card, Table } from "../../parts/card";

const few = 30;
const risk = follow("lane_risk");
const made = computed(() => matrix(rows(risk.data.value).map((r) => ({ lane: `${r.origin} → ${r.destination}`, courier: String(r.courier), n: num(r.finished), k: num(r.failed) }))));

const interval = (k: number, n: number): string => { const i = wilson(k, n); return i ? `${percent(i[0])} to ${percent(i[1])}` : missing; };

export function Lanes() {
  const m = made.value, cells = [...m.cells.values()], most = Math.max(0.01, ...cells.map((c) => c.rate));
  const tools = <select aria-label="Payment" data-key="payment" value={get("payment")} onChange={(e) => set({ payment: e.currentTarget.value })}>
    {[["", "cash and prepaid"], ["cod", "cash on delivery"], ["prepaid", "prepaid"]].map(([v, t]) => <option value={v} selected={v === get("payment")}>{t}</option>)}</select>;
  return <Card query={risk} lines={8} tools={tools} class="lanes"
    note={<>Share of forward parcels that ended undelivered (back to origin, lost, damaged), adjusted: a cell of few parcels is drawn toward its lane and its courier, as if {count(Math.round(m.strength))} parcels had gone as those do. Lighter: fewer parcels of its own; darker: more risk. Zones are first digits of pincodes; lanes with most parcels first.</>}
    isEmpty={!cells.length} empty={<p class="empty">No forward parcel {get("payment") ? "of this payment mode " : ""}has ended yet: it needs <code>shipment.manifested</code> and <code>shipment.delivered</code> events.</p>}
    table={() => <Table label="Risk by courier and lane" rows={cells} cells={[
      { label: "Lane", value: (c) => c.lane }, { label: "Courier", value: (c) => c.courier }, { label: "Ended", right: true, value: (c) => count(c.n) }, { label: "Undelivered", right: true, value: (c) => count(c.k) },
      { label: "Raw", right: true, value: (c) => c.n < few ? missing : percent(c.k / c.n) }, { label: "95% interval, raw", right: true, value: (c) => interval(c.k, c.n) },
      { label: "Drawn toward", right: true, value: (c) => percent(c.prior) }, { label: "Adjusted", right: true, value: (c) => percent(c.rate) }]} />}>
    <div class="scroll" tabIndex={0} role="region" aria-label="Risk by courier and lane, rows"><table class="matrix held"><thead><tr><th scope="col">Lane</th>{m.couriers.map((c) => <th scope="col" class="r" title={c}><span class="clip">{c}</span></th>)}<th scope="col" class="r">all, raw</th></tr></thead>
      <tbody>{m.lanes.map((lane) => { const all = m.lane.get(lane)!; return <tr><th scope="row">{lane}</th>
        {m.couriers.map((courier) => { const c = m.cells.get(`${lane} ${courier}`);
          return c ? <td class={`r ${c.weight < 0.5 ? "thin" : ""}`} style={{ "--heat": String(Math.round(40 * c.weight * c.rate / most)) }}
            title={`${courier}, ${lane}: ${count(c.k)} of ${count(c.n)} undelivered, raw interval ${interval(c.k, c.n)}; drawn toward ${percent(c.prior)}`}>{percent(c.rate)}</td> : <td class="r thin">{missing}</td>; })}
        <td class="r total" title={`${count(all.k)} of ${count(all.n)}`}>{all.n < few ? missing : percent(all.k / all.n)}</td></tr>; })}</tbody></table></div>
  </Card>;
}
