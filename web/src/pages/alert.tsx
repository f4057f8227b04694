import { useMemo, useState } from "preact/hooks";
import { post, type Me, type Rows, type Whole } from "../api";
import { country, full, length, moment, named, number, percent, plain, safe, seconds } from "../format";
import { useAddress } from "../state";
import { Chart } from "../ui/chart";
import { Failed, Panel, useData } from "../ui/load";
import { incidentLink, Link, Severity, State } from "../ui/parts";

interface Point { start: string; count: number; expected: number | null; low: number | null; high: number | null }
const css = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export default function AlertPage({ id, zone, me, now }: { id: string; zone: string; me: Me; now: number }) {
  const path = `/api/incidents/${encodeURIComponent(id)}`, found = useData<Whole>(path, {}, ["acted", "counted"]);
  const [told, tell] = useState<string | null>(null), [note, write] = useState("");
  const one = found.data;
  if (!one) return found.error ? <Failed said={found.error} again={found.again} /> : <div class="skeleton tall" role="status"><span class="hidden">Loading the alert</span></div>;
  const act = async (action: string, argument?: string) => {
    try { await post(`${path}/done`, { action, argument: argument ?? null }); tell("Done: everybody sees it."); found.again(); }
    catch (fault) { tell(fault instanceof Error ? fault.message : "That did not work."); }
  };
  const may = me.who?.role !== "viewer", snoozed = one.snoozed_until && seconds(one.snoozed_until) > now ? one.snoozed_until : null;
  return <>
    <section class="panel alert"><p class="note"><State one={one} /> · <Severity value={one.severity} /> · {named(one.series)} · policy {one.policy} · found {full(one.detected_at, zone)} {zone}</p>
      <h1>{one.headline}</h1>
      {one.explanation.why && <p class="why">{one.explanation.why}</p>}
      {may ? <div class="deeds">
        <button class={one.acked_by ? "" : "main"} onClick={() => act(one.acked_by ? "unack" : "ack")}>{one.acked_by ? `Taken on by ${one.acked_by}: give back` : "Take it on"}</button>
        {snoozed ? <button onClick={() => act("unsnooze")}>Snoozed until {moment(snoozed, zone)}: end it</button> : <><button onClick={() => act("snooze", "3600")}>Snooze 1 h</button><button onClick={() => act("snooze", "86400")}>24 h</button><button onClick={() => act("snooze", String(7 * 86400))}>a week</button></>}
        <span class="gap" />
        {(["useful", "not_useful", "planned"] as const).map((kind) => <button key={kind} aria-pressed={one.feedback === kind} onClick={() => act(one.feedback === kind ? "no_feedback" : "feedback", kind)}>{kind === "useful" ? "Useful" : kind === "not_useful" ? "Not useful" : "It was planned"}</button>)}
      </div> : <p class="note">You may look; an analyst may act.</p>}
      <output aria-live="polite" class="note">{told}</output>
    </section>
    <Around one={one} zone={zone} now={now} />
    <div class="columns"><Why one={one} /><Voices one={one} /></div>
    <Quotes one={one} zone={zone} />
    <div class="columns">
      <Panel title="What happened to it"><ol class="timeline">{timeline(one).map((event, at) => <li key={at} class={event.kind}><time>{moment(event.at, zone)}</time> {event.text}</li>)}</ol>
        {may && <form class="row" onSubmit={(event) => { event.preventDefault(); if (note.trim()) { void act("note", note); write(""); } }}><label class="grow">Note<input value={note} maxLength={2000} onInput={(event) => write(event.currentTarget.value)} /></label><button>Keep</button></form>}</Panel>
      <Panel title="Count it again"><p class="note">This statement gives the alert's numbers in any engine that reads the table.</p><pre>{one.sql}</pre>
        <Link to={`/query?sql=${encodeURIComponent(one.sql)}`}>run it</Link>
        <details><summary>Receipt</summary><dl>{Object.entries(one.receipt).map(([name, value]) => <><dt>{name}</dt><dd>{typeof value === "object" ? JSON.stringify(value) : String(value)}</dd></>)}</dl></details></Panel>
    </div>
    {one.parts.length > 0 && <Panel title="Told with it"><ul>{one.parts.map((part) => <li key={part.id}><PartLink id={part.id} text={part.headline} /></li>)}</ul></Panel>}
  </>;
}
/** Posts of an incident's own series and time, with one more condition. */
function within(one: Whole, more: Record<string, string> = {}): string {
  const known = (kind: string): string => kind.replace("author_handle", "author").replace("place_name", "place").replace("cluster_id", "cluster");
  const start = seconds(one.start), end = one.end ? seconds(one.end) : Math.max(seconds(one.detected_at), start + one.scale);
  const asked = { ...one.series, ...Object.fromEntries(Object.entries(more).map(([kind, value]) => [known(kind), value])) };
  return `/posts?${new URLSearchParams({ ...asked, start: new Date(start * 1000).toISOString(), end: new Date((end + 60) * 1000).toISOString() })}`;
}
function PartLink({ id, text }: { id: string; text: string }) { const { query } = useAddress(); return <Link to={incidentLink(id, query)}>{text}</Link>; }

