// What holds on every page: axe in light and dark, narrow and wide, zoomed, by keyboard, without motion, from one host, within its bytes.
import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { axe, base, fits, open, pages as others, useBrowser } from "./browser.mjs";
import { aDecision } from "./decisions.mjs";
import { anAlert } from "./suspects.mjs";

useBrowser();
const pages = [...others, { path: `/decisions/${await aDecision()}`, title: "Decision" }, { path: `/alerts/${await anAlert()}`, title: "Alert" }];

for (const { path, title, named = title } of pages) {
  for (const colorScheme of ["light", "dark"])
    for (const width of [400, 1600])
      test(`${named} passes axe and fits in ${colorScheme} at ${width} pixels`, async () => {
        const { page, done } = await open(path, { colorScheme, viewport: { width, height: 900 } });
        assert.deepEqual(await axe(page), []);
        await fits(page, named);
        await done();
      });

  test(`${named} fits at 200% zoom`, async () => {
    // Zooming halves the pixels a style sheet sees.
    const { page, done } = await open(path, { viewport: { width: 640, height: 480 }, deviceScaleFactor: 2 });
    await fits(page, named);
    await done();
  });

  test(`${named} has no motion where motion is reduced`, async () => {
    const { page, done } = await open(path, { reducedMotion: "reduce" });
    await page.locator("html[data-settled]").waitFor({ state: "attached" });
    assert.equal(await page.evaluate(() => document.getAnimations().length), 0);
    await done();
  });

  test(`${named} is reached by keyboard: every control takes focus and shows it`, async () => {
    const { page, done } = await open(path);
    const seen = new Set();
    let unseen = "";
    for (let i = 0; i < 160; i++) {
      await page.keyboard.press("Tab");
      const at = await page.evaluate(() => {
        const e = document.activeElement;
        if (!e || e === document.body) return null;
        const style = getComputedStyle(e), editor = e.closest(".cm-editor");
        const shown = style.outlineStyle !== "none" || (editor && getComputedStyle(editor).outlineStyle !== "none");
        return { what: `${e.tagName} ${e.getAttribute("aria-label") ?? e.textContent?.slice(0, 40)}`, shown };
      });
      if (!at) break;
      if (!at.shown) unseen ||= at.what;
      seen.add(at.what);
    }
    assert.equal(unseen, "", "focus is not shown");
    for (const link of ["Overview", "Products", "Anomalies", "Routing", "Alerts", "Workbench", "Health"]) assert.ok([...seen].some((s) => s.startsWith("A") && s.includes(link)), `${link} is not reached: ${[...seen].join(", ")}`);
    await done();
  });

  test(`${named} opens help, palette and other pages by keys, and keys can be turned off`, async () => {
    const { page, done } = await open(path);
    await page.evaluate(() => document.activeElement?.blur());
    await page.keyboard.press("?");
    await page.locator("dialog[open] h2", { hasText: "Keys" }).waitFor();
    await page.locator("dialog[open] input[type=checkbox]").uncheck();
    await page.keyboard.press("Escape");
    await page.locator("dialog[open]").waitFor({ state: "detached" });
    await page.evaluate(() => document.activeElement?.blur());
    await page.keyboard.press("?");
    assert.equal(await page.locator("dialog[open]").count(), 0, "a single letter works although keys are off");
    await page.keyboard.press("Control+k");
    await page.locator("dialog[open] [role=combobox]").fill("single-letter");
    await page.keyboard.press("Enter");
    await page.locator("dialog[open]").waitFor({ state: "detached" });
    await page.evaluate(() => document.activeElement?.blur());
    const other = title === "Health" ? ["o", "Overview"] : ["h", "Health"];
    await page.keyboard.press("g");
    await page.keyboard.press(other[0]);
    await page.locator("h1", { hasText: other[1] }).waitFor();
    await done();
  });

  test(`${named} freezes and follows again`, async () => {
    const { page, done } = await open(path);
    await page.locator(".pill[data-state=live]").waitFor();
    await page.evaluate(() => document.activeElement?.blur());
    await page.keyboard.press("p");
    await page.locator(".pill[data-state=frozen]").waitFor();
    await page.keyboard.press("p");
    await page.locator(".pill[data-state=live]").waitFor();
    await done();
  });
}

test("headers keep the pages to themselves and hashed names for ever", async () => {
  const shell = await fetch(base + "/");
  const policy = shell.headers.get("content-security-policy");
  assert.match(policy, /default-src 'self'/);
  assert.doesNotMatch(policy, /unsafe/);
  assert.equal(shell.headers.get("x-content-type-options"), "nosniff");
  const html = await shell.text();
  const asset = html.match(/\/assets\/overview-[A-Z0-9]+\.js/)[0];
  const script = await fetch(base + asset);
  assert.match(script.headers.get("cache-control"), /immutable/);
  const again = await fetch(base + asset, { headers: { "if-none-match": script.headers.get("etag") } });
  assert.equal(again.status, 304);
});

test("each page stays within its bytes, and its first paint is reported", async () => {
  for (const { path, named = path } of pages) {
    const { page, done } = await open(path, { settle: false });
    await page.locator("main [aria-busy=true]").first().waitFor({ state: "detached" });
    const loaded = await page.evaluate(() => performance.getEntriesByType("resource").filter((r) => r.name.includes("/assets/")).map((r) => r.name));
    const bytes = (await Promise.all([...new Set(loaded)].map(async (url) => gzipSync(Buffer.from(await (await fetch(url)).arrayBuffer()), { level: 9 }).length))).reduce((a, b) => a + b, 0);
    const paint = await page.evaluate(() => performance.getEntriesByType("paint").find((p) => p.name === "first-contentful-paint")?.startTime ?? null);
    const budget = path.startsWith("/sql") ? 200_000 : 60_000;
    console.log(`${path.slice(0, 24).padEnd(24)} ${bytes} bytes gzip of ${budget}, first paint ${paint == null ? "unknown" : Math.round(paint) + " ms"}`);
    assert.ok(bytes <= budget, `${named}: ${bytes} bytes`);
    await done();
  }
});
