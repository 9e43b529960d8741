// Verdicts on alerts: one, or several of one pattern with one reason. Pending at once, recorded when the log has it; if somebody was quicker the page says who did what
// and keeps what was written. A mistake is corrected by a further word, never erased.
import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { atStake, lastWord, type Row } from "../lib/alerts";
import { SqlError, type Problem } from "../lib/data";
import { count, exponent, missing, money, when, words } from "../lib/format";
import { actor, publish } from "../lib/publish";
import { review, standing, written, type Verdict } from "../lib/review";
import { Failure } from "./card";

export type Word = Verdict | "assigned";
export interface Told { word: Word; state: "pending" | "recorded" | "failed" | "overtaken"; problem?: Problem; again?: () => void; now?: Row | null }

/** What this page said of each alert. */
export const told = signal<ReadonlyMap<string, Told>>(new Map());
const note = (id: string, it: Told) => { told.value = new Map(told.peek()).set(id, it); };

const doing: Record<Word, string> = { confirmed: "Confirm", dismissed: "Dismiss", needs_more: "Ask for more on", appealed: "Appeal against", overturned: "Overturn", assigned: "Take" };
export const done: Record<Word, string> = { confirmed: "confirmed", dismissed: "dismissed", needs_more: "needs more", appealed: "appealed", overturned: "overturned", assigned: "assigned" };
const meaning: Record<Word, string> = {
  confirmed: "It was abuse. The pattern is trusted more, and other returns of the customer who is meant are looked at with other eyes.",
  dismissed: "It was error or innocence. The pattern is trusted less.",
  needs_more: "It stays in the queue until somebody knows more.",
  appealed: "Whoever is meant objects. The verdict stands until somebody decides again.",
  overturned: "The verdict was wrong: what it taught is taken back.",
  assigned: "It is yours until you decide or somebody else takes it.",
};

interface Asked { alerts: Row[]; word: Word; key: string }
const asked = signal<Asked | null>(null);
const keyOf = (alerts: Row[]): string => alerts.length === 1 ? String(alerts[0]!.alert_id) : `several.${String(alerts[0]?.pattern)}`;
/** Opens the dialog for alerts as the reader sees them now: a verdict holds for that and for nothing later. */
export const ask = (alerts: Row[], word: Word): void => { if (alerts.length) asked.value = { alerts: alerts.map((a) => ({ ...a })), word, key: keyOf(alerts) }; };

/** Called when something was recorded or overtaken, so that the page reads again. */
export const settled = signal(0);

/** Asks once more, of the alert as it stands now and with what was written before. */
async function lookAgain(alert: Row, word: Word, reason: string): Promise<void> {
  const now = await standing(String(alert.alert_id)).catch(() => null);
  written.set(keyOf([alert]), reason);
  ask([{ ...alert, ...(now ?? {}) }], word);
}

async function tell(alerts: Row[], word: Word, key: string, said: { actor: string; reason: string; loss?: number }): Promise<void> {
  for (const alert of alerts) note(String(alert.alert_id), { word, state: "pending" });
  let failed = false;
  for (const alert of alerts) {
    const id = String(alert.alert_id);
    try {
      if (word === "assigned") await publish("alert.assigned", id, { alert_id: id, actor: said.actor, ...(said.reason ? { reason: said.reason } : {}) });
      else await review(id, { verdict: word, actor: said.actor, reason: said.reason, ...(said.loss == null ? {} : { loss_minor: said.loss }), expected_status: String(alert.status), expected_updated_at: String(alert.updated_at) });
      note(id, { word, state: "recorded" });
    } catch (e) {
      failed = true;
      const problem = e instanceof SqlError ? e.problem : { title: "it was not recorded", detail: String(e), status: 0 };
      if (problem.status === 409) {
        // The refusal says who did what; the row says it too, for an engine that does not.
        const now = (problem as Problem & { alert?: Row }).alert ?? await standing(id).catch(() => null);
        note(id, { word, state: "overtaken", problem, now, again: () => void lookAgain(alert, word, said.reason) });
      } else note(id, { word, state: "failed", problem, again: () => void tell([alert], word, key, said) });
    }
  }
  if (!failed) written.set(key, "");
  settled.value++;
}