function Around({ one, zone, now }: { one: Whole; zone: string; now: number }) {
  const center = seconds(one.start), end = one.end ? seconds(one.end) : seconds(one.detected_at);
  const asked = { policy: one.policy, series: JSON.stringify(Object.values(one.series)), start: new Date((center - 86400) * 1000).toISOString(), end: new Date(Math.min(Math.max(end + 86400 / 4, center + 3600), Math.max(Math.ceil(now / 300) * 300, end)) * 1000).toISOString(), points: 300 };
  const found = useData<Rows<Point>>("/api/series", asked, one.state === "open" ? ["counted"] : []), rows = found.data?.rows ?? [], step = found.data?.bucket_seconds ?? 300;
  const times = useMemo(() => rows.map((row) => seconds(row.start)), [found.data]);
  const lines = useMemo(() => [{ name: "mentions", values: rows.map((row) => row.count), color: css("--accent") }, { name: "usual", values: rows.map((row) => row.expected), color: css("--ink-3"), dash: true }], [found.data, document.documentElement.dataset.theme]);
  const low = useMemo(() => rows.map((row) => row.low), [found.data]), high = useMemo(() => rows.map((row) => row.high), [found.data]);
  const filter = Object.fromEntries(Object.entries(one.series));
  const posts = (at: number, wide: number) => { history.pushState(null, "", `/posts?${new URLSearchParams({ ...filter, start: new Date(at * 1000).toISOString(), end: new Date((at + wide) * 1000).toISOString() })}`); dispatchEvent(new Event("tocsin-moved")); };
  return <Panel title="A day before, and since" note={found.data ? `${length(step)} a point, ${zone}; click for posts` : undefined} of={found} tall data={{ path: "/api/series", asked }} links={<Link to={within(one)}>its posts</Link>}>
    {rows.length > 0 && <Chart times={times} lines={lines} low={low} high={high} marks={[{ at: seconds(one.detected_at), label: one.headline, color: css("--alarm"), href: location.pathname }]} zone={zone} height={250} step={step} label={`Mentions of ${named(one.series)}`} onPoint={posts} />}
    <p class="key"><span class="line accent" /> mentions <span class="line dash" /> usual <span class="swatch" /> expected <span class="triangle" /> found</p></Panel>;
}

function Why({ one }: { one: Whole }) {
  const found = one.explanation, names = found.entities ?? [];
  return <Panel title="Why" note="shares of what was beyond usual">
    {found.slices.length > 0 && <table><thead><tr><th>Part</th><th class="right">Share</th><th class="right">Posts</th><th class="right">Lift</th></tr></thead><tbody>
      {found.slices.map((slice, at) => <tr key={at}><td>{slice.dimension === "rest" ? "the rest" : <Link to={within(one, slice.where)}>{Object.entries(slice.where).map(([kind, value]) => `${kind.replace(/_/g, " ")} ${plain(kind === "country" ? country(value) : value)}`).join(" and ") || plain(slice.value)}</Link>}</td>
        <td class="right"><Share value={slice.share} /></td><td class="right">{number(slice.posts)}</td><td class="right">{slice.lift === null ? "" : `${slice.lift < 10 ? slice.lift.toFixed(1) : Math.round(slice.lift)}×`}</td></tr>)}</tbody></table>}
    {found.phrases.length > 0 && <p>New words: {found.phrases.map((word) => <Link key={word.phrase} class="chip" to={within(one, { match: `"${word.phrase.replace(/"/g, " ")}"` })}>“{plain(word.phrase)}” <small>{word.authors} people</small></Link>)}</p>}
    {names.length > 0 && <p>Names: {names.slice(0, 6).map((name) => plain(String(name.entity ?? name.text ?? Object.values(name)[0] ?? ""))).join(", ")}</p>}
    {(found.together ?? []).length > 0 && <p>Moves with it: {(found.together ?? []).map((mate) => mate.category).join(", ")}</p>}
  </Panel>;
}
const Share = ({ value }: { value: number }) => <span class="share"><span class="bar" style={{ width: `${Math.min(Math.abs(value), 100)}%` }} />{Math.round(value)}%</span>;

