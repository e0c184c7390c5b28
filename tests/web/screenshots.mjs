// docs/images/dashboard_*.png, of a farm that renders the samples. Usage: screenshots.mjs SOURCE BIN TOOLS OUT
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Farm, KEYS } from "./farm.mjs";

const [SOURCE, BIN, TOOLS, OUT] = process.argv.slice(2).map((name) => path.resolve(name));
const { chromium } = createRequire(TOOLS + "/")("playwright-core");
const TEMPLATE = { template: { template_id: "tpl_promotional", overrides: { style: "modern" } } };

const farm = new Farm(SOURCE, BIN, { templates: path.join(SOURCE, "templates"), node: "render-01", slots: 2 });
try {
  await farm.start();
  const sheet = fs.readFileSync(path.join(SOURCE, "templates/samples/sheets/promo.csv"), "utf8")
    .replaceAll("{{samples}}", `file://${path.join(SOURCE, "templates/samples")}`);
  farm.writeSheet("promo", sheet);
  const [head, ...rows] = sheet.trimEnd().split("\n");
  const small = { output: { format: "mp4", output_bucket: "videos", resolution: "480p" } };
  const job = (title, rest = {}) => farm.submitSheet(title, "promo", { ...TEMPLATE, ...small, ...rest });
  const done = await job("Halo speaker launch");
  for (;;) {
    const { state } = await farm.api("GET", `/bulk-jobs/${done}`);
    if (state === "completed" || state === "failed") break;
    await sleep(1000);
  }
  farm.writeSheet("many", [head, ...Array.from({ length: 4 }, () => rows.slice(0, 5)).flat()].join("\n") + "\n");
  const canceled = await job("Trial run");
  await farm.api("POST", `/bulk-jobs/${canceled}/cancel`);
  const paused = await job("Dealers, second wave", { priority: "low" });
  await farm.api("POST", `/bulk-jobs/${paused}/pause`);
  const running = await farm.submitSheet("Winter sale, all stores", "many", { ...TEMPLATE, ...small, priority: "high" });
  for (;;) {
    if ((await farm.api("GET", `/bulk-jobs/${running}`)).items_completed >= 6) break;
    await sleep(1000);
  }
  const browser = await chromium.launch({ executablePath: execFileSync("which", ["chromium-headless-shell"], { encoding: "utf8" }).trim(),
                                          args: ["--no-sandbox"] });
  const open = async (width, height, colorScheme) => {
    const context = await browser.newContext({ viewport: { width, height }, colorScheme });
    const page = await context.newPage();
    await page.goto(farm.url + "/");
    await page.getByLabel("API key").fill(KEYS.operator);
    await page.keyboard.press("Enter");
    await page.locator(".job").first().waitFor();
    return page;
  };
  const shoot = async (page, name) => {
    await sleep(1500);
    await page.screenshot({ path: path.join(OUT, `dashboard_${name}.png`) });
  };
  const visit = async (page, hash, wanted) => {
    await page.evaluate((to) => (location.hash = to), hash);
    await page.locator(wanted).first().waitFor();
  };
  for (const [prefix, width, height] of [["", 1280, 800], ["phone_", 390, 844]]) {
    for (const [suffix, scheme] of [["", "light"], ["_dark", "dark"]]) {
      const page = await open(width, height, scheme);
      await shoot(page, `${prefix}jobs${suffix}`);
      await visit(page, `#/jobs/${running}`, ".card img:not([hidden])");
      await shoot(page, `${prefix}job${suffix}`);
      await visit(page, "#/nodes", ".node .work li");
      await shoot(page, `${prefix}nodes${suffix}`);
      await visit(page, `#/jobs/${done}`, ".card img:not([hidden])");
      await page.getByRole("button", { name: /Row 2/ }).click();
      await page.locator("video track").waitFor({ state: "attached" });
      await page.evaluate(() => (document.querySelector("video").currentTime = 4));
      await shoot(page, `${prefix}player${suffix}`);
      await page.context().close();
    }
  }
  await browser.close();
} finally {
  await farm.stop();
}
