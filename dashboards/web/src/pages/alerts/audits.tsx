// Audit samples: returns that no alert names, drawn by the digest of their id. Only they tell what the detectors miss. Which were looked at stands in the log alone.
import { computed, signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { follow, num, rows, SqlError, type Problem, type Query } from "../../lib/data";
import { count, missing, money, percent, significant, when, words } from "../../lib/format";
import { actor, publish } from "../../lib/publish";
import { Card, Failure, Table } from "../../parts/card";
import { workbench } from "../../parts/sqlpanel";
import { patterns } from "./figures";

type Row = Record<string, unknown>;
export const samples = follow("audit_samples");
const log = signal<Query | null>(null);
const readLog = () => { log.value = follow("audits_reviewed", { since: String(Math.min(...rows(samples.data.peek()).map((r) => num(r.sequence)), Infinity) || 0).replace("Infinity", "0") }); };

interface Said { state: "pending" | "recorded" | "failed"; abuse: boolean; problem?: Problem; again?: () => void }
const said = signal<ReadonlyMap<string, Said>>(new Map());
const note = (id: string, it: Said) => { said.value = new Map(said.peek()).set(id, it); };
const looked = computed(() => log.value?.data.value ? new Map(rows(log.value.data.value).map((r) => [String(r.rma_id), r])) : null);
/** Samples nobody looked at; none until the log was read. */
export const due = computed((): number | null => looked.value && samples.data.value ? rows(samples.data.value).filter((r) => !looked.value!.has(String(r.rma_id)) && said.value.get(String(r.rma_id))?.state !== "recorded").length : null);

async function tell(id: string, abuse: boolean, who: string, pattern: string): Promise<void> {
  note(id, { state: "pending", abuse });
  try {
    await publish("audit_sample.reviewed", id, { rma_id: id, actor: who, fraudulent: abuse, ...(abuse && pattern ? { pattern } : {}) });
    note(id, { state: "recorded", abuse });
  } catch (e) {
    note(id, { state: "failed", abuse, again: () => void tell(id, abuse, who, pattern), problem: e instanceof SqlError ? e.problem : { title: "it was not recorded", detail: String(e), status: 0 } });
  }
}

const asking = signal<string>("");
export function AuditDialog() {
  const id = asking.value, dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => { if (id && !dialog.current?.open) dialog.current?.showModal(); }, [id]);
  if (!id) return null;
  const submit = (e: SubmitEvent) => {
    const told = new FormData(e.currentTarget as HTMLFormElement), who = String(told.get("actor")).trim(), verdict = String(told.get("verdict"));
    if (!who) { e.preventDefault(); return; }
    actor.set(who);
    void tell(id, verdict !== "innocent", who, verdict === "other" ? "" : verdict);
  };
  return <dialog ref={dialog} aria-labelledby="audit-title" onClose={() => { asking.value = ""; }}>
    <form method="dialog" class="asks" onSubmit={submit}>
      <header><h2 id="audit-title">Audit of {id}</h2><button type="button" class="quiet" onClick={() => dialog.current?.close()}>Close</button></header>
      <p class="note">Drawn by chance, not suspected. What you find tells how much the detectors miss; it is an event in the log.</p>
      <label>What you found<select name="verdict" required autofocus><option value="innocent">nothing wrong</option>{patterns.value.map((p) => <option value={p}>suspected {words(p)}</option>)}<option value="other">suspected abuse of another kind</option></select></label>
      <label>You, as an opaque key<input name="actor" required maxLength={256} defaultValue={actor.get()} autocomplete="off" /></label>
      <footer><button class="primary" type="submit">Record</button><button type="button" onClick={() => dialog.current?.close()}>Leave it</button></footer>
    </form>
  </dialog>;
}

const state = (id: string) => {
  const mine = said.value.get(id), known = looked.value?.get(id);
  if (mine && mine.state !== "failed") return <span class="note">{mine.state === "pending" ? "○" : "✓"} {mine.abuse ? "suspected" : "nothing wrong"}: {mine.state}</span>;
  if (known) { let abuse = false, who = ""; try { const d = JSON.parse(String(known.data)) as { fraudulent?: boolean; actor?: string }; abuse = d.fraudulent === true; who = d.actor ?? ""; } catch { /* then it says only that it was looked at */ } return <span class="note">✓ {abuse ? "suspected" : "nothing wrong"}, {who}</span>; }
  return <button type="button" class="quiet" onClick={() => { asking.value = id; }}>Look at it…<span class="sr"> {id}</span></button>;
};
const events = (r: Row) => workbench(`select sequence, time, type, subject, data\nfrom events\nwhere subject in ('${String(r.rma_id).replaceAll("'", "''")}', '${String(r.order_id ?? "").replaceAll("'", "''")}')\norder by time, sequence, index`);

export function Audits() {
  const list = rows(samples.data.value), failed = [...said.value].filter(([, s]) => s.problem), read = log.value;
  return <Card query={samples} lines={5} class="audits" note="About 2% of the returns of the last 90 days that show no pattern and that no alert names, drawn by the digest of their id: nobody chooses them. They are not suspected; what is found in them is what the detectors miss."
    tools={read ? <button type="button" class="quiet" onClick={read.retry}>Read the log again</button> : <button type="button" class="quiet" onClick={readLog} disabled={!list.length}>Read the log for those looked at</button>}
    isEmpty={!list.length} empty={<p class="empty">None is drawn: no return without an alert was scored within the last 90 days, or too few were for two in a hundred to be one.</p>}>
    {read?.error.value && <Failure problem={read.error.value} retry={read.retry} kept={!!read.data.value} />}
    {failed.map(([id, s]) => <><p class="note">Audit of {id}:</p><Failure problem={s.problem!} retry={s.again!} kept={false} /></>)}
    <Table label="Audit samples" rows={list} cells={[
      { label: "Return", mono: true, value: (r: Row) => <a href={events(r)} title="Its events, in the workbench">{String(r.rma_id)}</a> }, { label: "Customer", mono: true, value: (r: Row) => String(r.customer_id ?? missing) },
      { label: "Category", value: (r: Row) => String(r.category ?? missing) }, { label: "Reason", value: (r: Row) => words(r.reason) }, { label: "Status", value: (r: Row) => words(r.status) },
      { label: "Refunded", right: true, value: (r: Row) => r.refund_minor == null ? missing : money(r.refund_minor, String(r.currency ?? "")) }, { label: "Score", right: true, value: (r: Row) => percent(Number(r.score)) },
      { label: "Oddness", right: true, value: (r: Row) => r.rarity == null ? missing : `1 in ${significant(1 / Math.max(1e-6, Number(r.rarity)))}`, title: () => "As odd as that among earlier returns" },
      { label: "Scored", value: (r: Row) => when(r.scored_at) }, { label: "Looked at", value: (r: Row) => state(String(r.rma_id)) }]} />
    {list.length === 200 && <p class="note">The first {count(200)} of those drawn.</p>}
  </Card>;
}
