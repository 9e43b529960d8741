// The catalogue beside the editor: tables and views with their columns, types, comments and row counts. A click puts a name at the cursor.
import { computed, signal } from "@preact/signals";
import { count } from "../../lib/format";
import { follow, rows } from "../../lib/data";
import { Failure, Skeleton } from "../../parts/card";

export interface SchemaColumn { name: string; type: string; comment: string }
export interface SchemaTable { name: string; kind: string; comment: string; rows: number | null; columns: SchemaColumn[] }

const tables = follow("catalogue_tables"), columns = follow("catalogue_columns");
const text = (v: unknown) => v == null ? "" : String(v);
const full = (schema: unknown, name: unknown) => (!schema || ["public", "eddy"].includes(String(schema)) ? "" : `${schema}.`) + text(name);

export const catalogue = computed<SchemaTable[]>(() => {
  const by = new Map<string, SchemaTable>();
  for (const r of rows(tables.data.value)) {
    const name = full(r.table_schema ?? r.schema, r.table_name ?? r.name ?? r.table), n = r.rows ?? r.row_count;
    by.set(name, { name, kind: text(r.kind ?? r.table_type ?? r.type).toLowerCase().includes("view") ? "view" : "table", comment: text(r.comment), rows: n == null ? null : Number(n), columns: [] });
  }
  for (const r of rows(columns.data.value)) {
    const name = full(r.table_schema ?? r.schema, r.table_name ?? r.table);
    if (!by.has(name)) by.set(name, { name, kind: "table", comment: "", rows: null, columns: [] });
    by.get(name)!.columns.push({ name: text(r.column_name ?? r.column ?? r.name), type: plainType(text(r.data_type ?? r.type)), comment: text(r.comment).replace(/\.$/, "") });
  }
  return [...by.values()].sort((a, b) => Number(a.name.includes(".")) - Number(b.name.includes(".")) || a.name.localeCompare(b.name));
});

/** Arrow's names of types, as a reader says them. */
export function plainType(type: string): string {
  const t = type.toLowerCase();
  if (/^timestamp/.test(t)) return "time";
  if (/^date/.test(t)) return "date";
  if (/utf8|string|varchar|text/.test(t)) return "text";
  if (/^u?int|^bigint|^integer|^smallint/.test(t)) return "integer";
  if (/^float|^double|^real/.test(t)) return "number";
  if (/^decimal|^numeric/.test(t)) return "decimal";
  if (/^bool/.test(t)) return "true/false";
  return type;
}

const wanted = signal("");
export function Schema({ insert }: { insert: (name: string) => void }) {
  const want = wanted.value.toLowerCase();
  const shown = catalogue.value.map((t) => ({ t, columns: want && !t.name.includes(want) ? t.columns.filter((c) => c.name.toLowerCase().includes(want)) : t.columns })).filter(({ t, columns: c }) => !want || t.name.includes(want) || c.length);
  const error = columns.error.value ?? tables.error.value;
  return <>
    <label class="note">Search tables and columns<input id="schema-search" type="search" value={wanted.value} onInput={(e) => { wanted.value = e.currentTarget.value; }} /></label>
    {error && <Failure problem={error} retry={() => { tables.retry(); columns.retry(); }} kept={catalogue.value.length > 0} />}
    {!catalogue.value.length && !error && (columns.data.value ? <p class="empty">The catalogue is empty.</p> : <Skeleton lines={8} />)}
    <ul class="schema">{shown.map(({ t, columns: list }) => <li key={t.name}><details open={!!want && list.length < 60 && shown.length < 8 || undefined}>
      <summary title={t.comment}><code>{t.name}</code> <span class="note">{t.kind === "view" ? "view" : t.rows == null ? "" : count(t.rows)}</span></summary>
      {t.comment && <p class="note">{t.comment}</p>}
      <ul>{list.map((c) => <li key={c.name}><button type="button" class="quiet" title={c.comment ? `${c.comment}. Put at the cursor` : "Put at the cursor"} onClick={() => insert(c.name)}><code>{c.name}</code><span class="note">{c.type}</span></button>{c.comment && <p class="note">{c.comment}</p>}</li>)}</ul>
    </details></li>)}</ul>
    {want && !shown.length && <p class="empty">No table or column of that name.</p>}
  </>;
}
