// docs.js - /openapi.json, for people.

import { h, replace, code } from "./dom.js";

const theme = localStorage.getItem("theme");
if (theme) document.documentElement.dataset.theme = theme;

const api = await (await fetch("/openapi.json")).json();
const follow = x =>
  x?.$ref
    ? x.$ref
        .slice(2)
        .split("/")
        .reduce((o, k) => o?.[k], api)
    : x;
const nameOf = ref => ref.split("/").pop();

/** A sentence with `words` of programs in it. */
const prose = text => (text ?? "").split("`").map((part, i) => (i % 2 ? h("code", part) : part));

/** A schema in a few words, with links to what it names. */
function words(s) {
  if (!s || Object.keys(s).length === 0) return "anything";
  if (s.$ref) return h("a", { href: `#schema-${nameOf(s.$ref)}` }, nameOf(s.$ref));
  if (s.const !== undefined) return h("code", JSON.stringify(s.const));
  if (s.enum) return s.enum.map((v, i) => [i ? ", " : "", h("code", JSON.stringify(v))]);
  const many = s.oneOf ?? s.anyOf;
  if (many) return many.map((v, i) => [i ? " or " : "", words(v)]);
  const limits = [
    s.minimum != null ? `from ${s.minimum}` : "",
    s.exclusiveMinimum != null ? `above ${s.exclusiveMinimum}` : "",
    s.maximum != null ? `to ${s.maximum}` : "",
    s.exclusiveMaximum != null ? `below ${s.exclusiveMaximum}` : "",
  ]
    .filter(Boolean)
    .join(" ");
  const rest = [limits, s.default !== undefined ? `default ${s.default}` : ""].filter(Boolean).join(", ");
  const type = s.type === "array" ? ["array of ", words(s.items)] : [s.type].flat().join(" or ");
  return [type, rest ? ` (${rest})` : ""];
}

function members(s) {
  const own = s.properties ?? {};
  if (!Object.keys(own).length) return h("p.soft", words(s));
  return h(
    "div.tablewrap",
    { tabIndex: 0, role: "region", "aria-label": "Members" },
    h(
      "table",
      h(
        "thead",
        h(
          "tr",
          h("th", { scope: "col" }, "Member"),
          h("th", { scope: "col" }, "Value"),
          h("th", { scope: "col" }, ""),
        ),
      ),
      h(
        "tbody",
        Object.entries(own).map(([k, v]) =>
          h(
            "tr",
            h("td.name", h("code", k)),
            h("td", words(v)),
            h("td.fine", (s.required ?? []).includes(k) ? "required" : ""),
          ),
        ),
      ),
    ),
  );
}

function body(content) {
  return Object.entries(content ?? {})
    .map(([type, { schema }]) => [h("code", type), schema ? [": ", words(schema)] : ""])
    .flatMap((x, i) => (i ? [", ", x] : [x]));
}

/** Statuses that are answered alike, together. */
function alike(responses) {
  const found = new Map();
  for (const [status, r] of Object.entries(responses)) {
    const key = r.$ref ?? status;
    if (!found.has(key)) found.set(key, [[], r]);
    found.get(key)[0].push(status === "default" ? "others" : status);
  }
  return [...found.values()];
}

function operation(method, path, op) {
  const m = method.toUpperCase(),
    types = Object.keys(op.requestBody?.content ?? {});
  const example = Object.values(op.requestBody?.content?.["application/json"]?.examples ?? {})[0]?.value;
  const line = `curl${m === "GET" ? "" : ` -X ${m}`}${types[0] === "application/json" ? " -H 'Content-Type: application/json' -d '" + (example ? JSON.stringify(example) : "{…}") + "'" : types.length ? ` -H 'Content-Type: ${types[0]}' -T FILE` : ""} ${location.origin}${path}`;
  return h(
    "section.card",
    { id: op.operationId },
    h("h2", h("span.chip.plain.running", m), " ", h("code", path)),
    h(
      "div.stack",
      { style: { gap: "10px" } },
      h("p", op.description),
      op.parameters?.length
        ? h(
            "div.tablewrap",
            { tabIndex: 0, role: "region", "aria-label": "Parameters" },
            h(
              "table",
              h(
                "tbody",
                op.parameters
                  .map(follow)
                  .map(p =>
                    h(
                      "tr",
                      h("td.name", h("code", p.name)),
                      h("td", `in the ${p.in}`),
                      h("td", words(p.schema)),
                      h("td.soft", prose(p.description)),
                    ),
                  ),
              ),
            ),
          )
        : null,
      op.requestBody ? h("p", "Body: ", body(op.requestBody.content)) : null,
      h(
        "p",
        "Answers: ",
        alike(op.responses).map(([statuses, r], i) => [
          i ? "; " : "",
          h("b", statuses.join(", ")),
          " ",
          body(follow(r).content),
        ]),
      ),
      code(line),
    ),
  );
}

const page = h(
  "div.page.prose",
  h("h1", `The API of ${api.info.title} ${api.info.version}`),
  h("p", prose(api.info.description)),
  h("p", h("a", { href: "/openapi.json" }, "/openapi.json"), " is the same for programs."),
);
for (const tag of api.tags) {
  page.append(h("h2", { id: tag.name }, tag.name), h("p.soft", tag.description));
  for (const [path, methods] of Object.entries(api.paths))
    for (const [method, op] of Object.entries(methods))
      if (op.tags[0] === tag.name) page.append(operation(method, path, op));
}
page.append(h("h2", { id: "schemas" }, "Schemas"));
for (const [name, schema] of Object.entries(api.components.schemas).sort())
  page.append(h("section.card", { id: `schema-${name}` }, h("h3", name), members(schema)));
replace(
  document.getElementById("tags"),
  [...api.tags.map(t => t.name), "schemas"].map(t =>
    h("a", { href: `#${t}` }, t[0].toUpperCase() + t.slice(1)),
  ),
);
replace(document.getElementById("main"), page);
if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
