// The policy of routing: the numbers that a decision rests on, as `policy.published` tells them in the member `ndr` of its body.
import { instant } from "./format";
import { rows } from "./data";
import type { Result } from "./shell";

/** What a publication leaves out is as here; the engine has the same numbers. Money in minor units, spans in hours. */
const usual = {
  enabled: true, threshold: 0.8, failure_cost_minor: 12_000, failure_share: 0.05, late_day_minor: 1_500, contact_minor: 500,
  attempt_minor: 2_000, wait_day_minor: 1_500, divert_minor: 2_000, failure_weight: 2.5, least_gain_minor: 1_000, cooldown_hours: 24, valid_hours: 12, exploration: 0,
};
export type Numbers = typeof usual;
export interface Policy { version: string; subject: string; publishedAt: number | null; body: Record<string, unknown>; numbers: Numbers }

export const unpublished: Policy = { version: "default", subject: "routing", publishedAt: null, body: {}, numbers: usual };

/** The numbers of a body; none when the engine would refuse it. */
function numbersOf(said: unknown): Numbers | null {
  if (typeof said !== "object" || said === null || Array.isArray(said)) return null;
  const known = Object.entries(said).every(([key, value]) => key in usual && typeof value === typeof usual[key as keyof Numbers]);
  const numbers = { ...usual, ...said }, share = (v: number) => v >= 0 && v <= 1;
  return known && share(numbers.threshold) && share(numbers.exploration) && numbers.failure_weight >= 1 && numbers.failure_weight <= 10 ? numbers : null;
}

/** Readable policies, the one in force first; last what held before any was published. */
export function policies(result: Result | null): Policy[] {
  const published = rows(result).flatMap((row): Policy[] => {
    try {
      const body = JSON.parse(String(row.body)) as Record<string, unknown>, numbers = numbersOf(body.ndr);
      return numbers ? [{ version: String(row.version), subject: String(row.subject), publishedAt: instant(row.published_at), body, numbers }] : [];
    } catch { return []; }
  });
  return [...published, unpublished];
}

/** The body that changes the threshold alone: what else it says, of routing or of other things, stays as it is. */
export const withThreshold = (policy: Policy, threshold: number): Record<string, unknown> =>
  ({ ...policy.body, ndr: { ...(policy.body.ndr as Record<string, unknown> | undefined), threshold } });
