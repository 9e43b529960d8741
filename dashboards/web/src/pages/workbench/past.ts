// What was asked before, kept in this browser: the newest first, each text once.
import { signal } from "@preact/signals";

export interface Asked { sql: string; at: number; rows: number | null; ms: number | null }
const store = "eddy.sql.history", keep = 100;
const load = (): Asked[] => { try { return JSON.parse(localStorage.getItem(store) ?? "[]"); } catch { return []; } };
export const past = signal<Asked[]>(load());
export function remember(asked: Asked): void {
  past.value = [asked, ...past.peek().filter((a) => a.sql !== asked.sql)].slice(0, keep);
  try { localStorage.setItem(store, JSON.stringify(past.value)); } catch { /* without storage the history ends with the page */ }
}
export function forget(): void {
  past.value = [];
  try { localStorage.removeItem(store); } catch { /* nothing was kept */ }
}
