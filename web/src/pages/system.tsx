import { useMemo } from "preact/hooks";
import type { About, Me, Rows } from "../api";
import { ago, full, length, moment, number, percent, plain } from "../format";
import { Panel, useData } from "../ui/load";

interface Hour { source: string; stream: string; start: string; arrived: number; expected: number | null; seen: number; state: string }
interface Sys { queue: { waiting: number; dead: number }; lake: { rows: number; version: number }; index: { rows: number; behind: number } | null; detect: { rows: number; behind: number }; outbox: { destination: string; waiting: number; held: number; since: string; fault: string | null }[]; dead: number; disk: { free: number; total: number }; loops: Record<string, boolean>; pages: number; version: string }

export default function System({ about, me, zone, now }: { about: About; me: Me; zone: string; now: number }) {
  const system = useData<Sys>("/api/system", {}, ["counted", "posts"]), coverage = useData<Rows<Hour>>("/api/coverage", {}, ["counted"]);
  const audit = useData<Rows<{ at: string; who: string; by: string; done: string; what: string }>>(me.who?.role === "admin" ? "/api/audit" : null, {}, ["acted"]);
  const streams = useMemo(() => { const found = new Map<string, Hour[]>(); for (const row of coverage.data?.rows ?? []) { const key = row.stream && row.stream !== row.source ? `${row.source} / ${row.stream}` : row.source; const own = found.get(key); if (own) own.push(row); else found.set(key, [row]); } return [...found]; }, [coverage.data]);
  const silent = about.sources.filter((one) => !streams.some(([key]) => key === one.name || key.startsWith(`${one.name} /`))), one = system.data, low = one && one.disk.free < 2 * 2 ** 30;
  return <>
    <Panel title="Sources" note="the last week, an hour a stripe" of={coverage} data={{ path: "/api/coverage", asked: {} }} empty={!streams.length && !silent.length} emptyText="No source is configured.">
      <div class="scroll"><table class="wide"><thead><tr><th>Source</th><th>State</th><th>Last full hour</th><th class="right">Seen in a week</th><th>Hours</th></tr></thead><tbody>
        {streams.map(([key, hours]) => { const last = hours[hours.length - 1]!, seen = hours.reduce((sum, hour) => sum + hour.seen, 0) / hours.length; return <tr key={key}><td><bdi>{plain(key)}</bdi></td><td>{last.seen < 0.5 ? "▲ blind" : last.state}</td><td class="nowrap">{number(last.arrived)}{last.expected === null ? "" : `, usually ${number(last.expected)}`} <small>({moment(last.start, zone)})</small></td><td class="right">{percent(seen)}</td><td><Hours hours={hours} zone={zone} /></td></tr>; })}
        {silent.map((source) => <tr key={source.name}><td>{source.name} <small>({source.type})</small></td><td colSpan={4}>nothing counted yet</td></tr>)}</tbody></table></div></Panel>
    <div class="columns three">
      <Panel title="On the way" of={system}>{one && <dl><dt>In the queue</dt><dd>{number(one.queue.waiting)}</dd><dt>In the lake</dt><dd>{number(one.lake.rows)} rows</dd><dt>Not counted yet</dt><dd>{number(one.detect.behind)}</dd><dt>Not in the search yet</dt><dd>{one.index ? number(one.index.behind) : "is being made"}</dd><dt>Dead letters</dt><dd>{number(one.queue.dead)}{one.queue.dead > 0 ? <small> see `tocsin deadletter`</small> : ""}</dd></dl>}</Panel>
      <Panel title="Messages" of={system}>{one && <>{one.outbox.length ? <dl>{one.outbox.map((box) => <><dt>{box.destination}</dt><dd>{box.waiting} waiting since {ago(box.since, now)}{box.held ? `, ${box.held} held` : ""}{box.fault ? <span class="warn"> {plain(box.fault)}</span> : ""}</dd></>)}</dl> : <p>Nothing waits.</p>}{one.dead > 0 && <p class="warn">{one.dead} could not be sent: `tocsin deadletter`.</p>}<p class="note">To: {about.destinations.map((to) => to.name).join(", ") || "nobody yet: add `alerts: destinations:`"}</p></>}</Panel>
      <Panel title="This machine" of={system}>{one && <dl><dt>Loops</dt><dd>{Object.entries(one.loops).map(([name, runs]) => <span key={name} class={`chip ${runs ? "" : "quiet"}`}>{runs ? "●" : "○"} {name}</span>)}</dd><dt>Disk</dt><dd class={low ? "warn" : ""}>{(one.disk.free / 2 ** 30).toFixed(1)} of {(one.disk.total / 2 ** 30).toFixed(0)} GiB free</dd><dt>Pages open</dt><dd>{one.pages}</dd><dt>Version</dt><dd>{one.version}</dd><dt>Clock</dt><dd>{full(about.clock, zone)} {zone}</dd></dl>}</Panel></div>
    {audit.data && <Panel title="Who did what" of={audit} empty={audit.data.rows.length === 0} emptyText="Nobody has done anything yet."><table><tbody>{audit.data.rows.slice(0, 50).map((row, at) => <tr key={at}><td class="nowrap">{moment(row.at, zone)}</td><td>{row.who}</td><td>{row.done} {plain(row.what)}</td></tr>)}</tbody></table></Panel>}
    <p class="note">{length(3600)} stripes: full is all that was expected was seen. Software and its licences: <a href="/assets/licences.txt">licences</a>.</p>
  </>;
}
function Hours({ hours, zone }: { hours: Hour[]; zone: string }) {
  const last = hours.slice(-168);
  return <svg class="hours" viewBox={`0 0 ${last.length * 2} 14`} preserveAspectRatio="none" role="img" aria-label={`${last.filter((hour) => hour.seen < 0.99).length} of ${last.length} hours were not seen whole`}>{last.map((hour, at) => <rect key={at} x={at * 2} width={1.6} y={14 - 14 * Math.max(hour.seen, 0.08)} height={14 * Math.max(hour.seen, 0.08)} class={hour.seen < 0.99 ? "blind" : ""}><title>{`${moment(hour.start, zone)}: ${percent(hour.seen)} seen, ${hour.arrived} posts`}</title></rect>)}</svg>;
}
