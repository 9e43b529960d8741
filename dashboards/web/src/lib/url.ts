// State is the URL: what is filtered, ranged, sorted and open lives in the query string, so that a link reopens the view.
import { signal } from "@preact/signals";

export const search = signal(new URLSearchParams(location.search));
addEventListener("popstate", () => { search.value = new URLSearchParams(location.search); });

const about = location.pathname.match(/^\/(decision|alert|product)s\/([^/]+)$/);
/** The parameter of the queries that the path gives. */
export const subjectKind: string = about?.[1] ?? "";
/** What the page is about, where its path names it: `/decisions/{id}`, `/alerts/{id}`, `/products/{sku}`. */
export const subject: string = (() => {
  const part = about?.[2] ?? "";
  try { return decodeURIComponent(part); } catch { return part; }
})();

export const get = (key: string): string => search.value.get(key) ?? "";

/** Sets keys (empty removes them). `push` makes a step that Back undoes; otherwise the entry is replaced. */
export function set(changes: Record<string, string | null | undefined>, push = true): void {
  const next = new URLSearchParams(search.value);
  for (const [key, value] of Object.entries(changes)) value ? next.set(key, value) : next.delete(key);
  const text = next.toString();
  if (text === search.value.toString()) return;
  const url = location.pathname + (text ? "?" + text : "") + location.hash;
  push ? history.pushState(null, "", url) : history.replaceState(null, "", url);
  search.value = next;
}
