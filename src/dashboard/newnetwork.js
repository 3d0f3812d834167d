// newnetwork.js - a network made from the data it is for.

import { h, replace, toast } from "./dom.js";
import { all, get, post } from "./api.js";
import { Form, select, number, said, unset } from "./form.js";

/** What a new layer begins with, where a member has to be said. */
const begin = {
  units: 32,
  activation: "relu",
  rate: 0.2,
  filters: 16,
  kernel_size: 3,
  pool_size: 2,
  vocabulary: 1000,
  dimensions: 16,
};

/**
 * The layers that this daemon knows, by its own description: {dense: {units:
 * {must, schema}, …}, …}, its activations and its losses.
 */
async function known() {
  const { schemas } = (await get("/openapi.json")).components,
    named = ref => schemas[ref.split("/").pop()],
    choices = { Activation: schemas.Activation.enum, Initializer: schemas.Initializer.oneOf[0].enum },
    layers = {};
  const about = schema => ({
    ...schema,
    choices: schema.$ref
      ? choices[schema.$ref.split("/").pop()]
      : schema.type === "boolean"
        ? ["true", "false"]
        : schema.enum,
  });
  for (const { $ref } of schemas.Layer.oneOf) {
    const { properties, required } = named($ref);
    layers[properties.type.const] = Object.fromEntries(
      Object.entries(properties)
        .filter(([name]) => name !== "type")
        .map(([name, schema]) => [name, { must: required.includes(name), schema: about(schema) }]),
    );
  }
  return { layers, losses: schemas.Loss.oneOf[0].enum };
}

/** Sensible for this data: as wide as it is, no deeper than it needs. */
function suggestion(data) {
  const inputs = data.input_shape.reduce((a, b) => a * b, 1),
    classes = data.classes?.length ?? 0;
  const wide = Math.min(128, Math.max(8, 2 ** Math.round(Math.log2(Math.sqrt(inputs) * 4))));
  const hidden = [
    { type: "dense", units: wide, activation: "relu" },
    ...(data.rows > 500 ? [{ type: "dense", units: Math.max(8, wide / 2), activation: "relu" }] : []),
  ];
  if (data.rows < 50) hidden[0].activation = "tanh";
  const out =
    data.task === "classification"
      ? { type: "dense", units: Math.max(2, classes), activation: "softmax" }
      : { type: "dense", units: data.target?.length ?? 1, activation: "linear" };
  return {
    input_shape: [inputs],
    layers: [...hidden, out],
    loss: data.task === "classification" ? "cross_entropy" : "mse",
  };
}

