"""/openapi.json tells the truth: of what is taken, and of what is answered."""

import json
import re
import string
import subprocess
import urllib.parse

import pytest

hypothesis = pytest.importorskip("hypothesis")
jsonschema = pytest.importorskip("jsonschema")

from hypothesis import HealthCheck, given, settings, strategies as st  # noqa: E402

from openapi import Document  # noqa: E402
from support import DAEMON, HEAVY, XOR, Answer  # noqa: E402,F401


@pytest.fixture(scope="module")
def document(client):
    return Document(client.ok("GET", "/openapi.json", 200))


def test_every_route_is_in_it_and_nothing_else(document):
    if not DAEMON:
        pytest.skip("needs BACKPROPD, the daemon's path")
    routes = subprocess.run([DAEMON, "--print-routes"], capture_output=True,
                            text=True, check=True).stdout.splitlines()
    # "/v2/" is "/v2".
    assert {(line.split()[0], line.split()[1].rstrip("/") or "/")
            for line in routes} == {
        (method, path) for method, path, _ in document.operations()}


def test_its_schemas_are_schemas(document):
    for schema in document.json["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)
    ids = [o["operationId"] for _, _, o in document.operations()]
    assert len(ids) == len(set(ids))


def test_a_request_says_what_the_reader_takes(document):
    job = document.json["components"]["schemas"]["JobRequest"]
    assert job["required"] == ["network", "dataset"]
    assert job["properties"]["epochs"]["minimum"] == 1
    assert job["additionalProperties"] is False
    dense = document.json["components"]["schemas"]["LayerDense"]
    assert dense["properties"]["units"]["maximum"] == 65536
    assert dense["required"] == ["type", "units"]


def test_every_parameter_of_a_query_is_told(document):
    found = {}
    for method, path, operation in document.operations():
        for parameter in map(document.follow, operation.get("parameters", [])):
            assert "schema" in parameter, (method, path, parameter)
            if parameter["in"] != "query":
                continue
            told = parameter.get("description", "")
            assert told.endswith("."), (method, path, parameter)
            found.setdefault(parameter["name"], set()).add(told)
    assert {"header", "target", "types", "task", "columns", "on_error", "top",
            "job", "dry_run", "status", "network"} <= set(found)
    # One word for two things has a sentence for each.
    assert len(found["types"]) == len(found["after"]) == 2
    shared = document.json["components"]["parameters"]
    assert {p["name"] for p in shared.values() if p["in"] == "query"} == {
        *found}


@pytest.mark.parametrize("parameter", ["task", "delimiter", "on_error", "header",
                                       "text_size"])
def test_a_query_takes_what_is_told_and_nothing_else(client, document, name,
                                                     parameter):
    schema = document.json["components"]["parameters"][parameter]["schema"]
    values = schema.get("enum") or {
        "boolean": ["true", "false"],
        "integer": [schema.get("minimum"), schema.get("maximum")]}[
            schema["type"]]
    body = "x;a;y\n" + "".join(f"{i};{i};{i % 2}\n" for i in range(9))
    for i, value in enumerate(values):
        text = body.replace(";", {"tab": "\t"}.get(value, value)
                            if parameter == "delimiter" else ",")
        client.dataset(f"{name}.{i}", text, "?" + urllib.parse.urlencode(
            {parameter: value}))
    for wrong in ("magic", str(schema.get("maximum", 0) + 1)):
        answer = client.put(f"/v1/datasets/{name}?{parameter}={wrong}",
                            body=body, headers={"Content-Type": "text/csv"})
        assert answer.status == 400, answer


def test_what_is_told_to_be_missing_is(client, document, name):
    for path, method in (("/v1/datasets/{name}", "put"),
                         ("/v1/datasets", "post")):
        told = document.json["paths"][path][method]["description"]
        words = re.findall("`([^`]+)`", re.search(
            "a cell is missing where it is empty, or one of (.*?);",
            told).group(1))
        assert len(words) >= 15
    text = "x,y\n1,1\n" + "".join(f"{w},{i}\n" for i, w in enumerate(words))
    x = client.dataset(name, text)["columns"][0]
    assert (x["type"], x["missing"]) == ("numeric", len(words))


def examples(document, path, method="post"):
    """(media type, name, value) of each."""
    body = document.json["paths"][path][method]["requestBody"]["content"]
    return [(kind, name, example["value"]) for kind, of in body.items()
            for name, example in of.get("examples", {}).items()]


def test_examples_are_what_the_schemas_say(document):
    n = 0
    for method, path, operation in document.operations():
        body = operation.get("requestBody", {}).get("content", {})
        schema = body.get("application/json", {}).get("schema")
        for kind, _, value in examples(document, path, method.lower()) \
                if body else []:
            n += 1
            if kind == "application/json" and schema is not None:
                document.validator(schema).validate(value)
    assert n >= 8


def test_examples_work(new_daemon, document):
    client = new_daemon().start().client
    made = examples(document, "/v1/datasets/{name}", "put")
    assert {kind for kind, _, _ in made} >= {
        "text/csv", "application/json", "application/x-ndjson"}
    for i, (kind, _, value) in enumerate(made):
        client.ok("PUT", f"/v1/datasets/{'xor' if i == 0 else f'd{i}'}", 201,
                  body=value if isinstance(value, str) else json.dumps(value),
                  headers={"Content-Type": kind})
    for _, _, value in examples(document, "/v1/networks"):
        client.ok("POST", "/v1/networks", 201, json_body=value)
    for _, _, value in examples(document, "/v1/jobs"):
        client.succeeded(client.ok("POST", "/v1/jobs", 202,
                                   json_body=value)["id"])
    for action in ("predict", "evaluate"):
        asked = examples(document, f"/v1/networks/{{name}}/{action}")
        assert asked
        for _, _, value in asked:
            client.ok("POST", f"/v1/networks/xor/{action}", 200,
                      json_body=value)


def test_what_the_schema_lists_the_reader_knows(client, document, name):
    """Each member alone, with a value of no type: a mistake, never unknown."""
    for path, schema in (("/v1/networks", "NetworkRequest"),
                         ("/v1/jobs", "JobRequest")):
        members = document.json["components"]["schemas"][schema]["properties"]
        assert len(members) >= 5
        answer = client.post(path, {m: {"no": "such"} for m in members})
        assert answer.status == 422
        for error in answer.json["errors"]:
            if error.get("pointer", "").count("/") == 1:
                assert "unknown member" not in error["detail"], error


def test_a_shown_job_can_be_asked_for_again(client, document, name):
    """What a job shows of its spec fits the schema of a request."""
    client.network(name, [(2, "tanh"), (1, "sigmoid")], 2)
    client.dataset(name, XOR)
    shown = client.job(client.submit(name, name, epochs=1))
    known = document.json["components"]["schemas"]["JobRequest"]["properties"]
    again = {k: v for k, v in shown.items() if k in known}
    jsonschema.Draft202012Validator(
        {"$ref": "#/components/schemas/JobRequest"},
        resolver=document.resolver).validate(again)


# --- requests made from the document ---------------------------------------------

NASTY = ["", "x", "..", "%00", "%2e%2e", "a" * 300, "0", "-1", "1e3", "1" * 30,
         "x%2fy", "Ä", "a b", "'", "\"", "<b>", "null", "latest"]
WORDS = st.sampled_from(
    ["n", "d", "m"] + ["", "N", "a" * 64, "\u0000", "\ud7ff", "é" * 40, "x y",
                       "../d", "{}", "[]", "%s%n", "constructor"])
NUMBERS = st.one_of(
    st.integers(-3, 40), st.floats(-2, 2, allow_nan=False),
    st.sampled_from([2**31, 2**53, 2**63, -2**63, 2**64, 1e308, -1e308, 1e-320,
                     0.5, -0.0]))
ANYTHING = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, WORDS),
    lambda inner: st.one_of(st.lists(inner, max_size=4),
                            st.dictionaries(WORDS, inner, max_size=4)),
    max_leaves=8)


