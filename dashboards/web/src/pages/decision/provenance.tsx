// What a decision rests on: policy, model, and where in the log its inputs stand.
import { count, missing, percent, stamp, when, words } from "../../lib/format";
import type { Policy } from "../../lib/policy";
import { workbench } from "../../parts/sqlpanel";

export function Provenance({ row, score, policy }: { row: Record<string, unknown>; score: Record<string, unknown> | null; policy: Policy | null }) {
  const place = String(row.decision_id).match(/^D(\d+)-(\d+)-/), subject = String(row.awb ?? row.rma_id ?? row.order_id ?? "");
  const event = place && `select sequence, index, time, type, subject, source, data\nfrom events\nwhere sequence = ${place[1]} and index = ${place[2]}`;
  const chance = Number(row.propensity);
  return <section class="card" data-card tabIndex={-1} aria-labelledby="t-provenance"><header><h2 id="t-provenance">Policy, model and inputs</h2></header>
    <dl class="pairs">
      <div><dt>Decided at</dt><dd title={stamp(row.decided_at)}>{when(row.decided_at)}</dd></div>
      <div><dt>Stage</dt><dd>{words(row.stage)}</dd></div>
      <div><dt>Policy</dt><dd>{String(row.policy_version)}{policy ? policy.publishedAt == null ? ", before any was published" : `, of ${when(policy.publishedAt)}` : ", not readable"}</dd></div>
      <div><dt>Its threshold</dt><dd>{policy ? percent(policy.numbers.threshold) : missing}</dd></div>
      <div><dt>Chosen with probability</dt><dd>{isFinite(chance) ? chance === 1 ? "1, without exploration" : percent(chance) : missing}</dd></div>
      <div><dt>Model</dt><dd>{String(row.model_version)}</dd></div>
      <div><dt>Brought by the event at</dt><dd>{event ? <a href={workbench(event)}>sequence {count(Number(place![1]))}, index {count(Number(place![2]))}</a> : missing}</dd></div>
      <div><dt>Latest score of the stage at</dt><dd>{score ? <a href={`/v1/scores/${encodeURIComponent(subject)}`}>sequence {count(score.sequence)}</a> : missing}</dd></div>
    </dl>
  </section>;
}
