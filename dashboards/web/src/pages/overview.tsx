// Overview: is everything flowing, and what changed? Figures of orders, shipments, returns and refunds; the raw return rate by delivery
// cohort; the funnel; the difference to the last visit. the adjusted rate and the anomalies in one figure each. It scores nothing and ranks nothing.
import { computed, signal } from "@preact/signals";
import { count, day, dayOf, dayShort, duration, instant, money, moneyShort, percent, signed, significant, startOfDay, wilson, words, ago, when } from "../lib/format";
import { command } from "../lib/keys";
import { eventTime, now } from "../lib/live";
import { follow, num, rows } from "../lib/data";
import { present, quantileMs, rate, visible, watchMetrics } from "../lib/metrics";
import { get, set } from "../lib/url";
import { Card, Changing, Failure, Table } from "../parts/card";
import { TimeChart } from "../parts/chart";
import { mount } from "../parts/frame";
import { token } from "../parts/sqlpanel";
import { visit } from "../lib/visit";

const immatureDays = 30, fewUnits = 30;
const flow = follow("flow"), orders = follow("orders_figures"), shipments = follow("shipments_figures"), returns = follow("returns_figures"), refunds = follow("refunds_figures");
const cohorts = follow("return_rate_cohorts"), values = follow("return_rate_values"), funnel = follow("return_funnel"), dead = follow("dead_letters_by_reason"), figures = follow("visit_figures"), adjusted = follow("adjusted_now"), anomalies = follow("anomalies_figures");
watchMetrics();

const clock = computed(() => instant(eventTime.value) ?? instant(rows(flow.data.value)[0]?.event_time));

function Flow() {
  const row = rows(flow.data.value)[0], letters = rows(dead.data.value).reduce((n, r) => n + num(r.letters), 0);
  const name = present([visible], "_bucket"), p99 = name ? quantileMs(name, 0.99) : null;
  const perSecond = rate("eddy_fold_events_total"), lag = clock.value == null ? null : now.value - clock.value;
  const items: [string, string, string?][] = [
    ["Events a second", perSecond == null ? "–" : perSecond < 10 ? significant(perSecond) : count(Math.round(perSecond)), "Folded, over the last minute"],
    ["Log to visible, p99", duration(p99), name ? "From the log's receipt of an event to its row in the tables, of the last minute" : "The engine exposes no such histogram"],
    ["Sequence", count(row?.sequence), "The last batch of the log that the tables hold"],
    ["Events applied", count(row?.events)],
    ["Event time behind now", duration(lag), clock.value == null ? undefined : `Event time ${when(clock.value)}`],
  ];
  return <section class="flow" data-card data-query="flow" tabIndex={-1} aria-label="Flow and freshness">
    <dl>{items.map(([label, value, title]) => <div><dt>{label}</dt><dd title={title}><Changing value={value} /></dd></div>)}
      <div><dt>Dead letters</dt><dd><a href="/health#t-dead_letters_by_reason" class={letters ? "watch" : ""}>{letters ? "▲ " : ""}<Changing value={dead.data.value ? count(letters) : "–"} /></a></dd></div>
    </dl>
    {flow.error.value && <Failure problem={flow.error.value} retry={flow.retry} kept={!!row} />}
  </section>;
}

const presets: [string, number][] = [["30 days", 30], ["90 days", 90], ["A year", 365]];
function Range() {
  const to = clock.value ?? Date.now();
  const range = (days: number) => ({ from: dayOf(to - (days - 1) * 86_400_000), to: dayOf(to) });
  const all = !get("from") && !get("to");
  return <form class="bar" aria-label="Range" onSubmit={(e) => e.preventDefault()}>
    <span class="group" role="group" aria-label="Range of days">
      <button type="button" aria-pressed={all} onClick={() => set({ from: null, to: null })}>All</button>
      {presets.map(([label, days]) => { const r = range(days); return <button type="button" aria-pressed={get("from") === r.from && get("to") === r.to} onClick={() => set(r)}>{label}</button>; })}
    </span>
    <label>From <input id="from" type="date" value={get("from")} onChange={(e) => set({ from: e.currentTarget.value })} /></label>
    <label>to <input type="date" value={get("to")} onChange={(e) => set({ to: e.currentTarget.value })} /></label>
  </form>;
}

