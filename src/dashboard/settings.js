// settings.js - what this browser remembers: how it looks, and the key it shows.

import { h, facts, bytes, ago } from "./dom.js";
import { metrics } from "./api.js";

export async function settings({ body }) {
  // Without a key there may be nothing to tell, and here is where one is given.
  const known = await metrics().catch(() => null);
  const { found, sum } = known ?? { found: [], sum: () => 0 };
  const build = found.find(m => m.name === "backpropd_build_info")?.labels ?? {};
  const choose = value => {
    value ? localStorage.setItem("theme", value) : localStorage.removeItem("theme");
    value ? (document.documentElement.dataset.theme = value) : delete document.documentElement.dataset.theme;
    for (const b of seg.children) b.setAttribute("aria-pressed", String(b.value === value));
    document.dispatchEvent(new Event("themechange"));
  };
  const seg = h(
    "div.seg",
    { role: "group", "aria-label": "Theme" },
    [
      ["", "As the system"],
      ["light", "Light"],
      ["dark", "Dark"],
    ].map(([value, name]) =>
      h(
        "button",
        {
          type: "button",
          value,
          "aria-pressed": String((localStorage.getItem("theme") ?? "") === value),
          onclick: () => choose(value),
        },
        name,
      ),
    ),
  );
  const key = h("input", {
    type: "password",
    autocomplete: "off",
    value: sessionStorage.getItem("key") ?? "",
    placeholder: "none needed on this machine's own address",
  });
  body.append(
    h("h1", "Settings"),
    h(
      "div.cols",
      h("section.card", h("h2", "How it looks"), seg),
      h(
        "section.card",
        h("h2", "Key"),
        h(
          "form.stack",
          {
            onsubmit: e => {
              e.preventDefault();
              key.value ? sessionStorage.setItem("key", key.value) : sessionStorage.removeItem("key");
              saved.textContent = "Kept until this tab is closed.";
            },
          },
          h("label", "API key, sent as Authorization: Bearer", key),
          h("div.row", h("button.primary", "Use this key"), saved),
        ),
      ),
      h(
        "section.card",
        h("h2", "This daemon"),
        facts([
          ["Version", build.version],
          ["Kernels", build.kernel],
          ["Started", known && ago(new Date(1000 * sum("process_start_time_seconds")).toISOString())],
          [
            "Memory",
            known &&
              `${bytes(sum("process_resident_memory_bytes"))} resident, ${bytes(sum("backpropd_memory_limit_bytes"))} for jobs and models`,
          ],
          [
            "For programs",
            [
              h("a", { href: "/openapi.json" }, "/openapi.json"),
              ", ",
              h("a", { href: "/docs" }, "/docs"),
              ", ",
              h("a", { href: "/metrics" }, "/metrics"),
            ],
          ],
        ]),
      ),
    ),
  );
}
const saved = h("span.fine", { role: "status" });
