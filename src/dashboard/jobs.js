// jobs.js - the list of jobs, and one job live.

import {
  h,
  replace,
  chip,
  facts,
  code,
  tile,
  compact,
  count,
  figure,
  percent,
  duration,
  when,
  toast,
} from "./dom.js";
import { get, post, remove, maybe, stream } from "./api.js";
import { Chart, heatmap } from "./chart.js";
import { History } from "./history.js";
import { jobTable, latestJobs } from "./overview.js";

const FINAL = ["succeeded", "failed", "cancelled"];

export async function jobList({ body, params, signal }) {
  const status = params.get("status") ?? "";
  const box = h("section.card");
  const seg = h(
    "div.seg",
    { role: "group", "aria-label": "Status" },
    ["", "queued", "running", "paused", "succeeded", "failed", "cancelled"].map(s =>
      h(
        "button",
        {
          type: "button",
          "aria-pressed": String(s === status),
          onclick: () => {
            location.hash = s ? `#/jobs?status=${s}` : "#/jobs";
          },
        },
        s || "all",
      ),
    ),
  );
  const refresh = async () => {
    const jobs = await latestJobs(200, status ? `?status=${status}` : "");
    replace(
      box,
      jobs.length
        ? jobTable(jobs)
        : h(
            "div.empty",
            h("p", status ? `No job is ${status}.` : "No job was submitted yet."),
            status
              ? null
              : code(
                  `curl -H 'Content-Type: application/json' ${location.origin}/v1/jobs -d '{"network": "NAME", "dataset": "NAME", "epochs": 10}'`,
                ),
          ),
    );
  };
  body.append(
    h(
      "div.head",
      h("h1", "Jobs"),
      h("div.actions", h("a.button.primary", { href: "#/jobs/new" }, "New job")),
    ),
    h("div.tablewrap", seg),
    box,
  );
  await refresh();
  stream("/v1/events?types=status", signal, name => {
    if (name === "status") refresh().catch(() => {});
  });
}

// --- one job

