// The shared worker: one stream a browser, however many tabs (browsers allow six HTTP/1.1 connections a host). Closed while no tab
// is visible.
import { Feed } from "./feed";

const ports = new Map<MessagePort, boolean>();
const feed = new Feed((message) => { for (const port of ports.keys()) port.postMessage(message); });
const settle = () => { [...ports.values()].some(Boolean) ? feed.open() : feed.close(); };

(self as unknown as { onconnect: (e: MessageEvent) => void }).onconnect = (e) => {
  const port = e.ports[0]!;
  port.onmessage = (m: MessageEvent<"visible" | "hidden" | "bye">) => {
    m.data === "bye" ? ports.delete(port) : ports.set(port, m.data === "visible");
    settle();
  };
  port.start();
};
