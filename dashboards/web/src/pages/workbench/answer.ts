// Runs a text as the reader wrote it and takes the Arrow stream as it comes, up to a stated number of rows and bytes. The page keeps no rows: they go
// to the browser's blob storage in parts, each readable alone, and are read back where they are looked at. All are of one run, so of one sequence.
// Stops the query when the reader does: closing the stream ends it in the engine.
import { tableFromIPC, type Field, type Table } from "@uwdata/flechette";
import { request } from "../../lib/data";

export const rowLimit = 100_000, byteLimit = 64 << 20;
const partRows = 2048, partBytes = 1 << 20;

/** Who ended an answer before its end. */
export type Cut = "limit" | "engine" | "reader";
interface Part { from: number; rows: number; bytes: Blob }
export interface Answer { sql: string; fields: Field[]; parts: Part[]; rows: number; bytes: number; sequence: number; ms: number; cut: Cut | null }

interface Message { end: number; kind: "schema" | "dictionary" | "rows" | "other"; rows: number; dictionary: bigint; delta: boolean }

/** An encapsulated Arrow message (Message.fbs), as far as its place in the stream needs; null while its header is not whole. */
function message(bytes: Uint8Array, at: number): Message | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length - at < 8) return null;
  const size = view.getInt32(at + 4, true), meta = at + 8;
  const found: Message = { end: meta, kind: "other", rows: 0, dictionary: 0n, delta: false };
  if (size === 0) return found;
  if (bytes.length < meta + size) return null;
  // Tables of a flatbuffer: Message has 1 header type, 2 header, 3 body length; RecordBatch 0 rows; DictionaryBatch 0 id, 2 delta.
  const table = (pointer: number) => pointer + view.getUint32(pointer, true);
  const field = (of: number, n: number) => { const vtable = of - view.getInt32(of, true), o = 4 + 2 * n < view.getUint16(vtable, true) ? view.getUint16(vtable + 4 + 2 * n, true) : 0; return o ? of + o : 0; };
  const long = (pointer: number) => pointer ? view.getBigInt64(pointer, true) : 0n;
  const root = table(meta), kindAt = field(root, 1), headerAt = field(root, 2), header = headerAt ? table(headerAt) : 0;
  found.end = meta + size + Number(long(field(root, 3)));
  found.kind = (["other", "schema", "dictionary", "rows"] as const)[kindAt ? view.getUint8(kindAt) : 0] ?? "other";
  if (found.kind === "rows") found.rows = Number(long(field(header, 0)));
  if (found.kind === "dictionary") {
    const deltaAt = field(header, 2);
    found.dictionary = long(field(header, 0));
    found.delta = deltaAt > 0 && view.getUint8(deltaAt) !== 0;
  }
  return found;
}

const decode = (bytes: ArrayBuffer | Uint8Array): Table => tableFromIPC(bytes, { useBigInt: true, useDate: false });

/** Gathers messages into parts. A part begins with the schema and the dictionaries in force. */
class Parts {
  private schema: Uint8Array = new Uint8Array();
  private readonly dictionaries = new Map<bigint, Uint8Array[]>();
  private open: Uint8Array[] = [];
  private openRows = 0;
  private openBytes = 0;
  /** Rows that came, also beyond the limit. */
  rows = 0;
  constructor(private readonly answer: Answer) {}

  add(kind: Message, bytes: Uint8Array): void {
    if (kind.kind === "schema") {
      this.schema = bytes;
      this.answer.fields = decode(bytes).schema.fields;
    } else if (kind.kind === "dictionary") {
      this.close();
      this.dictionaries.set(kind.dictionary, kind.delta ? [...this.dictionaries.get(kind.dictionary) ?? [], bytes] : [bytes]);
    } else if (kind.kind === "rows") {
      this.open.push(bytes);
      this.rows += kind.rows;
      this.openRows += kind.rows;
      this.openBytes += bytes.length;
      // The first rows are wanted at once.
      if (!this.answer.parts.length || this.openRows >= partRows || this.openBytes >= partBytes) this.close();
    }
  }

  close(): void {
    if (!this.openRows) return;
    const { answer } = this, rows = Math.min(this.openRows, rowLimit - answer.rows);
    answer.parts.push({ from: answer.rows, rows, bytes: new Blob([this.schema, ...[...this.dictionaries.values()].flat(), ...this.open] as BlobPart[]) });
    answer.rows += rows;
    this.open = [];
    this.openRows = this.openBytes = 0;
  }
}

export async function ask(sql: string, signal: AbortSignal, came: (answer: Answer) => void): Promise<Answer> {
  const started = performance.now(), stop = new AbortController();
  signal.addEventListener("abort", () => stop.abort(), { once: true });
  const response = await request(sql, "application/vnd.apache.arrow.stream", stop.signal);
  const answer: Answer = { sql, fields: [], parts: [], rows: 0, bytes: 0, sequence: Number(response.headers.get("Eddy-Sequence") ?? 0), ms: 0, cut: null };
  const parts = new Parts(answer), reader = response.body!.getReader();
  let buffer = new Uint8Array(1 << 16), filled = 0;
  const take = (value: Uint8Array): void => {
    if (filled + value.length > buffer.length) {
      const larger = new Uint8Array(Math.max(buffer.length * 2, filled + value.length));
      larger.set(buffer.subarray(0, filled));
      buffer = larger;
    }
    buffer.set(value, filled);
    filled += value.length;
    let at = 0;
    for (let next = message(buffer.subarray(0, filled), at); next && next.end <= filled && !answer.cut; next = message(buffer.subarray(0, filled), at)) {
      const full = parts.rows >= rowLimit || answer.bytes >= byteLimit;
      if (next.rows && (full || parts.rows + next.rows > rowLimit)) answer.cut = "limit";
      if (next.rows && full) return;
      parts.add(next, buffer.slice(at, next.end));
      answer.bytes += next.end - at;
      at = next.end;
    }
    buffer.copyWithin(0, at, filled);
    filled -= at;
  };
  try {
    while (!answer.cut) {
      const { done, value } = await reader.read();
      if (done) break;
      const known = answer.parts.length;
      take(value);
      answer.ms = performance.now() - started;
      if (answer.parts.length > known) came(answer);
    }
    if (answer.cut) stop.abort();
  } catch (e) {
    // Rows that came are good; the answer is only not whole.
    if (!parts.rows) throw e;
    answer.cut = signal.aborted ? "reader" : "engine";
  }
  parts.close();
  answer.ms = performance.now() - started;
  return answer;
}

/** Calls `take` with the rows `from` up to `to`, part by part: the part's table and which of its rows. */
export async function visit(answer: Answer, from: number, to: number, take: (table: Table, row: number, end: number, at: number) => void): Promise<void> {
  for (const part of answer.parts) {
    if (part.from >= to || part.from + part.rows <= from) continue;
    const table = decode(await part.bytes.arrayBuffer());
    take(table, Math.max(0, from - part.from), Math.min(part.rows, to - part.from), part.from);
  }
}
