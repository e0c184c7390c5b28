// The dashboard as its users see it: in Chromium, against a real coordinator with a real node.
// Usage: dashboard_test.mjs SOURCE BIN TOOLS
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { after, before, test } from "node:test";
import { Farm, KEYS } from "./farm.mjs";

const [SOURCE, BIN, TOOLS] = process.argv.slice(2).map((name) => path.resolve(name));
const require = createRequire(TOOLS + "/");
const { chromium } = require("playwright-core");
const AXE = fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const BROWSERS = ["chromium-headless-shell", "chromium"];
const PATIENCE_MS = 60000;  // Ends a test that would hang.
const SHORT = "A short word about it.";
const LONG = "This one has rather more to say, so that it takes its time, and everybody may watch how it comes along.";

let farm, browser, context, page;
const loaded = [];    // Every URL that any page asked for.
const complaints = [];

function executable() {
  for (const name of BROWSERS) {
    try {
      return execFileSync("which", [name], { encoding: "utf8" }).trim();
    } catch { /* the next */ }
  }
  throw new Error(`none of ${BROWSERS.join(", ")} is installed`);
}

async function open(options = {}) {
  const opened = await browser.newContext({ viewport: { width: 1280, height: 900 }, acceptDownloads: true, ...options });
  opened.setDefaultTimeout(PATIENCE_MS);
  const tab = await opened.newPage();
  opened.on("request", (request) => loaded.push(request.url()));
  tab.on("pageerror", (error) => complaints.push(error.message));
  tab.on("console", (message) => {
    // What a server refuses is no mistake of the page; what the policy refuses is.
    if (message.type() === "error" && !/Failed to load resource|WebSocket connection/.test(message.text())) complaints.push(message.text());
  });
  return tab;
}

async function signIn(tab, key = KEYS.operator) {
  await tab.goto(farm.url + "/");
  await tab.getByLabel("API key").fill(key);
  await tab.keyboard.press("Enter");
  await tab.getByRole("heading", { name: "Jobs", level: 1 }).waitFor();
}

const go = (tab, hash) => tab.evaluate((to) => (location.hash = to), hash);
const stateOf = (tab, scope) => tab.locator(`${scope} .badge`).first();
async function shows(locator, text) {
  await locator.filter({ hasText: text }).first().waitFor();
}
async function until(what, met) {
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 100))) {
    if (await met()) return;
  }
  assert.fail(`${what}\n${farm.log("coordinator")}\n${farm.log("node")}`);
}

async function faults(tab) {
  await tab.evaluate(AXE);
  const { violations } = await tab.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  return violations.map(({ id, impact, nodes }) => `${impact} ${id}: ${nodes[0].html.slice(0, 200)}`);
}

before(async () => {
  farm = new Farm(SOURCE, BIN);
  await farm.start();
  browser = await chromium.launch({ executablePath: executable(), args: ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"] });
  page = await open();
  context = page.context();
});
after(async () => {
  await browser?.close();
  await farm?.stop();
});

test("a key that is not known is refused, in words", async () => {
  await page.goto(farm.url + "/");
  assert.equal(await page.evaluate(() => document.activeElement.id), "key");
  await page.getByLabel("API key").fill("not-a-key");
  await page.keyboard.press("Enter");
  await shows(page.getByRole("alert"), "does not know this key");
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);
});

test("a key signs in for this tab alone, and no URL shows it", async () => {
  await signIn(page);
  await shows(page.locator(".empty"), "No jobs yet");
  await page.reload();
  await page.getByRole("heading", { name: "Jobs", level: 1 }).waitFor();
  assert.equal(await page.evaluate(() => localStorage.getItem("rendernode.key")), null);
  const other = await context.newPage();
  await other.goto(farm.url + "/");
  await other.getByLabel("API key").waitFor();
  await other.close();
});

test("a job appears and completes while one looks on", async () => {
  await farm.api("POST", `/nodes/${farm.node}/drain`);
  const id = await farm.submit("Spring garden", [
    ["City", SHORT, "city.jpg"], ["Tea", LONG, "tea.jpg"], ["Gone", SHORT, "nowhere.jpg"], ["Serum", LONG, "serum.jpg"]]);
  await page.getByRole("link", { name: "Spring garden" }).click();
  await page.getByRole("heading", { name: "Spring garden", level: 1 }).waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.tagName), "H1");
  await until("four items wait", async () => (await page.locator(".cards .badge", { hasText: "Pending" }).count()) === 4);
  await farm.api("POST", `/nodes/${farm.node}/undrain`);
  await shows(stateOf(page, ".panel"), "Completed");
  await shows(page.locator(".facts"), "3 of 4");
  assert.equal(await page.getByRole("progressbar", { name: "Progress of the job" }).getAttribute("aria-valuenow"), "100");
  await until("every poster is a picture", () => page.evaluate(() => {
    const posters = [...document.querySelectorAll(".cards img:not([hidden])")];
    return posters.length === 3 && posters.every((poster) => poster.complete && poster.naturalWidth === 640);
  }));
  assert.match(await page.title(), /Spring garden/);
  assert.equal((await farm.api("GET", `/bulk-jobs/${id}`)).state, "completed");
});