export async function jobPage({ body, args: [id], signal }) {
  let job = await get(`/v1/jobs/${id}`);
  const history = new History(id),
    others = new Map();
  const loss = new Chart({ label: "Loss by epoch", height: 300, log: true });
  const accuracy = new Chart({ label: "Accuracy by epoch", height: 200 });
  const rate = new Chart({ label: "Learning rate by epoch", height: 140 });
  const gradient = new Chart({ label: "Gradient norm by epoch", height: 140, log: true });
  const head = h("div.head"),
    bar = h("i"),
    line = h("p.soft.num", { "aria-live": "off" }),
    notes = h("div.stack"),
    tilesBox = h("div.tiles");
  const accuracyCard = h("section.card.hidden", h("h2", "Accuracy"), accuracy.el),
    heat = h("section.card.hidden"),
    side = h("div.stack");
  const reset = h("button.small.hidden", { type: "button", onclick: () => loss.resetZoom() }, "Whole range");
  loss.onZoom = zoomed => reset.classList.toggle("hidden", !zoomed);
  const logSeg = h(
    "div.seg",
    { role: "group", "aria-label": "Scale" },
    [
      ["linear", false],
      ["log", true],
    ].map(([name, log]) =>
      h(
        "button",
        {
          type: "button",
          "aria-pressed": String(log),
          onclick: e => {
            loss.setLog(log);
            for (const b of e.target.parentNode.children)
              b.setAttribute("aria-pressed", String(b === e.target));
          },
        },
        name,
      ),
    ),
  );
  const compare = h(
    "select.small",
    { "aria-label": "Show another job in the same chart" },
    h("option", { value: "" }, "Compare with…"),
  );
  compare.style.width = "auto";
  compare.addEventListener("change", async () => {
    const other = compare.value;
    compare.value = "";
    if (!other) return;
    if (others.has(other)) others.delete(other);
    else {
      const more = new History(other);
      others.set(other, more);
      await more.update().catch(() => others.delete(other));
    }
    draw();
  });
  body.append(
    head,
    h(
      "section.card.inner",
      h(
        "div.stack",
        { style: { gap: "10px" } },
        h(
          "div.bar",
          {
            id: "bar",
            role: "progressbar",
            "aria-label": "Progress",
            "aria-valuemin": 0,
            "aria-valuemax": 100,
          },
          bar,
        ),
        line,
        tilesBox,
      ),
    ),
    notes,
    h(
      "div.cols.wide",
      h(
        "div.stack",
        h(
          "section.card",
          h("div.cardhead", h("h2", "Loss"), h("div.row", reset, compare, logSeg)),
          loss.el,
          h("p.fine", "Drag to zoom, double-click for all; arrow keys, + and − do the same."),
        ),
        accuracyCard,
        h(
          "div.cols.narrow",
          h("section.card", h("h2", "Learning rate"), rate.el),
          h("section.card", h("h2", "Gradient norm"), gradient.el),
        ),
        heat,
      ),
      side,
    ),
  );

  const draw = () => {
    const marks = (job.warnings ?? []).map(w => ({ x: w.epoch, text: `${(w.code ?? "warning").replaceAll("_", " ")}: ${w.advice ?? ""}` }));
    const best = job.result?.best_epoch;
    if (best) marks.push({ x: best, text: "the best, which is kept", colour: "--good" });
    const palette = ["--s3", "--s4", "--s5", "--s6"];
    const more = [...others].flatMap(([n, o], i) =>
      o
        .series(["loss", "val_loss"], `job ${n} `, [palette[i % 4], palette[i % 4]], true)
        .map(s => ({ ...s, thin: true })),
    );
    loss.set([...history.series(["loss", "val_loss"]), ...more], marks);
    accuracyCard.classList.toggle("hidden", !history.has("accuracy") && !history.has("val_accuracy"));
    accuracy.set(history.series(["accuracy", "val_accuracy"]), marks);
    rate.set(history.series(["learning_rate"], "", ["--s5"]));
    gradient.set(history.series(["gradient_norm"], "", ["--s3"]));
  };

  /** A job that ends by time is as far as its time is. */
  const fraction = p => {
    const spent = job.started_at ? (Date.now() - Date.parse(job.started_at)) / 1000 : 0;
    return job.status === "running" && job.stop_when?.seconds && p.eta_seconds != null
      ? Math.max(p.fraction, spent / (spent + p.eta_seconds))
      : (p.fraction ?? 0);
  };
  const showProgress = (p, metrics) => {
    bar.style.width = `${100 * fraction(p)}%`;
    bar.parentNode.setAttribute("aria-valuenow", Math.round(100 * fraction(p)));
    bar.parentNode.className = `bar ${job.status === "succeeded" ? "done" : job.status === "failed" ? "failed" : ""}`;
    line.textContent =
      `Epoch ${count(p.epoch)} of ${count(p.epochs)}` +
      (job.status === "running"
        ? ` · ${compact(p.samples_per_second)} rows/s · about ${duration(p.eta_seconds)} left`
        : job.finished_at
          ? ` · took ${duration((Date.parse(job.finished_at) - Date.parse(job.started_at ?? job.created_at)) / 1000)}`
          : "");
    const m = metrics ?? {};
    replace(
      tilesBox,
      [
        ["Loss", m.loss, figure],
        ["Validation loss", m.val_loss, figure],
        ["Accuracy", m.accuracy, percent],
        ["Validation accuracy", m.val_accuracy, percent],
      ]
        .filter(([, v]) => v != null)
        .map(([name, v, f]) => tile(name, f(v))),
    );
  };

  const act = async (verb, ...rest) => {
    try {
      await post(`/v1/jobs/${id}/${verb}`, ...rest);
      await refresh();
    } catch (p) {
      toast(p.message);
    }
  };
  const show = () => {
    const is = (...s) => s.includes(job.status);
    const title = h(
      "div",
      h("p.crumb", h("a", { href: "#/jobs" }, "Jobs")),
      h("div.row", h("h1", `Job ${id}`), chip(job.status)),
      h(
        "p.soft",
        h("a", { href: `#/networks/name/${job.network}` }, job.network),
        " on ",
        h("a", { href: `#/datasets/name/${job.dataset}` }, job.dataset),
        ", submitted ",
        when(job.created_at),
      ),
    );
    replace(
      head,
      title,
      h(
        "div.actions",
        is("running", "queued")
          ? h("button", { type: "button", onclick: () => act("pause") }, "Pause")
          : null,
        is("paused") ? h("button.primary", { type: "button", onclick: () => act("resume") }, "Resume") : null,
        !is(...FINAL)
          ? h(
              "button.danger",
              {
                type: "button",
                onclick: () => {
                  if (confirm(`Cancel job ${id}? Its history stays, no version is made.`)) act("cancel");
                },
              },
              "Cancel",
            )
          : null,
        is(...FINAL)
          ? h(
              "button.danger",
              {
                type: "button",
                onclick: async () => {
                  if (confirm(`Forget job ${id} and its history?`))
                    try {
                      await remove(`/v1/jobs/${id}`);
                      location.hash = "#/jobs";
                    } catch (p) {
                      toast(p.message);
                    }
                },
              },
              "Delete",
            )
          : null,
        is("succeeded") ? h("a.button.primary", { href: `#/networks/name/${job.network}` }, "Try it") : null,
        h("a.button", { href: `#/jobs/new?like=${id}` }, "Train again…"),
      ),
    );
    showProgress(job.progress, job.metrics);
    replace(
      notes,
      job.error
        ? h("div.notice.bad", h("h3", job.error.title ?? "The job failed"), h("p", job.error.detail))
        : null,
      (job.warnings ?? []).map(w =>
        h(
          "div.notice",
          h(
            "h3",
            `${(w.type ?? w.code ?? "warning").replaceAll("_", " ")}, epoch ${w.epoch}${w.layer != null ? `, layer ${w.layer}` : ""}`,
          ),
          h("p", w.advice ?? w.detail ?? ""),
        ),
      ),
      job.result?.version != null
        ? h(
            "div.notice.calm",
            h(
              "p",
              "Made ",
              h(
                "a",
                { href: `#/networks/name/${job.network}` },
                `version ${job.result.version} of ${job.network}`,
              ),
              job.result.best_epoch ? `: epoch ${count(job.result.best_epoch)} was the best.` : ".",
              ` ${ended[job.result.stop_reason] ?? `It stopped by ${String(job.result.stop_reason).replaceAll("_", " ")}.`}`,
            ),
          )
        : null,
    );
    replace(side, h("section.card", h("h2", "What was asked"), facts(asked(job))), log);
  };
  const log = h("section.card");
  const showLog = async () => {
    const list = await maybe(`/v1/jobs/${id}/log?limit=100`);
    replace(
      log,
      h("h2", "What happened"),
      list?.data.length
        ? h(
            "div.tablewrap",
            h(
              "table",
              h(
                "tbody",
                list.data.map(e =>
                  h(
                    "tr",
                    h("td", chip(e.status)),
                    h("td.soft", e.reason.replaceAll("_", " ")),
                    h("td.soft.r", when(e.at ?? e.created_at)),
                  ),
                ),
              ),
            ),
          )
        : h("p.soft", "Nothing yet."),
    );
  };
  const showHeat = async () => {
    const rows = await maybe(
      `/v1/jobs/${id}/history?detail=layers&limit=1000&after=${Math.max(0, job.progress.epoch - 1000)}`,
    );
    const map = rows ? heatmap(rows.data, "Gradient norm of each layer, by epoch") : null;
    heat.classList.toggle("hidden", !map);
    if (map) replace(heat, h("h2", "Gradients, layer by layer"), map);
  };
  const refresh = async () => {
    job = await get(`/v1/jobs/${id}`);
    show();
    await Promise.all([history.update(), showLog(), showHeat()]);
    draw();
  };

  show();
  await Promise.all([history.update(), showLog(), showHeat()]);
  draw();
  latestJobs(60)
    .then(list =>
      replace(
        compare,
        h("option", { value: "" }, "Compare with…"),
        list
          .filter(j => String(j.id) !== id)
          .map(j => h("option", { value: j.id }, `Job ${j.id}: ${j.network} on ${j.dataset}`)),
      ),
    )
    .catch(() => {});
  signal.addEventListener("abort", () => {
    for (const c of [loss, accuracy, rate, gradient]) c.free();
  });
  if (FINAL.includes(job.status)) return;
  stream(
    `/v1/jobs/${id}/events?types=status,progress,warning`,
    signal,
    (name, data) => {
      if (name === "progress") {
        job.progress = data.progress;
        showProgress(data.progress, data.metrics);
        history
          .update()
          .then(news => {
            if (news) draw();
          })
          .catch(() => {});
      } else if (name !== "epoch") refresh().catch(() => {});
    },
    () => refresh().catch(() => {}),
  );
}

