// How many series were tested, what is open, and how many of those are expected to be nothing: without that no alarm can be weighed.
import { follow, num, rows } from "../../lib/data";
import { nominal } from "../../lib/anomalies";
import { count, missing, money, moneyShort, percent } from "../../lib/format";
import { Card, Changing } from "../../parts/card";

export const figures = follow("anomalies_figures"), queue = follow("anomalies_queue");
/** Series that were looked at: those tested, or, before anything was found, the slices that there are. */
export const tested = (): number => { const r = rows(figures.data.value)[0] ?? {}; return num(r.tested) || num(r.slices); };

export function Figures() {
  const r = rows(figures.data.value)[0] ?? {}, currency = String(r.currency ?? ""), standing = num(r.open) + num(r.acknowledged);
  return <Card query={figures} title="Looked at, and found" lines={3}
    note={<>Every series is tested at each day's close. Of the anomalies opened in a year the expected share that is false is held at {percent(nominal)} among those of return rates, and among the others, however the series hang together: a nominal level.</>}>
    <dl class="quad">
      <div><dt>Series tested</dt><dd><span class="figure"><Changing value={count(tested())} /></span><span class="note">{num(r.tested) ? "on the last closed day" : "slices with deliveries in 90 days"}</span></dd></div>
      <div><dt>Open or acknowledged</dt><dd><span class="figure"><Changing value={count(standing)} /></span><span class="note">{count(num(r.open))} open, {count(num(r.acknowledged))} acknowledged; {count(num(r.snoozed))} held, {count(num(r.dismissed))} dismissed</span></dd></div>
      <div><dt>Of those false, at most</dt><dd><span class="figure">{standing ? <Changing value={count(Math.ceil(nominal * standing))} /> : 0}</span><span class="note">{percent(nominal)} of {count(standing)} by expectation</span></dd></div>
      <div><dt>At stake</dt><dd><span class="figure" title={r.at_stake_minor == null ? undefined : money(num(r.at_stake_minor), currency)}>{r.at_stake_minor == null ? missing : <Changing value={moneyShort(num(r.at_stake_minor), currency)} />}</span><span class="note">excess since the onset, in value; cases may overlap</span></dd></div>
    </dl>
  </Card>;
}