function Voices({ one }: { one: Whole }) {
  const voices = one.explanation.voices, coverage = one.explanation.coverage;
  return <Panel title="Whose voices">
    <dl><dt>Posts</dt><dd>{number(voices.posts ?? 0)} by {number(voices.authors ?? 0)} people</dd><dt>Different texts</dt><dd>{number(voices.texts ?? 0)}, {number(voices.copies ?? 0)} copies</dd>
      <dt>The four busiest</dt><dd>{percent(voices.busiest_four_share ?? 0)} of the posts</dd>
      {one.explanation.sentiment && <><dt>Negative</dt><dd>{Math.round(one.explanation.sentiment.negative ?? 0)}%, usually {Math.round(one.explanation.sentiment.usual_negative ?? 0)}%</dd></>}
      <dt>Seen of the stream</dt><dd>{coverage.share === null ? "not known" : percent(coverage.share)}{coverage.gaps.length ? `, ${coverage.gaps.length} gaps` : ""}</dd>
      <dt>Peak</dt><dd>{number(one.peak)}</dd>{one.total_excess !== null && <><dt>In all, beyond usual</dt><dd>{number(one.total_excess)}</dd></>}</dl>
  </Panel>;
}

function Quotes({ one, zone }: { one: Whole; zone: string }) {
  const posts = one.explanation.posts as unknown as { uid: string; author: string | null; text: string; at: string; url: string | null; copies: number; role: string | null; source: string }[];
  return <Panel title="Posts to read" empty={posts.length === 0} emptyText="No posts are kept with it."><div class="feed">{posts.map((quote) => { const link = safe(quote.url); return <article class="post" key={quote.uid}>
    <header><bdi class="who">{quote.author ? `@${plain(quote.author)}` : "unknown"}</bdi>{quote.role && <span class="chip">{quote.role.replace(/_/g, " ")}</span>}<time>{moment(quote.at, zone)}</time></header>
    <p class="text" dir="auto">{plain(quote.text)}</p><footer><span class="chip quiet">{quote.source}</span>{quote.copies > 1 && <span class="chip quiet">{number(quote.copies)} copies</span>}<span class="grow" />{link && <a href={link} target="_blank" rel="noopener noreferrer nofollow">open ↗</a>}</footer></article>; })}</div></Panel>;
}

function timeline(one: Whole): { at: string; text: string; kind: string }[] {
  const events = [{ at: one.start, text: "began", kind: "began" }, { at: one.detected_at, text: `found: ${number(one.observed)} seen, ${number(Math.floor(one.low))} to ${number(Math.floor(one.high))} expected`, kind: "found" },
    ...one.sent.map((sent) => ({ at: sent.at, text: `${sent.event} → ${sent.destination}: ${sent.state}${sent.error ? ` (${sent.error})` : ""}`, kind: "sent" })),
    ...one.done.map((done) => ({ at: done.at, text: `${done.by}: ${done.action.replace("_", " ")}${done.argument ? ` ${done.action.includes("snooze") ? "" : `“${done.argument}”`}` : ""}`, kind: "done" })),
    ...(one.end ? [{ at: one.end, text: one.state === "expired" ? "is the new normal" : "over", kind: "over" }] : [])];
  return events.sort((a, b) => seconds(a.at) - seconds(b.at));
}
