// history.js - a job's epochs, fetched as they come and thinned as they grow.

import { get, Problem } from "./api.js";

const KEEP = 4000; // points held; a canvas has fewer columns

export class History {
  constructor(job) {
    this.job = job;
    this.rows = [];
    this.last = 0;
    this.step = 1;
    this.busy = false;
    this.subsets = true;
  }

  /** Fetch what is new; true where there is something. */
  async update() {
    if (this.busy) {
      this.again = true;
      return false;
    }
    this.busy = true;
    const before = this.last;
    try {
      do {
        this.again = false;
        if (this.last === 0 && (await this.subset())) continue;
        for (let pages = 0; ; pages++) {
          const page = await get(`/v1/jobs/${this.job}/history?after=${this.last}&limit=1000`);
          this.add(page.data);
          if (page.next === null) break;
          // Faster than we can read: begin again with an even selection.
          if (pages >= 4 && (await this.subset())) break;
        }
      } while (this.again);
    } finally {
      this.busy = false;
    }
    return this.last !== before;
  }

  /** The whole history in a thousand points, where the server can. */
  async subset() {
    if (!this.subsets) return false;
    try {
      const { data } = await get(`/v1/jobs/${this.job}/history?points=1000`);
      this.rows = [];
      this.step = 1;
      if (data.length) {
        this.rows = data;
        this.last = data[data.length - 1].epoch;
      }
      return true;
    } catch (problem) {
      if (!(problem instanceof Problem) || problem.status === 0) throw problem;
      this.subsets = false;
      return false;
    }
  }

  add(rows) {
    for (const row of rows)
      if (row.epoch > this.last) {
        this.rows.push(row);
        this.last = row.epoch;
      }
    while (this.rows.length > KEEP)
      this.rows = this.rows.filter((row, i) => i % 2 === 0 || i === this.rows.length - 1);
  }

  has(name) {
    return this.rows.some(r => r[name] != null);
  }

  series(names, prefix = "", colours = ["--s1", "--s2"], dash = false) {
    const x = this.rows.map(r => r.epoch);
    return names.map((name, i) => ({
      name: prefix + (label[name] ?? name),
      colour: colours[i],
      dash: dash && i > 0,
      x,
      y: this.rows.map(r => r[name] ?? null),
    }));
  }
}

const label = {
  loss: "training loss",
  val_loss: "validation loss",
  accuracy: "training accuracy",
  val_accuracy: "validation accuracy",
  learning_rate: "learning rate",
  gradient_norm: "gradient norm",
  samples_per_second: "rows per second",
};
