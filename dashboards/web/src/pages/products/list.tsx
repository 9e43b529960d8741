// The list, in windows that the server sorts, with one axis for the intervals of the rows in view. Nothing is chosen by its place: the row is named in the address.
import { computed, signal } from "@preact/signals";
import { follow, num, rows } from "../../lib/data";
import { count, missing, money, percent, points, words } from "../../lib/format";
import { get, set } from "../../lib/url";
import { Windows } from "../../lib/windows";
import { Card } from "../../parts/card";
import { Grid } from "../../parts/grid";
import { axisOf, Interval } from "../../parts/interval";
import { compare } from "./compare";
import { anomalyOf, few, figures, level, levels, marks, most, narrowing, toggle } from "./level";

type Row = Record<string, unknown>;
const list = follow("products"), values = follow("products_values");
const key = (r: Row): string => String(r.value);
const windows = new Windows(list, key);
export const reorder = (): void => windows.reorder();

const view = signal<[number, number]>([0, 40]);
const seen = (first: number, last: number): void => { const [a, b] = view.peek(); if (a !== first || b !== last) view.value = [first, last]; windows.view(first, last); };
const axis = computed(() => {
  void windows.changed.value;
  const inView: Row[] = [];
  for (let i = view.value[0]; i <= view.value[1]; i++) { const row = windows.row(i); if (row) inView.push(row); }
  return axisOf(inView.map((r) => r.propensity_lower == null ? null : { low: num(r.propensity_lower), high: num(r.propensity_upper) }), inView.flatMap((r) => r.peer_rate == null ? [] : [num(r.peer_rate)]));
});

const open = (r: Row): void => {
  if (level() === "sku") location.href = `/products/${encodeURIComponent(key(r))}`;
  else set({ level: null, [level()]: key(r), at: null, sel: null, compare: null });
};
const chosen = (): Row | null => { void windows.changed.peek(); return get("at") ? windows.find(get("at"))?.row ?? null : null; };
export const openChosen = (): void => { const row = chosen(); if (row) open(row); };
export const markChosen = (): void => { const row = chosen(); if (row) toggle(key(row)); };
export const clearMarks = (): void => set({ sel: null, compare: null }, false);

const columns = [
  { label: "✓", width: 40, title: "Selected for comparing (x)" }, { label: "Product", width: 176, sort: "value" },
  { label: "At stake", width: 104, right: true, sort: "at_stake", title: "Lower bound of the excess over the category × value delivered" },
  { label: "Delivered", width: 88, right: true, sort: "delivered", title: "Pieces delivered in the last 90 days" }, { label: "Returned", width: 84, right: true, sort: "returned", title: "Of those asked back until now" },
  { label: "Raw", width: 72, right: true, sort: "raw", title: "Asked back ÷ delivered: too low while returns are still to come" }, { label: "Maturity", width: 112, sort: "maturity", title: "Share of these deliveries' returns that has come" },
  { label: "Adjusted", width: 128, right: true, sort: "adjusted", title: "Expected final share, and the 90% interval in which it will end" },
  { label: "Rate against category", width: 168, title: "Rate over many windows, shrunk by how much is known, with its 90% interval; upright line: the category" }, { label: "Difference", width: 96, right: true, sort: "against", title: "That rate less the category's" },
  { label: "Top reason", width: 148 }, { label: "Trend", width: 84, right: true, sort: "trend", title: "Adjusted rate of the last 28 days less that of the 62 before" }, { label: "To come", width: 84, right: true, sort: "to_come", title: "Pieces still expected back of these deliveries" },
];

const share = (v: unknown): number | null => v == null ? null : Number(v);
const enough = (r: Row): boolean => num(r.delivered) >= few;

function cell(r: Row, column: number) {
  const on = marks.value.includes(key(r));
  switch (column) {
    case 0: return <span class="mark-box" onClick={(e) => { e.stopPropagation(); toggle(key(r)); }}>{on ? "☑" : "☐"}<span class="sr">{on ? "selected" : "not selected"}</span></span>;
    case 1: return <><span class="mono" title={key(r)}>{level() === "sku" ? <a href={`/products/${encodeURIComponent(key(r))}`} tabIndex={-1}>{key(r)}</a> : words(r.value)}</span><span class="note">{[r.category == null || r.category === r.value ? null : words(r.category), r.style == null || r.style === r.value ? null : r.style].filter(Boolean).join(" · ")}{anomalyOf(r) ? <b class="watch"> ▲ anomaly</b> : ""}</span></>;
    case 2: return r.at_stake_minor == null ? missing : num(r.at_stake_minor) > 0 ? <b>{money(Math.round(num(r.at_stake_minor) / 100) * 100, String(r.currency ?? ""))}</b> : <span class="missing" title="Not surely above its category">none surely</span>;
    case 3: return count(r.delivered);
    case 4: return count(r.returned);
    case 5: return enough(r) ? percent(share(r.raw_rate)) : <span class="missing" title={`Below ${few} delivered no point is shown`}>{missing}</span>;
    case 6: return <span class="ranged"><svg class="mature" width="48" height="8" viewBox="0 0 48 8" aria-hidden="true"><rect class="whole" width="48" height="8" /><rect width={48 * Math.min(1, num(r.maturity))} height="8" /></svg>{percent(share(r.maturity)).replace(/\.\d%$/, "%")}</span>;
    case 7: return <><span>{enough(r) ? percent(share(r.adjusted_rate)) : missing}</span><span class="note">{percent(share(r.lower))} to {percent(share(r.upper))}</span></>;
    case 8: return r.propensity_lower == null ? missing : <><Interval low={num(r.propensity_lower)} high={num(r.propensity_upper)} at={enough(r) ? share(r.propensity) : null} usual={num(r.peer_rate)} axis={axis.value} /><span class="note">{percent(share(r.propensity_lower))} to {percent(share(r.propensity_upper))}</span></>;
    case 9: return <><span>{enough(r) && r.propensity != null && r.peer_rate != null ? points(num(r.propensity) - num(r.peer_rate)) : missing}</span><span class="note">of {percent(share(r.peer_rate))}</span></>;
    case 10: return r.top_reason == null ? missing : <><span>{words(r.top_reason)}</span><span class="note">{percent(share(r.top_reason_share))} of returns</span></>;
    case 11: return enough(r) ? points(share(r.trend)) : missing;
    default: return r.to_come == null ? missing : count(Math.round(num(r.to_come)));
  }
}

