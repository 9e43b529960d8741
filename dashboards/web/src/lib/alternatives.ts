// The alternatives of a decision, and what would have changed it: each figure is computed from the candidates as they were told, one at a
// time, everything else held as it was.
import { money, percent, words } from "./format";
import type { Policy } from "./policy";

export interface Alternative { action: string; courier: string | null; risk: number; price_minor: number; late_days: number; expected_cost_minor: number; failure_cost_minor?: number; feasible: boolean; rule: string | null }
export interface Decided {
  stage: string; action: string; recommended: boolean; to_courier: string | null; from_courier: string | null;
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
  first || a.action === "none" ? `leave it${a.courier ? ` with ${a.courier}` : " as it is"}` : a.courier ? `${words(a.action)} to ${a.courier}` : words(a.action);

/** Which candidate the decision is for. */
export function chosenOf(list: Alternative[], d: Decided): number {
  if (!d.recommended) return 0;
  const at = list.findIndex((a, i) => i > 0 && a.action === d.action && (d.to_courier == null || a.courier === d.to_courier));
  return Math.max(0, at);
}

export interface Change { what: string; then: string }

/** What a failure was reckoned to cost; where it was not told, from the candidate's other parts. None where it has no risk. */
export const failureOf = (a: Alternative, policy: Policy): number | null => a.failure_cost_minor
  ?? (a.risk > 0 ? (a.expected_cost_minor - a.price_minor - (a.courier ? a.late_days * policy.numbers.late_day_minor : 0)) / a.risk : null);

export function changes(list: Alternative[], d: Decided, policy: Policy): Change[] {
  const stays = list[0], at = chosenOf(list, d), chosen = list[at];
  if (!stays || !chosen) return [];
  const out: Change[] = [], least = policy.numbers.least_gain_minor, say = (minor: number) => money(Math.round(minor), d.currency);
  out.push({ what: `A threshold of ${percent(d.risk_before)} or more, where it was ${percent(policy.numbers.threshold)}`, then: "nothing would have been decided" });
  const others = list.map((a, i) => ({ a, i })).filter(({ i }) => i > 0 && i !== at);
  const feasible = others.filter(({ a }) => a.feasible).sort((x, y) => x.a.expected_cost_minor - y.a.expected_cost_minor);
  if (at > 0) {
    const gain = stays.expected_cost_minor - chosen.expected_cost_minor, spare = gain - least;
    if (spare >= 0) out.push({ what: `${say(spare)} more for ${nameOf(chosen, false)}, or a least gain above ${say(gain)}`, then: "it would have been left as it is" });
    const failure = failureOf(stays, policy), averted = stays.risk - chosen.risk;
    if (failure != null && averted > 1e-6) {
      const even = failure - spare / averted;
      if (even > 0) out.push({ what: `A failure that costs less than ${say(even)}, where it was reckoned at ${say(failure)}`, then: "it would have been left as it is" });
    }
    const next = feasible[0];
    if (next) out.push({ what: `${say(next.a.expected_cost_minor - chosen.expected_cost_minor)} less for ${nameOf(next.a, false)}`, then: "that would have been chosen" });
  } else {
    const next = feasible[0];
    if (next) {
      const gain = stays.expected_cost_minor - next.a.expected_cost_minor;
      if (gain >= least) out.push({ what: "Decisions switched on in the policy", then: `${nameOf(next.a, false)} would have been recommended` });
      else out.push({ what: `${say(least - gain)} less for ${nameOf(next.a, false)}${gain > 0 ? `, or a least gain of ${say(gain)} where it was ${say(least)}` : ""}`, then: "that would have been recommended" });
    }
  }
  for (const { a } of others.filter(({ a }) => !a.feasible && a.expected_cost_minor < chosen.expected_cost_minor - (at > 0 ? 0 : least)).sort((x, y) => x.a.expected_cost_minor - y.a.expected_cost_minor))
    out.push({ what: `Without the rule “${a.rule}”`, then: `${nameOf(a, false)} would have been chosen, ${say(chosen.expected_cost_minor - a.expected_cost_minor)} cheaper by expectation` });
  return out;
}
