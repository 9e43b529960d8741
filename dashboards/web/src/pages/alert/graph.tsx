// Who is linked to whom: hard links (phone, instrument) solid, soft ones (address, device) dashed with the number of partners, values that many share marked and ignored. The same as a table.
import { signal } from "@preact/signals";
import { rows } from "../../lib/data";
import { count, day, missing, money, words } from "../../lib/format";
import { ofStaff, type Row } from "../../lib/alerts";
import { draw, linksOf, type Answer, type Placed } from "../../lib/links";
import { get, set } from "../../lib/url";
import { Card, Failure, Skeleton, Table } from "../../parts/card";
import { cluster } from "./case";

const answer = signal<Answer>({ state: "loading" });
let asked = "";
async function load(customer: string, again = false): Promise<void> {
  if (asked === customer && !again) return;
  asked = customer;
  answer.value = { state: "loading" };
  const it = await linksOf(customer);
  if (asked === customer) answer.value = it;
}

const wide = 208, tall = 40, box = 168, high = 28;
const short = (id: string): string => id.length > 20 ? `${id.slice(0, 18)}…` : id;
const told = (n: Placed): string => n.kind === "customer" ? `customer ${n.id}${n.confirmed ? `, ${count(n.confirmed)} confirmed` : ""}` : `${n.kind} ${n.id}${n.partners == null ? "" : n.partners === 1 ? ", nobody else" : `, ${count(n.partners)} people`}${n.capped ? ", shared by too many: ignored" : ""}`;

function Picture({ links, customer }: { links: Extract<Answer, { state: "links" }>["links"]; customer: string }) {
  const d = draw(links, customer), height = d.rows * tall + 16, x = (p: Placed) => 8 + p.column * wide, y = (p: Placed) => height / 2 + p.row * tall - high / 2;
  const width = 16 + (d.columns - 1) * wide + box;
  return <div class="scroll" tabIndex={0} role="region" aria-label="Identity graph, drawn"><svg class="links" width={width} height={height} role="group" aria-label={`${count(d.nodes.length)} customers and values, ${count(d.lines.length)} links`}>
    {d.lines.map(({ from, to, edge }) => { const [a, b] = from.column <= to.column ? [from, to] : [to, from], capped = (from.capped || to.capped) === true;
      return <line class={`${edge.hard ? "hard" : "soft"} ${capped ? "ignored" : ""}`} x1={x(a) + box} y1={y(a) + high / 2} x2={x(b)} y2={y(b) + high / 2} />; })}
    {d.nodes.map((n) => <g tabIndex={0} role="img" aria-label={told(n)} class={`${n.kind === "customer" ? "who" : "value"} ${n.capped ? "capped" : ""} ${n.kind === "customer" && n.id === customer ? "own" : ""}`}><title>{told(n)}</title>
      <rect x={x(n)} y={y(n)} width={box} height={high} rx={n.kind === "customer" ? 14 : 3} /><text x={x(n) + 10} y={y(n) + 18}>{n.kind === "customer" ? `${n.confirmed ? "▲ " : ""}${short(n.id)}` : `${n.kind}: ${n.partners == null ? "shared" : n.partners === 1 ? "nobody else" : `${count(n.partners)} people`}${n.capped ? " ✕" : ""}`}</text></g>)}
  </svg></div>;
}

export function Graph({ row }: { row: Row }) {
  const customer = row.customer_id == null || ofStaff(row) ? "" : String(row.customer_id), members = rows(cluster.data.value), it = answer.value, asTable = get("as.links") === "table";
  if (!customer) return <section class="card" data-card tabIndex={-1} aria-labelledby="t-links"><header><h2 id="t-links">Identity links</h2></header><p class="empty">The alert is about the {words(row.subject_kind)} <code>{String(row.subject_id)}</code> and means no customer, so nobody is linked.</p></section>;
  void load(customer);
  const links = it.state === "links" ? it.links : null, values = links?.nodes.filter((n) => n.kind !== "customer") ?? [];
  return <Card query={cluster} lines={5} class="identity" note="Hard links, a phone or a payment instrument in common, merge accounts into a cluster and are drawn solid. Soft links, an address, a device or a network in common, are only counted and are drawn dashed. ✕ marks a value that is ignored, ▲ a customer with a confirmed alert. A value that many share links nobody: families, hostels and offices share things."
    tools={links && <button type="button" class="quiet" aria-pressed={asTable} onClick={() => set({ "as.links": asTable ? null : "table" }, false)}>Table</button>}>
    {it.state === "loading" && <Skeleton lines={4} />}
    {it.state === "failed" && <Failure problem={it.problem} retry={() => void load(customer, true)} kept={false} />}
    {it.state === "unknown" && <p class="empty">This engine does not tell links yet, so there is no picture. The members of the cluster stand below. <button type="button" class="link" onClick={() => void load(customer, true)}>Ask again</button></p>}
    {it.state === "none" && <p class="empty">The engine knows no such customer: no order and no return of theirs stands.</p>}
    {links && (!links.edges.length ? <p class="empty">No identity value was told of this customer, so nobody is linked.</p> : asTable
      ? <Table label="Identity links" rows={links.edges} cells={[{ label: "Customer", mono: true, value: (e) => e.customer === customer ? <b>{e.customer}</b> : e.customer }, { label: "shares", value: (e) => e.kind }, { label: "Value", mono: true, value: (e) => <span class="clip">{e.value}</span>, title: (e) => e.value },
          { label: "Link", value: (e) => e.hard ? "hard, merges" : "soft, counted" }, { label: "People", right: true, value: (e) => { const n = values.find((v) => v.kind === e.kind && v.id === e.value); return n?.partners == null ? missing : count(n.partners); } },
          { label: "Ignored", value: (e) => values.find((v) => v.kind === e.kind && v.id === e.value)?.capped ? <span class="watch">✕ too many share it</span> : "no" }]} />
      : <Picture links={links} customer={customer} />)}
    {values.some((v) => v.capped) && <p class="note">{values.filter((v) => v.capped).map((v) => `One ${v.kind}, ${v.partners == null ? "many" : count(v.partners)} people kept and then no more: ignored.`).join(" ")}</p>}
    <h3>Members of the cluster</h3>
    {members.length > 1 ? <Table label="Members of the cluster" rows={members} cells={[{ label: "Customer", mono: true, value: (m) => m.own === true ? <b>{String(m.customer_id)}</b> : String(m.customer_id) }, { label: "Orders", right: true, value: (m) => count(m.orders) }, { label: "Ordered", right: true, value: (m) => money(m.order_value_minor, String(m.currency)) },
      { label: "Returned lines", right: true, value: (m) => count(m.returned_lines) }, { label: "Returned", right: true, value: (m) => money(m.return_value_minor, String(m.currency)) }, { label: "Alerts", right: true, value: (m) => count(m.alerts) }, { label: "Confirmed", right: true, value: (m) => count(m.confirmed) }, { label: "First seen", value: (m) => day(m.first_seen_at) }]} />
      : <p class="empty">No cluster: nobody shares a phone or an instrument with this customer{members.length ? "" : ", or the customer has no order in the tables"}.</p>}
  </Card>;
}
