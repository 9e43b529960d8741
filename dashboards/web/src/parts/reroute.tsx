// Accepting and overriding a decision: an event each, pending at once, recorded when the log has it. A mistake is corrected by a further word, never erased.
import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { alternatives, chosenOf, nameOf, type Decided } from "../lib/alternatives";
import { SqlError, type Problem } from "../lib/data";
import { money, percent } from "../lib/format";
import { actor, publish } from "../lib/publish";
import { Failure } from "./card";

/** A decision that can be answered. */
export interface Answerable extends Decided { decision_id: string; parcel: string; alternatives: unknown }
export interface Answer { word: "accepted" | "overridden"; state: "pending" | "recorded" | "failed"; problem?: Problem; again?: () => void }

/** What this page said of each decision. */
export const answers = signal<ReadonlyMap<string, Answer>>(new Map());
const note = (id: string, answer: Answer) => { answers.value = new Map(answers.peek()).set(id, answer); };

async function tell(d: Answerable, word: Answer["word"], more: Record<string, unknown>): Promise<void> {
  if (answers.peek().get(d.decision_id)?.state === "pending") return;
  const again = () => void tell(d, word, more), who = actor.get();
  note(d.decision_id, { word, state: "pending" });
  try {
    await publish(`reroute.${word}`, d.decision_id, { decision_id: d.decision_id, awb: d.parcel, ...(who ? { actor: who } : {}), ...more });
    note(d.decision_id, { word, state: "recorded" });
  } catch (e) {
    note(d.decision_id, { word, state: "failed", again, problem: e instanceof SqlError ? e.problem : { title: "it was not recorded", detail: String(e), status: 0 } });
  }
}

export const accept = (d: Answerable): void => void tell(d, "accepted", { action: d.action, ...(d.to_courier ? { courier: d.to_courier } : {}) });

const overriding = signal<Answerable | null>(null);
export const override = (d: Answerable): void => { overriding.value = d; };

/** What became of the answer, in words, with what went wrong. */
export function Said({ id, what }: { id: string; what: string }) {
  const answer = answers.value.get(id);
  if (!answer) return null;
  return answer.problem ? <Failure problem={answer.problem} retry={answer.again!} kept={false} />
    : <span class="note said" role="status">{answer.state === "pending" ? "○" : "✓"} {what} {answer.word}: {answer.state}.</span>;
}

/** The dialog that asks what is done instead, and why. One a page. */
export function OverrideDialog() {
  const d = overriding.value, dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => { if (d && !dialog.current?.open) dialog.current?.showModal(); }, [d]);
  if (!d) return null;
  const list = alternatives(d.alternatives), at = chosenOf(list, d);
  const submit = (e: SubmitEvent) => {
    const said = new FormData(e.currentTarget as HTMLFormElement), instead = list[Number(said.get("instead"))];
    actor.set(String(said.get("actor") ?? "").trim());
    void tell(d, "overridden", { ...(instead ? { action: instead.action, ...(instead.courier ? { courier: instead.courier } : {}) } : {}), reason: String(said.get("reason")).trim() });
  };
  return <dialog ref={dialog} aria-labelledby="override-title" onClose={() => { overriding.value = null; }}>
    <form method="dialog" class="asks" onSubmit={submit}>
      <header><h2 id="override-title">Override for {d.parcel}</h2><button type="button" class="quiet" onClick={() => dialog.current?.close()}>Close</button></header>
      <p class="note">Recommended: {list[at] ? nameOf(list[at]!, at === 0) : d.action}. What is told here is an event in the log, and the outcome is still learned from.</p>
      <label>Done instead<select name="instead" required>{list.map((a, i) => i !== at && a.feasible && <option value={i}>{nameOf(a, i === 0)}, risk {percent(a.risk)}, {money(a.expected_cost_minor, d.currency)} by expectation</option>)}</select></label>
      <label>Reason<textarea name="reason" required maxLength={2000} rows={3} autofocus /><span>What do you know that the engine does not?</span></label>
      <label>You, as an opaque key<input name="actor" maxLength={200} defaultValue={actor.get()} autocomplete="off" /><span>Left out when empty.</span></label>
      <footer><button class="primary" type="submit">Override</button><button type="button" onClick={() => dialog.current?.close()}>Leave it</button></footer>
    </form>
  </dialog>;
}
