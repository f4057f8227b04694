import { lazy } from "../ui/lazy";
import { useEffect, useMemo, useState } from "preact/hooks";
import type { About, Asked, Incident, Post, Rows } from "../api";
import { length, moment, named, number, percent, seconds, short } from "../format";
import { carried, filters, isLive, update, useAddress } from "../state";
import { Chart, Spark, type Mark } from "../ui/chart";
import { Heat, type Cell } from "../ui/heat";
import { Panel, useData } from "../ui/load";
import type { Spot } from "../ui/map";
import { Bars, Carry, Drawer, incidentLink, Link, mood, PostCard, Severity } from "../ui/parts";

const WorldMap = lazy(() => import("../ui/map"));
interface Total { period: string; posts: number; positive: number; negative: number; neutral: number; mixed: number }
interface Point { start: string; count: number; expected: number | null; low: number | null; high: number | null; score: number | null }
interface Bucket { start: string; value: string | null; posts: number }
interface Value { value: string; posts: number; positive: number; negative: number }
interface Lifted { value: string; posts: number; before: number; lift: number; z: number }

export default function Overview({ about, zone, now }: { about: About; zone: string; now: number }) {
  const { query } = useAddress(), asked = filters(query), time = { start: asked.start, end: asked.end } as Asked;
  const policy = query.get("policy") ?? about.policies[0]?.name;
  const [drawer, open] = useState<{ title: string; asked: Asked } | null>(null);
  const incidents = useData<Rows<Incident>>("/api/incidents", { limit: 200 }, ["counted", "acted"]);
  const heat = useData<Rows<Cell>>(policy ? "/api/heat" : null, { policy, ...time, points: innerWidth < 600 ? 48 : 96, limit: 12, watch: asked.watch }, ["counted"]);
  const first = heat.data?.rows[0]?.series ? JSON.stringify(heat.data.rows[0].series) : null;
  const series = query.get("series") ?? first;
  const chart = useData<Rows<Point> & { series: string[] }>(series ? "/api/series" : null, { policy, series, ...time }, ["counted"]);
  const rung = incidents.data?.rows ?? [], by = about.policies.find((one) => one.name === policy)?.by ?? [];
  const worst = rung.filter((one) => one.state === "open" && one.told && !one.part_of).sort((one, other) => other.severity - one.severity)[0];
  const filterOf = (values: string[]): Record<string, string | string[]> => Object.fromEntries(values.map((value, at) => [by[at] ?? "category", value]));
  const look = (values: string[], from: number, step: number) => open({
    title: `${named(values)}, ${moment(from, zone)}`, asked: { ...filterOf(values), start: new Date(from * 1000).toISOString(), end: new Date((from + step) * 1000).toISOString() } });
  return <>
    {worst && <Banner one={worst} zone={zone} />}
    <Figures asked={asked} incidents={rung} />
    <Panel title="How unusual" note={heat.data ? `policy ${policy}, ${length(heat.data.bucket_seconds ?? 0)} a cell` : undefined} of={heat} data={{ path: "/api/heat", asked: { policy, ...time } }} empty={heat.data?.rows.length === 0} emptyText="Nothing was counted yet.">
      {heat.data && <Heat cells={heat.data.rows} step={heat.data.bucket_seconds ?? 900} zone={zone} selected={series} onPick={look} onSeries={(one) => update({ series: JSON.stringify(one) })} />}
    </Panel>
    <Main chart={chart} rung={rung} policy={policy} zone={zone} look={look} time={time} series={series} query={query} by={by} />
    <div class="columns three">
      <Words of="phrase" title="Phrases on the rise" asked={asked} /><Words of="entity" title="Names on the rise" asked={asked} /><Words of="hashtag" title="Tags on the rise" asked={asked} />
    </div>
    <div class="columns">
      <Moods asked={asked} zone={zone} /><Where asked={asked} />
    </div>
    <div class="columns three"><Kinds of="category" title="Categories" asked={asked} /><Kinds of="source" title="Sources" asked={asked} /><Kinds of="language" title="Languages" asked={asked} /></div>
    <Ticker asked={asked} zone={zone} now={now} />
    {drawer && <Drawer title={drawer.title} onClose={() => open(null)}><Within asked={drawer.asked} zone={zone} now={now} /></Drawer>}
  </>;
}

