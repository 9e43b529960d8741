// The case as one timeline, the words people spoke on the alert, and the pack of both for somebody else to check. All of it stands in the log alone.
import { useSignal } from "@preact/signals";
import type { Row } from "../../lib/alerts";
import { SqlError, type Problem } from "../../lib/data";
import { count, duration, missing, stamp, when, words } from "../../lib/format";
import { sequence } from "../../lib/live";
import { check, download, pack, type Pack } from "../../lib/pack";
import { bodyOf, isReview, says, timeline, type Entry, type Told } from "../../lib/timeline";
import { Card, Failure, Table } from "../../parts/card";
import { copied, copy, workbench } from "../../parts/sqlpanel";
import { events, log, readLog, whole } from "./case";

const limit = 500;
const at = (t: Told) => workbench(`select sequence, index, time, type, subject, source, data\nfrom events\nwhere sequence = ${t.sequence} and index = ${t.index}`);

const Ask = ({ id, title }: { id: string; title: string }) => <section class="card" data-card tabIndex={-1} aria-labelledby={`t-${id}`}><header><h2 id={`t-${id}`}>{title}</h2>
  <p class="note">It stands in the log alone, which is long here: {count(sequence.value)} batches are read for it.</p></header><button type="button" onClick={readLog}>Read the log</button></section>;

export function Timeline({ row }: { row: Row }) {
  const query = log.value;
  if (!query) return <Ask id="timeline" title="Timeline" />;
  const list = (events.value ?? []).filter((t) => !isReview(t)), lines = timeline(list, String(row.currency ?? ""), duration, whole.value), weights = lines.flatMap((l) => l.kind === "event" ? bodyOf(l.told).weight_g == null ? [] : [l] : []);
  return <Card query={query} id="timeline" title="Timeline" lines={8} class="story" tools={<button type="button" class="quiet" onClick={query.retry}>Read again</button>}
    note={<>Order, parcel, return, inspection, refund and claims, {whole.value ? "as far as the log names whom it is about" : "of this order and return"}. ◆ marks evidence. Silences of {whole.value ? "two weeks" : "two days"} and more{whole.value ? "" : ", and steps that a later one presumes,"} are shown as gaps.{list.length >= limit && ` The first ${count(limit)} events.`}</>}
    isEmpty={!list.length} empty={<p class="empty">The log has no event of this case any more.</p>}
    table={() => <Table label="Timeline" rows={lines.filter((l): l is Entry => l.kind === "event")} cells={[{ label: "Time", value: (l: Entry) => stamp(l.told.time).slice(0, 16) }, { label: "Event", mono: true, value: (l: Entry) => l.told.type.replace(/^eddy\./, "") }, { label: "Subject", mono: true, value: (l: Entry) => l.told.subject },
      { label: "What it says", value: (l: Entry) => <span class="wrap">{l.says.join(", ") || missing}</span> }, { label: "Evidence", value: (l: Entry) => l.told.evidence ? "◆ yes" : "no" }, { label: "Source", mono: true, value: (l: Entry) => l.told.source }, { label: "Sequence", right: true, value: (l: Entry) => count(l.told.sequence) }]} />}>
    {weights.length > 1 && !whole.value && <p class="note">Weights on the way: {weights.map((l, i) => <>{i > 0 && " → "}<b>{count(bodyOf((l as Entry).told).weight_g)} g</b> {(l as Entry).what}</>)}</p>}
    <ol class="timeline" tabIndex={0} aria-label="Timeline">{lines.map((l) => l.kind === "gap" ? <li class="gap"><span aria-hidden="true">┆ </span>{l.says}</li>
      : <li class={l.told.evidence ? "shows" : ""}><time dateTime={l.told.time} title={stamp(l.told.time)}>{when(l.told.time)}</time><span><b>{l.told.evidence && <span aria-hidden="true">◆ </span>}{l.what}</b>{l.told.evidence && <span class="sr"> (evidence)</span>} <span class="mono subject">{l.told.subject}</span>{l.says.length > 0 && <span class="says">{l.says.join(" · ")}</span>}</span><a href={at(l.told)} class="note" title={`Event ${l.told.id} of ${l.told.source}`}><span class="sr">Event at sequence </span>{count(l.told.sequence)}</a></li>)}</ol>
  </Card>;
}

export function History() {
  const query = log.value;
  if (!query) return null;
  const list = (events.value ?? []).filter(isReview);
  return <Card query={query} id="history" title="History" lines={3} class="history" note="What people said of it, as the log has it. A word is corrected by a further one; none is erased."
    isEmpty={!list.length} empty={<p class="empty">Nobody has said anything of it yet.</p>}>
    <Table label="History" rows={list} cells={[{ label: "Time", value: (t: Told) => when(t.time) }, { label: "What", value: (t: Told) => words(bodyOf(t).verdict ?? t.type.replace(/^eddy\.alert\./, "")) }, { label: "Actor", mono: true, value: (t: Told) => String(bodyOf(t).actor ?? missing) },
      { label: "Reason and loss", value: (t: Told) => { const { verdict, actor, ...rest } = bodyOf(t); return <span class="wrap">{says(rest, "").join(", ") || missing}</span>; } }, { label: "Sequence", right: true, value: (t: Told) => <a href={at(t)}>{count(t.sequence)}</a> }]} />
  </Card>;
}

export function EvidencePack({ row }: { row: Row }) {
  const made = useSignal<Pack | null>(null), problem = useSignal<Problem | null>(null), query = log.value, list = events.value;
  if (!query) return null;
  const make = async () => {
    problem.value = null;
    try {
      const it = await pack(row, list ?? [], query.data.peek()?.sequence ?? 0, query.sql.peek());
      made.value = it;
      download(it.file, it.text);
    } catch (e) { problem.value = e instanceof SqlError ? e.problem : { title: "no pack", detail: String(e), status: 0 }; }
  };
  return <Card query={query} id="pack" title="Evidence pack" lines={3} class="pack" note="Every event of the case as one line, as the log holds it, with the digest of those lines. Made in this browser; nothing leaves it."
    isEmpty={!list?.length} empty={<p class="empty">There is no event to pack.</p>}>
    <p><button type="button" onClick={() => void make()}>Download the pack: {count(list?.length)} events</button></p>
    {problem.value && <Failure problem={problem.value} retry={() => void make()} kept={false} />}
    {made.value && <p class="digest" role="status">SHA-256 <code>{made.value.digest}</code> of {count(made.value.lines)} lines, in <span class="mono">{made.value.file}</span></p>}
    <p class="note">Anybody can compute it again:</p><pre class="sql" tabIndex={0} aria-label="How to check the digest">{check.replace("FILE", made.value?.file ?? "alert-….json")}</pre>
    <p class="note">It must print the member <code>sha256</code> of the file. The lines themselves can be taken from the log again with the query in its member <code>sql</code>. <button type="button" class="quiet" onClick={() => void copy(check.replace("FILE", made.value?.file ?? "alert.json"), "a command")}>Copy the command</button> <span role="status">{copied}</span></p>
  </Card>;
}
