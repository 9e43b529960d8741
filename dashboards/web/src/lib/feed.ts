// One event stream to the engine, with the instants of its frames. Reconnects by itself; after a gap it says so. Runs in the
// shared worker, or in the page where there is none.

export interface Frame { sequence: number; event_time: string | null; changed: Record<string, string[] | "many"> }
export type Message = { kind: "frame"; frame: Frame } | { kind: "beat" } | { kind: "reset" } | { kind: "down" };

export class Feed {
  /** Whether the stream gave something since it last broke. */
  up = false;
  private source: EventSource | null = null;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private delay = 500;
  /** `last` is the place in the feed after which nothing may be missed. */
  constructor(private readonly tell: (message: Message) => void, public last = "") {}

  open(): void {
    if (this.source) return;
    clearTimeout(this.retry);
    const source = new EventSource("/v1/live" + (this.last ? `?last_event_id=${encodeURIComponent(this.last)}` : ""));
    this.source = source;
    const heard = (e: MessageEvent, message: Message) => {
      this.up = true;
      this.delay = 500;
      if (e.lastEventId) this.last = e.lastEventId;
      this.tell(message);
    };
    source.onmessage = (e) => heard(e, { kind: "frame", frame: JSON.parse(e.data) as Frame });
    source.addEventListener("heartbeat", (e) => heard(e, { kind: "beat" }));
    source.addEventListener("reset", (e) => heard(e, { kind: "reset" }));
    source.onerror = () => {
      this.up = false;
      this.tell({ kind: "down" });
      // The browser gives up for good on an answer that is no stream (a proxy's 502): try again ourselves.
      if (source.readyState !== EventSource.CLOSED) return;
      this.source = null;
      this.retry = setTimeout(() => this.open(), this.delay);
      this.delay = Math.min(this.delay * 2, 10_000);
    };
  }

  close(): void {
    clearTimeout(this.retry);
    this.source?.close();
    this.source = null;
    this.up = false;
  }
}
