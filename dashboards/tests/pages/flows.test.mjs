// What a reader does on each page, and that it is in the address.
import assert from "node:assert/strict";
import { test } from "node:test";
import { axe, base, open, useBrowser } from "./browser.mjs";
import { aDecision } from "./decisions.mjs";

useBrowser();
const q = (sql) => `/sql?q=${encodeURIComponent(sql)}`;

test("Overview's filters are in the address, and a link reopens the view", async () => {
  const { page, done } = await open("/");
  await page.locator(".bar button", { hasText: "90 days" }).click();
  await page.locator("select[data-key=dimension]").selectOption("category");
  await page.locator("select[data-key=grain]").selectOption("month");
  await page.waitForURL(/from=.*dimension=category.*grain=month/);
  const figure = await page.locator("[data-query=orders_figures] .figure").textContent();
  const url = page.url();
  await done();
  const again = await open(url.slice(base.length));
  assert.equal(await again.page.locator("select[data-key=grain]").inputValue(), "month");
  assert.equal(await again.page.locator(".bar button[aria-pressed=true]").textContent(), "90 days");
  assert.ok(figure && await again.page.locator("[data-query=orders_figures] .figure").textContent());
  await again.done();
});

test("every card opens its SQL, bound, by key", async () => {
  for (const [path, least] of [["/", 5], ["/health", 5], ["/routing", 4], [`/decisions/${await aDecision()}`, 2]]) {
    const { page, done } = await open(path);
    const names = await page.locator("main [data-query]").evaluateAll((cards) => cards.map((c) => c.dataset.query));
    assert.ok(names.length >= least);
    for (const name of names) {
      const card = page.locator(`main [data-query=${name}]`).first();
      await card.press("s");
      const text = await page.locator("dialog[open] pre.sql").textContent();
      assert.ok(/^(select|with)/.test(text) && !/\$[a-z]/.test(text), `${name}: ${text}`);
      assert.match(page.url(), new RegExp(`panel=sql%3A${name}`));
      await page.keyboard.press("Escape");
      await page.locator("dialog[open]").waitFor({ state: "detached" });
      // The focus comes back to the card that opened it; the next key would else go astray.
      await page.waitForFunction((name) => document.activeElement?.closest(`[data-query=${name}]`), name);
    }
    await done();
  }
});

test("the rate chart has a table form and reads its points by arrow keys", async () => {
  const { page, done } = await open("/");
  const plot = page.locator("[data-query=return_rate_cohorts] .plot");
  await plot.focus();
  await page.keyboard.press("Home");
  await page.keyboard.press("ArrowRight");
  await page.waitForFunction(() => /units, interval .* raw/.test(document.querySelector(".readout").textContent));
  await page.locator("[data-query=return_rate_cohorts] .tools button", { hasText: "Table" }).click();
  await page.locator("[data-query=return_rate_cohorts] table").waitFor();
  assert.match(page.url(), /as\.return_rate_cohorts=table/);
  assert.deepEqual(await axe(page), []);
  await done();
});

test("dead letters filter by reason, open by Enter and show their bytes", async () => {
  const { page, done } = await open("/health");
  await page.locator("[data-query=dead_letters_by_reason] td .link").first().click();
  await page.waitForURL(/reason=/);
  const grid = page.locator("#letters ~ div [role=grid]");
  await grid.focus();
  await page.keyboard.press("j");
  await page.keyboard.press("k");
  await page.keyboard.press("Enter");
  await page.locator("aside pre").waitFor();
  assert.match(page.url(), /letter=\d+/);
  assert.deepEqual(await axe(page), []);
  await done();
});

test("the workbench runs a worked question, keeps it in the address and in its history", async () => {
  const { page, done } = await open("/sql");
  assert.equal(await page.locator(".worked .link").count(), 6);
  for (let i = 0; i < 6; i++) {
    await page.goto(base + "/sql");
    await page.locator(".worked .link").nth(i).click();
    await page.locator(".result").waitFor();
    await page.waitForFunction(() => document.querySelector(".result .note")?.textContent.includes("as of sequence"));
    assert.deepEqual(await page.locator(".failure").allTextContents(), [], `worked question ${i + 1}`);
    assert.match(page.url(), /q=/);
  }
  await page.locator(".past summary").click();
  assert.ok(await page.locator(".past li").count() >= 6);
  await done();
});

test("an error of the SQL is told and marked at its token", async () => {
  const { page, done } = await open(q("select courier, nocolumn from shipments"), { expectErrors: true });
  await page.locator(".failure").waitFor();
  assert.match(await page.locator(".failure").textContent(), /nocolumn/);
  assert.equal(await page.locator(".cm-error").textContent(), "nocolumn");
  assert.deepEqual(await axe(page), []);
  await done();
});

