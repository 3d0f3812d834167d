"""Limits that the operator sets: each has a clear answer and is counted."""

import contextlib
import json
import re
import shutil
import socket
import struct
import time

import pytest

from support import gzipped, read_all, wait_until


def hits(client, limit):
    text = client.get("/metrics", check=False).body.decode()
    return float(re.search(
        rf'^backpropd_limits_hit_total{{limit="{limit}"}} (\S+)$', text,
        re.MULTILINE).group(1))


def test_requests_of_a_key(new_daemon):
    client = new_daemon("--key-rate", "5").start().client
    seen = [client.get("/v1/networks") for _ in range(30)]
    assert [a.status for a in seen[:5]] == [200] * 5
    refused = [a for a in seen if a.status == 429]
    assert refused and {a.status for a in seen} == {200, 429}
    assert refused[0].json["code"] == "rate_limited"
    assert int(refused[0].headers["Retry-After"]) >= 1
    # Whether it lives is not a matter of manners.
    assert {client.get("/healthz").status for _ in range(20)} == {200}
    assert hits(client, "key_rate") >= len(refused)
    wait_until(lambda: client.get("/v1/networks").status == 200, 10)


def test_rows_of_a_key(new_daemon):
    client = new_daemon("--row-rate", "100").start().client
    client.network("n", [(1, "linear")], 1)

    def ask(rows):
        return client.post("/v1/networks/n/predict",
                           {"inputs": [[1.0]] * rows})
    # More than a second's worth passes once and is waited for.
    assert ask(200).status == 200
    answer = ask(1)
    assert answer.status == 429 and answer.json["code"] == "rate_limited"
    assert 1 <= int(answer.headers["Retry-After"]) <= 3
    assert client.get("/v1/networks/n").status == 200
    assert hits(client, "row_rate") == 1
    wait_until(lambda: ask(1).status == 200, 10)


def test_connections_of_an_address(new_daemon):
    client = new_daemon("--connections-per-address", "3").start().client
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(client.connect()) for _ in range(3)]
        for link in held:
            link.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert link.recv(4096).startswith(b"HTTP/1.1 200")
        answer = client.get("/v1/networks")
        assert answer.status == 429
        assert answer.json["code"] == "too_many_connections"
    wait_until(lambda: client.get("/v1/networks").status == 200, 10)
    assert hits(client, "connections_per_address") >= 1


def test_uploads(new_daemon):
    client = new_daemon("--upload-mib", "1").start().client

    def put(name, text, **headers):
        return client.put(f"/v1/datasets/{name}", body=text,
                          headers={"Content-Type": "text/csv", **headers})
    row = b"1,2\n"
    assert put("small", b"x,y\n" + row * 100000).status == 201
    too_large(put("large", b"x,y\n" + row * 400000), 1 << 20, "upload_mib")
    too_large(put("packed", gzipped(b"x,y\n" + row * 400000),
                  **{"Content-Encoding": "gzip"}), 1 << 20, "upload_mib")
    assert client.get("/v1/datasets/packed").status == 404
    assert hits(client, "upload_mib") == 2


def too_large(answer, n_bytes, option):
    """413 that says how many bytes there may be, and which option that is."""
    assert answer.status == 413 and answer.json["code"] == "too_large", answer
    assert f" {n_bytes} bytes" in answer.json["detail"], answer
    assert option in answer.json["detail"], answer


def chunked(client, path, n_bytes):
    """The status of a body whose length nobody tells before."""
    with client.connect() as link:
        link.sendall((f"POST {path} HTTP/1.1\r\nHost: localhost\r\n"
                      "Content-Type: application/json\r\n"
                      "Transfer-Encoding: chunked\r\n\r\n").encode())
        with contextlib.suppress(ConnectionError):
            link.sendall(b"%x\r\n" % n_bytes + b" " * n_bytes
                         + b"\r\n0\r\n\r\n")
        return int(link.recv(65536).split(b" ", 2)[1])


def test_bodies_that_describe(new_daemon):
    client = new_daemon("--body-mib", "2").start().client
    text = json.dumps({"name": "n", "input_shape": [1], "loss": "mse",
                       "layers": [{"type": "dense", "units": 1}]}).encode()

    def post(n_bytes, pack=False):
        body = text + b" " * (n_bytes - len(text))
        return client.post(
            "/v1/networks", body=gzipped(body) if pack else body,
            headers={"Content-Type": "application/json",
                     **({"Content-Encoding": "gzip"} if pack else {})})
    most = 2 << 20
    too_large(post(most + 1), most, "body_mib")
    too_large(post(most + 1, pack=True), most, "body_mib")
    assert chunked(client, "/v1/networks", most + 1) == 413
    assert hits(client, "body_mib") == 3
    # More than the default, and no byte more than is allowed.
    assert post(most).status == 201
    assert post(most, pack=True).status == 409
    assert hits(client, "body_mib") == 3 and hits(client, "rows_mib") == 0


