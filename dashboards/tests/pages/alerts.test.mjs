// Alerts and Alert: the queue's figures against SQL, verdicts by key, several at once, somebody quicker, what a failure keeps, and what a case tells of itself.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { axe, base, event, fits, open, useBrowser, visible } from "./browser.mjs";
import { ask, clock } from "./decisions.mjs";
import { alertRow, decoys, emptyBoxes, recorded, unique } from "./suspects.mjs";

useBrowser();
const queue = (page) => page.locator("[data-query=alerts_queue]");
const grid = (page) => queue(page).locator("[role=grid]");
const rmaOf = async (id) => (await alertRow(id, "rma_id"))[0];
const row = (page, rma) => queue(page).locator("[role=row]", { hasText: rma });
const dialog = (page) => page.locator("dialog[open]");
const figure = (page, label) => page.locator(".quad div", { hasText: label }).first();
const blur = (page) => page.evaluate(() => document.activeElement?.blur());
const say = async (page, reason, actor = "asha") => {
  await dialog(page).locator("textarea").fill(reason);
  await dialog(page).locator("input[name=actor]").fill(actor);
  await dialog(page).locator("button[type=submit]").click();
};
/** What somebody else says of an alert, past this page. */
const elsewhere = async (id, verdict, actor, reason) => {
  const response = await fetch(`${base}/v1/alerts/${id}/review`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ verdict, actor, reason }) });
  assert.equal(response.status, 202, await response.text());
};
const reload = async (page) => { await page.reload(); await page.locator("html[data-ready]").waitFor({ state: "attached" }); await page.locator("main [aria-busy=true]").first().waitFor({ state: "detached" }); };

test("health is what SQL says: waiting, expected loss, and precision with its interval", async () => {
  await emptyBoxes(1);
  const { page, done } = await open("/alerts");
  const [waiting, loss] = (await ask("select count(*), sum(expected_loss_minor) from fraud_alerts where status in ('open', 'assigned', 'needs_more', 'appealed') and currency = 'INR'"))[0].map(Number);
  assert.equal(await figure(page, "Waiting").locator(".figure").textContent(), waiting.toLocaleString("en-IN"));
  const exact = await figure(page, "Expected loss").locator(".figure").getAttribute("title");
  assert.equal(Math.round(Number(exact.replace(/[₹,]/g, "")) * 100), loss);
  const [decided, confirmed] = (await ask("select count(*), sum(case when status = 'confirmed' then 1 else 0 end) from fraud_alerts where status in ('confirmed', 'dismissed', 'overturned') and updated_at >= (select max(event_time) from eddy_meta.progress) - interval '90 days'"))[0].map(Number);
  const note = await figure(page, "Precision, 90 days").locator(".note").textContent();
  assert.ok(decided ? note.includes(`${confirmed} of ${decided} decided`) : note.includes("nothing was decided yet"), note);
  if (decided < 30) assert.equal(await figure(page, "Precision, 90 days").locator(".figure").textContent(), "–");
  await done();
});

test("the queue stands by expected loss, with a line for and a line against and an opaque key", async () => {
  const [id] = await emptyBoxes(1, 90_000_000), rma = await rmaOf(id);
  const { page, done } = await open("/alerts");
  const text = await row(page, rma).textContent();
  assert.match(text, /empty box/);
  assert.match(text, /190 g came in of \d+ g expected/);
  assert.match(text, /Not found: courier pilferage/);
  assert.match(text, new RegExp(rma.replace(/-R$/, "-C")));
  const losses = await queue(page).locator("[role=row] [id$='-1']").allTextContents();
  const values = losses.map((l) => Number(l.replace(/[₹,]/g, "")));
  assert.deepEqual(values, [...values].sort((a, b) => b - a));
  await done();
});

