// layers.js - a network drawn: a column a layer, lines where everything meets everything.

import { h, svg, compact } from "./dom.js";

const SHOWN = 9,
  GAP = 128,
  HIGH = 210;

function column(shape, name, note, kind) {
  const units = shape.reduce((a, b) => a * b, 1);
  return { units, n: Math.min(units, SHOWN), shape, name, note, kind };
}

export function drawLayers(net) {
  const columns = [
    column(net.input_shape, "input", "", "in"),
    ...net.layers.map(l =>
      column(
        l.output_shape ?? net.output_shape,
        l.type,
        l.activation ?? (l.rate != null ? `rate ${l.rate}` : ""),
        l.type,
      ),
    ),
  ];
  const width = Math.max(420, columns.length * GAP),
    box = svg("svg", {
      viewBox: `0 0 ${width} ${HIGH + 56}`,
      width,
      height: HIGH + 56,
      role: "img",
      "aria-label":
        `${columns.length - 1} layers: ` + columns.map(c => `${c.name} ${c.shape.join(" by ")}`).join(", "),
    });
  const x = i => ((i + 0.5) * width) / columns.length;
  const step = c => Math.min(22, (HIGH - 24) / Math.max(1, c.n)),
    y = (c, k) => HIGH / 2 + (k - (c.n - 1) / 2) * step(c);
  columns.forEach((c, i) => {
    const before = columns[i - 1];
    if (!before) return;
    const dense = ["dense", "lstm", "gru"].includes(c.kind);
    let d = "";
    for (let a = 0; a < before.n; a++)
      for (let b = 0; b < c.n; b++)
        if (dense || a === b || (before.n !== c.n && Math.floor((a * c.n) / before.n) === b))
          d += `M${x(i - 1) + 8} ${y(before, a).toFixed(1)}C${x(i - 1) + 44} ${y(before, a).toFixed(1)} ${x(i) - 44} ${y(c, b).toFixed(1)} ${x(i) - 8} ${y(c, b).toFixed(1)}`;
    box.append(svg("path", { class: "edge", d }));
  });
  columns.forEach((c, i) => {
    const image = c.shape.length === 3;
    for (let k = 0; k < c.n; k++) {
      const middle = c.units > SHOWN && k === SHOWN >> 1;
      if (middle) {
        for (const o of [-5, 0, 5])
          box.append(svg("circle", { class: "more", cx: x(i), cy: y(c, k) + o, r: 1.3 }));
        continue;
      }
      box.append(
        image
          ? svg("rect", {
              class: i ? "neuron" : "in",
              x: x(i) - 8,
              y: y(c, k) - 8,
              width: 16,
              height: 16,
              rx: 3,
            })
          : svg("circle", {
              class: i ? "neuron" : "in",
              cx: x(i),
              cy: y(c, k),
              r: Math.min(8, step(c) / 2 - 1),
            }),
      );
    }
    const text = (dy, cls, s) =>
      box.append(svg("text", { x: x(i), y: HIGH + dy, "text-anchor": "middle", class: cls }, s));
    text(14, "lname", c.name);
    text(31, "", c.shape.length > 1 ? c.shape.join(" × ") : compact(c.units));
    text(48, "", c.note);
  });
  return h("div.layers", { tabIndex: 0, role: "region", "aria-label": "Layers" }, box);
}
