// What the server put into the page: the named queries, and the rows of those that were quick enough. Nothing is fetched here.

export interface Column { name: string; type: string }
export interface Result { columns: Column[]; rows: unknown[][]; sequence: number; elapsed_ms: number; sql?: string }
export interface NamedQuery {
  name: string; title: string; note?: string | null; role?: string | null;
  reads: string[]; params: Record<string, string>; sql: string;
}
export interface Shell {
  page: "overview" | "products" | "product" | "anomalies" | "routing" | "decision" | "alerts" | "alert" | "health" | "workbench";
  zone: string;
  queries: NamedQuery[];
  results: Record<string, Result>;
  sequence: number;
  event_time: string | null;
  limits: { seconds: number; memory_bytes: number };
  pg?: string | null;
  guarded?: boolean;
  /** Where the live feed stood before the rows were read. */
  feed?: string;
}

const element = document.getElementById("eddy-page");
export const shell: Shell = JSON.parse(element?.textContent ?? "{}");
/** Browsers hide the attribute and leave the property. */
export const nonce: string = (document.querySelector("style") as HTMLStyleElement | null)?.nonce ?? "";
export const workerUrl: string = element?.dataset.worker ?? "";

export function named(name: string): NamedQuery {
  const query = shell.queries.find((q) => q.name === name);
  if (!query) throw new Error(`the page carries no query named ${name}`);
  return query;
}
