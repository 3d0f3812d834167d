// datasets.js - the list of datasets with an upload, and one dataset.

import { h, svg, replace, facts, table, code, count, figure, bytes, when, toast } from "./dom.js";
import { get, all, maybe, remove, upload } from "./api.js";
import { imageShape } from "./tryit.js";

const types = {
  csv: "text/csv",
  tsv: "text/csv",
  txt: "text/csv",
  json: "application/json",
  ndjson: "application/x-ndjson",
  jsonl: "application/x-ndjson",
};

export async function datasetList({ body }) {
  const datasets = await all("/v1/datasets");
  body.append(
    h("h1", "Datasets"),
    uploader(),
    h(
      "section.card",
      datasets.length
        ? table(
            ["Name", ">Rows", ">Columns", "Task", "Target", ">Size", "Uploaded"],
            datasets.map(d =>
              h(
                "tr",
                h("td.name", h("a", { href: `#/datasets/name/${d.name}` }, d.name)),
                h("td.r", count(d.rows)),
                h("td.r", count(d.columns?.length ?? 0)),
                h("td", d.task),
                h("td", (d.target ?? []).slice(0, 3).join(", ")),
                h("td.r", bytes(d.bytes)),
                h("td.soft", when(d.created_at)),
              ),
            ),
          )
        : h(
            "div.empty",
            h("p", "There are no datasets yet. Drop a file above, or send one:"),
            code(`curl -T data.csv -H 'Content-Type: text/csv' ${location.origin}/v1/datasets/my-data`),
          ),
    ),
  );
}

function uploader() {
  const file = h("input", {
    type: "file",
    accept: Object.keys(types)
      .map(t => `.${t}`)
      .join(","),
    id: "file",
  });
  const name = h("input", { placeholder: "my-data", autocomplete: "off", spellcheck: false }),
    target = h("input", { placeholder: "the last column", autocomplete: "off" });
  const button = h("button.primary", "Upload"),
    bar = h("i"),
    track = h("div.bar.hidden", bar),
    told = h("div", { role: "alert" });
  const picked = f => {
    name.value ||= f.name
      .toLowerCase()
      .replace(/\.[a-z]+$/, "")
      .replace(/[^a-z0-9._-]+/g, "-")
      .replace(/^[^a-z0-9]+/, "");
  };
  file.addEventListener("change", () => {
    if (file.files[0]) picked(file.files[0]);
  });
  const drop = h(
    "div.drop",
    h("p", "Drop a CSV, NDJSON or JSON file here, or choose one:"),
    h(
      "div.fields",
      { style: { "text-align": "left", "margin-top": "12px" } },
      h("label", "File", file),
      h("label", "Name", name),
      h("label", "Column to predict", target),
    ),
  );
  drop.addEventListener("dragover", e => {
    e.preventDefault();
    drop.classList.add("over");
  });
  drop.addEventListener("dragleave", () => drop.classList.remove("over"));
  drop.addEventListener("drop", e => {
    e.preventDefault();
    drop.classList.remove("over");
    if (e.dataTransfer.files[0]) {
      file.files = e.dataTransfer.files;
      picked(file.files[0]);
    }
  });
  return h(
    "form.card.stack",
    {
      style: { gap: "12px" },
      onsubmit: async e => {
        e.preventDefault();
        const f = file.files[0];
        if (!f) {
          replace(told, h("p.mistake", "Choose a file first."));
          return;
        }
        button.disabled = true;
        track.classList.remove("hidden");
        replace(told);
        try {
          const query = target.value.trim() ? `?target=${encodeURIComponent(target.value.trim())}` : "";
          const made = await upload(
            `/v1/datasets/${encodeURIComponent(name.value)}${query}`,
            f,
            types[f.name.split(".").pop().toLowerCase()] ?? "text/csv",
            x => {
              bar.style.width = `${100 * x}%`;
            },
          );
          location.hash = `#/datasets/name/${made.name}`;
        } catch (p) {
          replace(
            told,
            h(
              "div.notice.bad",
              (p.errors?.length ? p.errors : [{ detail: p.message }]).map(x =>
                h("p", x.line ? `Line ${x.line}${x.column ? `, column ${x.column}` : ""}: ` : "", x.detail),
              ),
            ),
          );
        }
        button.disabled = false;
        track.classList.add("hidden");
      },
    },
    drop,
    told,
    track,
    h("div.row", button),
  );
}