def test_bodies_with_rows(new_daemon):
    client = new_daemon("--rows-mib", "1").start().client
    client.network("n", [(1, "linear")], 1)
    most = 1 << 20
    row, binary = {"inputs": [[1.0]]}, {"Content-Type":
                                        "application/octet-stream"}
    path = "/v1/networks/n/predict"
    too_large(client.post(path, body=bytes(most + 4), headers=binary), most,
              "rows_mib")
    assert chunked(client, path, most + 1) == 413
    for other in ("/v1/networks/n/train_on_batch",
                  "/v1/networks/n/gradient_check"):
        too_large(client.post(other, {**row, "targets": [[1.0]],
                                      "x": "x" * most}), most, "rows_mib")
    for other in ("/v1/models/n:predict", "/v2/models/n/infer"):
        answer = client.post(other, {"x": "x" * most})
        assert answer.status == 413 and "rows_mib" in answer.json["error"]
    assert hits(client, "rows_mib") == 6 and hits(client, "body_mib") == 0
    assert client.post(path, row).status == 200


def test_an_endpoint_has_a_limit_of_its_own(new_daemon):
    client = new_daemon("--rows-mib", "64").start().client
    client.network("n", [(1, "linear")], 1)
    too_large(client.post("/v1/networks/n/gradient_check",
                          {"inputs": "x" * (5 << 20)}), 4 << 20,
              "the most of this endpoint")
    assert client.post("/v1/networks/n/predict",
                       {"inputs": [[1.0]], "x": ["x" * 60000] * 600}
                       ).status == 422  # read, and only then refused


def test_rows_of_a_prediction(new_daemon):
    client = new_daemon("--predict-rows", "3").start().client
    client.network("n", [(1, "linear")], 1)

    def ask(n):
        return client.post("/v1/networks/n/predict", {"inputs": [[1.0]] * n})
    assert ask(3).status == 200
    answer = ask(4)
    assert answer.status == 413 and answer.json["code"] == "too_many_inputs"
    assert answer.pointers == ["/inputs"]
    assert "predict_rows" in answer.json["detail"]
    answer = client.post("/v1/networks/n/predict", body=struct.pack(
        "<4f", 1, 2, 3, 4), headers={"Content-Type":
                                     "application/octet-stream"})
    assert answer.status == 413, answer
    for path, body in (("/v1/models/n:predict", {"instances": [[1]] * 4}),
                       ("/v2/models/n/infer", {"inputs": [{
                           "name": "i", "shape": [4, 1], "datatype": "FP32",
                           "data": [1] * 4}]})):
        answer = client.post(path, body)
        assert answer.status == 413 and "predict_rows" in answer.json["error"]
    assert hits(client, "predict_rows") == 4


def test_memory_of_jobs_and_models(new_daemon):
    """Asked for before it is taken: what can never fit is told so, what does
    not fit now hears when to come again."""
    client = new_daemon("--memory-mib", "32", "--workers", "1", "--threads",
                        "1").start().client
    client.dataset("d", "x,y\n1,2\n2,4\n3,6\n")

    def network(name, units):
        return client.post("/v1/networks", {
            "name": name, "input_shape": [1], "loss": "mse", "layers": [
                {"type": "dense", "units": units, "activation": "tanh"},
                {"type": "dense", "units": units, "activation": "tanh"},
                {"type": "dense", "units": 1}]})
    answer = network("huge", 2200)
    assert answer.status == 422 and answer.json["code"] == "too_much_memory"
    assert "memory_mib" in answer.json["detail"]
    assert str(32 << 20) in answer.json["detail"]
    assert client.get("/v1/networks/huge").status == 404
    assert hits(client, "memory_mib") == 1
    # A network that fits, and whose training does not.
    assert network("large", 1500).status == 201
    spec = {"network": "large", "dataset": "d", "epochs": 10000000}
    answer = client.post("/v1/jobs", spec)
    assert answer.status == 422 and answer.json["code"] == "too_much_memory"
    assert answer.pointers == ["/dataset"]
    assert "memory_mib" in answer.json["detail"]
    assert hits(client, "memory_mib") == 2
    # One that trains, and leaves no room for others.
    assert network("medium", 500).status == 201
    job = client.submit("medium", "d", epochs=10000000)
    client.running(job)
    answer = network("other", 1700)
    assert answer.status == 503 and answer.json["code"] == "memory_full"
    assert int(answer.headers["Retry-After"]) >= 1
    assert "memory_mib" in answer.json["detail"]
    assert hits(client, "memory_mib") == 3
    client.ok("POST", f"/v1/jobs/{job}/cancel", 200)
    wait_until(lambda: network("other", 1700).status == 201, 20)


