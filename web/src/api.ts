// The server's answers, and being told when there are new ones.

export class Refused extends Error {
  constructor(readonly status: number, said: string) { super(said); }
}

export type Asked = Record<string, string | number | string[] | undefined | null>;
export interface Rows<Row> { rows: Row[]; start?: string; end?: string; bucket_seconds?: number; [more: string]: unknown }

export interface Incident {
  id: string; policy: string; series: Record<string, string>; state: "open" | "resolved" | "expired";
  direction: "up" | "down"; start: string; detected_at: string; end: string | null; observed: number; expected: number;
  low: number; high: number; severity: number; headline: string; told: boolean; part_of: string | null; score: number;
  acked_by: string | null; acked_at: string | null; assigned_to: string | null; snoozed_until: string | null;
  feedback: string | null; peak: number; total_excess: number | null; measure: string;
}
export interface Slice { dimension: string; value: string; where: Record<string, string>; share: number; posts: number; lift: number | null }
export interface Quote { text: string; author?: string; author_handle?: string; source?: string; url?: string | null; why?: string; copies?: number; created_at?: string; event_time?: string }
export interface Whole extends Incident {
  explanation: {
    why?: string; slices: Slice[]; phrases: { phrase: string; authors: number; z: number }[]; posts: Quote[];
    voices: Record<string, number | null>; coverage: { share: number | null; gaps: unknown[] };
    entities?: { entity?: string; text?: string; posts?: number; lift?: number }[]; together?: { category: string }[];
    last_week?: Record<string, unknown> | null; sentiment?: Record<string, number> | null;
    chart?: { start: number; bucket: number; counts: number[]; expected: number };
  };
  sql: string; scale: number; threshold: number; receipt: Record<string, unknown>;
  notes: { at: string; by: string; text: string }[];
  parts: { id: string; series: Record<string, string>; headline: string }[];
  done: { action: string; argument: string | null; by: string; at: string }[];
  sent: { destination: string; state: string; event: string; at: string; error: string | null }[];
}
export interface Post {
  seq: number; uid: string; time: number; source: string; url: string | null; author: string | null; author_name: string | null;
  title: string | null; text: string; language: string | null; watches: string[]; categories: string[];
  category_scores: [string, number][] | Record<string, number>; sentiment: string | null; phrases: string[];
  entities: { text: string; type: string; start: number; end: number }[]; hashtags: string[]; place: string | null;
  place_level: string | null; country: string | null; place_confidence: number | null; copies: number; is_repost: boolean; backfilled: boolean;
}
export interface PolicyInfo { name: string; bucket_seconds: number; measure?: string; by?: string[]; sensitivity?: string; budget?: string | null }
export interface About {
  version: string; now: string; clock: string; budget?: string; policies: PolicyInfo[];
  watches: { name: string; match: string }[]; categories: { name: string; description: string | null }[];
  sources: { name: string; type: string }[]; destinations: { name: string; type: string }[];
}
export interface Me { who: { name: string; role: "viewer" | "analyst" | "admin"; by: string } | null; open: boolean }

export function address(path: string, asked: Asked = {}): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(asked)) {
    if (value === undefined || value === null || value === "") continue;
    for (const one of Array.isArray(value) ? value : [value]) query.append(name, String(one));
  }
  const text = query.toString();
  return text ? `${path}?${text}` : path;
}

async function answered<T>(response: Response): Promise<T> {
  if (response.ok) return response.json() as Promise<T>;
  const body = await response.json().catch(() => ({}));
  const said = typeof body?.error === "string" ? body.error : `the server answered ${response.status}`;
  if (response.status === 401) dispatchEvent(new Event("tocsin-login"));
  throw new Refused(response.status, said);
}

export async function get<T>(path: string, asked: Asked = {}, signal?: AbortSignal): Promise<T> {
  return answered<T>(await fetch(address(path, asked), { signal: signal ?? null, headers: { accept: "application/json" } }));
}

export async function post<T>(path: string, body: unknown): Promise<T> {
  const headers = { "content-type": "application/json", accept: "application/json" };
  return answered<T>(await fetch(path, { method: "POST", headers, body: JSON.stringify(body) }));
}

export type Kind = "posts" | "counted" | "acted" | "reset" | "hello";
type Hear = (kind: Kind) => void;
const hearing = new Set<Hear>();
let source: EventSource | null = null;
export let connected = false;

function state(now: boolean) {
  if (connected !== now) { connected = now; dispatchEvent(new Event("tocsin-connection")); }
}

/** Calls `hear` whenever something is new, until the function that it gives is called. One stream serves the page. */
export function listen(hear: Hear): () => void {
  hearing.add(hear);
  if (!source) {
    source = new EventSource("/api/events");
    source.onopen = () => state(true);
    source.onerror = () => state(false);
    for (const kind of ["posts", "counted", "acted", "reset", "hello"] as Kind[])
      source.addEventListener(kind, () => { state(true); for (const one of hearing) one(kind); });
  }
  return () => {
    hearing.delete(hear);
    if (!hearing.size) { source?.close(); source = null; }
  };
}