test("filters and search are in the address, and an empty answer names them", async () => {
  const [id] = await decoys(1), rma = await rmaOf(id);
  const { page, done } = await open("/alerts");
  await page.locator("select[data-key=pattern]").selectOption("decoy");
  await page.waitForURL(/pattern=decoy/);
  await row(page, rma).waitFor();
  await page.waitForFunction(() => ![...document.querySelectorAll("[data-query=alerts_queue] [role=row]")].some((r) => r.textContent.includes("empty box")));
  await page.locator("select[data-key=kind]").selectOption("courier_agent");
  await page.waitForURL(/kind=courier_agent/);
  await queue(page).locator(".empty", { hasText: "No alert passes the filters: pattern decoy, about courier agent" }).waitFor();
  assert.deepEqual(await axe(page), []);
  await queue(page).locator(".empty button").click();
  await blur(page);
  await page.keyboard.press("/");
  await page.keyboard.type(rma);
  await page.keyboard.press("Enter");
  await page.waitForURL(/search=/);
  await page.waitForFunction(() => document.querySelectorAll("[data-query=alerts_queue] .gbody [role=row]").length === 1);
  await blur(page);
  await page.keyboard.press("f");
  assert.equal(await page.evaluate(() => document.activeElement.dataset.key), "status");
  // The same link shows the same rows.
  await reload(page);
  assert.equal(await queue(page).locator(".gbody [role=row]").count(), 1);
  await done();
});

test("by keys: to the queue, down, dismiss with a reason; it leaves when the log has it", async () => {
  const [id] = await emptyBoxes(1, 80_000_000), rma = await rmaOf(id);
  const { page, done } = await open(`/alerts?search=${rma}`);
  await blur(page);
  await page.keyboard.press("q");
  await page.keyboard.press("j");
  await page.waitForURL(new RegExp(`at=${id}`));
  await page.locator(".preview", { hasText: "the courier weighed 200 g at pickup already" }).waitFor();
  await page.keyboard.press("2");
  await dialog(page).locator("textarea").waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.name), "reason");
  assert.deepEqual(await axe(page), []);
  // Without a reason nothing is told.
  await dialog(page).locator("input[name=actor]").fill("asha");
  await dialog(page).locator("textarea").fill("   ");
  await dialog(page).locator("button[type=submit]").click();
  await dialog(page).waitFor();
  await say(page, "the scale at BLR1 was broken that day");
  await page.locator(".said", { hasText: "dismissed: recorded" }).waitFor();
  await visible(`select count(*) from fraud_alerts where alert_id = '${id}' and status = 'dismissed' and actor = 'asha' and reason = 'the scale at BLR1 was broken that day'`, 1);
  await row(page, rma).waitFor({ state: "detached" });
  await done();
});

test("several need one pattern, get one reason, and are never confirmed", async () => {
  const ids = await emptyBoxes(2, 70_000_000), [other] = await decoys(1, 70_000_000);
  const rmas = await Promise.all([...ids, other].map(rmaOf));
  const { page, done } = await open("/alerts");
  for (const rma of rmas) { await row(page, rma).click(); await blur(page); await page.keyboard.press("x"); }
  await queue(page).locator(".verbs", { hasText: "Alerts of several patterns are marked" }).waitFor();
  await page.keyboard.press("2");
  assert.equal(await dialog(page).count(), 0);
  assert.ok(await queue(page).locator(".verbs button", { hasText: "Dismiss" }).isDisabled());
  await page.keyboard.press("x");
  await queue(page).locator(".verbs", { hasText: "Several at once are never confirmed" }).waitFor();
  assert.equal(await queue(page).locator(".verbs button", { hasText: "Confirm" }).count(), 0);
  await page.keyboard.press("1");
  assert.equal(await dialog(page).count(), 0);
  // The marks are in the address.
  assert.match(decodeURIComponent(page.url()), new RegExp(`sel=${ids.join(",")}`));
  await page.keyboard.press("3");
  await dialog(page).locator("h2", { hasText: "2 alerts of empty box" }).waitFor();
  await say(page, "waiting for the courier's film");
  await visible(`select count(*) from fraud_alerts where alert_id in ('${ids.join("', '")}') and status = 'needs_more' and reason = 'waiting for the courier''s film'`, 2);
  await page.locator(".said", { hasText: "needs more: recorded" }).nth(1).waitFor();
  assert.equal((await alertRow(other, "status"))[0], "open");
  await done();
});

test("new alerts wait behind a count; the chosen row stays", async () => {
  const [id] = await emptyBoxes(1, 60_000_000), rma = await rmaOf(id);
  const { page, done } = await open("/alerts?pattern=empty_box");
  await row(page, rma).click();
  await emptyBoxes(1, 65_000_000);
  await queue(page).locator(".bar button", { hasText: "1 new" }).waitFor();
  await blur(page);
  await page.keyboard.press("r");
  await queue(page).locator(".bar button", { hasText: "new" }).waitFor({ state: "detached" });
  assert.equal(await queue(page).locator("[aria-selected=true]", { hasText: rma }).count(), 1);
  await done();
});

