// Everything that a page shows follows from its address.
import { useEffect, useMemo, useReducer } from "preact/hooks";

export const KINDS = ["watch", "category", "source", "language", "sentiment", "country", "place", "author", "phrase", "entity", "hashtag", "cluster"] as const;
export type FilterKind = (typeof KINDS)[number];

export interface Address { path: string; query: URLSearchParams }

const moved = "tocsin-moved";
export const here = (): Address => ({ path: location.pathname, query: new URLSearchParams(location.search) });

export function go(path: string, query?: URLSearchParams, replace = false) {
  const text = query?.toString();
  const to = text ? `${path}?${text}` : path;
  if (replace) history.replaceState(null, "", to); else history.pushState(null, "", to);
  dispatchEvent(new Event(moved));
}

export function useAddress(): Address {
  const [, again] = useReducer((n: number) => n + 1, 0);
  useEffect(() => {
    const hear = () => again(0);
    addEventListener("popstate", hear); addEventListener(moved, hear);
    return () => { removeEventListener("popstate", hear); removeEventListener(moved, hear); };
  }, []);
  return useMemo(here, [location.pathname, location.search]);
}

/** The address with some of its query changed: null takes a name away, a list gives it several values. */
export function changed(query: URLSearchParams, change: Record<string, string | string[] | null>): URLSearchParams {
  const made = new URLSearchParams(query);
  for (const [name, value] of Object.entries(change)) {
    made.delete(name);
    for (const one of value === null ? [] : Array.isArray(value) ? value : [value]) made.append(name, one);
  }
  return made;
}

export function update(change: Record<string, string | string[] | null>, replace = false) {
  const { path, query } = here();
  go(path, changed(query, change), replace);
}

/** Adds a value to a filter, or takes it away where it is there. */
export function toggle(kind: FilterKind, value: string) {
  const { query } = here();
  const values = query.getAll(kind);
  update({ [kind]: values.includes(value) ? values.filter((one) => one !== value) : [...values, value], before: null });
}

/** What of the address every panel of posts is asked with. */
export function filters(query: URLSearchParams): Record<string, string | string[]> {
  const asked: Record<string, string | string[]> = { start: query.get("start") ?? "-86400" };
  const end = query.get("end");
  if (end) asked.end = end;
  for (const kind of KINDS) if (query.has(kind)) asked[kind] = query.getAll(kind);
  const match = query.get("match");
  if (match) asked.match = match;
  return asked;
}

/** The same filters, for a link to another page. */
export function carried(query: URLSearchParams, change: Record<string, string | string[] | null> = {}): string {
  const kept = new URLSearchParams();
  for (const name of ["start", "end", "match", "zone", ...KINDS]) for (const value of query.getAll(name)) kept.append(name, value);
  const text = changed(kept, change).toString();
  return text ? `?${text}` : "";
}

export const isLive = (query: URLSearchParams): boolean => !query.get("end") && (query.get("start") ?? "-").startsWith("-");
