// How often the queue is right: what waits, what it is worth by expectation, and of what was decided the share that was confirmed, by pattern.
import { rows } from "../../lib/data";
import { count, duration, instant, missing, money, moneyShort, percent, wilson, words } from "../../lib/format";
import { eventTime } from "../../lib/live";
import { get, set } from "../../lib/url";
import { Card, Changing, Table } from "../../parts/card";
import { axisOf, Interval } from "../../parts/interval";
import { due, samples } from "./audits";
import { health, lines, type Line } from "./figures";

const few = 30;
const sum = (list: Line[], of: (l: Line) => number): number => list.reduce((n, l) => n + of(l), 0);
const range = (i: [number, number] | null): string => i ? `${percent(i[0])} to ${percent(i[1])}` : missing;

export function Health() {
  const list = lines.value, decided = sum(list, (l) => l.decided), confirmed = sum(list, (l) => l.confirmed), all = wilson(confirmed, decided), clock = instant(eventTime.value);
  const currencies = [...new Set(list.filter((l) => l.loss > 0).map((l) => l.currency))], oldest = list.flatMap((l) => l.oldest ?? []).sort((a, b) => a - b)[0];
  const axis = axisOf(list.map((l) => l.interval && { low: l.interval[0], high: l.interval[1] })), usual = decided ? confirmed / decided : 0;
  const drawn = samples.data.value ? rows(samples.data.value).length : null;
  return <Card query={health} lines={6} class="health" note="Raw: of the alerts that were decided within 90 days of event time, those that were confirmed, with the 95% Wilson interval. Below 30 decided the interval is shown and the point is not."
    isEmpty={!list.length} empty={<p class="empty">No alert was ever raised here. One is when a return, a claim, an order or a customer shows a pattern of the catalogue and its probability is above the policy's bar. <code>eddy simulate --orders 20000</code> brings a world with some.</p>}>
    <dl class="quad">
      <div><dt>Waiting</dt><dd><span class="figure"><Changing value={count(sum(list, (l) => l.waiting))} /></span><span class="note">{oldest == null || clock == null ? "nothing is old" : `the oldest for ${duration(Math.max(0, clock - oldest))}`}</span></dd></div>
      <div><dt>Expected loss of those</dt><dd>{currencies.length ? currencies.map((c) => { const loss = sum(list.filter((l) => l.currency === c), (l) => l.loss); return <span class="figure" title={money(loss, c)}><Changing value={moneyShort(loss, c)} /></span>; }) : <span class="figure">0</span>}<span class="note">probability times what would be lost</span></dd></div>
      <div><dt>Precision, 90 days</dt><dd><span class="figure">{decided >= few ? <Changing value={percent(confirmed / decided)} /> : missing}</span><span class="note">{decided ? `${range(all)}; ${count(confirmed)} of ${count(decided)} decided` : "nothing was decided yet"}</span></dd></div>
      <div><dt>Audit samples due</dt><dd><span class="figure"><Changing value={due.value == null ? count(drawn) : count(due.value)} /></span><span class="note">{drawn == null ? "being drawn" : due.value == null ? "drawn; read the log below for those looked at" : `of ${count(drawn)} drawn`}</span></dd></div>
    </dl>
    <Table label="By pattern" rows={list} cells={[
      { label: "Pattern", value: (l: Line) => <button type="button" class="link" aria-pressed={get("pattern") === l.pattern} onClick={() => set({ pattern: get("pattern") === l.pattern ? null : l.pattern })}>{words(l.pattern)}</button> },
      { label: "Waiting", right: true, value: (l: Line) => count(l.waiting) },
      { label: "Expected loss", right: true, value: (l: Line) => money(l.loss, l.currency) },
      { label: "Oldest", right: true, value: (l: Line) => l.oldest == null || clock == null ? missing : duration(Math.max(0, clock - l.oldest)) },
      { label: "Decided, 90 days", right: true, value: (l: Line) => count(l.decided) }, { label: "Confirmed", right: true, value: (l: Line) => count(l.confirmed) },
      { label: "Precision, raw", right: true, value: (l: Line) => l.decided >= few ? percent(l.confirmed / l.decided) : missing },
      { label: "95% interval", value: (l: Line) => l.interval ? <span class="ranged"><Interval low={l.interval[0]} high={l.interval[1]} at={l.decided >= few ? l.confirmed / l.decided : null} usual={usual} axis={axis} /><span class="note">{range(l.interval)}</span></span> : missing }]} />
  </Card>;
}
