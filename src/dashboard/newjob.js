// newjob.js - what is trained on what, and how.

import { h, replace, compact, count, duration } from "./dom.js";
import { all, post, maybe } from "./api.js";
import { Form, select, number, said, unset } from "./form.js";

const optimizers = { adam: 0.001, adamw: 0.001, sgd: 0.1, rmsprop: 0.001, adagrad: 0.01, rprop: 0.01 };

export async function newJob({ body, params }) {
  const [networks, datasets] = await Promise.all([all("/v1/networks"), all("/v1/datasets")]);
  const like = params.get("like") ? await maybe(`/v1/jobs/${params.get("like")}`) : null;
  if (!networks.length || !datasets.length) {
    body.append(
      h("h1", "New job"),
      h(
        "section.card",
        h(
          "p",
          "A job trains a network on a dataset. There ",
          networks.length ? "is no dataset" : datasets.length ? "is no network" : "are neither",
          " yet.",
        ),
        h(
          "p.row",
          h(
            "a.button.primary",
            { href: datasets.length ? "#/networks/new" : "#/datasets" },
            datasets.length ? "New network" : "Upload data",
          ),
        ),
      ),
    );
    return;
  }
  const form = new Form();
  const network = select(
    networks.map(n => n.name),
    params.get("network") ?? like?.network ?? networks.at(-1).name,
    () => suggest(),
  );
  const dataset = select([], "", () => describe());
  const epochs = number(like?.epochs ?? 20, { min: 1 }),
    batch = h("input", { value: like?.batch_size ?? 32, list: "batches" });
  const optimizer = select(Object.keys(optimizers), like?.optimizer.type ?? "adam", () => {
    learning.value = optimizers[optimizer.value];
  });
  const learning = h("input", { value: like?.optimizer.learning_rate ?? 0.001, inputMode: "decimal" });
  const schedule = select(
    ["constant", "step", "exponential", "cosine", "plateau"],
    like?.schedule?.type ?? "constant",
  );
  const scale = select(["none", "standard", "min_max", "robust"], like?.scale_inputs ?? "standard");
  const fraction = number(like ? like.validation?.fraction : 0.1, { min: 0, max: 0.9 });
  const patience = number(like?.stop_when?.patience, { placeholder: "none" }),
    below = number(like?.stop_when?.loss_below, { placeholder: "none" }),
    seconds = number(like?.stop_when?.seconds, { placeholder: "none" });
  const clip = number(like?.clip_norm, { placeholder: "none" });
  const seed = number(like?.seed ?? 1),
    start = select(
      [
        ["latest", "latest version"],
        ["initial", "initial weights"],
      ],
      like?.start_from === "initial" ? "initial" : "latest",
    );
  const about = h("p.hint"),
    button = h("button.primary", "Start training"),
    trial = h("button", { type: "button" }, "What would it cost?"),
    cost = h("p.soft", { role: "status" });

  const chosen = () => ({
    net: networks.find(n => n.name === network.value),
    data: datasets.find(d => d.name === dataset.value),
  });
  const fits = (n, d) =>
    JSON.stringify(n.input_shape) === JSON.stringify(d.input_shape) ||
    n.input_shape.reduce((a, b) => a * b, 1) === d.input_shape.reduce((a, b) => a * b, 1);
  const suggest = () => {
    const { net } = chosen(),
      wanted = params.get("dataset") ?? like?.dataset ?? dataset.value;
    const sorted = [...datasets].sort((a, b) => fits(net, b) - fits(net, a));
    replace(
      dataset,
      sorted.map(d =>
        h(
          "option",
          { value: d.name, selected: d.name === wanted },
          fits(net, d) ? d.name : `${d.name} (${d.input_shape.join(" × ")} inputs)`,
        ),
      ),
    );
    describe();
  };
  const describe = () => {
    const { net, data } = chosen();
    about.textContent = `${count(data.rows)} rows, ${data.task}; the network takes ${net.input_shape.join(" × ")} and gives ${net.output_shape.join(" × ")}.`;
    if (!like && data.rows < 50) {
      batch.value = "full";
      fraction.value = "";
      epochs.value = 1000;
    }
  };
  const spec = () =>
    unset({
      network: network.value,
      dataset: dataset.value,
      epochs: said(epochs),
      batch_size: said(batch),
      seed: said(seed),
      start_from: start.value,
      optimizer: unset({ type: optimizer.value, learning_rate: said(learning) }),
      schedule: schedule.value === "constant" ? undefined : { type: schedule.value },
      scale_inputs: scale.value,
      clip_norm: said(clip),
      validation: said(fraction) ? { fraction: said(fraction) } : undefined,
      stop_when: [patience, below, seconds].every(c => said(c) === undefined)
        ? undefined
        : unset({ patience: said(patience), loss_below: said(below), seconds: said(seconds) }),
    });
  trial.addEventListener("click", () =>
    form.submit(
      trial,
      () => post("/v1/jobs?dry_run=true", spec()),
      answer => {
        cost.textContent = `About ${duration(answer.estimated_seconds)} and ${compact(answer.memory_bytes)} bytes of memory.`;
      },
    ),
  );
  body.append(
    h("div", h("p.crumb", h("a", { href: "#/jobs" }, "Jobs")), h("h1", "New job")),
    h(
      "form.stack",
      {
        onsubmit: e => {
          e.preventDefault();
          form.submit(
            button,
            () => post("/v1/jobs", spec()),
            job => {
              location.hash = `#/jobs/${job.id}`;
            },
          );
        },
      },
      form.general,
      h(
        "section.card",
        h("h2", "What is trained on what"),
        h(
          "div.fields",
          form.field("/network", "Network", network),
          form.field("/dataset", "Dataset", dataset),
        ),
        about,
      ),
      h(
        "section.card",
        h("h2", "How"),
        h(
          "div.fields",
          form.field("/epochs", "Epochs", epochs),
          form.field("/batch_size", "Batch size", batch, "rows, or full"),
          form.field("/optimizer/type", "Optimiser", optimizer),
          form.field("/optimizer/learning_rate", "Learning rate", learning),
          form.field("/schedule", "Schedule", schedule),
          form.field("/scale_inputs", "Scale inputs", scale, "fitted on the training rows"),
          form.field("/validation/fraction", "Validation", fraction, "part of the rows held out"),
        ),
      ),
      h(
        "section.card",
        h("h2", "When to stop, and the rest"),
        h(
          "div.fields",
          form.field("/stop_when/patience", "Patience", patience, "epochs without a better one"),
          form.field("/stop_when/loss_below", "Loss below", below),
          form.field("/stop_when/seconds", "Seconds", seconds, "of training"),
          form.field("/clip_norm", "Clip gradients at", clip),
          form.field("/start_from", "Start from", start),
          form.field("/seed", "Seed", seed, "same seed, same bytes"),
        ),
      ),
      h("div.row", button, trial, cost),
      h(
        "datalist",
        { id: "batches" },
        ["full", 1, 16, 32, 64, 128, 256].map(v => h("option", { value: v })),
      ),
    ),
  );
  batch.setAttribute("list", "batches");
  suggest();
}
