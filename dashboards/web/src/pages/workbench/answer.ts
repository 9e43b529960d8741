// Runs a text as the reader wrote it and reads the Arrow stream as it comes, up to a stated number of rows and bytes. Stops the query when the reader
// does: closing the stream ends it in the engine.
import { tableFromIPC, type Table } from "@uwdata/flechette";
import { request } from "../../lib/data";

export const rowLimit = 100_000, byteLimit = 64 << 20;

export interface Answer { table: Table; sequence: number; ms: number; firstMs: number; bytes: number; whole: boolean }

/** Offsets of an encapsulated Arrow message: its length as far as known, and its rows when it is a record batch. */
function message(bytes: Uint8Array, at: number): { end: number; rows: number; last: boolean } | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length - at < 8) return null;
  const size = view.getInt32(at + 4, true);
  if (size === 0) return { end: at + 8, rows: 0, last: true };
  const meta = at + 8;
  if (bytes.length < meta + size) return null;
  // Message is a flatbuffer table: field 1 header type, 2 header, 3 body length; RecordBatch (type 3) begins with its row count.
  const root = meta + view.getUint32(meta, true), vtable = root - view.getInt32(root, true);
  const field = (table: number, vt: number, n: number) => { const o = 4 + 2 * n < view.getUint16(vt, true) ? view.getUint16(vt + 4 + 2 * n, true) : 0; return o ? table + o : 0; };
  const bodyAt = field(root, vtable, 3), typeAt = field(root, vtable, 1), headerAt = field(root, vtable, 2);
  const end = meta + size + (bodyAt ? Number(view.getBigInt64(bodyAt, true)) : 0);
  let rows = 0;
  if (typeAt && headerAt && view.getUint8(typeAt) === 3) {
    const header = headerAt + view.getUint32(headerAt, true), lengthAt = field(header, header - view.getInt32(header, true), 0);
    if (lengthAt) rows = Number(view.getBigInt64(lengthAt, true));
  }
  return { end, rows, last: false };
}

export async function ask(sql: string, signal: AbortSignal, progress: (rows: number, bytes: number) => void): Promise<Answer> {
  const started = performance.now();
  const stop = new AbortController();
  signal.addEventListener("abort", () => stop.abort(), { once: true });
  const response = await request(sql, "application/vnd.apache.arrow.stream", stop.signal);
  const reader = response.body!.getReader();
  let buffer = new Uint8Array(1 << 16), filled = 0, at = 0, rows = 0, whole = false, firstMs = 0;
  outer: for (;;) {
    const { done, value } = await reader.read();
    if (done) { whole = true; break; }
    if (!firstMs) firstMs = performance.now() - started;
    if (filled + value.length > buffer.length) {
      const larger = new Uint8Array(Math.max(buffer.length * 2, filled + value.length));
      larger.set(buffer.subarray(0, filled));
      buffer = larger;
    }
    buffer.set(value, filled);
    filled += value.length;
    for (;;) {
      const next = message(buffer.subarray(0, filled), at);
      if (!next || next.end > filled) break;
      at = next.end;
      rows += next.rows;
      progress(rows, filled);
      if (!next.last && (rows >= rowLimit || at >= byteLimit)) { stop.abort(); break outer; }
    }
  }
  const table = tableFromIPC(buffer.slice(0, at), { useBigInt: true, useDate: false });
  return { table, sequence: Number(response.headers.get("Eddy-Sequence") ?? 0), ms: performance.now() - started, firstMs, bytes: at, whole };
}