interface Tile { query: typeof orders; figure: () => [string, string?]; label: string; lines: () => [string, string, string?][] }
const share = (part: number, whole: number) => whole ? percent(part / whole) : "–";
const tiles: Tile[] = [
  {
    query: orders, label: "placed", figure: () => [count(rows(orders.data.value).reduce((n, r) => n + num(r.orders), 0))],
    lines: () => { const all = rows(orders.data.value), n = all.reduce((s, r) => s + num(r.orders), 0);
      return [...all.slice(0, 2).map((r): [string, string, string?] => [`value${all.length > 1 ? ` in ${r.currency}` : ""}`, moneyShort(r.value_minor, String(r.currency)), money(r.value_minor, String(r.currency))]),
        ["cash on delivery", share(all.reduce((s, r) => s + num(r.cod_orders), 0), n)], ["cancelled", count(all.reduce((s, r) => s + num(r.cancelled_orders), 0))]]; },
  },
  {
    query: shipments, label: "manifested", figure: () => [count(rows(shipments.data.value)[0]?.shipments)],
    lines: () => { const r = rows(shipments.data.value)[0] ?? {}; const done = num(r.delivered) + num(r.rto) + num(r.lost_or_damaged);
      return [["on the way", count(r.moving ?? 0)], ["delivered", count(r.delivered ?? 0)], ["back to origin, of finished", share(num(r.rto), done), `${count(r.rto ?? 0)} of ${count(done)} finished forward parcels`]]; },
  },
  {
    query: returns, label: "lines requested", figure: () => [count(rows(returns.data.value)[0]?.lines)],
    lines: () => { const r = rows(returns.data.value)[0] ?? {};
      return [["awaited", count(r.awaited ?? 0)], ["received, to inspect", count(r.to_inspect ?? 0)], ["graded, to restock", count(r.to_restock ?? 0)]]; },
  },
  {
    query: refunds, label: "initiated", figure: () => [count(rows(refunds.data.value).reduce((n, r) => n + num(r.refunds), 0))],
    lines: () => { const all = rows(refunds.data.value);
      return [...all.slice(0, 2).flatMap((r): [string, string, string?][] => { const c = String(r.currency), of = all.length > 1 ? ` in ${c}` : "";
        return [[`issued${of}`, moneyShort(r.issued_minor, c), money(r.issued_minor, c)], [`to pay${of}`, moneyShort(r.pending_minor, c), money(r.pending_minor, c)]]; }),
        ["past their due time", count(all.reduce((n, r) => n + num(r.overdue), 0))]]; },
  },
];

const Figures = () => <div class="tiles">{tiles.map((t) => <Card query={t.query} class="tile" lines={3}>
  <p class="figure"><Changing value={t.figure()[0]} /> <span class="note">{t.label}</span></p>
  <dl class="pairs">{t.lines().map(([label, value, title]) => <div><dt>{label}</dt><dd title={title}><Changing value={value} /></dd></div>)}</dl>
</Card>)}</div>;

const dimensions = [["channel", "Everything"], ["category", "Category"], ["channel", "Channel"], ["state", "State"], ["courier", "Courier"]] as const;
const grainDays: Record<string, number> = { day: 1, week: 7, month: 30.44 };

const points = computed(() => rows(cohorts.data.value).filter((r) => r.cohort != null).map((r) => {
  const at = startOfDay(String(r.cohort).slice(0, 10)) ?? 0, delivered = num(r.delivered), returned = num(r.returned);
  const grain = get("grain") || "week", ends = at + grainDays[grain]! * 86_400_000;
  return { at, delivered, returned, rate: delivered ? returned / delivered : null, interval: wilson(Math.min(returned, delivered), delivered), immature: clock.value != null && ends > clock.value - immatureDays * 86_400_000 };
}));

