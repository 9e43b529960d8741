// The curve over thresholds: expected rupees as a line within its interval, with upright marks. Drawn to the width it has; the slider below it reads its points.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Point } from "../../lib/threshold";

export interface Mark { at: number; label: string; strong?: boolean }

const left = 56, right = 12, top = 8, bottom = 24;

/** Round figures from low to high, about as many as asked for. */
function ticks(low: number, high: number, wanted: number): number[] {
  const raw = (high - low) / wanted || 1, power = 10 ** Math.floor(Math.log10(raw)), step = power * ([1, 2, 5, 10].find((s) => s * power >= raw) ?? 10);
  const out: number[] = [];
  for (let v = Math.ceil(low / step) * step; v <= high + step * 1e-9; v += step) out.push(Math.abs(v) < step * 1e-9 ? 0 : v);
  return out;
}

export function Curve(props: { points: Point[]; marks: Mark[]; format: (minor: number) => string; label: string; pick: (threshold: number) => void }) {
  const host = useRef<HTMLDivElement>(null), width = useSignal(0), height = 220;
  useEffect(() => {
    const watch = new ResizeObserver(() => { width.value = host.current?.clientWidth ?? 0; });
    watch.observe(host.current!);
    return () => watch.disconnect();
  }, []);
  const { points } = props, low = Math.min(0, ...points.map((p) => p.low)), high = Math.max(0, ...points.map((p) => p.high)), span = high - low || 1;
  const wide = Math.max(1, width.value - left - right), tall = height - top - bottom;
  const x = (threshold: number) => left + wide * threshold / 100, y = (v: number) => top + tall * (high - v) / span;
  const path = (of: (p: Point) => number, list = points) => list.map((p) => `${x(p.threshold).toFixed(1)},${y(of(p)).toFixed(1)}`).join(" ");
  const pick = (e: MouseEvent) => {
    const box = host.current!.getBoundingClientRect();
    props.pick(Math.round(Math.min(100, Math.max(0, 100 * (e.clientX - box.left - left) / wide))));
  };
  return <div ref={host} class="curve" style={{ height: `${height}px` }} onClick={pick}>
    {width.value > 0 && <svg width={width.value} height={height} role="img" aria-label={`${props.label}. The slider below reads out its points.`}>
      {ticks(low, high, 4).map((v) => <g class={v === 0 ? "zero" : ""}><line x1={left} x2={left + wide} y1={y(v)} y2={y(v)} /><text x={left - 6} y={y(v) + 4} text-anchor="end">{props.format(v)}</text></g>)}
      {[0, 20, 40, 60, 80, 100].map((v) => <text x={x(v)} y={height - 6} text-anchor={v === 0 ? "start" : v === 100 ? "end" : "middle"}>{v}%</text>)}
      <polygon class="band" points={`${path((p) => p.high)} ${path((p) => p.low, [...points].reverse())}`} />
      <polyline points={path((p) => p.saved)} />
      {props.marks.map((m, i) => { const over = m.at > 50; return <g class={m.strong ? "cut strong" : "cut"}><line x1={x(m.at)} x2={x(m.at)} y1={top} y2={top + tall} />
        <text x={x(m.at) + (over ? -5 : 5)} y={top + 12 + i * 16} text-anchor={over ? "end" : "start"}>{m.label}</text></g>; })}
    </svg>}
  </div>;
}
