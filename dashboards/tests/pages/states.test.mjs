// Loading, empty, error and stale, on each page: what a reader sees when there is nothing to see.
import assert from "node:assert/strict";
import { test } from "node:test";
import { axe, open, useBrowser } from "./browser.mjs";
import { aDecision } from "./decisions.mjs";
import { anAlert } from "./suspects.mjs";

useBrowser();
const decision = `/decisions/${await aDecision()}`, alert = `/alerts/${await anAlert()}`, product = "/products/PT-KURTA-M";

/** The shell without its first rows, so that the page has to ask. */
const withoutRows = (context) => context.route((url) => ["/", "/products", product, "/anomalies", "/health", "/sql", "/routing", decision, "/alerts", alert].includes(url.pathname), async (route) => {
  if (route.request().resourceType() !== "document") return route.continue();
  const response = await route.fetch(), html = await response.text();
  await route.fulfill({ response, body: html.replace(/(<script type="application\/json"[^>]*>)([\s\S]*?)(<\/script>)/, (_, a, data, c) => a + JSON.stringify({ ...JSON.parse(data), results: {} }).replaceAll("<", "\\u003c") + c) });
});
const problem = { status: 503, contentType: "application/problem+json", body: JSON.stringify({ type: "about:blank", title: "the engine is busy", detail: "16 queries run already; try again in a moment", status: 503 }) };

for (const [path, name, least = 3] of [["/", "Overview"], ["/products", "Products", 2], [product, "Product"], ["/anomalies", "Anomalies", 2], ["/routing", "Routing"], [decision, "Decision"], ["/alerts", "Alerts"], [alert, "Alert"], ["/health", "Health"]]) {
  test(`${name} loads as a frame with headings and grey rows`, async () => {
    const { page, done } = await open(path, { settle: false, route: async (c) => { await withoutRows(c); await c.route("**/v1/sql", () => {}); } });
    await page.locator(".card[aria-busy=true] .skeleton").first().waitFor();
    assert.ok(await page.locator(".card[aria-busy=true] h2").count() >= least, "cards show their titles while they wait");
    assert.deepEqual(await axe(page), []);
    await done();
  });

  test(`${name} tells an error in the problem's own words, and Retry mends it`, async () => {
    let failing = true;
    const { page, done } = await open(path, { expectErrors: true, route: async (c) => { await withoutRows(c); await c.route("**/v1/sql", (r) => failing ? r.fulfill(problem) : r.continue()); } });
    const alert = page.locator(".failure").first();
    await alert.waitFor();
    assert.match(await alert.textContent(), /16 queries run already; try again in a moment/);
    assert.deepEqual(await axe(page), []);
    failing = false;
    const before = await page.locator(".failure").count();
    await alert.locator("button", { hasText: "Retry" }).click();
    await page.waitForFunction((n) => document.querySelectorAll(".failure").length < n, before);
    await done();
  });
}

test("Overview keeps the last good figures when a later answer fails, and says so", async () => {
  const { page, done } = await open("/", { expectErrors: true });
  const figure = page.locator("[data-query=orders_figures] .figure");
  const before = await figure.textContent();
  await page.context().route("**/v1/sql", (r) => r.fulfill(problem));
  await page.locator(".bar button", { hasText: "90 days" }).click();
  await page.locator("[data-query=orders_figures] .failure").waitFor();
  assert.equal(await figure.textContent(), before);
  assert.match(await page.locator("[data-query=orders_figures] .failure").textContent(), /last good answer/);
  await done();
});

test("days begin with the tenant's own midnight where the clock changed since midnight in UTC", async () => {
  const inAuckland = (context) => context.route((url) => url.pathname === "/", async (route) => {
    const response = await route.fetch(), html = await response.text();
    await route.fulfill({ response, body: html.replace('"zone":"Asia/Kolkata"', '"zone":"Pacific/Auckland"') });
  });
  const { page, done } = await open("/?from=2026-04-05&to=2026-04-05&panel=sql:orders_figures", { route: inAuckland });
  const text = await page.locator("dialog[open] pre.sql").textContent();
  assert.match(text, /2026-04-04T11:00:00Z/);
  assert.match(text, /2026-04-05T12:00:00Z/);
  await done();
});

test("an empty engine names three commands that bring data", async () => {
  const empty = JSON.stringify({ columns: [], rows: [], sequence: 0, elapsed_ms: 0 });
  const { page, done } = await open("/", { route: async (c) => { await withoutRows(c); await c.route("**/v1/sql", (r) => r.fulfill({ contentType: "application/json", body: empty })); } });
  await page.locator(".empty-page").waitFor();
  assert.equal(await page.locator(".empty-page code").count(), 3);
  assert.deepEqual(await axe(page), []);
  await done();
});

test("an empty engine says on Routing what would fill each card", async () => {
  const empty = JSON.stringify({ columns: [], rows: [], sequence: 0, elapsed_ms: 0 });
  const { page, done } = await open("/routing", { route: async (c) => { await withoutRows(c); await c.route("**/v1/sql", (r) => r.fulfill({ contentType: "application/json", body: empty })); } });
  for (const name of ["settled_scores", "routing_queue", "lane_risk", "courier_scorecards"]) await page.locator(`[data-query=${name}] .empty`).waitFor();
  assert.deepEqual(await axe(page), []);
  await done();
});

test("an empty engine says on Alerts what would fill each card, and offers audit samples when nothing waits", async () => {
  const empty = JSON.stringify({ columns: [], rows: [], sequence: 0, elapsed_ms: 0 });
  const { page, done } = await open("/alerts", { route: async (c) => { await withoutRows(c); await c.route("**/v1/sql", (r) => r.fulfill({ contentType: "application/json", body: empty })); } });
  await page.locator("[data-query=alerts_health] .empty", { hasText: "No alert was ever raised" }).waitFor();
  await page.locator("[data-query=alerts_queue] .empty", { hasText: "Nothing waits for a verdict. The audit samples below" }).waitFor();
  await page.locator("[data-query=audit_samples] .empty").waitFor();
  assert.deepEqual(await axe(page), []);
  await done();
});

test("a silent feed turns the pill amber, names its age, and it returns by itself", async () => {
  const init = () => {
    delete window.SharedWorker;
    window.EventSource = class extends EventTarget {
      readyState = 1;
      constructor() { super(); window.feed = this; setTimeout(() => this.tell()); }
      tell() { this.onmessage?.({ data: JSON.stringify({ sequence: 7, event_time: "2026-11-22T02:08:00Z", changed: {} }), lastEventId: "7" }); }
      close() {}
    };
  };
  const { page, done } = await open("/", { init });
  await page.locator(".pill[data-state=live]").waitFor();
  await page.locator(".pill[data-state=stale]").waitFor({ timeout: 20_000 });
  assert.match(await page.locator(".pill").textContent(), /Stale.*no frame for 1\d(\.\d)? s/);
  assert.deepEqual(await axe(page), []);
  await page.evaluate(() => window.feed.tell());
  await page.locator(".pill[data-state=live]").waitFor();
  await done();
});