class Maker:
    """Values for schemas, right ones and nearly right ones."""

    def __init__(self, document, draw, wrong):
        self.document, self.draw, self.wrong = document, draw, wrong

    def slip(self):
        """Now and then, where it may be wrong: once in a dozen members."""
        return self.wrong and self.draw(st.integers(0, 11)) == 0

    def value(self, schema, name=""):
        if self.slip():
            return self.draw(ANYTHING)
        schema = self.document.follow(schema)
        if schema.get("pattern", "").startswith("^[a-z0-9]"):
            return {"network": "n", "dataset": "d"}.get(
                name, self.draw(st.sampled_from(["n", "d", "m", "new"])))
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self.draw(st.sampled_from(schema["enum"]))
        for many in ("oneOf", "anyOf"):
            if many in schema:
                return self.value(self.draw(st.sampled_from(schema[many])),
                                  name)
        kind = schema.get("type", "anything")
        if isinstance(kind, list):
            kind = self.draw(st.sampled_from(kind))
        return getattr(self, kind)(schema)

    def anything(self, schema):
        return self.draw(ANYTHING)

    def null(self, schema):
        return None

    def boolean(self, schema):
        return self.draw(st.booleans())

    def string(self, schema):
        return self.draw(WORDS)

    def integer(self, schema):
        low = schema.get("minimum", 0)
        if self.slip():
            return low - 1
        # Small ones: what is large is made, and stored, in its size.
        return self.draw(st.integers(low, min(schema.get("maximum", 20),
                                              low + 9)))

    def number(self, schema):
        low = schema.get("minimum", schema.get("exclusiveMinimum", 0))
        high = schema.get("maximum", schema.get("exclusiveMaximum", low + 1))
        if self.slip():
            return low - 0.5
        return self.draw(st.floats(low, min(high, low + 10),
                                   exclude_min="exclusiveMinimum" in schema,
                                   exclude_max="exclusiveMaximum" in schema))

    def array(self, schema):
        low = schema.get("minItems", 0)
        n = self.draw(st.integers(low, min(schema.get("maxItems", 3), low + 2)))
        if self.slip():
            n = 0
        return [self.value(schema.get("items", {})) for _ in range(n)]

    def object(self, schema):
        must = schema.get("required", [])
        made = {name: self.value(inner, name)
                for name, inner in schema.get("properties", {}).items()
                if (name in must and not self.slip())
                or self.draw(st.booleans())}
        if self.slip():
            made[self.draw(WORDS)] = self.draw(ANYTHING)
        return made


