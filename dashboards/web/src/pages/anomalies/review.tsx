// What a reader says of an anomaly: acknowledged, dismissed with a reason, held until it grows by a quarter, merged into another, or a note. An event each,
// pending at once and recorded when the log has it. A mistake is corrected by a further word, never erased.
import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { sentence, titleOf, type Row } from "../../lib/anomalies";
import { SqlError, type Problem } from "../../lib/data";
import { actor, publish } from "../../lib/publish";
import { written } from "../../lib/review";
import { Failure } from "../../parts/card";

export type Word = "acknowledged" | "dismissed" | "snoozed" | "merged" | "note";
export interface Told { word: Word; state: "pending" | "recorded" | "failed"; problem?: Problem; again?: () => void }
export const done: Record<Word, string> = { acknowledged: "acknowledged", dismissed: "dismissed", snoozed: "held", merged: "merged", note: "noted" };
const doing: Record<Word, string> = { acknowledged: "Acknowledge", dismissed: "Dismiss", snoozed: "Hold", merged: "Merge", note: "Note on" };
const meaning: Record<Word, string> = {
  acknowledged: "Somebody looks after it. It stays in the queue until the rate is back or it is dismissed.", dismissed: "It is no news, or not real. It leaves the queue.",
  snoozed: "It leaves the queue until its excess has grown by a quarter.", merged: "It is the same thing as another case and goes on there.", note: "A note on the anomaly, for whoever comes next.",
};

/** What this page said of each anomaly. */
export const told = signal<ReadonlyMap<string, Told>>(new Map());
const note = (id: string, it: Told) => { told.value = new Map(told.peek()).set(id, it); };
/** Counts what was recorded, so that the page reads again. */
export const settled = signal(0);

interface Words { actor: string; reason: string; into?: string }
async function tell(id: string, word: Word, said: Words): Promise<void> {
  note(id, { word, state: "pending" });
  try {
    if (word === "note") await publish("note.added", id, { about: id, actor: said.actor, text: said.reason });
    else await publish("anomaly.reviewed", id, { anomaly_id: id, actor: said.actor, verdict: word, ...(said.reason ? { reason: said.reason } : {}), ...(said.into ? { into: said.into } : {}) });
    note(id, { word, state: "recorded" });
    written.set(`anomaly.${id}`, "");
    settled.value++;
  } catch (e) {
    note(id, { word, state: "failed", again: () => void tell(id, word, said), problem: e instanceof SqlError ? e.problem : { title: "it was not recorded", detail: String(e), status: 0 } });
  }
}

const asked = signal<{ row: Row; word: Word; others: Row[] } | null>(null);
/** Says it at once where nothing has to be asked; else opens the dialog. */
export function ask(row: Row, word: Word, others: Row[]): void {
  const who = actor.get();
  if (who && (word === "acknowledged" || word === "snoozed")) void tell(String(row.anomaly_id), word, { actor: who, reason: "" });
  else asked.value = { row, word, others };
}

/** What became of it, in words. Keeps what went wrong in view until it is mended. */
export function Said({ id, what }: { id: string; what: string }) {
  const it = told.value.get(id);
  if (!it) return null;
  if (it.state === "failed") return <><Failure problem={it.problem!} retry={it.again!} kept={false} /><p class="note said">What you wrote is kept.</p></>;
  return <span class="note said" role="status">{it.state === "pending" ? "○" : "✓"} {what} {done[it.word]}: {it.state}.</span>;
}

/** The dialog for all of them. One a page. */
export function ReviewDialog() {
  const it = asked.value, dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => { if (it && !dialog.current?.open) dialog.current?.showModal(); }, [it]);
  if (!it) return null;
  const { row, word, others } = it, id = String(row.anomaly_id), needs = word === "dismissed" || word === "note", key = `anomaly.${id}`;
  const submit = (e: SubmitEvent) => {
    const said = new FormData(e.currentTarget as HTMLFormElement), who = String(said.get("actor") ?? "").trim(), reason = String(said.get("reason") ?? "").trim(), into = String(said.get("into") ?? "");
    if (!who || (needs && !reason) || (word === "merged" && !into)) { e.preventDefault(); return; }
    actor.set(who);
    void tell(id, word, { actor: who, reason, ...(into ? { into } : {}) });
  };
  return <dialog ref={dialog} aria-labelledby="anomaly-title" onClose={() => { asked.value = null; }}>
    <form method="dialog" class="asks" onSubmit={submit}>
      <header><h2 id="anomaly-title">{doing[word]} {titleOf(row)}</h2><button type="button" class="quiet" onClick={() => dialog.current?.close()}>Close</button></header>
      <p class="note">{meaning[word]} What is told here is an event in the log.</p>
      {word === "merged" && <label>Into<select name="into" required>{others.map((o) => <option value={String(o.anomaly_id)}>{sentence(o)}</option>)}</select></label>}
      <label>{word === "note" ? "Note" : "Reason"}<textarea name="reason" required={needs} maxLength={4096} rows={3} defaultValue={written.get(key)} onInput={(e) => written.set(key, e.currentTarget.value)} autofocus /><span>{needs ? "What do you know of it?" : "May be left out."}</span></label>
      <label>You, as an opaque key<input name="actor" required maxLength={256} defaultValue={actor.get()} autocomplete="off" /></label>
      <footer><button class="primary" type="submit" disabled={word === "merged" && !others.length}>{word === "note" ? "Add" : doing[word]}</button><button type="button" onClick={() => dialog.current?.close()}>Leave it</button></footer>
    </form>
  </dialog>;
}
