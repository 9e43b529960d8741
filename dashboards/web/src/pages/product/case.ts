// The product the page is about, with what is known of it, of its style and of its category.
import { computed } from "@preact/signals";
import { differences } from "../../lib/differs";
import { follow, num, rows } from "../../lib/data";

/** Below this many pieces delivered the interval is shown and the point is not. */
export const few = 30;
export const product = follow("product"), differs = follow("product_differs");

export interface Level { delivered: number; returned: number; raw: number; maturity: number; adjusted: number; low: number; high: number; propensity: number; from: number; to: number; peer: number | null; excess: number | null; atStake: number | null; trend: number | null; reason: string; reasonShare: number | null; since: unknown; until: unknown }
const levelOf = (dimension: string) => computed((): Level | null => {
  const r = rows(product.data.value).find((x) => x.dimension === dimension);
  const maybe = (v: unknown): number | null => v == null ? null : Number(v);
  return r ? { delivered: num(r.delivered), returned: num(r.returned), raw: num(r.raw_rate), maturity: num(r.maturity), adjusted: num(r.adjusted_rate), low: num(r.lower), high: num(r.upper), propensity: num(r.propensity), from: num(r.propensity_lower), to: num(r.propensity_upper),
    peer: maybe(r.peer_rate), excess: maybe(r.excess_lower), atStake: maybe(r.at_stake_minor), trend: maybe(r.trend), reason: String(r.top_reason ?? ""), reasonShare: maybe(r.top_reason_share), since: r.window_start, until: r.window_end } : null;
});
export const own = levelOf("sku"), style = levelOf("style"), category = levelOf("category");
export const record = computed(() => rows(product.data.value)[0] ?? null);

export const compared = computed(() => differences(rows(differs.data.value).map((r) => ({ dimension: String(r.dimension), value: String(r.value), ownN: num(r.own_n), ownK: num(r.own_k), restN: num(r.rest_n), restK: num(r.rest_k) }))));
