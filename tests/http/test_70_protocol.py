"""HTTP itself: what every endpoint has in common."""

import gzip
import http.client
import json
import re
import select
import socket
import subprocess

import pytest

from support import DAEMON, gzipped, line_data, wait_until


@pytest.fixture(scope="module")
def pages(client):
    """A path for every GET route, all of which answer 200."""
    client.network("protocol", [(1, "linear")], 1)
    client.dataset("protocol", line_data())
    job = client.train("protocol", "protocol", epochs=1)["id"]
    net = "/v1/networks/protocol"
    return ["/healthz", "/readyz", "/v1/networks", net, f"{net}/versions",
            f"{net}/versions/0", f"{net}/versions/0/weights", "/v1/datasets",
            "/v1/datasets/protocol", "/v1/jobs", f"/v1/jobs/{job}",
            f"/v1/jobs/{job}/history"]


@pytest.mark.parametrize("path", [
    "/v1", "/v1/", "/v2x", "/v1/networks/", "/v1//networks", "//",
    "/v1/../healthz", "/v1/networks/a/b", "/v1/networks/a/versions/1/2",
    "/healthz/", "/HEALTHZ", "/%68ealthz", "/v1/networks/%2e%2e%2fx",
    "/v1/networks/%zz", "/v1/jobs/1/pauses", "/v1/networks/" + "a" * 5000,
    "/etc/passwd", "/v1/networks/x%2fversions"])
def test_what_is_not_there(client, path):
    assert client.get(path).status == 404


@pytest.mark.parametrize("method, path, allow", [
    ("POST", "/healthz", {"GET", "HEAD"}),
    ("PUT", "/v1/networks", {"GET", "HEAD", "POST"}),
    ("POST", "/v1/networks/x", {"GET", "HEAD", "PATCH", "DELETE"}),
    ("PUT", "/v1/networks/x/versions/1", {"GET", "HEAD", "DELETE"}),
    ("GET", "/v1/networks/x/weights", {"PUT"}),
    ("POST", "/v1/datasets/x", {"GET", "HEAD", "PUT", "DELETE"}),
    ("PATCH", "/v1/jobs", {"GET", "HEAD", "POST"}),
    ("GET", "/v1/jobs/1/cancel", {"POST"}),
    ("GET", "/v1/networks/x/predict", {"POST"}),
    ("TRACE", "/healthz", {"GET", "HEAD"}),
])
def test_a_method_that_is_not_there(client, method, path, allow):
    answer = client.request(method, path)
    assert answer.status == 405, answer
    told = set(re.split(r", *", answer.headers["Allow"]))
    assert told - {"OPTIONS"} == allow


@pytest.mark.parametrize("method", ["FOO", "get", "X" * 200])
def test_a_method_nobody_knows(client, method):
    assert client.request(method, "/healthz").status == 501


def test_options_tells_what_is_allowed(client):
    answer = client.request("OPTIONS", "/v1/networks")
    assert answer.status == 204
    assert {"GET", "HEAD", "POST"} <= set(
        re.split(r", *", answer.headers["Allow"]))
    assert client.request("OPTIONS", "*").status == 204
    assert client.request("OPTIONS", "/nowhere").status == 404


def test_head_is_get_without_the_body(client, pages):
    for path in pages:
        full = client.get(path)
        head = client.request("HEAD", path)
        assert (full.status, head.status) == (200, 200), path
        for header in ("Content-Type", "Content-Length"):
            assert head.headers[header] == full.headers[header], path


def test_head_of_what_is_not_there(client):
    answer = client.request("HEAD", "/v1/networks/not-there", check=False)
    assert answer.status == 404 and answer.body == b""


def test_get_has_no_body(client, pages):
    for path in pages:
        answer = client.get(path, body="{}")
        assert answer.status == 400, (path, answer)


# --- request ids ------------------------------------------------------------------

