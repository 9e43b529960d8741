// Tells the log what a reader did, as an event like any other. Resolved when the log has it: then it is recorded.
import { problemOf, SqlError } from "./data";
import { instant } from "./format";
import { eventTime } from "./live";

const day = 86_400_000;

/** When it was done. In a world that is not lived now (a backfill, a simulation) it is done in that world's time, just after its latest event: an instant of today would end everything that is open in it. */
export function doneAt(): number {
  const clock = instant(eventTime.peek()), now = Date.now();
  return clock == null || Math.abs(now - clock) < day ? now : clock + 1;
}

const token = (): string => [...crypto.getRandomValues(new Uint8Array(12))].map((b) => b.toString(16).padStart(2, "0")).join("");

export async function publish(type: string, subject: string, data: Record<string, unknown>): Promise<void> {
  const event = { specversion: "1.0", id: `page-${token()}`, source: "urn:eddy:pages", type: `eddy.${type}`, subject, time: new Date(doneAt()).toISOString(), datacontenttype: "application/json", data };
  let response: Response;
  try { response = await fetch("/v1/events", { method: "POST", headers: { "content-type": "application/cloudevents+json" }, body: JSON.stringify(event) }); }
  catch { throw new SqlError({ title: "the engine does not answer", detail: "The engine does not answer; nothing was recorded. Start it with `eddy up`, then retry.", status: 0 }); }
  if (!response.ok) throw new SqlError(await problemOf(response));
  const { rejected } = await response.json() as { rejected?: { field?: string; reason?: string }[] };
  const refused = rejected?.[0];
  if (refused) throw new SqlError({ title: "refused", detail: `The engine refused it: ${[refused.field, refused.reason].filter(Boolean).join(": ")}.`, status: 422 });
}

/** SHA-256 of a value's JSON, where the browser computes it (over HTTPS and on loopback). */
export async function digest(value: unknown): Promise<string> {
  if (!crypto.subtle) throw new SqlError({ title: "no digest", detail: "This browser computes digests over HTTPS and on loopback only: open the page there to publish.", status: 0 });
  const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(JSON.stringify(value)));
  return "sha256:" + [...new Uint8Array(bytes)].map((b) => b.toString(16).padStart(2, "0")).join("");
}

const store = "eddy.actor";
/** Who acts, as the reader last said in this browser; part of what is told when it is known. */
export const actor = {
  get: (): string => { try { return localStorage.getItem(store) ?? ""; } catch { return ""; } },
  set: (name: string): void => { try { name ? localStorage.setItem(store, name) : localStorage.removeItem(store); } catch { /* then it is asked again */ } },
};
