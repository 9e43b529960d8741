// Publishing a threshold: what it would have changed on the parcels settled of the last 30 days, then one `policy.published`. The policy has one threshold for all stages.
import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { SqlError, type Problem } from "../../lib/data";
import { count, missing, money, percent, signed, stamp, words } from "../../lib/format";
import { withThreshold } from "../../lib/policy";
import { digest, doneAt, publish } from "../../lib/publish";
import { set } from "../../lib/url";
import { Failure, Table } from "../../parts/card";
import { acting, currency, inForce, pointsOf, published, threshold } from "./settled";

const shown = signal(false), told = signal<{ state: "pending" | "recorded"; version: string } | null>(null), problem = signal<Problem | null>(null);
export const open = (): void => { problem.value = null; shown.value = true; };

async function send(version: string): Promise<void> {
  const policy = inForce.peek(), to = threshold.peek(), body = withThreshold(policy, to / 100);
  problem.value = null;
  told.value = { state: "pending", version };
  try {
    await publish("policy.published", policy.subject, { version, digest: await digest(body), body });
    told.value = { state: "recorded", version };
    set({ t: null, policy: null }, false);
    published.retry();
  } catch (e) {
    told.value = null;
    problem.value = e instanceof SqlError ? e.problem : { title: "it was not recorded", detail: String(e), status: 0 };
  }
}

/** What became of the last publication. */
export const Told = () => <>
  {problem.value && <Failure problem={problem.value} retry={open} kept={false} />}
  {told.value && <p class="note said" role="status">{told.value.state === "pending" ? "○" : "✓"} Policy {told.value.version}: {told.value.state}.</p>}
</>;

export function PublishDialog() {
  const dialog = useRef<HTMLDialogElement>(null), on = shown.value;
  useEffect(() => { if (on && !dialog.current?.open) dialog.current?.showModal(); }, [on]);
  if (!on) return null;
  const from = Math.round(inForce.value.numbers.threshold * 100), to = threshold.value;
  const lines = acting.map((stage) => { const points = pointsOf(stage, true); return { stage, was: points[from]!, will: points[to]! }; });
  const parcels = lines.reduce((n, l) => n + l.was.parcels, 0);
  const submit = (e: SubmitEvent) => void send(String(new FormData(e.currentTarget as HTMLFormElement).get("version")).trim());
  return <dialog ref={dialog} class="wide" aria-labelledby="publish-title" onClose={() => { shown.value = false; }}>
    <form method="dialog" class="asks" onSubmit={submit}>
      <header><h2 id="publish-title">Publish a threshold of {to}%</h2><button type="button" class="quiet" onClick={() => dialog.current?.close()}>Close</button></header>
      <p>From {percent(inForce.value.numbers.threshold)} of policy {inForce.value.version} to <b>{percent(to / 100)}</b>, for every stage: the policy has one threshold. Everything else it says stays.</p>
      {parcels ? <Table label="Difference on the last 30 days" rows={lines} cells={[
        { label: "Last 30 days, of parcels settled", value: (l) => words(l.stage) }, { label: "Settled", right: true, value: (l) => count(l.was.parcels) },
        { label: "Flagged", right: true, value: (l) => `${count(l.was.flagged)} → ${count(l.will.flagged)} (${signed(l.will.flagged - l.was.flagged)})` },
        { label: "Caught", right: true, value: (l) => `${count(l.was.caught)} → ${count(l.will.caught)} (${signed(l.will.caught - l.was.caught)})` },
        { label: "Precision", right: true, value: (l) => `${l.was.flagged ? percent(l.was.caught / l.was.flagged) : missing} → ${l.will.flagged ? percent(l.will.caught / l.will.flagged) : missing}` },
        { label: "Expected", right: true, value: (l) => { const d = Math.round(l.will.saved - l.was.saved); return (d < 0 ? "−" : "+") + money(Math.abs(d), currency.value); } }]} />
        : <p class="empty">No parcel scored within the last 30 days of event time has ended: there is nothing to compare on.</p>}
      <p class="note">Raw, by the scores those parcels had. The reverse leg's pickups are decided by the same threshold and are not counted here.</p>
      <label>Version<input name="version" required maxLength={200} defaultValue={`routing-${stamp(doneAt()).slice(0, 16).replace(" ", "-").replace(":", "")}-t${to}`} autocomplete="off" /></label>
      <footer><button class="primary" type="submit">Publish</button><button type="button" onClick={() => dialog.current?.close()}>Not now</button></footer>
    </form>
  </dialog>;
}
