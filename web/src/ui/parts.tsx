// Small parts that several pages have: a post, bars, filter chips, a drawer.
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { Incident, Post } from "../api";
import { ago, full, language, moment, number, percent, plain, safe, shown } from "../format";
import { carried, go, KINDS, toggle, update, useAddress, type FilterKind } from "../state";

export function Link({ to, children, class: kind, label, current }: { to: string; children: ComponentChildren; class?: string; label?: string | undefined; current?: boolean }) {
  return <a href={to} class={kind} aria-label={label} aria-current={current ? "page" : undefined} onClick={(event) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.button) return;
    event.preventDefault();
    const [path, query] = to.split("?");
    go(path!, new URLSearchParams(query ?? ""));
    scrollTo(0, 0);
  }}>{children}</a>;
}

const MOODS: Record<string, string> = { positive: "+ positive", negative: "− negative", neutral: "○ neutral", mixed: "± mixed" };
export const mood = (name: string): string => MOODS[name] ?? name;

/** The text with its phrases and names marked. Never as HTML: marks are elements around pieces of text. */
function Marked({ text, words }: { text: string; words: string[] }) {
  const found = words.filter(Boolean).sort((one, other) => other.length - one.length).slice(0, 30).map((one) => one.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  if (!found.length) return <>{text}</>;
  let parts: string[];
  try { parts = text.split(new RegExp(`(${found.join("|")})`, "giu")); } catch { return <>{text}</>; }
  return <>{parts.map((part, at) => (at % 2 ? <mark key={at}>{part}</mark> : part))}</>;
}

export function PostCard({ post, zone, now }: { post: Post; zone: string; now: number }) {
  const link = safe(post.url), text = plain(post.text);
  return <article class="post">
    <header><bdi class="who">{plain(post.author_name || post.author || "unknown")}</bdi>{post.author && <button class="chip quiet" onClick={() => toggle("author", post.author!)} title="Only posts of this author"><bdi>@{plain(post.author)}</bdi></button>}
      <time dateTime={new Date(post.time * 1000).toISOString()} title={full(post.time, zone)}>{moment(post.time, zone)} · {ago(post.time, now)}</time></header>
    {post.title && <h3 dir="auto">{plain(post.title)}</h3>}
    <p class="text" dir="auto"><Marked text={text} words={[...post.phrases, ...post.entities.map((one) => one.text)]} /></p>
    <footer>
      {post.sentiment && <button class={`chip ${post.sentiment}`} onClick={() => toggle("sentiment", post.sentiment!)}>{mood(post.sentiment)}</button>}
      {post.categories.map((one) => <button key={one} class="chip" onClick={() => toggle("category", one)}>{one}{score(post, one)}</button>)}
      {post.place && <button class="chip" title={`${post.place_level ?? "place"}${post.place_confidence ? `, ${percent(post.place_confidence)} sure` : ""}`} onClick={() => toggle("place", post.place!)}><Pin /> <bdi>{plain(post.place)}</bdi>{post.country && post.place_level !== "country" ? `, ${post.country}` : ""}</button>}
      {post.language && <button class="chip quiet" title={language(post.language)} onClick={() => toggle("language", post.language!)}>{post.language}</button>}
      <button class="chip quiet" onClick={() => toggle("source", post.source)}>{post.source}</button>
      {post.copies > 0 && <span class="chip quiet" title="Posts with nearly the same text">{number(post.copies)} {post.copies === 1 ? "copy" : "copies"}</span>}
      {post.backfilled && <span class="chip quiet" title="Came in after a gap was filled">late</span>}
      <span class="grow" />
      {link && <a href={link} target="_blank" rel="noopener noreferrer nofollow">open ↗</a>}
    </footer>
  </article>;
}
const Pin = () => <svg class="icon" viewBox="0 0 16 16" aria-hidden="true"><path d="M8 1a5 5 0 0 0-5 5c0 3.500 5 9 5 9s5-5.500 5-9a5 5 0 0 0-5-5zm0 7a2 2 0 1 1 0-4 2 2 0 0 1 0 4z" /></svg>;
function score(post: Post, name: string): string {
  const scores = Array.isArray(post.category_scores) ? Object.fromEntries(post.category_scores) : post.category_scores;
  const one = scores?.[name];
  return one === undefined || one === null ? "" : ` ${percent(one)}`;
}

export interface Bar { value: string; posts: number; note?: string; negative?: number; positive?: number }
export function Bars({ kind, bars, chosen }: { kind: FilterKind; bars: Bar[]; chosen: string[] }) {
  const most = Math.max(...bars.map((one) => one.posts), 1);
  return <ul class="bars">{bars.map((bar) => <li key={bar.value}>
    <button aria-pressed={chosen.includes(bar.value)} onClick={() => toggle(kind, bar.value)} title={`Only posts with ${shown(kind, bar.value)}`}>
      <span class="bar" style={{ width: `${(100 * bar.posts) / most}%` }} /><bdi class="value">{plain(kind === "sentiment" ? mood(bar.value) : shown(kind, bar.value))}</bdi><span class="count">{bar.note ?? number(bar.posts)}</span>
    </button></li>)}</ul>;
}

export function Chips() {
  const { query } = useAddress();
  const chips = KINDS.flatMap((kind) => query.getAll(kind).map((value) => [kind, value] as const));
  const match = query.get("match");
  if (!chips.length && !match) return null;
  return <div class="chips" role="group" aria-label="Filters">
    {match && <button class="chip on" onClick={() => update({ match: null })} aria-label={`Remove the search ${match}`}><b>search</b> {match} ✕</button>}
    {chips.map(([kind, value]) => <button key={kind + value} class="chip on" onClick={() => toggle(kind, value)} aria-label={`Remove the filter ${kind} ${value}`}><b>{kind}</b> <bdi>{plain(shown(kind, value))}</bdi> ✕</button>)}
    <button class="link" onClick={() => update({ match: null, ...Object.fromEntries(KINDS.map((kind) => [kind, null])) })}>clear all</button>
  </div>;
}

export function Severity({ value }: { value: number }) {
  const name = value >= 80 ? "severe" : value >= 50 ? "high" : value >= 25 ? "medium" : "low";
  return <span class={`severity ${name}`} title="Severity, of 100"><span aria-hidden="true">{value >= 80 ? "▲▲" : value >= 50 ? "▲" : "△"}</span> {value}</span>;
}
export function State({ one }: { one: Incident }) {
  return <span class={`state ${one.state}`}>{one.state === "open" ? "● open" : one.state === "resolved" ? "✓ resolved" : "→ new normal"}{one.told ? "" : " · digest only"}</span>;
}
export const incidentLink = (id: string, query: URLSearchParams): string => `/alerts/${encodeURIComponent(id)}${query.get("zone") ? `?zone=${encodeURIComponent(query.get("zone")!)}` : ""}`;

export function Drawer({ title, onClose, children }: { title: string; onClose: () => void; children: ComponentChildren }) {
  const box = useRef<HTMLDialogElement>(null);
  useEffect(() => { const was = document.activeElement as HTMLElement | null; box.current?.show(); box.current?.querySelector<HTMLElement>("button")?.focus(); return () => was?.focus?.(); }, []);
  return <dialog class="drawer" ref={box} aria-label={title} onKeyDown={(event) => { if (event.key === "Escape") onClose(); }}>
    <header><h2>{title}</h2><span class="grow" /><button aria-label="Close" onClick={onClose}>✕</button></header><div class="body">{children}</div></dialog>;
}

export const Carry = ({ to, change, children, class: kind }: { to: string; change?: Record<string, string | string[] | null>; children: ComponentChildren; class?: string }) => {
  const { query } = useAddress();
  return <Link to={`${to}${carried(query, change)}`} {...(kind ? { class: kind } : {})}>{children}</Link>;
};
