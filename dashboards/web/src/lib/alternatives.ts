// The alternatives of a decision, and what would have changed it: each figure is computed from the candidates as they were told, one at a
// time, everything else held as it was.
import { money, percent, words } from "./format";
import type { Policy } from "./policy";

export interface Alternative { action: string; courier: string | null; hub?: string | null; risk: number; price_minor: number; late_days: number; expected_cost_minor: number; failure_cost_minor?: number; feasible: boolean; rule: string | null }
export interface Decided {
  stage: string; action: string; recommended: boolean; to_courier: string | null; to_hub?: string | null; from_courier: string | null;
  risk_before: number; expected_gain_minor: number; currency: string;
}

/** The candidates; the first is to leave it as it is. */
export function alternatives(text: unknown): Alternative[] {
  try {
    const list = JSON.parse(String(text ?? "[]")) as Alternative[];
    return Array.isArray(list) ? list : [];
  } catch { return []; }
}

export const nameOf = (a: Alternative, first: boolean): string =>
  a.action === "divert_hub" && a.hub ? `send it to ${a.hub}` : first || a.action === "none" ? `leave it${a.courier ? ` with ${a.courier}` : " as it is"}` : a.courier ? `${words(a.action)} to ${a.courier}` : words(a.action);

/** Which candidate the decision is for. */
export function chosenOf(list: Alternative[], d: Decided): number {
  if (!d.recommended) return 0;
  const at = list.findIndex((a, i) => i > 0 && a.action === d.action && (d.to_courier == null || a.courier === d.to_courier) && (d.to_hub == null || a.hub === d.to_hub));
  return Math.max(0, at);
}

export interface Change { what: string; then: string }

/** What a failure was reckoned to cost; where it was not told, from the candidate's other parts. None where it has no risk. */
export const failureOf = (a: Alternative, policy: Policy): number | null => a.failure_cost_minor
  ?? (a.risk > 0 ? (a.expected_cost_minor - a.price_minor - (a.courier ? a.late_days * policy.numbers.late_day_minor : 0)) / a.risk : null);

/** What the choice went by: the expected cost, with what a failure weighs beyond its own. */
export const weighedOf = (a: Alternative, policy: Policy): number => a.expected_cost_minor + (policy.numbers.failure_weight - 1) * a.risk * (failureOf(a, policy) ?? 0);

export function changes(list: Alternative[], d: Decided, policy: Policy): Change[] {
  const stays = list[0], at = chosenOf(list, d), chosen = list[at];
  if (!stays || !chosen) return [];
  const out: Change[] = [], least = policy.numbers.least_gain_minor, say = (minor: number) => money(Math.round(minor), d.currency);
  // What is above the threshold was decided about for that; a return on its way to an overloaded hub is whatever its risk.
  if (d.risk_before > policy.numbers.threshold) out.push({ what: `A threshold of ${percent(d.risk_before)} or more, where it was ${percent(policy.numbers.threshold)}`, then: "nothing would have been decided" });
  const others = list.map((a, i) => ({ a, i })).filter(({ i }) => i > 0 && i !== at);
  const weighed = (a: Alternative) => weighedOf(a, policy), gainOf = (a: Alternative) => stays.expected_cost_minor - a.expected_cost_minor;
  // By how much one would have to cost less to be chosen: less than what was chosen with failures weighed, and worth a change.
  const lack = (a: Alternative) => Math.max(at > 0 ? weighed(a) - weighed(chosen) : -Infinity, least - gainOf(a));
  const feasible = others.filter(({ a }) => a.feasible).sort((x, y) => Math.max(0, lack(x.a)) - Math.max(0, lack(y.a)) || weighed(x.a) - weighed(y.a));
  if (at > 0) {
    const gain = gainOf(chosen), spare = gain - least, left = "it would have been left as it is";
    // Another that is worth a change would have come before leaving it.
    const second = feasible.filter(({ a }) => gainOf(a) >= least).sort((x, y) => weighed(x.a) - weighed(y.a))[0]?.a;
    if (second && weighed(second) >= weighed(chosen)) out.push({ what: `${say(Math.min(weighed(second) - weighed(chosen), spare))} more for ${nameOf(chosen, false)}`, then: `${nameOf(second, false)} would have been chosen` });
    else if (!second && spare >= 0) out.push({ what: `${say(spare)} more for ${nameOf(chosen, false)}`, then: left });
    const most = Math.max(gain, second ? Math.max(...feasible.map(({ a }) => gainOf(a))) : gain);
    if (spare >= 0) out.push({ what: `A least gain above ${say(most)}, where it was ${say(least)}`, then: left });
    const failure = failureOf(stays, policy), averted = stays.risk - chosen.risk;
    if (failure != null && averted > 1e-6) {
      const even = failure - spare / averted;
      if (even > 0) out.push({ what: `A failure that costs less than ${say(even)}, where it was reckoned at ${say(failure)}`, then: second ? `${nameOf(chosen, false)} would not have been worth it` : left });
    }
    const next = feasible[0];
    if (next) out.push({ what: `${say(lack(next.a))} less for ${nameOf(next.a, false)}`, then: "that would have been chosen" });
  } else {
    const next = feasible[0];
    if (next) {
      const gain = gainOf(next.a);
      if (gain >= least) out.push({ what: "Decisions switched on in the policy", then: `${nameOf(next.a, false)} would have been recommended` });
      else out.push({ what: `${say(least - gain)} less for ${nameOf(next.a, false)}${gain > 0 ? `, or a least gain of ${say(gain)} where it was ${say(least)}` : ""}`, then: "that would have been recommended" });
    }
  }
  for (const { a } of others.filter(({ a }) => !a.feasible && lack(a) < 0).sort((x, y) => weighed(x.a) - weighed(y.a))) {
    const spared = chosen.expected_cost_minor - a.expected_cost_minor;
    out.push({ what: `Without the rule “${a.rule}”`, then: `${nameOf(a, false)} would have been chosen, ${spared > 0 ? `${say(spared)} cheaper by expectation` : `at a risk of ${percent(a.risk)}`}` });
  }
  return out;
}
