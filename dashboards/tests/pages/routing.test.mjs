// Routing and Decision: the threshold's figures against SQL, publishing, answering the queue by key, and what a decision tells of itself.
import assert from "node:assert/strict";
import { test } from "node:test";
import { axe, base, open, useBrowser, visible } from "./browser.mjs";
import { ask, diverted, idOf, parcels, policy } from "./decisions.mjs";

useBrowser();
const grid = (page) => page.locator("[data-query=routing_queue] [role=grid]");
const row = (page, awb) => page.locator("[data-query=routing_queue] [role=row]", { hasText: awb });
const figure = (page, label) => page.locator(".quad div", { hasText: label }).first();

test("the slider's figures are those of SQL, and the threshold is in the address", async () => {
  const { page, done } = await open("/routing?stage=manifested");
  const [parcelsOf, flagged, caught, failed] = (await ask(`select count(*), sum(case when f then 1 else 0 end), sum(case when f and bad then 1 else 0 end), sum(case when bad then 1 else 0 end)
    from (select floor(n.probability * 100) >= 20 as f, s.status <> 'delivered' as bad from ndr_scores n join shipments s on s.awb = n.awb
          where n.stage = 'manifested' and coalesce(s.leg, 'forward') = 'forward' and s.status in ('delivered', 'rto_initiated', 'rto_delivered', 'lost', 'damaged'))`))[0].map(Number);
  await page.locator("#threshold").focus();
  await page.locator("#threshold").fill("20");
  await page.waitForURL(/t=20/);
  const en = (n) => n.toLocaleString("en-IN");
  assert.match(await figure(page, "Flagged").textContent(), new RegExp(`${en(flagged)} of ${en(parcelsOf)} settled`));
  assert.match(await figure(page, "Precision").textContent(), new RegExp(`${en(caught)} of ${en(flagged)} flagged`));
  assert.match(await figure(page, "Recall").textContent(), new RegExp(`${en(caught)} of ${en(failed)} not delivered`));
  await page.keyboard.press("ArrowRight");
  await page.waitForURL(/t=21/);
  assert.match(await page.locator("#threshold").getAttribute("aria-valuetext"), /^threshold 21%: /);
  await done();
});

test("the rupees are the sum they say they are", async () => {
  const { page, done } = await open("/routing?stage=manifested&t=10&averts=50&cost=20");
  // Default costs of a failure: 120 and 5% of the declared value; nothing else is assumed.
  await page.locator(".figure", { hasText: /₹|–/ }).first().waitFor();
  const [lost, paid, value] = (await ask(`select sum(bad), count(*), sum(bad * value) from (select case when s.status = 'delivered' then 0 else 1 end as bad, coalesce(s.declared_value_minor, 0) as value
    from ndr_scores n join shipments s on s.awb = n.awb where n.stage = 'manifested' and s.currency = 'INR' and coalesce(s.leg, 'forward') = 'forward' and floor(n.probability * 100) >= 10
    and s.status in ('delivered', 'rto_initiated', 'rto_delivered', 'lost', 'damaged'))`))[0].map(Number);
  const [[decisions, acted]] = (await ask("select count(*), sum(case when recommended and action <> 'rto' then 1 else 0 end) from routing_decisions where stage = 'manifested'")).map((r) => r.map(Number));
  const share = acted >= 30 ? acted / decisions : 1, minor = Math.round(share * (0.5 * (12_000 * lost + 0.05 * value) - 2000 * paid));
  const exact = await figure(page, "Expected rupees").locator(".figure").getAttribute("title");
  assert.equal(Number(exact.replace(/[₹,]/g, "").replace("−", "-")), minor / 100);
  await done();
});

test("a published threshold shows its difference first, keeps what else the policy says, and is in force when recorded", async () => {
  await policy({ threshold: 0.7, contact_minor: 777 });
  const { page, done } = await open("/routing?t=63");
  await page.locator("button", { hasText: "Publish 63%" }).click();
  const dialog = page.locator("dialog[open]");
  await dialog.locator("h2", { hasText: "Publish a threshold of 63%" }).waitFor();
  assert.match(await dialog.textContent(), /From 70\.0% .* to 63\.0%/);
  assert.deepEqual(await axe(page), []);
  const version = `PT-page-${Date.now()}`;
  await dialog.locator("input[name=version]").fill(version);
  await dialog.locator("button[type=submit]").click();
  await page.locator(".said", { hasText: `Policy ${version}: recorded` }).waitFor();
  await visible(`select count(*) from eddy_meta.policies where version = '${version}'`, 1);
  const [body, hash] = (await ask(`select body, digest from eddy_meta.policies where version = '${version}'`))[0];
  assert.deepEqual(JSON.parse(body), { ndr: { contact_minor: 777, threshold: 0.63 } });
  assert.match(hash, /^sha256:[0-9a-f]{64}$/);
  await page.waitForFunction((v) => document.querySelector("select[data-key=policy]").value === v, version);
  assert.match(await page.locator("button", { hasText: "Policy's" }).textContent(), /63\.0%/);
  await done();
  await policy({});
});

