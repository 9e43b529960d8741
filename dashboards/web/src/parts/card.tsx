// A card: one named query, its title, its basis, its states. The frame stands before the rows do; last good rows outlive an error.
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { count } from "../lib/format";
import { frozen } from "../lib/live";
import type { Problem, Query } from "../lib/data";
import { get, search, set } from "../lib/url";
import { openSql } from "./sqlpanel";

export const Skeleton = ({ lines = 4 }: { lines?: number }) => <div class="skeleton" aria-hidden="true">{Array.from({ length: lines }, () => <span />)}</div>;

export const Failure = ({ problem, retry, kept }: { problem: Problem; retry: () => void; kept: boolean }) => <div class="failure" role="alert">
  <p><b aria-hidden="true">✕ </b>{problem.detail || problem.title}</p>
  {kept && <p class="note">What is shown is the last good answer.</p>}
  {problem.status === 401 && <a class="button" href={`/sign-in?next=${encodeURIComponent(`${location.pathname}?${search.value}`)}`}>Sign in</a>} <button type="button" onClick={retry}>Retry</button>
</div>;

export function Card(props: {
  query: Query; title?: string;
  /** Tells cards of one query apart. */
  id?: string; class?: string; note?: ComponentChildren; lines?: number; tools?: ComponentChildren;
  empty?: ComponentChildren; isEmpty?: boolean; table?: () => ComponentChildren; children: ComponentChildren;
}) {
  const { query } = props, data = query.data.value, error = query.error.value;
  const name = query.named.name, id = props.id ?? name, asTable = get(`as.${id}`) === "table";
  const seen = useSignal(false);
  return <section class={`card ${props.class ?? ""}`} data-card data-query={name} tabIndex={-1} aria-labelledby={`t-${id}`} aria-busy={!data && !error} onFocus={() => { seen.value = true; }}>
    <header>
      <h2 id={`t-${id}`}>{props.title ?? query.named.title}</h2>
      <span class="tools">
        {props.tools}
        {props.table && <button type="button" class="quiet" aria-pressed={asTable} onClick={() => set({ [`as.${id}`]: asTable ? null : "table" }, false)}>Table</button>}
        <button type="button" class="quiet" title="The SQL behind this (s)" onClick={() => openSql(name)}>SQL</button>
      </span>
      {props.note && <p class="note">{props.note}</p>}
    </header>
    {error && <Failure problem={error} retry={query.retry} kept={!!data} />}
    {data ? <div class={error ? "kept" : ""}>{props.isEmpty ? props.empty : asTable && props.table ? props.table() : props.children}</div>
      : !error && <Skeleton lines={props.lines} />}
    {data && frozen.value != null && <p class="note frozen-at">as of sequence {count(data.sequence)}</p>}
  </section>;
}

export interface Cell { label: string; right?: boolean; mono?: boolean; value: (row: any, index: number) => ComponentChildren; title?: (row: any) => string }

/** A plain table, for the few rows of a card. Long ones belong in the grid. */
export const Table = ({ rows, cells, label }: { rows: any[]; cells: Cell[]; label: string }) => <div class="scroll" tabIndex={0} role="region" aria-label={`${label}, rows`}>
  <table>
    <thead><tr>{cells.map((c) => <th scope="col" class={c.right ? "r" : ""}>{c.label}</th>)}</tr></thead>
    <tbody>{rows.map((row, i) => <tr>{cells.map((c) => <td class={`${c.right ? "r" : ""} ${c.mono ? "mono" : ""}`} title={c.title?.(row)}>{c.value(row, i)}</td>)}</tr>)}</tbody>
  </table>
</div>;

/** A value that shows for a moment that it changed. The tint starts anew because the key does. */
export const Changing = ({ value, title }: { value: string; title?: string }) => <span class="changing" key={value} title={title}>{value}</span>;
