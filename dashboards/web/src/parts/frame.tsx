// The frame of every page: navigation, status pill, help, palette. Holds no figures of its own.
import { computed, signal } from "@preact/signals";
import { render, type ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { count, duration, when, zoneName } from "../lib/format";
import { command, commands, lettersOn, setLetters } from "../lib/keys";
import { age, announcement, eventTime, freeze, frozen, sequence, status } from "../lib/live";
import { queries } from "../lib/data";
import { shell } from "../lib/shell";
import { openSql, SqlPanel } from "./sqlpanel";

const pages = [
  { id: "overview", href: "/", title: "Overview", key: "g o" },
  { id: "products", href: "/products", title: "Products", key: "g p" },
  { id: "anomalies", href: "/anomalies", title: "Anomalies", key: "g n" },
  { id: "routing", href: "/routing", title: "Routing", key: "g r" },
  { id: "alerts", href: "/alerts", title: "Alerts", key: "g a" },
  { id: "workbench", href: "/sql", title: "Workbench", key: "g w" },
  { id: "health", href: "/health", title: "Health", key: "g h" },
];

/** Pages of one thing, and the page that lists them. */
const within: Record<string, string> = { decision: "routing", alert: "alerts", product: "products" };

const open = signal<"" | "help" | "palette">("");

const pill = computed(() => {
  switch (status.value) {
    case "frozen": return { shape: "‖", word: "Frozen", more: `at ${count(frozen.value)}` };
    case "stale": return { shape: "▲", word: "Stale", more: `no frame for ${duration(age.value)}` };
    case "connecting": return { shape: "○", word: "Connecting", more: "" };
    default: return { shape: "●", word: "Live", more: `sequence ${count(sequence.value)}` };
  }
});

const Pill = () => <button type="button" class="pill" data-state={status.value} onClick={() => freeze()}
  aria-pressed={frozen.value != null} title={frozen.value != null ? "Follow again (p)" : "Freeze the view at this sequence (p)"}>
  <span aria-hidden="true">{pill.value.shape}</span> <b>{pill.value.word}</b>{pill.value.more && <span class="more"> {pill.value.more}</span>}
</button>;

const theme = {
  get: () => document.documentElement.dataset.theme ?? "",
  next() {
    const dark = this.get() ? this.get() === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    document.documentElement.dataset.theme = dark ? "light" : "dark";
    document.cookie = `eddy_theme=${dark ? "light" : "dark"}; path=/; max-age=31536000; samesite=strict`;
    dispatchEvent(new Event("eddy-theme"));
  },
};

const signOut = async () => {
  await fetch("/sign-out", { method: "POST", redirect: "manual" }).catch(() => { /* the next page says that the engine does not answer */ });
  location.href = "/sign-in";
};

const Header = () => <>
  <a class="skip" href="#main">Skip to the content</a>
  <a class="brand" href="/"><span aria-hidden="true" class="mark" />Eddy</a>
  <nav aria-label="Pages">{pages.map((p) => <a href={p.href} aria-current={shell.page === p.id ? "page" : within[shell.page] === p.id ? "true" : undefined}>{p.title}</a>)}</nav>
  <span class="spring" />
  <span class="note clock">{eventTime.value ? <>event time <time dateTime={eventTime.value}>{when(eventTime.value)}</time></> : "no events yet"} <abbr title={`All times are in ${shell.zone}`}>{zoneName}</abbr></span>
  <Pill />
  <button type="button" class="quiet tool" onClick={() => theme.next()} title="Light or dark">◐<span class="sr"> Light or dark</span></button>
  <button type="button" class="quiet tool" onClick={() => { open.value = "help"; }} title="Keys (?)">?<span class="sr"> Keys</span></button>
  {shell.guarded && <button type="button" class="quiet" onClick={signOut}>Sign out</button>}
  <span class="sr" role="status">{announcement}</span>
</>;

function Modal(props: { name: "help" | "palette"; title: string; children: ComponentChildren; class?: string }) {
  const ref = useRef<HTMLDialogElement>(null);
  useEffect(() => { if (!ref.current!.open) ref.current!.showModal(); }, []);
  return <dialog ref={ref} class={props.class} aria-label={props.title} onClose={() => { if (open.value === props.name) open.value = ""; }}
    onClick={(e) => { if (e.target === ref.current) ref.current!.close(); }}>{props.children}</dialog>;
}

const Help = () => <Modal name="help" title="Keys">
  <header><h2>Keys</h2><button type="button" class="quiet" onClick={(e) => e.currentTarget.closest("dialog")!.close()}>Close</button></header>
  {[...new Set(commands.value.filter((c) => c.key).map((c) => c.group))].map((group) => <>
    <h3>{group}</h3>
    <dl class="keys">{commands.value.filter((c) => c.key && c.group === group).map((c) => <div><dt>{c.key!.split(" ").map((k) => <kbd>{k}</kbd>)}</dt><dd>{c.title}</dd></div>)}</dl>
  </>)}
  <label class="check"><input type="checkbox" checked={lettersOn.value} onChange={(e) => setLetters(e.currentTarget.checked)} /> Single-letter keys are on</label>
</Modal>;

const typed = signal(""), picked = signal(0);
const hits = computed(() => {
  const want = typed.value.toLowerCase().split(/\s+/).filter(Boolean);
  const all = [...commands.value.filter((c) => c.key !== "Ctrl-K"), ...queries().map((q) => ({ title: `SQL of “${q.named.title}”`, group: "SQL", run: () => openSql(q.named.name) }))] as typeof commands.value;
  return all.filter((c) => want.every((w) => `${c.title} ${c.group}`.toLowerCase().includes(w)));
});

const Palette = () => {
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => input.current!.focus(), []);
  const pick = (i: number) => { const hit = hits.value[i]; if (hit) { input.current!.closest("dialog")!.close(); hit.run(); } };
  return <Modal name="palette" title="Commands" class="palette">
    <label class="note" for="palette-text">A page, an action, a query</label>
    <input ref={input} id="palette-text" type="text" role="combobox" aria-expanded="true" aria-controls="palette-list" aria-activedescendant={hits.value.length ? `hit-${picked.value}` : undefined}
      value={typed.value} onInput={(e) => { typed.value = e.currentTarget.value; picked.value = 0; }}
      onKeyDown={(e) => {
        const n = hits.value.length;
        if (e.key === "ArrowDown" && n) { picked.value = (picked.value + 1) % n; e.preventDefault(); }
        else if (e.key === "ArrowUp" && n) { picked.value = (picked.value + n - 1) % n; e.preventDefault(); }
        else if (e.key === "Enter") { pick(picked.value); e.preventDefault(); }
      }} />
    <ul id="palette-list" role="listbox" aria-label="Commands">{hits.value.map((c, i) =>
      <li id={`hit-${i}`} role="option" aria-selected={i === picked.value} onClick={() => pick(i)}><span>{c.title}</span><span class="note">{c.key?.split(" ").map((k) => <kbd>{k}</kbd>) ?? c.group}</span></li>)}
    </ul>
    {!hits.value.length && <p class="note">Nothing of that name.</p>}
  </Modal>;
};

