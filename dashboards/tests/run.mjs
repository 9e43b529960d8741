// Runs the page tests, one file after another, against the engine at EDDY_URL. Starts no engine itself.
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

if (!process.env.EDDY_URL) {
  console.error("EDDY_URL is not set: start an engine (eddy up --http 127.0.0.1:8080) and set EDDY_URL=http://127.0.0.1:8080");
  process.exit(2);
}
const pages = join(dirname(fileURLToPath(import.meta.url)), "pages");
const only = process.argv.slice(2);
const files = readdirSync(pages).filter((f) => f.endsWith(".test.mjs") && (!only.length || only.some((o) => f.includes(o)))).sort().map((f) => join(pages, f));
process.exit(spawnSync(process.execPath, ["--test", "--test-concurrency=1", "--test-reporter=spec", ...files], { stdio: "inherit" }).status ?? 1);
