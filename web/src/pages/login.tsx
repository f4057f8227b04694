import { useState } from "preact/hooks";
import { post } from "../api";

export default function Login({ onDone, open }: { onDone: () => void; open: boolean }) {
  const [name, setName] = useState(""), [password, setPassword] = useState(""), [fault, fail] = useState<string | null>(null), [busy, work] = useState(false);
  const run = async () => { work(true); fail(null); try { await post("/api/login", { name, password }); onDone(); } catch (error) { fail(error instanceof Error ? error.message : "that did not work"); setPassword(""); } work(false); };
  return <main class="login"><section class="panel"><h1>Tocsin</h1>{open ? <p>Only this machine is let in. To let others in, name them in the config: `server: users:`.</p> : <form class="fields" onSubmit={(event) => { event.preventDefault(); void run(); }}>
    <label>Name<input autocomplete="username" required value={name} onInput={(event) => setName(event.currentTarget.value)} /></label>
    <label>Password<input type="password" autocomplete="current-password" required value={password} onInput={(event) => setPassword(event.currentTarget.value)} /></label>
    {fault && <p class="warn" role="alert">{fault}</p>}<button class="main" disabled={busy}>{busy ? "…" : "Log in"}</button></form>}</section></main>;
}
