// story.mjs - a newcomer's first quarter of an hour, in a real browser.
//
//   node story.mjs DAEMON DIRECTORY
//
// Uploads a table, makes a network, trains it, watches the curve, kills the
// daemon and starts it again, sees the curve go on, asks for a prediction, pins a
// version.  Every page is looked at by axe, and pictured into DIRECTORY, in both
// themes and at the width of a phone.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism, loadavg } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const [daemonPath, directory] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const slow = Number(process.env.BP_SLOW ?? 1);
let steps = 0;

function step(text) {
  steps++;
  console.log(`ok ${steps} - ${text}`);
}

// --- the daemon

let daemon,
  port = 0;

async function start() {
  daemon = spawn(
    daemonPath,
    ["--listen", `127.0.0.1:${port}`, "--database", join(directory, "story.db"), "--log-level", "warn"],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const line = await new Promise((ok, fail) => {
    daemon.stdout.once("data", data => ok(String(data)));
    daemon.once("exit", code => fail(new Error(`the daemon ended with ${code}`)));
  });
  port = Number(/:(\d+)\s*$/.exec(line)[1]);
  return `http://127.0.0.1:${port}`;
}

async function end(signal) {
  if (daemon.exitCode !== null || daemon.signalCode !== null) return;
  const gone = new Promise(ok => daemon.once("exit", ok));
  daemon.kill(signal);
  await gone;
}

// --- the browser

/** Three kinds of flowers, one of them with markup in its name. */
function table() {
  const kinds = ["<b>setosa</b>", "versicolor", "virginica"],
    lines = ["length,width,colour,kind"];
  let seed = 7;
  const draw = () => (seed = (seed * 16807) % 2147483647) / 2147483647;
  for (let i = 0; i < 600; i++) {
    const k = i % 3;
    lines.push(
      [
        1 + 2 * k + 2 * draw(),
        3 - k / 2 + draw(),
        ["red", "white", "blue"][Math.floor(3 * draw())],
        kinds[k],
      ].join(","),
    );
  }
  return lines.join("\n") + "\n";
}

async function audit(page, name) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
  const bad = violations.filter(v => ["serious", "critical"].includes(v.impact));
  assert.deepEqual(
    bad.map(v => `${v.id}: ${v.nodes[0].html} ${v.nodes[0].any[0]?.message ?? ""}`),
    [],
    `axe on ${name}`,
  );
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(wide <= 0, `${name} is ${wide} pixels wider than the window`);
}

/** The same page light, dark and on a phone: for axe and for eyes. */
async function look(page, name) {
  for (const [how, width, height, colorScheme] of [
    ["light", 1280, 860, "light"],
    ["dark", 1280, 860, "dark"],
    ["phone", 390, 844, "dark"],
    ["phone-light", 390, 844, "light"],
  ]) {
    await page.setViewportSize({ width, height });
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await page.waitForFunction(w => innerWidth === w, width);
    await audit(page, `${name}, ${how}`);
    await page.screenshot({ path: join(directory, `${name}-${how}.png`), fullPage: how.startsWith("phone") });
  }
  await page.setViewportSize({ width: 1280, height: 860 });
  await page.emulateMedia({ colorScheme: "light" });
}

/** The last epoch the loss chart has drawn. */
function epochShown(page) {
  return page.evaluate(() =>
    Number(
      /at epoch (\d+)/.exec(
        document.querySelector('canvas[aria-label^="Loss by epoch"]')?.getAttribute("aria-label") ?? "",
      )?.[1] ?? 0,
    ),
  );
}

async function until(what, condition, seconds = 30) {
  const deadline = Date.now() + 1000 * seconds * slow;
  for (;;) {
    if (await condition()) return;
    assert.ok(Date.now() < deadline, `${what}: not within ${seconds} s`);
    await new Promise(wake => setTimeout(wake, 50));
  }
}

const median = list => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];

/**
 * The median of five measurements is below a limit.  Others may have the machine
 * just then: it is measured up to four times, and has to hold once.
 */
