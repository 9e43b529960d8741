// Anomalies: the queue and its case, the figures without which no alarm can be weighed, and what a reader says as events in the log.
import assert from "node:assert/strict";
import { test } from "node:test";
import { axe, fits, open, useBrowser, visible } from "./browser.mjs";
import { ask } from "./decisions.mjs";
import { anomaly, some, told } from "./shifts.mjs";
import { unique } from "./suspects.mjs";

useBrowser();
const card = (page, name) => page.locator(`[data-query=${name}]`);
const row = (page, words) => card(page, "anomalies_queue").locator("[role=row]", { hasText: words });
const aside = (page) => page.locator("aside[aria-label='The chosen anomaly']");
/** What the log says of an anomaly, read from near its end. */
const events = async (type, subject) => { await visible(`select count(*) from events where type = 'eddy.${type}' and subject = '${subject}'`, 1); return (await ask(`select data from events where type = 'eddy.${type}' and subject = '${subject}'`)).map((r) => JSON.parse(r[0])); };
/** Anomalies whose names no other run has used. */
const mine = () => { const id = unique(); return some().map((a, i) => ({ ...a, anomaly_id: `PT-AN-${id}-${i}` })); };
const known = () => localStorage.setItem("eddy.actor", "PT-desk");

test("the page tells how many series were tested and how many of the alarms are expected to be false", async () => {
  const { page, done } = await open("/anomalies", { route: told(some()) });
  const text = await card(page, "anomalies_figures").textContent();
  assert.match(text, /4,180/);
  assert.match(text, /10\.0% of 3 by expectation/);
  await row(page, "Kurtas, size L, for size fit: 14.1% where 9.0% was expected").waitFor();
  await done();
});

test("an anomaly of fewer than 30 delivered is told in pieces, not as a rate", async () => {
  const { page, done } = await open("/anomalies?at=AN-3", { route: told(some()) });
  await row(page, "SKU PT-KURTA-M: 3 returned of 20 where 6 were expected").waitFor();
  assert.doesNotMatch(await aside(page).locator(".pairs").first().textContent(), /%/);
  await aside(page).locator("text=nothing stands out").waitFor();
  await done();
});

test("the chosen case shows its ranked why, what is folded into it, and similar ones with their end", async () => {
  const { page, done } = await open("/anomalies", { route: told(some()) });
  await card(page, "anomalies_queue").locator("[role=grid]").focus();
  await page.keyboard.press("j");
  await page.keyboard.press("k");
  await page.waitForURL(/at=AN-1/);
  const why = aside(page).locator(".why");
  assert.match(await why.locator("tbody tr").first().textContent(), /facility BLR1.*71\.0%2\.4×6125/);
  assert.match(await why.textContent(), /style PT-KURTA, size L/);
  await card(page, "anomaly_past").locator("td", { hasText: "resolved by PT-desk" }).waitFor();
  assert.deepEqual(await axe(page), []);
  await done();
});

test("`a` acknowledges at once when the reader is known; the event is in the log", async () => {
  const list = mine(), id = list[0].anomaly_id;
  const { page, done } = await open(`/anomalies?at=${id}`, { init: known, route: told(list) });
  await page.keyboard.press("a");
  await page.locator(".said", { hasText: "acknowledged: recorded" }).waitFor();
  assert.deepEqual(await events("anomaly.reviewed", id), [{ actor: "PT-desk", anomaly_id: id, verdict: "acknowledged" }]);
  await done();
});

