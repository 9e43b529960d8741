// Products and Product: the list against SQL, windows over 100,000 rows, order that is held, comparing at equal age, and what a product's page works out of counts.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { before, test } from "node:test";
import { axe, fits, life, open, post, useBrowser, visible } from "./browser.mjs";
import { ask } from "./decisions.mjs";
import { ranked, some, told } from "./shifts.mjs";

useBrowser();
// Other files move the clock beyond the window of rates_now, so this one sells of late too; the last event enters the next day, which closes the one before.
before(async () => {
  await visible("select count(*) from orders where order_id like 'PT-O%'", 400);
  const [[now]] = await ask("select max(event_time) from eddy_meta.progress");
  const at = (ms) => new Date(ms).toISOString();
  const shift = Date.parse(now) - Date.UTC(2026, 3, 14);
  const sold = Array.from({ length: 360 }, (_, n) => life(200_070 + n)).flat().map((event) => ({ ...event, time: at(Date.parse(event.time) + shift) }));
  sold.sort((a, b) => a.time.localeCompare(b.time));
  const day = 86_400_000, zone = 5.5 * 3_600_000, midnight = (Math.floor((Date.parse(now) + zone) / day) + 1) * day - zone;
  const response = await post([...sold, { ...life(200_001)[0], time: at(midnight + 1000) }]);
  assert.ok(response.ok, await response.text());
  await visible("select count(*) from rates_now where value = 'PT-KURTA-M'", 1);
});
const grid = (page) => page.locator("[data-query=products] [role=grid]");
const row = (page, value) => grid(page).locator("[role=row]", { hasText: value });
const card = (page, name) => page.locator(`[data-query=${name}]`);
const day = "(select date_trunc('day', max(event_time)) from eddy_meta.progress)";
const mature = `delivered_at >= ${day} - interval '210 days' and delivered_at < ${day} - interval '30 days'`;

/** Answers `products` and `products_figures` as a table of that many rows would; tells which windows were asked for. */
const big = (total, state = {}) => async (context) => {
  state.asked = new Set();
  await told(state.anomalies ?? [])(context);
  await context.route("**/v1/sql", async (route) => {
    const sql = JSON.parse(route.request().postData() ?? "{}").sql ?? "", offset = sql.match(/k\.place > (\d+)/);
    if (offset && /from rates_now/.test(sql)) { state.asked.add(Number(offset[1])); return route.fulfill({ contentType: "application/json", body: JSON.stringify(state.answer ? state.answer(Number(offset[1])) : ranked(total, Number(offset[1]), state)) }); }
    if (/count\(\*\) as products/.test(sql)) return route.fulfill({ contentType: "application/json", body: JSON.stringify({ columns: ["products", "delivered", "returned", "adjusted_rate", "maturity", "above", "at_stake_minor", "currency", "window_start", "window_end"].map((name) => ({ name, type: "text" })), rows: [[total, 8_000_000, 1_000_000, 0.15, 0.8, 4000, 5_000_000_00, "INR", "2026-01-03", "2026-04-02"]], sequence: 7, elapsed_ms: 1 }) });
    return route.fallback();
  });
  await context.route((url) => url.pathname === "/products", async (route) => {
    if (route.request().resourceType() !== "document") return route.fallback();
    const response = await route.fetch(), html = await response.text();
    await route.fulfill({ response, body: html.replace(/(<script type="application\/json"[^>]*>)([\s\S]*?)(<\/script>)/, (_, a, data, c) => a + JSON.stringify({ ...JSON.parse(data), results: {} }).replaceAll("<", "\\u003c") + c) });
  });
};

test("the list begins with what SQL says is surely at stake most, and its figures are those of the filter", async () => {
  await visible("select count(*) from rates_now where dimension = 'sku'", 3);
  const { page, done } = await open("/products", { route: told([]) });
  const first = (await ask("select value from rates_now where dimension = 'sku' order by at_stake_minor desc nulls last, value limit 3")).map((r) => r[0]);
  assert.deepEqual((await grid(page).locator(".gbody [role=row] [role=gridcell]:nth-child(2) .mono").allTextContents()).slice(0, 3), first);
  const [products, delivered] = (await ask("select count(*), sum(delivered) from rates_now where dimension = 'sku'"))[0].map(Number);
  assert.match(await card(page, "products_figures").textContent(), new RegExp(`${products.toLocaleString("en-IN")}${delivered.toLocaleString("en-IN")} pieces delivered`));
  await done();
});