/** The cohorts with the empty stretches between them, so that no line is drawn across one. */
const plotted = computed(() => points.value.flatMap((p, i, all) => {
  const step = grainDays[get("grain") || "week"]! * 86_400_000, next = all[i + 1];
  return next && next.at - p.at > 1.6 * step ? [p, { ...p, at: p.at + step, delivered: 0, returned: 0, rate: null, interval: null }] : [p];
}));

function ReturnRate() {
  const list = points.value, drawn = plotted.value, grain = get("grain") || "week", first = list.findIndex((p) => p.immature), half = grainDays[grain]! * 43_200_000;
  const chosen = get("dimension"), value = get("value");
  const say = (i: number) => { const p = drawn[i]; if (!p) return "";
    if (!p.delivered) return `from ${day(p.at)}: nothing delivered`;
    return `${grain === "day" ? "" : grain + " of "}${day(p.at)}: ${p.delivered >= fewUnits ? percent(p.rate) : "too few for a point"}, ${count(p.returned)} of ${count(p.delivered)} units, interval ${percent(p.interval?.[0])} to ${percent(p.interval?.[1])}, raw${p.immature ? ", immature" : ""}`; };
  const select = (label: string, key: string, options: readonly (readonly [string, string])[], current: string, change: (v: string) => void) =>
    <label class="inline"><span class="sr">{label}</span><select aria-label={label} data-key={key} value={current} onChange={(e) => change(e.currentTarget.value)}>{options.map(([v, t]) => <option value={v} selected={v === current}>{t}</option>)}</select></label>;
  const tools = <>
    {select("Dimension", "dimension", [["", "Everything"], ...dimensions.slice(1)], chosen, (v) => set({ dimension: v, value: null }))}
    {chosen && select("Value", "value", [["", "all values"], ...rows(values.data.value).map((r) => [String(r.value), words(r.value)] as const)], value, (v) => set({ value: v }))}
    {select("Cohort", "grain", [["day", "by day"], ["week", "by week"], ["month", "by month"]], grain, (v) => set({ grain: v === "week" ? null : v }))}
  </>;
  return <Card query={cohorts} title="Return rate by delivery cohort" class="rate" lines={8} tools={tools}
    note={<>Units requested back of units delivered, by {grain} of delivery{value ? <>, {chosen} <b>{words(value)}</b></> : null}. Bars: 95% interval; below {fewUnits} units no point. Hatched: raw, immature – delivered within {immatureDays} days of event time, returns still to come.{" "}
      {get("from") || get("to") ? <button type="button" class="link" onClick={() => set({ from: null, to: null })}>Show the whole range</button> : "Drag to narrow the page to a range."}</>}
    isEmpty={!list.length} empty={<p class="empty">No cohort yet: it needs <code>shipment.delivered</code> events{value || get("from") ? " within this filter" : ""}.</p>}
    table={() => <Table label="Return rate by delivery cohort" rows={list} cells={[
      { label: "Delivered in", value: (p) => `${day(p.at)}` }, { label: "Delivered", right: true, value: (p) => count(p.delivered) }, { label: "Requested back", right: true, value: (p) => count(p.returned) },
      { label: "Raw rate", right: true, value: (p) => p.delivered < fewUnits ? "–" : percent(p.rate) }, { label: "95% interval", right: true, value: (p) => p.interval ? `${percent(p.interval[0])} – ${percent(p.interval[1])}` : "–" },
      { label: "Maturity", value: (p) => p.immature ? "raw, immature" : "raw, older than 30 days" }]} />}>
    <TimeChart x={drawn.map((p) => p.at / 1000)} time lines={[{ label: "raw", values: drawn.map((p) => p.delivered >= fewUnits ? p.rate : null), muted: true, dash: [5, 4] }]}
      format={(v) => `${significant(Math.round(v * 1000) / 10)}%`} say={say} label="Raw return rate by delivery cohort" height={260}
      band={{ low: drawn.map((p) => p.interval?.[0] ?? null), high: drawn.map((p) => p.interval?.[1] ?? null) }}
      immatureFrom={first < 0 ? undefined : (list[first]!.at - half) / 1000} hidePoint={(i) => (drawn[i]?.delivered ?? 0) < fewUnits}
      brush={(a, b) => set({ from: dayOf(a * 1000), to: dayOf(b * 1000) })} />
    <p class="ends" aria-hidden="true"><span class="dash" /> raw{first >= 0 && <><span class="hatched" /> raw, immature from {dayShort(list[first]!.at)}</>}</p>
  </Card>;
}