test("the answer has rows, a chart and a plan; a click sorts it", async () => {
  const { page, done } = await open(q("select courier, count(*) as parcels from shipments group by courier"));
  await page.locator("[role=grid] [role=gridcell]").first().waitFor();
  await page.locator("[role=columnheader]", { hasText: "parcels" }).click();
  await page.waitForURL(/sort=parcels\.asc/);
  await page.locator("[role=columnheader][aria-sort=ascending]").waitFor();
  await page.locator(".result button", { hasText: "Chart" }).click();
  await page.locator(".result .bars svg rect").first().waitFor();
  await page.locator(".result button", { hasText: "Plan" }).click();
  await page.waitForFunction(() => /shipments/i.test(document.querySelector("pre.plan")?.textContent ?? ""));
  await done();
});

test("an answer over time is drawn as lines", async () => {
  const { page, done } = await open(q("select date_trunc('day', placed_at) as day, count(*) as orders from orders group by 1 order by 1") + "&view=chart");
  await page.locator(".result canvas").waitFor();
  assert.deepEqual(await axe(page), []);
  await done();
});

test("the catalogue explains columns and completes names with their comments", async () => {
  const { page, done } = await open("/sql");
  await page.locator("#schema-search").fill("destination_pincode");
  await page.locator(".schema code", { hasText: "destination_pincode" }).first().waitFor();
  await page.locator(".cm-content").click();
  await page.keyboard.type("select * from shipm");
  await page.locator(".cm-tooltip-autocomplete li", { hasText: "shipments" }).waitFor();
  await page.keyboard.press("Escape");
  await done();
});

test("CSV exports the whole answer", async () => {
  const { page, done } = await open(q("select awb, courier from shipments order by awb"));
  await page.locator("[role=grid] [role=gridcell]").first().waitFor();
  const rows = Number((await page.locator("[role=grid]").getAttribute("aria-rowcount"))) - 1;
  const [download] = await Promise.all([page.waitForEvent("download"), page.locator(".result button", { hasText: "CSV of all" }).click()]);
  const chunks = [];
  for await (const chunk of await download.createReadStream()) chunks.push(chunk);
  const lines = Buffer.concat(chunks).toString().trim().split("\n");
  assert.match(lines[0], /^"?awb"?,"?courier"?\r?$/);
  assert.ok(lines.length - 1 >= rows);
  await done();
});

test("a running query can be cancelled", async () => {
  const { page, done } = await open("/sql", { expectErrors: true, route: (c) => c.route("**/v1/sql", (r) => r.request().postData()?.includes("never") ? undefined : r.continue()) });
  await page.locator(".cm-content").click();
  await page.keyboard.insertText("select 'never'");
  await page.keyboard.press("Control+Enter");
  await page.getByRole("button", { name: "Cancel", exact: true }).click();
  await page.locator(".failure", { hasText: "cancelled" }).waitFor();
  await done();
});

const series = (hundreds) => `select a.value * 1000 + b.value as n, 'row ' || (a.value * 1000 + b.value) as name from generate_series(0, ${hundreds - 1}) a cross join generate_series(0, 999) b`;
/** What stands in the active cell, once it is there. */
const active = (page, text) => page.waitForFunction((t) => document.getElementById(document.querySelector("[role=grid]").getAttribute("aria-activedescendant"))?.textContent === t, text);

test("of 100,000 rows the page holds and draws a window, which follows the keyboard", async () => {
  const { page, done } = await open(q(series(100)) + "&sort=n.asc");
  const grid = page.locator("[role=grid]");
  await page.locator(".result .note", { hasText: "as of sequence" }).waitFor();
  assert.equal(await grid.getAttribute("aria-rowcount"), "100001");
  assert.doesNotMatch(await page.locator(".result .note").first().textContent(), /cut at/);
  const window = async () => {
    const held = Number(await page.locator("[data-held]").getAttribute("data-held")), drawn = await page.locator("[role=row]").count();
    assert.ok(held > 0 && held <= 800, `${held} rows are held`);
    assert.ok(drawn <= 80, `${drawn} rows are drawn`);
  };
  await grid.focus();
  await page.keyboard.press("Control+End");
  await page.waitForFunction(() => document.querySelector("[role=grid]").getAttribute("aria-activedescendant")?.startsWith("rows-99999-"));
  await active(page, "row 99999");
  await window();
  for (let i = 0; i < 30; i++) await page.keyboard.press("PageUp");
  await page.keyboard.press("Control+Home");
  await active(page, "0");
  await window();
  await page.evaluate(() => { const g = document.querySelector("[role=grid]"); g.scrollTop = g.scrollHeight / 2; });
  await page.locator("[role=gridcell]", { hasText: /^50,01\d$/ }).first().waitFor();
  await window();
  await done();
});

test("an answer beyond the limit says that it was cut, and CSV has all of it", async () => {
  const { page, done } = await open(q(series(130)));
  await page.locator(".result .note", { hasText: "the first of a longer answer, cut at 1,00,000 rows" }).waitFor();
  assert.equal(await page.locator("[role=grid]").getAttribute("aria-rowcount"), "100001");
  const [download] = await Promise.all([page.waitForEvent("download"), page.locator(".result button", { hasText: "CSV of all" }).click()]);
  let lines = 0;
  for await (const chunk of await download.createReadStream()) for (const byte of chunk) if (byte === 10) lines++;
  assert.equal(lines, 130_001);
  await done();
});

