// chart.js - lines over epochs on a canvas: linear or log, zoom by dragging, marks
// where something happened, values under the pointer or the arrow keys.

import { h, replace, figure, compact, count } from "./dom.js";

const PAD = { left: 54, right: 14, top: 12, bottom: 26 };

function css(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** Round steps: 1, 2 or 5 times a power of ten. */
function ticks(low, high, about) {
  const raw = (high - low) / about,
    power = 10 ** Math.floor(Math.log10(raw));
  const step = power * ([1, 2, 5, 10].find(m => m * power >= raw * 0.999) ?? 10),
    out = [];
  for (let x = Math.ceil(low / step) * step; x <= high + step * 1e-9; x += step)
    out.push(Math.abs(x) < step * 1e-9 ? 0 : x);
  return out;
}

/** A figure that fits beside the axis, as precise as the step to the next one. */
function short(y, step) {
  if (y === 0) return "0";
  const a = Math.abs(y),
    digits = step ? Math.min(5, Math.max(1, Math.ceil(Math.log10(a / step) + 1e-9) + 1)) : 4;
  if (a >= 1e5 || a < 1e-4) return y.toExponential(Math.min(2, digits - 1)).replace(/\.?0+e/, "e");
  return String(+y.toPrecision(Math.max(digits, a >= 1 ? Math.floor(Math.log10(a)) + 1 : 1)));
}

function logTicks(low, high) {
  const out = [],
    wide = Math.log10(high / low) > 4;
  for (let p = Math.floor(Math.log10(low)); p <= Math.ceil(Math.log10(high)); p++)
    for (const m of wide ? [1] : [1, 2, 5]) {
      const x = m * 10 ** p;
      if (x >= low * 0.999 && x <= high * 1.001) out.push(x);
    }
  return out;
}

/**
 * new Chart({label, height, log}): .el is the element.  set(series, marks) draws
 * [{name, colour: "--s1", dash, x: [], y: []}], marks [{x, text}].
 */
export class Chart {
  constructor({ label, height = 240, log = false, zoomable = true }) {
    this.label = label;
    this.height = height;
    this.log = log;
    this.series = [];
    this.marks = [];
    this.zoom = null;
    this.hiddenNames = new Set();
    this.at = null;
    this.canvas = h("canvas", {
      tabIndex: 0,
      role: "img",
      "aria-label": label,
      style: { height: `${height}px` },
    });
    this.tip = h("div.tip.hidden");
    this.legend = h("div.legend");
    this.el = h("div", h("div.chart", this.canvas, this.tip), this.legend);
    if (zoomable) this.listen();
    this.resizer = new ResizeObserver(() => this.draw());
    this.resizer.observe(this.canvas);
    this.onTheme = () => this.draw();
    document.addEventListener("themechange", this.onTheme);
  }

  set(series, marks = []) {
    this.series = series.filter(s => s.y.some(v => v != null));
    this.marks = marks;
    const names = this.series.map(s => s.name + s.colour).join("|");
    if (names !== this.names) {
      this.names = names;
      this.drawLegend();
    }
    this.draw();
  }

  setLog(log) {
    this.log = log;
    this.draw();
  }
  resetZoom() {
    this.zoom = null;
    this.draw();
    this.onZoom?.(false);
  }

  drawLegend() {
    replace(
      this.legend,
      this.series.length < 2
        ? null
        : this.series.map(s => {
            const button = h(
              "button",
              {
                type: "button",
                "aria-pressed": "true",
                onclick: () => {
                  const hide = !this.hiddenNames.has(s.name);
                  hide ? this.hiddenNames.add(s.name) : this.hiddenNames.delete(s.name);
                  button.setAttribute("aria-pressed", String(!hide));
                  this.draw();
                },
              },
              h(s.dash ? "i.dash" : "i", {
                style: { background: `var(${s.colour})`, "--c": `var(${s.colour})` },
              }),
              ` ${s.name}`,
            );
            return button;
          }),
    );
  }

  shown() {
    return this.series.filter(s => !this.hiddenNames.has(s.name));
  }

  range() {
    let x0 = Infinity,
      x1 = -Infinity,
      y0 = Infinity,
      y1 = -Infinity;
    for (const s of this.shown())
      if (s.x.length) {
        x0 = Math.min(x0, s.x[0]);
        x1 = Math.max(x1, s.x[s.x.length - 1]);
      }
    if (this.zoom) [x0, x1] = this.zoom;
    for (const s of this.shown())
      for (let i = 0; i < s.x.length; i++) {
        const y = s.y[i];
        if (y == null || s.x[i] < x0 || s.x[i] > x1 || (this.log && y <= 0)) continue;
        if (y < y0) y0 = y;
        if (y > y1) y1 = y;
      }
    if (!isFinite(x0)) return null;
    if (x1 === x0) x1 = x0 + 1;
    if (!isFinite(y0)) [y0, y1] = this.log ? [0.1, 1] : [0, 1];
    if (this.log) {
      if (y1 / y0 < 1.3) {
        y0 /= 1.15;
        y1 *= 1.15;
      }
    } else {
      const gap = (y1 - y0) * 0.06 || Math.abs(y1) * 0.1 || 0.5;
      y0 = (y0 >= 0 && y0 - gap < 0) || (y0 >= 0 && y0 < 0.35 * y1) ? 0 : y0 - gap;
      y1 += gap;
    }
    return { x0, x1, y0, y1 };
  }

  draw() {
    const w = this.canvas.clientWidth,
      hgt = this.height,
      ratio = devicePixelRatio || 1,
      c = this.canvas.getContext("2d");
    if (!w) return;
    if (this.canvas.width !== Math.round(w * ratio)) {
      this.canvas.width = Math.round(w * ratio);
      this.canvas.height = Math.round(hgt * ratio);
    }
    c.setTransform(ratio, 0, 0, ratio, 0, 0);
    c.clearRect(0, 0, w, hgt);
    const r = (this.r = this.range());
    if (!r) {
      c.fillStyle = css("--ink-3");
      c.font = "13px system-ui, sans-serif";
      c.fillText("No epoch is done yet.", PAD.left, hgt / 2);
      return;
    }
    const ly = this.log ? Math.log : v => v,
      ya = ly(r.y0),
      yb = ly(r.y1);
    this.px = x => PAD.left + ((x - r.x0) / (r.x1 - r.x0)) * (w - PAD.left - PAD.right);
    this.py = y => hgt - PAD.bottom - ((ly(y) - ya) / (yb - ya)) * (hgt - PAD.top - PAD.bottom);
    this.inv = p => r.x0 + ((p - PAD.left) / (w - PAD.left - PAD.right)) * (r.x1 - r.x0);
    this.grid(c, w, hgt, r);
    c.save();
    c.beginPath();
    c.rect(PAD.left - 6, PAD.top - 4, w - PAD.left - PAD.right + 12, hgt - PAD.top - PAD.bottom + 8);
    c.clip();
    for (const s of this.shown()) this.line(c, s, w);
    for (const m of this.marks) this.mark(c, m, hgt);
    if (this.drag) {
      c.fillStyle = css("--accent");
      c.globalAlpha = 0.12;
      c.fillRect(
        Math.min(...this.drag),
        PAD.top,
        Math.abs(this.drag[1] - this.drag[0]),
        hgt - PAD.top - PAD.bottom,
      );
      c.globalAlpha = 1;
    }
    c.restore();
    if (this.at !== null) this.cross(c, w, hgt);
    this.canvas.setAttribute(
      "aria-label",
      `${this.label}. ` +
        this.shown()
          .map(s => `${s.name}: ${figure(s.y.findLast(v => v != null))} at epoch ${s.x[s.x.length - 1]}`)
          .join("; "),
    );
  }

  grid(c, w, hgt, r) {
    c.font = "11px system-ui, sans-serif";
    c.lineWidth = 1;
    c.strokeStyle = css("--line");
    c.fillStyle = css("--ink-3");
    c.textAlign = "right";
    c.textBaseline = "middle";
    let ys = this.log ? logTicks(r.y0, r.y1) : ticks(r.y0, r.y1, hgt / 48);
    // No more than there is room for: the powers of ten, or every so many of them.
    if (this.log && ys.length > hgt / 24) 
      ys = ys.filter(y => Math.abs(Math.log10(y) - Math.round(Math.log10(y))) < 1e-6);
    while (this.log && ys.length > hgt / 24) ys = ys.filter((y, i) => i % 2 === 0);
    if (this.log && ys.length < 2) ys = ticks(r.y0, r.y1, 4).filter(y => y > 0);
    const step = this.log && ys.length > 2 ? 0 : Math.abs(ys[1] - ys[0]);
    for (const y of ys) {
      const p = Math.round(this.py(y)) + 0.5;
      c.beginPath();
      c.moveTo(PAD.left, p);
      c.lineTo(w - PAD.right, p);
      c.stroke();
      c.fillText(short(y, step), PAD.left - 8, p);
    }
    c.textAlign = "center";
    c.textBaseline = "top";
    for (const x of ticks(r.x0, r.x1, Math.min(r.x1 - r.x0, Math.max(2, w / 90)))) {
      if (x !== Math.round(x)) continue;
      const text = Math.abs(x) < 1e6 ? count(x) : compact(x),
        half = c.measureText(text).width / 2;
      c.fillText(text, Math.min(this.px(x), w - half), hgt - PAD.bottom + 8);
    }
  }

  line(c, s, w) {
    c.strokeStyle = css(s.colour);
    c.lineWidth = s.thin ? 1.2 : 1.8;
    c.lineJoin = "round";
    c.globalAlpha = s.faint ? 0.45 : 1;
    c.setLineDash(s.dash ? [5, 4] : []);
    c.beginPath();
    let column = -1,
      low,
      high,
      last,
      pen = false;
    // As many strokes as there are pixels, whatever the number of epochs: each column shows its extent.
    const flush = () => {
      if (column >= 0 && low !== high) {
        c.lineTo(column, low);
        c.lineTo(column, high);
        c.lineTo(column, last);
      }
    };
    for (let i = 0; i < s.x.length; i++) {
      const y = s.y[i];
      if (y == null || (this.log && y <= 0)) continue;
      const x = this.px(s.x[i]),
        p = this.py(y),
        k = Math.round(x * 2) / 2;
      if (x < -w || x > 2 * w) continue;
      if (k === column) {
        low = Math.min(low, p);
        high = Math.max(high, p);
        last = p;
        continue;
      }
      flush();
      pen ? c.lineTo(k, p) : c.moveTo(k, p);
      pen = true;
      column = k;
      low = high = last = p;
    }
    flush();
    c.stroke();
    c.setLineDash([]);
    if (s.x.length === 1 && pen) {
      c.fillStyle = css(s.colour);
      c.beginPath();
      c.arc(column, last, 3, 0, 7);
      c.fill();
    }
    c.globalAlpha = 1;
  }

  mark(c, m, hgt) {
    const x = this.px(m.x);
    c.strokeStyle = c.fillStyle = css(m.colour ?? "--warn");
    c.lineWidth = 1;
    c.setLineDash([2, 3]);
    c.beginPath();
    c.moveTo(x, PAD.top);
    c.lineTo(x, hgt - PAD.bottom);
    c.stroke();
    c.setLineDash([]);
    c.beginPath();
    c.moveTo(x - 5, PAD.top - 4);
    c.lineTo(x + 5, PAD.top - 4);
    c.lineTo(x, PAD.top + 5);
    c.fill();
  }

  /** The nearest point of a series. */
  near(s, x) {
    let a = 0,
      b = s.x.length - 1;
    while (b - a > 1) {
      const m = (a + b) >> 1;
      s.x[m] < x ? (a = m) : (b = m);
    }
    const i = b >= 0 && Math.abs(s.x[b] - x) < Math.abs(s.x[a] - x) ? b : a;
    for (let k = 0; k < 400; k++) for (const j of [i - k, i + k]) if (s.y[j] != null) return j;
    return -1;
  }

  cross(c, w, hgt) {
    const base = this.shown().find(s => s.x.length);
    if (!base) return;
    const i = this.near(base, this.at),
      x = base.x[i];
    if (i < 0) return;
    const p = this.px(x),
      rows = [];
    c.strokeStyle = css("--ink-3");
    c.lineWidth = 1;
    c.globalAlpha = 0.6;
    c.beginPath();
    c.moveTo(p, PAD.top);
    c.lineTo(p, hgt - PAD.bottom);
    c.stroke();
    c.globalAlpha = 1;
    for (const s of this.shown()) {
      const j = this.near(s, x);
      if (j < 0) continue;
      if (!(this.log && s.y[j] <= 0)) {
        c.fillStyle = css(s.colour);
        c.beginPath();
        c.arc(this.px(s.x[j]), this.py(s.y[j]), 3.5, 0, 7);
        c.fill();
      }
      rows.push(
        h("div", h("i", { style: { color: `var(${s.colour})` } }, "■ "), `${s.name} ${figure(s.y[j])}`),
      );
    }
    const span = (this.r.x1 - this.r.x0) / 60;
    for (const m of this.marks) if (Math.abs(m.x - x) <= span) rows.push(h("div.mark", h("i", { style: { color: `var(${m.colour ?? "--warn"})` } }, "▼ "), m.text));
    replace(this.tip, h("b", `Epoch ${count(x)}`), rows);
    this.tip.classList.remove("hidden");
    const room = w - p > this.tip.offsetWidth + 24;
    this.tip.style.left = `${room ? p + 12 : p - 12 - this.tip.offsetWidth}px`;
    this.tip.style.top = "14px";
  }

  /** Draw once in the next frame, however often it is asked for before that. */
  soon() {
    this.due ??= requestAnimationFrame(() => {
      this.due = null;
      this.draw();
    });
  }

  leave() {
    this.at = null;
    this.tip.classList.add("hidden");
    this.draw();
  }

  zoomTo(a, b) {
    if (Math.abs(b - a) < 2) return;
    this.zoom = [Math.min(a, b), Math.max(a, b)];
    this.onZoom?.(true);
  }

  listen() {
    const c = this.canvas,
      x = e => e.clientX - c.getBoundingClientRect().left;
    c.addEventListener("pointermove", e => {
      if (!this.r) return;
      if (this.drag) this.drag[1] = x(e);
      this.at = this.inv(x(e));
      this.soon();
    });
    c.addEventListener("pointerleave", () => {
      if (!this.drag) this.leave();
    });
    c.addEventListener("pointerdown", e => {
      if (!this.r || e.pointerType === "touch") return;
      this.drag = [x(e), x(e)];
      c.setPointerCapture(e.pointerId);
    });
    c.addEventListener("pointerup", () => {
      if (this.drag && Math.abs(this.drag[1] - this.drag[0]) > 6)
        this.zoomTo(this.inv(this.drag[0]), this.inv(this.drag[1]));
      this.drag = null;
      this.draw();
    });
    c.addEventListener("dblclick", () => this.resetZoom());
    c.addEventListener("blur", () => this.leave());
    c.addEventListener("keydown", e => {
      if (!this.r) return;
      const { x0, x1 } = this.r,
        step = (x1 - x0) / 40,
        mid = this.at ?? (x0 + x1) / 2;
      if (e.key === "ArrowLeft" || e.key === "ArrowRight")
        this.at = Math.min(x1, Math.max(x0, mid + (e.key === "ArrowLeft" ? -step : step)));
      else if (e.key === "+") this.zoomTo(mid - (x1 - x0) / 4, mid + (x1 - x0) / 4);
      else if (e.key === "-" || e.key === "Escape") this.resetZoom();
      else return;
      e.preventDefault();
      this.draw();
    });
  }

  free() {
    this.resizer.disconnect();
    document.removeEventListener("themechange", this.onTheme);
  }
}

/** Layers by epochs as colours: how large the gradients were, where. */
export function heatmap(all, label) {
  // A long history has the figures of layers for some of its epochs only.
  const rows = all.filter(r => r.layers?.length);
  const layers = [...new Set(rows.flatMap(r => (r.layers ?? []).map(l => l.layer ?? l.index)))].sort(
    (a, b) => a - b,
  );
  if (!layers.length) return null;
  const n = Math.min(rows.length, 400),
    canvas = h("canvas.heat", {
      width: n,
      height: layers.length,
      role: "img",
      "aria-label": label,
      style: { height: `${layers.length * 18}px` },
    });
  const c = canvas.getContext("2d");
  const values = rows
    .flatMap(r => (r.layers ?? []).map(l => l.gradient_norm))
    .filter(v => v > 0)
    .map(Math.log10);
  const low = Math.min(...values),
    span = Math.max(...values) - low || 1;
  for (let i = 0; i < n; i++) {
    const row = rows[Math.floor((i * rows.length) / n)];
    for (const l of row.layers ?? []) {
      const t = l.gradient_norm > 0 ? (Math.log10(l.gradient_norm) - low) / span : 0;
      c.fillStyle = `hsl(${250 - 210 * t} 75% ${22 + 42 * t}%)`;
      c.fillRect(i, layers.indexOf(l.layer ?? l.index), 1, 1);
    }
  }
  return h(
    "div",
    canvas,
    h(
      "p.fine",
      `Layers ${layers.join(", ")} from top to bottom, epochs from left to right; gradient norms from ${figure(10 ** low)} (dark) to ${figure(10 ** (low + span))} (bright).`,
    ),
  );
}
