// Lines over time: a count with its band and the alerts on it, or areas that stand on each other. Drag to zoom.
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { clock, day, full, number, short } from "../format";

export interface Line { name: string; values: (number | null)[]; color: string; fill?: string; band?: boolean; dash?: boolean }
export interface Mark { at: number; label: string; color: string; href: string }
interface Props {
  times: number[]; lines: Line[]; low?: (number | null)[]; high?: (number | null)[]; marks?: Mark[]; zone: string; height?: number;
  label: string; onZoom?: (from: number, to: number) => void; onPoint?: (at: number, step: number) => void; stacked?: boolean; step: number;
}

const css = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export function Chart(props: Props) {
  const box = useRef<HTMLDivElement>(null), latest = useRef(props), plot = useRef<uPlot | null>(null), dragging = useRef(false);
  latest.current = props;
  const { times, lines, low, high, zone, height = 220, label, step, stacked } = props;
  const shape = JSON.stringify([lines.map((one) => [one.name, one.color]), Boolean(low), zone, height, step, document.documentElement.dataset.theme]);

  const columns = (): uPlot.AlignedData => {
    const drawn = stacked ? stack(lines.map((one) => one.values)) : lines.map((one) => one.values);
    return [times, ...drawn, ...(low && high ? [high, low] : [])] as unknown as uPlot.AlignedData;
  };

  useEffect(() => {
    const host = box.current;
    if (!host) return;
    const ink = css("--ink-2"), grid = css("--line"), bandColor = css("--band"), many = lines.length;
    const made = new uPlot({
      width: host.clientWidth || 600, height, padding: [12, 8, 0, 0], cursor: { drag: { x: Boolean(latest.current.onZoom), y: false, setScale: false }, points: { size: 7 } },
      legend: { show: false }, scales: { x: { time: true, range: (_, from, to) => [from, to + step] }, y: { range: (_, __, most) => [0, Math.max(most * 1.08, 4)] } },
      tzDate: (stamp) => uPlot.tzDate(new Date(stamp * 1000), zone),
      axes: [
        { stroke: ink, size: 28, grid: { stroke: grid, width: 1 }, ticks: { show: false }, values: (_, splits, __, ___, gap) => splits.map((at) => gap >= 86400 ? day(at, zone).replace(",", "") : clock(at, zone) === "00:00" ? day(at, zone).replace(",", "") : clock(at, zone)), space: 78, font: "12px system-ui, sans-serif" },
        { stroke: ink, grid: { stroke: grid, width: 1 }, ticks: { show: false }, size: 44, values: (_, splits) => splits.map((one) => Number.isInteger(one) ? short(one) : ""), font: "12px system-ui, sans-serif" },
      ],
      series: [{}, ...lines.map((one) => ({ label: one.name, stroke: one.color, width: stacked ? 1 : 1.75, ...(one.fill ? { fill: one.fill } : {}), ...(one.dash ? { dash: [4, 4] } : {}), points: { show: times.length < 3 }, paths: uPlot.paths.stepped!({ align: 1 })})),
        ...(low && high ? [{ label: "high", stroke: "transparent", width: 0, points: { show: false }, paths: uPlot.paths.stepped!({ align: 1 }) }, { label: "low", stroke: "transparent", width: 0, points: { show: false }, paths: uPlot.paths.stepped!({ align: 1 }) }] : [])],
      bands: [...(low && high ? [{ series: [many + 1, many + 2] as [number, number], fill: bandColor }] : []),
        ...(stacked ? lines.slice(1).map((one, place) => ({ series: [place + 2, place + 1] as [number, number], fill: one.fill ?? one.color })) : [])],
      hooks: {
        draw: [(u) => marks(u, latest.current.marks ?? [])],
        setSelect: [(u) => {
          const { left, width } = u.select;
          if (width > 4) latest.current.onZoom?.(Math.floor(u.posToVal(left, "x")), Math.ceil(u.posToVal(left + width, "x")));
          u.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
        }],
        setCursor: [(u) => tell(u, host, latest.current)],
        ready: [(u) => {
          u.over.addEventListener("mousedown", () => { dragging.current = true; });
          u.over.addEventListener("click", (event) => {
            const mark = near(u, latest.current.marks ?? [], event.offsetX);
            if (mark) { history.pushState(null, "", mark.href); dispatchEvent(new Event("tocsin-moved")); return; }
            const index = u.cursor.idx;
            if (index !== null && index !== undefined && latest.current.times[index] !== undefined) latest.current.onPoint?.(latest.current.times[index]!, latest.current.step);
          });
        }],
      },
    }, columns(), host);
    plot.current = made;
    const watch = new ResizeObserver(() => made.setSize({ width: host.clientWidth, height }));
    watch.observe(host);
    return () => { watch.disconnect(); made.destroy(); plot.current = null; };
  }, [shape]);

  // What comes in while somebody drags waits: it would end the drag.
  useEffect(() => { if (!dragging.current) plot.current?.setData(columns()); }, [times, lines, low, high, props.marks]);
  useEffect(() => {
    const ended = () => { if (dragging.current) { dragging.current = false; setTimeout(() => plot.current?.setData(columns())); } };
    addEventListener("mouseup", ended);
    return () => removeEventListener("mouseup", ended);
  });

  const move = (event: KeyboardEvent) => {
    const u = plot.current;
    if (!u || !["ArrowLeft", "ArrowRight", "Enter", "Home", "End"].includes(event.key)) return;
    event.preventDefault();
    let index = u.cursor.idx ?? times.length - 1;
    if (event.key === "ArrowLeft") index -= 1; if (event.key === "ArrowRight") index += 1;
    if (event.key === "Home") index = 0; if (event.key === "End") index = times.length - 1;
    index = Math.min(Math.max(index, 0), times.length - 1);
    if (event.key === "Enter") { latest.current.onPoint?.(times[index]!, step); return; }
    u.setCursor({ left: u.valToPos(times[index]!, "x"), top: 20 });
  };
  return <div class="chart" tabIndex={0} role="img" aria-label={`${label}. ${summary(props)} Arrow keys move over it, Enter shows the posts.`} onKeyDown={move}>
    <div ref={box} /><output class="tip" aria-live="polite" />
  </div>;
}