function Funnel() {
  const r = rows(funnel.data.value)[0] ?? {}, top = num(r.requested);
  const hours = (v: unknown) => v == null ? null : Number(v) * 3_600_000;
  const steps = (["requested", "received", "inspected", "restocked"] as const).map((step, i, all) => ({ step, n: num(r[step]), before: i ? num(r[all[i - 1]!]) : null, p50: hours(r[`${step}_p50_hours`]), p90: hours(r[`${step}_p90_hours`]) }));
  return <Card query={funnel} class="funnel" note="Return lines requested in the range; young ones have not had time for the later steps. Dwell: time since the step before."
    isEmpty={!top} empty={<p class="empty">No return yet: it needs <code>return.requested</code> events{get("from") ? " within this range" : ""}.</p>}>
    <table class="steps"><thead><tr><th scope="col">Step</th><th scope="col"><span class="sr">Share of requested, as a bar</span></th><th scope="col" class="r">Lines</th><th scope="col" class="r">Of requested</th><th scope="col" class="r">Dwell, median</th><th scope="col" class="r">90%</th></tr></thead>
      <tbody>{steps.map((s) => <tr><th scope="row">{s.step}</th>
        <td class="barcell"><svg viewBox="0 0 100 12" preserveAspectRatio="none" aria-hidden="true"><rect width={top ? 100 * s.n / top : 0} height="12" /></svg></td>
        <td class="r"><Changing value={count(s.n)} /></td><td class="r">{share(s.n, top)}</td><td class="r">{s.before == null ? "" : duration(s.p50)}</td><td class="r">{s.before == null ? "" : duration(s.p90)}</td></tr>)}</tbody></table>
  </Card>;
}

const said: [string, string][] = [["orders", "orders placed"], ["cancelled", "orders cancelled"], ["shipments", "parcels manifested"], ["delivered", "parcels delivered"], ["rto", "parcels sent back to origin"], ["requested", "return lines requested"], ["received", "return lines received"], ["restocked", "return lines restocked"], ["refunds_issued", "refunds issued"], ["dead_letters", "dead letters"]];
const counted = signal(0);
function Since() {
  void counted.value;
  const result = figures.data.value, current = result?.rows.length ? Object.fromEntries(rows(result).map((r) => [String(r.figure), r.n])) as Record<string, unknown> : null;
  const base = current && result ? visit(result.sequence, eventTime.value, current) : null;
  return <Card query={figures} class="since" lines={6} tools={base && <button type="button" class="quiet" onClick={() => { visit.restart(); counted.value++; }}>Count from now</button>}
    note={base ? <>The difference of two sequences: {count(result!.sequence)} now less {count(base.sequence)} on {when(base.at)}.</> : undefined}>
    {base ? <dl class="pairs">{said.map(([key, label]) => { const d = num(current![key]) - num(base.figures[key]);
      return <div class={d ? "" : "nil"}><dt>{label}</dt><dd><Changing value={signed(d)} title={`${count(base.figures[key])} then, ${count(current![key])} now`} /></dd></div>; })}</dl>
      : <p class="empty">This is your first visit in this browser. At the next one, what changed in between stands here.</p>}
  </Card>;
}

