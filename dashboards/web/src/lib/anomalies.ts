// An anomaly as the table tells it: what it is about, what was seen and expected, why, and what else belongs to the case.
import { instant, missing, percent, significant, words } from "./format";

export type Row = Record<string, unknown>;
export interface Cause { dimension: string; value: string; share?: number; factor?: number; evidence?: unknown; observed?: number; expected?: number }
export interface Member { dimension: string; value: string }

const list = <T>(text: unknown): T[] => {
  try { const read = JSON.parse(String(text ?? "[]")) as T[]; return Array.isArray(read) ? read : []; } catch { return []; }
};
export const causesOf = (row: Row): Cause[] => list<Cause>(row.cause);
export const membersOf = (row: Row): Member[] => list<Member>(row.members);

export const dimensions: readonly string[] = ["sku", "style", "style,size", "category", "category,size", "supplier", "seller", "packer", "courier", "courier,zone", "facility", "state", "tender", "payment_mode"];
/** What may shift, and what is counted of it. */
const units: Record<string, string> = { return_rate: "returned", damage: "damaged", inspection_backlog: "not inspected in time", refund_delay: "late", ndr: "failed at first", missing_scans: "silent", missing_refunds: "without a refund" };
export const subjects = Object.keys(units);
export const isRate = (row: Row): boolean => (row.subject ?? "return_rate") === "return_rate";
export const unitOf = (row: Row): string => units[String(row.subject)] ?? "returned";
export const statuses: readonly string[] = ["open", "acknowledged", "snoozed", "dismissed", "merged", "resolved"];
/** The nominal level at which false discoveries are controlled. */
export const nominal = 0.1;

/** A slice in the trade's words: "jeans, size L", "packer P12", "tridentx to zone 4". */
export function sliceOf(dimension: unknown, value: unknown): string {
  const [first = "", ...rest] = String(value ?? "").split(","), second = rest.join(",");
  switch (dimension) {
    case "category": return words(first);
    case "category,size": case "style,size": return `${dimension === "style,size" ? "style " : ""}${words(first)}, size ${second}`;
    case "courier,zone": return `courier ${first} to zone ${second}`;
    case "sku": return `SKU ${String(value)}`;
    case "all": return "everything";
    default: return `${String(dimension ?? "").replaceAll("_", " ")} ${String(value ?? "")}`.trim();
  }
}
export const titleOf = (row: Row): string => { const s = (isRate(row) ? "" : `${words(row.subject)}, `) + sliceOf(row.dimension, row.value); return s.charAt(0).toUpperCase() + s.slice(1) + (row.reason_group == null || row.reason_group === "" ? "" : `, for ${words(row.reason_group)}`); };

/** Observed and expected share of what was delivered since the onset; null below 30 delivered. */
export const ratesOf = (row: Row): { observed: number; expected: number } | null => {
  const n = Number(row.delivered);
  return n >= 30 ? { observed: Number(row.observed) / n, expected: Number(row.expected) / n } : null;
};
const pieces = new Intl.NumberFormat("en-IN", { maximumFractionDigits: 1 });
export const said = (row: Row): string => {
  const r = ratesOf(row);
  return r ? `${percent(r.observed)} where ${percent(r.expected)} was expected` : `${pieces.format(Number(row.observed))} ${unitOf(row)} of ${pieces.format(Number(row.delivered))} where ${pieces.format(Number(row.expected))} were expected`;
};
/** The sentence of the queue. */
export const sentence = (row: Row): string => `${titleOf(row)}: ${said(row)}`;
/** A q-value; below a ten-thousandth no more than that. */
export const qOf = (q: unknown): string => q == null ? missing : Number(q) < 0.0001 ? "< 0.0001" : significant(Number(q));
export const pieceCount = (n: unknown): string => n == null ? "–" : pieces.format(Number(n));

export const evidenceOf = (c: Cause): string => c.evidence == null ? "" : typeof c.evidence === "string" ? c.evidence : typeof c.evidence === "number" ? pieces.format(c.evidence) : JSON.stringify(c.evidence);

export const ageMs = (row: Row, clock: string | null): number | null => {
  const at = instant(row.onset), now = instant(clock);
  return at == null || now == null ? null : Math.max(0, now - at);
};

/** The dimension and value of `return_rates` that show it: with a reason where a pair holds both. */
export function seriesOf(row: Row): { dimension: string; value: string; withReason: boolean } {
  const dimension = String(row.dimension), value = String(row.value), reason = row.reason_group == null ? "" : String(row.reason_group);
  return reason && !dimension.includes(",") ? { dimension: `${dimension},reason_group`, value: `${value},${reason}`, withReason: true } : { dimension, value, withReason: !reason };
}
