// An alert as the table tells it: evidence, the innocent explanations looked for, and where it stands. What is read here was written by the detectors.
import { instant, words } from "./format";

export interface Evidence { says: string; source?: string; id?: string }
export interface Counter { looked_for: string; found: boolean; says: string }
export type Row = Record<string, unknown>;

const list = <T>(text: unknown): T[] => {
  try { const read = JSON.parse(String(text ?? "[]")) as T[]; return Array.isArray(read) ? read : []; } catch { return []; }
};
export const evidenceOf = (row: Row): Evidence[] => list<Evidence>(row.evidence);

/** Whether an innocent explanation lays it on the courier, the warehouse or the shop: those are looked at before a customer is named. */
export const elsewhere = (c: Counter): boolean => /courier|warehouse|mis-?scan|facility|proof of delivery|serial capture|the shop|another buyer|split parcels|retry duplicate|late order/i.test(c.looked_for);

/** The explanations looked for, faults of courier, warehouse and shop first, then those that were found. */
export const counterOf = (row: Row): Counter[] => list<Counter>(row.counter_evidence).map((c, i) => ({ c, i }))
  .sort((a, b) => Number(elsewhere(b.c)) - Number(elsewhere(a.c)) || Number(b.c.found) - Number(a.c.found) || a.i - b.i).map(({ c }) => c);

export const counterLine = (c: Counter): string => `${c.found ? "Found" : "Not found"}: ${c.looked_for}${c.says ? ` – ${c.says}` : ""}`;

/** Statuses in which somebody is still to decide. */
export const waiting: readonly string[] = ["open", "assigned", "needs_more", "appealed"];
export const statuses: readonly string[] = [...waiting, "confirmed", "dismissed", "overturned", "cleared", "expired"];
export const kinds: readonly string[] = ["return", "customer", "claim", "order", "ring", "courier_agent", "employee"];

/** What would be lost if it is so: the table holds probability times that. */
export function atStake(row: Row): number {
  const score = Number(row.score), loss = Number(row.expected_loss_minor);
  if (!(score > 0)) return 0;
  // The product was rounded: among the amounts that give it, the round one.
  const raw = loss / score, round = Math.round(raw / 100) * 100;
  return Math.abs(round - raw) <= 0.5 / score ? round : Math.round(raw);
}

/** Whoever has it: the actor spoke last, and has it while it is assigned. */
export const assignee = (row: Row): string => row.status === "assigned" && row.actor != null ? String(row.actor) : "";

/** Whether it is about somebody who works with parcels or refunds: then the customer of the case is not meant. */
export const ofStaff = (row: Row): boolean => row.subject_kind === "courier_agent" || row.subject_kind === "employee";
/** Whom it names: never more than an opaque key. */
export const named = (row: Row): string => String((ofStaff(row) ? row.agent : row.customer_id) ?? row.subject_id ?? "");

export const ageMs = (row: Row, clock: string | null): number | null => {
  const at = instant(row.raised_at), now = instant(clock);
  return at == null || now == null ? null : Math.max(0, now - at);
};

/** What came of it, as a sentence: who did what. */
export const lastWord = (row: Row): string => `${row.actor == null || row.actor === "" ? "The engine" : String(row.actor)} ${row.status === "open" ? "raised it" : row.status === "assigned" ? "took it" : row.status === "needs_more" ? "asked for more" : words(row.status) + (row.status === "expired" ? "" : " it")}${row.reason == null || row.reason === "" ? "" : `: “${String(row.reason)}”`}`;