function Dead() {
  const by = new Map<string, { reason: string; letters: number; latest: number | null }>();
  for (const r of rows(dead.data.value)) {
    const key = String(r.reason), at = instant(r.latest_at), known = by.get(key);
    by.set(key, { reason: key, letters: num(r.letters) + (known?.letters ?? 0), latest: Math.max(at ?? 0, known?.latest ?? 0) || null });
  }
  const list = [...by.values()].sort((a, b) => b.letters - a.letters);
  return <Card query={dead} class="dead" lines={3} tools={<a class="quiet button" href="/health#t-dead_letters_by_reason">Open</a>} isEmpty={!list.length}
    empty={<p class="empty"><span class="good">✓ None.</span> Everything that came in was valid.</p>}>
    <Table label="Dead letters by reason" rows={list.slice(0, 8)} cells={[{ label: "Reason", value: (r) => <a href={`/health?reason=${encodeURIComponent(r.reason)}`}>{words(r.reason)}</a> }, { label: "Letters", right: true, value: (r) => <Changing value={count(r.letters)} /> }, { label: "Latest", right: true, value: (r) => ago(r.latest, now.value) }]} />
  </Card>;
}

function Adjusted() {
  const r = rows(adjusted.data.value)[0], n = num(r?.delivered);
  return <Card query={adjusted} class="now" lines={3} tools={<a class="quiet button" href="/products">Products</a>} isEmpty={!r} empty={<p class="empty">No day with deliveries has closed yet.</p>}
    note={r && <>Expected final rate of {count(n)} pieces delivered from {day(r.window_start)} to {day(r.window_end)}, units asked back.</>}>
    {r && <><p class="figure">{n >= fewUnits ? <Changing value={percent(num(r.adjusted_rate))} /> : "–"} <span class="note">{percent(num(r.lower))} to {percent(num(r.upper))}, 90% interval</span></p>
      <p class="note">Raw {n >= fewUnits ? percent(num(r.raw_rate)) : "–"} so far, {percent(num(r.maturity))} mature.</p></>}
  </Card>;
}

function Anomalies() {
  const r = rows(anomalies.data.value)[0] ?? {}, standing = num(r.open) + num(r.acknowledged), currency = String(r.currency ?? "");
  return <Card query={anomalies} class="now" lines={3} tools={<a class="quiet button" href="/anomalies">Open</a>} isEmpty={!standing}
    empty={<p class="empty"><span class="good">✓ Nothing beyond chance</span> in {count(num(r.tested) || num(r.slices))} slices tested.</p>}>
    <p class="figure"><a href="/anomalies"><Changing value={count(standing)} /></a> <span class="note" title={money(r.at_stake_minor, currency)}>{moneyShort(r.at_stake_minor, currency)} at stake; {count(num(r.tested))} series tested</span></p>
  </Card>;
}

const Empty = () => <section class="card empty-page" data-card tabIndex={-1}><header><h2>Nothing has come in yet</h2><p class="note">Three commands that bring data; the page fills by itself.</p></header>
  <dl><div><dt>A simulated world</dt><dd><code>eddy simulate</code></dd></div>
    <div><dt>A file of your own or a public set</dt><dd><code>eddy load sales.parquet --mapping amazon_india</code></dd></div>
    <div><dt>One event by hand</dt><dd><code>curl {location.origin}/v1/events {token}-H 'content-type: application/cloudevents+json' -d @event.json</code></dd></div></dl>
</section>;

command({ key: "f", title: "Filter: the range of days", group: "This page", run: () => document.getElementById("from")?.focus() },
  { key: "/", title: "Search commands and queries", group: "This page", run: () => dispatchEvent(new KeyboardEvent("keydown", { key: "k", ctrlKey: true })) },
  { title: "Show the whole range", group: "This page", run: () => set({ from: null, to: null }) });

mount(() => {
  const nothing = flow.data.value && !num(rows(flow.data.value)[0]?.events) && !num(rows(orders.data.value)[0]?.orders);
  return <><div class="title"><h1>Overview</h1><p class="lead">Is everything flowing, and what changed?</p><span class="spring" />{!nothing && <Range />}</div>
    <Flow />
    {nothing ? <Empty /> : <><Figures /><div class="columns"><div><ReturnRate /><Funnel /></div><div><Adjusted /><Anomalies /><Since /><Dead /></div></div></>}</>;
});
