// Numbers, money and times as the tenant reads them: en-IN grouping, minor units until the last step, the tenant's zone.
import { shell } from "./shell";

export const zone: string = shell.zone || "Asia/Kolkata";
export const missing = "–";

const whole = new Intl.NumberFormat("en-IN");
const one = new Intl.NumberFormat("en-IN", { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const three = new Intl.NumberFormat("en-IN", { maximumSignificantDigits: 3 });

export const count = (n: unknown): string => n == null || n === "" ? missing : whole.format(typeof n === "bigint" ? n : Number(n));
export const significant = (n: number): string => three.format(n);

/** A signed difference, with a true minus sign; zero is 0. */
export const signed = (n: number): string => n === 0 ? "0" : (n > 0 ? "+" : "−") + whole.format(Math.abs(n));
export const percent = (share: number | null | undefined): string => share == null || !isFinite(share) ? missing : one.format(share * 100) + "%";

/** A signed difference of shares, in points. */
export const points = (difference: number | null | undefined): string => difference == null || !isFinite(difference) ? missing : `${difference > 0 ? "+" : difference < 0 ? "−" : ""}${one.format(Math.abs(difference) * 100)} pt`;
/** A ratio, as in "2.1×". */
export const times = (ratio: number | null | undefined): string => ratio == null || !isFinite(ratio) ? missing : `${one.format(ratio)}×`;

const digits = new Map<string, number>();
/** Decimal places of a currency. */
export function exponent(currency: string): number {
  if (!digits.has(currency)) {
    let n = 2;
    try { n = new Intl.NumberFormat("en", { style: "currency", currency }).resolvedOptions().maximumFractionDigits ?? 2; } catch { /* an unknown code keeps two places */ }
    digits.set(currency, n);
  }
  return digits.get(currency)!;
}

/** Exact money from integer minor units. */
export function money(minor: unknown, currency: string): string {
  if (minor == null) return missing;
  const places = exponent(currency), value = Number(minor) / 10 ** places;
  const options = { minimumFractionDigits: Number.isInteger(value) ? 0 : places, maximumFractionDigits: places };
  try { return new Intl.NumberFormat("en-IN", { style: "currency", currency, ...options }).format(value); }
  catch { return new Intl.NumberFormat("en-IN", options).format(value) + (currency ? " " + currency : ""); }
}

/** Money on a tile: lakh and crore for INR, compact for others. The exact figure belongs in the title. */
export function moneyShort(minor: unknown, currency: string): string {
  if (minor == null) return missing;
  const value = Number(minor) / 10 ** exponent(currency), size = Math.abs(value), sign = value < 0 ? "−" : "";
  if (currency === "INR" && size >= 1e7) return `${sign}₹${one.format(size / 1e7)}Cr`;
  if (currency === "INR" && size >= 1e5) return `${sign}₹${one.format(size / 1e5)}L`;
  if (size < 1e5) return money(Math.round(value) * 10 ** exponent(currency), currency);
  try { return new Intl.NumberFormat("en", { style: "currency", currency, notation: "compact", maximumFractionDigits: 1 }).format(value); }
  catch { return new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 }).format(value) + (currency ? " " + currency : ""); }
}

/** Milliseconds since the epoch of what SQL gives: an ISO text (UTC when it names no zone), a number of ms, or a Date. */
export function instant(value: unknown): number | null {
  if (value == null || value === "") return null;
  if (typeof value === "number") return value;
  if (value instanceof Date) return value.getTime();
  let text = String(value).trim().replace(" ", "T");
  if (/^\d{4}-\d\d-\d\d$/.test(text)) text += "T00:00:00Z";
  else if (!/(Z|[+-]\d\d:?\d\d)$/i.test(text)) text += "Z";
  const ms = Date.parse(text.replace(/(\.\d{3})\d+/, "$1"));
  return Number.isNaN(ms) ? null : ms;
}

