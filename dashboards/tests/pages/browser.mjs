// One Chromium for a test file, pages that fail on a console error or an outside request, and a little world of events to show.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { after, before } from "node:test";
import { some, told } from "./shifts.mjs";

const require = createRequire(new URL("../../web/package.json", import.meta.url));
const { chromium } = require("playwright-core");
const axeSource = require("node:fs").readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

export const base = process.env.EDDY_URL?.replace(/\/$/, "");
export const pages = [
  { path: "/", title: "Overview" },
  { path: "/products", title: "Products" },
  // With a forecast and an anomaly, which a world this small has none of.
  { path: "/products/PT-KURTA-M", title: "Product", route: told(some()) },
  { path: "/anomalies", title: "Anomalies" },
  { path: "/routing", title: "Routing" },
  { path: "/alerts", title: "Alerts" },
  { path: "/sql", title: "Workbench" },
  { path: "/sql?q=select+courier%2C+count(*)+as+parcels+from+shipments+group+by+courier", title: "Workbench", named: "Workbench with an answer" },
  { path: "/health", title: "Health" },
];
// A name that is not loopback leads to this machine: for what browsers say and keep only on loopback and over HTTPS.
export const elsewhere = "eddy.test";
const flags = ["--headless", "--no-sandbox", "--no-proxy-server", `--host-resolver-rules=MAP ${elsewhere} 127.0.0.1`, "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

let browser;
export function useBrowser() {
  before(async () => {
    browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: flags });
    await seed();
  });
  after(() => browser?.close());
}

/** A browser of one's own: without cookies, storage and open pages of others. */
export const context = (options = {}) => browser.newContext({ viewport: { width: 1600, height: 1000 }, ...options });

/** Opens a page and waits until it is mounted. `check()` at the end: no console error, no request to another host. */
export async function open(path, options = {}) {
  const { at = base, expectErrors = false, init, route = pages.find((p) => p.path === path)?.route, settle = true, ...rest } = options;
  const context = await browser.newContext({ viewport: { width: 1600, height: 1000 }, ...rest });
  const page = await context.newPage();
  const errors = [], outside = [];
  page.on("console", (m) => { if (m.type() === "error") errors.push(m.text()); });
  page.on("pageerror", (e) => errors.push(String(e)));
  context.on("request", (r) => { if (!r.url().startsWith(at) && !/^(data|blob):/.test(r.url())) outside.push(r.url()); });
  if (init) await context.addInitScript(init);
  if (route) await route(context);
  await page.goto(at + path);
  await page.locator("html[data-ready]").waitFor({ state: "attached" });
  if (settle) await page.locator("main [aria-busy=true]").first().waitFor({ state: "detached" });
  return {
    page,
    async done() {
      await context.close();
      assert.deepEqual(outside, [], "requests to another host");
      if (!expectErrors) assert.deepEqual(errors, [], "console errors");
    },
  };
}

/** Violations of axe, as text; empty when there are none. */
export async function axe(page) {
  // Injected by the driver, which the page's policy does not bind.
  await page.evaluate(axeSource);
  const result = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"], rules: { "color-contrast-enhanced": { enabled: false } } }));
  return result.violations.map((v) => `${v.id}: ${v.help}\n  ${v.nodes.slice(0, 4).map((n) => `${n.target.join(" ")} ${n.any.concat(n.all).map((c) => c.message).join("; ")}`).join("\n  ")}`);
}

/** Fails when the page is wider than its window. */
export async function fits(page, what) {
  const [wide, window] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
  const culprits = wide > window ? await page.evaluate(() => [...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest(".scroll, .grid, pre, .cm-scroller")).slice(0, 5).map((e) => e.outerHTML.slice(0, 120))) : [];
  assert.ok(wide <= window, `${what}: ${wide} px wide in a window of ${window}: ${culprits.join(" | ")}`);
}

