import type { Incident, Rows } from "../api";
import { length, moment, named, number, percent, seconds } from "../format";
import { update, useAddress } from "../state";
import { Panel, useData } from "../ui/load";
import { incidentLink, Link, Severity, State } from "../ui/parts";

export default function Alerts({ zone }: { zone: string }) {
  const { query } = useAddress(), state = query.get("state"), told = query.get("told") !== "all";
  const asked = { state, limit: 500 }, found = useData<Rows<Incident>>("/api/incidents", asked, ["counted", "acted"]);
  const all = (found.data?.rows ?? []).filter((one) => !one.part_of && (!told || one.told));
  const judged = (found.data?.rows ?? []).filter((one) => one.feedback === "useful" || one.feedback === "not_useful");
  const useful = judged.filter((one) => one.feedback === "useful").length;
  return <Panel title="Alerts" of={found} data={{ path: "/api/incidents", asked }} tall note={judged.length ? `${useful} of ${judged.length} called useful (${percent(useful / judged.length)})` : "nobody has said yet which were useful"}
    links={<span class="choices" role="group" aria-label="State">{[[null, "all"], ["open", "open"], ["resolved", "resolved"], ["expired", "new normal"]].map(([value, name]) => <button key={name} aria-pressed={state === value} onClick={() => update({ state: value ?? null })}>{name}</button>)}
      <label><input type="checkbox" checked={!told} onChange={() => update({ told: told ? "all" : null })} /> with those left to the digest</label></span>}
    empty={all.length === 0} emptyText="No alerts. That is what most days look like.">
    <div class="scroll"><table class="wide"><thead><tr><th>Found</th><th>What</th><th>Series</th><th>Seen / expected</th><th>Lasted</th><th>Severity</th><th>State</th><th>Who</th></tr></thead><tbody>
      {all.map((one) => <tr key={one.id}><td class="nowrap">{moment(one.detected_at, zone)}</td><td><Link to={incidentLink(one.id, query)}>{one.headline}</Link></td><td>{named(one.series)}</td>
        <td class="right nowrap">{number(one.observed)} / {number(one.expected)}</td><td class="nowrap">{one.end ? length(Math.round(seconds(one.end) - seconds(one.start))) : "still"}</td><td><Severity value={one.severity} /></td><td class="nowrap"><State one={one} /></td><td>{one.assigned_to ?? one.acked_by ?? ""}{one.feedback ? ` · ${one.feedback.replace("_", " ")}` : ""}</td></tr>)}
    </tbody></table></div>
  </Panel>;
}
