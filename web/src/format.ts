// Numbers and times as people read them. Every time is in the zone that the page shows.
export const zoneOf = (query: URLSearchParams): string => query.get("zone") ?? localStorage.getItem("zone") ?? "UTC";
export const ownZone = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";

export const number = (value: number): string => Math.round(value).toLocaleString("en");
export function short(value: number): string {
  if (Math.abs(value) >= 1e6) return `${(value / 1e6).toFixed(value >= 1e7 ? 0 : 1)}M`;
  if (Math.abs(value) >= 1e4) return `${(value / 1e3).toFixed(value >= 1e5 ? 0 : 1)}k`;
  return number(value);
}
export const percent = (share: number): string => `${Math.round(share * 100)}%`;

const made = new Map<string, Intl.DateTimeFormat>();
function formatter(zone: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = zone + JSON.stringify(options);
  let one = made.get(key);
  if (!one) {
    try { one = new Intl.DateTimeFormat("en-GB", { ...options, timeZone: zone }); }
    catch { one = new Intl.DateTimeFormat("en-GB", { ...options, timeZone: "UTC" }); }
    made.set(key, one);
  }
  return one;
}
const date = (time: string | number): Date => new Date(typeof time === "number" ? time * 1000 : time);
export const clock = (time: string | number, zone: string): string => formatter(zone, { hour: "2-digit", minute: "2-digit" }).format(date(time));
export const moment = (time: string | number, zone: string): string =>
  formatter(zone, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" }).format(date(time));
export const day = (time: string | number, zone: string): string => formatter(zone, { weekday: "short", day: "numeric", month: "short" }).format(date(time));
export const full = (time: string | number, zone: string): string =>
  formatter(zone, { year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit" }).format(date(time));

export function length(seconds: number): string {
  const units: [number, string][] = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
  for (const [size, name] of units) if (seconds >= size) {
    const many = seconds / size;
    return `${Number.isInteger(many) || many >= 10 ? Math.round(many) : many.toFixed(1)} ${name}`;
  }
  return "0 s";
}
export const ago = (time: string | number, now: number): string => {
  const seconds = Math.max(0, now - date(time).getTime() / 1000);
  return seconds < 60 ? "just now" : `${length(Math.floor(seconds / 60) * 60)} ago`;
};
export const seconds = (time: string): number => new Date(time).getTime() / 1000;
export const named = (series: Record<string, string> | string[]): string => (Array.isArray(series) ? series : Object.values(series)).join(" · ") || "all";
export const country = (code: string): string => {
  try { return new Intl.DisplayNames(["en"], { type: "region" }).of(code) ?? code; } catch { return code; }
};
export const language = (code: string): string => {
  try { return new Intl.DisplayNames(["en"], { type: "language" }).of(code) ?? code; } catch { return code; }
};
export const shown = (kind: string, value: string): string => kind === "country" ? country(value) : kind === "language" ? language(value) : value;
/** A link that may be followed: anything but http and https is none. */
export const safe = (url: string | null | undefined): string | null => (url && /^https?:\/\//i.test(url) ? url : null);
/** A text without what could turn the text around it: controls, and marks of direction. */
export const plain = (text: string): string => text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c]/g, "");
/** A place with its country. */
export const placed = (spot: { place: string; level: string | null; country: string | null }): string =>
  spot.country && spot.level !== "country" ? `${spot.place}, ${country(spot.country)}` : spot.place;