function Banner({ one, zone }: { one: Incident; zone: string }) {
  const { query } = useAddress();
  return <div class="banner" role="status"><svg class="icon bell" viewBox="0 0 32 32" aria-hidden="true"><path d="M16 5a2 2 0 0 1 2 2v.600c3.500.900 6 4 6 7.700V20l2.500 3.500v1h-21v-1L8 20v-4.700c0-3.700 2.500-6.800 6-7.700V7a2 2 0 0 1 2-2zm-3 21h6a3 3 0 0 1-6 0z" /></svg><div><Link to={incidentLink(one.id, query)}>{one.headline}</Link>
    <p>Since {moment(one.start, zone)}{one.acked_by ? ` · taken on by ${one.acked_by}` : " · nobody has taken it on"}</p></div><Severity value={one.severity} /><Link class="button" to={incidentLink(one.id, query)}>Why?</Link></div>;
}

function Figures({ asked, incidents }: { asked: Record<string, string | string[]>; incidents: Incident[] }) {
  const totals = useData<Rows<Total>>("/api/totals", asked, ["posts"]), authors = useData<Rows<{ period: string; authors: number }>>("/api/authors", asked, ["posts"]);
  const times = useData<Rows<Bucket>>("/api/mentions", { ...asked, points: 40 }, ["posts"]);
  const system = useData<{ index: { behind: number } | null; queue: { waiting: number } }>("/api/system", {}, ["counted"]);
  const [here, before] = totals.data?.rows ?? [], net = (one?: Total) => (one && one.posts ? (one.positive - one.negative) / one.posts : 0);
  const change = here && before?.posts ? here.posts / before.posts - 1 : null;
  const open = incidents.filter((one) => one.state === "open" && !one.part_of), waiting = system.data ? system.data.queue.waiting + (system.data.index?.behind ?? 0) : null;
  const spark = useMemo(() => filled(times.data), [times.data]);
  return <div class="figures">
    <Figure name="Mentions" value={here ? short(here.posts) : null} fault={totals.error} note={change === null ? "nothing to compare with" : `${sign(change)} than before`}>{spark.length > 1 && <Spark values={spark} label="Mentions over this time" />}</Figure>
    <Figure name="Net mood" value={here ? `${net(here) > 0 ? "+" : ""}${Math.round(net(here) * 100)}` : null} fault={totals.error} note={here ? `${percent(here.posts ? here.negative / here.posts : 0)} negative${before?.posts ? `, was ${percent(before.negative / before.posts)}` : ""}` : ""} />
    <Figure name="Authors" value={authors.data?.rows[0] ? short(authors.data.rows[0].authors) : null} fault={authors.error} note={authors.data?.rows[1]?.authors ? `was ${short(authors.data.rows[1].authors)}` : "about 2% off at most"} />
    <Figure name="Open alerts" value={String(open.filter((one) => one.told).length)} fault={null} note={open.some((one) => !one.told) ? `${open.filter((one) => !one.told).length} more in the digest` : "told of all"} hot={open.some((one) => one.told)} />
    <Figure name="Waiting" value={waiting === null ? null : short(waiting)} fault={system.error} note={waiting ? "posts on their way in" : "all posts are in"} />
  </div>;
}
const sign = (change: number): string => `${Math.abs(Math.round(change * 100))}% ${change >= 0 ? "more" : "fewer"}`;
function Figure({ name, value, note, children, hot, fault }: { name: string; value: string | null; note: string; children?: preact.ComponentChildren; hot?: boolean; fault: string | null }) {
  return <div class={`figure ${hot ? "hot" : ""}`}><span class="name">{name}</span><b>{value ?? (fault ? "–" : "…")}</b><span class="note">{fault && value === null ? fault : note}</span>{children}</div>;
}
function filled(data: Rows<Bucket> | null): number[] {
  if (!data?.start || !data.end || !data.bucket_seconds) return [];
  const from = seconds(data.start), many = Math.round((seconds(data.end) - from) / data.bucket_seconds), found = new Array<number>(Math.min(many, 2000)).fill(0);
  for (const row of data.rows) { const at = Math.round((seconds(row.start) - from) / data.bucket_seconds); if (at >= 0 && at < found.length) found[at]! += row.posts; }
  return found;
}