test("an answer that the engine breaks off keeps the rows that came, and says so", async () => {
  const init = () => {
    const real = window.fetch;
    window.fetch = async (url, options) => {
      const response = await real(url, options);
      if (!String(options?.body).includes("broken off")) return response;
      const reader = response.body.getReader();
      let left = 400_000;
      return new Response(new ReadableStream({ async pull(to) {
        if (!left) return to.error(new TypeError("network error"));
        const { value } = await reader.read(), part = value.subarray(0, left);
        left -= part.length;
        to.enqueue(part);
      } }), { headers: response.headers });
    };
  };
  const { page, done } = await open(q(`${series(100)} -- broken off`), { init });
  await page.locator(".result .note", { hasText: "the engine broke the answer off" }).waitFor();
  const rows = Number(await page.locator("[role=grid]").getAttribute("aria-rowcount")) - 1;
  assert.ok(rows > 1000 && rows < 100_000, `${rows} rows`);
  assert.equal(await page.locator(".failure").count(), 0);
  await done();
});

test("a link with an order reopens in it, also by a column with a dot in its name", async () => {
  const sql = "select courier, sum(orders.value_minor) from orders join shipments using (order_id) group by courier";
  const { page, done } = await open(q(sql) + "&sort=sum(orders.value_minor).desc");
  await page.locator("[role=columnheader][aria-sort=descending]", { hasText: "value_minor" }).waitFor();
  const sums = async () => (await page.locator("[role=row] [role=gridcell]:nth-child(2)").allTextContents()).map((t) => Number(t.replaceAll(",", "")));
  const down = await sums();
  assert.ok(down.length > 1 && down.every((n, i) => !i || n <= down[i - 1]), down.join());
  await page.locator("[role=columnheader]", { hasText: "courier" }).click();
  await page.waitForURL(/sort=courier\.asc/);
  await page.locator("[role=columnheader][aria-sort=ascending]", { hasText: "courier" }).waitFor();
  await page.waitForFunction(() => document.querySelector(".result").getAttribute("aria-busy") === "false");
  const couriers = await page.locator("[role=row] [role=gridcell]:nth-child(1)").allTextContents();
  assert.deepEqual(couriers, [...couriers].sort());
  await done();
});

test("an order that the text does not have is dropped from the link", async () => {
  const { page, done } = await open(q("select courier from shipments group by courier") + "&sort=nowhere.asc", { expectErrors: true });
  await page.locator("[role=gridcell]").first().waitFor();
  assert.equal(new URL(page.url()).searchParams.get("sort"), null);
  await done();
});

test("a chart of many rows is drawn of a sample of all of them, whatever order they come in", async () => {
  for (const order of ["", " order by value % 7"]) {
    const { page, done } = await open(q(`select to_timestamp_seconds(1767225600 + value * 60) as at, value as n from generate_series(0, 19999)${order}`) + "&view=chart");
    await page.locator(".ends", { hasText: "every 10th row" }).waitFor();
    await page.locator(".result .plot").focus();
    for (const [key, value] of [["Home", "0"], ["ArrowRight", "10"], ["End", "19,990"]]) {
      await page.keyboard.press(key);
      await page.locator(".readout", { hasText: new RegExp(`: n ${value}$`) }).waitFor();
    }
    await done();
  }
});

test("dragging over the chart narrows the whole page to those days", async () => {
  const { page, done } = await open("/?grain=day");
  const box = await page.locator("[data-query=return_rate_cohorts] .u-over").boundingBox();
  await page.mouse.move(box.x + box.width * 0.3, box.y + 40);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.6, box.y + 60, { steps: 4 });
  await page.mouse.up();
  await page.waitForURL(/from=\d{4}-\d\d-\d\d.*to=\d{4}-\d\d-\d\d/);
  await page.goBack();
  await page.waitForURL((url) => !url.search.includes("from="));
  await done();
});

test("the next visit shows what changed, as the difference of two sequences", async () => {
  const first = await open("/");
  await first.page.waitForFunction(() => localStorage.getItem("eddy.visit"));
  const kept = JSON.parse(await first.page.evaluate(() => localStorage.getItem("eddy.visit")));
  await first.done();
  // An hour ago there were three orders fewer.
  kept.latest.at -= 3_600_000;
  kept.latest.figures.orders -= 3;
  const { page, done } = await open("/", { init: `if (!sessionStorage.seen) { sessionStorage.seen = 1; localStorage.setItem("eddy.visit", ${JSON.stringify(JSON.stringify(kept))}); }` });
  const row = page.locator("[data-query=visit_figures] .pairs div", { hasText: "orders placed" });
  await row.waitFor();
  assert.match(await row.textContent(), /\+\d+$/);
  await page.locator("button", { hasText: "Count from now" }).click();
  await page.waitForFunction(() => /0$/.test(document.querySelector("[data-query=visit_figures] .pairs div").textContent));
  await done();
});