function stack(columns: (number | null)[][]): number[][] {
  const sums: number[] = [];
  return columns.map((column) => column.map((value, at) => (sums[at] = (sums[at] ?? 0) + (value ?? 0))));
}

function marks(u: uPlot, all: Mark[]) {
  const { ctx, bbox } = u;
  for (const mark of all) {
    const x = Math.round(u.valToPos(mark.at, "x", true));
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    ctx.save();
    ctx.strokeStyle = ctx.fillStyle = mark.color; ctx.lineWidth = devicePixelRatio; ctx.setLineDash([3 * devicePixelRatio, 3 * devicePixelRatio]);
    ctx.beginPath(); ctx.moveTo(x, bbox.top); ctx.lineTo(x, bbox.top + bbox.height); ctx.stroke();
    const size = 6 * devicePixelRatio;
    ctx.setLineDash([]); ctx.beginPath(); ctx.moveTo(x - size, bbox.top - size); ctx.lineTo(x + size, bbox.top - size); ctx.lineTo(x, bbox.top + size); ctx.closePath(); ctx.fill();
    ctx.restore();
  }
}

const near = (u: uPlot, all: Mark[], x: number): Mark | undefined => all.find((mark) => Math.abs(u.valToPos(mark.at, "x") - x) < 7);

function tell(u: uPlot, host: HTMLElement, { times, lines, low, high, zone, marks: all }: Props) {
  const tip = host.parentElement?.querySelector<HTMLOutputElement>(".tip");
  const index = u.cursor.idx;
  if (!tip || index === null || index === undefined || (u.cursor.left ?? -1) < 0) { if (tip) tip.textContent = ""; return; }
  const values = lines.map((one) => one.values[index] === null || one.values[index] === undefined ? "" : `${one.name} ${number(one.values[index]!)}`).filter(Boolean);
  const expected = low?.[index] !== null && low?.[index] !== undefined && high?.[index] != null ? `expected ${number(low[index]!)} to ${number(high[index]!)}` : "";
  const mark = near(u, all ?? [], u.cursor.left ?? -99);
  tip.textContent = [full(times[index]!, zone).slice(0, -3), ...values, expected, mark ? `alert: ${mark.label}` : ""].filter(Boolean).join(" · ");
}

function summary({ times, lines, zone }: Props): string {
  const one = lines[0];
  if (!one || !times.length) return "Nothing is there.";
  let best = 0;
  one.values.forEach((value, at) => { if ((value ?? 0) > (one.values[best] ?? 0)) best = at; });
  return `Most is ${number(one.values[best] ?? 0)} at ${full(times[best]!, zone)}.`;
}

/** A line without axes, in a row of figures. */
export function Spark({ values, label }: { values: number[]; label: string }) {
  const most = Math.max(...values, 1), width = 100, height = 26;
  const points = values.map((value, at) => `${(at / Math.max(values.length - 1, 1)) * width},${height - 2 - (value / most) * (height - 4)}`).join(" ");
  return <svg class="spark" viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" role="img" aria-label={label}><polyline points={points} /></svg>;
}