function Main({ chart, rung, policy, zone, look, time, series, query, by }: { chart: ReturnType<typeof useData<Rows<Point> & { series: string[] }>>; rung: Incident[]; policy: string | undefined; zone: string; look: (values: string[], at: number, step: number) => void; time: Asked; series: string | null; query: URLSearchParams; by: string[] }) {
  const rows = chart.data?.rows ?? [], name = chart.data?.series ?? [], step = chart.data?.bucket_seconds ?? 60;
  const times = useMemo(() => rows.map((row) => seconds(row.start)), [chart.data]);
  const lines = useMemo(() => [{ name: "mentions", values: rows.map((row) => row.count), color: css("--accent") }, { name: "usual", values: rows.map((row) => row.expected), color: css("--ink-3"), dash: true }], [chart.data, document.documentElement.dataset.theme]);
  const low = useMemo(() => rows.map((row) => row.low), [chart.data]), high = useMemo(() => rows.map((row) => row.high), [chart.data]);
  const marks: Mark[] = useMemo(() => rung.filter((one) => one.policy === policy && Object.values(one.series).every((value, at) => value === name[at])).map((one) => ({ at: seconds(one.detected_at), label: one.headline, color: css(one.told ? "--alarm" : "--ink-3"), href: incidentLink(one.id, query) })), [rung, name.join(), policy]);
  const posts = carried(query, Object.fromEntries(name.map((value, at) => [by[at] ?? "category", value])));
  return <Panel title={name.length ? named(name) : "Mentions"} note={chart.data ? `${length(step)} a point, ${zone}; drag to zoom, click for posts` : undefined} of={chart} tall data={{ path: "/api/series", asked: { policy, series, ...time } }} links={<Link to={`/posts${posts}`}>posts</Link>} empty={series === null} emptyText="Nothing was counted yet.">
    {rows.length > 0 && <Chart times={times} lines={lines} low={low} high={high} marks={marks} zone={zone} height={260} step={step} label={`Mentions of ${named(name)}`} onZoom={(from, to) => update({ start: new Date(from * 1000).toISOString().slice(0, 16) + "Z", end: new Date(to * 1000).toISOString().slice(0, 16) + "Z" })} onPoint={(at, wide) => look(name, at, wide)} />}
    <p class="key"><span class="line accent" /> mentions <span class="line dash" /> usual <span class="swatch" /> expected <span class="triangle" /> alert</p>
  </Panel>;
}
const css = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function Words({ of, title, asked }: { of: "phrase" | "entity" | "hashtag"; title: string; asked: Record<string, string | string[]> }) {
  const found = useData<Rows<Lifted>>("/api/lifted", { of, ...asked, limit: 8 }, []);
  const bars = (found.data?.rows ?? []).map((row) => ({ value: row.value, posts: row.z, note: row.before === 0 ? `${number(row.posts)} · new` : `${number(row.posts)} · ${row.lift >= 100 ? "100+" : row.lift}×` }));
  return <Panel title={title} of={found} data={{ path: "/api/lifted", asked: { of, ...asked } }} empty={bars.length === 0} emptyText="Nothing is said more than before."><Bars kind={of} bars={bars} chosen={[asked[of] ?? []].flat()} /></Panel>;
}
function Kinds({ of, title, asked }: { of: "category" | "source" | "language"; title: string; asked: Record<string, string | string[]> }) {
  const found = useData<Rows<Value>>("/api/values", { of, open: 1, ...asked, limit: 8 }, ["posts"]);
  return <Panel title={title} of={found} data={{ path: "/api/values", asked: { of, ...asked } }} empty={found.data?.rows.length === 0}><Bars kind={of} bars={found.data?.rows ?? []} chosen={[asked[of] ?? []].flat()} /></Panel>;
}