export async function newNetwork({ body, params }) {
  const [datasets, networks, { layers: types, losses }] = await Promise.all([
      all("/v1/datasets"),
      all("/v1/networks"),
      known(),
    ]),
    form = new Form();
  const from = select(
    [["", "nothing: I know its shape"], ...datasets.map(d => d.name)],
    params.get("dataset") ?? datasets.at(-1)?.name ?? "",
    () => fill(),
  );
  const name = h("input", { placeholder: "my-network", autocomplete: "off", spellcheck: false }),
    shape = h("input", { placeholder: "4, or 1 28 28", inputMode: "numeric" });
  const loss = select(losses, "cross_entropy"),
    seed = number(1),
    rows = h("div"),
    button = h("button.primary", "Make this network");
  const json = h("textarea", { rows: 10, spellcheck: false, "aria-label": "The body as JSON" });
  let suggested = "",
    layers = [{ type: "dense", units: 8, activation: "relu" }];

  const spec = () =>
    unset({
      name: name.value.trim(),
      input_shape: shape.value
        .trim()
        .split(/[^0-9]+/)
        .filter(Boolean)
        .map(Number),
      layers: layers.map(l => ({ ...l })),
      loss: loss.value,
      seed: said(seed),
    });
  const showJson = () => {
    json.value = JSON.stringify(spec(), null, 2);
  };
  const opened = new Set();
  const fresh = type => ({
    type,
    ...Object.fromEntries(
      Object.entries(types[type] ?? {})
        .filter(([m, { must }]) => must || m === "activation")
        .map(([m, { schema }]) => [m, begin[m] ?? schema.minimum ?? 1]),
    ),
  });
  /** A choice where the server has one, else a number; "" leaves the default to it. */
  const controlFor = (schema, value, put) => {
    if (!schema.choices) {
      const control = number(value, {
        placeholder: schema.default ?? "default",
        oninput: () => put(said(control)),
      });
      return control;
    }
    const words = [["", `default${schema.default === undefined ? "" : `: ${schema.default}`}`], ...schema.choices];
    const control = select(words, value === undefined ? "" : String(value), () =>
      put({ true: true, false: false, "": undefined }[control.value] ?? (control.value || undefined)),
    );
    return control;
  };
  const draw = () => {
    for (const pointer of [...form.fields.keys()])
      if (pointer.startsWith("/layers/")) form.fields.delete(pointer);
    replace(
      rows,
      layers.map((layer, i) => {
        const type = select(Object.keys(types), layer.type, () => {
          layers[i] = fresh(type.value);
          draw();
        });
        const set = (m, value) => {
          layer[m] = value;
          showJson();
        };
        const field = ([m, { schema }]) => {
          const control = controlFor(schema, layer[m], value => set(m, value));
          return form.field(`/layers/${i}/${m}`, m.replaceAll("_", " "), control);
        };
        const members = Object.entries(types[layer.type] ?? {}),
          first = ([m, { must }]) => must || m === "activation",
          more = members.filter(x => !first(x));
        return h(
          "div.layerrow",
          form.field(`/layers/${i}`, `Layer ${i}`, type),
          h(
            "div",
            h("div.fields", members.filter(first).map(field)),
            more.length
              ? h(
                  "details.more",
                  { open: opened.has(layer), ontoggle: e => opened[e.target.open ? "add" : "delete"](layer) },
                  h("summary", "More settings"),
                  h("div.fields", more.map(field)),
                )
              : null,
          ),
          h(
            "button.small",
            {
              type: "button",
              "aria-label": `Remove layer ${i}`,
              onclick: () => {
                layers.splice(i, 1);
                draw();
              },
            },
            "×",
          ),
        );
      }),
    );
    showJson();
  };
  const fill = () => {
    const data = datasets.find(d => d.name === from.value);
    if (data) {
      const s = suggestion(data);
      layers = s.layers;
      shape.value = s.input_shape.join(" ");
      loss.value = s.loss;
      const base = data.name.replace(/-?train$/, "") || data.name,
        taken = new Set(networks.map(n => n.name));
      let free = base;
      for (let i = 2; taken.has(free); i++) free = `${base}-${i}`;
      if (!name.value || name.value === suggested) name.value = suggested = free;
    }
    draw();
  };
  for (const el of [name, shape, loss, seed]) el.addEventListener("input", showJson);
  const useJson = h(
    "button.small",
    {
      type: "button",
      onclick: () => {
        try {
          const s = JSON.parse(json.value);
          name.value = s.name ?? "";
          shape.value = (s.input_shape ?? []).join(" ");
          layers = s.layers ?? [];
          loss.value = s.loss ?? "mse";
          seed.value = s.seed ?? 0;
          draw();
        } catch (e) {
          toast(e.message);
        }
      },
    },
    "Use what stands here",
  );

  body.append(
    h("div", h("p.crumb", h("a", { href: "#/networks" }, "Networks")), h("h1", "New network")),
    h(
      "form.stack",
      {
        onsubmit: e => {
          e.preventDefault();
          form.submit(
            button,
            () => post("/v1/networks", spec()),
            net => {
              location.hash = from.value
                ? `#/jobs/new?network=${net.name}&dataset=${from.value}`
                : `#/networks/name/${net.name}`;
            },
          );
        },
      },
      form.general,
      h(
        "section.card",
        h(
          "div.fields",
          h("label", "For dataset", from),
          form.field("/name", "Name", name, "small letters, digits, . _ -"),
          form.field("/input_shape", "Input shape", shape),
          form.field("/loss", "Loss", loss),
          form.field("/seed", "Seed", seed),
        ),
      ),
      h(
        "section.card",
        h(
          "div.cardhead",
          h("h2", "Layers, from the input to the output"),
          h(
            "button.small",
            {
              type: "button",
              onclick: () => {
                layers.splice(Math.max(0, layers.length - 1), 0, fresh("dense"));
                draw();
              },
            },
            "Add a layer",
          ),
        ),
        rows,
      ),
      h("div.row", button),
      h(
        "details.card",
        h("summary", "The same as JSON"),
        h("div.stack", { style: { gap: "8px", "margin-top": "10px" } }, json, h("div.row", useJson)),
      ),
    ),
  );
  fill();
}
