// An interval as a line and its estimate as a dot, on an axis that all rows of a column share. The figures stand beside it: this is not their only form.

export interface Axis { from: number; to: number }

/** An axis that fits the intervals, with a little room. */
export function axisOf(list: ({ low: number; high: number } | null)[], also: number[] = []): Axis {
  const all = [...list.flatMap((i) => i ? [i.low, i.high] : []), ...also];
  if (!all.length) return { from: 0, to: 1 };
  const from = Math.min(...all), to = Math.max(...all), room = (to - from) * 0.06 || 0.01;
  return { from: from - room, to: to + room };
}

export function Interval(props: { low: number; high: number; at: number | null; usual: number; axis: Axis }) {
  const { axis } = props, x = (v: number) => 2 + 96 * Math.min(1, Math.max(0, (v - axis.from) / (axis.to - axis.from || 1)));
  return <svg class="interval" width="100" height="16" viewBox="0 0 100 16" aria-hidden="true">
    <line class="usual" x1={x(props.usual)} x2={x(props.usual)} y1="1" y2="15" />
    <line x1={x(props.low)} x2={x(props.high)} y1="8" y2="8" />
    {props.at != null && <circle cx={x(props.at)} cy="8" r="3" />}
  </svg>;
}
