// All alternatives of a decision, the excluded ones with their rule, and what would have changed the choice.
import { changes, chosenOf, nameOf, type Alternative, type Decided } from "../../lib/alternatives";
import type { Query } from "../../lib/data";
import { missing, money, percent, significant } from "../../lib/format";
import type { Policy } from "../../lib/policy";
import { openSql } from "../../parts/sqlpanel";
import { Table } from "../../parts/card";

export function Alternatives({ query, list, d, policy }: { query: Query; list: Alternative[]; d: Decided; policy: Policy | null }) {
  const at = chosenOf(list, d), ordered = list.map((a, i) => ({ a, i })).sort((x, y) => Number(y.a.feasible) - Number(x.a.feasible) || x.a.expected_cost_minor - y.a.expected_cost_minor);
  const found = policy ? changes(list, d, policy) : [], weight = policy?.numbers.failure_weight ?? 1;
  return <>
    <section class="card" data-card data-query={query.named.name} tabIndex={-1} aria-labelledby="t-alternatives">
      <header><h2 id="t-alternatives">All alternatives</h2><span class="tools"><button type="button" class="quiet" title="The SQL behind this (s)" onClick={() => openSql(query.named.name)}>SQL</button></span>
        <p class="note">Expected cost: risk times what a failure costs, and price, lateness and what the action itself costs. Cheapest feasible first.{weight > 1 && ` The choice is among those worth a change, and counts a failure ${significant(weight)} times.`}</p></header>
      {list.length ? <Table label="Alternatives" rows={ordered} cells={[
        { label: "Choice", value: ({ a, i }) => <>{i === at ? <b><span aria-hidden="true">● </span>{nameOf(a, i === 0)}<span class="sr">, chosen</span></b> : nameOf(a, i === 0)}</> },
        { label: "Risk", right: true, value: ({ a }) => percent(a.risk) }, { label: "Price", right: true, value: ({ a }) => money(a.price_minor, d.currency) },
        { label: "Days late", right: true, value: ({ a }) => a.late_days ? significant(a.late_days) : "0" }, { label: "Expected cost", right: true, value: ({ a }) => money(a.expected_cost_minor, d.currency) },
        { label: "Excluded by", value: ({ a }) => a.feasible ? missing : <span class="watch">✕ {a.rule ?? "a rule"}</span> }]} /> : <p class="empty">The decision was told without alternatives.</p>}
    </section>
    <section class="card" data-card data-query={query.named.name} tabIndex={-1} aria-labelledby="t-changes">
      <header><h2 id="t-changes">What would have changed it</h2><p class="note">Nearest values, one at a time, everything else as it was.</p></header>
      {found.length ? <Table label="What would have changed it" rows={found} cells={[{ label: "With", value: (c) => <span class="wrap">{c.what}</span> }, { label: "then", value: (c) => <span class="wrap">{c.then}</span> }]} />
        : <p class="empty">{policy ? "Nothing that the alternatives tell of." : "The policy it rests on cannot be read any more, so nothing is reckoned with it."}</p>}
    </section></>;
}