export async function datasetPage({ body, args: [name] }) {
  const at = `/v1/datasets/${encodeURIComponent(name)}`,
    data = await get(at),
    columns = data.columns ?? [];
  const page = await maybe(`${at}/rows?limit=20`),
    image = imageShape(data.input_shape, data);
  const rows = page?.data ?? page?.rows ?? null;
  body.append(
    h(
      "div.head",
      h(
        "div",
        h("p.crumb", h("a", { href: "#/datasets" }, "Datasets")),
        h("h1", name),
        h(
          "p.soft",
          `${count(data.rows)} rows · ${count(columns.length)} columns · ${data.task}${data.classes ? ` of ${data.classes.length} classes` : ""} · ${bytes(data.bytes)} · uploaded `,
          when(data.created_at),
        ),
      ),
      h(
        "div.actions",
        h("a.button.primary", { href: `#/networks/new?dataset=${name}` }, "New network for it"),
        h("a.button", { href: `#/jobs/new?dataset=${name}` }, "Train on it"),
        h(
          "button.danger",
          {
            type: "button",
            onclick: async () => {
              if (confirm(`Delete the dataset ${name}?`))
                try {
                  await remove(at);
                  location.hash = "#/datasets";
                } catch (p) {
                  toast(p.message);
                }
            },
          },
          "Delete",
        ),
      ),
    ),
  );
  if (image && rows) {
    // From all over it: rows often come sorted by class.
    const parts = data.rows <= 30 ? [0] : [0, 1, 2, 3, 4, 5].map(i => Math.floor((i * data.rows) / 6));
    const pages = await Promise.all(parts.map(after => get(`${at}/rows?limit=${30 / parts.length}&after=${after}`)));
    body.append(
      h(
        "section.card",
        h("h2", "Rows as images"),
        gallery(
          pages.flatMap(p => p.data),
          image,
          columns,
        ),
      ),
    );
  }
  if (columns.length)
    body.append(
      h(
        "section.card",
        h("h2", "Columns"),
        table(
          ["Column", "Type", "Values", ">Missing", ">Least", ">Mean", ">Most", "Spread"],
          columns
            .slice(0, 200)
            .map(c =>
              h(
                "tr",
                h("td.name", c.name, " ", c.target ? h("span.chip.plain.running", "target") : null),
                h("td", c.type),
                h("td", valuesOf(c)),
                h("td.r", count(c.missing)),
                h("td.r", figure(c.min)),
                h("td.r", figure(c.mean)),
                h("td.r", figure(c.max)),
                h("td", spread(c)),
              ),
            ),
        ),
      ),
    );
  if (columns.length > 200) body.append(h("p.fine", `The first 200 of ${count(columns.length)} columns.`));
  const shown = columns.filter(c => c.type !== "ignored" && !c.shape);
  if (
    rows?.length &&
    shown.length &&
    shown.length <= 60 &&
    shown.length === columns.filter(c => c.type !== "ignored").length
  )
    body.append(rowsCard(at, page, rows, shown));
  body.append(
    h(
      "section.card",
      h("h2", "Facts"),
      facts([
        ["Input shape", data.input_shape.join(" × ")],
        ["Target", (data.target ?? []).join(", ")],
        ["Classes", data.classes ? data.classes.slice(0, 40).join(", ") : null],
        ["SHA-256", h("code", data.sha256)],
      ]),
    ),
  );
}