async function below(limit, what, measure) {
  let found;
  for (let i = 0; i < 4; i++) {
    const list = [];
    while (list.length < 5) list.push(await measure());
    found = median(list);
    if (found < limit * slow) return found;
  }
  assert.fail(`${what}: ${found.toFixed(1)}, not below ${limit * slow}`);
}

/** From navigation to the first page shown, in ms. */
async function usable(page, url) {
  await page.goto("about:blank");
  await page.goto(url);
  await page.waitForSelector("h1");
  return page.evaluate(() => performance.getEntriesByName("usable")[0].startTime);
}

/** All that a browser without a cache loads for a page, in bytes as they are in the program. */
async function weight(browser, url) {
  const page = await browser.newPage(),
    under = [];
  page.on("response", response => {
    const { pathname } = new URL(response.url());
    if (pathname === "/" || pathname.startsWith("/dashboard/")) under.push(response.body().then(b => b.length));
  });
  await page.goto(url);
  await page.waitForSelector("h1");
  const sizes = await Promise.all(under);
  await page.close();
  return sizes.reduce((a, b) => a + b, 0);
}

/**
 * The pointer over a chart and back.  work: processor time of the page's thread
 * for each step, in ms, whoever else has the machine; frame: time from one frame
 * to the next, but for the longest one in twenty; task: the longest one.
 */
async function sweep(page) {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send("Performance.enable", { timeDomain: "threadTicks" });
  const worked = async () =>
    1000 * (await cdp.send("Performance.getMetrics")).metrics.find(m => m.name === "TaskDuration").value;
  const before = await worked();
  const box = await page.locator('canvas[aria-label^="Loss by epoch"]').boundingBox();
  await page.evaluate(() => {
    window.frames_ = [];
    window.tasks_ = [];
    window.watcher_ = new PerformanceObserver(list => {
      for (const task of list.getEntries()) window.tasks_.push(task.duration);
    });
    window.watcher_.observe({ type: "longtask" });
    let last = performance.now();
    window.sweeping_ = true;
    requestAnimationFrame(function frame(now) {
      window.frames_.push(now - last);
      last = now;
      if (window.sweeping_) requestAnimationFrame(frame);
    });
  });
  const y = box.y + box.height / 2;
  await page.mouse.move(box.x + 60, y);
  await page.mouse.move(box.x + box.width - 20, y, { steps: 60 });
  await page.mouse.move(box.x + 60, y, { steps: 60 });
  const work = ((await worked()) - before) / 120;
  const { frame, task } = await page.evaluate(() => {
    window.sweeping_ = false;
    window.watcher_.disconnect();
    const frames = window.frames_.sort((a, b) => a - b);
    return { frame: frames[Math.floor(0.95 * frames.length)], task: Math.max(0, ...window.tasks_) };
  });
  await cdp.detach();
  return { work, frame, task };
}

