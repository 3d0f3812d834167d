"""Comes last: what all tests before it have seen is in the API's description."""

import json
import pathlib
import subprocess

import pytest

pytest.importorskip("jsonschema")

from openapi import Document  # noqa: E402
from support import DAEMON, SEEN, Answer  # noqa: E402


def undocumented(document, seen):
    """(method, path, status) that the document does not tell of."""
    unknown = []
    for method, path, status in sorted(seen):
        operation = document.operation(method, path)
        if operation is None:
            # Nothing is answered where nothing is documented, other than
            # problems, and OPTIONS, which every path has.
            if status < 400 and method != "OPTIONS":
                unknown.append((method, path, status))
        elif document.response(operation, status) is None:
            unknown.append((method, path, status))
    return unknown


def test_no_route_and_no_status_is_undocumented(client):
    document = Document(client.ok("GET", "/openapi.json", 200))
    assert not undocumented(document, SEEN)


def test_one_that_is_would_be_found(client):
    document = Document(client.ok("GET", "/openapi.json", 200))
    strange = [("GET", "/v1/nothing", 200), ("GET", "/v1/networks", 302),
               ("GET", "/v1/networks", 409), ("POST", "/v1/jobs", 201),
               ("DELETE", "/v1/networks", 204)]
    assert undocumented(document, strange) == sorted(strange)


# --- the same by somebody else's program ------------------------------------------

def pairs(headers):
    return [{"name": k, "value": str(v)} for k, v in headers.items()
            if v is not None]


def entry(method, path, headers, body, answer):
    """An exchange, as HTTP Archives have it."""
    query = path.partition("?")[2]
    request = {
        "method": method, "url": f"http://127.0.0.1{path}",
        "httpVersion": "HTTP/1.1", "headers": pairs(headers), "cookies": [],
        "queryString": [dict(zip(("name", "value"), x.partition("=")[::2]))
                        for x in query.split("&") if x],
        "headersSize": -1, "bodySize": len(body or b"")}
    if body:
        request["postData"] = {
            "mimeType": str(headers.get("Content-Type", "")),
            "text": body.decode("utf-8", "replace")}
    return {
        "startedDateTime": "2026-01-01T00:00:00.000Z", "time": 1,
        "request": request, "cache": {},
        "timings": {"send": 0, "wait": 1, "receive": 0},
        "response": {
            "status": answer.status, "statusText": "", "cookies": [],
            "httpVersion": "HTTP/1.1", "headers": pairs(answer.headers),
            "redirectURL": "", "headersSize": -1, "bodySize": len(answer.body),
            "content": {"size": len(answer.body),
                        "mimeType": answer.headers["Content-Type"] or "",
                        "text": answer.body.decode("utf-8", "replace")}}}


def drift(tmp_path, document, exchanges):
    """What redocly's comparison of traffic with a document finds."""
    tools = pathlib.Path(DAEMON).parent / "browser"
    install = pathlib.Path(__file__).parents[1] / "browser" / "install.sh"
    got = subprocess.run([install, tools], capture_output=True, text=True)
    if got.returncode == 77:
        pytest.skip(got.stdout.strip())
    assert got.returncode == 0, got
    (tmp_path / "openapi.json").write_text(json.dumps(document.json))
    (tmp_path / "seen.har").write_text(json.dumps({"log": {
        "version": "1.2", "creator": {"name": "tests", "version": "1"},
        "entries": [entry(*x) for x in exchanges]}}))
    subprocess.run(
        [tools / "node_modules/.bin/redocly", "drift", "seen.har", "--api",
         "openapi.json", "--server", "http://127.0.0.1", "--rules",
         "undocumented-endpoint,schema-consistency", "--format", "json",
         # The protocol it belongs to tells of this one.
         "--ignore-headers", "inference-header-content-length",
         "--output", "found.json"], cwd=tmp_path, capture_output=True,
        env={"PATH": f"{tools}/bin:/usr/bin:/bin", "HOME": str(tmp_path),
             "REDOCLY_TELEMETRY": "off",
             "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"})
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["run"]["totalExchanges"] == len(exchanges)
    return found["problems"]


def known_to_be(problem):
    """A request that we refuse may be wrong, and its path may be none; a colon
    that came encoded is no part of a number."""
    if "%3A" in problem["path"]:
        return True
    # What is told where no memory is left was made before, and has no id.
    if problem["status"] == 503 and '"request_id"' in problem["message"]:
        return True
    return problem["status"] >= 400 and (
        problem["target"] == "request"
        or problem["ruleId"] == "undocumented-endpoint")


@pytest.mark.heavy
def test_redocly_finds_nothing_undocumented(client, tmp_path):
    document = Document(client.ok("GET", "/openapi.json", 200))
    exchanges = [x for kept in SEEN.values() for x in kept
                 if x[0] not in ("OPTIONS", "HEAD")
                 # It unpacks nothing.
                 and "Content-Encoding" not in x[2]
                 and "Content-Encoding" not in x[4].headers
                 # What a dry run is asked may be wrong: its 200 tells how.
                 and not ("dry_run" in x[1] and b'"pointer"' in x[4].body)]
    problems = [f"{p['method']} {p['path']} {p['status']}: {p['message']}"
                for p in drift(tmp_path, document, exchanges)
                if not known_to_be(p)]
    assert not problems, "\n".join(problems[:20])


@pytest.mark.heavy
def test_redocly_would_find_it(client, tmp_path):
    document = Document(client.ok("GET", "/openapi.json", 200))
    kind = {"Content-Type": "application/json"}
    strange = [("GET", "/v1/nothing", {}, None, Answer(200, kind, b"{}")),
               ("GET", "/v1/networks", {}, None,
                Answer(200, kind, b'{"data":[],"next":null,"more":1}'))]
    found = [p for p in drift(tmp_path, document, strange)
             if not known_to_be(p)]
    assert {p["ruleId"] for p in found} == {"undocumented-endpoint",
                                            "schema-consistency"}