test("grain, filters and order are in the address, and the server sorts", async () => {
  const { page, done } = await open("/products?least=1", { route: told([]) });
  await page.locator("button", { hasText: /^Style$/ }).click();
  await page.waitForURL(/level=style/);
  await grid(page).locator("[role=columnheader]", { hasText: "Delivered" }).click();
  await page.waitForURL(/sort=delivered/);
  const asked = await ask("select value from rates_now where dimension = 'style' and delivered >= 1 order by delivered desc, value limit 1");
  await page.waitForFunction((v) => document.querySelector(".gbody [role=row] [role=gridcell]:nth-child(2) .mono")?.textContent.replaceAll(" ", "_") === v.replaceAll(" ", "_"), asked[0][0]);
  assert.equal(await grid(page).locator("[aria-sort=descending]").textContent(), "Delivered ↓");
  await row(page, "PT-KURTA").first().click();
  await page.keyboard.press("Enter");
  await page.waitForURL((url) => url.searchParams.get("style") === "PT-KURTA" && !url.searchParams.get("level"));
  await row(page, "PT-KURTA-M").waitFor();
  await done();
});

test("a filter that removes every row is named, and can be taken off", async () => {
  const { page, done } = await open("/products?search=PT-nowhere&least=5", { route: told([]) });
  await card(page, "products").locator(".empty", { hasText: "search PT-nowhere" }).waitFor();
  assert.deepEqual(await axe(page), []);
  await card(page, "products").locator(".empty button").click();
  await grid(page).waitFor();
  assert.doesNotMatch(page.url(), /search|least/);
  await done();
});

test("below 30 delivered the interval is shown and the point is not", async () => {
  const { page, done } = await open("/products", { route: big(400) });
  const few = row(page, "PT-BIG-0kurtas"), enough = row(page, "PT-BIG-1kurtas");
  assert.match(await few.first().textContent(), /12\.0% to 20\.0%/);
  assert.equal(await few.first().locator(".interval circle").count(), 0);
  assert.doesNotMatch(await few.first().textContent(), /15\.0%/);
  assert.equal(await enough.first().locator(".interval circle").count(), 1);
  assert.match(await enough.first().textContent(), /15\.0%/);
  await done();
});

test("over 100,000 rows only the windows in view are read and drawn; the longest task is reported", async () => {
  const state = {};
  const { page, done } = await open("/products", { route: big(100_000, state) });
  assert.equal(await grid(page).getAttribute("aria-rowcount"), "100001");
  await page.evaluate(() => { window.longest = 0; new PerformanceObserver((l) => { for (const e of l.getEntries()) window.longest = Math.max(window.longest, e.duration); }).observe({ entryTypes: ["longtask"] }); });
  await grid(page).focus();
  await page.keyboard.press("Control+End");
  await row(page, "PT-BIG-99999").waitFor();
  for (const share of [0.5, 0.25, 0.75]) { await grid(page).evaluate((e, s) => { e.scrollTop = e.scrollHeight * s; }, share); await row(page, `PT-BIG-${Math.round(100_000 * share) + 6}`).first().waitFor(); }
  assert.ok(state.asked.size <= 12, `${state.asked.size} windows were read`);
  assert.ok(await grid(page).locator(".gbody [role=row]").count() < 60);
  console.log(`longest task over 100,000 rows: ${Math.round(await page.evaluate(() => window.longest))} ms`);
  await done();
});

