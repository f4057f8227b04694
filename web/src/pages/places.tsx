import type { Rows } from "../api";
import { country, number, percent, placed, plain } from "../format";
import { filters, toggle, update, useAddress } from "../state";
import { lazy } from "../ui/lazy";
import { Panel, useData } from "../ui/load";
import type { Spot } from "../ui/map";

const WorldMap = lazy(() => import("../ui/map"));
interface Value { value: string; posts: number; positive: number; negative: number }

export default function Places() {
  const { query } = useAddress(), asked = filters(query), by = query.get("by") ?? "country";
  const spots = useData<Rows<Spot> & { without_place: number }>("/api/places", { ...asked, limit: 2000 }, ["posts"]);
  const countries = useData<Rows<Value>>("/api/values", { of: "country", open: 1, ...asked, limit: 60 }, ["posts"]);
  const known = (spots.data?.rows ?? []).reduce((sum, one) => sum + one.posts, 0), all = known + (spots.data?.without_place ?? 0);
  const rows = by === "country" ? (countries.data?.rows ?? []).map((one) => ({ key: one.value, name: country(one.value), ...one }))
    : (spots.data?.rows ?? []).filter((one) => by === "place" || one.level === "region").slice(0, 100).map((one) => ({ key: `${one.place}${one.lat}`, name: placed(one), ...one, value: one.place }));
  return <div class="columns wide-left">
    <Panel title="Where" note={all ? `${number(known)} posts with a place; no place known: ${percent((spots.data?.without_place ?? 0) / all)}` : undefined} of={spots} tall data={{ path: "/api/places", asked }}>
      <WorldMap spots={spots.data?.rows ?? []} height={Math.min(560, Math.max(300, innerHeight - 260))} onPick={(some) => update({ place: some.map((one) => one.place).slice(0, 20) })} /></Panel>
    <Panel title="By place" of={countries} data={{ path: "/api/places", asked }} links={<span class="choices" role="group" aria-label="By">{["country", "place"].map((one) => <button key={one} aria-pressed={by === one} onClick={() => update({ by: one === "country" ? null : one })}>{one === "country" ? "countries" : "towns and regions"}</button>)}</span>} empty={rows.length === 0}>
      <div class="scroll tall"><table><thead><tr><th>Place</th><th class="right">Posts</th><th class="right">Share</th><th class="right">Negative</th></tr></thead><tbody>{rows.map((row) => <tr key={row.key}>
        <td><button class="link" onClick={() => toggle(by === "country" ? "country" : "place", row.value)}><bdi>{plain(row.name)}</bdi></button></td><td class="right">{number(row.posts)}</td><td class="right">{percent(all ? row.posts / all : 0)}</td><td class="right">{percent(row.posts ? row.negative / row.posts : 0)}</td></tr>)}</tbody></table></div></Panel>
  </div>;
}
