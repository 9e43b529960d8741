// The customer against peers of like spend: who returns much may only buy much.
import { num, rows } from "../../lib/data";
import { count, missing, money, percent, significant } from "../../lib/format";
import { ofStaff, type Row } from "../../lib/alerts";
import { Card, Table } from "../../parts/card";
import { axisOf, Interval } from "../../parts/interval";
import { peers } from "./case";

const few = 30;
const labels: Record<string, string> = { orders: "Orders", returned_lines: "Returned lines", return_value_minor: "Returned value", returned_share: "Share of value returned" };
const show = (r: Row, v: unknown): string => v == null ? missing : r.measure === "return_value_minor" ? money(Math.round(Number(v)), String(r.currency ?? "")) : r.measure === "returned_share" ? percent(Number(v)) : significant(Number(v));

export function Peers({ row }: { row: Row }) {
  const list = ofStaff(row) ? [] : rows(peers.data.value), n = num(list[0]?.peers), enough = n >= few;
  return <Card query={peers} lines={5} class="peers" note={list.length ? <>Peers: <b>{count(n)}</b> customers with half to twice the ordered value, in the same currency. Dot: this customer; line: the middle nine tenths of the peers; upright: their median. Raw, all time.{!enough && ` Below ${few} peers the comparison says little.`}</> : undefined}
    isEmpty={!list.length} empty={<p class="empty">{row.customer_id == null || ofStaff(row) ? "The alert means no customer." : "The customer has no order with a value in the tables, so there is nobody to compare with."}</p>}>
    <Table label="Against peers" rows={list} cells={[{ label: "Measure", value: (r: Row) => labels[String(r.measure)] ?? String(r.measure) }, { label: "This customer", right: true, value: (r: Row) => <b>{show(r, r.own)}</b> }, { label: "5% to 95% of peers", value: (r: Row) => r.p5 == null ? missing : <span class="spread"><Interval low={Number(r.p5)} high={Number(r.p95)} at={Number(r.own)} usual={Number(r.p50)} axis={axisOf([{ low: Number(r.p5), high: Number(r.p95) }], [Number(r.own)])} /><span class="note">{show(r, r.p5)} to {show(r, r.p95)}, median {show(r, r.p50)}</span></span> },
      { label: "Peers below", right: true, value: (r: Row) => num(r.peers) ? enough ? percent(num(r.below) / num(r.peers)) : `${count(r.below)} of ${count(r.peers)}` : missing }]} />
  </Card>;
}
