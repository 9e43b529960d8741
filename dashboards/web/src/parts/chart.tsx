// Lines over time by uPlot: the tenant's zone and dates, colours from the style sheet, arrow keys that read points out, a brush.
import { useEffect, useRef } from "preact/hooks";
import { signal } from "@preact/signals";
import uPlot from "uplot";
import { zone } from "../lib/format";

export interface Line { label: string; values: (number | null)[]; muted?: boolean; dash?: number[]; fill?: boolean }
export interface Chart {
  x: number[];                       // seconds since the epoch, or plain numbers when `time` is false
  time: boolean;
  lines: Line[];
  format: (value: number) => string;
  say: (index: number) => string;    // one point in words
  height?: number;
  label: string;
  band?: { low: (number | null)[]; high: (number | null)[] };
  marks?: { x: number; label: string }[]; // upright lines, named at their foot
  immatureFrom?: number;             // hatched from this x on
  hidePoint?: (index: number) => boolean;
  brush?: (from: number, to: number) => void;
}

function colour(name: string): string {
  const probe = document.createElement("i");
  probe.className = "probe";
  probe.style.setProperty("color", `var(${name})`);
  document.body.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}

function hatch(ctx: CanvasRenderingContext2D, ink: string): CanvasPattern | null {
  const tile = document.createElement("canvas"), side = 8 * devicePixelRatio;
  tile.width = tile.height = side;
  const c = tile.getContext("2d")!;
  c.strokeStyle = ink;
  c.globalAlpha = 0.35;
  c.lineWidth = devicePixelRatio;
  for (const shift of [-side, 0, side]) { c.beginPath(); c.moveTo(shift, side); c.lineTo(shift + side, 0); c.stroke(); }
  return ctx.createPattern(tile, "repeat");
}

const monthOf = new Intl.DateTimeFormat("en-GB", { timeZone: zone, month: "short", year: "2-digit" });
const dayOf = new Intl.DateTimeFormat("en-GB", { timeZone: zone, day: "numeric", month: "short" });
const hourOf = new Intl.DateTimeFormat("en-GB", { timeZone: zone, hour: "2-digit", minute: "2-digit", hourCycle: "h23" });

function options(chart: Chart, width: number): uPlot.Options {
  const ink = colour("--muted"), line = colour("--line"), series = [1, 2, 3, 4, 5].map((n) => colour(`--series-${n}`));
  const font = `12px ${getComputedStyle(document.body).fontFamily}`;
  const axis: uPlot.Axis = { stroke: ink, font, grid: { show: false }, ticks: { stroke: line, width: 1, size: 4 }, gap: 4 };
  let pattern: CanvasPattern | null = null;
  return {
    width, height: chart.height ?? 220, padding: [8, 12, 0, 0],
    tzDate: (ts) => uPlot.tzDate(new Date(ts * 1000), zone),
    legend: { show: false },
    cursor: { y: false, points: { size: 7, width: 1.5 }, drag: { x: !!chart.brush, y: false, setScale: false } },
    select: { show: !!chart.brush } as uPlot.Select,
    scales: { x: { time: chart.time }, y: { range: (_u, low, high) => { const bands = chart.band?.high ?? [], none = !bands.some((v, i) => v != null && !chart.hidePoint?.(i)), top = Math.max(high ?? 0, ...bands.map((v, i) => !none && chart.hidePoint?.(i) ? 0 : v ?? 0)); return [Math.min(0, low ?? 0), top > 0 ? top * 1.06 : top || 1]; } } },
    axes: [
      { ...axis, size: 28, space: 64, values: chart.time ? (_u, ticks, _i, _s, incr) => ticks.map((t) => (incr >= 28 * 86400 ? monthOf : incr >= 86400 ? dayOf : hourOf).format(t * 1000).replace("Sept", "Sep")) : undefined } as uPlot.Axis,
      { ...axis, size: 52, space: 32, grid: { show: true, stroke: line, width: 1 }, ticks: { show: false }, values: (_u, ticks) => ticks.map(chart.format) },
    ],
    series: [{}, ...chart.lines.map((l, i): uPlot.Series => ({
      label: l.label, stroke: l.muted ? ink : series[i % 5], width: 1.5, dash: l.dash ?? [[], [6, 3], [2, 3], [8, 3, 2, 3], [1, 2]][i % 5],
      fill: l.fill ? series[i % 5]!.replace(")", " / 0.08)").replace("rgb(", "rgb(") : undefined, spanGaps: false,
      points: { show: chart.x.length <= 80, size: 5, fill: l.muted ? ink : series[i % 5], stroke: l.muted ? ink : series[i % 5],
        filter: chart.hidePoint ? (_u, _s, show) => show ? chart.x.map((_v, k) => k).filter((k) => !chart.hidePoint!(k)) : null : undefined } as uPlot.Series.Points,
    }))],
    hooks: {
      drawClear: [(u) => {
        const { ctx, bbox } = u;
        if (chart.immatureFrom != null) {
          const left = Math.max(bbox.left, u.valToPos(chart.immatureFrom, "x", true)), right = bbox.left + bbox.width;
          if (left < right) {
            pattern ??= hatch(ctx, ink);
            ctx.save();
            if (pattern) ctx.fillStyle = pattern;
            ctx.fillRect(left, bbox.top, right - left, bbox.height);
            ctx.restore();
          }
        }
        for (const mark of chart.marks ?? []) {
          const at = Math.round(u.valToPos(mark.x, "x", true)) + 0.5;
          if (at < bbox.left || at > bbox.left + bbox.width) continue;
          ctx.save();
          ctx.strokeStyle = ctx.fillStyle = series[1]!;
          ctx.lineWidth = 1.5 * devicePixelRatio;
          ctx.beginPath();
          ctx.moveTo(at, bbox.top);
          ctx.lineTo(at, bbox.top + bbox.height);
          ctx.stroke();
          ctx.font = `${12 * devicePixelRatio}px ${getComputedStyle(document.body).fontFamily}`;
          ctx.textAlign = at > bbox.left + bbox.width * 0.8 ? "right" : "left";
          ctx.fillText(mark.label, at + (ctx.textAlign === "right" ? -4 : 4) * devicePixelRatio, bbox.top + 12 * devicePixelRatio);
          ctx.restore();
        }
        if (chart.band) {
          ctx.save();
          ctx.strokeStyle = ink;
          ctx.globalAlpha = 0.55;
          ctx.lineWidth = devicePixelRatio;
          ctx.beginPath();
          ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
          ctx.clip();
          chart.x.forEach((x, k) => {
            const low = chart.band!.low[k], high = chart.band!.high[k];
            if (low == null || high == null) return;
            const at = Math.round(u.valToPos(x, "x", true)) + 0.5;
            ctx.beginPath();
            ctx.moveTo(at, u.valToPos(low, "y", true));
            ctx.lineTo(at, u.valToPos(high, "y", true));
            ctx.stroke();
          });
          ctx.restore();
        }
      }],
      setSelect: chart.brush ? [(u) => {
        if (u.select.width < 6) return;
        const from = u.posToVal(u.select.left, "x"), to = u.posToVal(u.select.left + u.select.width, "x");
        u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        chart.brush!(from, to);
      }] : [],
    },
  };
}