const ended = {
  epochs: "All its epochs are done.",
  loss_below: "It stopped at the loss that was asked for.",
  accuracy_above: "It stopped at the accuracy that was asked for.",
  patience: "It stopped as nothing got better for as long as its patience.",
  seconds: "It stopped when its time was over.",
};

/** The spec, as sentences would have it. */
function asked(job) {
  // What is off, or as if it were not there, is not worth a line.
  const off = x => x === null || x === undefined || x === false || x === 0 || x === "none";
  const words = v =>
    off(v)
      ? null
      : typeof v === "number" && v > 9999
        ? count(v)
        : typeof v === "object"
          ? Object.entries(v)
              .filter(([, x]) => !off(x))
              .map(([k, x]) =>
                k === "type"
                  ? x
                  : `${k.replaceAll("_", " ")} ${typeof x === "object" ? JSON.stringify(x) : x}`,
              )
              .join(", ")
          : v === true
            ? "yes"
            : String(v).replaceAll("_", " ");
  const stops = s =>
    s && Object.entries(s).some(([k, v]) => !["min_delta", "strip_epochs", "monitor"].includes(k) && !off(v));
  const known = [
    "id",
    "status",
    "network",
    "dataset",
    "progress",
    "metrics",
    "warnings",
    "result",
    "error",
    "created_at",
    "started_at",
    "finished_at",
    "reason",
    "learning_rate_test",
  ];
  return Object.entries(job)
    .filter(([k, v]) => !known.includes(k) && !(k === "stop_when" && !stops(v)) && !(k === "restarts" && v === 1))
    .map(([k, v]) => [k.replaceAll("_", " "), words(v)])
    .filter(([, v]) => v !== null && v !== "");
}
