import { useEffect, useState } from "preact/hooks";
import { address, get, type Rows } from "../api";
import { plain } from "../format";
import { update, useAddress } from "../state";
import { Failed } from "../ui/load";

const EXAMPLES: [string, string][] = [
  ["Posts by category", "SELECT category, count(*) AS posts FROM posts GROUP BY 1 ORDER BY 2 DESC"],
  ["Busiest authors today", "SELECT author_handle, count(*) AS posts FROM posts\nWHERE event_time > now() - INTERVAL 1 DAY GROUP BY 1 ORDER BY 2 DESC LIMIT 20"],
  ["Incidents", "SELECT detected_at, headline, severity, state FROM incidents ORDER BY 1 DESC"],
  ["New phrases", "SELECT phrase, count(*) AS posts FROM phrases GROUP BY 1 ORDER BY 2 DESC LIMIT 30"],
  ["What was seen of each source", "SELECT source, avg(seen) AS seen, sum(arrived) AS arrived FROM coverage GROUP BY 1"],
];
type Row = Record<string, unknown>;

export default function Query() {
  const { query } = useAddress(), [sql, write] = useState(query.get("sql") ?? EXAMPLES[0]![1]);
  const [answer, got] = useState<(Rows<Row> & { truncated?: boolean }) | null>(null), [fault, fail] = useState<string | null>(null), [busy, work] = useState(false), [took, time] = useState(0);
  const [saved, keep] = useState<string[]>(() => { try { return JSON.parse(localStorage.getItem("queries") ?? "[]") as string[]; } catch { return []; } });
  const run = async (text = sql) => {
    work(true); fail(null); update({ sql: text }, true);
    const began = performance.now();
    try { got(await get("/api/query", { sql: text })); } catch (error) { got(null); fail(error instanceof Error ? error.message : "it did not run"); }
    time(performance.now() - began); work(false);
  };
  const store = (all: string[]) => { keep(all); localStorage.setItem("queries", JSON.stringify(all.slice(0, 50))); };
  useEffect(() => { if (query.get("sql")) void run(query.get("sql")!); }, []);
  const columns = Object.keys(answer?.rows[0] ?? {});
  return <section class="panel">
    <header><h2>Query</h2><span class="note">One SELECT in DuckDB's SQL: 10,000 rows, 30 seconds, nothing can be changed.</span></header>
    <div class="columns wide-left"><form onSubmit={(event) => { event.preventDefault(); void run(); }}>
      <label class="hidden" for="sql">SQL</label><textarea id="sql" rows={9} spellcheck={false} value={sql} onInput={(event) => write(event.currentTarget.value)} onKeyDown={(event) => { if ((event.ctrlKey || event.metaKey) && event.key === "Enter") { event.preventDefault(); void run(); } }} />
      <div class="row"><button class="main" disabled={busy}>{busy ? "Running…" : "Run (Ctrl+Enter)"}</button><button type="button" onClick={() => store([sql, ...saved.filter((one) => one !== sql)])}>Save</button>
        {answer && <><a href={address("/api/query", { sql, format: "csv" })} download="query.csv">CSV</a><a href={address("/api/query", { sql, format: "arrow" })} download="query.arrow">Arrow</a></>}</div></form>
      <div><h3>Tables</h3><p class="note">posts, phrases, entities, gaps, series, incidents, coverage. <button class="link" onClick={() => { write("DESCRIBE posts"); void run("DESCRIBE posts"); }}>columns of posts</button></p><h3>Examples</h3><ul class="plain">{EXAMPLES.map(([name, text]) => <li key={name}><button class="link" onClick={() => write(text)}>{name}</button></li>)}</ul>
        {saved.length > 0 && <><h3>Saved in this browser</h3><ul class="plain">{saved.map((text) => <li key={text}><button class="link" onClick={() => write(text)}>{text.slice(0, 60)}</button> <button class="link" aria-label={`Forget ${text.slice(0, 30)}`} onClick={() => store(saved.filter((one) => one !== text))}>✕</button></li>)}</ul></>}</div></div>
    {fault && <Failed said={fault} />}
    {answer && <><p class="note" role="status">{answer.rows.length.toLocaleString("en")} rows in {(took / 1000).toFixed(1)} s{answer.truncated ? "; there are more" : ""}</p>
      <div class="scroll tall"><table><thead><tr>{columns.map((name) => <th key={name}>{name}</th>)}</tr></thead><tbody>{answer.rows.slice(0, 1000).map((row, at) => <tr key={at}>{columns.map((name) => <td key={name} dir="auto">{cell(row[name])}</td>)}</tr>)}</tbody></table></div></>}
  </section>;
}
const cell = (value: unknown): string => (value === null || value === undefined ? "" : typeof value === "object" ? plain(JSON.stringify(value)) : plain(String(value)).slice(0, 400));
