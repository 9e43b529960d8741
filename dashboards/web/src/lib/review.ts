// A verdict on an alert, as the engine takes it: only when the alert still stands as the reader saw it. Resolved when the log has it.
import { problemOf, SqlError, text, run, rows } from "./data";
import type { Row } from "./alerts";

export type Verdict = "confirmed" | "dismissed" | "needs_more" | "appealed" | "overturned";
export interface Review { verdict: Verdict; actor: string; reason: string; loss_minor?: number; expected_status: string; expected_updated_at: string }

export async function review(id: string, body: Review): Promise<void> {
  let response: Response;
  try { response = await fetch(`/v1/alerts/${encodeURIComponent(id)}/review`, { method: "POST", headers: { "content-type": "application/json", accept: "application/json" }, body: JSON.stringify(body) }); }
  catch { throw new SqlError({ title: "the engine does not answer", detail: "The engine does not answer; nothing was recorded, and what you wrote is kept. Start it with `eddy up`, then retry.", status: 0 }); }
  if (!response.ok) throw new SqlError(await problemOf(response));
}

/** The alert as it stands now: read anew, whatever the page shows. */
export async function standing(id: string): Promise<Row | null> {
  return rows(await run(`select alert_id, status, actor, reason, updated_at from fraud_alerts where alert_id = ${text(id)}`))[0] ?? null;
}

// What was written and is not yet recorded is kept in this tab, so that neither a failure nor a reload loses it.
const store = (key: string) => `eddy.written.${key}`;
export const written = {
  get: (key: string): string => { try { return sessionStorage.getItem(store(key)) ?? ""; } catch { return ""; } },
  set: (key: string, reason: string): void => { try { reason ? sessionStorage.setItem(store(key), reason) : sessionStorage.removeItem(store(key)); } catch { /* then the page alone keeps it */ } },
};
