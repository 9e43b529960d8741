// Routing: which parcels can still be saved, and is the threshold right? The threshold in rupees, the queue of what is recommended, risk by courier and
// lane, couriers adjusted for their lanes. Nothing here decides: it publishes a policy and answers decisions, as events.
import { command } from "../lib/keys";
import { Failure } from "../parts/card";
import { mount } from "../parts/frame";
import { OverrideDialog } from "../parts/reroute";
import { Lanes } from "./routing/lanes";
import { PublishDialog, Told } from "./routing/publish";
import { acceptChosen, overrideChosen, Queue, reorder } from "./routing/queue";
import { Scorecards } from "./routing/scorecards";
import { effect, published } from "./routing/settled";
import { Threshold } from "./routing/threshold";

command({ key: "1", title: "Accept the chosen recommendation", group: "This page", run: acceptChosen },
  { key: "2", title: "Override the chosen recommendation", group: "This page", run: overrideChosen },
  { key: "r", title: "Reorder: show new and moved rows", group: "This page", run: reorder },
  { key: "f", title: "The threshold", group: "This page", run: () => document.getElementById("threshold")?.focus() },
  { key: "/", title: "The action queue", group: "This page", run: () => document.querySelector<HTMLElement>("[data-query=routing_queue] [role=grid]")?.focus() });

mount(() => <><div class="title"><h1>Routing</h1><p class="lead">Which parcels can still be saved, and is the threshold right?</p></div>
  <div class="stack">{[published, effect].map((q) => q.error.value && <Failure problem={q.error.value} retry={q.retry} kept={!!q.data.value} />)}<Told /><Threshold /><Queue /><Lanes /><Scorecards /></div>
  <PublishDialog /><OverrideDialog /></>);
