// Alert: is this abuse, error, or innocence? What shows it beside what speaks against it, the whole story, who is linked, how others of like spend behave, and what people said.
// It shows the case as known now; as decided, at the sequence of the decision, needs queries of the past and is left out.
import { command } from "../lib/keys";
import { Skeleton } from "../parts/card";
import { mount } from "../parts/frame";
import { ReviewDialog, type Word } from "../parts/review";
import { alert, row } from "./alert/case";
import { Columns } from "./alert/columns";
import { Graph } from "./alert/graph";
import { act, Header } from "./alert/header";
import { Peers } from "./alert/peers";
import { EvidencePack, History, Timeline } from "./alert/story";

const on = (key: string, title: string, word: Word) => ({ key, title, group: "This page", run: () => act(word) });
command(on("1", "Confirm it", "confirmed"), on("2", "Dismiss it", "dismissed"), on("3", "It needs more", "needs_more"), on("4", "Appeal against it", "appealed"), on("5", "Overturn it", "overturned"), on("a", "Take it", "assigned"),
  { key: "u", title: "Back to Alerts", group: "This page", run: () => { location.href = "/alerts"; } },
  { key: "t", title: "The timeline", group: "This page", run: () => document.querySelector<HTMLElement>(".timeline")?.focus() });

/** What a card is while it waits for the alert. */
const Waiting = ({ title }: { title: string }) => <section class="card" data-card tabIndex={-1} aria-busy="true" aria-label={title}><header><h2>{title}</h2></header><Skeleton lines={5} /></section>;

mount(() => {
  const r = row.value;
  return <><div class="title"><h1>Alert</h1><p class="lead">Is this abuse, error, or innocence?</p><span class="spring" /><a class="button" href="/alerts">All that wait <kbd>u</kbd></a></div>
    <div class="stack"><Header />
      {r ? <><Columns row={r} /><div class="columns flat"><div><Timeline row={r} /><Graph row={r} /></div><div><Peers row={r} /><History /><EvidencePack row={r} /></div></div></>
        : !alert.data.value && !alert.error.value && <><Waiting title="Evidence and counter-evidence" /><div class="columns flat"><div><Waiting title="Timeline" /><Waiting title="Identity links" /></div><div><Waiting title="Against peers" /></div></div></>}
    </div><ReviewDialog /></>;
});
