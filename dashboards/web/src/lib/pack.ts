// The evidence pack: the events of a case as lines that anybody can take from the log again, and the SHA-256 digest of those lines. Made in the browser.
import { SqlError } from "./data";
import type { Told } from "./timeline";

/** One event as one line: members by the alphabet, the data as the log holds it. */
export const line = (t: Told): string => `{"data":${t.data},"id":${JSON.stringify(t.id)},"index":${t.index},"sequence":${t.sequence},"source":${JSON.stringify(t.source)},"subject":${JSON.stringify(t.subject ?? "")},"time":${JSON.stringify(t.time)},"type":${JSON.stringify(t.type)}}`;

export const check = "jq -r '.lines[]' FILE | sha256sum";

export async function sha256(text: string): Promise<string> {
  if (!crypto.subtle) throw new SqlError({ title: "no digest", detail: "This browser computes digests over HTTPS and on loopback only: open the page there to make the pack.", status: 0 });
  const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return [...new Uint8Array(bytes)].map((b) => b.toString(16).padStart(2, "0")).join("");
}

export interface Pack { file: string; text: string; digest: string; lines: number }

/** Lines in the order of the log, each ended by a newline: what `jq -r` prints. */
export async function pack(alert: Record<string, unknown>, told: Told[], sequence: number, sql: string): Promise<Pack> {
  const lines = [...told].sort((a, b) => a.sequence - b.sequence || a.index - b.index).map(line), digest = await sha256(lines.map((l) => l + "\n").join(""));
  const body = { alert, as_of_sequence: sequence, sha256: digest, check, sql, evidence: told.filter((t) => t.evidence).map((t) => ({ source: t.source, id: t.id, sequence: t.sequence, index: t.index })), lines };
  return { file: `alert-${String(alert.alert_id)}-${digest.slice(0, 12)}.json`, text: JSON.stringify(body, null, 1) + "\n", digest, lines: lines.length };
}

export function download(file: string, text: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  link.download = file;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
