// The grid: an ARIA grid of any number of rows of one height, of which only the visible ones are in the page. Focus stays on the grid; the active
// cell is named by aria-activedescendant, so that a repaint moves neither focus nor scroll. Who holds rows elsewhere is told which are in view.
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

export interface GridColumn { label: string; type?: string; right?: boolean; mono?: boolean; width: number; title?: string }
export interface GridProps {
  id: string; label: string; columns: GridColumn[]; count: number;
  cell: (row: number, column: number) => ComponentChildren;
  height?: number; rowHeight?: number; selected?: number;
  sort?: { column: number; down: boolean } | null;
  onSort?: (column: number) => void; onRow?: (row: number) => void;
  /** Enter on a row, where it is something else than a click. */
  onEnter?: (row: number) => void;
  /** The keys moved to a row. */
  onMove?: (row: number) => void;
  onView?: (first: number, last: number) => void;
}

const head = 28, overscan = 8;

export function Grid(props: GridProps) {
  const { id, columns, count } = props, rowHeight = props.rowHeight ?? 28;
  const height = Math.max(84, Math.min(props.height ?? 420, (count + 1) * rowHeight + 18));
  const scroller = useRef<HTMLDivElement>(null), top = useSignal(0), row = useSignal(0), column = useSignal(0);
  const scrolled = () => { top.value = Math.floor(scroller.current!.scrollTop / rowHeight); };
  useEffect(() => { if (row.peek() >= count) row.value = Math.max(0, count - 1); }, [count]);

  const template = columns.map((c) => `${c.width}px`).join(" ");
  const total = columns.reduce((n, c) => n + c.width, 0);
  const page = () => Math.max(1, Math.floor((scroller.current?.clientHeight ?? 300) / rowHeight) - 2);
  const go = (r: number, c: number) => {
    row.value = Math.max(0, Math.min(count - 1, r));
    column.value = Math.max(0, Math.min(columns.length - 1, c));
    if (count) props.onMove?.(row.peek());
    const el = scroller.current!, at = row.peek() * rowHeight;
    if (at < el.scrollTop) el.scrollTop = at;
    else if (head + at + rowHeight > el.scrollTop + el.clientHeight) el.scrollTop = head + at + rowHeight - el.clientHeight;
    scrolled();
    const left = columns.slice(0, column.peek()).reduce((n, x) => n + x.width, 0), width = columns[column.peek()]?.width ?? 0;
    if (left < el.scrollLeft) el.scrollLeft = left;
    else if (left + width > el.scrollLeft + el.clientWidth) el.scrollLeft = left + width - el.clientWidth;
  };
  const keys = (e: KeyboardEvent) => {
    const r = row.peek(), c = column.peek();
    const moves: Record<string, () => void> = {
      ArrowDown: () => go(r + 1, c), ArrowUp: () => go(r - 1, c), ArrowRight: () => go(r, c + 1), ArrowLeft: () => go(r, c - 1),
      j: () => go(r + 1, c), k: () => go(r - 1, c), PageDown: () => go(r + page(), c), PageUp: () => go(r - page(), c),
      Home: () => go(e.ctrlKey ? 0 : r, 0), End: () => go(e.ctrlKey ? count - 1 : r, columns.length - 1),
      Enter: () => (props.onEnter ?? props.onRow)?.(r), o: () => props.onSort?.(c),
    };
    const move = e.altKey || e.metaKey || (e.ctrlKey && !["Home", "End"].includes(e.key)) ? undefined : moves[e.key];
    if (!move) return;
    e.preventDefault();
    e.stopPropagation();
    move();
  };
  const first = Math.max(0, top.value - overscan), last = Math.min(count - 1, top.value + Math.ceil(height / rowHeight) + overscan);
  const drawn = Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i);
  useEffect(() => props.onView?.(first, last), [first, last, count, props.onView]);
  const active = row.value >= first && row.value <= last ? `${id}-${row.value}-${column.value}` : undefined;
  return <div ref={scroller} class="grid" role="grid" tabIndex={0} aria-label={props.label} aria-rowcount={count + 1} aria-colcount={columns.length}
    aria-activedescendant={active} onKeyDown={keys} onScroll={scrolled} style={{ height: `${height}px` }}>
    <div role="rowgroup" class="ghead" style={{ width: `${total}px` }}><div role="row" aria-rowindex={1} class="grow" style={{ gridTemplateColumns: template }}>
      {columns.map((c, i) => <div role="columnheader" aria-colindex={i + 1} class={c.right ? "r" : ""} title={c.title}
        aria-sort={props.sort?.column === i ? (props.sort.down ? "descending" : "ascending") : undefined} onClick={() => props.onSort?.(i)}>
        <b>{c.label}</b>{props.sort?.column === i && <span aria-hidden="true">{props.sort.down ? " ↓" : " ↑"}</span>}{c.type && <span class="note"> {c.type}</span>}
      </div>)}
    </div></div>
    <div role="rowgroup" class="gbody" style={{ height: `${count * rowHeight}px`, width: `${total}px` }}>
      {drawn.map((r) => <div role="row" key={r} aria-rowindex={r + 2} class="grow" aria-selected={props.selected === r}
        data-active={r === row.value} style={{ gridTemplateColumns: template, height: `${rowHeight}px`, transform: `translateY(${r * rowHeight}px)` }}
        onClick={() => { row.value = r; props.onRow?.(r); }}>
        {columns.map((c, i) => <div role="gridcell" id={`${id}-${r}-${i}`} aria-colindex={i + 1} class={`${c.right ? "r" : ""} ${c.mono ? "mono" : ""} ${r === row.value && i === column.value ? "at" : ""}`}>{props.cell(r, i)}</div>)}
      </div>)}
    </div>
  </div>;
}

let pen: CanvasRenderingContext2D | null = null;
/** A width that fits the label and what the first rows hold. */
export function fit(label: string, texts: string[], mono = false): number {
  pen ??= document.createElement("canvas").getContext("2d")!;
  const style = getComputedStyle(document.body);
  const width = (text: string) => pen!.measureText(text).width;
  pen.font = `600 12px ${style.fontFamily}`;
  const head = width(label);
  pen.font = mono ? `12px ${style.getPropertyValue("--mono")}` : `14px ${style.fontFamily}`;
  return Math.ceil(Math.min(400, 30 + Math.max(head, 28, ...texts.map(width))));
}
