// evaluate.js - how good a version is on a dataset.

import { h, svg, replace, table, tile, figure, percent, count } from "./dom.js";
import { all, post } from "./api.js";
import { select } from "./form.js";

export async function evaluation(box, net, version) {
  const datasets = (await all("/v1/datasets", 500)).filter(
    d => d.input_shape.reduce((a, b) => a * b, 1) === net.input_shape.reduce((a, b) => a * b, 1),
  );
  const result = h("div", h("p.soft", "Runs every row of a dataset through the version that serves.")),
    choose = select(
      datasets.map(d => d.name),
      version?.dataset ?? datasets[0]?.name,
    ),
    button = h("button", { type: "button" }, "Evaluate");
  choose.setAttribute("aria-label", "Dataset to evaluate on");
  choose.style.width = "auto";
  button.addEventListener("click", async () => {
    button.disabled = true;
    replace(result, h("p.soft", { role: "status" }, "Running every row through the network…"));
    try {
      replace(
        result,
        show(await post(`/v1/networks/${encodeURIComponent(net.name)}/evaluate`, { dataset: choose.value })),
      );
    } catch (p) {
      replace(result, h("div.notice.bad", h("p", p.message)));
    }
    button.disabled = false;
  });
  replace(
    box,
    h("div.cardhead", h("h2", "Evaluation"), datasets.length ? h("div.row", choose, button) : null),
    datasets.length ? result : h("p.soft", "There is no dataset whose rows fit this network."),
  );
}

function show(r) {
  const measures = [
    ["Rows", r.rows, count],
    ["Loss", r.loss, figure],
    ["Accuracy", r.accuracy, percent],
    ["AUC", r.auc, figure],
    ["Log loss", r.log_loss, figure],
    ["RMSE", r.rmse, figure],
    ["MAE", r.mae, figure],
    ["R²", r.r2, figure],
  ].filter(([, v]) => v != null);
  return h(
    "div.stack.inner",
    h(
      "div.tiles",
      measures.map(([n, v, f]) => tile(n, f(v))),
    ),
    h(
      "div.cols",
      r.confusion_matrix ? matrix(r) : null,
      r.classes ? classes(r.classes) : null,
      curve(r.roc),
      residuals(r.residual_quantiles),
      worst(r.worst_rows ?? r.worst),
    ),
  );
}

function matrix(r) {
  const names = (r.classes ?? []).map(c => c.name ?? c),
    most = Math.max(1, ...r.confusion_matrix.flat());
  if (names.length > 30) return null;
  return h(
    "div",
    h("h3", "Confusion matrix"),
    h("p.fine", "A row is what was true, a column what was said."),
    h(
      "div.tablewrap",
      { tabIndex: 0, role: "region", "aria-label": "Confusion matrix" },
      h(
        "table.matrix",
        h(
          "thead",
          h(
            "tr",
            h("td"),
            names.map(n => h("th", { scope: "col" }, n)),
          ),
        ),
        h(
          "tbody",
          r.confusion_matrix.map((row, i) =>
            h(
              "tr",
              h("th", { scope: "row" }, names[i]),
              row.map((n, j) =>
                h(
                  i === j ? "td.hit" : "td",
                  {
                    style: n
                      ? {
                          background: `color-mix(in srgb, var(${i === j ? "--good" : "--bad"}) ${Math.round(8 + (30 * n) / most)}%, transparent)`,
                        }
                      : {},
                  },
                  count(n),
                ),
              ),
            ),
          ),
        ),
      ),
    ),
  );
}

function classes(list) {
  if (list[0]?.precision === undefined) return null;
  return h(
    "div",
    h("h3", "By class"),
    table(
      ["Class", ">Precision", ">Recall", ">F1", ">Rows"],
      list.map(c =>
        h(
          "tr",
          h("td.name", c.name),
          h("td.r", percent(c.precision)),
          h("td.r", percent(c.recall)),
          h("td.r", percent(c.f1)),
          h("td.r", count(c.support)),
        ),
      ),
    ),
  );
}

function curve(roc) {
  const points = Array.isArray(roc)
    ? roc.map(p => (Array.isArray(p) ? p : [p.false_positive_rate ?? p.fpr, p.true_positive_rate ?? p.tpr]))
    : roc?.fpr
      ? roc.fpr.map((x, i) => [x, roc.tpr[i]])
      : null;
  if (!points?.length) return null;
  return h(
    "div",
    h("h3", "ROC curve"),
    svg(
      "svg",
      {
        viewBox: "-6 -6 112 112",
        role: "img",
        "aria-label": `ROC curve of ${points.length} points`,
        style: { "max-width": "300px", width: "100%" },
      },
      svg("path", {
        d: "M0 100V0H100V100Z M0 100L100 0",
        fill: "none",
        stroke: "var(--line-strong)",
        "stroke-width": 0.6,
      }),
      svg("path", {
        d: "M" + points.map(([x, y]) => `${(100 * x).toFixed(2)} ${(100 - 100 * y).toFixed(2)}`).join("L"),
        fill: "none",
        stroke: "var(--s1)",
        "stroke-width": 1.6,
      }),
    ),
    h("p.fine", "True positives against false ones, from (0, 0) to (1, 1)."),
  );
}

function residuals(q) {
  if (!q) return null;
  const shown = Object.entries(q)
    .filter(([, v]) => typeof v === "number")
    .sort((a, b) => a[0] - b[0]);
  if (!shown.length) return null;
  return h(
    "div",
    h("h3", "Residuals"),
    h("p.fine", "Said minus true: so many rows lie below."),
    table(
      ["Rows", ">Residual", ""],
      shown.map(([k, v]) =>
        h("tr", h("td", `${Math.round(100 * k)} %`), h("td.r", figure(v)), h("td", deviation(v, shown))),
      ),
    ),
  );
}

/** A bar from zero, to the left or to the right. */
function deviation(v, all) {
  const most = Math.max(1e-12, ...all.map(([, x]) => Math.abs(x))),
    w = (50 * Math.abs(v)) / most;
  return svg(
    "svg",
    { class: "hist", viewBox: "0 0 100 20", preserveAspectRatio: "none", "aria-hidden": "true" },
    svg("rect", { x: v < 0 ? 50 - w : 50, y: 5, width: Math.max(w, 0.5), height: 10 }),
    svg("path", { d: "M50 0V20", stroke: "var(--line-strong)", "stroke-width": 0.5 }),
  );
}

function worst(rows) {
  if (!rows?.length) return null;
  const heads = Object.keys(rows[0]);
  return h(
    "div",
    h("h3", "The worst rows"),
    table(
      heads.map(k => k.replaceAll("_", " ")),
      rows.map(r =>
        h(
          "tr",
          heads.map(k =>
            h(
              "td",
              typeof r[k] === "number" && k !== "row"
                ? figure(r[k])
                : Array.isArray(r[k])
                  ? r[k].map(figure).join(", ")
                  : String(r[k]),
            ),
          ),
        ),
      ),
    ),
  );
}