test("taking an alert shows who has it", async () => {
  const [id] = await emptyBoxes(1, 50_000_000), rma = await rmaOf(id);
  const { page, done } = await open(`/alerts?search=${rma}`);
  await row(page, rma).click();
  await blur(page);
  await page.keyboard.press("a");
  await dialog(page).locator("input[name=actor]").fill("ravi");
  await dialog(page).locator("button[type=submit]").click();
  await visible(`select count(*) from fraud_alerts where alert_id = '${id}' and status = 'assigned' and actor = 'ravi'`, 1);
  await row(page, rma).locator("[id$='-6']", { hasText: "ravi" }).waitFor();
  await done();
});

test("Enter opens the alert, and `u` leads back", async () => {
  const [id] = await emptyBoxes(1, 50_000_000), rma = await rmaOf(id);
  const { page, done } = await open(`/alerts?search=${rma}`);
  await row(page, rma).click();
  await grid(page).focus();
  await page.keyboard.press("Enter");
  await page.locator("h2", { hasText: `Alert ${id}` }).waitFor();
  await page.locator(".pill[data-state=live]").waitFor();
  await page.keyboard.press("u");
  await page.locator("h1", { hasText: "Alerts" }).waitFor();
  await done();
});

test("audit samples are drawn the same for everybody, and an audit is an event", async () => {
  const at = (await clock()).toISOString(), wanted = Array.from({ length: 4000 }, () => `PT-AU-${unique()}`).filter((id) => createHash("md5").update(id).digest("hex").slice(0, 2) < "05").slice(0, 2);
  assert.equal(wanted.length, 2);
  await recorded(wanted.flatMap((id) => [event("order.placed", `${id}-O`, at, { order_id: `${id}-O`, customer_id: `${id}-C`, lines: [{ line_id: "1", sku: "PT-KURTA-M", category: "kurtas", qty: 1, unit_price_minor: 99_900 }], payment_mode: "prepaid", channel: "web", destination_pincode: "560001" }, `${id}-1`),
    event("return.requested", id, at, { rma_id: id, order_id: `${id}-O`, customer_id: `${id}-C`, lines: [{ line_id: "1", sku: "PT-KURTA-M", qty: 1, reason: "too_small" }], channel: "app", method: "pickup" }, `${id}-2`)]));
  await visible(`select count(*) from return_scores where rma_id in ('${wanted.join("', '")}')`, 2);
  const { page, done } = await open("/alerts");
  const line = page.locator("[data-query=audit_samples] tr", { hasText: wanted[0] });
  await line.locator("button", { hasText: "Look at it" }).click();
  await dialog(page).locator("input[name=actor]").fill("asha");
  assert.deepEqual(await axe(page), []);
  await dialog(page).locator("button[type=submit]").click();
  await line.locator("td", { hasText: "nothing wrong: recorded" }).waitFor();
  const [[data]] = await ask(`select data from events where type = 'eddy.audit_sample.reviewed' and subject = '${wanted[0]}'`);
  assert.deepEqual(JSON.parse(data), { actor: "asha", fraudulent: false, rma_id: wanted[0] });
  await page.locator("[data-query=audit_samples] .tools button", { hasText: "Read the log" }).click();
  await figure(page, "Audit samples due").locator(".note", { hasText: /^of \d+ drawn$/ }).waitFor();
  await done();
});