def test_a_sane_request_id_is_kept(client):
    for own in ("a", "Trace-1.2_3", "x" * 64):
        answer = client.get("/v1/jobs/0", headers={"X-Request-Id": own})
        assert answer.headers["X-Request-Id"] == own
        assert answer.json["request_id"] == own


@pytest.mark.parametrize("own", ["", "a b", "x" * 65, "a\tb", "é", "a;b",
                                 "<script>"])
def test_another_one_is_replaced(client, own):
    answer = client.get("/healthz",
                        headers={"X-Request-Id": own.encode("latin-1")})
    assert answer.status == 200
    assert answer.headers["X-Request-Id"] != own


def test_the_log_has_the_request_id(daemon, client):
    client.get("/v1/jobs/0", headers={"X-Request-Id": "find-me-in-the-log"})
    wait_until(lambda: "find-me-in-the-log" in daemon.log_text(), 10)


# --- bodies -----------------------------------------------------------------------

@pytest.mark.parametrize("kind", [
    "text/plain", "text/csv", "multipart/form-data; boundary=x",
    "application/json; charset=latin1", "application/jsonp", "json", ""])
def test_a_media_type_that_is_not_read(client, kind):
    answer = client.post("/v1/networks", body="{}",
                         headers={"Content-Type": kind})
    assert answer.status == 415, answer


@pytest.mark.parametrize("kind", [
    "application/json", "Application/JSON", "application/json; charset=utf-8",
    'application/json;charset="UTF-8"'])
def test_media_types_that_are(client, kind):
    answer = client.post("/v1/networks", body="{}",
                         headers={"Content-Type": kind})
    assert answer.status == 422, answer


def test_a_body_may_be_packed(client, name):
    body = gzipped(json.dumps({
        "name": name, "input_shape": [1], "loss": "mse",
        "layers": [{"type": "dense", "units": 1}]}).encode())
    answer = client.post("/v1/networks", body=body,
                         headers={"Content-Encoding": "gzip"})
    assert answer.status == 201, answer


@pytest.mark.parametrize("coding", ["br", "gzip, gzip", "deflate", "zstd"])
def test_a_coding_that_is_not_read(client, coding):
    answer = client.post("/v1/networks", body="{}",
                         headers={"Content-Encoding": coding})
    assert answer.status == 415, answer


@pytest.mark.parametrize("body", [
    pytest.param(b"{}", id="not packed"),
    pytest.param(b"", id="empty"),
    pytest.param(gzipped(b"{")[:-5], id="cut short"),
    pytest.param(b"\x1f\x8b" + bytes(20), id="no deflate in it"),
    pytest.param(gzipped(b"{}") + b"x", id="more behind it")])
def test_a_body_that_is_not_packed_so(client, name, body):
    for method, path in (("POST", "/v1/networks"),
                         ("PUT", f"/v1/datasets/{name}")):
        answer = client.request(method, path, body=body,
                                headers={"Content-Encoding": "gzip"})
        assert answer.status == 400, (path, answer)
        assert answer.json["code"] == "malformed"


def test_a_packed_body_does_not_get_around_the_limit(client):
    answer = client.post("/v1/networks", body=gzipped(b" " * (8 << 20)),
                         headers={"Content-Encoding": "gzip"})
    assert answer.status == 413, answer


def status_of(raw):
    return int(raw.split(b" ", 2)[1]) if raw.startswith(b"HTTP/1.1 ") else None


def test_a_body_over_the_limit_is_refused_by_its_length(client):
    for length in (2 << 20, 2**63 - 1):
        raw = client.raw((
            "POST /v1/networks HTTP/1.1\r\nHost: localhost\r\n"
            "Content-Type: application/json\r\n"
            f"Content-Length: {length}\r\n\r\n12345").encode())
        assert status_of(raw) == 413, raw