def path_of(draw, path, wrong):
    for name, good in (("{name}", ["n", "d", "m", "new"]),
                       ("{id}", ["1", "2", "3"]), ("{v}", ["0", "1"]),
                       ("{file}", ["app.js", "style.css"])):
        path = path.replace(name, draw(st.sampled_from(good + NASTY * wrong)))
    return path.replace(" ", "%20").replace('"', "%22").replace("Ä", "%C3%84")


def query_of(document, draw, operation, wrong):
    pairs = []
    for parameter in map(document.follow, operation.get("parameters", [])):
        if parameter["in"] == "query" and draw(st.integers(0, 3)) == 0:
            value = draw(st.sampled_from(["1", "2", "true"] + NASTY * wrong))
            pairs.append(f"{parameter['name']}={value}")
    if wrong and draw(st.integers(0, 9)) == 0:
        pairs.append(draw(st.sampled_from(["", "=", "no=1", "limit", "&&",
                                           "limit=1&limit=2", "%zz=1"])))
    return "?" + "&".join(pairs).replace(" ", "+").replace(
        '"', "%22").replace("Ä", "%C3%84") if pairs else ""


def body_of(document, draw, operation, wrong):
    """(body, Content-Type); None: no body."""
    content = operation.get("requestBody", {}).get("content", {})
    if not content:
        return (draw(st.sampled_from([None, "{}"])) if wrong else None,
                "application/json")
    kind = draw(st.sampled_from(list(content)))
    if wrong and draw(st.integers(0, 5)) == 0:
        kind = draw(st.sampled_from(["text/plain", "", "application/json",
                                     "multipart/form-data; boundary=", "a/b"]))
    if wrong and draw(st.integers(0, 5)) == 0:
        return draw(st.one_of(
            st.binary(max_size=60),
            st.text(string.printable, max_size=60).map(str.encode),
            st.sampled_from([b"[" * 100, b'{"a":' * 50, b"1e999", b"NaN",
                             b"\xff\xfe", b"\xef\xbb\xbf{}", b'{"a":1,"a":2}',
                             b"a,b\n1", b"\x93NUMPY", b"\x1f\x8b\x08"]))), kind
    schema = content.get(kind, {}).get("schema")
    if schema is None:
        return draw(st.sampled_from(
            [XOR, "a,b\n1,x\n2,y\n", '{"inputs":[[0,1]],"targets":[[1]]}',
             '{"a":1,"b":2}\n', "a\n", ""])), kind
    return json.dumps(Maker(document, draw, wrong).value(schema)), kind


def small(path, body):
    """Keep the daemon from a job or a network that takes the whole machine."""
    return path != "/v1/keys" and (body is None or len(body) < 20000)


@pytest.mark.parametrize("wrong", [False, True], ids=["valid", "hostile"])
def test_generated_requests(new_daemon, wrong):
    client = new_daemon("--workers", "1").start().client
    document = Document(client.ok("GET", "/openapi.json", 200))
    client.network("n", [(3, "tanh"), (1, "sigmoid")], 2)
    client.dataset("d", XOR)
    client.train("n", "d", epochs=3)
    operations = [(m, p, o) for m, p, o in document.operations()
                  if "text/event-stream" not in
                  str(o["responses"].get("200", ""))
                  and not p.endswith("/backup")]
    seen = {}

    @settings(max_examples=12000 if HEAVY else 300, deadline=None,
              database=None, derandomize=True,
              suppress_health_check=list(HealthCheck))
    @given(st.data())
    def run(data):
        draw = data.draw
        method, path, operation = draw(st.sampled_from(operations))
        target = (path_of(draw, path, wrong)
                  + query_of(document, draw, operation, wrong))
        body, kind = body_of(document, draw, operation, wrong)
        if method == "DELETE" and draw(st.integers(0, 4)) != 0:
            return  # or there would be nothing to ask about
        if not small(path, body):
            return
        answer = client.request(method, target, body=body,
                                headers={"Content-Type": kind})
        seen[answer.status] = seen.get(answer.status, 0) + 1
        assert answer.status < 500, (method, target, body, answer)
        if document.operation(method, target.partition("?")[0]) is operation:
            document.check(operation, answer)

    run()
    assert seen.get(200, 0) > 10, seen
    assert sum(seen.values()) >= (10000 if HEAVY else 150), seen
    if wrong:
        assert {400, 404, 422} <= set(seen), seen
