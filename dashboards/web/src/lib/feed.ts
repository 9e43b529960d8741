// One event stream to the engine, with the instants of its frames. Reconnects by itself; after a gap it says so. Runs in the
// shared worker, or in the page where there is none.

export interface Frame { sequence: number; event_time: string | null; changed: Record<string, string[] | "many"> }
export type Message = { kind: "frame"; frame: Frame } | { kind: "beat" } | { kind: "reset" } | { kind: "down" };

export class Feed {
  private source: EventSource | null = null;
  private last = "";
  private retry: ReturnType<typeof setTimeout> | undefined;
  private delay = 500;
  constructor(private readonly tell: (message: Message) => void) {}

  open(): void {
    if (this.source) return;
    clearTimeout(this.retry);
    const source = new EventSource("/v1/live" + (this.last ? `?last_event_id=${encodeURIComponent(this.last)}` : ""));
    this.source = source;
    source.onmessage = (e) => {
      this.delay = 500;
      if (e.lastEventId) this.last = e.lastEventId;
      this.tell({ kind: "frame", frame: JSON.parse(e.data) as Frame });
    };
    source.addEventListener("heartbeat", () => this.tell({ kind: "beat" }));
    source.addEventListener("reset", () => { this.last = ""; this.tell({ kind: "reset" }); });
    source.onerror = () => {
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
  }
}