test("an item's video plays, with captions", async () => {
  await page.getByRole("button", { name: /Row 3/ }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("heading", { name: "Row 3" }).waitFor();
  await until("captions can be shown", () => page.evaluate(() => {
    const [track] = document.querySelector("video").textTracks;
    if (track) track.mode = "showing";  // As the player's menu does.
    return track?.cues?.length > 0;
  }));
  assert.match(await page.evaluate(() => [...document.querySelector("video").textTracks[0].cues].map((cue) => cue.text).join(" ")), /takes its time/);
  await page.evaluate(() => {
    const video = document.querySelector("video");
    video.muted = true;
    return video.play();
  });
  await until("the video moves", () => page.evaluate(() => document.querySelector("video").currentTime > 0.3));
  assert.deepEqual(await page.evaluate(() => [document.querySelector("video").videoWidth, document.querySelector("video").videoHeight]), [640, 360]);
  await shows(dialog.locator(".facts"), "libx264");
  const [file] = await Promise.all([page.waitForEvent("download"), dialog.getByRole("link", { name: /Video/ }).click()]);
  assert.equal(fs.readFileSync(await file.path()).subarray(4, 8).toString(), "ftyp");
});

test("an item that failed says why", async () => {
  await page.getByRole("dialog").getByRole("button", { name: "Next" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("heading", { name: "Row 4" }).waitFor();
  await shows(dialog.locator(".troubles"), "Asset download failed");
  await shows(dialog.locator(".troubles"), "nowhere.jpg");
  await dialog.getByRole("button", { name: "Close" }).click();
  await page.getByRole("button", { name: "Failed", exact: true }).click();
  await until("only the failed one is shown", async () => (await page.locator(".cards > li").count()) === 1);
  await shows(page.locator(".cards"), "Row 4");
  await page.getByRole("button", { name: "All", exact: true }).click();
});

test("the report is downloaded with the key in a header", async () => {
  const [report] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Report (CSV)" }).click()]);
  assert.equal(fs.readFileSync(await report.path(), "utf8").trim().split("\r\n").length, 5);
});

test("a node is drained and undrained with a button", async () => {
  await page.getByRole("link", { name: "Nodes" }).click();
  const node = page.locator(".node");
  await shows(node, farm.node);
  await shows(node.locator(".badge"), "Ready");
  await shows(node, "0 of 1 slot busy");
  await shows(node, "libx264");
  await node.getByRole("button", { name: `Drain ${farm.node}` }).click();
  await shows(node.locator(".badge"), "Drained");
  const id = await farm.submit("Held up", [["City", SHORT, "city.jpg"]]);
  assert.equal((await farm.api("GET", "/nodes")).data[0].desired, "drain");
  await go(page, `#/jobs/${id}`);
  await shows(stateOf(page, ".panel"), "Pending");
  await go(page, "#/nodes");
  await node.getByRole("button", { name: `Undrain ${farm.node}` }).click();
  await shows(node.locator(".badge"), "Ready");
  await go(page, `#/jobs/${id}`);
  await shows(stateOf(page, ".panel"), "Completed");
});

test("a running item is seen on its node, and the job is canceled after a question", async () => {
  const id = await farm.submit("Too much", Array.from({ length: 12 }, (_, i) => [`Row ${i}`, LONG, "city.jpg"]));
  await go(page, "#/nodes");
  await page.getByRole("link", { name: /Row \d+ · Too much/ }).first().click();
  await page.getByRole("heading", { name: "Too much", level: 1 }).waitFor();
  await page.getByRole("button", { name: "Cancel", exact: true }).click();
  await page.getByRole("button", { name: "Keep it" }).click();
  assert.notEqual((await farm.api("GET", `/bulk-jobs/${id}`)).state, "canceled");
  await page.getByRole("button", { name: "Cancel", exact: true }).click();
  await page.getByRole("button", { name: "Cancel the job" }).click();
  await shows(stateOf(page, ".panel"), "Canceled");
  await shows(page.locator(".cards .badge"), "Canceled");
});

test("everything is within a keyboard's reach, and one sees where one is", async () => {
  const tab = await open();
  await tab.goto(farm.url + "/");
  await tab.getByLabel("API key").waitFor();
  await tab.keyboard.type(KEYS.operator);
  await tab.keyboard.press("Enter");
  await tab.getByRole("link", { name: "Spring garden" }).waitFor();
  const focused = () => tab.evaluate(() => {
    const element = document.activeElement;
    const rings = [getComputedStyle(element), getComputedStyle(element, "::after")];
    return { name: element.getAttribute("aria-label") ?? element.textContent.trim() ?? "", tag: element.tagName,
             ring: rings.some((style) => style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2) };
  });
  const walkTo = async (name, stops = 60) => {
    for (let i = 0; i < stops; ++i) {
      await tab.keyboard.press("Tab");
      const stop = await focused();
      // The player's own controls have a look of their own, and beyond the last stop is the browser.
      if (!["BODY", "VIDEO"].includes(stop.tag)) assert.ok(stop.ring, `no focus ring on ${stop.tag} "${stop.name}"`);
      if (stop.tag !== "BODY" && name.test(stop.name)) return stop;
    }
    return assert.fail(`the keyboard does not reach ${name}`);
  };
  await walkTo(/^Skip to content/);
  await tab.keyboard.press("Enter");
  assert.equal((await focused()).tag, "MAIN");
  await walkTo(/^Spring garden/);
  await tab.keyboard.press("Enter");
  await tab.getByRole("heading", { name: "Spring garden", level: 1 }).waitFor();
  await tab.locator(".cards > li").nth(3).waitFor();
  await walkTo(/^Row 2/);
  await tab.keyboard.press("Enter");
  await tab.getByRole("dialog").waitFor();
  for (let i = 0; i < 30; ++i) {
    await tab.keyboard.press("Tab");
    assert.ok(await tab.evaluate(() => document.activeElement === document.body || !!document.activeElement.closest("dialog")), "the dialog keeps the focus");
  }
  await tab.keyboard.press("Escape");
  assert.match((await focused()).name, /^Row 2/);
  await go(tab, "#/nodes");
  await tab.getByRole("heading", { name: "Nodes", level: 1 }).waitFor();
  await tab.locator(".node").waitFor();
  await walkTo(new RegExp(`^Drain ${farm.node}$`));
  await tab.keyboard.press("Space");
  await shows(tab.locator(".node .badge"), /Drain/);
  assert.match((await focused()).name, new RegExp(`^Undrain ${farm.node}$`));
  await tab.keyboard.press("Space");
  await shows(tab.locator(".node .badge"), "Ready");
  await tab.context().close();
});

for (const scheme of ["light", "dark"]) {
  for (const width of [1440, 390]) {
    test(`axe finds nothing in the ${scheme} views, ${width} pixels wide, and none scrolls sideways`, async () => {
      const tab = await open({ colorScheme: scheme, viewport: { width, height: 900 }, reducedMotion: "reduce" });
      const look = async (view) => {
        assert.deepEqual(await faults(tab), [], view);
        assert.ok(await tab.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${view} scrolls sideways`);
      };
      await tab.goto(farm.url + "/");
      await tab.getByLabel("API key").waitFor();
      await look("sign in");
      await signIn(tab);
      await tab.getByRole("link", { name: "Spring garden" }).waitFor();
      await look("jobs");
      await tab.getByRole("link", { name: "Spring garden" }).click();
      await tab.locator(".cards > li").nth(3).waitFor();
      await look("job");
      for (const row of [/Row 2/, /Row 4/]) {
        await tab.getByRole("button", { name: row }).click();
        await tab.getByRole("dialog").locator("dl").waitFor();
        await look(`item ${row}`);
        await tab.keyboard.press("Escape");
      }
      await go(tab, "#/nodes");
      await tab.locator(".node").waitFor();
      await look("nodes");
      await tab.context().close();
    });
  }
}

test("the scheme that is chosen here stays", async () => {
  const tab = await open({ colorScheme: "light" });
  await signIn(tab);
  const brightness = () => tab.evaluate(() => getComputedStyle(document.body).backgroundColor.match(/\d+/g).reduce((sum, part) => sum + Number(part), 0));
  assert.ok((await brightness()) > 600);
  await tab.getByLabel("Color scheme").selectOption("dark");
  assert.ok((await brightness()) < 150);
  await tab.reload();
  assert.ok((await brightness()) < 150);
  await tab.context().close();
});

test("a key without the scope sees no nodes", async () => {
  const tab = await open();
  await signIn(tab, KEYS.client);
  assert.equal(await tab.getByRole("link", { name: "Nodes" }).count(), 0);
  await go(tab, "#/nodes");
  await shows(tab.locator(".empty"), "nodes:read");
  await tab.getByRole("button", { name: "Sign out" }).click();
  await tab.getByLabel("API key").waitFor();
  assert.equal(await tab.evaluate(() => sessionStorage.length), 0);
  await tab.context().close();
});

test("a coordinator that is away is said to be, until it answers again", async () => {
  await go(page, "#/jobs");
  await page.getByRole("link", { name: "Spring garden" }).waitFor();
  await farm.stopCoordinator();
  await shows(page.locator("#away"), "The coordinator does not answer.");
  assert.ok(await page.getByRole("link", { name: "Spring garden" }).isVisible(), "what was known stays");
  await farm.startCoordinator();
  await page.locator("#away:empty").waitFor({ state: "attached" });
  const id = await farm.submit("After the outage", [["City", SHORT, "city.jpg"]]);
  await page.getByRole("link", { name: "After the outage" }).click();
  await shows(stateOf(page, ".panel"), "Completed");
  assert.equal((await farm.api("GET", `/bulk-jobs/${id}`)).items_completed, 1);
});

test("nothing was loaded from elsewhere, nothing complained, and no URL held the key", () => {
  const foreign = loaded.filter((url) => !url.startsWith(farm.url) && !url.startsWith("blob:") && !url.startsWith("data:"));
  assert.deepEqual(foreign, []);
  assert.deepEqual(loaded.filter((url) => url.includes("-key")), []);
  assert.deepEqual(complaints, []);
});
