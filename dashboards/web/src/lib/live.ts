// The page's view of the live feed: newest sequence, whether it is fresh, whether the reader froze the view.
import { computed, effect, signal, untracked } from "@preact/signals";
import { Feed, type Frame, type Message } from "./feed";
import type { Tab } from "./live-worker";
import { shell, workerUrl } from "./shell";

const staleAfterMs = 10_000;

export const sequence = signal<number>(shell.sequence ?? 0);
export const eventTime = signal<string | null>(shell.event_time ?? null);
export const frozen = signal<number | null>(null);
export const now = signal(Date.now());
const heardAt = signal(Date.now());
const heard = signal(false);
const down = signal(false);

export type Status = "frozen" | "stale" | "connecting" | "live";
export const age = computed(() => Math.max(0, now.value - heardAt.value));
export const status = computed<Status>(() => frozen.value != null ? "frozen" : age.value > staleAfterMs ? "stale" : heard.value && !down.value ? "live" : "connecting");

type Listener = (frame: Frame | null) => void;
const listeners = new Set<Listener>();

/** Called with each frame, and with null when everything must be read again (after a gap or a thaw). Not while frozen. */
export function onFrame(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

let missed = false;
const pass = (frame: Frame | null) => {
  if (frozen.peek() != null) { missed = true; return; }
  for (const listener of listeners) listener(frame);
};

function take(message: Message): void {
  if (message.kind === "down") { down.value = true; return; }
  heardAt.value = now.value = Date.now();
  heard.value = true;
  down.value = false;
  if (message.kind === "beat") return;
  if (message.kind === "reset") return pass(null);
  if (frozen.peek() == null) {
    sequence.value = message.frame.sequence;
    eventTime.value = message.frame.event_time ?? eventTime.peek();
  }
  pass(message.frame);
}

export function freeze(on = frozen.peek() == null): void {
  frozen.value = on ? sequence.peek() : null;
  if (!on && missed) { missed = false; pass(null); }
}

function connect(): void {
  const visible = () => document.visibilityState === "visible";
  if (typeof SharedWorker === "function" && workerUrl) {
    const worker = new SharedWorker(workerUrl, { name: "eddy-live" });
    const tell = (state: Tab["state"] = visible() ? "visible" : "hidden", from?: string) => worker.port.postMessage({ state, from } satisfies Tab);
    worker.port.onmessage = (m: MessageEvent<Message>) => take(m.data);
    worker.port.start();
    tell(undefined, shell.feed);
    document.addEventListener("visibilitychange", () => tell());
    addEventListener("pagehide", () => tell("bye"));
    addEventListener("pageshow", () => tell());
  } else {
    const feed = new Feed(take, shell.feed);
    const settle = () => { visible() ? feed.open() : feed.close(); };
    settle();
    document.addEventListener("visibilitychange", settle);
  }
  document.addEventListener("visibilitychange", () => { if (visible()) { heardAt.value = now.value = Date.now(); pass(null); } });
  setInterval(() => { if (visible()) now.value = Date.now(); }, 1000);
}
connect();

// The first thing a screen reader should not hear four times a second: a polite count, once in five seconds.
export const announcement = signal("");
let said = 0, lastSaid = 0;
effect(() => {
  const to = sequence.value;
  untracked(() => {
    if (Date.now() - said < 5000) return;
    const from = lastSaid;
    lastSaid = to;
    said = Date.now();
    if (from && to > from) announcement.value = `${to - from} batches applied`;
  });
});
