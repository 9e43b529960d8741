// The threshold: what each would have done with the parcels that are settled, by the policy's own reckoning. The slider is local; only Publish tells anybody.
import { count, money, moneyShort, percent, when, wilson, words } from "../../lib/format";
import type { Point } from "../../lib/threshold";
import { get, set } from "../../lib/url";
import { Card, Table } from "../../parts/card";
import { Curve } from "./curve";
import { open as openPublish } from "./publish";
import { acting, actingAt, assumed, bins, currency, few, inForce, known, moved, own, points, policy, scores, settle, stage, stages, threshold, top } from "./settled";

const span = (k: number, n: number): string => { const i = wilson(k, n); return i ? `${percent(i[0])} to ${percent(i[1])}` : "no parcel"; };
const share = (k: number, n: number): string => n < few ? "–" : percent(k / n);
const rupees = (minor: number): string => moneyShort(Math.round(minor), currency.value);
const signedRupees = (minor: number): string => minor < 0 ? "−" + rupees(-minor) : rupees(minor);

function Figures({ p }: { p: Point }) {
  const items: [string, string, string, string, string?][] = [
    ["Flagged", share(p.flagged, p.parcels), span(p.flagged, p.parcels), `${count(p.flagged)} of ${count(p.parcels)} settled parcels`],
    ["Precision", share(p.caught, p.flagged), span(p.caught, p.flagged), `${count(p.caught)} of ${count(p.flagged)} flagged were not delivered`],
    ["Recall", share(p.caught, p.failed), span(p.caught, p.failed), `${count(p.caught)} of ${count(p.failed)} not delivered were flagged`],
    ["Expected rupees saved", p.flagged < few ? "–" : signedRupees(p.saved), `${signedRupees(p.low)} to ${signedRupees(p.high)}`, p.flagged < few ? `under ${few} flagged: no point` : `over ${count(p.parcels)} settled parcels`, money(Math.round(p.saved), currency.value)],
  ];
  return <dl class="quad">{items.map(([label, value, interval, basis, exact]) => <div><dt>{currency.value === "INR" ? label : label.replace("rupees", currency.value)}</dt><dd><span class="figure" title={exact}>{value}</span><span class="note">{interval}<br />{basis}</span></dd></div>)}</dl>;
}

const Assumption = (props: { id: string; label: string; unit: string; value: number; step: number; max: number }) =>
  <label>{props.label} <input class="short" type="number" min="0" max={props.max} step={props.step} value={props.value} data-key={props.id}
    onChange={(e) => set({ [props.id]: e.currentTarget.value === "" ? null : e.currentTarget.value }, false)} /> {props.unit}</label>;

const say = (p: Point): string => `threshold ${p.threshold}%: ${count(p.flagged)} flagged, ${count(p.caught)} of them not delivered, ${signedRupees(p.saved)} expected, ${signedRupees(p.low)} to ${signedRupees(p.high)}`;

