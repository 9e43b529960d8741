// Updates at ten a second: values change in place, and nothing the reader holds moves. EDDY_PAGES_SECONDS sets how long (default 12).
import assert from "node:assert/strict";
import { test } from "node:test";
import { fresh, open, post, useBrowser, visible } from "./browser.mjs";

useBrowser();
const seconds = Number(process.env.EDDY_PAGES_SECONDS ?? 12);

/** Posts ten new orders a second until stopped. */
function traffic() {
  let going = true;
  const ended = (async () => {
    for (let next = Date.now(); going; ) {
      await post(fresh());
      next += 100;
      await new Promise((r) => setTimeout(r, Math.max(0, next - Date.now())));
    }
  })();
  return async () => { going = false; await ended; };
}

/** Longest tasks and frames, observed in the page. */
const watch = (page) => page.evaluate(() => {
  window.tasks = [];
  new PerformanceObserver((list) => { for (const e of list.getEntries()) window.tasks.push(Math.round(e.duration)); }).observe({ type: "longtask" });
});

test("Overview follows the feed; focus, scroll and selection stay", async () => {
  const { page, done } = await open("/", { viewport: { width: 1600, height: 500 } });
  await page.locator(".pill[data-state=live]").waitFor();
  await page.locator("[data-query=return_funnel]").focus();
  await page.evaluate(() => { scrollTo(0, 200); getSelection().selectAllChildren(document.querySelector("[data-query=return_funnel] h2")); });
  const before = await page.evaluate(() => ({ scroll: scrollY, selected: String(getSelection()), focus: document.activeElement.dataset.query, orders: document.querySelector("[data-query=orders_figures] .figure").textContent }));
  await watch(page);
  const stop = traffic();
  await page.waitForFunction((old) => document.querySelector("[data-query=orders_figures] .figure").textContent !== old, before.orders);
  const repaints = await page.evaluate((ms) => new Promise((resolve) => {
    let n = 0;
    const seen = new MutationObserver(() => { n++; });
    seen.observe(document.querySelector("[data-query=orders_figures]"), { subtree: true, childList: true, characterData: true });
    setTimeout(() => { seen.disconnect(); resolve(n); }, ms);
  }), seconds * 1000);
  await stop();
  const after = await page.evaluate(() => ({ scroll: scrollY, selected: String(getSelection()), focus: document.activeElement.dataset.query, tasks: window.tasks }));
  assert.equal(after.scroll, before.scroll, "the page scrolled");
  assert.equal(after.selected, before.selected, "the selection was lost");
  assert.equal(after.focus, before.focus, "the focus moved");
  assert.ok(repaints > 0 && repaints <= seconds * 4 + 4, `${repaints} repaints in ${seconds} s`);
  console.log(`Overview live ${seconds} s: ${repaints} repaints, long tasks ${JSON.stringify(after.tasks)}`);
  await done();
});

test("Routing follows the feed; the slider, what was typed, focus and scroll stay", async () => {
  const { page, done } = await open("/routing?stage=manifested", { viewport: { width: 1600, height: 500 } });
  await page.locator(".pill[data-state=live]").waitFor();
  await page.locator("#threshold").fill("33");
  await page.locator("#threshold").focus();
  await page.evaluate(() => scrollTo(0, 120));
  const state = () => page.evaluate(() => ({ scroll: scrollY, focus: document.activeElement.id, value: document.getElementById("threshold").value }));
  const settled = () => page.locator("[data-query=settled_scores] .note b").first().textContent(), before = await state(), old = await settled();
  await watch(page);
  const stop = traffic();
  await page.waitForFunction((o) => document.querySelector("[data-query=settled_scores] .note b").textContent !== o, old);
  await page.waitForTimeout(seconds * 250);
  await stop();
  assert.deepEqual(await state(), before);
  console.log(`Routing live: long tasks ${JSON.stringify(await page.evaluate(() => window.tasks))}`);
  await done();
});

test("what changed between the page and its feed is read", async () => {
  let release;
  const held = new Promise((r) => { release = r; });
  const { page, done } = await open("/", { init: () => { delete window.SharedWorker; }, route: (c) => c.route("**/v1/live*", async (r) => { await held; await r.continue(); }) });
  const figure = page.locator("[data-query=orders_figures] .figure"), before = await figure.textContent();
  const one = fresh(), id = one[0].subject;
  await post(one);
  await visible(`select count(*) from orders where order_id = '${id}'`, 1);
  release();
  await page.waitForFunction((old) => document.querySelector("[data-query=orders_figures] .figure").textContent !== old, before);
  await done();
});

test("a tab opened while another one listens is live at once", async () => {
  const { page, done } = await open("/");
  await page.locator(".pill[data-state=live]").waitFor();
  const other = await page.context().newPage();
  await other.goto(page.url());
  await other.locator(".pill[data-state=live]").waitFor({ timeout: 3000 });
  await done();
});

test("a frozen page keeps its figures while events come in, and catches up when thawed", async () => {
  const { page, done } = await open("/");
  await page.locator(".pill[data-state=live]").waitFor();
  await page.locator(".pill").click();
  await page.locator(".pill[data-state=frozen]").waitFor();
  const figure = () => page.locator("[data-query=orders_figures] .figure").textContent();
  const held = await figure();
  const other = await open("/");
  const elsewhere = other.page.locator("[data-query=orders_figures] .figure"), old = await elsewhere.textContent();
  for (let i = 0; i < 5; i++) await post(fresh());
  await other.page.waitForFunction((o) => document.querySelector("[data-query=orders_figures] .figure").textContent !== o, old);
  assert.equal(await figure(), held);
  await other.done();
  await page.locator(".pill").click();
  await page.waitForFunction((o) => document.querySelector("[data-query=orders_figures] .figure").textContent !== o, held);
  await done();
});

test("the workbench's :live keeps scroll, active cell and order; new rows wait until asked", async () => {
  const sql = "select order_id, status, value_minor from orders where order_id like 'PT-O%' order by order_id desc limit 500";
  const { page, done } = await open(`/sql?q=${encodeURIComponent(sql)}&live=1`);
  const grid = page.locator("[role=grid]");
  await page.locator("[role=gridcell]").first().waitFor();
  await grid.focus();
  for (let i = 0; i < 40; i++) await page.keyboard.press("ArrowDown");
  const state = () => page.evaluate(() => { const g = document.querySelector("[role=grid]"); return { scroll: g.scrollTop, active: g.getAttribute("aria-activedescendant"), text: document.getElementById(g.getAttribute("aria-activedescendant")).textContent, focus: document.activeElement === g }; });
  const before = await state();
  const stop = traffic();
  await page.locator(".result .primary", { hasText: "new" }).waitFor();
  await stop();
  assert.deepEqual(await state(), before);
  await page.keyboard.press("r");
  await page.locator(".result .primary", { hasText: "new" }).waitFor({ state: "detached" });
  await done();
});
