// overview.js - what goes on just now.

import {
  h,
  replace,
  chip,
  table,
  code,
  spark,
  compact,
  bytes,
  figure,
  percent,
  duration,
  when,
  count,
} from "./dom.js";
import { get, all, metrics, stream } from "./api.js";
import { Chart } from "./chart.js";
import { History } from "./history.js";

const HISTORY = 60;

export async function overview({ body, signal }) {
  const tiles = { running: [], queued: [], rate: [], memory: [] };
  const tileBox = h("div.tiles"),
    runningBox = h("div.stack"),
    jobsBox = h("section.card"),
    thingsBox = h("div.cols");
  body.append(
    h(
      "div.head",
      h("div", h("h1", "Overview")),
      h(
        "div.actions",
        h("a.button", { href: "#/datasets" }, "Upload data"),
        h("a.button.primary", { href: "#/jobs/new" }, "New job"),
      ),
    ),
    tileBox,
    runningBox,
    jobsBox,
    thingsBox,
  );

  const cards = new Map();
  let last = null;
  const tick = async () => {
    const m = await metrics(),
      now = performance.now();
    const rows = m.sum("backpropd_prediction_rows_total");
    const rate = last && rows >= last.rows ? (rows - last.rows) / ((now - last.now) / 1000) : 0;
    last = { rows, now };
    const memory = m.sum("process_resident_memory_bytes");
    const push = (list, v) => {
      list.push(v);
      if (list.length > HISTORY) list.shift();
    };
    push(tiles.running, m.sum("backpropd_jobs", { status: "running" }));
    push(tiles.queued, m.sum("backpropd_jobs", { status: "queued" }));
    push(tiles.rate, rate);
    push(tiles.memory, memory);
    const show = (name, value, unit, list, colour) =>
      h(
        "div.tile",
        h("div.name", name),
        h("div.value", value, unit ? h("small", ` ${unit}`) : null),
        spark(list, colour),
      );
    replace(
      tileBox,
      show("Jobs running", count(tiles.running.at(-1)), null, tiles.running, "--s1"),
      show(
        "In the queue",
        count(tiles.queued.at(-1)),
        m.sum("backpropd_jobs", { status: "paused" })
          ? `+ ${m.sum("backpropd_jobs", { status: "paused" })} paused`
          : null,
        tiles.queued,
        "--s2",
      ),
      show("Predictions", compact(rate), "rows/s", tiles.rate, "--s3"),
      show("Memory", bytes(memory), null, tiles.memory, "--s5"),
    );
  };

  const refresh = async () => {
    const [{ data: running }, recent, networks, datasets] = await Promise.all([
      get("/v1/jobs?status=running&limit=6"),
      latestJobs(12),
      all("/v1/networks", 100),
      all("/v1/datasets", 100),
    ]);
    for (const job of running) if (!cards.has(job.id)) cards.set(job.id, card(job));
    for (const [id, c] of cards)
      if (!running.some(j => j.id === id)) {
        c.free();
        cards.delete(id);
      }
    if (
      runningBox.children.length !== running.length ||
      running.some((j, i) => runningBox.children[i]?.dataset.job !== String(j.id))
    )
      replace(
        runningBox,
        [...cards.values()].map(c => c.el),
      );
    if (!recent.length) replace(jobsBox, welcome(networks, datasets));
    else
      replace(
        jobsBox,
        h("div.cardhead", h("h2", "Recent jobs"), h("a", { href: "#/jobs" }, "All jobs")),
        jobTable(recent),
      );
    if (networks.length || datasets.length)
      replace(
        thingsBox,
        things(
          "Networks",
          "networks",
          networks,
          n => `${compact(n.parameters)} parameters · version ${n.serving_version ?? n.latest_version}`,
        ),
        things(
          "Datasets",
          "datasets",
          datasets,
          d => `${count(d.rows)} rows · ${count(d.columns?.length ?? 0)} columns · ${d.task}`,
        ),
      );
  };

  await Promise.all([tick().catch(() => {}), refresh()]);
  const timer = setInterval(() => tick().catch(() => {}), 2000);
  let due = null;
  const soon = () => {
    due ??= setTimeout(() => {
      due = null;
      refresh().catch(() => {});
    }, 150);
  };
  signal.addEventListener("abort", () => {
    clearInterval(timer);
    clearTimeout(due);
    for (const c of cards.values()) c.free();
  });
  stream("/v1/events?types=status,progress", signal, (name, data) => {
    if (name === "status") soon();
    if (name === "progress") cards.get(data.job)?.progress(data);
  });
}

/** The newest first: the list goes up, so begin near its end. */
export async function latestJobs(n, query = "") {
  const jobs = await all(`/v1/jobs${query}`, 20000);
  return jobs.slice(-n).reverse();
}

