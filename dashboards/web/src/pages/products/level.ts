// What the page's rows are, and what is selected of them: both in the address.
import { computed } from "@preact/signals";
import { follow, rows } from "../../lib/data";
import { get, set } from "../../lib/url";

export const levels = [["sku", "SKU"], ["style", "Style"], ["category", "Category"], ["supplier", "Supplier"]] as const;
export const level = (): string => get("level") || "sku";
export const narrowing = ["category", "style", "supplier", "search", "least"] as const;

/** As many as there are series. */
export const most = 5;
/** Below this many pieces delivered the interval is shown and the point is not. */
export const few = 30;
export const marks = computed(() => get("sel").split("|").filter(Boolean));
export const toggle = (value: string): void => {
  const now = marks.peek();
  const next = now.includes(value) ? now.filter((m) => m !== value) : [...now, value].slice(-most);
  set({ sel: next.join("|"), compare: next.length ? get("compare") : null }, false);
};

export const figures = follow("products_figures");
const anomalies = follow("products_anomalies");
const underWay = computed(() => new Map(rows(anomalies.data.value).map((r) => [`${r.dimension} ${r.value}`, String(r.anomaly_id)])));
/** The anomaly under way of a row, or of its style. */
export const anomalyOf = (row: Record<string, unknown>): string | undefined => underWay.value.get(`${level()} ${row.value}`) ?? (level() === "sku" ? underWay.value.get(`style ${row.style}`) : undefined);
