// networks.js - the list of networks, one network with its versions, and a new one.

import { h, replace, chip, facts, table, code, compact, count, figure, percent, bytes, when, toast } from "./dom.js";
import { get, all, post, remove, maybe, stream } from "./api.js";
import { drawLayers } from "./layers.js";
import { tryIt } from "./tryit.js";
import { evaluation } from "./evaluate.js";
import { Form, select, number, said, unset } from "./form.js";

export async function networkList({ body }) {
  const networks = await all("/v1/networks");
  body.append(h("div.head", h("h1", "Networks"), h("div.actions", h("a.button.primary", { href: "#/networks/new" }, "New network"))),
    h("section.card", networks.length ? table(["Name", "Input", "Output", "Layers", ">Parameters", ">Serves", "Made"], networks.map(n => h("tr",
      h("td.name", h("a", { href: `#/networks/name/${n.name}` }, n.name)), h("td", n.input_shape.join(" × ")), h("td", n.output_shape.join(" × ")),
      h("td", n.layers.map(l => l.type).join(", ")), h("td.r", count(n.parameters)), h("td.r", `version ${n.serving_version ?? n.latest_version}`), h("td.soft", when(n.created_at)))))
      : h("div.empty", h("p", "There are no networks yet. Make one from a dataset with the button above, or:"),
        code(`curl -H 'Content-Type: application/json' ${location.origin}/v1/networks -d '{"name": "xor", "input_shape": [2], "loss": "cross_entropy", "layers": [{"type": "dense", "units": 8, "activation": "tanh"}, {"type": "dense", "units": 2, "activation": "softmax"}]}'`))));
}

export async function networkPage({ body, args: [name], signal }) {
  const at = `/v1/networks/${encodeURIComponent(name)}`;
  const net = await get(at), versionsBox = h("section.card"), tryBox = h("div"), evalBox = h("section.card");
  body.append(h("div.head", h("div", h("p.crumb", h("a", { href: "#/networks" }, "Networks")), h("h1", name),
    h("p.soft", `${net.input_shape.join(" × ")} → ${net.output_shape.join(" × ")} · ${count(net.parameters)} parameters · loss ${typeof net.loss === "object" ? net.loss.type : net.loss}`)),
  h("div.actions", h("a.button.primary", { href: `#/jobs/new?network=${name}` }, "Train"),
    h("button.danger", { type: "button", onclick: async () => { if (confirm(`Delete ${name} and all its versions?`)) try { await remove(at); location.hash = "#/networks"; } catch (p) { toast(p.message); } } }, "Delete"))),
  h("section.card", h("h2", "Layers"), drawLayers(net)),
  tryBox, versionsBox, evalBox,
  h("section.card", h("h2", "Layer by layer"), table(["#", "Type", "Settings", "Output", ">Parameters"], net.layers.map((l, i) => h("tr", h("td", i), h("td.name", l.type),
    h("td.soft", Object.entries(l).filter(([k, v]) => !["type", "output_shape", "parameters"].includes(k) && v !== null).map(([k, v]) => `${k.replaceAll("_", " ")} ${typeof v === "object" ? JSON.stringify(v) : v}`).join(", ")),
    h("td", l.output_shape?.join(" × ")), h("td.r", count(l.parameters)))))));

  const refresh = async () => {
    const [now, versions] = await Promise.all([get(at), all(`${at}/versions`)]);
    showVersions(versionsBox, at, now, versions.reverse(), refresh);
    const serving = versions.find(v => v.version === (now.serving_version ?? now.latest_version));
    if (serving?.version !== refresh.version) { refresh.version = serving?.version; replace(tryBox, await tryIt(now, serving)); await evaluation(evalBox, now, serving); }
  };
  await refresh();
  stream("/v1/events", signal, (event, data) => { if (event === "status" && data.status === "succeeded") refresh().catch(() => {}); });
}

