// api.js - the public HTTP API: requests, problems, streams of events.

let onLink = () => {};
export function watchLink(fn) {
  onLink = fn;
}

function headers(extra) {
  const key = sessionStorage.getItem("key");
  return { ...(key ? { Authorization: `Bearer ${key}` } : {}), ...extra };
}

/** What the server says is wrong: RFC 9457. */
export class Problem extends Error {
  constructor(status, body) {
    super(body?.detail ?? `the server answered ${status}`);
    this.status = status;
    this.code = body?.code;
    this.errors = body?.errors ?? [];
  }
}

async function send(method, path, body, extra) {
  let response;
  try {
    response = await fetch(path, { method, body, headers: headers(extra) });
    onLink(true);
  } catch {
    onLink(false);
    throw new Problem(0, { detail: "the daemon does not answer" });
  }
  if (response.ok) return response;
  throw new Problem(response.status, await response.json().catch(() => null));
}

export async function get(path) {
  return (await send("GET", path)).json();
}
export async function text(path) {
  return (await send("GET", path)).text();
}
export async function post(path, body, method = "POST") {
  const response = await send(
    method,
    path,
    body === undefined ? undefined : JSON.stringify(body),
    body === undefined ? {} : { "Content-Type": "application/json" },
  );
  return response.status === 204 ? null : response.json();
}
export async function remove(path) {
  await send("DELETE", path);
}

/** null instead of a problem: for what a server may not have. */
export async function maybe(path) {
  try {
    return await get(path);
  } catch (p) {
    if (p.status === 0) throw p;
    return null;
  }
}

/** Save what is at path as a file: a link could not bear the key. */
export async function download(path, name) {
  const href = URL.createObjectURL(await (await send("GET", path)).blob());
  const link = document.createElement("a");
  link.href = href;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(href), 10000);
}

/** All pages of a list, up to a number of elements. */
export async function all(path, most = 1000) {
  const data = [];
  for (let after = null; ;) {
    const page = await get(
      `${path}${path.includes("?") ? "&" : "?"}limit=${Math.min(1000, most)}${after === null ? "" : `&after=${encodeURIComponent(after)}`}`,
    );
    data.push(...page.data);
    after = page.next;
    if (after === null || data.length >= most) return data;
  }
}

/** The metrics of Prometheus' text: [{name, labels, value}]. */
export async function metrics() {
  const found = [];
  for (const line of (await text("/metrics")).split("\n")) {
    const match = /^([a-z_]+)(?:\{(.*)\})? (\S+)$/.exec(line);
    if (!match) continue;
    const labels = {};
    for (const [, k, v] of (match[2] ?? "").matchAll(/([a-z_]+)="([^"]*)"/g)) labels[k] = v;
    found.push({ name: match[1], labels, value: Number(match[3]) });
  }
  const sum = (name, labels = {}) =>
    found
      .filter(m => m.name === name && Object.entries(labels).every(([k, v]) => m.labels[k] === v))
      .reduce((a, m) => a + m.value, 0);
  return { found, sum };
}

/**
 * Server-sent events by fetch, which can bear a key.  It goes on by itself,
 * from the last id, as long as signal is not aborted: through a restart of the
 * daemon too.  fn(name, data) returns nothing; the end of the stream calls done().
 */
export async function stream(path, signal, fn, done = () => {}) {
  let last = null;
  while (!signal.aborted) {
    try {
      const response = await fetch(path, {
        signal,
        cache: "no-store",
        headers: headers({
          Accept: "text/event-stream",
          ...(last === null ? {} : { "Last-Event-ID": last }),
        }),
      });
      if (response.status >= 400 && response.status < 500)
        return done(new Problem(response.status, await response.json().catch(() => null)));
      if (response.ok) {
        onLink(true);
        let final = false;
        for await (const event of eventsOf(response)) {
          if (event.id) last = event.id;
          final = event.name === "status" && ["succeeded", "failed", "cancelled"].includes(event.data.status);
          fn(event.name, event.data);
        }
        if (final && !path.startsWith("/v1/events")) return done(null);
      }
    } catch {
      if (signal.aborted) return;
      onLink(false);
    }
    await new Promise(wake => setTimeout(wake, 700));
  }
}

async function* eventsOf(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const event = {};
      for (const line of block.split("\n")) {
        const i = line.indexOf(": ");
        if (i > 0) event[line.slice(0, i)] = line.slice(i + 2);
      }
      if (event.event) yield { id: event.id, name: event.event, data: JSON.parse(event.data) };
    }
  }
}

/** Upload a file with its progress: fn(fraction). */
export function upload(path, file, type, fn) {
  return new Promise((ok, fail) => {
    const x = new XMLHttpRequest();
    x.open("PUT", path);
    for (const [k, v] of Object.entries(headers({ "Content-Type": type }))) x.setRequestHeader(k, v);
    x.upload.onprogress = e => fn(e.lengthComputable ? e.loaded / e.total : 0);
    x.onload = () => {
      let body = null;
      try {
        body = JSON.parse(x.responseText);
      } catch {
        /* no JSON: the status tells */
      }
      x.status < 300 ? ok(body) : fail(new Problem(x.status, body));
    };
    x.onerror = () => fail(new Problem(0, { detail: "the upload broke off" }));
    x.send(file);
  });
}
