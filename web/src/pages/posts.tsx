import { useEffect, useRef, useState } from "preact/hooks";
import { address, get, type Asked, type Post, type Rows } from "../api";
import { number } from "../format";
import { filters, isLive, update, useAddress, type FilterKind } from "../state";
import { Failed, Panel, useData } from "../ui/load";
import { Bars, PostCard } from "../ui/parts";

const FACETS: [FilterKind, string][] = [["watch", "Watches"], ["category", "Categories"], ["sentiment", "Mood"], ["source", "Sources"], ["language", "Languages"], ["country", "Countries"], ["phrase", "Phrases"], ["entity", "Names"], ["author", "Authors"]];
const PAGE = 50, MOST_EXPORTED = 100_000;

export default function Posts({ zone, now }: { zone: string; now: number }) {
  const { query } = useAddress(), asked = filters(query), fold = query.get("fold") !== "0", live = isLive(query);
  const totals = useData<Rows<{ posts: number }>>("/api/totals", asked, live ? ["posts"] : []);
  const [facets, showFacets] = useState(innerWidth > 900);
  return <div class={`with-side ${facets ? "" : "closed"}`}>
    <aside class="side" aria-label="Facets"><button class="only-narrow" aria-expanded={facets} onClick={() => showFacets(!facets)}>{facets ? "Hide facets" : "Facets"}</button>{facets && FACETS.map(([kind, title]) => <Facet key={kind} kind={kind} title={title} asked={asked} live={live} />)}</aside>
    <div><Panel title={totals.data?.rows[0] ? `${number(totals.data.rows[0].posts)} posts` : "Posts"} data={{ path: "/api/posts", asked: { ...asked, limit: 1000 } }}
      links={<><label><input type="checkbox" checked={fold} onChange={() => update({ fold: fold ? "0" : null })} /> fold copies</label><Export asked={asked} all={totals.data?.rows[0]?.posts ?? 0} /></>}>
      <Feed asked={asked} fold={fold} live={live} zone={zone} now={now} /></Panel></div></div>;
}

function Facet({ kind, title, asked, live }: { kind: FilterKind; title: string; asked: Record<string, string | string[]>; live: boolean }) {
  const [many, more] = useState(6), found = useData<Rows<{ value: string; posts: number }>>("/api/values", { of: kind, open: 1, ...asked, limit: many }, live ? ["posts"] : []);
  const rows = found.data?.rows ?? [];
  if (!rows.length && !found.loading) return null;
  return <section class="facet"><h3>{title}</h3><Bars kind={kind} bars={rows} chosen={[asked[kind] ?? []].flat()} />{rows.length === many && <button class="link" onClick={() => more(many + 20)}>more</button>}</section>;
}

/** Posts, more of them as one scrolls down; new ones wait behind a button. */
function Feed({ asked, fold, live, zone, now }: { asked: Asked; fold: boolean; live: boolean; zone: string; now: number }) {
  const first = useData<Rows<Post> & { next: string | null }>("/api/posts", { ...asked, limit: PAGE, fold: fold ? 1 : null }, live ? ["posts"] : []);
  const [rows, setRows] = useState<Post[]>([]), [next, setNext] = useState<string | null>(null), [fault, fail] = useState<string | null>(null), end = useRef<HTMLDivElement>(null), busy = useRef(false);
  const key = address("", { ...asked, fold: fold ? 1 : 0 }), shown = useRef("");
  const take = () => { setRows(first.data?.rows ?? []); setNext(first.data?.next ?? null); shown.current = key; fail(null); };
  useEffect(() => { if (first.data && !first.loading && (shown.current !== key || rows.length === 0)) take(); }, [first.data, first.loading, key]);
  const more = async () => {
    if (busy.current || !next) return;
    busy.current = true;
    try {
      const page = await get<Rows<Post> & { next: string | null }>("/api/posts", { ...asked, limit: PAGE, before: next, fold: fold ? 1 : null });
      const known = new Set(rows.map((one) => (fold && clusterOf(one)) || one.uid));
      setRows([...rows, ...page.rows.filter((one) => !known.has((fold && clusterOf(one)) || one.uid))]);
      setNext(page.next); fail(null);
    } catch (error) { fail(error instanceof Error ? error.message : "more cannot be loaded"); }
    busy.current = false;
  };
  useEffect(() => {
    const watch = new IntersectionObserver((seen) => { if (seen.some((one) => one.isIntersecting)) void more(); }, { rootMargin: "600px" });
    if (end.current) watch.observe(end.current);
    return () => watch.disconnect();
  }, [next, rows]);
  if (first.error && !rows.length) return <Failed said={first.error} again={first.again} />;
  if (!rows.length && first.loading) return <div class="skeleton tall" role="status"><span class="hidden">Loading posts</span></div>;
  if (!rows.length) return <p class="empty">No post in this time has all of this. Take a filter away, or look further back.</p>;
  const waiting = (first.data?.rows ?? []).filter((one) => one.seq > Math.max(...rows.slice(0, PAGE).map((row) => row.seq))).length;
  return <>{waiting > 0 && shown.current === key && <button class="new" onClick={() => { take(); scrollTo(0, 0); }}>{waiting >= PAGE ? `${PAGE} or more` : waiting} new</button>}
    <div class="feed">{rows.map((post) => <PostCard key={post.uid + post.seq} post={post} zone={zone} now={now} />)}</div>
    {fault && <Failed said={fault} again={() => void more()} />}
    <div ref={end} class="end">{next ? <button onClick={() => void more()}>More</button> : <span class="note">That is all of them.</span>}</div></>;
}
const clusterOf = (post: Post): string | null => (post as Post & { cluster: string | null }).cluster;

/** All posts that are found, as a file that is put together here, page by page. */
function Export({ asked, all }: { asked: Asked; all: number }) {
  const [done, progress] = useState<number | null>(null), [fault, fail] = useState<string | null>(null), stop = useRef(false);
  const run = async () => {
    stop.current = false; fail(null); progress(0);
    const parts: string[] = [];
    let before: string | null = null, many = 0;
    try {
      do {
        const page: Rows<Post> & { next: string | null } = await get("/api/posts", { ...asked, limit: 1000, before });
        for (const row of page.rows) parts.push(JSON.stringify(row));
        many += page.rows.length; before = page.next; progress(many);
      } while (before && many < MOST_EXPORTED && !stop.current);
      if (!stop.current) {
        const link = document.createElement("a");
        link.href = URL.createObjectURL(new Blob([parts.join("\n"), "\n"], { type: "application/x-ndjson" }));
        link.download = "posts.jsonl"; link.click();
        setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
      }
    } catch (error) { fail(error instanceof Error ? error.message : "the export has failed"); }
    progress(null);
  };
  if (done !== null) return <span class="note"><progress value={done} max={Math.min(all, MOST_EXPORTED) || 1} aria-label="Export" /> {number(done)} <button class="link" onClick={() => { stop.current = true; }}>stop</button></span>;
  return <><button onClick={() => void run()} title={`JSON lines, ${number(MOST_EXPORTED)} at most`}>Export</button>{fault && <span class="warn" role="alert">{fault}</span>}</>;
}