test("`1` accepts the chosen recommendation, and it leaves the queue when the log has it", async () => {
  const [first, second] = await parcels(2);
  const { page, done } = await open("/routing");
  await row(page, first).click();
  assert.match(page.url(), /at=D\d/);
  await page.keyboard.press("1");
  await page.locator(".said", { hasText: `${first} accepted: recorded` }).waitFor();
  await visible(`select count(*) from routing_decisions where awb = '${first}' and outcome = 'accepted'`, 1);
  await row(page, first).waitFor({ state: "detached" });
  // Nothing is chosen now: the key does not fall on the row that stands there.
  await page.keyboard.press("1");
  await row(page, second).waitFor();
  assert.equal(Number((await ask(`select count(*) from routing_decisions where awb = '${second}' and outcome is null`))[0][0]), 1);
  await done();
});

test("`2` overrides with a reason, after moving by keys and opening the dialog", async () => {
  const [awb] = await parcels(1), id = await idOf(awb);
  const { page, done } = await open("/routing");
  await grid(page).focus();
  for (let i = 0; i < 60 && !page.url().includes(`at=${id}`); i++) await page.keyboard.press(i ? "j" : "Home");
  if (!page.url().includes(`at=${id}`)) await row(page, awb).click();
  await page.keyboard.press("2");
  const dialog = page.locator("dialog[open]");
  await dialog.locator("textarea").fill("the buyer asked for the courier she knows");
  assert.deepEqual(await axe(page), []);
  await dialog.locator("button[type=submit]").click();
  await page.locator(".said", { hasText: `${awb} overridden: recorded` }).waitFor();
  await visible(`select count(*) from routing_decisions where decision_id = '${id}' and outcome = 'overridden'`, 1);
  const [[data]] = await ask(`select data from events where type = 'eddy.reroute.overridden' and subject = '${id}'`);
  assert.deepEqual(JSON.parse(data), { action: "none", awb, courier: "pt-dear", decision_id: id, reason: "the buyer asked for the courier she knows" });
  await done();
});

test("an answer that the engine refuses is told, and can be sent again", async () => {
  const [awb] = await parcels(1);
  const { page, done } = await open("/routing", { expectErrors: true });
  let failing = true;
  await page.context().route("**/v1/events", (r) => failing ? r.fulfill({ status: 429, contentType: "application/problem+json", body: JSON.stringify({ title: "busy", detail: "the queue is full; come back in a second", status: 429 }) }) : r.continue());
  await row(page, awb).click();
  await page.keyboard.press("1");
  await page.locator(".queue .failure", { hasText: "the queue is full" }).waitFor();
  failing = false;
  await page.locator(".queue .failure button", { hasText: "Retry" }).click();
  await page.locator(".said", { hasText: "accepted: recorded" }).waitFor();
  await done();
});

test("new recommendations wait behind a count; the chosen row stays", async () => {
  const [awb] = await parcels(1);
  const { page, done } = await open("/routing");
  await row(page, awb).click();
  const before = page.url();
  await parcels(3);
  await page.locator("[data-query=routing_queue] .bar button", { hasText: "3 new" }).waitFor();
  assert.equal(page.url(), before);
  await page.keyboard.press("r");
  await page.locator("[data-query=routing_queue] .bar button", { hasText: "new" }).waitFor({ state: "detached" });
  assert.equal(await page.locator("[data-query=routing_queue] [aria-selected=true]", { hasText: awb }).count(), 1);
  await done();
});

test("the matrix and the threshold have a table form, and payment filters the matrix", async () => {
  const { page, done } = await open("/routing");
  for (const name of ["settled_scores", "lane_risk"]) {
    await page.locator(`[data-query=${name}] .tools button`, { hasText: "Table" }).click();
    await page.waitForURL(new RegExp(`as\\.${name}=table`));
  }
  await page.locator("[data-query=lane_risk] th", { hasText: "Drawn toward" }).waitFor();
  assert.deepEqual(await axe(page), []);
  await page.locator("select[data-key=payment]").selectOption("cod");
  await page.waitForURL(/payment=cod/);
  await done();
});

