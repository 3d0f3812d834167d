// dom.js - elements from text, never from markup: a name with <b> in it shows as "<b>".

const SVG = "http://www.w3.org/2000/svg";

function fill(el, props, kids) {
  for (const [key, value] of Object.entries(props ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) el.addEventListener(key.slice(2), value);
    else if (key === "style") for (const [k, v] of Object.entries(value)) el.style.setProperty(k, v);
    else if (
      key in el &&
      !(el instanceof SVGElement) &&
      !key.startsWith("aria") &&
      key !== "list" &&
      key !== "form"
    )
      el[key] = value;
    else el.setAttribute(key, value === true ? "" : value);
  }
  put(el, kids);
  return el;
}

function put(el, kids) {
  for (const kid of [kids].flat(Infinity))
    if (kid !== null && kid !== undefined && kid !== false)
      el.append(kid instanceof Node ? kid : String(kid));
}

/** h("a.primary", {href: "#/"}, "text", child…) */
export function h(what, props, ...kids) {
  const [tag, ...classes] = what.split(".");
  const el = document.createElement(tag || "div");
  if (classes.length) el.className = classes.join(" ");
  if (props instanceof Node || typeof props !== "object" || Array.isArray(props)) {
    kids.unshift(props);
    props = {};
  }
  return fill(el, props, kids);
}

export function svg(tag, props, ...kids) {
  return fill(document.createElementNS(SVG, tag), props, kids);
}

export function replace(el, ...kids) {
  el.replaceChildren();
  put(el, kids);
  return el;
}

// --- numbers as people read them

const plain = new Intl.NumberFormat("en", { maximumFractionDigits: 2 });

export function count(n) {
  return n == null ? "–" : plain.format(n);
}

export function compact(n) {
  if (n == null || !isFinite(n)) return "–";
  const a = Math.abs(n);
  for (const [size, unit] of [
    [1e9, "G"],
    [1e6, "M"],
    [1e4, "k"],
  ])
    if (a >= size) {
      const x = n / (unit === "k" ? 1e3 : size);
      return `${x >= 100 ? Math.round(x) : x.toPrecision(3)} ${unit}`;
    }
  return a >= 100 ? String(Math.round(n)) : plain.format(n);
}

export function figure(x) {
  if (x == null) return "–";
  if (x === 0) return "0";
  const a = Math.abs(x);
  if (a >= 1e5 || a < 1e-4) return x.toExponential(2).replace(/\.?0+e/, "e");
  return String(+x.toPrecision(4));
}

export function percent(x) {
  return x == null ? "–" : x === 1 ? "100 %" : `${(100 * x).toFixed(x > 0.9995 || x < 0.0995 ? 2 : 1)} %`;
}

export function bytes(n) {
  if (n == null) return "–";
  for (const unit of ["B", "KiB", "MiB", "GiB"]) {
    if (n < 1024 || unit === "GiB") return `${n < 10 && unit !== "B" ? n.toFixed(1) : Math.round(n)} ${unit}`;
    n /= 1024;
  }
}

export function duration(s) {
  if (s == null || !isFinite(s)) return "–";
  if (s < 1) return `${Math.round(1000 * s)} ms`;
  if (s < 60) return `${s < 10 ? s.toFixed(1) : Math.round(s)} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${Math.round(s % 60)} s`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.round((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86400)} d ${Math.round((s % 86400) / 3600)} h`;
}

export function ago(time) {
  if (!time) return "–";
  const s = (Date.now() - Date.parse(time)) / 1000;
  return s < 5
    ? "just now"
    : `${duration(Math.round(s / (s < 60 ? 1 : 60)) * (s < 60 ? 1 : 60)).replace(/ 0 (s|min|h)$/, "")} ago`;
}

export function when(time) {
  return h("time", { dateTime: time, title: time ? new Date(time).toLocaleString() : "" }, ago(time));
}

// --- small pieces that every page uses

export function chip(status) {
  return h(`span.chip.${status}`, status);
}

export function facts(pairs) {
  return h(
    "dl.facts",
    pairs.filter(([, v]) => v !== null && v !== undefined).map(([k, v]) => [h("dt", k), h("dd.num", v)]),
  );
}

export function table(heads, rows) {
  return h(
    "div.tablewrap",
    { tabIndex: 0, role: "region", "aria-label": heads.map(x => x.replace(/^>/, "")).join(", ") },
    h(
      "table",
      h(
        "thead",
        h(
          "tr",
          heads.map(head =>
            h(head.startsWith(">") ? "th.r" : "th", { scope: "col" }, head.replace(/^>/, "")),
          ),
        ),
      ),
      h("tbody", rows),
    ),
  );
}

export function code(text) {
  const button = h(
    "button.small",
    {
      type: "button",
      onclick: () =>
        navigator.clipboard?.writeText(text).then(() => {
          button.textContent = "Copied";
        }),
    },
    "Copy",
  );
  return h("div.code", h("pre", { tabIndex: 0 }, text), button);
}

export function tile(name, value, unit) {
  return h("div.tile", h("div.name", name), h("div.value", value, unit ? h("small", ` ${unit}`) : null));
}

export function spark(values, colour = "--s1") {
  const n = values.length,
    top = Math.max(1e-9, ...values),
    box = svg("svg", {
      class: "spark",
      viewBox: "0 0 100 26",
      preserveAspectRatio: "none",
      "aria-hidden": "true",
    });
  if (n > 1) {
    const at = values
      .map((v, i) => `${((100 * i) / (n - 1)).toFixed(1)} ${(24 - (21 * v) / top).toFixed(1)}`)
      .join("L");
    box.append(
      svg("path", { d: `M0 26L${at}L100 26Z`, fill: `var(${colour})`, opacity: 0.13 }),
      svg("path", {
        d: `M${at}`,
        fill: "none",
        stroke: `var(${colour})`,
        "stroke-width": 1.5,
        "vector-effect": "non-scaling-stroke",
      }),
    );
  }
  return box;
}

export function toast(text) {
  const note = h("div", text);
  document.getElementById("toast").append(note);
  setTimeout(() => note.remove(), 7000);
}
