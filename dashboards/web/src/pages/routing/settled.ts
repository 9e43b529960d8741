// The settled parcels and the policies, and what the reader asks of them: stage, policy, threshold, assumptions. Shown by the threshold and by its publication.
import { computed, signal } from "@preact/signals";
import { follow, num, rows } from "../../lib/data";
import { policies, unpublished } from "../../lib/policy";
import { best, binsOf, curve, mainCurrency, type Acting, type Point } from "../../lib/threshold";
import { get, set } from "../../lib/url";

/** Below this no point is shown, and no effect is taken from the decisions. */
export const few = 30;
/** Share of failures that acting is assumed to avert where too few decisions say. */
export const assumed = 0.2;
/** Stages at which a parcel is scored and its end is known; at the second nothing can be done yet. */
export const stages = ["manifested", "out_for_delivery", "attempt_failed"] as const;
export const acting: readonly string[] = ["manifested", "attempt_failed"];

export const scores = follow("settled_scores"), published = follow("routing_policies"), effect = follow("routing_effect");
export const bins = computed(() => binsOf(scores.data.value));
export const known = computed(() => policies(published.data.value));
export const inForce = computed(() => known.value[0] ?? unpublished);
export const policy = computed(() => known.value.find((p) => p.version === get("policy")) ?? inForce.value);
export const stage = computed(() => stages.find((s) => s === get("stage")) ?? "attempt_failed");
export const currency = computed(() => mainCurrency(bins.value));

const typed = (key: string, least: number, most: number): number | null => {
  const text = get(key), value = Number(text);
  return text === "" || !isFinite(value) ? null : Math.min(most, Math.max(least, value));
};

/** What acting does at a stage: as its decisions expect, if there are enough, unless the reader says otherwise. */
export function actingAt(of: string): Acting & { decisions: number; acted: number; told: boolean } {
  const row = rows(effect.data.value).find((r) => r.stage === of), decisions = num(row?.decisions), acted = num(row?.acted);
  const before = num(row?.risk_before), told = acted >= few && before > 0;
  // Over all decisions, so that those which could not be acted on count as nothing averted; the share is taken out again.
  const share = told ? acted / decisions : 1, averts = told ? Math.max(0, (before - num(row?.risk_after)) / before / share) : assumed;
  const averted = typed("averts", 0, 100), cost = typed("cost", 0, 1e6);
  return { share, averts: averted == null ? averts : averted / 100, costMinor: cost == null ? policy.value.numbers.contact_minor : Math.round(cost * 100), decisions, acted, told };
}

export const moved = signal<number | null>(null);
export const own = computed(() => Math.round(policy.value.numbers.threshold * 100));
export const threshold = computed(() => moved.value ?? typed("t", 0, 100) ?? own.value);
addEventListener("popstate", () => { moved.value = null; });
export const settle = (value: number) => { set({ t: value === own.peek() ? null : String(value) }, false); moved.value = null; };

export const pointsOf = (of: string, recentOnly = false): Point[] =>
  curve(bins.value.filter((b) => b.stage === of && (!recentOnly || b.recent)), actingAt(of), policy.value.numbers);
export const points = computed(() => pointsOf(stage.value));
export const top = computed(() => best(points.value));