const shape = (c: Chart) => JSON.stringify([c.time, c.lines.map((l) => [l.label, l.muted]), c.height, !!c.band, !!c.brush, c.x.length <= 80]);

export function TimeChart(chart: Chart) {
  const host = useRef<HTMLDivElement>(null), plot = useRef<uPlot | null>(null), latest = useRef(chart);
  const said = useRef(signal("")).current;
  // The options close over one object whose fields follow the newest rows, so that an update is data only.
  Object.assign(latest.current, chart);
  const data = [chart.x, ...chart.lines.map((l) => l.values)] as uPlot.AlignedData;
  const kind = shape(chart);
  useEffect(() => {
    const el = host.current!;
    const make = () => {
      plot.current?.destroy();
      plot.current = new uPlot({ ...options(latest.current, el.clientWidth), }, [latest.current.x, ...latest.current.lines.map((l) => l.values)] as uPlot.AlignedData, el);
      plot.current.over.addEventListener("mousemove", () => { const i = plot.current?.cursor.idx; said.value = i == null ? "" : latest.current.say(i); });
      plot.current.over.addEventListener("mouseleave", () => { said.value = ""; });
    };
    make();
    const watch = new ResizeObserver(() => { if (plot.current && el.clientWidth !== plot.current.width) plot.current.setSize({ width: el.clientWidth, height: latest.current.height ?? 220 }); });
    watch.observe(el);
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    addEventListener("eddy-theme", make);
    scheme.addEventListener("change", make);
    return () => { watch.disconnect(); removeEventListener("eddy-theme", make); scheme.removeEventListener("change", make); plot.current?.destroy(); plot.current = null; };
  }, [kind]);
  useEffect(() => { plot.current?.setData(data); });
  const move = (e: KeyboardEvent) => {
    const u = plot.current, n = chart.x.length;
    if (!u || !n) return;
    const at = u.cursor.idx ?? (e.key === "ArrowLeft" ? n : -1);
    const next = e.key === "ArrowRight" ? Math.min(n - 1, at + 1) : e.key === "ArrowLeft" ? Math.max(0, at - 1) : e.key === "Home" ? 0 : e.key === "End" ? n - 1 : null;
    if (next == null) return;
    e.preventDefault();
    u.setCursor({ left: u.valToPos(chart.x[next]!, "x"), top: 10 });
    said.value = chart.say(next);
  };
  return <figure class="chart">
    <div ref={host} class="plot" role="img" tabIndex={0} aria-label={`${chart.label}. Arrow keys read out the points.`} onKeyDown={move} />
    <figcaption class="readout"><span role="status">{said.value || "\u00a0"}</span></figcaption>
  </figure>;
}
