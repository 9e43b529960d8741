// The SQL behind a card: its text with the parameters bound, to run in the workbench or to copy.
import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { csv, queries, type Query } from "../lib/data";
import { get, set } from "../lib/url";
import { shell } from "../lib/shell";

const quote = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
/** The token itself is not known here. */
export const token = shell.guarded ? '-H "authorization: Bearer $EDDY_TOKEN" ' : "";
export const copies: { name: string; of: (sql: string) => string }[] = [
  { name: "eddy sql", of: (sql) => `eddy sql ${location.host === "127.0.0.1:8080" ? "" : `--http ${location.host} `}${quote(sql)}` },
  { name: "psql", of: (sql) => { const [host, port] = (shell.pg ?? "127.0.0.1:5433").split(":"); return `psql -h ${host} -p ${port} -U eddy -d eddy -c ${quote(sql)}`; } },
  { name: "curl", of: (sql) => `curl -s ${location.origin}/v1/sql ${token}-H 'content-type: application/json' -d ${quote(JSON.stringify({ sql }))}` },
];

export const copied = signal("");
export async function copy(text: string, name: string): Promise<void> {
  try { await navigator.clipboard.writeText(text); }
  catch {
    const area = document.createElement("textarea");
    area.value = text;
    (document.querySelector("dialog[open]") ?? document.body).append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  copied.value = `copied as ${name}`;
  setTimeout(() => { copied.value = ""; }, 3000);
}

export const CopyButtons = ({ sql }: { sql: string }) => <span class="copies">
  {copies.map((c) => <button type="button" class="quiet" onClick={() => copy(c.of(sql), c.name)}>Copy as {c.name}</button>)}
  <span class="note" role="status">{copied}</span>
</span>;

export const workbench = (sql: string) => `/sql?q=${encodeURIComponent(sql)}`;

/** Opens the SQL of a card: which one is open is in the URL. */
export const openSql = (name: string) => set({ panel: `sql:${name}` });

export function SqlPanel() {
  const name = get("panel").startsWith("sql:") ? get("panel").slice(4) : "";
  const query: Query | undefined = queries().find((q) => q.named.name === name);
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const d = dialog.current;
    if (d && query && !d.open) d.showModal();
  }, [query]);
  if (!query) return null;
  return <dialog ref={dialog} class="wide" aria-labelledby="sql-title" onClose={() => set({ panel: null })}>
    <header><h2 id="sql-title">{query.named.title}</h2><button type="button" class="quiet" onClick={() => dialog.current?.close()}>Close</button></header>
    {query.named.note && <p class="note">{query.named.note}.</p>}
    <pre class="sql" tabIndex={0} aria-label="SQL">{query.sql}</pre>
    <footer><a class="button" href={workbench(query.sql.value)}>Run in the workbench</a><button type="button" onClick={() => void csv(query.sql.value, name).catch(() => { copied.value = "the export failed; run it in the workbench to see why"; })}>CSV of all</button><CopyButtons sql={query.sql.value} /></footer>
  </dialog>;
}
