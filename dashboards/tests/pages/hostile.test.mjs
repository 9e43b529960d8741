// Names and bodies that would be markup: they stay text in every cell, chart, panel and address.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { event, open, post, useBrowser, visible } from "./browser.mjs";

useBrowser();
const markup = (what) => `"'><img src=x onerror="window.hacked='${what}'"></script><svg onload=window.hacked='${what}'>`;
const q = (sql) => `/sql?q=${encodeURIComponent(sql)}`;

before(async () => {
  const at = "2026-01-05T10:00:00+05:30", order = `PH-${markup("order")}`;
  const response = await post([
    event("order.placed", order, at, { order_id: order, customer_id: markup("customer"), lines: [{ line_id: "1", sku: markup("sku"), style: markup("style"), category: markup("category"), size: "M", qty: 60, unit_price_minor: 100 }], payment_mode: "cod", channel: "web", destination_pincode: "560001", destination_state: markup("state") }, "PH-1"),
    event("shipment.manifested", "PH-A", at, { awb: "PH-A", order_id: order, leg: "forward", courier: markup("courier"), origin_pincode: "110001", destination_pincode: "560001" }, "PH-2"),
    event("shipment.delivered", "PH-A", at, { awb: "PH-A" }, "PH-3"),
    event("order.placed", "PH-bad", at, { order_id: "PH-bad", note: markup("body") }, markup("id")),
    event(markup("type"), "PH-worse", at, {}, "PH-5"),
  ]);
  assert.equal(response.status, 202);
  assert.deepEqual((await response.json()).rejected.map((r) => r.index), [3, 4]);
  await visible(`select count(*) from shipments where courier like '%onerror%'`, 1);
  await visible(`select count(*) from dead_letters where body like '%onerror%'`, 2);
});

async function unharmed(page, where) {
  assert.equal(await page.evaluate(() => window.hacked), undefined, where);
  assert.equal(await page.locator("img, main svg[onload], [onerror]").count(), 0, where);
}

for (const dimension of ["category", "state", "courier"])
  test(`a ${dimension} that is markup is text among the values and in the figures`, async () => {
    const { page, done } = await open(`/?dimension=${dimension}&value=${encodeURIComponent(markup(dimension))}&as.return_rate_cohorts=table`);
    await page.locator("[data-query=return_rate_cohorts] .note b", { hasText: "onerror" }).waitFor();
    await page.locator("select[data-key=value] option", { hasText: "onerror" }).waitFor({ state: "attached" });
    await page.locator("[data-query=return_rate_cohorts]").focus();
    await page.keyboard.press("s");
    await page.locator("dialog[open] pre.sql", { hasText: "onerror" }).waitFor();
    await unharmed(page, dimension);
    await done();
  });

test("a courier that is markup is text in the matrix and the scorecards", async () => {
  const { page, done } = await open("/routing");
  await page.locator("[data-query=lane_risk] th", { hasText: "onerror" }).waitFor();
  await page.locator("[data-query=courier_scorecards] td", { hasText: "onerror" }).waitFor();
  await unharmed(page, "couriers");
  await done();
});

test("a decision's address that is markup is text", async () => {
  const { page, done } = await open(`/decisions/${encodeURIComponent(markup("decision").replaceAll("/", ""))}`);
  await page.locator(".empty code", { hasText: "onerror" }).first().waitFor();
  await unharmed(page, "decision");
  await done();
});

test("a dead letter that is markup is text in the list, the letter and the filters", async () => {
  const { page, done } = await open(`/health?search=${encodeURIComponent("onerror")}`);
  await page.locator("[role=gridcell]", { hasText: "onerror" }).first().waitFor();
  const grid = page.locator("#letters ~ div [role=grid]");
  await grid.focus();
  await page.keyboard.press("Enter");
  await page.locator("aside pre", { hasText: "onerror" }).waitFor();
  await unharmed(page, "letters");
  await page.goto(page.url().replace(/search=[^&]*/, `search=${encodeURIComponent(markup("search"))}`));
  await page.locator(".bar button", { hasText: "onerror" }).waitFor();
  await unharmed(page, "filters");
  await done();
});

for (const view of ["rows", "chart", "plan"])
  test(`an answer that is markup is text as ${view}`, async () => {
    const { page, done } = await open(q(`select courier, count(*) as "${markup("column").replaceAll('"', '""')}" from shipments where courier like '%onerror%' group by courier`) + `&view=${view}`);
    await page.locator({ rows: "[role=gridcell]", chart: ".bars th", plan: "pre.plan" }[view], { hasText: "onerror" }).first().waitFor();
    await page.locator(".past summary").click();
    await page.locator(".past li", { hasText: "onerror" }).waitFor();
    await unharmed(page, view);
    await done();
  });

test("an error that quotes markup is text", async () => {
  const { page, done } = await open(q(`select "${markup("error").replaceAll('"', '""')}" from orders`), { expectErrors: true });
  await page.locator(".failure", { hasText: "onerror" }).waitFor();
  await unharmed(page, "error");
  await done();
});