/** A running job: its bar and its loss, live. */
function card(job) {
  const chart = new Chart({ label: `Loss of job ${job.id}`, height: 130, log: true, zoomable: false });
  const history = new History(job.id),
    bar = h("i"),
    line = h("p.soft.num");
  const el = h(
    "section.card.jobcard",
    { "data-job": job.id },
    h(
      "div.cardhead",
      h(
        "h2",
        h("a", { href: `#/jobs/${job.id}` }, `Job ${job.id}`),
        h("span.soft", ` ${job.network} on ${job.dataset}`),
      ),
      chip(job.status),
    ),
    h("div.bar", bar),
    line,
    chart.el,
  );
  const progress = ({ progress: p, metrics }) => {
    bar.style.width = `${100 * (p.fraction ?? 0)}%`;
    line.textContent = `Epoch ${count(p.epoch)} of ${count(p.epochs)} · loss ${figure(metrics?.loss)}${metrics?.accuracy != null ? ` · accuracy ${percent(metrics.accuracy)}` : ""} · ${compact(p.samples_per_second)} rows/s · ${duration(p.eta_seconds)} left`;
    history
      .update()
      .then(changed => {
        if (changed) chart.set(history.series(["loss", "val_loss"]));
      })
      .catch(() => {});
  };
  progress(job);
  return { el, progress, free: () => chart.free() };
}

export function jobTable(jobs) {
  return table(
    ["Job", "Network", "Dataset", "Status", ">Progress", ">Loss", ">Accuracy", "Submitted"],
    jobs.map(j =>
      h(
        "tr",
        h("td.name", h("a", { href: `#/jobs/${j.id}` }, `Job ${j.id}`)),
        h("td", h("a", { href: `#/networks/name/${j.network}` }, j.network)),
        h("td", h("a", { href: `#/datasets/name/${j.dataset}` }, j.dataset)),
        h("td", chip(j.status)),
        h("td.r", `${compact(j.progress.epoch)} / ${compact(j.progress.epochs)}`),
        h("td.r", figure(j.metrics?.val_loss ?? j.metrics?.loss)),
        h("td.r", percent(j.metrics?.val_accuracy ?? j.metrics?.accuracy)),
        h("td.soft", when(j.created_at)),
      ),
    ),
  );
}

function things(title, kind, list, tell) {
  return h(
    "section.card",
    h("div.cardhead", h("h2", title), h("a", { href: `#/${kind}` }, "All")),
    list.length
      ? h(
          "div.tablewrap",
          h(
            "table",
            h(
              "tbody",
              list
                .slice(0, 8)
                .map(x =>
                  h(
                    "tr",
                    h("td.name", h("a", { href: `#/${kind}/name/${x.name}` }, x.name)),
                    h("td.soft.r.wrap", tell(x)),
                  ),
                ),
            ),
          ),
        )
      : h("p.soft", `There are no ${kind} yet.`),
  );
}

/** Nothing was trained yet: the next step, and the very line for a terminal. */
function welcome(networks, datasets) {
  const url = location.origin;
  const data = datasets[0]?.name ?? "xor",
    net = networks[0]?.name ?? "xor";
  return h(
    "div.empty",
    h("h2", "From a table to predictions in three steps"),
    h(
      "ol.steps",
      h(
        "li",
        h(
          "div",
          h(
            "p",
            h("a", { href: "#/datasets" }, "Upload a table"),
            " — CSV, JSON, .npy or IDX. The last column is what you want to know.",
          ),
          code(
            `printf 'a,b,differ\\n0,0,no\\n0,1,yes\\n1,0,yes\\n1,1,no\\n' | curl -T - -H 'Content-Type: text/csv' ${url}/v1/datasets/xor`,
          ),
        ),
      ),
      h(
        "li",
        h(
          "div",
          h(
            "p",
            h("a", { href: "#/networks/new" }, "Describe a network"),
            " — layers are suggested from the data.",
          ),
          code(
            `curl -H 'Content-Type: application/json' ${url}/v1/networks -d '{"name": "${net}", "input_shape": [2], "loss": "cross_entropy", "layers": [{"type": "dense", "units": 8, "activation": "tanh"}, {"type": "dense", "units": 2, "activation": "softmax"}]}'`,
          ),
        ),
      ),
      h(
        "li",
        h(
          "div",
          h("p", h("a", { href: "#/jobs/new" }, "Train it"), " — and watch the loss fall here."),
          code(
            `curl -H 'Content-Type: application/json' ${url}/v1/jobs -d '{"network": "${net}", "dataset": "${data}", "epochs": 2000, "batch_size": "full", "optimizer": {"type": "adam", "learning_rate": 0.02}}'`,
          ),
        ),
      ),
    ),
  );
}