test("`d` dismisses with a reason, after asking who says so; `h` holds; `m` merges into another", async () => {
  const list = mine(), [a, b, c] = list.map((x) => x.anomaly_id);
  const { page, done } = await open(`/anomalies?at=${a}`, { route: told(list) });
  await page.keyboard.press("d");
  const dialog = page.locator("dialog[open]");
  await dialog.locator("textarea").fill("a clearance sale, known to us");
  assert.deepEqual(await axe(page), []);
  await dialog.locator("button[type=submit]").click();
  assert.equal(await dialog.count(), 1, "nobody is said to have said it");
  await dialog.locator("input[name=actor]").fill("PT-desk");
  await dialog.locator("button[type=submit]").click();
  await page.locator(".said", { hasText: "dismissed: recorded" }).waitFor();
  assert.deepEqual(await events("anomaly.reviewed", a), [{ actor: "PT-desk", anomaly_id: a, reason: "a clearance sale, known to us", verdict: "dismissed" }]);
  await row(page, "Courier ekart to zone 5").click();
  await page.keyboard.press("h");
  await page.locator(".said", { hasText: "held: recorded" }).waitFor();
  assert.deepEqual(await events("anomaly.reviewed", b), [{ actor: "PT-desk", anomaly_id: b, verdict: "snoozed" }]);
  await row(page, "SKU PT-KURTA-M").click();
  await page.keyboard.press("m");
  await dialog.locator("select[name=into]").selectOption(a);
  await dialog.locator("button[type=submit]").click();
  await page.locator(".said", { hasText: "merged: recorded" }).waitFor();
  assert.deepEqual(await events("anomaly.reviewed", c), [{ actor: "PT-desk", anomaly_id: c, into: a, verdict: "merged" }]);
  await done();
});

test("a note is an event about the anomaly", async () => {
  const list = mine(), id = list[0].anomaly_id;
  const { page, done } = await open(`/anomalies?at=${id}`, { init: known, route: told(list) });
  await page.keyboard.press("n");
  await page.locator("dialog[open] textarea").fill("asked the hub");
  await page.locator("dialog[open] button[type=submit]").click();
  await page.locator(".said", { hasText: "noted: recorded" }).waitFor();
  assert.deepEqual(await events("note.added", id), [{ about: id, actor: "PT-desk", text: "asked the hub" }]);
  await done();
});

test("what the engine refuses is told in its words, and can be sent again", async () => {
  const list = mine(), id = list[0].anomaly_id;
  const { page, done } = await open(`/anomalies?at=${id}`, { init: known, expectErrors: true, route: told(list) });
  let failing = true;
  await page.context().route("**/v1/events", (r) => failing ? r.fulfill({ status: 429, contentType: "application/problem+json", body: JSON.stringify({ title: "busy", detail: "the queue is full; come back in a second", status: 429 }) }) : r.continue());
  await page.keyboard.press("a");
  await page.locator(".failure", { hasText: "the queue is full" }).waitFor();
  failing = false;
  await page.locator(".failure button", { hasText: "Retry" }).click();
  await page.locator(".said", { hasText: "acknowledged: recorded" }).waitFor();
  await done();
});

test("new anomalies wait behind a count; the chosen one stays", async () => {
  const list = some();
  const { page, done } = await open("/anomalies?at=AN-2", { route: told(list) });
  await row(page, "Courier ekart").waitFor();
  list.unshift(anomaly("AN-9", { dimension: "packer", value: "P9", at_stake_minor: 99_000_000 }));
  await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
  await card(page, "anomalies_queue").locator("button", { hasText: "1 new" }).waitFor();
  assert.equal(await row(page, "Packer P9").count(), 0);
  await page.keyboard.press("r");
  await row(page, "Packer P9").waitFor();
  assert.match(await card(page, "anomalies_queue").locator("[role=row][aria-selected=true]").textContent(), /Courier ekart/);
  await done();
});

test("nothing beyond chance is said with the number of slices; a filter that removes all is named", async () => {
  const { page, done } = await open("/anomalies", { route: told([]) });
  await card(page, "anomalies_queue").locator(".empty", { hasText: "Nothing beyond chance in 4,180 slices tested" }).waitFor();
  assert.deepEqual(await axe(page), []);
  await page.locator("select[data-key=status]").selectOption("dismissed");
  await page.waitForURL(/status=dismissed/);
  await card(page, "anomalies_queue").locator(".empty", { hasText: "status dismissed" }).waitFor();
  await done();
});

for (const colorScheme of ["light", "dark"])
  for (const width of [400, 1600])
    test(`Anomalies with a case open passes axe and fits in ${colorScheme} at ${width} pixels`, async () => {
      const { page, done } = await open("/anomalies?at=AN-1", { colorScheme, viewport: { width, height: 900 }, route: told(some()) });
      await aside(page).locator("h2").first().waitFor();
      assert.deepEqual(await axe(page), []);
      await fits(page, "Anomalies");
      await done();
    });
