// What shows it and what speaks against it, in two equal columns. An explanation that was looked for and not found is told like one that was.
import { counterOf, elsewhere, evidenceOf, type Counter, type Row } from "../lib/alerts";

const Against = ({ list, title }: { list: Counter[]; title: string }) => list.length ? <><h4>{title}</h4>
  <ul>{list.map((c) => <li><b class={c.found ? "good" : ""}><span aria-hidden="true">{c.found ? "● " : "○ "}</span>{c.found ? "Found" : "Not found"}: {c.looked_for}</b>{c.says && <span class="says">{c.says}</span>}</li>)}</ul></> : null;

export function Evidence({ row, of }: { row: Row; of?: (source: string | undefined, id: string) => string | null }) {
  const shows = evidenceOf(row), against = counterOf(row);
  return <div class="two">
    <div><h3>Evidence</h3>
      {shows.length ? <ul>{shows.map((e) => { const href = e.id ? of?.(e.source, e.id) : null; return <li><span class="says">{e.says}</span>{e.id && <span class="note mono">{href ? <a href={href}>{e.id}</a> : e.id}{e.source && ` · ${e.source}`}</span>}</li>; })}</ul> : <p class="empty">The alert was told without evidence.</p>}</div>
    <div><h3>Counter-evidence</h3>
      {against.length ? <><Against list={against.filter(elsewhere)} title="Courier, warehouse or shop at fault" /><Against list={against.filter((c) => !elsewhere(c))} title="An innocent reason" /></>
        : <p class="empty">No innocent explanation was looked for: weigh the evidence accordingly.</p>}</div>
  </div>;
}
