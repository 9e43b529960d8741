// The editor: CodeMirror with the catalogue's names, their types and comments, and errors marked at their token. It runs nothing itself.
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap, type Completion } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, toggleComment } from "@codemirror/commands";
import { PostgreSQL, sql } from "@codemirror/lang-sql";
import { bracketMatching, HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { Compartment, EditorState, Prec, StateEffect, StateField } from "@codemirror/state";
import { Decoration, EditorView, keymap, lineNumbers, type DecorationSet } from "@codemirror/view";
import { tags as t } from "@lezer/highlight";
import type { Problem } from "../../lib/data";
import type { SchemaTable } from "./schema";

const colours = HighlightStyle.define([
  { tag: t.keyword, color: "var(--accent)", fontWeight: "600" },
  { tag: [t.string, t.special(t.string)], color: "var(--good)" },
  { tag: [t.number, t.bool, t.null], color: "var(--watch)" },
  { tag: [t.lineComment, t.blockComment], color: "var(--muted)", fontStyle: "italic" },
  { tag: t.typeName, color: "var(--muted)" },
]);

const look = EditorView.theme({
  "&": { fontSize: "13px", backgroundColor: "var(--paper)", color: "var(--ink)", height: "100%" },
  ".cm-content": { fontFamily: "var(--mono)", lineHeight: "20px", padding: "8px 0", caretColor: "var(--ink)" },
  ".cm-gutters": { backgroundColor: "var(--wash)", color: "var(--muted)", border: "0", borderRight: "1px solid var(--line)" },
  ".cm-lineNumbers .cm-gutterElement": { padding: "0 8px 0 12px" },
  "&.cm-focused, &:focus-within": { outline: "2px solid var(--accent)", outlineOffset: "-1px" },
  ".cm-tooltip": { backgroundColor: "var(--paper)", color: "var(--ink)", border: "1px solid var(--control)", borderRadius: "6px" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li": { padding: "2px 8px", lineHeight: "20px" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected]": { backgroundColor: "var(--tint)", color: "var(--ink)" },
  ".cm-completionDetail": { color: "var(--muted)", fontStyle: "normal", marginLeft: "12px" },
  ".cm-completionInfo": { maxWidth: "320px", padding: "8px" },
  ".cm-error": { textDecoration: "underline wavy var(--bad)", textUnderlineOffset: "3px", backgroundColor: "color-mix(in srgb, var(--bad) 14%, transparent)" },
  ".cm-matchingBracket, &.cm-focused .cm-matchingBracket": { backgroundColor: "var(--tint)", outline: "1px solid var(--control)" },
});

export interface Editor { text(): string; replace(text: string): void; insert(text: string): void; mark(problem: Problem | null): void; focus(): void; know(tables: SchemaTable[]): void }

// The error's token, underlined until the text changes.
const setError = StateEffect.define<{ from: number; to: number; says: string } | null>();
const errorMark = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(marks, change) {
    if (change.docChanged) marks = Decoration.none;
    for (const e of change.effects)
      if (e.is(setError)) marks = e.value ? Decoration.set(Decoration.mark({ class: "cm-error", attributes: { title: e.value.says } }).range(e.value.from, e.value.to)) : Decoration.none;
    return marks;
  },
  provide: (f) => EditorView.decorations.from(f),
});

const language = new Compartment();
function dialect(tables: SchemaTable[]) {
  const schema: Record<string, { self: Completion; children: Completion[] }> = {};
  for (const table of tables)
    schema[table.name] = {
      self: { label: table.name, type: "type", detail: table.kind, info: table.comment || undefined },
      children: table.columns.map((c) => ({ label: c.name, type: "property", detail: c.type, info: c.comment || undefined })),
    };
  return sql({ dialect: PostgreSQL, schema, upperCaseKeywords: false });
}

export function createEditor(host: HTMLElement, doc: string, nonce: string, on: { run: () => void; change: () => void }): Editor {
  const view = new EditorView({
    parent: host,
    state: EditorState.create({
      doc,
      extensions: [
        EditorView.cspNonce.of(nonce), lineNumbers(), history(), bracketMatching(), errorMark, closeBrackets(),
        autocompletion({ icons: false }), language.of(dialect([])), syntaxHighlighting(colours), look, EditorView.lineWrapping,
        EditorView.contentAttributes.of({ "aria-label": "SQL", spellcheck: "false", autocapitalize: "off" }),
        EditorView.updateListener.of((u) => { if (u.docChanged) on.change(); }),
        Prec.highest(keymap.of([{ key: "Mod-Enter", run: () => { on.run(); return true; } }, { key: "Mod-/", run: toggleComment }])),
        // Tab is not taken: the keyboard must find its way out.
        keymap.of([...closeBracketsKeymap, ...completionKeymap, ...defaultKeymap, ...historyKeymap, { key: "Escape", run: (v) => { v.contentDOM.blur(); host.focus(); return true; } }]),
      ],
    }),
  });
  return {
    text: () => view.state.doc.toString(),
    replace: (text) => view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text }, selection: { anchor: text.length } }),
    insert: (text) => { view.dispatch(view.state.replaceSelection(text)); view.focus(); },
    focus: () => view.focus(),
    know: (tables) => view.dispatch({ effects: language.reconfigure(dialect(tables)) }),
    mark(problem) {
      const doc = view.state.doc, range = problem && place(problem, doc.toString());
      if (!range) { view.dispatch({ effects: setError.of(null) }); return; }
      const to = Math.min(doc.length, range[1]), from = Math.min(range[0], to);
      view.dispatch({ effects: [setError.of(from < to ? { from, to, says: problem.detail || problem.title } : null), EditorView.scrollIntoView(from)], selection: { anchor: from } });
    },
  };
}

/** Where in the text the problem points: its position or line and column, else the first name its sentence quotes. */
export function place(problem: Problem, text: string): [number, number] | null {
  const word = (from: number): [number, number] => {
    const start = Math.max(0, Math.min(from, text.length)), m = /^(\w+|'[^']*'?|.)/s.exec(text.slice(start));
    return m ? [start, start + m[0].length] : [Math.max(0, text.trimEnd().length - 1), text.trimEnd().length];
  };
  if (problem.line) {
    const lines = text.split("\n");
    const start = lines.slice(0, problem.line - 1).reduce((n, l) => n + l.length + 1, 0) + Math.max(0, (problem.column ?? 1) - 1);
    return problem.length ? [start, start + problem.length] : word(start);
  }
  if (problem.position != null) return problem.length ? [problem.position, problem.position + problem.length] : word(problem.position);
  for (const m of (problem.detail ?? "").matchAll(/[`'"“]([^`'"”]+)[`'"”]|named ([\w.]+)/g)) {
    const name = (m[1] ?? m[2] ?? "").replace(/[.]$/, ""), last = name.split(".").at(-1)!;
    const at = last ? text.search(new RegExp(`\\b${last.replace(/[^\w]/g, "\\$&")}\\b`, "i")) : -1;
    if (at >= 0) return [at, at + last.length];
  }
  return /EOF|end of/i.test(problem.detail ?? "") ? word(text.length) : null;
}
