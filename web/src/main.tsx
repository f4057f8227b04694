import { render } from "preact";
import { useEffect, useReducer, useRef, useState } from "preact/hooks";
import { connected, get, listen, post, Refused, type About, type Me } from "./api";
import { ago, clock, ownZone, zoneOf } from "./format";
import AlertPage from "./pages/alert";
import Alerts from "./pages/alerts";
import Compare from "./pages/compare";
import Login from "./pages/login";
import Overview from "./pages/overview";
import Places from "./pages/places";
import Posts from "./pages/posts";
import Query from "./pages/query";
import Rules from "./pages/rules";
import System from "./pages/system";
import { isLive, update, useAddress } from "./state";
import { Failed } from "./ui/load";
import { Carry, Chips } from "./ui/parts";
import "uplot/dist/uPlot.min.css";
import "./style.css";

const PAGES: [string, string][] = [["/", "Overview"], ["/posts", "Posts"], ["/alerts", "Alerts"], ["/places", "Places"], ["/compare", "Compare"], ["/query", "Query"], ["/rules", "Rules"], ["/system", "System"]];
const RANGES: [string, string][] = [["-3600", "1 h"], ["-86400", "24 h"], ["-604800", "7 d"], ["-2592000", "30 d"]];
const WITH_TIME = ["/", "/posts", "/places", "/compare"];

function App() {
  const [me, setMe] = useState<Me | null>(null), [about, setAbout] = useState<About | null>(null), [fault, fail] = useState<string | null>(null);
  const load = async () => {
    try {
      const found = await get<Me>("/api/me");
      setMe(found); fail(null);
      if (found.who) setAbout(await get<About>("/api/about"));
    } catch (error) { if (!(error instanceof Refused && error.status === 401)) fail("The server cannot be reached. It may have ended: start it again with `tocsin run` or `tocsin serve`."); }
  };
  useEffect(() => {
    void load();
    const again = () => setMe((old) => (old ? { ...old, who: null } : old));
    addEventListener("tocsin-login", again);
    return () => removeEventListener("tocsin-login", again);
  }, []);
  if (fault && !about) return <main class="login"><Failed said={fault} again={() => void load()} /></main>;
  if (!me) return <p class="boot">Tocsin is loading…</p>;
  if (!me.who) return <Login open={me.open} onDone={() => void load()} />;
  if (!about) return <p class="boot">Tocsin is loading…</p>;
  return <Shell me={me} about={about} reload={load} />;
}

