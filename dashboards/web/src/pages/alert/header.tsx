// Head of the alert: what is suspected, the arithmetic of its expected loss, where it stands, and the verdicts.
import { atStake, lastWord, named, ofStaff, waiting } from "../../lib/alerts";
import { count, missing, money, percent, stamp, when, words } from "../../lib/format";
import { rows } from "../../lib/data";
import { subject } from "../../lib/url";
import { Card, Changing, Failure } from "../../parts/card";
import { ask, Said, told, type Word } from "../../parts/review";
import { alert, events, keys, row, score } from "./case";

/** What can be said of it as it stands. */
export function can(word: Word): boolean {
  const r = row.value, status = String(r?.status ?? "");
  if (!r || told.value.get(subject)?.state === "pending" || status === word) return false;
  if (word === "appealed") return status === "confirmed";
  if (word === "overturned") return status === "confirmed" || status === "appealed";
  if (word === "assigned") return ["open", "needs_more", "assigned"].includes(status);
  return true;
}
export const act = (word: Word): void => { const r = row.peek(); if (r && can(word)) ask([r], word); };

const verbs: { word: Word; label: string; key: string }[] = [{ word: "confirmed", label: "Confirm…", key: "1" }, { word: "dismissed", label: "Dismiss…", key: "2" }, { word: "needs_more", label: "Needs more…", key: "3" }, { word: "appealed", label: "Appeal…", key: "4" }, { word: "overturned", label: "Overturn…", key: "5" }, { word: "assigned", label: "Take…", key: "a" }];

export function Header() {
  const r = row.value, currency = String(r?.currency ?? ""), brought = rows(score.data.value)[0]?.sequence, last = events.value?.filter((e) => e.evidence).at(-1);
  const unknown = <div class="empty"><p>No alert <code>{subject}</code> is in the tables. Its link may come from another engine, or the tables are still being read from the log.</p><p><a href="/alerts">Alerts that wait</a> · <code>eddy sql "select alert_id, pattern, status from fraud_alerts limit 10"</code></p></div>;
  return <Card query={alert} title={r ? `Alert ${subject}` : "Alert"} lines={4} class="sentence" isEmpty={!r} empty={unknown}>
    {r && <>
      <p class="verdict">Suspected <b>{words(r.pattern)}</b>: {words(r.subject_kind)} <span class="mono">{String(r.subject_id)}</span>{named(r) !== String(r.subject_id) && <>, {ofStaff(r) ? "agent" : "customer"} <span class="mono">{named(r)}</span></>}{r.courier != null && <> of {String(r.courier)}</>}. Nothing is proven until somebody has looked at both columns below.</p>
      <dl class="quad">
        <div><dt>Expected loss</dt><dd><span class="figure"><Changing value={money(r.expected_loss_minor, currency)} /></span><span class="note">{percent(Number(r.score))} probability × {money(atStake(r), currency)} at stake</span></dd></div>
        <div><dt>Status</dt><dd><span class="figure"><Changing value={words(r.status)} /></span><span class="note">{waiting.includes(String(r.status)) ? `raised ${when(r.raised_at)}, runs out ${when(r.expires_at)}` : `${when(r.updated_at)}${r.confirmed_loss_minor == null ? "" : `, loss ${money(r.confirmed_loss_minor, currency)}`}`}</span></dd></div>
        <div><dt>Policy</dt><dd><span class="figure">{String(r.policy_version)}</span><span class="note">{r.action === "block" ? "asks to block: a tenant turned that on" : "asks for a review, blocks nothing"}</span></dd></div>
        <div><dt>Sequence</dt><dd><span class="figure">{count(alert.data.value?.sequence)}</span><span class="note">of the tables shown{brought != null ? `; scored at ${count(brought)}` : ""}{last ? `; latest evidence at ${count(last.sequence)}` : ""}</span></dd></div>
      </dl>
      {r.actor != null && <p class="note said" title={stamp(r.updated_at)}>Last word: {lastWord(r)}, {when(r.updated_at) ?? missing}</p>}
      <div class="bar">{verbs.map((v) => (v.word !== "overturned" || can(v.word)) && <button type="button" class={v.word === "confirmed" ? "primary" : ""} disabled={!can(v.word)} onClick={() => act(v.word)}>{v.label} <kbd>{v.key}</kbd></button>)}<span>Each asks for a reason. {!can("appealed") && "An appeal is against a confirmed alert."}</span></div>
      <Said id={subject} what="It is" />
      {[score, keys].map((q) => q.error.value && <Failure problem={q.error.value} retry={q.retry} kept={!!q.data.value} />)}
    </>}
  </Card>;
}