const inZone = (options: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat("en-GB", { timeZone: zone, hourCycle: "h23", ...options });
const moment = inZone({ day: "2-digit", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" });
const clock = inZone({ hour: "2-digit", minute: "2-digit", second: "2-digit" });
const calendar = inZone({ day: "numeric", month: "short", year: "numeric" });
const shortDay = inZone({ day: "numeric", month: "short" });
const parts = inZone({ year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3 } as Intl.DateTimeFormatOptions);

export const zoneName: string = zone === "Asia/Kolkata" ? "IST"
  : new Intl.DateTimeFormat("en-IN", { timeZone: zone, timeZoneName: "short" }).formatToParts(new Date()).find((p) => p.type === "timeZoneName")?.value ?? zone;

const say = (format: Intl.DateTimeFormat) => (value: unknown): string => { const ms = instant(value); return ms == null ? missing : format.format(ms).replace("Sept", "Sep"); };
export const when = say(moment);
export const day = say(calendar);
export const dayShort = say(shortDay);
export const timeOfDay = say(clock);

/** A sortable stamp in the tenant's zone, for tables of instants. */
export function stamp(value: unknown): string {
  const ms = instant(value);
  if (ms == null) return missing;
  const p = Object.fromEntries(parts.formatToParts(ms).map((x) => [x.type, x.value]));
  const fraction = p.fractionalSecond && p.fractionalSecond !== "000" ? "." + p.fractionalSecond : "";
  return `${p.year}-${p.month}-${p.day} ${p.hour}:${p.minute}:${p.second}${fraction}`;
}

/** The tenant's calendar day of an instant, as YYYY-MM-DD. */
export const dayOf = (ms: number): string => stamp(ms).slice(0, 10);

/** How far the tenant's clock is ahead of UTC at an instant. */
const ahead = (ms: number): number => Date.parse(stamp(ms).slice(0, 19).replace(" ", "T") + "Z") - ms;

/** The instant at which a day of the tenant's zone begins. */
export function startOfDay(iso: string, plusDays = 0): number | null {
  const utc = Date.parse(iso + "T00:00:00Z");
  if (Number.isNaN(utc)) return null;
  const midnight = utc + plusDays * 86_400_000;
  // The clock may change between midnight in UTC and the tenant's own: what counts is how it stands at the latter.
  return midnight - ahead(midnight - ahead(midnight));
}

/** A duration in its two largest fitting words: "8.2 ms", "14 s", "3 h 20 min", "4.2 y". */
export function duration(ms: number | null | undefined): string {
  if (ms == null || !isFinite(ms)) return missing;
  const size = Math.abs(ms), sign = ms < 0 ? "−" : "";
  if (size === 0) return "0 ms";
  if (size < 1) return sign + significant(size * 1000) + " µs";
  if (size < 1000) return sign + significant(size) + " ms";
  if (size < 60_000) return sign + significant(size / 1000) + " s";
  if (size < 3_600_000) return sign + Math.round(size / 60_000) + " min";
  if (size < 172_800_000) { const m = Math.round(size / 60_000), h = Math.floor(m / 60); return `${sign}${h < 10 ? h : Math.round(m / 60)} h${h < 10 && m % 60 ? ` ${m % 60} min` : ""}`; }
  if (size < 730 * 86_400_000) return sign + one.format(size / 86_400_000).replace(/\.0$/, "") + " days";
  return sign + one.format(size / (365.25 * 86_400_000)) + " years";
}

/** "4 min ago" under an hour, the moment beyond it. */
export function ago(value: unknown, now = Date.now()): string {
  const ms = instant(value);
  if (ms == null) return missing;
  const age = now - ms;
  return age >= 0 && age < 3_600_000 ? (age < 1000 ? "now" : age < 60_000 ? `${Math.round(age / 1000)} s ago` : `${Math.round(age / 60_000)} min ago`) : when(ms);
}

/** The 95% Wilson score interval of k of n (E. B. Wilson, 1927). */
export function wilson(k: number, n: number): [number, number] | null {
  if (!(n > 0)) return null;
  const z = 1.959964, p = k / n, d = 1 + z * z / n, mid = p + z * z / (2 * n);
  const half = z * Math.sqrt(p * (1 - p) / n + z * z / (4 * n * n));
  return [Math.max(0, (mid - half) / d), Math.min(1, (mid + half) / d)];
}

/** The trade's words for the words of the tables. */
export const words = (code: unknown): string => code == null || code === "" ? missing : String(code).replaceAll("_", " ");
