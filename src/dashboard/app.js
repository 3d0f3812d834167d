// app.js - which page is shown, and how the frame around it looks.

import { h, replace } from "./dom.js";
import { watchLink } from "./api.js";
import { overview } from "./overview.js";
import { jobList, jobPage } from "./jobs.js";
import { newJob } from "./newjob.js";
import { networkList, networkPage } from "./networks.js";
import { newNetwork } from "./newnetwork.js";
import { datasetList, datasetPage } from "./datasets.js";
import { settings } from "./settings.js";

const pages = [
  [/^\/$/, "overview", overview],
  [/^\/jobs$/, "jobs", jobList],
  [/^\/jobs\/new$/, "jobs", newJob],
  [/^\/jobs\/(\d+)$/, "jobs", jobPage],
  [/^\/networks$/, "networks", networkList],
  [/^\/networks\/new$/, "networks", newNetwork],
  [/^\/networks\/name\/([^/]+)$/, "networks", networkPage],
  [/^\/datasets$/, "datasets", datasetList],
  [/^\/datasets\/name\/([^/]+)$/, "datasets", datasetPage],
  [/^\/settings$/, "settings", settings],
];

const main = document.getElementById("main"),
  link = document.getElementById("link");
let leave = new AbortController();

watchLink(up => {
  link.className = `link ${up ? "up" : "down"}`;
  link.textContent = up ? "Connected" : "Daemon not reachable, trying again…";
});

/** A page gets where to put itself, what the address says, and a signal of its end. */
async function show() {
  const [path, query = ""] = (location.hash.slice(1) || "/").split("?");
  leave.abort();
  leave = new AbortController();
  const { signal } = leave,
    params = new URLSearchParams(query);
  const found = pages.map(([pattern, nav, page]) => [pattern.exec(path), nav, page]).find(([match]) => match);
  for (const a of document.querySelectorAll("[data-nav]"))
    a.dataset.nav === found?.[1] ? a.setAttribute("aria-current", "page") : a.removeAttribute("aria-current");
  const body = h("div.page");
  try {
    if (!found) throw new Error(`There is no page at ${path}.`);
    await found[2]({ body, args: found[0].slice(1).map(decodeURIComponent), params, signal });
  } catch (problem) {
    replace(
      body,
      h("h1", problem.status === 404 ? "There is no such thing" : "This page cannot be shown"),
      h("div.notice.bad", h("p", problem.message)),
      [401, 403].includes(problem.status)
        ? h("p", "A key is needed here: give it in the ", h("a", { href: "#/settings" }, "settings"), ".")
        : null,
      h("p", h("a", { href: "#/" }, "Back to the overview")),
    );
    if (!("status" in problem)) console.error(problem);
  }
  if (signal.aborted) return;
  replace(main, body);
  performance.mark("usable");
  document.title = `${body.querySelector("h1")?.textContent ?? "backpropd"} – backpropd`;
  if (show.again) main.focus({ preventScroll: true });
  show.again = true;
  scrollTo(0, 0);
}

const theme = localStorage.getItem("theme");
if (theme) document.documentElement.dataset.theme = theme;
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () =>
  document.dispatchEvent(new Event("themechange")),
);
addEventListener("hashchange", show);
show();