function Shell({ me, about, reload }: { me: Me; about: About; reload: () => Promise<void> }) {
  const { path, query } = useAddress(), zone = zoneOf(query), [help, showHelp] = useState(false), [menu, showMenu] = useState(false);
  const offset = useRef(Date.parse(about.now) / 1000 - performance.now() / 1000), [, tick] = useReducer((n: number) => n + 1, 0);
  useEffect(() => { offset.current = Date.parse(about.now) / 1000 - performance.now() / 1000; }, [about]);
  useEffect(() => { const timer = setInterval(() => tick(0), 30_000); return () => clearInterval(timer); }, []);
  useEffect(() => listen((kind) => { if (kind === "reset") void reload(); }), []);
  useEffect(() => { showMenu(false); document.title = `${PAGES.find(([to]) => to === path)?.[1] ?? (path.startsWith("/alerts/") ? "Alert" : "Overview")} · Tocsin`; }, [path]);
  useEffect(() => {
    const keys = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement;
      if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)) return;
      if (event.key === "/") { event.preventDefault(); document.querySelector<HTMLInputElement>("#search")?.focus(); }
      if (event.key === "t") document.querySelector<HTMLElement>(".ranges button")?.focus();
      if (event.key === "l") update({ end: null, start: query.get("start")?.startsWith("-") ? query.get("start") : "-86400" });
      if (event.key === "?") showHelp(true);
      if (event.key === "Escape") showHelp(false);
      const number = Number(event.key);
      if (number >= 1 && number <= PAGES.length) document.querySelectorAll<HTMLAnchorElement>("nav a")[number - 1]?.click();
    };
    addEventListener("keydown", keys);
    return () => removeEventListener("keydown", keys);
  }, [query]);
  const now = offset.current + performance.now() / 1000, alert = /^\/alerts\/([^/]+)$/.exec(path);
  return <>
    <a class="skip" href="#content">Skip to the content</a>
    <header class="top"><button class="burger" aria-label="Pages" aria-expanded={menu} onClick={() => showMenu(!menu)}>☰</button><Carry to="/" class="brand"><img src="/favicon.svg" alt="" width={24} height={24} />Tocsin</Carry>
      <Search /><Status now={now} zone={zone} /><Share /><Zone zone={zone} /><Theme />
      <button class="keys" aria-label="Keys and help" onClick={() => showHelp(true)}>?</button>{me.who!.by !== "this machine" && <button onClick={async () => { await post("/api/logout", {}).catch(() => {}); location.reload(); }} title={`${me.who!.name}, ${me.who!.role}`}>Log out</button>}</header>
    <div class="body"><nav aria-label="Pages" class={menu ? "open" : ""}>{PAGES.map(([to, name]) => <Carry key={to} to={to} class={path === to || (to === "/alerts" && alert) ? "here" : ""}>{name}</Carry>)}<p class="note">{about.version}</p></nav>
      <main id="content" tabIndex={-1}>
        {(WITH_TIME.includes(path) || !PAGES.some(([to]) => to === path)) && !alert && <div class="filters"><Range now={now} zone={zone} /><Chips /></div>}
        {alert ? <AlertPage key={alert[1]} id={decodeURIComponent(alert[1]!)} zone={zone} me={me} now={now} />
          : path === "/posts" ? <Posts zone={zone} now={now} /> : path === "/alerts" ? <Alerts zone={zone} /> : path === "/places" ? <Places /> : path === "/compare" ? <Compare about={about} zone={zone} />
          : path === "/query" ? <Query /> : path === "/rules" ? <Rules about={about} zone={zone} /> : path === "/system" ? <System about={about} me={me} zone={zone} now={now} />
          : path === "/" ? <Overview about={about} zone={zone} now={now} /> : <section class="panel"><h1>There is no such page</h1><Carry to="/">Overview</Carry></section>}
      </main></div>
    {help && <dialog open class="help" aria-label="Keys"><header><h2>Keys</h2><span class="grow" /><button aria-label="Close" onClick={() => showHelp(false)}>✕</button></header><dl><dt><kbd>/</kbd></dt><dd>search</dd><dt><kbd>t</kbd></dt><dd>time</dd><dt><kbd>l</kbd></dt><dd>live</dd><dt><kbd>1</kbd> to <kbd>8</kbd></dt><dd>pages</dd><dt><kbd>←</kbd> <kbd>→</kbd> <kbd>Enter</kbd></dt><dd>in a chart: move, show the posts</dd><dt><kbd>?</kbd></dt><dd>this</dd></dl>
      <p class="note">A search is a rule of the watch language: <code>"log in" (down OR outage) -refund from:acme lang:en</code></p></dialog>}
  </>;
}

function Search() {
  const { path, query } = useAddress(), [text, write] = useState(query.get("match") ?? "");
  useEffect(() => write(query.get("match") ?? ""), [query.get("match")]);
  return <form role="search" class="search" onSubmit={(event) => { event.preventDefault(); const change = { match: text.trim() || null }; if (WITH_TIME.includes(path)) update(change); else { history.pushState(null, "", `/posts?${new URLSearchParams(text.trim() ? { match: text.trim() } : {})}`); dispatchEvent(new Event("tocsin-moved")); } }}>
    <input id="search" type="search" aria-label="Search posts" placeholder='Search: "log in" OR login' value={text} onInput={(event) => write(event.currentTarget.value)} /></form>;
}

