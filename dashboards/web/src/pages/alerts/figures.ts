// The figures of alerts by pattern, shown by their card and used by the filters and by audits.
import { computed } from "@preact/signals";
import { follow, num, rows } from "../../lib/data";
import { instant, wilson } from "../../lib/format";

export const health = follow("alerts_health");
export interface Line { pattern: string; waiting: number; loss: number; currency: string; oldest: number | null; decided: number; confirmed: number; interval: [number, number] | null }
export const lines = computed((): Line[] => rows(health.data.value).map((r) => {
  const decided = num(r.decided), confirmed = num(r.confirmed);
  return { pattern: String(r.pattern), waiting: num(r.waiting), loss: num(r.expected_loss_minor), currency: String(r.currency ?? ""), oldest: instant(r.oldest_at), decided, confirmed, interval: wilson(confirmed, decided) };
}));
/** The patterns that there are alerts of. */
export const patterns = computed(() => [...new Set(lines.value.map((l) => l.pattern))].sort());
