// What the filter holds: how many, their rate, how many are surely above their category, and what that is worth.
import { num, rows } from "../../lib/data";
import { count, day, missing, money, moneyShort, percent } from "../../lib/format";
import { Card, Changing } from "../../parts/card";
import { few, figures, level, levels } from "./level";

const plural: Record<string, string> = { sku: "SKUs", style: "styles", category: "categories", supplier: "suppliers" };

export function Figures() {
  const r = rows(figures.data.value)[0] ?? {}, currency = String(r.currency ?? ""), n = num(r.products), peers = level() === "category" ? "all" : "their category";
  return <Card query={figures} lines={3} note={r.window_end == null ? undefined : <>Pieces delivered from {day(r.window_start)} to {day(r.window_end)}, the last closed day. Adjusted: the expected final rate, when all returns of these deliveries have come.</>}>
    <dl class="quad">
      <div><dt>{plural[level()] ?? "Products"} in the filter</dt><dd><span class="figure"><Changing value={count(n)} /></span><span class="note">{count(num(r.delivered))} pieces delivered, {count(num(r.returned))} asked back</span></dd></div>
      <div><dt>Adjusted return rate</dt><dd><span class="figure">{num(r.delivered) >= few ? <Changing value={percent(num(r.adjusted_rate))} /> : missing}</span><span class="note">raw {num(r.delivered) >= few ? percent(num(r.returned) / num(r.delivered)) : missing}, {r.maturity == null ? "maturity unknown" : `${percent(num(r.maturity))} mature`}</span></dd></div>
      <div><dt>Surely above {peers}</dt><dd><span class="figure"><Changing value={count(num(r.above))} /></span><span class="note">the lower bound of their rate is above; of those with no excess about 1 in 20 would be too</span></dd></div>
      <div><dt>At stake with those</dt><dd><span class="figure" title={money(num(r.at_stake_minor), currency)}><Changing value={moneyShort(num(r.at_stake_minor), currency)} /></span><span class="note">lower bound of the excess × value delivered</span></dd></div>
    </dl>
    {level() !== "sku" && <p class="note">Rows are {levels.find(([l]) => l === level())?.[1].toLowerCase()}s: <kbd>Enter</kbd> opens the SKUs of one.</p>}
  </Card>;
}
