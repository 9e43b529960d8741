// Values of an Arrow column as the grid and the chart show them. Times are shown in the tenant's zone; the CSV keeps UTC.
import type { Field } from "@uwdata/flechette";
import { count, missing, stamp } from "../../lib/format";

// Type ids of the Arrow format (Schema.fbs); negative ones are flechette's own.
const Dictionary = -1, Int = 2, Float = 3, Utf8 = 5, Decimal = 7, DateType = 8, Timestamp = 10, LargeUtf8 = 20, Utf8View = 24;
interface Typed { typeId: number; unit?: number; scale?: number; bitWidth?: number; timezone?: string | null; dictionary?: Typed }
const type = (f: Field): Typed => { const t = f.type as unknown as Typed; return t.typeId === Dictionary ? t.dictionary! : t; };

export const isNumber = (f: Field): boolean => [Int, Float, Decimal].includes(type(f).typeId);
export const isTime = (f: Field): boolean => [DateType, Timestamp].includes(type(f).typeId);
export const isText = (f: Field): boolean => [Utf8, LargeUtf8, Utf8View].includes(type(f).typeId);

/** Times come as milliseconds since the epoch, or as the raw 64-bit count of their unit. */
export function toMs(f: Field, v: unknown): number {
  if (typeof v !== "bigint") return Number(v);
  const t = type(f);
  return t.typeId === DateType ? Number(v) : Number(v) / [0.001, 1, 1000, 1e6][t.unit ?? 1]!;
}

export const typeName = (f: Field): string => {
  const t = type(f).typeId;
  return t === Int ? "integer" : t === Float ? "number" : t === Decimal ? "decimal" : t === DateType ? "date" : t === Timestamp ? "time" : isText(f) ? "text" : t === 6 ? "true/false" : t === 1 ? "nothing" : "nested";
};

const decimals = new Intl.NumberFormat("en-IN", { maximumFractionDigits: 6 });
export function display(f: Field, v: unknown): string {
  if (v == null) return missing;
  const t = type(f).typeId;
  if (t === Int) return count(v);
  if (t === Float || t === Decimal) return decimals.format(Number(v));
  if (t === DateType) return new Date(toMs(f, v)).toISOString().slice(0, 10);
  if (t === Timestamp) return stamp(toMs(f, v));
  if (typeof v === "object") return JSON.stringify(v, (_k, x) => typeof x === "bigint" ? Number(x) : ArrayBuffer.isView(x) ? Array.from(x as unknown as ArrayLike<number>) : x);
  return String(v);
}
