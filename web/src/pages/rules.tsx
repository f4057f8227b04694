import { useState } from "preact/hooks";
import { post, type About } from "../api";
import { moment, percent } from "../format";
import { Failed, Panel } from "../ui/load";
import { mood, Severity } from "../ui/parts";

interface Understood { categories: { name: string; score: number }[]; scores: Record<string, number>; sentiment: { label: string }; phrases: string[]; entities: { text: string; type: string }[]; language: { code: string | null }; place: { name: string; country: string | null } | null }
interface Fired { alerts: number; incidents: number; days: number; rang: { headline: string; at: string; severity: number }[]; curve: [number, number][] }
const MEASURES = ["mentions", "voices", "share", "negative_share", "new_phrases"], DIMENSIONS = ["watch", "category", "source", "language", "country", "sentiment"];

export default function Rules({ about, zone }: { about: About; zone: string }) {
  return <><div class="columns"><TestBox about={about} /><Panel title="Watches">{about.watches.length ? <dl>{about.watches.map((one) => <><dt>{one.name}</dt><dd><code>{one.match}</code></dd></>)}</dl> : <p>Every post belongs to the watch “all”.</p>}
    <h3>Categories</h3>{about.categories.length ? <dl>{about.categories.map((one) => <><dt>{one.name}</dt><dd>{one.description ?? "by its name alone"}</dd></>)}</dl> : <p class="empty">None: every post is “other”. Add `categories:` to the config.</p>}</Panel></div>
    <Preview about={about} zone={zone} /></>;
}

function TestBox({ about }: { about: About }) {
  const [text, write] = useState(""), [found, got] = useState<Understood | null>(null), [fault, fail] = useState<string | null>(null), [busy, work] = useState(false);
  const run = async () => { work(true); fail(null); try { got(await post<Understood>("/api/classify", { text })); } catch (error) { fail(error instanceof Error ? error.message : "that did not work"); } work(false); };
  const scores = Object.entries(found?.scores ?? {}).sort((one, other) => other[1] - one[1]), fits = new Set(found?.categories.map((one) => one.name));
  return <Panel title="Try a text" note="what a run would say of it"><form onSubmit={(event) => { event.preventDefault(); void run(); }}>
    <label for="try">A post</label><textarea id="try" rows={3} maxLength={10_000} value={text} onInput={(event) => write(event.currentTarget.value)} placeholder="I cannot log in since this morning, is acme down?" />
    <div class="row"><button class="main" disabled={!text.trim() || busy}>{busy ? "Reading…" : "What is it about?"}</button></div></form>
    {fault && <Failed said={fault} />}
    {found && <div aria-live="polite">{scores.length > 0 ? <ul class="bars">{scores.map(([name, score]) => <li key={name}><span class="still"><span class={`bar ${fits.has(name) ? "" : "pale"}`} style={{ width: `${100 * score}%` }} /><span class="value">{fits.has(name) ? "✓ " : ""}{name}</span><span class="count">{percent(score)}</span></span></li>)}</ul> : about.categories.length > 0 && <p>None fits: other.</p>}
      <p>{mood(found.sentiment.label)} · language {found.language.code ?? "not known"}{found.place ? ` · ${found.place.name}` : ""}</p>
      {found.phrases.length > 0 && <p>Phrases: {found.phrases.join(", ")}</p>}{found.entities.length > 0 && <p>Names: {found.entities.map((one) => `${one.text} (${one.type})`).join(", ")}</p>}</div>}</Panel>;
}

function Preview({ about, zone }: { about: About; zone: string }) {
  const [measure, setMeasure] = useState("mentions"), [by, setBy] = useState<string[]>(about.policies[0]?.by ?? ["watch", "category"]), [sensitivity, setSensitivity] = useState("balanced"), [budget, setBudget] = useState(about.budget ?? "1 per day");
  const [found, got] = useState<Fired | null>(null), [fault, fail] = useState<string | null>(null), [busy, work] = useState(false);
  const run = async () => { work(true); fail(null); got(null); try { got(await post<Fired>("/api/policies/preview", { measure, by, sensitivity, budget, days: 30 })); } catch (error) { fail(error instanceof Error ? error.message : "that did not work"); } work(false); };
  const yaml = `alerts:\n  budget: ${budget}\n  policies:\n    - name: my policy\n      measure: ${measure}\n      by: [${by.join(", ")}]\n      sensitivity: ${sensitivity}`;
  return <Panel title="A policy, before it is saved" note="what it would have rung for in the last 30 days">
    <div class="columns"><form onSubmit={(event) => { event.preventDefault(); void run(); }} class="fields">
      <label>Measure<select value={measure} onChange={(event) => setMeasure(event.currentTarget.value)}>{MEASURES.map((one) => <option key={one} value={one}>{one.replace("_", " ")}</option>)}</select></label>
      <fieldset><legend>By</legend>{DIMENSIONS.map((one) => <label key={one}><input type="checkbox" checked={by.includes(one)} onChange={() => setBy(by.includes(one) ? by.filter((other) => other !== one) : [...by, one])} /> {one}</label>)}</fieldset>
      <label>Sensitivity<select value={sensitivity} onChange={(event) => setSensitivity(event.currentTarget.value)}>{["balanced", "quiet", "strict"].map((one) => <option key={one}>{one}</option>)}</select></label>
      <label>Budget<input value={budget} onInput={(event) => setBudget(event.currentTarget.value)} /></label>
      <div class="row"><button class="main" disabled={busy || by.length === 0}>{busy ? "Going through the past…" : "Would have fired?"}</button></div></form>
      <div aria-live="polite">{fault && <Failed said={fault} />}
        {found && <><p class="big">Would have rung <b>{found.alerts}</b> {found.alerts === 1 ? "time" : "times"} in the last {Math.round(found.days)} days</p><p class="note">{found.incidents} incidents; the rest goes into the digest.</p>
          <ul class="plain">{found.rang.slice(0, 12).map((one, at) => <li key={at}><Severity value={one.severity} /> {moment(one.at, zone)} {one.headline}</li>)}</ul>
          <details><summary>Alerts a week, with the threshold at…</summary><table><tbody>{found.curve.map(([factor, weekly]) => <tr key={factor}><td>{factor}×</td><td class="right">{weekly.toFixed(1)} a week</td></tr>)}</tbody></table></details></>}
        <h3>For the config</h3><pre>{yaml}</pre></div></div></Panel>;
}