test("newer values are laid over the rows the reader sees; `r` takes the new order", async () => {
  const state = { answer: (offset) => ranked(3, offset) };
  const { page, done } = await open("/products", { route: big(3, state) });
  const names = () => grid(page).locator(".gbody .mono").allTextContents();
  assert.deepEqual(await names(), ["PT-BIG-0", "PT-BIG-1", "PT-BIG-2"]);
  state.answer = (offset) => { const answer = ranked(3, offset, { bump: 37 }); return { ...answer, sequence: 8, rows: [answer.rows[1], answer.rows[0], answer.rows[2]] }; };
  // Whatever makes the page read again: here, that a frozen view follows once more.
  await page.evaluate(() => document.activeElement?.blur());
  for (const key of ["p", "p"]) await page.keyboard.press(key);
  await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
  await card(page, "products").locator("button", { hasText: "2 rows would move" }).waitFor();
  assert.deepEqual(await names(), ["PT-BIG-0", "PT-BIG-1", "PT-BIG-2"]);
  assert.match(await row(page, "PT-BIG-0").textContent(), /42/);
  await page.keyboard.press("r");
  await card(page, "products").locator("button", { hasText: "would move" }).waitFor({ state: "detached" });
  assert.deepEqual(await names(), ["PT-BIG-1", "PT-BIG-0", "PT-BIG-2"]);
  await done();
});

test("`x` selects, `c` compares at equal age, and the rates are those of SQL", async () => {
  const { page, done } = await open("/products?search=PT-KURTA", { route: told([]) });
  for (const value of ["PT-KURTA-M", "PT-KURTA-L"]) { await row(page, value).click(); await page.keyboard.press("x"); await row(page, value).locator("text=☑").waitFor(); }
  await page.keyboard.press("c");
  await page.waitForURL(/compare=age/);
  await card(page, "products_curves").locator(".tools button", { hasText: "Table" }).click();
  const line = card(page, "products_curves").locator("tbody tr", { hasText: "7 days" }).filter({ hasText: "PT-KURTA-M" }).first();
  await line.waitFor();
  const cells = await line.locator("td").allTextContents();
  const [[delivered]] = await ask("select sum(delivered_qty) from order_lines, (select max(event_time) as now from eddy_meta.progress) c where sku = 'PT-KURTA-M' and delivered_at is not null and date_part('epoch', delivered_at) / 86400.0 >= date_part('epoch', c.now) / 86400.0 - 180 and floor(date_part('epoch', c.now) / 86400.0 - date_part('epoch', delivered_at) / 86400.0) >= 7");
  assert.equal(Number(cells[2].replaceAll(",", "")), Number(delivered));
  assert.deepEqual(await axe(page), []);
  await page.keyboard.press("X");
  await card(page, "products_curves").waitFor({ state: "detached" });
  await done();
});

test("a row with an anomaly under way says so", async () => {
  const { page, done } = await open("/products?search=PT-KURTA", { route: told(some()) });
  await row(page, "PT-KURTA-M").locator("b", { hasText: "anomaly" }).waitFor();
  await done();
});

test("Enter opens the product, `u` leads back, and the verdict has its numbers", async () => {
  const { page, done } = await open("/products?search=PT-KURTA-M", { route: told(some()) });
  await row(page, "PT-KURTA-M").click();
  await grid(page).focus();
  await page.keyboard.press("Enter");
  await page.locator("h1", { hasText: /^Product$/ }).waitFor();
  const [returned] = (await ask("select returned from rates_now where dimension = 'sku' and value = 'PT-KURTA-M'"))[0].map(Number);
  await page.locator(".verdict", { hasText: `${returned} were asked back so far` }).waitFor();
  assert.match(await page.locator(".verdict").textContent(), /(surely above|surely below|not surely different from) its category/);
  await card(page, "product_cohorts").locator("a", { hasText: "where" }).or(card(page, "product_cohorts").locator("a", { hasText: "were expected" })).first().waitFor();
  await page.keyboard.press("u");
  await page.locator("h1", { hasText: "Products" }).waitFor();
  await done();
});

test("what differs is worked out of the counts of SQL, and the product's mix is standardised", async () => {
  const { page, done } = await open("/products/PT-KURTA-M", { route: told(some()) });
  const [[n, k]] = (await ask(`select sum(delivered_qty), sum(least(requested_qty, delivered_qty)) from order_lines where sku = 'PT-KURTA-M' and ${mature}`)).map((r) => r.map(Number));
  if (n) {
    assert.match(await card(page, "product_differs").textContent(), new RegExp(`${k} of ${n} pieces came back`));
    assert.match(await card(page, "product_differs").textContent(), /values tested/);
  } else await card(page, "product_differs").locator(".empty").waitFor();
  await done();
});

