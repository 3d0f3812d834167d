// settings.js - what this browser remembers: how it looks, and the key it shows.

import { h, replace, facts, table, code, bytes, ago, when, toast } from "./dom.js";
import { all, maybe, metrics, post, remove } from "./api.js";
import { Form, select } from "./form.js";

export async function settings({ body }) {
  // Without a key there may be nothing to tell, and here is where one is given.
  const [known, keys] = await Promise.all([metrics().catch(() => null), keysCard().catch(() => null)]);
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
      keys,
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

/** The daemon's keys, for who may see them. */
async function keysCard() {
  if (!(await maybe("/v1/keys?limit=1"))) return null;
  const list = h("div"),
    made = h("div", { role: "status" }),
    form = new Form();
  const name = h("input", { placeholder: "laptop", autocomplete: "off", spellcheck: false }),
    scope = select(["predict", "train", "admin"], "train"),
    button = h("button", "Make a key");
  const refresh = async () => {
    const keys = await all("/v1/keys");
    replace(
      list,
      keys.length
        ? table(
            ["Name", "Scope", "Made", ""],
            keys.map(k =>
              h(
                "tr",
                h("td.name", k.name),
                h("td", k.scope),
                h("td.soft", when(k.created_at)),
                h(
                  "td.r",
                  h(
                    "button.small.danger",
                    {
                      type: "button",
                      "aria-label": `Revoke the key ${k.name}`,
                      onclick: async () => {
                        if (!confirm(`Revoke the key ${k.name}? Who uses it is locked out at once.`)) return;
                        await remove(`/v1/keys/${encodeURIComponent(k.name)}`).catch(p => toast(p.message));
                        await refresh();
                      },
                    },
                    "Revoke",
                  ),
                ),
              ),
            ),
          )
        : h("p.soft", "There are none. Whoever reaches this daemon may do everything, if it listens without keys."),
    );
  };
  await refresh();
  return h(
    "section.card",
    h("h2", "The daemon's keys"),
    h(
      "form.stack",
      {
        style: { gap: "12px" },
        onsubmit: e => {
          e.preventDefault();
          form.submit(
            button,
            () => post("/v1/keys", { name: name.value.trim(), scope: scope.value }),
            key => {
              name.value = "";
              replace(made, h("p.fine", `The key ${key.name}, shown this once:`), code(key.key));
              refresh().catch(() => {});
            },
          );
        },
      },
      list,
      form.general,
      h("div.fields", form.field("/name", "Name", name), form.field("/scope", "May", scope)),
      made,
      h("div.row", button),
    ),
  );
}