test("an alert tells its arithmetic, both columns, one timeline with gaps, and its peers", async () => {
  const [id] = await emptyBoxes(1), rma = await rmaOf(id);
  const { page, done } = await open(`/alerts/${id}`);
  const [loss, probability] = (await alertRow(id, "expected_loss_minor, score")).map(Number);
  const says = await figure(page, "Expected loss").locator(".note").textContent();
  const [, share, stake] = says.match(/([\d.]+)% probability × ₹([\d,.]+) at stake/);
  assert.ok(Math.abs(Number(share) - probability * 100) < 0.06, says);
  assert.ok(Math.abs(probability * Number(stake.replaceAll(",", "")) * 100 - loss) <= 2, says);
  assert.match(await page.locator(".evidence .two > div").first().textContent(), /190 g came in of \d+ g expected/);
  assert.match(await page.locator(".evidence .two > div").last().textContent(), /Courier, warehouse or shop at fault.*Not found: courier pilferage/s);
  const [a, b] = await page.locator(".evidence .two > div").evaluateAll((l) => l.map((e) => e.getBoundingClientRect().width));
  assert.ok(Math.abs(a - b) <= 26, "the columns are equal but for the line between them");
  await page.locator(".timeline li.shows", { hasText: "return: received" }).waitFor();
  const timeline = await page.locator(".timeline").textContent();
  for (const part of ["order: placed", "1,050 g", "proof: GPS ✓, OTP ✓", "return: requested", "shipment: picked up", "190 g", "parts missing", "3 days without a word"]) assert.ok(timeline.includes(part), `${part} is not in ${timeline}`);
  await page.locator(".story .note", { hasText: /Weights on the way: 1,050 g.*200 g.*190 g/ }).waitFor();
  assert.equal(await page.locator("[data-query=alert_peers] tbody tr").count(), 4);
  const [own, below, peers] = (await ask(`select max(case when c.customer_id = a.customer_id then c.return_value_minor end), 0, count(*) - 1 from customers c cross join fraud_alerts a where a.alert_id = '${id}' and c.currency = 'INR' and c.order_value_minor between 450000 and 1800000`))[0].map(Number);
  assert.match(await page.locator("[data-query=alert_peers] .note").first().textContent(), new RegExp(`Peers: ${peers.toLocaleString("en-IN")} customers`));
  assert.match(await page.locator("[data-query=alert_peers] tr", { hasText: "Returned value" }).textContent(), new RegExp(`₹${(own / 100).toLocaleString("en-IN")}`));
  assert.equal(below, 0);
  assert.deepEqual(await axe(page), []);
  await page.locator(".story .tools button", { hasText: "Table" }).click();
  await page.locator(".story td", { hasText: rma }).first().waitFor();
  assert.deepEqual(await axe(page), []);
  await done();
});

test("a step that nobody told is shown as a gap", async () => {
  const id = `PT-S-${unique()}`, at = (await clock()).getTime() - 12 * 86_400_000, on = (days) => new Date(at + days * 86_400_000).toISOString();
  await recorded([event("order.placed", `${id}-O`, on(0), { order_id: `${id}-O`, customer_id: `${id}-C`, lines: [{ line_id: "1", sku: "PT-PHONE", category: "phone", qty: 1, unit_price_minor: 900_000 }], payment_mode: "prepaid", channel: "web", destination_pincode: "560001" }, `${id}-1`),
    event("return.requested", `${id}-R`, on(5), { rma_id: `${id}-R`, order_id: `${id}-O`, customer_id: `${id}-C`, lines: [{ line_id: "1", sku: "PT-PHONE", qty: 1, reason: "changed_mind" }], channel: "web", method: "pickup" }, `${id}-2`),
    event("return.received", `${id}-R`, on(9), { rma_id: `${id}-R`, facility: "BLR1", lines: [{ line_id: "1", sku: "PT-PHONE", qty: 1 }], weight_g: 100 }, `${id}-3`),
    event("return.inspected", `${id}-R`, on(10), { rma_id: `${id}-R`, line_id: "1", facility: "BLR1", grade: "reject", match: "mismatch_class" }, `${id}-4`)]);
  await visible(`select count(*) from fraud_alerts where rma_id = '${id}-R'`, 1);
  const [[alert]] = await ask(`select alert_id from fraud_alerts where rma_id = '${id}-R' limit 1`);
  const { page, done } = await open(`/alerts/${alert}`);
  for (const gap of ["Not told: the parcel to the buyer", "Not told: the delivery", "Not told: the pickup from the buyer", "5 days without a word"]) await page.locator(".timeline .gap", { hasText: gap }).waitFor();
  await done();
});