for (const colorScheme of ["light", "dark"])
  for (const width of [400, 1600])
    test(`Product passes axe with forecast and anomalies and fits in ${colorScheme} at ${width} pixels`, async () => {
      const { page, done } = await open("/products/PT-KURTA-M", { colorScheme, viewport: { width, height: 900 }, route: told(some()) });
      await card(page, "product_forecast").locator("button", { hasText: "BLR1" }).waitFor();
      assert.deepEqual(await axe(page), []);
      await fits(page, "Product");
      await done();
    });

test("charts of Product have a table form, and the grain is in the address", async () => {
  const { page, done } = await open("/products/PT-KURTA-M", { route: told(some()) });
  for (const name of ["product_cohorts", "product_forecast"]) { await card(page, name).locator(".tools button", { hasText: "Table" }).click(); await page.waitForURL(new RegExp(`as\\.${name}=table`)); }
  await page.locator("select[data-key=grain]").selectOption("month");
  await page.waitForURL(/grain=month/);
  assert.deepEqual(await axe(page), []);
  await done();
});

test("a product that is not there says so", async () => {
  const { page, done } = await open("/products/PT-NOWHERE", { route: told([]) });
  await page.locator("[data-query=product] .empty", { hasText: "No product PT-NOWHERE" }).waitFor();
  assert.deepEqual(await axe(page), []);
  await done();
});

const require = createRequire(new URL("../../web/package.json", import.meta.url));
const lib = async (name) => {
  globalThis.document ??= { getElementById: () => null, querySelector: () => null };
  const { outputFiles } = await require("esbuild").build({ entryPoints: [new URL(`../../web/src/lib/${name}.ts`, import.meta.url).pathname], bundle: true, write: false, format: "esm", logLevel: "silent" });
  return import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].text).toString("base64")}`);
};

test("a packer whose parcels come back is flagged; a product that is bad everywhere flags nobody", async () => {
  const { differences, binomial, discoveries } = await lib("differs");
  const count = (dimension, value, ownN, ownK, restN, restK) => ({ dimension, value, ownN, ownK, restN, restK });
  const packer = differences([count("all", "–", 400, 76, 4000, 400), count("packer", "P1", 100, 46, 1000, 100), ...[2, 3, 4].map((n) => count("packer", `P${n}`, 100, 10, 1000, 100))]);
  assert.deepEqual(packer.rows.filter((r) => r.flagged && r.lift > 1).map((r) => r.value), ["P1"]);
  assert.ok(packer.rows[0].low > 2.5 && packer.rows[0].high < 8);
  const everywhere = differences([count("all", "–", 400, 160, 4000, 400), ...[1, 2, 3, 4].map((n) => count("packer", `P${n}`, 100, 40, 1000, 100))]);
  assert.equal(everywhere.rows.filter((r) => r.flagged).length, 0);
  assert.ok(Math.abs(everywhere.standards[0].rate - 0.1) < 1e-9);
  // The category returns as much with the bad courier: the mix explains it.
  const lane = differences([count("all", "–", 200, 60, 2000, 260), count("courier", "bad", 180, 58, 200, 64), count("courier", "good", 20, 2, 1800, 196)]);
  assert.ok(lane.standards[0].rate > 0.28 && lane.rows.every((r) => !r.flagged));
  assert.ok(Math.abs(binomial(0, 10, 0.5) - 1 / 1024) < 1e-12);
  assert.ok(Math.abs(binomial(5, 10, 0.5) - 1) < 1e-9);
  assert.deepEqual(discoveries([0.01, 0.02, 0.5, 0.04], 0.1), [true, true, false, true]);
  assert.deepEqual(discoveries([], 0.1), []);
});

test("a young cohort adds to a rate only up to the age it has", async () => {
  const { curve } = await lib("curves");
  const points = curve(new Map([[60, 100], [3, 100]]), new Map([[2, 10], [10, 20]]), 12);
  assert.equal(points[3].rate, 0.05);
  assert.equal(points[4].delivered, 100);
  assert.ok(Math.abs(points[10].rate - 0.25) < 1e-12);
  assert.equal(curve(new Map(), new Map(), 2)[0].rate, null);
});