test("attempts without proof are read from the log when asked for", async () => {
  const { page, done } = await open("/routing");
  await page.locator("button", { hasText: "Read the log" }).click();
  await page.locator("[data-query=attempts_without_proof][aria-busy=false]").waitFor();
  assert.deepEqual(await page.locator(".failure").allTextContents(), []);
  assert.deepEqual(await axe(page), []);
  await done();
});

test("a decision tells its choice, its alternatives, its reasons and what would have changed it", async () => {
  const [awb] = await parcels(1), id = await idOf(awb);
  const { page, done } = await open(`/decisions/${id}`);
  assert.match(await page.locator(".verdict").textContent(), new RegExp(`${awb} was to go from pt-dear to pt-cheap`));
  const told = JSON.parse((await ask(`select alternatives from routing_decisions where decision_id = '${id}'`))[0][0]);
  assert.equal(await page.locator("[aria-labelledby=t-alternatives] tbody tr").count(), told.length);
  assert.match(await page.locator("[aria-labelledby=t-alternatives] tbody tr").first().textContent(), /● switch courier to pt-cheap, chosen/);
  for (const rule of told.filter((a) => !a.feasible)) await page.locator("[aria-labelledby=t-alternatives] td", { hasText: rule.rule }).first().waitFor();
  const changes = await page.locator("[aria-labelledby=t-changes] tbody").textContent();
  assert.match(changes, /A threshold of .*nothing would have been decided/s);
  const gain = Number((await ask(`select expected_gain_minor from routing_decisions where decision_id = '${id}'`))[0][0]);
  assert.match(changes.replaceAll(",", ""), new RegExp(`A least gain above ₹${(gain / 100).toFixed(2).replace(/\.00$/, "").replace(".", "\\.")}`));
  assert.ok(await page.locator("[data-query=decision_score] tbody tr").count() >= 3);
  await page.keyboard.press("1");
  await page.locator(".said", { hasText: "accepted: recorded" }).waitFor();
  await page.locator(".quad .figure", { hasText: "accepted" }).waitFor();
  await page.locator("button", { hasText: "Read the log" }).click();
  await page.locator("[data-query=decision_events] td", { hasText: "reroute.accepted" }).waitFor();
  assert.deepEqual(await axe(page), []);
  await done();
});

test("a return on its way to an overloaded hub is sent to one with room, and its page says to which", async () => {
  const rma = await diverted(), [[id, hub]] = await ask(`select decision_id, to_hub from routing_decisions where rma_id = '${rma}'`);
  const { page, done } = await open(`/decisions/${id}`);
  assert.match(await page.locator(".verdict").textContent(), new RegExp(`to send it to ${hub} .* days of work wait against .* at PT-FULL`));
  assert.match(await page.locator("[aria-labelledby=t-alternatives] tbody tr").first().textContent(), new RegExp(`● send it to ${hub}, chosen`));
  assert.doesNotMatch(await page.locator("[aria-labelledby=t-changes] tbody").textContent(), /A threshold of/);
  assert.deepEqual(await axe(page), []);
  await done();
  const { page: queue, done: closed } = await open("/routing");
  await row(queue, `${rma}-B`).filter({ hasText: `divert hub: ${hub}` }).waitFor();
  await closed();
});

test("couriers' cards tell what a parcel cost", async () => {
  const { page, done } = await open("/routing");
  const cards = page.locator("[data-query=courier_scorecards]");
  await cards.locator("th", { hasText: "Cost, raw" }).waitFor();
  await cards.locator("td[title$='parcels with a tariff']", { hasText: "₹" }).first().waitFor();
  await done();
});

test("a decision that is not there says so, and where to look", async () => {
  const { page, done } = await open("/decisions/D0-0-0");
  await page.locator(".empty", { hasText: "No decision D0-0-0" }).waitFor();
  assert.deepEqual(await axe(page), []);
  await done();
});

test("Enter on the queue opens the decision, and `u` leads back", async () => {
  const [awb] = await parcels(1), id = await idOf(awb);
  const { page, done } = await open("/routing");
  await row(page, awb).click();
  await grid(page).focus();
  await page.keyboard.press("Enter");
  await page.locator("h2", { hasText: `Decision ${id}` }).waitFor();
  await page.keyboard.press("u");
  await page.locator("h1", { hasText: "Routing" }).waitFor();
  await done();
});