export function Threshold() {
  const list = points.value, p = list[threshold.value]!, a = actingAt(stage.value), numbers = policy.value.numbers, found = top.value;
  const parcels = p.parcels, select = (label: string, key: string, options: readonly (readonly [string, string])[], current: string, usual: string) =>
    <select aria-label={label} data-key={key} value={current} onChange={(e) => { set({ [key]: e.currentTarget.value === usual ? null : e.currentTarget.value, ...(key === "policy" ? { t: null } : {}) }); }}>{options.map(([v, t]) => <option value={v} selected={v === current}>{t}</option>)}</select>;
  const tools = <>
    {select("Stage", "stage", stages.map((s) => [s, words(s)]), stage.value, "attempt_failed")}
    {select("Policy", "policy", known.value.map((k, i) => [k.version, `${k.version}${i === 0 ? ", in force" : ""}`]), policy.value.version, inForce.value.version)}
  </>;
  return <Card query={scores} title="Threshold" class="threshold" lines={8} tools={tools}
    note={<>All parcels that were scored at this stage and have ended, by the latest score of the stage, raw: those acted upon count as they went. <b>{count(parcels)}</b> parcels, {count(p.failed)} not delivered. 95% intervals; those of rupees hold the two assumptions for true.{!acting.includes(stage.value) && " At this stage nothing can be done yet: it is for looking."}</>}
    isEmpty={!bins.value.length} empty={<p class="empty">No scored parcel has ended yet. It needs orders, manifests and deliveries: <code>eddy simulate</code> brings some.</p>}
    table={() => <Table label="Thresholds" rows={list.filter((x) => x.threshold % 5 === 0 || x.threshold === found?.threshold || x.threshold === own.value)} cells={[
      { label: "Threshold", right: true, value: (x: Point) => `${x.threshold}%${x.threshold === own.value ? " (policy)" : ""}${x.threshold === found?.threshold ? " (best)" : ""}` },
      { label: "Flagged", right: true, value: (x: Point) => count(x.flagged) }, { label: "of all", right: true, value: (x: Point) => share(x.flagged, x.parcels) },
      { label: "Precision", right: true, value: (x: Point) => share(x.caught, x.flagged) }, { label: "95% interval", right: true, value: (x: Point) => span(x.caught, x.flagged) },
      { label: "Recall", right: true, value: (x: Point) => share(x.caught, x.failed) }, { label: "95% interval", right: true, value: (x: Point) => span(x.caught, x.failed) },
      { label: "Expected", right: true, value: (x: Point) => signedRupees(x.saved) }, { label: "95% interval", right: true, value: (x: Point) => `${signedRupees(x.low)} to ${signedRupees(x.high)}` }]} />}>
    <Figures p={p} />
    <div class="dial">
      <Curve points={list} format={signedRupees} label="Expected rupees by threshold" pick={settle}
        marks={[{ at: threshold.value, label: `${threshold.value}%`, strong: true }, { at: numbers.threshold * 100, label: `policy ${policy.value.version}: ${percent(numbers.threshold)}` }, ...(found ? [{ at: found.threshold, label: `best: ${found.threshold}%` }] : [])]} />
      <input id="threshold" type="range" min="0" max="100" step="1" value={threshold.value} aria-label="Threshold, in percent" aria-valuetext={say(p)}
        onInput={(e) => { moved.value = Number(e.currentTarget.value); }} onChange={(e) => settle(Number(e.currentTarget.value))} />
    </div>
    <div class="bar">
      <button type="button" disabled={threshold.value === own.value} onClick={() => settle(own.peek())}>Policy's {percent(numbers.threshold)}</button>
      {found ? <button type="button" disabled={found.threshold === threshold.value} onClick={() => settle(found.threshold)}>Best, {found.threshold}%</button> : <span>No threshold saves anything at this stage.</span>}
      <span class="spring" />
      <button type="button" class="primary" disabled={threshold.value === Math.round(inForce.value.numbers.threshold * 100)} onClick={openPublish}>Publish {threshold.value}%…</button>
    </div>
    <div class="bar assumptions">
      <Assumption id="averts" label="Acting averts" unit="% of failures" value={Math.round(a.averts * 1000) / 10} step={0.1} max={100} />
      <Assumption id="cost" label="and costs" unit={`${currency.value || "INR"} a parcel`} value={a.costMinor / 100} step={0.5} max={100000} />
      <span>{a.told ? `Of ${count(a.decisions)} decisions here ${percent(a.share)} could be acted on; they expect what stands here by default.` : `Under ${few} decisions were acted on at this stage, so ${percent(assumed)} is assumed.`}{" "}
        A failure costs {money(numbers.failure_cost_minor, currency.value || "INR")} and {percent(numbers.failure_share)} of the declared value.{policy.value.publishedAt != null && ` Policy ${policy.value.version} of ${when(policy.value.publishedAt)}.`}</span>
      {(get("averts") || get("cost")) && <button type="button" class="link" onClick={() => set({ averts: null, cost: null }, false)}>As by default</button>}
    </div>
  </Card>;
}