function showVersions(box, at, net, versions, refresh) {
  const measures = ["loss", "val_loss", "accuracy", "val_accuracy"].filter(m => versions.some(v => v.metrics?.[m] != null));
  const serving = net.serving_version ?? net.latest_version;
  const pin = async version => { try { await post(at, { serving_version: version }, "PATCH"); await refresh(); } catch (p) { toast(p.message); } };
  const best = m => { const all = versions.map(v => v.metrics?.[m]).filter(x => x != null); return m.includes("loss") ? Math.min(...all) : Math.max(...all); };
  const previous = versions.find(v => v.version < serving);
  replace(box, h("div.cardhead", h("h2", "Versions"), h("div.row",
    h("span.fine", net.pinned ? `Predictions come from version ${serving}, pinned.` : `Predictions follow the latest, version ${serving}.`),
    previous ? h("button.small", { type: "button", onclick: () => pin(previous.version) }, `Roll back to ${previous.version}`) : null,
    net.pinned ? h("button.small", { type: "button", onclick: () => pin(null) }, "Follow the latest") : null)),
  table(["Version", "From", ...measures.map(m => `>${m.replace("val_", "validation ").replaceAll("_", " ")}`), ">Size", "Made", "Digest", ""], versions.map(v => h("tr",
    h("td.name", String(v.version), " ", v.version === serving ? h("span.chip.succeeded", net.pinned ? "pinned" : "serves") : null),
    h("td", v.job ? h("a", { href: `#/jobs/${v.job}` }, `job ${v.job}`) : v.version === 0 ? "initial weights" : "upload", v.dataset ? [" on ", h("a", { href: `#/datasets/name/${v.dataset}` }, v.dataset)] : null),
    measures.map(m => { const x = v.metrics?.[m]; return h("td.r", x == null ? "–" : [m.includes("accuracy") ? percent(x) : figure(x), versions.length > 2 && x === best(m) ? h("span", { title: "the best" }, " ★") : null]); }),
    h("td.r", bytes(v.bytes)), h("td.soft", when(v.created_at)), h("td.fine.mono", { title: v.sha256 }, v.sha256.slice(0, 10)),
    h("td", h("div.row", v.version === serving && net.pinned ? null : h("button.small", { type: "button", onclick: () => pin(v.version), "aria-label": `Pin version ${v.version}` }, "Pin"),
      h("a.button.small", { href: `${at}/versions/${v.version}/weights`, download: `${net.name}-${v.version}.json`, "aria-label": `Download the weights of version ${v.version}` }, "Weights")))))));
}

// --- a new one, from the data

const members = {
  dense: { units: 32, activation: "relu" }, dropout: { rate: 0.2 }, activation: { activation: "relu" }, batch_norm: {}, layer_norm: {}, flatten: {},
  conv2d: { filters: 16, kernel_size: 3, activation: "relu" }, max_pool2d: { pool_size: 2 }, avg_pool2d: { pool_size: 2 }, global_avg_pool: {},
};
const activations = ["linear", "sigmoid", "tanh", "relu", "leaky_relu", "elu", "gelu", "silu", "softplus", "softsign", "softmax"];
const losses = ["cross_entropy", "binary_cross_entropy", "mse", "squared_error", "mae", "huber"];

/** Sensible for this data: as wide as it is, no deeper than it needs. */
function suggestion(data) {
  const inputs = data.input_shape.reduce((a, b) => a * b, 1), classes = data.classes?.length ?? 0;
  const wide = Math.min(128, Math.max(8, 2 ** Math.round(Math.log2(Math.sqrt(inputs) * 4))));
  const hidden = [{ type: "dense", units: wide, activation: "relu" }, ...(data.rows > 500 ? [{ type: "dense", units: Math.max(8, wide / 2), activation: "relu" }] : [])];
  if (data.rows < 50) hidden[0].activation = "tanh";
  const out = data.task === "classification" ? { type: "dense", units: Math.max(2, classes), activation: "softmax" } : { type: "dense", units: data.target?.length ?? 1, activation: "linear" };
  return { input_shape: [inputs], layers: [...hidden, out], loss: data.task === "classification" ? "cross_entropy" : "mse" };
}

