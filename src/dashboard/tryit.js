// tryit.js - ask a network: by the names of its columns, or by drawing.

import { h, replace, figure, percent } from "./dom.js";
import { post, maybe } from "./api.js";
import { select } from "./form.js";

/** Is the input an image of one channel?  {high, wide}, or null. */
export function imageShape(shape, data) {
  for (const s of [shape, data?.input_shape ?? []]) {
    const [a, b, c] = s;
    if (s.length === 3 && a === 1) return { high: b, wide: c };
    if (s.length === 2 && a > 4 && b > 4 && a <= 256 && b <= 256) return { high: a, wide: b };
  }
  const n = shape.reduce((x, y) => x * y, 1),
    side = Math.sqrt(n);
  return [64, 256, 784, 1024].includes(n) &&
    !(data?.columns ?? []).some(c => c.type === "categorical" && !c.target) &&
    (!data ||
      data.columns === undefined ||
      data.columns.length > 40 ||
      data.columns.length === 0 ||
      data.input_shape.length > 1)
    ? { high: side, wide: side }
    : null;
}

export async function tryIt(net, version) {
  const data = version?.dataset ? await maybe(`/v1/datasets/${encodeURIComponent(version.dataset)}`) : null;
  const answer = h("div", { "aria-live": "polite" }, h("p.soft", "The answer appears here."));
  let timer = null,
    asked = 0;
  const ask = row => {
    clearTimeout(timer);
    timer = setTimeout(async () => {
      const turn = ++asked;
      try {
        const result = await post(`/v1/networks/${encodeURIComponent(net.name)}/predict`, { inputs: [row] });
        if (turn === asked) replace(answer, show(result, net, data));
      } catch (problem) {
        if (turn === asked)
          replace(
            answer,
            h(
              "div.notice.bad",
              (problem.errors?.length ? problem.errors : [{ detail: problem.message }]).map(e =>
                h(
                  "p",
                  e.pointer ? h("code", e.pointer.replace("/inputs/0", "") || "/inputs/0") : null,
                  " ",
                  e.detail,
                ),
              ),
            ),
          );
      }
    }, 60);
  };
  const image = imageShape(net.input_shape, data),
    columns = (data?.columns ?? []).filter(c => !c.target && c.type !== "ignored");
  const input = image
    ? pad(image, net, columns, ask)
    : columns.length && columns.length <= 80
      ? byName(columns, ask)
      : byNumbers(net, ask);
  return h(
    "section.card",
    h("div.cardhead", h("h2", "Try it"), h("span.fine", version ? `version ${version.version} answers` : "")),
    h("div.cols", input, answer),
  );
}

/** The answer: a class with its probabilities as bars, or numbers. */
function show(result, net, data) {
  const y = result.outputs[0],
    label = result.labels?.[0],
    classes = data?.classes ?? null;
  if (label === undefined && net.layers.at(-1).activation !== "softmax" && y.length <= 16) {
    return h(
      "div",
      h("p.fine", data?.target?.join(", ") ?? "output"),
      h("p.answer.num", y.map(figure).join(", ")),
    );
  }
  const rows =
    y.length === 1 && classes?.length === 2
      ? [
          [classes[0], 1 - y[0]],
          [classes[1], y[0]],
        ]
      : y.map((p, i) => [classes?.[i] ?? `output ${i}`, p]);
  const best = Math.max(...rows.map(r => r[1]));
  const shown = rows.length > 14 ? [...rows].sort((a, b) => b[1] - a[1]).slice(0, 12) : rows;
  return h(
    "div.stack",
    { style: { gap: "12px" } },
    h("p.answer", String(label ?? rows.find(r => r[1] === best)[0])),
    h(
      "div.probs",
      shown.map(([name, p]) => [
        h(p === best ? "span.best" : "span", String(name)),
        h(
          p === best ? "div.track.best" : "div.track",
          h("i", { style: { width: `${Math.max(0, Math.min(1, p)) * 100}%` } }),
        ),
        h("span.fine.num", percent(p)),
      ]),
    ),
  );
}

function byName(columns, ask) {
  const controls = columns.map(c => {
    const words = c.type === "boolean" && !c.categories ? ["true", "false"] : c.categories;
    const middle = c.mean != null ? +c.mean.toPrecision(3) : "";
    const control =
      words?.length && words.length <= 200
        ? select(
            ["", ...words].map(w => [w, w === "" ? "(missing)" : w]),
            String(words[0]),
          )
        : h("input", {
            value: c.type === "numeric" || c.mean != null ? middle : "",
            inputMode: c.type === "numeric" ? "decimal" : "text",
            placeholder: "missing",
          });
    const range =
      c.min != null ? `${figure(c.min)} to ${figure(c.max)}` : words ? `${words.length} categories` : c.type;
    return { c, control, el: h("label", c.name, control, h("span.hint", range)) };
  });
  const send = () =>
    ask(
      Object.fromEntries(
        controls
          .filter(x => x.control.value.trim() !== "")
          .map(({ c, control }) => {
            const text = control.value.trim(),
              numeric =
                text !== "" && !Number.isNaN(Number(text)) && (c.type === "numeric" || c.mean != null);
            return [c.name, numeric ? Number(text) : text];
          }),
      ),
    );
  const form = h(
    "form",
    {
      oninput: send,
      onsubmit: e => {
        e.preventDefault();
        send();
      },
    },
    h(
      "div.fields",
      controls.map(x => x.el),
    ),
    h("p", { style: { "margin-top": "12px" } }, h("button.primary.small", "Predict")),
  );
  send();
  return form;
}