/** A job of a hundred thousand epochs: its page is there soon, and stays smooth. */
async function longHistory(page, url) {
  const send = async (method, path, body, type = "application/json") => {
    const answer = await fetch(url + path, { method, body, headers: { "Content-Type": type } });
    assert.ok(answer.ok, `${path}: ${answer.status}`);
    return answer.json();
  };
  await send("PUT", "/v1/datasets/xor", "a,b,c\n0,0,0\n0,1,1\n1,0,1\n1,1,0\n", "text/csv");
  const dense = units => ({ type: "dense", units, activation: "sigmoid" });
  const layers = [dense(2), dense(1)];
  await send("POST", "/v1/networks", JSON.stringify({ name: "xor", input_shape: [2], layers, loss: "squared_error" }));
  const spec = { network: "xor", dataset: "xor", epochs: 100000, batch_size: "full", validation: { dataset: "xor" } };
  const { id } = await send("POST", "/v1/jobs", JSON.stringify(spec));
  await until("100,000 epochs", async () => (await (await fetch(`${url}/v1/jobs/${id}`)).json()).status === "succeeded", 120);

  const times = [];
  while (times.length < 5) {
    await page.goto("about:blank");
    await page.goto(`${url}/#/jobs/${id}`);
    await page.waitForSelector("h1");
    await until("the whole curve", async () => (await epochShown(page)) === 100000);
    times.push(await page.evaluate(() => performance.getEntriesByName("usable")[0].startTime));
  }
  const shown = median(times);
  const sweeps = [];
  const work = await below(8, "ms of work for a step of the pointer", async () => {
    sweeps.push(await sweep(page));
    return sweeps.at(-1).work;
  });
  const frame = median(sweeps.map(s => s.frame)),
    task = median(sweeps.map(s => s.task));
  // These tell of the machine too, and say nothing where others have it.
  if (loadavg()[0] < availableParallelism()) {
    assert.ok(shown < 500 * slow, `shown after ${shown} ms`);
    assert.ok(frame < 34 * slow, `${frame} ms between frames`);
    assert.ok(task < 100 * slow, `a task of ${task} ms`);
  }
  step(
    `100,000 epochs: shown after ${Math.round(shown)} ms, then ${work.toFixed(1)} ms of work a step, a frame within ${frame.toFixed(1)} ms, ` +
      `the longest task ${task < 50 ? "below 50" : Math.round(task)} ms`,
  );
}

/** The API's own description, by two linters. */
async function lint(url) {
  const file = join(directory, "openapi.json"),
    bin = fileURLToPath(new URL("node_modules/.bin/", import.meta.url));
  writeFileSync(file, Buffer.from(await (await fetch(`${url}/openapi.json`)).arrayBuffer()));
  writeFileSync(join(directory, "spectral.yaml"), 'extends: ["spectral:oas"]\n');
  for (const [name, ...words] of [
    ["redocly", "lint", "--max-problems=50"],
    ["spectral", "lint", "--fail-severity=warn", "--ruleset", join(directory, "spectral.yaml")],
  ]) {
    const { status, stdout, stderr } = spawnSync(join(bin, name), [...words, file], {
      encoding: "utf8",
      env: { ...process.env, REDOCLY_TELEMETRY: "off", REDOCLY_SUPPRESS_UPDATE_NOTICE: "true" },
    });
    assert.equal(status, 0, `${name}: ${stdout}${stderr}`);
    assert.doesNotMatch(stdout + stderr, /Warning was generated/, `${name} warns`);
    step(`${name} finds nothing wrong with /openapi.json`);
  }
}

