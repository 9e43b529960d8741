// Builds ../assets: hashed names, a manifest the server reads, third-party licences. The same sources give the same bytes:
// nothing of the machine, the time or the folder's place enters. Fails when a page is over its budget.
import { build } from "esbuild";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const web = dirname(fileURLToPath(import.meta.url));
const out = join(web, "..", "assets");
process.chdir(web);
rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });

const pages = ["overview", "products", "product", "anomalies", "routing", "decision", "alerts", "alert", "health", "workbench"];
const common = { bundle: true, minify: true, target: "es2022", legalComments: "none", charset: "utf8", metafile: true, write: true, logLevel: "warning" };

const bundle = await build({
  ...common,
  entryPoints: pages.map((p) => `src/pages/${p}.tsx`),
  entryNames: "[name]-[hash]",
  chunkNames: "chunk-[hash]",
  outdir: out,
  format: "esm",
  splitting: true,
  jsx: "automatic",
  jsxImportSource: "preact",
});
const worker = await build({ ...common, entryPoints: ["src/lib/live-worker.ts"], entryNames: "[name]-[hash]", outdir: out, format: "iife" });
const style = await build({ ...common, entryPoints: ["src/style.css"], entryNames: "[name]-[hash]", outdir: out });

const name = (path) => path.split("/").pop();
const outputs = Object.fromEntries(Object.entries(bundle.metafile.outputs).map(([path, meta]) => [name(path), meta]));
const built = (result) => name(Object.keys(result.metafile.outputs)[0]);

/** The file and all that it imports at once, and, apart, what it imports later. */
function closure(start, kinds) {
  const seen = new Set([start]);
  for (const file of seen) for (const i of outputs[file].imports) if (kinds.includes(i.kind)) seen.add(name(i.path));
  return [...seen];
}

const icon = readFileSync("src/icon.svg");
const iconName = `icon-${createHash("sha256").update(icon).digest("hex").slice(0, 8).toUpperCase()}.svg`;
writeFileSync(join(out, iconName), icon);

const manifest = { style: built(style), worker: built(worker), icon: iconName, pages: {} };
for (const page of pages) {
  const script = Object.keys(outputs).find((f) => outputs[f].entryPoint === `src/pages/${page}.tsx`);
  manifest.pages[page] = { script, preload: closure(script, ["import-statement"]).filter((f) => f !== script).sort() };
}
writeFileSync(join(out, "manifest.json"), JSON.stringify(manifest, null, 1) + "\n");

// Licences of what is really in the bundle, each with its text.
const used = new Set();
for (const result of [bundle, worker, style])
  for (const input of Object.keys(result.metafile.inputs)) {
    const m = input.match(/node_modules\/((?:@[^/]+\/)?[^/]+)\//);
    if (m) used.add(m[1]);
  }
let licences = "Third-party software in these files, with its licences.\n";
for (const pkg of [...used].sort()) {
  const dir = join("node_modules", pkg);
  const meta = JSON.parse(readFileSync(join(dir, "package.json"), "utf8"));
  const file = readdirSync(dir).find((f) => /^licen[cs]e/i.test(f));
  if (!file) throw new Error(`${pkg} ships no licence text: add it or leave the package out`);
  licences += `\n${"=".repeat(78)}\n${pkg} ${meta.version} (${meta.license})\n\n${readFileSync(join(dir, file), "utf8").trim()}\n`;
}
writeFileSync(join(out, "licences.txt"), licences);

// Budgets, gzip: what a page loads before it is useful.
const size = (f) => gzipSync(readFileSync(join(out, f)), { level: 9 }).length;
const sum = (files) => files.reduce((n, f) => n + size(f), 0);
const every = (page) => [...closure(manifest.pages[page].script, ["import-statement", "dynamic-import"]), manifest.style];
const core = 60_000, more = 140_000;
const rows = pages.map((page) => [page, sum(every(page)), page === "workbench" ? core + more : core]);
for (const [page, bytes, budget] of rows) console.log(`${page.padEnd(10)} ${String(bytes).padStart(7)} bytes gzip of ${budget}`);
const over = rows.filter(([, bytes, budget]) => bytes > budget);
if (over.length) {
  console.error(`over budget: ${over.map(([page]) => page).join(", ")}`);
  process.exit(1);
}