function byNumbers(net, ask) {
  const n = net.input_shape.reduce((a, b) => a * b, 1);
  const area = h("textarea", {
    rows: 4,
    spellcheck: false,
    value: Array(Math.min(n, 4096)).fill(0).join(", "),
  });
  const send = () =>
    ask(
      area.value
        .split(/[\s,;]+/)
        .filter(Boolean)
        .map(t => (Number.isNaN(Number(t)) ? t : Number(t))),
    );
  return h(
    "form",
    {
      oninput: send,
      onsubmit: e => {
        e.preventDefault();
        send();
      },
    },
    h("label", `${n} numbers, ${net.input_shape.join(" × ")}`, area),
    h("p", { style: { "margin-top": "12px" } }, h("button.primary.small", "Predict")),
  );
}

/** Draw with pointer or keys; centred by mass as the well-known digit sets are. */
function pad({ high, wide }, net, columns, ask) {
  const zoom = Math.max(1, Math.floor(280 / Math.max(high, wide))),
    canvas = h("canvas.pad", {
      width: wide * zoom,
      height: high * zoom,
      tabIndex: 0,
      role: "img",
      "aria-label": "Pad to draw on: drag the pointer, or move with the arrow keys and hold space to draw",
    });
  const c = canvas.getContext("2d", { willReadFrequently: true }),
    small = h("canvas", { width: wide, height: high }),
    top = Math.max(...columns.map(k => k.max ?? 0), 0) || 1;
  canvas.style.aspectRatio = `${wide} / ${high}`;
  const clear = () => {
    c.fillStyle = "#000";
    c.fillRect(0, 0, canvas.width, canvas.height);
  };
  clear();
  c.lineCap = c.lineJoin = "round";
  c.strokeStyle = "#fff";
  c.lineWidth = zoom * Math.max(1.2, wide / 12);
  const send = () => {
    const s = small.getContext("2d", { willReadFrequently: true });
    s.imageSmoothingEnabled = true;
    s.imageSmoothingQuality = "high";
    s.drawImage(canvas, 0, 0, wide, high);
    const bytes = s.getImageData(0, 0, wide, high).data,
      flat = [];
    for (let i = 0; i < wide * high; i++) flat.push(+((bytes[4 * i] / 255) * top).toFixed(3));
    ask(flat);
  };
  let from = null,
    keys = { x: canvas.width / 2, y: canvas.height / 2 };
  const place = e => {
    const r = canvas.getBoundingClientRect();
    return {
      x: ((e.clientX - r.left) * canvas.width) / r.width,
      y: ((e.clientY - r.top) * canvas.height) / r.height,
    };
  };
  const lineTo = p => {
    c.beginPath();
    c.moveTo(from.x, from.y);
    c.lineTo(p.x, p.y);
    c.stroke();
    from = p;
    send();
  };
  canvas.addEventListener("pointerdown", e => {
    canvas.setPointerCapture(e.pointerId);
    from = place(e);
    lineTo({ x: from.x + 0.1, y: from.y });
    e.preventDefault();
  });
  canvas.addEventListener("pointermove", e => {
    if (from) lineTo(place(e));
  });
  canvas.addEventListener("pointerup", () => {
    from = null;
  });
  canvas.addEventListener("keydown", e => {
    const step = zoom,
      d = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }[e.key];
    if (e.key === " ") {
      from = { ...keys };
      lineTo({ x: keys.x + 0.1, y: keys.y });
      e.preventDefault();
    }
    if (!d) return;
    e.preventDefault();
    const to = { x: keys.x + d[0], y: keys.y + d[1] };
    if (from && !e.shiftKey) {
      from = { ...keys };
      lineTo(to);
    }
    keys = to;
  });
  canvas.addEventListener("keyup", e => {
    if (e.key === " ") from = null;
  });
  const wipe = () => {
    clear();
    from = null;
  };
  return h(
    "div.stack",
    { style: { gap: "10px" } },
    canvas,
    h(
      "div.row",
      h("button.small", { type: "button", onclick: wipe }, "Wipe"),
      h("span.fine", `Draw with the pointer: ${high} × ${wide} pixels, 0 to ${figure(top)}.`),
    ),
  );
}
