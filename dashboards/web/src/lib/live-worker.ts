// The shared worker: one stream a browser, however many tabs (browsers allow six HTTP/1.1 connections a host). Closed while no tab
// is visible.
import { Feed } from "./feed";

/** What a tab says: whether it is seen, and at first from which place in the feed on its rows are old. */
export interface Tab { state: "visible" | "hidden" | "bye"; from?: string }

const ports = new Map<MessagePort, boolean>();
const feed = new Feed((message) => { for (const port of ports.keys()) port.postMessage(message); });
const settle = () => { [...ports.values()].some(Boolean) ? feed.open() : feed.close(); };

(self as unknown as { onconnect: (e: MessageEvent) => void }).onconnect = (e) => {
  const port = e.ports[0]!;
  port.onmessage = ({ data: { state, from } }: MessageEvent<Tab>) => {
    state === "bye" ? ports.delete(port) : ports.set(port, state === "visible");
    if (from) {
      // What the other tabs heard since, this one has missed.
      if (!feed.last) feed.last = from;
      else if (feed.last !== from) port.postMessage({ kind: "reset" });
      if (feed.up) port.postMessage({ kind: "beat" });
    }
    settle();
  };
  port.start();
};
