// Builds the dashboard into the package. The same sources give the same bytes.
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const out = process.argv[2] ?? join(here, "..", "src", "tocsin", "server", "web");
const assets = join(out, "assets");
rmSync(out, { recursive: true, force: true });
mkdirSync(assets, { recursive: true });

const world = readFileSync(join(here, "node_modules", "world-atlas", "countries-110m.json"));
const worldName = `world-${createHash("sha256").update(world).digest("hex").slice(0, 8)}.json`;
writeFileSync(join(assets, worldName), world);

const { metafile } = await build({
  entryPoints: [join(here, "src", "main.tsx")],
  outdir: assets, absWorkingDir: here, bundle: true, splitting: true, format: "esm", target: "es2022", minify: true,
  metafile: true, legalComments: "none", jsx: "automatic", jsxImportSource: "preact", charset: "utf8",
  entryNames: "app-[hash]", chunkNames: "[name]-[hash]", assetNames: "[name]-[hash]",
  define: { WORLD: JSON.stringify(`/assets/${worldName}`) },
});

const made = Object.entries(metafile.outputs);
const nameOf = (path) => path.split("/").pop();
const script = nameOf(made.find(([, one]) => one.entryPoint?.endsWith("main.tsx"))[0]);
const style = readdirSync(assets).find((name) => name.startsWith("app-") && name.endsWith(".css"));
const page = readFileSync(join(here, "index.html"), "utf8").replace("{script}", script).replace("{style}", style);
writeFileSync(join(out, "index.html"), page);
writeFileSync(join(out, "favicon.svg"), readFileSync(join(here, "favicon.svg")));
const licences = ["preact", "uplot", "d3-geo", "d3-array", "internmap", "topojson-client", "world-atlas"].map((name) => {
  const folder = join(here, "node_modules", name);
  const version = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")).version;
  const file = readdirSync(folder).find((one) => /^licen[cs]e/i.test(one));
  return `${name} ${version}\n\n${file ? readFileSync(join(folder, file), "utf8").trim() : "see its package"}\n`;
});
writeFileSync(join(assets, "licences.txt"), licences.join("\n----------------------------------------\n\n"));
