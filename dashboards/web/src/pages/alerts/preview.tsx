// The chosen alert beside the queue: the arithmetic, what shows it, what speaks against it. The rest stands on its own page.
import { atStake, lastWord, type Row } from "../../lib/alerts";
import { money, percent, when, words } from "../../lib/format";
import { Evidence } from "../../parts/evidence";

export function Preview({ row }: { row: Row }) {
  const currency = String(row.currency ?? "");
  return <div class="preview">
    <header><h3>Suspected: {words(row.pattern)}, {words(row.subject_kind)} <span class="mono">{String(row.subject_id)}</span></h3></header>
    <p>{percent(Number(row.score))} × {money(atStake(row), currency)} = <b>{money(row.expected_loss_minor, currency)}</b> <span class="note">probability × at stake = expected loss</span></p>
    <Evidence row={row} />
    <dl class="pairs">
      <div><dt>Status</dt><dd>{words(row.status)}</dd></div>
      {row.order_id != null && <div><dt>Order</dt><dd class="mono">{String(row.order_id)}</dd></div>}
      {row.rma_id != null && <div><dt>Return</dt><dd class="mono">{String(row.rma_id)}</dd></div>}
      <div><dt>Raised</dt><dd>{when(row.raised_at)}</dd></div>
      <div><dt>Runs out</dt><dd>{when(row.expires_at)}</dd></div>
    </dl>
    {row.actor != null && <p class="note">Last word: {lastWord(row)}</p>}
    <p><a href={`/alerts/${encodeURIComponent(String(row.alert_id))}`}>Timeline, links, peers and history</a></p>
  </div>;
}
