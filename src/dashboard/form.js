// form.js - fields that know which member of the body they are, so that what the
// server says about a member stands beside its field.

import { h, replace } from "./dom.js";

export class Form {
  constructor() {
    this.fields = new Map();
    this.general = h("div.general", { role: "alert" });
  }

  /** A labelled control for the member at this JSON pointer. */
  field(pointer, name, control, hint) {
    const mistake = h("span.mistake.hidden", { id: `m${pointer.replaceAll("/", "-")}` });
    control.setAttribute("aria-describedby", mistake.id);
    this.fields.set(pointer, { control, mistake });
    return h("label", name, control, hint ? h("span.hint", hint) : null, mistake);
  }

  clear() {
    replace(this.general);
    for (const { control, mistake } of this.fields.values()) {
      control.classList.remove("bad-field");
      control.removeAttribute("aria-invalid");
      mistake.classList.add("hidden");
    }
  }

  /** What the server answered: each mistake at its member, or above all. */
  show(problem) {
    this.clear();
    const rest = [];
    let first = null;
    for (const error of problem.errors?.length ? problem.errors : [{ detail: problem.message }]) {
      let at = error.pointer ?? "";
      while (at && !this.fields.has(at)) at = at.slice(0, at.lastIndexOf("/"));
      const field = at ? this.fields.get(at) : null;
      if (!field || !field.control.isConnected) {
        rest.push(
          h("p", error.pointer ? h("code", error.pointer) : null, error.pointer ? ": " : "", error.detail),
        );
        continue;
      }
      field.control.closest("details")?.setAttribute("open", "");
      field.control.classList.add("bad-field");
      field.control.setAttribute("aria-invalid", "true");
      field.mistake.textContent =
        at === error.pointer ? error.detail : `${error.pointer.slice(at.length + 1)}: ${error.detail}`;
      field.mistake.classList.remove("hidden");
      first ??= field.control;
    }
    if (rest.length) replace(this.general, h("div.notice.bad", rest));
    first?.focus();
  }

  /** Send with send(); what is wrong is shown; done(answer) on success. */
  async submit(button, send, done) {
    const text = button.textContent;
    button.disabled = true;
    button.textContent = "Sending…";
    try {
      const answer = await send();
      this.clear();
      done(answer);
    } catch (problem) {
      this.show(problem);
    } finally {
      button.disabled = false;
      button.textContent = text;
    }
  }
}

export function select(options, value, onchange) {
  return h(
    "select",
    { onchange },
    options.map(o => {
      const [v, name] = Array.isArray(o) ? o : [o, o];
      return h("option", { value: v, selected: v === value }, name);
    }),
  );
}

export function number(value, more = {}) {
  return h("input", { type: "number", step: "any", value: value ?? "", inputMode: "decimal", ...more });
}

/** What a number field says, as JSON: the text itself where it is no number, for the server to judge. */
export function said(control) {
  const text = control.value.trim();
  if (text === "") return undefined;
  return Number.isNaN(Number(text)) ? text : Number(text);
}

export function unset(object) {
  return Object.fromEntries(Object.entries(object).filter(([, v]) => v !== undefined));
}