export async function post(events) {
  return fetch(`${base}/v1/events`, { method: "POST", headers: { "content-type": "application/cloudevents-batch+json" }, body: JSON.stringify(events) });
}

let minted = 0;
export const event = (type, subject, time, data, id = `pages-${type}-${subject}`) => ({ specversion: "1.0", id, source: "urn:test:pages", type: `eddy.${type}`, subject, time, datacontenttype: "application/json", data });

/** An order with its whole life, by number: the same number gives the same events, so that seeding twice adds nothing. */
export function life(n) {
  const at = (days, hours = 0) => new Date(Date.UTC(2026, 0, 1) + (n % 90) * 86_400_000 + days * 86_400_000 + hours * 3_600_000).toISOString().replace(".000Z", "+05:30");
  const o = `PT-O${n}`, awb = `PT-A${n}`, rma = `PT-R${n}`, sku = `PT-KURTA-${["S", "M", "L"][n % 3]}`;
  const list = [
    event("order.placed", o, at(0), { order_id: o, customer_id: `PT-C${n % 17}`, lines: [{ line_id: "1", sku, style: "PT-KURTA", category: ["kurtas", "jeans"][n % 2], size: ["S", "M", "L"][n % 3], qty: 1, unit_price_minor: 149_900 + n }], payment_mode: n % 2 ? "cod" : "prepaid", channel: ["web", "app"][n % 2], destination_pincode: "560001", destination_state: "Karnataka" }),
    event("shipment.manifested", awb, at(0, 6), { awb, order_id: o, leg: "forward", courier: ["delhivery", "ekart"][n % 2], origin_pincode: "110001", destination_pincode: "560001" }),
  ];
  if (n % 9 === 8) return [...list, event("shipment.rto_initiated", awb, at(4), { awb })];
  list.push(event("shipment.delivered", awb, at(3), { awb }));
  if (n % 4) return list;
  list.push(event("return.requested", rma, at(6), { rma_id: rma, order_id: o, customer_id: `PT-C${n % 17}`, lines: [{ line_id: "1", sku, qty: 1, reason: "too_small", reason_group: "size_fit" }], channel: "app", method: "pickup" }));
  if (n % 12) return list;
  return [...list,
    event("return.received", rma, at(9), { rma_id: rma, facility: "BLR1", lines: [{ line_id: "1", sku, qty: 1 }] }),
    event("return.inspected", rma, at(10), { rma_id: rma, line_id: "1", facility: "BLR1", grade: "a" }),
    event("refund.issued", `PT-F${n}`, at(11), { refund_id: `PT-F${n}`, rma_id: rma, order_id: o, line_id: "1", amount_minor: 149_900 + n, tender: "original" }),
    event("return.restocked", rma, at(12), { rma_id: rma, line_id: "1", facility: "BLR1", sku, qty: 1 })];
}

/** One more order, never seen before. */
export const fresh = () => life(100_000 + Date.now() % 1e9 + minted++);

async function seed() {
  const response = await post([...Array.from({ length: 400 }, (_, n) => life(n)).flat(), event("shipment.teleported", "PT-X", "2026-01-01T00:00:00Z", {}), event("shipment.delivered", "PT-Y", "2026-01-01T00:00:00Z", {})]);
  if (!response.ok) throw new Error(`the engine at ${base} takes no events: ${response.status} ${await response.text()}`);
  await visible("select count(*) from orders where order_id like 'PT-O%'", 400);
}

/** Waits until a count is in the tables; a minute, since an engine that is built for tests on a busy machine folds slowly. */
export async function visible(sql, least) {
  for (const begun = Date.now(); Date.now() - begun < 60_000;) {
    const answer = await (await fetch(`${base}/v1/sql`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ sql }) })).json();
    if (Number(answer.rows?.[0]?.[0]) >= least) return;
    await new Promise((r) => setTimeout(r, 50));
  }
  throw new Error(`${sql} does not reach ${least}`);
}