const sortBy = (column: number): void => {
  const sort = columns[column]?.sort;
  if (!sort) return;
  const now = get("sort") || "at_stake", down = get("way") !== "up";
  set({ sort: sort === "at_stake" ? null : sort, way: (sort === now ? down : sort === "value") ? "up" : null });
};

const Pick = ({ name, all }: { name: "category" | "supplier"; all: string }) => <select data-key={name} aria-label={words(name)} value={get(name)} onChange={(e) => set({ [name]: e.currentTarget.value, at: null })}>
  <option value="" selected={!get(name)}>{all}</option>
  {[...new Set([...rows(values.data.value).filter((r) => r.dimension === name).map((r) => String(r.value)), ...(get(name) ? [get(name)] : [])])].map((v) => <option value={v} selected={v === get(name)}>{words(v)}</option>)}</select>;

export function List() {
  void windows.changed.value;
  const first = rows(list.data.value).length, known = rows(figures.data.value)[0]?.products, n = Math.max(first, first < 200 ? first : num(known)), narrowed = narrowing.filter((k) => get(k));
  const moved = windows.moved(), found = get("at") ? windows.find(get("at")) : null, mine = marks.value, sort = get("sort") || "at_stake", at = columns.findIndex((c) => c.sort === sort);
  const clear = () => set(Object.fromEntries([...narrowing, "at"].map((k) => [k, null])));
  return <Card query={list} title="Products, by what is surely at stake" lines={10} class="queue alerts products"
    note={<>Default order: the <b>lower</b> bound of the excess over the category times the value delivered, so that small samples do not lead. Below {few} pieces delivered the interval is shown and the point is not. Intervals share one axis, {percent(Math.max(0, axis.value.from))} to {percent(axis.value.to)}, fitted to the rows in view. <kbd>o</kbd> sorts by the column you are in.</>}>
    <div class="bar">
      <span class="group" role="group" aria-label="Rows are">{levels.map(([id, title]) => <button type="button" aria-pressed={level() === id} onClick={() => set({ level: id === "sku" ? null : id, at: null, sel: null, compare: null, style: null })}>{title}</button>)}</span>
      <label>Part of a name <input id="products-search" type="search" value={get("search")} onChange={(e) => set({ search: e.currentTarget.value.trim(), at: null })} /></label>
      {level() !== "supplier" && <Pick name="category" all="every category" />}{level() === "sku" && <Pick name="supplier" all="every supplier" />}
      <label>at least <input class="short" data-key="least" type="number" min="0" step="10" aria-label="Least pieces delivered" value={get("least")} onChange={(e) => set({ least: e.currentTarget.value, at: null })} /> delivered</label>
      {get("style") && <span class="chosen">style <b>{get("style")}</b></span>}
      {narrowed.length > 0 && <button type="button" class="quiet" onClick={clear}>Take the filters off</button>}
      <span class="spring" />
      {moved > 0 && <button type="button" onClick={reorder}>{count(moved)} rows would move <kbd>r</kbd></button>}
    </div>
    <div class="bar verbs">
      {mine.length ? <span class="chosen"><b>{mine.join(", ")}</b> selected</span> : <span>Select up to {most} rows with <kbd>x</kbd>, then compare them at equal age.</span>}
      <button type="button" class="primary" disabled={!mine.length} onClick={compare}>Compare <kbd>c</kbd></button>
      {mine.length > 0 && <button type="button" class="quiet" onClick={clearMarks}>Take the selection off</button>}
      {found && <button type="button" onClick={() => open(found.row)}>Open {key(found.row)} <kbd>Enter</kbd></button>}
    </div>
    {n ? <Grid id="products" label="Products" columns={columns} count={n} height={640} rowHeight={48} selected={found?.at} sort={at < 0 ? null : { column: at, down: get("way") !== "up" }}
      cell={(r, c) => { const row = windows.row(r); return row ? cell(row, c) : c === 1 ? <span class="missing">…</span> : ""; }} onView={seen} onSort={sortBy}
      onRow={(r) => { const row = windows.row(r); if (row) set({ at: key(row) }, false); }} onMove={(r) => { const row = windows.row(r); if (row) set({ at: key(row) }, false); }} onEnter={(r) => { const row = windows.row(r); if (row) open(row); }} />
      : <p class="empty">{narrowed.length ? <>Nothing passes the filter: {narrowed.map((k) => `${k === "least" ? "at least" : k} ${words(get(k))}`).join(", ")}. <button type="button" class="link" onClick={clear}>Take it off</button>.</>
        : <>No day with deliveries has closed yet: rates need <code>shipment.delivered</code> events and a day that is over. <code>eddy simulate --orders 20000</code> brings a world with some.</>}</p>}
  </Card>;
}