def test_a_body_over_the_limit_without_a_length(client):
    with client.connect() as link:
        link.sendall(b"POST /v1/networks HTTP/1.1\r\nHost: localhost\r\n"
                     b"Content-Type: application/json\r\n"
                     b"Transfer-Encoding: chunked\r\n\r\n")
        try:
            for _ in range(40):
                link.sendall(b"10000\r\n" + b" " * 65536 + b"\r\n")
            link.sendall(b"0\r\n\r\n")
        except ConnectionError:
            pass
        try:
            raw = link.recv(65536)
        except ConnectionError:
            raw = b""
    assert raw == b"" or status_of(raw) == 413


def test_a_client_that_asks_first_is_told_before_it_sends(client):
    with client.connect() as link:
        link.sendall(b"POST /v1/networks HTTP/1.1\r\nHost: localhost\r\n"
                     b"Content-Type: application/json\r\n"
                     b"Expect: 100-continue\r\nContent-Length: 9999999\r\n\r\n")
        assert status_of(link.recv(65536)) == 413


def test_a_client_that_asks_first_may_go_on(client):
    with client.connect() as link:
        link.sendall(b"POST /v1/networks HTTP/1.1\r\nHost: localhost\r\n"
                     b"Content-Type: application/json\r\n"
                     b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        assert status_of(link.recv(65536)) == 100
        link.sendall(b"{}")
        assert status_of(link.recv(65536)) == 422


# --- answers that go out packed ---------------------------------------------------

PACKED = {"Accept-Encoding": "gzip"}


@pytest.fixture(scope="module")
def long_pages(client):
    """Answers of at least 1 KiB, of every kind of text."""
    client.network("packed", [(20, "tanh")] * 6 + [(1, "linear")], 20)
    assert len(client.get("/v1/networks/packed").body) >= 1024
    return ["/v1/networks/packed", "/v1/networks/packed/versions/0/weights",
            "/openapi.json", "/", "/dashboard/app.js",
            "/dashboard/style.css", "/metrics"]


def ask(client, path, method="GET", **headers):
    return client.request(method, path, check=False, headers={
        name.replace("_", "-"): value for name, value in headers.items()})


def coding_of(answer):
    return answer.headers["Content-Encoding"]


def test_long_answers_go_out_packed(client, long_pages):
    for path in long_pages:
        plain, packed = client.get(path), ask(client, path, **PACKED)
        assert (coding_of(plain), coding_of(packed)) == (None, "gzip"), path
        assert len(packed.body) < len(plain.body) * 0.7, path
        if path != "/metrics":  # which counts these requests
            assert gzip.decompress(packed.body) == plain.body, path
        for answer in (plain, packed):
            assert answer.headers["Vary"] == "Accept-Encoding", path
        assert (packed.headers["Content-Type"] ==
                plain.headers["Content-Type"]), path


def test_short_answers_and_numbers_do_not(client, long_pages):
    for path, accept in [("/healthz", "*/*"), ("/v1/jobs/0", "*/*"), (
            "/v1/networks/packed/versions/0/weights?format=safetensors",
            "*/*")]:
        answer = ask(client, path, Accept=accept, **PACKED)
        assert coding_of(answer) is None and "Vary" not in answer.headers, path
    for accept in ("application/octet-stream", "application/x-npy"):
        answer = client.post(
            "/v1/networks/packed/predict", check=False,
            json_body={"inputs": [[0] * 20] * 1000},
            headers={"Accept": accept, **PACKED})
        assert answer.status == 200 and len(answer.body) >= 4000
        assert coding_of(answer) is None and "Vary" not in answer.headers


def test_predictions_and_problems_too(client, long_pages):
    for path, body, status in (
            ("/v1/networks/packed/predict", {"inputs": [[0] * 20] * 1000}, 200),
            ("/v1/networks", {"layers": [{"type": "dense"}] * 16}, 422)):
        plain, packed = (client.post(
            path, check=False, json_body=body, headers={
                "Accept-Encoding": coding, "X-Request-Id": "same"})
            for coding in ("identity", "gzip"))
        assert plain.status == packed.status == status
        assert coding_of(packed) == "gzip"
        assert gzip.decompress(packed.body) == plain.body


@pytest.mark.parametrize("accepted, coding", [
    ("gzip", "gzip"), ("GZip", "gzip"), ("gzip, deflate, br", "gzip"),
    ("deflate,gzip;q=0.5", "gzip"), ("*", "gzip"), ("*;q=0.1", "gzip"),
    ("gzip;q=1, identity;q=0.5", "gzip"), ("br;q=1.0, gzip ; q=0.8", "gzip"),
    ("identity;q=0, *", "gzip"), ("", None), ("identity", None),
    ("gzip;q=0", None), ("gzip;q=0.000", None), ("*;q=0", None),
    ("gzip;q=0, *", None), ("br", None), ("deflate", None), ("gzipped", None),
    ("identity, gzip;q=0.5", None), ("not-gzip", None), (";;,", None)])
def test_which_codings_a_client_takes(client, accepted, coding):
    answer = ask(client, "/openapi.json", Accept_Encoding=accepted)
    assert answer.status == 200 and coding_of(answer) == coding
    assert answer.headers["Vary"] == "Accept-Encoding"


def test_head_tells_of_the_packed_answer(client, long_pages):
    for path in long_pages:
        if path == "/metrics":
            continue
        full = ask(client, path, **PACKED)
        head = ask(client, path, "HEAD", **PACKED)
        assert head.body == b""
        for header in ("Content-Type", "Content-Length", "Content-Encoding",
                       "Vary", "ETag"):
            assert head.headers[header] == full.headers[header], (path, header)


def test_each_form_has_its_tag(client):
    """A strong tag is of bytes, and these are others."""
    tags = {}
    for coding in ("identity", "gzip"):
        first = ask(client, "/openapi.json", Accept_Encoding=coding)
        tag = tags[coding] = first.headers["ETag"]
        assert re.fullmatch(r'"[0-9a-f]+"', tag)
        for told in (tag, f"W/{tag}", f'"x", {tag}', "*"):
            again = ask(client, "/openapi.json", Accept_Encoding=coding,
                        If_None_Match=told)
            assert (again.status, again.body) == (304, b"")
            assert again.headers["ETag"] == tag
            assert again.headers["Vary"] == "Accept-Encoding"
            assert coding_of(again) is None
    assert tags["identity"] != tags["gzip"]
    other = ask(client, "/openapi.json", Accept_Encoding="identity",
                If_None_Match=tags["gzip"])
    assert other.status == 200 and other.body[:1] == b"{"


@pytest.mark.parametrize("coding", ["identity", "gzip"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_304_tells_the_length_of_the_200(client, method, coding):
    """Or none at all (RFC 9110, 8.6), and no byte of it is sent."""
    for path in ("/openapi.json", "/docs"):
        full = ask(client, path, Accept_Encoding=coding)
        raw = client.raw((
            f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n"
            f"Accept-Encoding: {coding}\r\n"
            f"If-None-Match: {full.headers['ETag']}\r\n\r\n"
            "GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
            "Connection: close\r\n\r\n").encode())
        first, second = raw.split(b"\r\n\r\n", 1)
        assert status_of(first) == 304 and status_of(second) == 200
        told = re.findall(rb"(?im)^content-length: (\d+)", first)
        assert told in ([], [full.headers["Content-Length"].encode()])
        assert not re.search(rb"(?im)^(content-type|transfer-encoding)", first)


# --- what the client believes to be there --------------------------------------------

def changed_by(client, name):
    """(method, path, body, status) of what has a tag, the last one deletes it."""
    client.network(name, [(1, "linear")], 1)
    client.dataset(name, line_data())
    job = client.train(name, name, epochs=1)["id"]
    client.train(name, name, epochs=1)  # or version 1 would have to stay
    network = f"/v1/networks/{name}"
    return [("DELETE", f"{network}/versions/1", None, 204),
            ("DELETE", f"/v1/jobs/{job}", None, 204),
            ("DELETE", f"/v1/datasets/{name}", None, 204),
            ("PATCH", network, {"keep_versions": 5}, 200),
            ("DELETE", network, None, 204)]


def test_a_thing_that_is_another_by_now_is_left_alone(client, name):
    for method, path, body, status in changed_by(client, name):
        tag = client.get(path).headers["ETag"]
        for told in ('"wrong"', f"W/{tag}", tag[:-1], tag.strip('"'), "",
                     '"a", "b"'):
            answer = client.request(method, path, json_body=body,
                                    headers={"If-Match": told})
            assert answer.status == 412, (path, told, answer)
            assert answer.json["code"] == "precondition_failed"
        assert client.get(path).headers["ETag"] == tag
        answer = client.request(method, path, json_body=body,
                                headers={"If-Match": f'W/"x", {tag}'})
        assert answer.status == status, (path, answer)


def test_any_thing_will_do(client, name):
    for method, path, body, status in changed_by(client, name):
        assert client.request(method, path, json_body=body, headers={
            "If-Match": "*"}).status == status, path


def test_nothing_is_not_anything(client, name):
    path = f"/v1/datasets/{name}"
    how = {"Content-Type": "text/csv", "If-Match": "*"}
    assert client.put(path, body=line_data(), headers=how).status == 412
    assert client.get(path).status == 404
    client.dataset(name, line_data())
    assert client.put(path, body=line_data(), headers=how).status != 412


def test_a_tag_is_good_until_something_changes(client, name):
    path = f"/v1/networks/{name}"
    client.network(name, [(1, "linear")], 1)
    first = client.get(path).headers["ETag"]
    client.ok("PATCH", path, 200, json_body={"keep_versions": 3},
              headers={"If-Match": first})
    answer = client.patch(path, {"keep_versions": 4},
                          headers={"If-Match": first})
    assert answer.status == 412
    assert client.get(path).json["keep_versions"] == 3


def test_the_tag_of_the_packed_form_will_do(client, name):
    path = f"/v1/networks/{name}"
    client.network(name, [(2, "tanh")] * 12, 2)
    packed = ask(client, path, **PACKED)
    assert coding_of(packed) == "gzip"
    assert client.patch(path, {"keep_versions": 4}, headers={
        "If-Match": packed.headers["ETag"]}).status == 200
    assert client.delete(path, headers={
        "If-Match": packed.headers["ETag"]}).status == 412


def test_what_is_not_there_or_has_no_tag(client, name):
    tag = {"If-Match": '"0123456789abcdef"'}
    # Without the header it would be 404, and so it is with it.
    for path in (f"/v1/networks/{name}", f"/v1/datasets/{name}", "/v1/jobs/0"):
        assert client.delete(path, headers=tag).status == 404, path
    # A PUT would make it.
    answer = client.put(f"/v1/datasets/{name}", body=line_data(), headers={
        "Content-Type": "text/csv", **tag})
    assert answer.status == 412, answer
    assert client.get(f"/v1/datasets/{name}").status == 404
    client.network(name, [(1, "linear")], 1)
    for method, path, body in (
            ("POST", "/v1/jobs", {"network": name, "dataset": name}),
            ("POST", "/v1/jobs/0/pause", None),
            ("POST", f"/v1/networks/{name}/predict", {"inputs": [[1]]}),
            ("PUT", f"/v1/networks/{name}/weights", {"layers": []})):
        answer = client.request(method, path, json_body=body, headers=tag)
        assert answer.status == 412, (path, answer)
        assert "ETag" in answer.json["detail"]
    assert client.predict(name, [[1]], version=0)["version"] == 0
    assert client.get(f"/v1/networks/{name}", headers=tag).status == 200


# --- connections --------------------------------------------------------------------

def test_many_requests_on_one_connection(client):
    link = http.client.HTTPConnection(client.host, client.port, timeout=20)
    sockets = set()
    for path, status in [("/healthz", 200), ("/nowhere", 404),
                         ("/v1/networks", 200), ("/v1/jobs/0", 404)] * 5:
        link.request("GET", path)
        sockets.add(link.sock)
        response = link.getresponse()
        response.read()
        assert response.status == status
    assert len(sockets) == 1
    link.close()


def test_pipelined_requests_are_answered_in_order(client):
    count = 50
    text = "".join(
        f"GET /v1/jobs/0 HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: r{i}\r\n"
        f"{'Connection: close' if i == count - 1 else 'Accept: */*'}\r\n\r\n"
        for i in range(count))
    raw = client.raw(text.encode())
    ids = re.findall(rb"X-Request-Id: (r\d+)", raw)
    assert ids == [f"r{i}".encode() for i in range(count)]


def test_a_client_that_goes_away_is_no_trouble(client, name):
    client.network(name, [(512, "tanh"), (1, "linear")], 64)
    body = json.dumps({"inputs": [[0.5] * 64] * 2000})
    request = (f"POST /v1/networks/{name}/predict HTTP/1.1\r\n"
               "Host: localhost\r\nContent-Type: application/json\r\n"
               f"Content-Length: {len(body)}\r\n\r\n{body}").encode()
    for cut in (10, 100, len(request) // 2, len(request)):
        for _ in range(5):
            link = client.connect()
            link.sendall(request[:cut])
            link.close()
    assert client.get("/healthz").status == 200


def test_security_headers_are_there(client, pages):
    for path in pages + ["/nowhere"]:
        headers = client.get(path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "Access-Control-Allow-Origin" not in headers


def test_a_page_elsewhere_cannot_reach_us_by_name(client):
    """DNS rebinding: the browser sends the name the page was loaded by."""
    for host in ("evil.example", "localhost.evil.example", "127.evil.example"):
        answer = client.get("/v1/networks", headers={"Host": host})
        assert answer.status == 421, host
    for host in ("localhost", "127.0.0.1:80", "[::1]:8080", "LOCALHOST:1"):
        assert client.get("/healthz", headers={"Host": host}).status == 200


def test_ipv6(new_daemon):
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no [::1]")
    client = new_daemon("--listen", "[::1]:0").start().client
    assert client.host == "::1"
    assert client.get("/healthz").status == 200


# --- the table of routes ----------------------------------------------------------------

def test_every_route_has_been_tried_here(client, pages):
    """What the program lists, it answers: nothing is only on paper."""
    if not DAEMON:
        pytest.skip("needs BACKPROPD, the daemon's path")
    routes = [line.split()[:2] for line in subprocess.run(
        [DAEMON, "--print-routes"], capture_output=True, text=True,
        check=True).stdout.splitlines()]
    assert len(routes) >= 20
    for method, pattern in routes:
        path = re.sub(r"\{name\}", "nobody", pattern)
        path = re.sub(r"\{(id|v)\}", "999999", path)
        if path == "/v1/events":
            method = "HEAD"  # a GET would listen for ever
        answer = client.request(method, path)
        assert answer.status not in (405, 500, 501), (method, path)
        if path.startswith("/v2/repository"):
            continue  # all that is asked there may be left out
        # A body where none belongs, an empty object where one does.
        answer = client.request(method, path, body="{}")
        assert 400 <= answer.status < 500, (method, path, answer)


def test_a_client_may_shut_its_side_while_we_work(client, name):
    """Its end comes when nobody reads, and the answer must not be lost."""
    body = json.dumps({"name": name, "input_shape": [2000], "layers": [
        {"type": "dense", "units": 2000}, {"type": "dense", "units": 2000}],
        "loss": "mse"})
    head = (f"POST /v1/networks HTTP/1.1\r\nHost: localhost\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            "Connection: close\r\n\r\n")
    with client.connect(60) as link:
        link.sendall((head + body).encode())
        assert not select.select([link], [], [], 0.005)[0], "done already"
        link.shutdown(socket.SHUT_WR)
        got = b"".join(iter(lambda: link.recv(65536), b""))
    assert got.startswith(b"HTTP/1.1 201 "), got[:80]
    client.ok("DELETE", f"/v1/networks/{name}", 204)
