// Signing in to an engine with a token: EDDY_GUARDED_URL and EDDY_GUARDED_TOKEN name one.
import assert from "node:assert/strict";
import { test } from "node:test";
import { axe, context, elsewhere, fits, open, useBrowser } from "./browser.mjs";

const guarded = process.env.EDDY_GUARDED_URL?.replace(/\/$/, ""), token = process.env.EDDY_GUARDED_TOKEN;
const options = { skip: guarded ? false : "EDDY_GUARDED_URL is not set" };
useBrowser();

/** The cookie of a new session. */
async function session() {
  const response = await fetch(`${guarded}/sign-in`, { method: "POST", redirect: "manual", headers: { "content-type": "application/x-www-form-urlencoded" }, body: new URLSearchParams({ token, next: "/" }) });
  const [name, value] = response.headers.get("set-cookie").split(";")[0].split("=");
  return { name, value, domain: "127.0.0.1", path: "/", expires: -1, httpOnly: true, secure: false, sameSite: "Strict" };
}
const signedIn = async () => ({ at: guarded, storageState: { cookies: [await session()], origins: [] } });

for (const colorScheme of ["light", "dark"])
  for (const width of [400, 1600])
    test(`the page to sign in passes axe and fits in ${colorScheme} at ${width} pixels, also after a wrong token`, options, async () => {
      const browser = await context({ colorScheme, viewport: { width, height: 900 } }), page = await browser.newPage();
      await page.goto(guarded + "/");
      assert.deepEqual(await axe(page), []);
      await fits(page, "sign-in");
      await page.keyboard.type("wrong");
      await page.keyboard.press("Enter");
      await page.locator("[role=alert]").waitFor();
      assert.deepEqual(await axe(page), []);
      await fits(page, "sign-in");
      await browser.close();
    });

test("a reader signs in without a script and comes to the page they wanted", options, async () => {
  const browser = await context({ javaScriptEnabled: false }), page = await browser.newPage();
  const answer = await page.goto(guarded + "/health?reason=unknown_type&search=a%26b");
  assert.equal(answer.status(), 401);
  await page.getByLabel("Token").fill("not the token");
  await page.getByRole("button", { name: "Sign in" }).click();
  assert.match(await page.getByRole("alert").textContent(), /not this engine's token/);
  await page.getByLabel("Token").fill(token);
  await page.keyboard.press("Enter");
  await page.waitForURL(guarded + "/health?reason=unknown_type&search=a%26b");
  await page.locator("h1", { hasText: "Health" }).waitFor();
  const [cookie] = await browser.cookies();
  assert.ok(cookie.httpOnly && cookie.sameSite === "Strict" && !cookie.value.includes(token), JSON.stringify(cookie));
  await browser.close();
});

test("over plain HTTP off loopback, where browsers tell less, a reader signs in, asks and signs out", options, async () => {
  const at = guarded.replace("127.0.0.1", elsewhere);
  const browser = await context(), page = await browser.newPage();
  await page.goto(`${at}/sql?q=select+41%2B1+as+answer`);
  await page.getByLabel("Token").fill(token);
  await page.keyboard.press("Enter");
  await page.locator("[role=gridcell]", { hasText: "42" }).waitFor();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.waitForURL(`${at}/sign-in`);
  await page.goto(`${at}/`);
  await page.getByLabel("Token").waitFor();
  await browser.close();
});

test("signed in, a page lives, and signing out ends it in every tab", options, async () => {
  const { page, done } = await open("/health", { ...await signedIn(), expectErrors: true });
  await page.locator(".pill[data-state=live]").waitFor();
  assert.deepEqual(await axe(page), []);
  const other = await page.context().newPage();
  await other.goto(guarded + "/sql?q=select+1");
  await other.locator("[role=gridcell]").first().waitFor();
  await other.getByRole("button", { name: "Sign out" }).click();
  await other.getByLabel("Token").waitFor();
  await page.bringToFront();
  await page.locator("#search").fill("x");
  await page.keyboard.press("Enter");
  const failure = page.locator(".failure", { hasText: "no longer signed in" }).first();
  await failure.waitFor();
  assert.match(await failure.getByRole("link", { name: "Sign in" }).getAttribute("href"), /^\/sign-in\?next=%2Fhealth%3Fsearch%3Dx/);
  await failure.getByRole("link", { name: "Sign in" }).click();
  await page.getByLabel("Token").fill(token);
  await page.keyboard.press("Enter");
  await page.waitForURL(guarded + "/health?search=x");
  await done();
});

test("the head of a signed-in page fits at 400 pixels", options, async () => {
  const { page, done } = await open("/health", { ...await signedIn(), viewport: { width: 400, height: 900 } });
  await fits(page, "Health, signed in");
  assert.deepEqual(await axe(page), []);
  await done();
});

test("a link from another site asks to open the page once more, and then does", options, async () => {
  const browser = await context({ storageState: { cookies: [await session()], origins: [] } }), page = await browser.newPage();
  await page.route("http://other.example/", (r) => r.fulfill({ contentType: "text/html", body: `<a href="${guarded}/health">Health</a>` }));
  await page.goto("http://other.example/");
  await page.getByRole("link", { name: "Health" }).click();
  await page.getByText("Signed in already?").waitFor();
  await page.getByRole("link", { name: "open the page once more" }).click();
  await page.locator("h1", { hasText: "Health" }).waitFor();
  await browser.close();
});

test("a form of another site changes nothing for who is signed in", options, async () => {
  const browser = await context({ storageState: { cookies: [await session()], origins: [] } }), page = await browser.newPage();
  await page.route("http://other.example/", (r) => r.fulfill({ contentType: "text/html", body: `<form method="post" action="${guarded}/sign-out"><button>Win</button></form>` }));
  await page.goto("http://other.example/");
  const [answer] = await Promise.all([page.waitForResponse((r) => r.url().endsWith("/sign-out")), page.getByRole("button").click()]);
  assert.equal(answer.status(), 403);
  await page.goto(`${guarded}/health`);
  assert.equal(await page.getByLabel("Token").count(), 0);
  await browser.close();
});