export async function newNetwork({ body, params }) {
  const [datasets, networks] = await Promise.all([all("/v1/datasets"), all("/v1/networks")]), form = new Form();
  const from = select([["", "nothing: I know its shape"], ...datasets.map(d => d.name)], params.get("dataset") ?? datasets.at(-1)?.name ?? "", () => fill());
  const name = h("input", { placeholder: "my-network", autocomplete: "off", spellcheck: false }), shape = h("input", { placeholder: "4, or 1 28 28", inputMode: "numeric" });
  const loss = select(losses, "cross_entropy"), seed = number(1), rows = h("div"), button = h("button.primary", "Make this network");
  const json = h("textarea", { rows: 10, spellcheck: false, "aria-label": "The body as JSON" });
  let suggested = "", layers = [{ type: "dense", units: 8, activation: "relu" }];

  const spec = () => unset({ name: name.value.trim(), input_shape: shape.value.trim().split(/[^0-9]+/).filter(Boolean).map(Number), layers: layers.map(l => ({ ...l })), loss: loss.value, seed: said(seed) });
  const showJson = () => { json.value = JSON.stringify(spec(), null, 2); };
  const draw = () => {
    for (const pointer of [...form.fields.keys()]) if (pointer.startsWith("/layers/")) form.fields.delete(pointer);
    replace(rows, layers.map((layer, i) => {
      const type = select(Object.keys(members), layer.type, () => { layers[i] = { type: type.value, ...members[type.value] }; draw(); });
      const fields = Object.keys(members[layer.type] ?? {}).map(m => {
        const control = m === "activation" ? select(activations, layer[m], () => { layer[m] = control.value; showJson(); }) : number(layer[m], { oninput: () => { layer[m] = said(control); showJson(); } });
        return form.field(`/layers/${i}/${m}`, m.replaceAll("_", " "), control);
      });
      return h("div.layerrow", form.field(`/layers/${i}`, `Layer ${i}`, type), h("div.fields", fields),
        h("button.small", { type: "button", "aria-label": `Remove layer ${i}`, onclick: () => { layers.splice(i, 1); draw(); } }, "×"));
    }));
    showJson();
  };
  const fill = () => {
    const data = datasets.find(d => d.name === from.value);
    if (data) {
      const s = suggestion(data);
      layers = s.layers; shape.value = s.input_shape.join(" "); loss.value = s.loss;
      const base = data.name.replace(/-?train$/, "") || data.name, taken = new Set(networks.map(n => n.name));
      let free = base;
      for (let i = 2; taken.has(free); i++) free = `${base}-${i}`;
      if (!name.value || name.value === suggested) name.value = suggested = free;
    }
    draw();
  };
  for (const el of [name, shape, loss, seed]) el.addEventListener("input", showJson);
  const useJson = h("button.small", { type: "button", onclick: () => {
    try {
      const s = JSON.parse(json.value);
      name.value = s.name ?? ""; shape.value = (s.input_shape ?? []).join(" "); layers = s.layers ?? []; loss.value = s.loss ?? "mse"; seed.value = s.seed ?? 0;
      draw();
    } catch (e) { toast(e.message); }
  } }, "Use what stands here");

  body.append(h("div", h("p.crumb", h("a", { href: "#/networks" }, "Networks")), h("h1", "New network")), h("form.stack", { onsubmit: e => { e.preventDefault(); form.submit(button, () => post("/v1/networks", spec()), net => { location.hash = from.value ? `#/jobs/new?network=${net.name}&dataset=${from.value}` : `#/networks/name/${net.name}`; }); } },
    form.general,
    h("section.card", h("div.fields", h("label", "Suggest from dataset", from), form.field("/name", "Name", name, "small letters, digits, . _ -"), form.field("/input_shape", "Input shape", shape), form.field("/loss", "Loss", loss), form.field("/seed", "Seed", seed))),
    h("section.card", h("div.cardhead", h("h2", "Layers, from the input to the output"), h("button.small", { type: "button", onclick: () => { layers.splice(Math.max(0, layers.length - 1), 0, { type: "dense", ...members.dense }); draw(); } }, "Add a layer")), rows),
    h("div.row", button),
    h("details.card", h("summary", "The same as JSON"), h("div.stack", { style: { gap: "8px", "margin-top": "10px" } }, json, h("div.row", useJson)))));
  fill();
}