/** Moves the focus from card to card. */
function step(by: number): void {
  const cards = [...document.querySelectorAll<HTMLElement>("main [data-card]")];
  const at = cards.findIndex((c) => c.contains(document.activeElement));
  const next = cards[at < 0 ? 0 : Math.min(cards.length - 1, Math.max(0, at + by))];
  next?.focus({ preventScroll: true });
  next?.scrollIntoView({ block: "nearest" });
}

function sqlOfFocused(): void {
  const card = document.activeElement?.closest<HTMLElement>("[data-query]") ?? document.querySelector<HTMLElement>("main [data-query]");
  if (card?.dataset.query) openSql(card.dataset.query);
}

export function mount(page: () => ComponentChildren): void {
  command(
    ...pages.map((p) => ({ key: p.key, title: `Go to ${p.title}`, group: "Pages", run: () => { if (shell.page !== p.id) location.href = p.href; } })),
    { key: "Ctrl-K", title: "Commands", group: "Everywhere", run: () => { typed.value = ""; picked.value = 0; open.value = "palette"; } },
    { key: "?", title: "All keys", group: "Everywhere", run: () => { open.value = "help"; } },
    { key: "p", title: "Freeze or follow", group: "Everywhere", run: () => freeze() },
    { key: "j", title: "Next card or row", group: "Everywhere", run: () => step(1) },
    { key: "k", title: "Previous card or row", group: "Everywhere", run: () => step(-1) },
    { title: "Light or dark", group: "Everywhere", run: () => theme.next() },
    { title: "Turn single-letter keys on or off", group: "Everywhere", run: () => setLetters(!lettersOn.peek()) },
  );
  if (shell.guarded) command({ title: "Sign out", group: "Everywhere", run: () => void signOut() });
  if (shell.page !== "workbench") command({ key: "s", title: "SQL of the focused card", group: "Everywhere", run: sqlOfFocused });
  const Overlays = () => <>{open.value === "help" && <Help />}{open.value === "palette" && <Palette />}<SqlPanel /></>;
  render(<Header />, document.getElementById("top")!);
  const main = document.getElementById("main")!;
  main.replaceChildren();
  const Page = page;
  render(<Page />, main);
  render(<Overlays />, document.getElementById("overlays")!);
  document.documentElement.dataset.ready = "yes";
  // The first rows are not a change: tints start when the page has settled.
  setTimeout(() => { document.documentElement.dataset.settled = "yes"; }, 1000);
}
