// Series by time, coloured by how unusual each stretch was: what a line over a month would hide.
import { useEffect, useRef, useState } from "preact/hooks";
import { full, named, number } from "../format";

export interface Cell { series: string[]; start: string; score: number | null; count: number | null }
interface Props { cells: Cell[]; step: number; zone: string; selected: string | null; onPick: (series: string[], at: number, step: number) => void; onSeries: (series: string[]) => void }

/** Of a score (1 rings), a step of the colour scale: 0 to 5. */
export const degree = (score: number | null): number => {
  if (score === null) return -1;
  const size = Math.abs(score);
  return size >= 2 ? 5 : size >= 1 ? 4 : size >= 0.75 ? 3 : size >= 0.5 ? 2 : size >= 0.25 ? 1 : 0;
};

export function Heat({ cells, step, zone, selected, onPick, onSeries }: Props) {
  const rows = new Map<string, Cell[]>();
  for (const cell of cells) {
    const key = JSON.stringify(cell.series);
    const row = rows.get(key);
    if (row) row.push(cell); else rows.set(key, [cell]);
  }
  const [told, tell] = useState("");
  return <div class="heat" role="group" aria-label="How unusual every series was over time">
    {[...rows].map(([key, row]) => <Strip key={key} name={key} row={row} step={step} zone={zone} chosen={key === selected} onPick={onPick} onSeries={onSeries} tell={tell} />)}
    <p class="legend" aria-hidden="true"><span>usual</span>{[0, 1, 2, 3, 4, 5].map((one) => <i key={one} class={`d${one}`} />)}<span>rings</span><span class="gap" /><i class="d-1" /><span>not judged</span></p>
    <output class="tip" aria-live="polite">{told}</output>
  </div>;
}

function Strip({ name, row, step, zone, chosen, onPick, onSeries, tell }: { name: string; row: Cell[]; chosen: boolean; tell: (said: string) => void } & Omit<Props, "cells" | "selected">) {
  const canvas = useRef<HTMLCanvasElement>(null), [at, setAt] = useState<number | null>(null);
  const series = JSON.parse(name) as string[];
  const theme = document.documentElement.dataset.theme;
  useEffect(() => {
    const host = canvas.current;
    if (!host) return;
    const draw = () => {
      const ratio = devicePixelRatio || 1, width = host.clientWidth, height = host.clientHeight;
      host.width = width * ratio; host.height = height * ratio;
      const context = host.getContext("2d");
      if (!context) return;
      context.scale(ratio, ratio);
      const style = getComputedStyle(document.documentElement), colors = [-1, 0, 1, 2, 3, 4, 5].map((one) => style.getPropertyValue(`--heat${one}`).trim());
      const each = width / row.length;
      row.forEach((cell, place) => {
        const kind = degree(cell.score), x = place * each;
        context.fillStyle = colors[kind + 1] ?? "#888";
        context.fillRect(x, 0, Math.max(each - (each > 5 ? 1 : 0.25), 0.5), height);
        if (kind === -1) { context.strokeStyle = style.getPropertyValue("--ink-3"); context.lineWidth = 0.5; context.beginPath(); context.moveTo(x, height); context.lineTo(x + Math.min(each, height), 0); context.stroke(); }
        if (kind >= 4) { context.fillStyle = style.getPropertyValue("--on-hot"); const size = Math.min(each / 2 - 1, 4); if (size > 1.5) { const middle = x + each / 2 - 0.5, up = (cell.score ?? 0) > 0, y = height / 2; context.beginPath(); context.moveTo(middle - size, up ? y + size / 1.5 : y - size / 1.5); context.lineTo(middle + size, up ? y + size / 1.5 : y - size / 1.5); context.lineTo(middle, up ? y - size : y + size); context.fill(); } }
      });
      if (at !== null) { context.strokeStyle = style.getPropertyValue("--ink"); context.lineWidth = 2; context.strokeRect(at * each + 1, 1, Math.max(each - 2, 2), height - 2); }
    };
    draw();
    const watch = new ResizeObserver(draw);
    watch.observe(host);
    return () => watch.disconnect();
  }, [row, at, theme]);
  const say = (place: number) => {
    const cell = row[place];
    if (!cell) return;
    const judged = cell.score === null ? "not judged" : Math.abs(cell.score) >= 1 ? `${cell.score < 0 ? "fall" : "rise"} that rings (${Math.abs(cell.score).toFixed(1)}× the threshold)` : `${Math.round(Math.abs(cell.score) * 100)}% of what would ring`;
    tell(`${named(series)} · ${full(cell.start, zone).slice(0, -3)} · ${cell.count === null ? "not over" : `${number(cell.count)} mentions`} · ${judged}`);
  };
  const placeOf = (event: MouseEvent) => Math.min(row.length - 1, Math.max(0, Math.floor((event.offsetX / (canvas.current?.clientWidth || 1)) * row.length)));
  const pick = (place: number) => { const cell = row[place]; if (cell) onPick(series, new Date(cell.start).getTime() / 1000, step); };
  const keys = (event: KeyboardEvent) => {
    const from = at ?? row.length;
    if (event.key === "Enter" && at !== null) return pick(at);
    const to = event.key === "ArrowLeft" ? from - 1 : event.key === "ArrowRight" ? from + 1 : event.key === "Home" ? 0 : event.key === "End" ? row.length - 1 : null;
    if (to === null) return;
    event.preventDefault();
    const place = Math.min(row.length - 1, Math.max(0, to));
    setAt(place); say(place);
  };
  const hot = row.filter((cell) => degree(cell.score) >= 4).length;
  return <div class={`strip ${chosen ? "chosen" : ""}`}>
    <button class="name" onClick={() => onSeries(series)} aria-pressed={chosen} title={`Show ${named(series)} in the chart`}>{named(series)}</button>
    <canvas ref={canvas} tabIndex={0} role="img" aria-label={`${named(series)}: ${hot ? `${hot} of ${row.length} stretches stood out` : "nothing stood out"}. Arrow keys move, Enter shows the posts.`}
      onMouseMove={(event) => say(placeOf(event))} onMouseLeave={() => tell("")} onClick={(event) => pick(placeOf(event))} onKeyDown={keys} onBlur={() => { setAt(null); tell(""); }} />
  </div>;
}
