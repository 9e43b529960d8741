// What the risk is made of: contributions in log-odds, which add up to it.
import { rows, type Query } from "../../lib/data";
import { count, percent } from "../../lib/format";
import { Card, Table } from "../../parts/card";

interface Reason { topic: string; words: string; contribution: number; feature?: string; value?: number }
const reasonsOf = (text: unknown): Reason[] => { try { const list = JSON.parse(String(text ?? "[]")) as Reason[]; return Array.isArray(list) ? list : []; } catch { return []; } };
const decimal = new Intl.NumberFormat("en-IN", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const signedDecimal = (v: number): string => (v < 0 ? "−" : "+") + decimal.format(Math.abs(v));

export function Reasons({ query, row }: { query: Query; row: Record<string, unknown> }) {
  const score = rows(query.data.value)[0], list = reasonsOf(score?.contributions), most = Math.max(0.01, ...list.map((r) => Math.abs(r.contribution)));
  const sum = list.reduce((n, r) => n + r.contribution, 0), own = Number(String(row.decision_id).match(/^D(\d+)-/)?.[1]), later = score != null && Number(score.sequence) !== own;
  return <Card query={query} lines={6} note={<>In log-odds: right of the middle raises the risk. They add up to {signedDecimal(sum)}, a risk of {percent(1 / (1 + Math.exp(-sum)))}.
      {later && <> <b>Scored again since</b>, at sequence {count(score!.sequence)}: these are the reasons of then, not those of the decision.</>} The risk after is predicted under the action; its own reasons are not kept.</>}
    isEmpty={!list.length} empty={<p class="empty">No score of this stage is in the tables for it.</p>}>
    <Table label="Contributions to the risk" rows={list} cells={[{ label: "Reason", value: (r: Reason) => <span class="wrap">{r.words}</span>, title: (r: Reason) => r.feature ? `${r.feature}${r.value == null ? "" : ` = ${r.value}`}` : r.topic },
      { label: "lowers, raises", value: (r: Reason) => <svg class="lean" width="80" height="12" viewBox="0 0 80 12" aria-hidden="true"><line x1="40" x2="40" y1="0" y2="12" /><rect x={r.contribution < 0 ? 40 - 40 * -r.contribution / most : 40} width={40 * Math.abs(r.contribution) / most} y="2" height="8" class={r.contribution < 0 ? "less" : ""} /></svg> },
      { label: "Log-odds", right: true, value: (r: Reason) => signedDecimal(r.contribution) }]} />
  </Card>;
}