function Range({ now, zone }: { now: number; zone: string }) {
  const { query } = useAddress(), start = query.get("start") ?? "-86400", live = isLive(query), [custom, open] = useState(false);
  const local = (at: number) => new Date((at + shift(zone, at)) * 1000).toISOString().slice(0, 16), from = start.startsWith("-") ? now + Number(start) : Date.parse(start) / 1000, to = query.get("end") ? Date.parse(query.get("end")!) / 1000 : now;
  const [values, set] = useState<[string, string]>(["", ""]);
  return <div class="ranges" role="group" aria-label="Time">{RANGES.map(([value, name]) => <button key={value} aria-pressed={live && start === value} onClick={() => update({ start: value, end: null })}>{name}</button>)}
    <button aria-pressed={!live} aria-expanded={custom} onClick={() => { set([local(from), local(to)]); open(!custom); }}>{live ? "Custom" : `${clockDay(from, zone)} – ${clockDay(to, zone)}`}</button>
    {!live && <button onClick={() => update({ start: "-86400", end: null })}>Live</button>}
    {custom && <form class="row" onSubmit={(event) => { event.preventDefault(); const [a, b] = values.map((value) => { const at = Date.parse(`${value}Z`) / 1000; return new Date((at - shift(zone, at)) * 1000).toISOString().slice(0, 16) + "Z"; }); update({ start: a!, end: b! }); open(false); }}>
      <label>From<input type="datetime-local" required value={values[0]} onInput={(event) => set([event.currentTarget.value, values[1]])} /></label><label>To<input type="datetime-local" required value={values[1]} onInput={(event) => set([values[0], event.currentTarget.value])} /></label><span class="note">{zone}</span><button class="main">Show</button></form>}</div>;
}
const clockDay = (at: number, zone: string): string => new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", timeZone: zone }).format(new Date(at * 1000));
/** Seconds that a zone is ahead of UTC at a time. */
function shift(zone: string, at: number): number {
  const parts = Object.fromEntries(new Intl.DateTimeFormat("en-US", { timeZone: zone, hourCycle: "h23", year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric", second: "numeric" }).formatToParts(new Date(at * 1000)).map((part) => [part.type, Number(part.value)])) as Record<string, number>;
  return Math.round(Date.UTC(parts.year!, parts.month! - 1, parts.day!, parts.hour!, parts.minute!, parts.second!) / 1000 - Math.floor(at));
}

function Status({ now, zone }: { now: number; zone: string }) {
  const { query } = useAddress(), [, again] = useReducer((n: number) => n + 1, 0), [last, heard] = useState(now);
  useEffect(() => { const hear = () => again(0); addEventListener("tocsin-connection", hear); return () => removeEventListener("tocsin-connection", hear); }, []);
  useEffect(() => listen((kind) => { if (kind === "posts" || kind === "counted" || kind === "hello") heard(now); }), [now]);
  const live = isLive(query);
  return <span class={`status ${connected ? (live ? "live" : "") : "lost"}`} role="status" title={`As of ${clock(last, zone)} ${zone}`}>{connected ? (live ? `● live${now - last > 120 ? `, last data ${ago(last, now)}` : ""}` : "fixed time") : "○ not connected"}</span>;
}

function Share() {
  const { query } = useAddress(), [told, tell] = useState("");
  const copy = async () => {
    const frozen = new URL(location.href), start = query.get("start") ?? "-86400", at = Date.now();
    if (WITH_TIME.includes(location.pathname) && start.startsWith("-")) { frozen.searchParams.set("start", new Date(at + Number(start) * 1000).toISOString().slice(0, 16) + "Z"); frozen.searchParams.set("end", new Date(at).toISOString().slice(0, 16) + "Z"); }
    try { await navigator.clipboard.writeText(frozen.href); tell("copied"); } catch { tell(frozen.href); }
    setTimeout(() => tell(""), 3000);
  };
  return <button onClick={() => void copy()} title="Copy a link that shows the same in a year">{told || "Share"}</button>;
}

function Zone({ zone }: { zone: string }) {
  const choose = (value: string) => { localStorage.setItem("zone", value); update({ zone: value }); };
  const known = [...new Set(["UTC", ownZone, zone])];
  return <select class="zone" aria-label="Time zone" value={zone} onChange={(event) => { if (event.currentTarget.value === "…") { const name = prompt("Time zone, like Europe/Paris", zone); if (name && valid(name)) choose(name); else event.currentTarget.value = zone; } else choose(event.currentTarget.value); }}>{known.map((one) => <option key={one}>{one}</option>)}<option>…</option></select>;
}
const valid = (zone: string): boolean => { try { new Intl.DateTimeFormat("en", { timeZone: zone }); return true; } catch { return false; } };

const dark = matchMedia("(prefers-color-scheme: dark)");
const themed = (): string => localStorage.getItem("theme") ?? (dark.matches ? "dark" : "light");
function Theme() {
  const [theme, set] = useState(themed());
  const flip = () => { const next = theme === "dark" ? "light" : "dark"; localStorage.setItem("theme", next); document.documentElement.dataset.theme = next; set(next); dispatchEvent(new Event("tocsin-moved")); };
  return <button onClick={flip} aria-label={theme === "dark" ? "Light colours" : "Dark colours"}>{theme === "dark" ? "☀" : "☾"}</button>;
}
document.documentElement.dataset.theme = themed();

render(<App />, document.getElementById("app")!);