const MOOD_ORDER = ["negative", "mixed", "neutral", "positive"];
function Moods({ asked, zone }: { asked: Record<string, string | string[]>; zone: string }) {
  const found = useData<Rows<Bucket>>("/api/mentions", { by: "sentiment", ...asked, points: 120 }, ["posts"]);
  const step = found.data?.bucket_seconds ?? 60;
  const [times, lines] = useMemo(() => {
    const data = found.data;
    if (!data?.start || !data.end) return [[], []] as [number[], never[]];
    const from = seconds(data.start), many = Math.max(1, Math.round((seconds(data.end) - from) / step));
    const stamps = Array.from({ length: many }, (_, at) => from + at * step), columns = new Map(MOOD_ORDER.map((one) => [one, new Array<number>(many).fill(0)]));
    for (const row of data.rows) { const at = Math.round((seconds(row.start) - from) / step), column = columns.get(row.value ?? ""); if (column && at >= 0 && at < many) column[at] = row.posts; }
    return [stamps, MOOD_ORDER.map((one) => ({ name: one, values: columns.get(one)!, color: css(`--${one}`), fill: css(`--${one}`) }))] as const;
  }, [found.data, document.documentElement.dataset.theme]);
  return <Panel title="Mood" note={found.data ? `${length(step)} a point` : undefined} of={found} tall data={{ path: "/api/mentions", asked: { by: "sentiment", ...asked } }} empty={found.data?.rows.length === 0}>
    {times.length > 1 && <Chart times={[...times]} lines={[...lines]} zone={zone} height={230} step={step} stacked label="Posts by mood" onZoom={(from, to) => update({ start: new Date(from * 1000).toISOString().slice(0, 16) + "Z", end: new Date(to * 1000).toISOString().slice(0, 16) + "Z" })} />}
    <p class="key">{MOOD_ORDER.map((one) => <span key={one}><span class={`swatch ${one}`} /> {mood(one)} </span>)}</p>
  </Panel>;
}

function Where({ asked }: { asked: Record<string, string | string[]> }) {
  const found = useData<Rows<Spot> & { without_place: number }>("/api/places", { ...asked, limit: 400 }, ["posts"]);
  const known = (found.data?.rows ?? []).reduce((sum, one) => sum + one.posts, 0), all = known + (found.data?.without_place ?? 0);
  return <Panel title="Where" note={all ? `no place known: ${percent((found.data?.without_place ?? 0) / all)}` : undefined} of={found} tall data={{ path: "/api/places", asked }} links={<Carry to="/places">more</Carry>}>
    <WorldMap spots={found.data?.rows ?? []} height={250} onPick={(spots) => update({ place: spots.map((one) => one.place).slice(0, 20) })} />
  </Panel>;
}

function Ticker({ asked, zone, now }: { asked: Record<string, string | string[]>; zone: string; now: number }) {
  const { query } = useAddress(), live = isLive(query), [paused, pause] = useState(false), [shown, show] = useState<Rows<Post> | null>(null);
  const found = useData<Rows<Post>>("/api/posts", { ...asked, limit: 12, fold: 1 }, live ? ["posts"] : []);
  const key = JSON.stringify(asked);
  useEffect(() => { show(null); }, [key]);
  useEffect(() => { if (!paused || shown === null) show(found.data); }, [found.data, paused]);
  const newest = shown?.rows[0]?.seq ?? 0, waiting = (found.data?.rows ?? []).filter((one) => one.seq > newest).length;
  return <Panel title="Newest posts" of={found} data={{ path: "/api/posts", asked }} empty={found.data?.rows.length === 0} links={<>{live && <button aria-pressed={paused} onClick={() => pause(!paused)}>{paused ? "go on" : "pause"}</button>}<Carry to="/posts">all</Carry></>}>
    {paused && waiting > 0 && <button class="new" onClick={() => show(found.data)}>{waiting === 12 ? "12 or more" : waiting} new</button>}
    <div class="feed">{(shown?.rows ?? []).map((post) => <PostCard key={post.uid} post={post} zone={zone} now={now} />)}</div>
  </Panel>;
}

function Within({ asked, zone, now }: { asked: Asked; zone: string; now: number }) {
  const found = useData<Rows<Post>>("/api/posts", { ...asked, limit: 30, fold: 1 }), words = useData<Rows<Lifted>>("/api/lifted", { of: "phrase", ...asked, limit: 6 });
  return <>
    {words.data && words.data.rows.length > 0 && <p class="lead">New words: {words.data.rows.map((one) => <b key={one.value}>{one.value} </b>)}</p>}
    {found.error && <p class="warn">{found.error}</p>}
    {found.data?.rows.length === 0 && <p class="empty">No posts in this bucket.</p>}
    <div class="feed">{(found.data?.rows ?? []).map((post) => <PostCard key={post.uid} post={post} zone={zone} now={now} />)}</div>
  </>;
}