async function story(page, url) {
  await page.goto(url);
  await page.waitForSelector("h1");
  const ms = await below(300, "ms until the dashboard is usable", () => usable(page, url));
  step(`the dashboard is usable ${Math.round(ms)} ms after navigation`);
  const bytes = await weight(page.context().browser(), url);
  assert.ok(bytes > 50000 && bytes < 250 * 1024, `${bytes} bytes`);
  step(`it is ${(bytes / 1024).toFixed(1)} KiB in all`);
  assert.match(await page.textContent("main"), /curl -T/);
  await look(page, "overview-empty");
  step("an empty daemon says what to do, with the line to type");

  await page.click("nav >> text=Datasets");
  await page.setInputFiles("input[type=file]", {
    name: "Flowers 2026.csv",
    mimeType: "text/csv",
    buffer: Buffer.from(table()),
  });
  assert.equal(await page.inputValue("label:has-text('Name') input"), "flowers-2026");
  await page.click("button:has-text('Upload')");
  await page.waitForSelector("h1:has-text('flowers-2026')");
  assert.match(await page.textContent("main"), /<b>setosa<\/b>/);
  assert.equal(await page.locator("main b").count(), 0);
  await look(page, "dataset");
  step("a CSV is uploaded, and markup in it stays text");

  await page.click("text=New network for it");
  await page.waitForSelector("h1:has-text('New network')");
  const units = page.locator("label:has-text('units') input").first();
  await units.fill("0");
  await page.fill("label:has-text('Name') input", "Flowers!");
  await page.click("button:has-text('Make this network')");
  await page.waitForSelector(".mistake:visible");
  assert.equal(await page.locator("[aria-invalid=true]").count(), 2);
  await look(page, "network-form");
  step("what is wrong stands at the member that is wrong, all of it");
  await page.fill("label:has-text('Name') input", "flowers");
  await units.fill("48");
  await page.click("button:has-text('Make this network')");
  await page.waitForSelector("h1:has-text('New job')");
  step("a network is made from the data");

  await page.fill("label:has-text('Epochs') input", "1000000");
  await page.fill("label:has-text('Seconds') input", String(15 * slow));
  await page.fill("label:has-text('Batch size') input", "16");
  await look(page, "job-form");
  await page.click("button:has-text('Start training')");
  await page.waitForSelector("h1:has-text('Job 1')");
  await until("the curve begins", async () => (await epochShown(page)) > 0);
  const first = await epochShown(page);
  await until("the curve moves", async () => (await epochShown(page)) > first);
  step("a job is started and its curve moves");

  await page.evaluate(() => {
    window.neverReloaded = true;
  });
  await end("SIGKILL");
  await page.waitForSelector("#link.down");
  const before = await epochShown(page);
  step(`the daemon is killed at epoch ${before} and the page says so`);
  await start();
  await page.waitForSelector("#link.up");
  await until("the curve goes on", async () => (await epochShown(page)) > before);
  assert.equal(await page.evaluate(() => window.neverReloaded), true);
  step("the daemon is back, and the curve goes on without a reload");
  await look(page, "job");
  await page.waitForSelector(".chip.succeeded", { timeout: 60000 * slow });
  await look(page, "job-done");
  step("the job succeeds");

  await page.click("text=Try it");
  await page.waitForSelector("h1:has-text('flowers')");
  await page.fill("label:has-text('length') input", "6.5");
  await page.fill("label:has-text('width') input", "2.2");
  await until("an answer", async () =>
    /virginica/.test(
      await page
        .locator(".answer")
        .textContent()
        .catch(() => ""),
    ),
  );
  step("a prediction by the names of the columns");
  await page.click("button:has-text('Evaluate')");
  await page.waitForSelector("text=Confusion matrix");
  step("an evaluation with its confusion matrix");
  await page.click("[aria-label='Pin version 0']");
  await page.waitForSelector("text=Predictions come from version 0, pinned.");
  await page.click("[aria-label='Pin version 1']");
  await page.waitForSelector("text=Predictions come from version 1, pinned.");
  step("a version is pinned");
  await look(page, "network");

  await longHistory(page, url);
  await look(page, "job-long");

  await page.goto(`${url}/#/`);
  await page.waitForSelector("text=Recent jobs");
  await look(page, "overview");
  await page.click("nav >> text=Settings");
  await page.waitForSelector("h1:has-text('Settings')");
  await look(page, "settings");
  step("overview and settings");
  await page.goto(`${url}/docs`);
  await page.waitForSelector("h1:has-text('The API')");
  await look(page, "docs");
  step("the API explains itself, offline");
}

rmSync(directory, { recursive: true, force: true });
mkdirSync(directory, { recursive: true });
const url = await start();
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
});
try {
  const page = await (await browser.newContext({ viewport: { width: 1280, height: 860 } })).newPage();
  const wrong = [];
  page.on("pageerror", e => wrong.push(String(e)));
  page.on("console", m => {
    if (m.type() === "error" && !/Failed to load resource|ERR_/.test(m.text())) wrong.push(m.text());
  });
  page.setDefaultTimeout(20000 * slow);
  await lint(url);
  await story(page, url);
  assert.deepEqual(wrong, [], "errors in the browser");
  console.log(`1..${steps}\n${steps} passed in the browser`);
} finally {
  await browser.close();
  await end("SIGTERM");
}
