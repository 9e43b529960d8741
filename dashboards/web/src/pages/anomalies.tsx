// Anomalies: what has changed, and is it real? A queue by rupees at stake beside the case that is chosen, with the number of series tested and the share of false alarms to expect.
// Nothing here decides: what a reader says is an event.
import { command } from "../lib/keys";
import { mount } from "../parts/frame";
import { Figures } from "./anomalies/figures";
import { act, Queue, reorder } from "./anomalies/queue";
import { ReviewDialog, type Word } from "./anomalies/review";

const on = (key: string, title: string, word: Word) => ({ key, title, group: "This page", run: () => act(word) });
command(on("a", "Acknowledge the chosen anomaly", "acknowledged"), on("d", "Dismiss it, with a reason", "dismissed"), on("h", "Hold it until it grows by a quarter", "snoozed"), on("m", "Merge it into another", "merged"), on("n", "Add a note", "note"),
  { key: "r", title: "Reorder: show new and moved rows", group: "This page", run: reorder },
  { key: "q", title: "The queue", group: "This page", run: () => document.querySelector<HTMLElement>("[data-query=anomalies_queue] [role=grid]")?.focus() },
  { key: "f", title: "The filters", group: "This page", run: () => document.querySelector<HTMLElement>("select[data-key=status]")?.focus() },
  { key: "/", title: "Search the queue", group: "This page", run: () => document.getElementById("anomalies-search")?.focus() });

mount(() => <><div class="title"><h1>Anomalies</h1><p class="lead">What has changed, and is it real?</p></div>
  <div class="stack"><Figures /><Queue /></div><ReviewDialog /></>);
