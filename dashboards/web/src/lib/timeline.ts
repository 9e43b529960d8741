// One timeline of an order and its return: events in order, what each says in words, the silences between them, and the steps that were never told.
import { instant, money, words } from "./format";

export interface Told { sequence: number; index: number; time: string; source: string; id: string; type: string; subject: string; data: string; evidence: boolean }
export interface Entry { kind: "event"; told: Told; at: number; what: string; says: string[] }
export interface Gap { kind: "gap"; says: string; at: number }

export const bodyOf = (told: Told): Record<string, unknown> => {
  try { const d = JSON.parse(told.data) as unknown; return d && typeof d === "object" ? d as Record<string, unknown> : {}; } catch { return {}; }
};
export const isReview = (told: Told): boolean => told.type.startsWith("eddy.alert.");

const grams = new Intl.NumberFormat("en-IN");
const proof = (p: unknown): string => p && typeof p === "object" ? "proof: " + Object.entries(p).filter(([, v]) => v != null).map(([k, v]) => `${k === "otp" || k === "gps" ? k.toUpperCase() : k} ${v === true ? "✓" : v === false ? "✗" : String(v)}`).join(", ") : "";

/** What an event says, in words: weights and proofs first. */
export function says(data: Record<string, unknown>, currency: string): string[] {
  const d = data as Record<string, any>, cash = (v: unknown) => money(v, String(d.currency ?? currency)), out: string[] = [];
  const add = (condition: unknown, text: () => string) => { if (condition != null && condition !== "" && condition !== false) out.push(text()); };
  add(d.weight_g, () => `${grams.format(d.weight_g)} g`);
  add(d.proof, () => proof(d.proof));
  add(d.leg, () => `${words(d.leg)} leg`);
  add(d.courier, () => String(d.courier));
  add(d.match, () => words(d.match));
  add(d.grade, () => `grade ${d.grade}`);
  add(d.worn === true, () => "worn");
  add(d.tags_present === false, () => "tags missing");
  add(d.packaging, () => `packaging ${words(d.packaging)}`);
  add(d.defects?.length, () => `defects: ${(d.defects as string[]).map(words).join(", ")}`);
  add(d.kind, () => words(d.kind));
  add(d.amount_minor, () => cash(d.amount_minor));
  add(d.tender, () => `to ${words(d.tender)}`);
  add(d.ndr_reason, () => words(d.ndr_reason));
  add(d.agent, () => `agent ${d.agent}`);
  add(d.facility ?? d.hub, () => `at ${d.facility ?? d.hub}`);
  add(d.disposition, () => words(d.disposition));
  add(d.payment_mode, () => words(d.payment_mode));
  if (Array.isArray(d.lines)) for (const l of (d.lines as Record<string, any>[]).slice(0, 4)) out.push([`${l.qty ?? 1} × ${l.sku ?? l.line_id ?? ""}`, l.reason && words(l.reason), l.serial && `serial ${l.serial}`].filter(Boolean).join(", "));
  add(d.fraudulent, () => "suspected");
  add(d.fraudulent === false, () => "nothing wrong");
  add(d.verdict, () => words(d.verdict));
  add(d.outcome, () => words(d.outcome));
  add(d.loss_minor, () => `loss ${cash(d.loss_minor)}`);
  add(d.actor, () => `by ${d.actor}`);
  add(d.reason, () => `“${d.reason}”`);
  return out;
}

export const what = (type: string): string => words(type.replace(/^eddy\./, "").replace(".", ": "));

/** Steps of which a later one tells that an earlier one should have been told. */
const steps: { type: RegExp; leg?: string; name: string }[] = [
  { type: /^eddy\.order\.placed$/, name: "the order" }, { type: /^eddy\.shipment\.manifested$/, leg: "forward", name: "the parcel to the buyer" }, { type: /^eddy\.shipment\.delivered$/, leg: "forward", name: "the delivery" },
  { type: /^eddy\.return\.requested$/, name: "the request" }, { type: /^eddy\.(return\.picked_up|shipment\.picked_up)$/, leg: "reverse", name: "the pickup from the buyer" }, { type: /^eddy\.return\.received$/, name: "the receipt of the goods" },
  { type: /^eddy\.return\.(re)?inspected$/, name: "the inspection" }, { type: /^eddy\.refund\.(initiated|issued)$/, name: "the refund" },
];
/** Silence that is a gap: in the story of one return, and in that of a person. */
const silence = { case: 2 * 86_400_000, person: 14 * 86_400_000 };

/** Events of the case in order, with silences of two days and more (of a person, of two weeks), and with steps that a later one presumes and nobody told. */
export function timeline(list: Told[], currency: string, days: (ms: number) => string, person = false): (Entry | Gap)[] {
  const legs = new Map<string, string>();
  for (const t of list) if (t.type === "eddy.shipment.manifested") legs.set(t.subject, String(bodyOf(t).leg ?? "forward"));
  const stepOf = (t: Told): number => steps.findIndex((s) => s.type.test(t.type) && (!s.leg || t.type.startsWith("eddy.return.") || (legs.get(t.subject) ?? "forward") === s.leg));
  const have = new Set(list.map(stepOf)), cases = new Set(list.flatMap((t) => { const d = bodyOf(t); return d.rma_id == null ? [] : [String(d.rma_id)]; }));
  const inStore = list.some((t) => t.type === "eddy.return.requested" && ["in_store", "drop_off", "keep"].includes(String(bodyOf(t).method)));
  const out: (Entry | Gap)[] = [], missed = new Set<number>();
  let before: number | null = null;
  for (const t of list) {
    const at = instant(t.time) ?? 0, step = stepOf(t);
    // With several returns the steps cannot be told apart; then only silences are shown.
    if (step > 0 && !person && cases.size <= 1) for (let s = 0; s < step; s++) {
      // A refund presumes the goods, and goods the request; what stands before the request presumes nothing of the return.
      if (have.has(s) || missed.has(s) || (s === 4 && inStore) || (s < 3 && step >= 3 && !list.some((x) => stepOf(x) < 3 && stepOf(x) >= 0))) continue;
      missed.add(s);
      out.push({ kind: "gap", at, says: `Not told: ${steps[s]!.name}` });
    }
    if (before != null && at - before >= (person ? silence.person : silence.case)) out.push({ kind: "gap", at, says: `${days(at - before)} without a word` });
    before = at;
    out.push({ kind: "event", told: t, at, what: what(t.type), says: says(bodyOf(t), currency) });
  }
  return out;
}