const cells = (row, columns) =>
  Array.isArray(row) ? row : Array.isArray(row.values) ? row.values : columns.map(c => row[c.name]);

function rowsCard(at, page, rows, columns) {
  const body = h("tbody"),
    more = h("button.small", { type: "button" }, "More rows");
  const add = list =>
    body.append(
      ...list.map(r =>
        h(
          "tr",
          cells(r, columns).map(v =>
            h(
              typeof v === "number" ? "td.r" : "td",
              v === null || v === undefined
                ? h("span.fine", "missing")
                : typeof v === "number"
                  ? figure(v)
                  : String(v),
            ),
          ),
        ),
      ),
    );
  let next = page.next;
  add(rows);
  more.addEventListener("click", async () => {
    const p = await get(`${at}/rows?limit=20&after=${encodeURIComponent(next)}`);
    next = p.next;
    add(p.data);
    more.classList.toggle("hidden", next === null);
  });
  more.classList.toggle("hidden", next === null || next === undefined);
  return h(
    "section.card",
    h("h2", "Rows"),
    h(
      "div.tablewrap",
      { tabIndex: 0, role: "region", "aria-label": "Rows" },
      h(
        "table",
        h(
          "thead",
          h(
            "tr",
            columns.map(c =>
              h(
                typeof cells(rows[0], columns)[columns.indexOf(c)] === "number" ? "th.r" : "th",
                { scope: "col" },
                c.name,
              ),
            ),
          ),
        ),
        body,
      ),
    ),
    more,
  );
}

function valuesOf(c) {
  const words = c.categories ?? c.top?.map(t => t.value ?? t[0]);
  if (words)
    return `${words.length} categories: ${words.slice(0, 4).join(", ")}${words.length > 4 ? "…" : ""}`;
  return c.distinct != null ? `${count(c.distinct)} distinct` : c.std != null ? `std ${figure(c.std)}` : "";
}

/** The shape of a column in a glance. */
function spread(c) {
  const counts =
    c.histogram?.counts ??
    (Array.isArray(c.histogram)
      ? c.histogram.map(x => x.count ?? x)
      : (c.top?.map(t => t.count ?? t[1]) ?? c.counts));
  if (!counts?.length || counts.some(n => typeof n !== "number")) return "";
  const most = Math.max(1, ...counts),
    w = 120 / counts.length;
  return svg(
    "svg",
    {
      class: "hist",
      viewBox: "0 0 120 30",
      preserveAspectRatio: "none",
      role: "img",
      "aria-label": `distribution of ${c.name}`,
    },
    counts.map((n, i) =>
      svg("rect", {
        x: i * w,
        width: Math.max(1, w - 1),
        y: 30 - (29 * n) / most,
        height: Math.max(n ? 1 : 0, (29 * n) / most),
      }),
    ),
  );
}

function gallery(rows, { high, wide }, columns) {
  return h(
    "div.gallery",
    rows.slice(0, 30).map(row => {
      const values = row.inputs ?? cells(row, columns),
        flat = values.flat(Infinity),
        pixels = flat.slice(0, high * wide).map(Number);
      const canvas = h("canvas.pixels", {
          width: wide,
          height: high,
          role: "img",
          "aria-label": "a row as an image",
        }),
        c = canvas.getContext("2d"),
        bits = c.createImageData(wide, high);
      const most = Math.max(1e-9, ...pixels),
        least = Math.min(0, ...pixels);
      pixels.forEach((v, i) => {
        const g = (255 * (v - least)) / (most - least);
        bits.data.set([g, g, g, 255], 4 * i);
      });
      c.putImageData(bits, 0, 0);
      const label =
        row.target ?? row.label ?? row.targets ?? (flat.length > high * wide ? flat[high * wide] : "");
      return h(
        "figure",
        canvas,
        h("figcaption", String(Array.isArray(label) ? label.join(" ") : (label ?? ""))),
      );
    }),
  );
}
