// networks.js - the list of networks, and one network with its versions.

import { h, replace, table, code, count, figure, percent, bytes, when, toast } from "./dom.js";
import { get, download, all, post, remove, stream } from "./api.js";
import { drawLayers } from "./layers.js";
import { tryIt } from "./tryit.js";
import { evaluation } from "./evaluate.js";

export async function networkList({ body }) {
  const networks = await all("/v1/networks");
  body.append(
    h(
      "div.head",
      h("h1", "Networks"),
      h("div.actions", h("a.button.primary", { href: "#/networks/new" }, "New network")),
    ),
    h(
      "section.card",
      networks.length
        ? table(
            ["Name", "Input", "Output", "Layers", ">Parameters", ">Serves", "Made"],
            networks.map(n =>
              h(
                "tr",
                h("td.name", h("a", { href: `#/networks/name/${n.name}` }, n.name)),
                h("td", n.input_shape.join(" × ")),
                h("td", n.output_shape.join(" × ")),
                h("td", n.layers.map(l => l.type).join(", ")),
                h("td.r", count(n.parameters)),
                h("td.r", `version ${n.serving_version ?? n.latest_version}`),
                h("td.soft", when(n.created_at)),
              ),
            ),
          )
        : h(
            "div.empty",
            h("p", "There are no networks yet. Make one from a dataset with the button above, or:"),
            code(
              `curl -H 'Content-Type: application/json' ${location.origin}/v1/networks -d '{"name": "xor", "input_shape": [2], "loss": "cross_entropy", "layers": [{"type": "dense", "units": 8, "activation": "tanh"}, {"type": "dense", "units": 2, "activation": "softmax"}]}'`,
            ),
          ),
    ),
  );
}

export async function networkPage({ body, args: [name], signal }) {
  const at = `/v1/networks/${encodeURIComponent(name)}`;
  const net = await get(at),
    versionsBox = h("section.card"),
    tryBox = h("div"),
    evalBox = h("section.card");
  body.append(
    h(
      "div.head",
      h(
        "div",
        h("p.crumb", h("a", { href: "#/networks" }, "Networks")),
        h("h1", name),
        h(
          "p.soft",
          `${net.input_shape.join(" × ")} → ${net.output_shape.join(" × ")} · ${count(net.parameters)} parameters · loss ${typeof net.loss === "object" ? net.loss.type : net.loss}`,
        ),
      ),
      h(
        "div.actions",
        h("a.button.primary", { href: `#/jobs/new?network=${name}` }, "Train"),
        h(
          "button.danger",
          {
            type: "button",
            onclick: async () => {
              if (confirm(`Delete ${name} and all its versions?`))
                try {
                  await remove(at);
                  location.hash = "#/networks";
                } catch (p) {
                  toast(p.message);
                }
            },
          },
          "Delete",
        ),
      ),
    ),
    h("section.card", h("h2", "Layers"), drawLayers(net)),
    tryBox,
    versionsBox,
    evalBox,
    h(
      "section.card",
      h("h2", "Layer by layer"),
      table(
        ["#", "Type", "Settings", "Output", ">Parameters"],
        net.layers.map((l, i) =>
          h(
            "tr",
            h("td", i),
            h("td.name", l.type),
            h(
              "td.soft",
              Object.entries(l)
                .filter(([k, v]) => !["type", "output_shape", "parameters"].includes(k) && v !== null && v !== 0)
                .map(([k, v]) => `${k.replaceAll("_", " ")} ${typeof v === "object" ? JSON.stringify(v) : v}`)
                .join(", "),
            ),
            h("td", l.output_shape?.join(" × ")),
            h("td.r", count(l.parameters)),
          ),
        ),
      ),
    ),
  );

  const refresh = async () => {
    const [now, versions] = await Promise.all([get(at), all(`${at}/versions`)]);
    showVersions(versionsBox, at, now, versions.reverse(), refresh);
    const serving = versions.find(v => v.version === (now.serving_version ?? now.latest_version));
    if (serving?.version !== refresh.version) {
      refresh.version = serving?.version;
      replace(tryBox, await tryIt(now, serving));
      await evaluation(evalBox, now, serving);
    }
  };
  await refresh();
  stream("/v1/events?types=status", signal, (event, data) => {
    if (event === "status" && data.status === "succeeded") refresh().catch(() => {});
  });
}

function showVersions(box, at, net, versions, refresh) {
  const measures = ["loss", "val_loss", "accuracy", "val_accuracy"].filter(m =>
    versions.some(v => v.metrics?.[m] != null),
  );
  const serving = net.serving_version ?? net.latest_version;
  const pin = async version => {
    try {
      await post(at, { serving_version: version }, "PATCH");
      await refresh();
    } catch (p) {
      toast(p.message);
    }
  };
  const best = m => {
    const all = versions.map(v => v.metrics?.[m]).filter(x => x != null);
    return m.includes("loss") ? Math.min(...all) : Math.max(...all);
  };
  const previous = versions.find(v => v.version < serving);
  replace(
    box,
    h(
      "div.cardhead",
      h("h2", "Versions"),
      h(
        "div.row",
        h(
          "span.fine",
          net.pinned
            ? `Predictions come from version ${serving}, pinned.`
            : `Predictions follow the latest, version ${serving}.`,
        ),
        previous
          ? h(
              "button.small",
              { type: "button", onclick: () => pin(previous.version) },
              `Roll back to ${previous.version}`,
            )
          : null,
        net.pinned
          ? h("button.small", { type: "button", onclick: () => pin(null) }, "Follow the latest")
          : null,
      ),
    ),
    table(
      [
        "Version",
        "From",
        ...measures.map(m => `>${m.replace("val_", "validation ").replaceAll("_", " ")}`),
        ">Size",
        "Made",
        "Digest",
        "",
      ],
      versions.map(v =>
        h(
          "tr",
          h(
            "td.name",
            String(v.version),
            " ",
            v.version === serving ? h("span.chip.succeeded", net.pinned ? "pinned" : "serves") : null,
          ),
          h(
            "td",
            v.job
              ? h("a", { href: `#/jobs/${v.job}` }, `job ${v.job}`)
              : v.version === 0
                ? "initial weights"
                : "upload",
            v.dataset ? [" on ", h("a", { href: `#/datasets/name/${v.dataset}` }, v.dataset)] : null,
          ),
          measures.map(m => {
            const x = v.metrics?.[m];
            return h(
              "td.r",
              x == null
                ? "–"
                : [
                    m.includes("accuracy") ? percent(x) : figure(x),
                    versions.length > 2 && x === best(m) ? h("span", { title: "the best" }, " ★") : null,
                  ],
            );
          }),
          h("td.r", bytes(v.bytes)),
          h("td.soft", when(v.created_at)),
          h("td.fine.mono", { title: v.sha256 }, v.sha256.slice(0, 10)),
          h(
            "td",
            h(
              "div.row",
              v.version === serving && net.pinned
                ? null
                : h(
                    "button.small",
                    {
                      type: "button",
                      onclick: () => pin(v.version),
                      "aria-label": `Pin version ${v.version}`,
                    },
                    "Pin",
                  ),
              h(
                "button.small",
                {
                  type: "button",
                  onclick: () =>
                    download(`${at}/versions/${v.version}/weights`, `${net.name}-${v.version}.json`).catch(
                      p => toast(p.message),
                    ),
                  "aria-label": `Download the weights of version ${v.version}`,
                },
                "Weights",
              ),
            ),
          ),
        ),
      ),
    ),
  );
}
