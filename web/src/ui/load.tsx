// A panel: what it shows is asked for when it is first shown, when what is asked changes, and when something is new.
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { address, get, listen, Refused, type Asked, type Kind } from "../api";

export interface Loaded<T> { data: T | null; error: string | null; loading: boolean; at: number; again: () => void }

const LEAST = 2000;

/** Asks once for each `asked`; with `on`, again when the server tells of one of these (at most every two seconds). */
export function useData<T>(path: string | null, asked: Asked = {}, on: Kind[] = []): Loaded<T> {
  const [state, set] = useState<{ data: T | null; error: string | null; loading: boolean; at: number; key: string }>(
    { data: null, error: null, loading: true, at: 0, key: "" });
  const key = path === null ? "" : address(path, asked);
  const load = useRef<() => void>(() => {});
  useEffect(() => {
    if (path === null) return;
    const stop = new AbortController();
    let busy = false, waiting = false, last = 0, timer = 0;
    const ask = async () => {
      if (busy) { waiting = true; return; }
      busy = true; last = Date.now();
      try {
        const data = await get<T>(path, asked, stop.signal);
        set({ data, error: null, loading: false, at: Date.now(), key });
      } catch (fault) {
        if (stop.signal.aborted) return;
        const said = fault instanceof Refused ? fault.message : "the server cannot be reached";
        set((old) => ({ ...old, data: old.key === key ? old.data : null, error: said, loading: false, key }));
        if (fault instanceof Refused && fault.status === 503) timer = window.setTimeout(ask, 2500);
      }
      busy = false;
      if (waiting) { waiting = false; later(); }
    };
    const later = () => {
      if (timer) return;
      timer = window.setTimeout(() => { timer = 0; void ask(); }, Math.max(0, last + LEAST - Date.now()));
    };
    set((old) => ({ ...old, loading: true }));
    load.current = () => void ask();
    void ask();
    const ended = on.length ? listen((kind) => { if (kind === "reset" || on.includes(kind)) later(); }) : () => {};
    return () => { stop.abort(); clearTimeout(timer); ended(); };
  }, [key, on.join()]);
  const own = state.key === key;
  return { data: state.data, error: own ? state.error : null, loading: state.loading || !own, at: state.at, again: () => load.current() };
}

interface PanelProps { title: string; note?: ComponentChildren; of?: Loaded<unknown>; data?: { path: string; asked: Asked }; links?: ComponentChildren; children: ComponentChildren; class?: string; empty?: boolean | undefined; emptyText?: string; tall?: boolean }

/** A part of a page with its title, its menu of forms (CSV, JSON, SQL), and what stands there while there is nothing. */
export function Panel({ title, note, of, data, links, children, class: kind = "", empty, emptyText, tall }: PanelProps) {
  const first = of && of.loading && of.data === null;
  return <section class={`panel ${kind} ${of?.loading ? "stale" : ""}`} aria-busy={of?.loading ?? false}>
    <header><h2>{title}</h2>{note && <span class="note">{note}</span>}<span class="grow" />{links}
      {data && <Menu path={data.path} asked={data.asked} title={title} />}</header>
    {of?.error && of.data === null ? <Failed said={of.error} again={of.again} />
      : first ? <div class={`skeleton ${tall ? "tall" : ""}`} role="status"><span class="hidden">Loading {title}</span></div>
        : empty ? <p class="empty">{emptyText ?? "Nothing in this stretch of time with these filters."}</p> : children}
    {of?.error && of.data !== null && <p class="warn small">Not up to date: {of.error}. <button class="link" onClick={of.again}>Try again</button></p>}
  </section>;
}

export function Failed({ said, again }: { said: string; again?: () => void }) {
  return <div class="failed" role="alert"><p>{said}</p>{again && <button onClick={again}>Try again</button>}</div>;
}

function Menu({ path, asked, title }: { path: string; asked: Asked; title: string }) {
  const box = useRef<HTMLDetailsElement>(null);
  const close = () => { if (box.current) box.current.open = false; };
  useEffect(() => {
    const away = (event: Event) => { if (box.current && !box.current.contains(event.target as Node)) close(); };
    addEventListener("click", away);
    return () => removeEventListener("click", away);
  }, []);
  const url = (format: string) => address(path, { ...asked, format });
  return <details class="menu" ref={box} onKeyDown={(event) => { if (event.key === "Escape") close(); }}>
    <summary aria-label={`Data of ${title}`} title="The data of this panel">⋯</summary>
    <ul>{["csv", "json", "arrow", "sql"].map((format) => <li key={format}>
      <a href={url(format)} download={format === "sql" ? undefined : `${title.toLowerCase().replace(/\W+/g, "-")}.${format}`} target={format === "sql" ? "_blank" : undefined} rel="noopener" onClick={close}>{format.toUpperCase()}</a></li>)}</ul>
  </details>;
}