test("`1` confirms with a reason and a loss; the history has it, `4` appeals and `5` overturns", async () => {
  const [id] = await emptyBoxes(1);
  const { page, done } = await open(`/alerts/${id}`);
  await blur(page);
  await page.keyboard.press("4");
  assert.equal(await dialog(page).count(), 0, "there is nothing to appeal against");
  await page.keyboard.press("1");
  await dialog(page).locator("input[name=loss]").fill("7654.50");
  await say(page, "the film shows an empty box");
  await page.locator(".said", { hasText: "confirmed: recorded" }).waitFor();
  await visible(`select count(*) from fraud_alerts where alert_id = '${id}' and status = 'confirmed' and confirmed_loss_minor = 765450 and actor = 'asha'`, 1);
  await figure(page, "Status").locator(".figure", { hasText: "confirmed" }).waitFor();
  await page.locator(".history td", { hasText: "the film shows an empty box" }).waitFor();
  await page.keyboard.press("4");
  await say(page, "the buyer says the courier emptied it", "desk-4");
  await figure(page, "Status").locator(".figure", { hasText: "appealed" }).waitFor();
  await page.keyboard.press("5");
  await say(page, "the courier admits it", "asha");
  await figure(page, "Status").locator(".figure", { hasText: "overturned" }).waitFor();
  await page.locator(".history td", { hasText: "the courier admits it" }).waitFor();
  assert.equal(await page.locator(".history tbody tr").count(), 3);
  await done();
});

test("who was not quick enough is told who did what, and keeps what was written", async () => {
  const [id] = await emptyBoxes(1);
  const { page, done } = await open(`/alerts/${id}`, { expectErrors: true });
  await blur(page);
  await page.keyboard.press("2");
  await dialog(page).locator("textarea").fill("scale broken");
  await elsewhere(id, "confirmed", "ravi", "seen on film");
  await figure(page, "Status").locator(".figure", { hasText: "confirmed" }).waitFor({ state: "attached" });
  await say(page, "scale broken");
  const told = page.locator(".failure", { hasText: "Somebody was quicker: ravi confirmed it: “seen on film”" });
  await told.waitFor();
  assert.match(await told.textContent(), /Your reason is kept/);
  assert.deepEqual(await alertRow(id, "status, actor"), ["confirmed", "ravi"]);
  assert.deepEqual(await axe(page), []);
  await told.locator("button", { hasText: "Look again" }).click();
  assert.equal(await dialog(page).locator("textarea").inputValue(), "scale broken");
  await dialog(page).locator("button[type=submit]").click();
  await page.locator(".said", { hasText: "dismissed: recorded" }).waitFor();
  assert.deepEqual(await alertRow(id, "status, actor, reason"), ["dismissed", "asha", "scale broken"]);
  await done();
});

test("a verdict that fails keeps the written reason, through a reload too", async () => {
  const [id] = await emptyBoxes(1);
  const { page, done } = await open(`/alerts/${id}`, { expectErrors: true });
  const refuse = (r) => r.fulfill({ status: 503, contentType: "application/problem+json", body: JSON.stringify({ title: "busy", detail: "the log does not take it now; come back in a second", status: 503 }) });
  await page.context().route("**/v1/alerts/*/review", refuse);
  await blur(page);
  await page.keyboard.press("3");
  await say(page, "ask the packer first");
  await page.locator(".failure", { hasText: "the log does not take it now" }).waitFor();
  await page.locator(".said", { hasText: "Your reason is kept" }).waitFor();
  await reload(page);
  await blur(page);
  await page.keyboard.press("3");
  assert.equal(await dialog(page).locator("textarea").inputValue(), "ask the packer first");
  assert.equal(await dialog(page).locator("input[name=actor]").inputValue(), "asha");
  await dialog(page).locator("button[type=submit]").click();
  const failure = page.locator(".failure", { hasText: "the log does not take it now" });
  await failure.waitFor();
  await page.context().unroute("**/v1/alerts/*/review", refuse);
  await failure.locator("button", { hasText: "Retry" }).click();
  await page.locator(".said", { hasText: "needs more: recorded" }).waitFor();
  assert.deepEqual(await alertRow(id, "status, reason"), ["needs_more", "ask the packer first"]);
  await page.keyboard.press("2");
  assert.equal(await dialog(page).locator("textarea").inputValue(), "", "what was recorded is not offered again");
  await done();
});