/** What became of it, in words. Keeps what went wrong in view until it is mended. */
export function Said({ id, what }: { id: string; what: string }) {
  const it = told.value.get(id);
  if (!it) return null;
  if (it.state === "overtaken") return <div class="failure" role="alert">
    <p><b aria-hidden="true">▲ </b>{it.now ? <>Somebody was quicker: {lastWord(it.now)} ({when(it.now.updated_at)}).</> : it.problem?.detail || it.problem?.title}</p>
    <p class="note">Nothing of yours was recorded. Your reason is kept.</p>
    <button type="button" onClick={it.again} disabled={!it.again}>Look again</button></div>;
  if (it.state === "failed") return <><Failure problem={it.problem!} retry={it.again!} kept={false} /><p class="note said">Your reason is kept.</p></>;
  return <span class="note said" role="status">{it.state === "pending" ? "○" : "✓"} {what} {done[it.word]}: {it.state}.</span>;
}

/** Minor units of what was typed in major ones. */
const minor = (typed: unknown, currency: string): number => Math.round(Number(typed) * 10 ** exponent(currency));

/** The dialog for all verdicts. One a page. */
export function ReviewDialog() {
  const it = asked.value, dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => { if (it && !dialog.current?.open) dialog.current?.showModal(); }, [it]);
  if (!it) return null;
  const { alerts, word, key } = it, first = alerts[0]!, many = alerts.length > 1, currency = String(first.currency ?? "");
  const what = many ? `${count(alerts.length)} alerts of ${words(first.pattern)}` : `${words(first.pattern)}, ${String(first.subject_id)}`;
  const submit = (e: SubmitEvent) => {
    const said = new FormData(e.currentTarget as HTMLFormElement), who = String(said.get("actor")).trim(), reason = String(said.get("reason")).trim();
    if (!who || !reason && word !== "assigned") { e.preventDefault(); return; }
    actor.set(who);
    written.set(key, reason);
    void tell(alerts, word, key, { actor: who, reason, ...(word === "confirmed" ? { loss: minor(said.get("loss"), currency) } : {}) });
  };
  const places = exponent(currency), stake = atStake(first) / 10 ** places;
  return <dialog ref={dialog} aria-labelledby="review-title" onClose={() => { asked.value = null; }}>
    <form method="dialog" class="asks" onSubmit={submit}>
      <header><h2 id="review-title">{doing[word]} {what}</h2><button type="button" class="quiet" onClick={() => dialog.current?.close()}>Close</button></header>
      <p class="note">{meaning[word]} What is told here is an event in the log.{many && " Each of them is told apart, with this one reason."}</p>
      <label>Reason<textarea name="reason" required={word !== "assigned"} maxLength={4096} rows={3} defaultValue={written.get(key)} onInput={(e) => written.set(key, e.currentTarget.value)} autofocus /><span>{word === "assigned" ? "May be left out." : "What did you see, and where?"}</span></label>
      {word === "confirmed" && <label>Loss, in {currency || "the alert's currency"}<input name="loss" type="number" required min="0" step={String(1 / 10 ** places)} defaultValue={stake.toFixed(places)} /><span>At stake by the alert: {first.expected_loss_minor == null ? missing : money(atStake(first), currency)}. What was really lost teaches.</span></label>}
      <label>You, as an opaque key<input name="actor" required maxLength={256} defaultValue={actor.get()} autocomplete="off" /></label>
      <footer><button class="primary" type="submit">{doing[word].split(" ")[0]}</button><button type="button" onClick={() => dialog.current?.close()}>Leave it</button></footer>
    </form>
  </dialog>;
}
