// Keys: one registry, which the help and the palette read. Single letters can be turned off; Ctrl-K and Escape stay.
import { signal } from "@preact/signals";

export interface Command { key?: string; title: string; run: () => void; group: string }

const store = "eddy.keys";
const read = () => { try { return localStorage.getItem(store); } catch { return null; } };
export const lettersOn = signal(read() !== "off");
export function setLetters(on: boolean): void {
  lettersOn.value = on;
  try { on ? localStorage.removeItem(store) : localStorage.setItem(store, "off"); } catch { /* a browser that keeps nothing forgets this choice */ }
}

export const commands = signal<Command[]>([]);
export function command(...added: Command[]): void { commands.value = [...commands.peek(), ...added]; }

const typing = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));

let prefix = "", prefixTimer: ReturnType<typeof setTimeout> | undefined;
addEventListener("keydown", (e) => {
  if ((e.ctrlKey || e.metaKey) && e.key.toLowerCase() === "k") {
    const palette = commands.peek().find((c) => c.key === "Ctrl-K");
    if (palette) { e.preventDefault(); palette.run(); }
    return;
  }
  if (e.ctrlKey || e.metaKey || e.altKey || e.defaultPrevented || !lettersOn.peek()) return;
  if (typing(e.target) || document.querySelector("dialog[open]")) return;
  const key = prefix ? `${prefix} ${e.key}` : e.key;
  clearTimeout(prefixTimer);
  prefix = "";
  const hit = commands.peek().find((c) => c.key === key);
  if (hit) { e.preventDefault(); hit.run(); return; }
  if (key === "g") { prefix = "g"; prefixTimer = setTimeout(() => { prefix = ""; }, 1500); }
});