test("links are drawn with hard and soft told apart, have a table, and lead to the cluster", async () => {
  const [id, other] = await emptyBoxes(2), partner = (await rmaOf(other)).replace(/-R$/, "-C");
  const { page, done } = await open(`/alerts/${id}`);
  await page.locator("svg.links").waitFor();
  assert.ok(await page.locator("svg.links line.hard").count() >= 2 && await page.locator("svg.links line.soft").count() >= 2);
  await page.locator(`svg.links g[aria-label^='customer ${partner}']`).waitFor();
  await page.locator("svg.links g[aria-label*='2 people']").first().waitFor();
  await page.locator("[data-query=alert_cluster] td", { hasText: partner }).waitFor();
  assert.deepEqual(await axe(page), []);
  await page.locator(".identity .tools button", { hasText: "Table" }).click();
  await page.waitForURL(/as\.links=table/);
  await page.locator(".identity td", { hasText: "hard, merges" }).first().waitFor();
  await done();
});

test("a value that many share is marked and ignored, and an engine without links is said to be one", async () => {
  const [id] = await emptyBoxes(1), customer = (await rmaOf(id)).replace(/-R$/, "-C");
  const links = { nodes: [{ kind: "customer", id: customer, partners: 0, capped: false }, { kind: "address", id: "ad1", partners: 412, capped: true }], edges: [{ customer, value: "ad1", kind: "address", hard: false }] };
  const answer = (body, status = 200, contentType = "application/json") => (c) => c.route("**/v1/customers/*/links", (r) => r.fulfill({ status, contentType, body: JSON.stringify(body) }));
  const capped = await open(`/alerts/${id}`, { route: answer(links) });
  await capped.page.locator("svg.links g.capped[aria-label='address ad1, 412 people, shared by too many: ignored']").waitFor();
  await capped.page.locator(".identity .note", { hasText: "One address, 412 people kept and then no more: ignored." }).waitFor();
  assert.deepEqual(await axe(capped.page), []);
  await capped.done();
  const none = await open(`/alerts/${id}`, { expectErrors: true, route: answer({ title: "Not Found", status: 404, detail: "there is nothing at this path" }, 404, "application/problem+json") });
  await none.page.locator(".identity .empty", { hasText: "does not tell links yet" }).waitFor();
  assert.deepEqual(await axe(none.page), []);
  await none.done();
});

test("the evidence pack's digest is what jq and sha256sum compute", async () => {
  const [id] = await emptyBoxes(1), rma = await rmaOf(id);
  const { page, done } = await open(`/alerts/${id}`);
  const coming = page.waitForEvent("download");
  await page.locator(".pack button", { hasText: "Download the pack" }).click();
  const file = await (await coming).path(), pack = JSON.parse(readFileSync(file, "utf8"));
  assert.equal(pack.alert.alert_id, id);
  assert.equal(pack.sha256, createHash("sha256").update(pack.lines.map((l) => l + "\n").join("")).digest("hex"));
  assert.equal(await page.locator(".digest code").textContent(), pack.sha256);
  const shell = spawnSync("sh", ["-c", pack.check.replace("FILE", `'${file}'`)], { encoding: "utf8" });
  if (!/not found/.test(shell.stderr)) assert.equal(shell.stdout.split(" ")[0], pack.sha256);
  // Each line is the event as the log holds it.
  const rows = await ask(`select data, id, index, sequence, source, subject, time, type from events where subject = '${rma}' order by sequence, index`);
  assert.ok(rows.length >= 3 && pack.evidence.length >= 1);
  for (const [data, eid, index, sequence, source, subject, time, type] of rows) assert.ok(pack.lines.includes(`{"data":${data},"id":${JSON.stringify(eid)},"index":${index},"sequence":${sequence},"source":${JSON.stringify(source)},"subject":${JSON.stringify(subject)},"time":${JSON.stringify(time)},"type":${JSON.stringify(type)}}`), `${type} is not in the pack`);
  await done();
});

test("`s` opens the SQL of the focused card, with the alert bound", async () => {
  const [id] = await emptyBoxes(1);
  const { page, done } = await open(`/alerts/${id}`);
  await page.locator("[data-query=alert_peers]").focus();
  await page.keyboard.press("s");
  await dialog(page).locator("h2", { hasText: "peers of like spend" }).waitFor();
  assert.match(await dialog(page).locator("pre.sql").textContent(), new RegExp(`alert_id = '${id}'`));
  await done();
});

test("an alert that is not there says so, and where to look", async () => {
  const { page, done } = await open("/alerts/FA0000000000000000");
  await page.locator(".empty", { hasText: "No alert FA0000000000000000" }).waitFor();
  assert.deepEqual(await axe(page), []);
  await fits(page, "Alert");
  await done();
});
