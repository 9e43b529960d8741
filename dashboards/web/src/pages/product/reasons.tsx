// Why it comes back: reasons by month beside their share in the category, and the sizes of the style side by side.
import { discoveries, binomial } from "../../lib/differs";
import { follow, num, rows } from "../../lib/data";
import { count, missing, percent, times, wilson, words } from "../../lib/format";
import { Card, Table } from "../../parts/card";
import { axisOf, Interval } from "../../parts/interval";
import { few, record } from "./case";

const reasons = follow("product_reasons"), sizes = follow("product_sizes");
const monthOf = new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", month: "short", year: "2-digit" });

export function Reasons() {
  const all = rows(reasons.data.value).map((r) => ({ reason: String(r.reason), month: String(r.month).slice(0, 10), pieces: num(r.pieces), of: num(r.of_category) }));
  const months = [...new Set(all.map((r) => r.month))].sort().slice(-6), own = all.reduce((n, r) => n + r.pieces, 0), whole = all.reduce((n, r) => n + r.of, 0), most = Math.max(1, ...all.map((r) => r.pieces));
  const list = [...new Set(all.map((r) => r.reason))].map((reason) => { const mine = all.filter((r) => r.reason === reason); return { reason, mine, pieces: mine.reduce((n, r) => n + r.pieces, 0), usual: mine.reduce((n, r) => n + r.of, 0) / (whole || 1) }; }).sort((a, b) => b.pieces - a.pieces || (a.reason < b.reason ? -1 : 1));
  return <Card query={reasons} lines={6} note={<>Pieces asked back by month of delivery; the newest months are still filling. Share: of {count(own)} in all; beside it the category's.</>} isEmpty={!own} empty={<p class="empty">Nothing of it was asked back.</p>}>
    <div class="scroll" tabIndex={0} role="region" aria-label="Reasons over time, rows"><table class="matrix held"><thead><tr><th scope="col">Reason</th>{months.map((m) => <th scope="col" class="r">{monthOf.format(Date.parse(m))}</th>)}<th scope="col" class="r">Share</th><th scope="col" class="r">Category</th></tr></thead>
      <tbody>{list.map((r) => <tr><th scope="row">{words(r.reason)}</th>{months.map((m) => { const n = r.mine.find((x) => x.month === m)?.pieces ?? 0; return <td class="r" style={{ "--heat": String(Math.round(40 * n / most)) }}>{count(n)}</td>; })}<td class="r total">{percent(r.pieces / own)}</td><td class="r total">{percent(r.usual)}</td></tr>)}</tbody></table></div>
  </Card>;
}

interface Size { size: string; n: number; k: number; small: number; large: number; ratio: Record<"small" | "large", number | null> }
/** Letters in the trade's order, numbers by their value, the rest by name. */
const letters = ["XXS", "XS", "S", "M", "L", "XL", "XXL", "3XL", "4XL"];
const place = (size: string): number => { const at = letters.indexOf(size.toUpperCase()); return at >= 0 ? at : parseFloat(size) || 99; };

export function Sizes() {
  const raw = rows(sizes.data.value).map((r) => ({ size: String(r.size), n: num(r.delivered), k: Math.min(num(r.returned), num(r.delivered)), small: num(r.too_small), large: num(r.too_large) })).filter((r) => r.n > 0);
  const total = (of: "n" | "k" | "small" | "large") => raw.reduce((s, r) => s + r[of], 0), n = total("n"), usual = n ? total("k") / n : 0;
  const list: Size[] = raw.map((r) => { const ratio = (of: "small" | "large") => { const rest = n - r.n, other = total(of) - r[of]; return r.n >= few && rest > 0 && other > 0 ? (r[of] / r.n) / (other / rest) : null; }; return { ...r, ratio: { small: ratio("small"), large: ratio("large") } }; }).sort((a, b) => place(a.size) - place(b.size) || (a.size < b.size ? -1 : 1));
  // Each size against the style's others, given how often the whole style is said to be too small or too large.
  const tests = list.flatMap((r) => (["small", "large"] as const).map((of) => ({ r, of, p: total(of) ? binomial(r[of], total(of), r.n / n) : 1 }))), found = discoveries(tests.map((t) => t.p), 0.1);
  const loud = tests.filter((t, i) => found[i] && (t.r.ratio[t.of] ?? 0) > 1).sort((a, b) => a.p - b.p)[0], axis = axisOf(list.map((r) => { const i = wilson(r.k, r.n); return i && { low: i[0], high: i[1] }; }), [usual]);
  return <Card query={sizes} lines={5} note={<>Style {String(record.value?.style ?? missing)}, deliveries 30 to 210 days old, raw. {loud ? <b>Size {loud.r.size} comes back as too {loud.of} {times(loud.r.ratio[loud.of])} as often as the style's other sizes.</b> : "No size is said to be too small or too large more often than chance has it."} Below {few} delivered no point.</>}
    isEmpty={list.length < 2} empty={<p class="empty">{list.length ? "The style has one size only." : "Nothing of the style was delivered 30 to 210 days ago."}</p>}>
    <Table label="Sizes" rows={list} cells={[{ label: "Size", value: (r: Size) => r.size === String(record.value?.size ?? "") ? <b>{r.size}</b> : r.size }, { label: "Delivered", right: true, value: (r: Size) => count(r.n) }, { label: "Returned", right: true, value: (r: Size) => count(r.k) }, { label: "Raw rate", right: true, value: (r: Size) => r.n < few ? missing : percent(r.k / r.n) },
      { label: "95% interval", value: (r: Size) => { const i = wilson(r.k, r.n); return i ? <span class="ranged"><Interval low={i[0]} high={i[1]} at={r.n < few ? null : r.k / r.n} usual={usual} axis={axis} /><span class="note">{percent(i[0])} to {percent(i[1])}</span></span> : missing; } },
      { label: "Too small", right: true, value: (r: Size) => count(r.small) }, { label: "of the others", right: true, value: (r: Size) => times(r.ratio.small) }, { label: "Too large", right: true, value: (r: Size) => count(r.large) }, { label: "of the others", right: true, value: (r: Size) => times(r.ratio.large) }]} />
  </Card>;
}
