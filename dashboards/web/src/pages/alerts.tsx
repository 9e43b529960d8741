// Alerts: which case is worth my next ten minutes? How often the queue is right, the queue by expected loss with a line for and a line against, the chosen one beside it,
// and returns that no alert names, drawn by chance, so that the figures stay honest. Nothing here decides: verdicts are events.
import { command } from "../lib/keys";
import { mount } from "../parts/frame";
import { ReviewDialog, type Word } from "../parts/review";
import { Audits, AuditDialog } from "./alerts/audits";
import { Health } from "./alerts/health";
import { act, clearMarks, markChosen, openChosen, Queue, reorder } from "./alerts/queue";

const on = (key: string, title: string, word: Word) => ({ key, title, group: "This page", run: () => act(word) });
command({ key: "x", title: "Mark the chosen alert for doing several at once", group: "This page", run: markChosen },
  { key: "X", title: "Take all marks off", group: "This page", run: clearMarks },
  on("1", "Confirm the chosen alert", "confirmed"), on("2", "Dismiss the chosen alert, or all that are marked", "dismissed"), on("3", "Ask for more on the chosen alert, or all that are marked", "needs_more"),
  on("4", "Appeal against the chosen alert", "appealed"), on("a", "Take the chosen alert", "assigned"),
  { key: "o", title: "Open the chosen alert", group: "This page", run: openChosen },
  { key: "r", title: "Reorder: show new and moved rows", group: "This page", run: reorder },
  { key: "q", title: "The queue", group: "This page", run: () => document.querySelector<HTMLElement>("[data-query=alerts_queue] [role=grid]")?.focus() },
  { key: "f", title: "The filters", group: "This page", run: () => document.querySelector<HTMLElement>("select[data-key=status]")?.focus() },
  { key: "/", title: "Search the queue", group: "This page", run: () => document.getElementById("alerts-search")?.focus() });

mount(() => <><div class="title"><h1>Alerts</h1><p class="lead">Which case is worth my next ten minutes?</p></div>
  <div class="stack"><Health /><Queue /><Audits /></div><ReviewDialog /><AuditDialog /></>);