def test_parameters_of_a_network(new_daemon):
    client = new_daemon("--parameters-max", "100").start().client
    client.network("fits", [(20, "tanh")], 4)  # 4 * 20 + 20 = 100
    answer = client.post("/v1/networks", {
        "name": "large", "input_shape": [4], "loss": "mse",
        "layers": [{"type": "dense", "units": 21}]})
    assert answer.status == 422 and answer.pointers == ["/layers"]
    assert "105" in answer.json["detail"] and "100" in answer.json["detail"]
    assert client.get("/v1/networks/large").status == 404
    assert hits(client, "parameters_max") == 1


def test_the_history_of_a_job(new_daemon):
    client = new_daemon("--history-max", "12").start().client
    client.dataset("d", "x,y\n1,2\n2,4\n3,6\n")
    client.network("n", [(1, "linear")], 1)
    job = client.train("n", "d", epochs=12)["id"]
    client.train("n", "d", epochs=4, restarts=3, start_from="initial")
    for spec in ({"epochs": 13}, {"epochs": 5, "restarts": 3}):
        answer = client.post("/v1/jobs", {"network": "n", "dataset": "d",
                                          **spec})
        assert answer.status == 422 and answer.pointers == ["/epochs"], answer
        assert "12" in answer.json["detail"]
        told = client.ok("POST", "/v1/jobs?dry_run=true", 200, json_body={
            "network": "n", "dataset": "d", **spec})
        assert [x["pointer"] for x in told["errors"]] == ["/epochs"], told
    answer = client.post(f"/v1/jobs/{job}/continue", {"epochs": 13})
    assert answer.status in (409, 422), answer
    assert hits(client, "history_max") >= 2


def test_jobs_that_wait(new_daemon):
    client = new_daemon("--queue-max", "1", "--workers", "1").start().client
    client.dataset("d", "x,y\n1,2\n2,4\n3,6\n")
    client.network("n", [(1, "linear")], 1)
    spec = {"network": "n", "dataset": "d", "epochs": 10000000}
    client.running(client.submit(**spec))
    client.submit(**spec)
    answer = client.post("/v1/jobs", spec)
    assert answer.status == 429 and answer.json["code"] == "queue_full"
    assert int(answer.headers["Retry-After"]) >= 1
    assert hits(client, "queue_max") == 1


def test_listeners(new_daemon):
    client = new_daemon("--event-streams", "2").start().client
    listen = b"GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with contextlib.ExitStack() as stack:
        for _ in range(2):
            link = stack.enter_context(client.connect())
            link.sendall(listen)
            assert link.recv(4096).startswith(b"HTTP/1.1 200")
        answer = client.get("/v1/events")
        assert answer.status == 503 and answer.headers["Retry-After"]
        assert answer.json["code"] == "too_many_listeners"
        assert "event_streams" in answer.json["detail"]
        assert hits(client, "listeners") == 1


def test_lines_of_the_log(new_daemon):
    daemon = new_daemon("--log-lines-per-second", "20").start()
    for _ in range(100):
        assert daemon.client.get("/healthz").status == 200
    left_out = hits(daemon.client, "log_lines_per_second")
    lines = len(daemon.log_text().splitlines())
    assert left_out > 0 and lines < 101
    wait_until(lambda: daemon.client.get("/healthz").status == 200
               and "lines left out)" in daemon.log_text(), 10)


@pytest.mark.parametrize("n, files", [(1, 64), (2, 64), (2, 200)])
def test_out_of_descriptors(new_daemon, n, files):
    """It waits without burning a core, and goes on when there is room."""
    if shutil.which("prlimit") is None:
        pytest.skip("there is no prlimit")
    daemon = new_daemon("--connections", "1000", "--http-threads", str(n))
    daemon.prefix = ["prlimit", f"--nofile={files}:{files}"]
    daemon.start()
    client = daemon.client

    def seconds_used():
        fields = open(f"/proc/{daemon.process.pid}/stat").read().rsplit(
            ")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / 100
    with contextlib.ExitStack() as stack:
        for _ in range(200):
            link = socket.socket()
            link.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                link.connect((client.host, client.port))
            stack.callback(link.close)
        before, began = seconds_used(), time.monotonic()
        time.sleep(2)  # what is measured is what it does meanwhile
        share = (seconds_used() - before) / (time.monotonic() - began)
        assert share < 0.1, share
    wait_until(lambda: client.get("/healthz", check=False).status == 200, 20)
