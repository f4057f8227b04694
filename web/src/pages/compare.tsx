import { useMemo } from "preact/hooks";
import type { About, Rows } from "../api";
import { length, number, percent, seconds } from "../format";
import { filters, update, useAddress } from "../state";
import { Chart } from "../ui/chart";
import { Panel, useData } from "../ui/load";

interface Bucket { start: string; value: string; posts: number }
interface Value { value: string; posts: number; positive: number; negative: number }
const BY = ["category", "watch", "source", "language", "country", "sentiment"] as const, MOST = 5;
const css = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export default function Compare({ zone }: { about: About; zone: string }) {
  const { query } = useAddress(), asked = filters(query), by = (BY as readonly string[]).includes(query.get("by") ?? "") ? query.get("by")! : "category", indexed = query.get("index") === "100";
  const values = useData<Rows<Value>>("/api/values", { of: by, ...asked, limit: 20 }), chosen = query.getAll("of").length ? query.getAll("of").slice(0, MOST) : (values.data?.rows ?? []).slice(0, 4).map((one) => one.value);
  const found = useData<Rows<Bucket>>("/api/mentions", { by, ...asked, points: 150 }, ["posts"]), step = found.data?.bucket_seconds ?? 60;
  const total = (values.data?.rows ?? []).reduce((sum, one) => sum + one.posts, 0);
  const [times, columns] = useMemo(() => {
    const data = found.data;
    if (!data?.start || !data.end) return [[] as number[], new Map<string, number[]>()] as const;
    const from = seconds(data.start), many = Math.max(1, Math.round((seconds(data.end) - from) / step)), made = new Map<string, number[]>();
    for (const row of data.rows) { const at = Math.round((seconds(row.start) - from) / step); let column = made.get(row.value); if (!column) made.set(row.value, (column = new Array<number>(many).fill(0))); if (at >= 0 && at < many) column[at] = row.posts; }
    return [Array.from({ length: many }, (_, at) => from + at * step), made] as const;
  }, [found.data]);
  const shown = chosen.map((name, place) => { const column = columns.get(name) ?? times.map(() => 0), mean = column.reduce((sum, one) => sum + one, 0) / (column.length || 1) || 1; return { name, color: css(`--series${place + 1}`), values: indexed ? column.map((one) => (100 * one) / mean) : column }; });
  const pick = (name: string) => update({ of: chosen.includes(name) ? chosen.filter((one) => one !== name) : [...chosen, name].slice(-MOST) });
  return <>
    <Panel title="Compare" of={values} links={<><label>by <select value={by} onChange={(event) => update({ by: event.currentTarget.value, of: null })}>{BY.map((one) => <option key={one}>{one}</option>)}</select></label><label><input type="checkbox" checked={indexed} onChange={() => update({ index: indexed ? null : "100" })} /> each one's mean is 100</label></>}>
      <div class="chips" role="group" aria-label={`Up to ${MOST}`}>{(values.data?.rows ?? []).map((one) => <button key={one.value} class={`chip ${chosen.includes(one.value) ? "on" : ""}`} aria-pressed={chosen.includes(one.value)} onClick={() => pick(one.value)}>{one.value}</button>)}</div></Panel>
    <div class="columns">{shown.map((one) => <Panel key={one.name} title={one.name} note={`${length(step)} a point${indexed ? ", mean = 100" : ""}`} of={found} data={{ path: "/api/mentions", asked: { by, ...asked } }}>
      {times.length > 1 && <Chart times={times} zone={zone} height={150} step={step} label={`${one.name} over time`} lines={[one]} onZoom={(from, to) => update({ start: new Date(from * 1000).toISOString(), end: new Date(to * 1000).toISOString() })} />}</Panel>)}</div>
    <Panel title="Share of voice" data={{ path: "/api/values", asked: { of: by, ...asked } }} empty={!values.data?.rows.length}>
      <table><thead><tr><th>{by}</th><th class="right">Posts</th><th class="right">Share</th><th class="right">Positive</th><th class="right">Negative</th><th class="right">Net mood</th></tr></thead><tbody>
        {(values.data?.rows ?? []).filter((one) => chosen.includes(one.value)).map((one) => <tr key={one.value}><td>{one.value}</td><td class="right">{number(one.posts)}</td><td class="right">{percent(one.posts / (total || 1))}</td><td class="right">{percent(one.positive / one.posts)}</td><td class="right">{percent(one.negative / one.posts)}</td><td class="right">{Math.round((100 * (one.positive - one.negative)) / one.posts)}</td></tr>)}</tbody></table></Panel>
  </>;
}
