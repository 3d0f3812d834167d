"""What the daemon takes, and that a job takes what was told of it before."""

import contextlib
import json
import re
import struct

import pytest

from support import SLOW, multipart, npy, wait_until

MIB = 1 << 20
ROWS, WIDTH = 10000, 784


def status_of(daemon, member):
    with open(f"/proc/{daemon.process.pid}/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file
                    if line.startswith(member + ":"))


@pytest.mark.skipif(SLOW > 1, reason="a sanitizer's memory is its own")
def test_an_idle_daemon_is_small(new_daemon):
    daemon = new_daemon().start()
    daemon.client.ok("GET", "/healthz", 200)
    assert status_of(daemon, "VmRSS") < 10 * MIB


@pytest.mark.skipif(SLOW > 1, reason="a sanitizer's memory is its own")
@pytest.mark.parametrize("units, optimizer, batch", [
    ([256, 128], {"type": "adam"}, 64),
    ([1024, 1024], {"type": "sgd", "momentum": 0.9}, 128)])
def test_a_job_takes_what_the_dry_run_tells(new_daemon, units, optimizer, batch):
    """Weights, gradient, optimiser's state, workspace, rows, checkpoint: their
    sum is a bound, and not a loose one."""
    daemon = new_daemon("--workers", "1").start()
    client = daemon.client
    inputs = struct.pack(f"<{WIDTH}f", *(i / WIDTH for i in range(WIDTH)))
    kind, body = multipart(
        ("inputs", npy([ROWS, WIDTH], inputs * ROWS)),
        ("targets", npy([ROWS], struct.pack("<10f", *range(10)) *
                           (ROWS // 10))))
    assert client.put("/v1/datasets/rows", body=body,
                      headers={"Content-Type": kind}).status == 201
    del body
    client.network("net", [(n, "relu") for n in units] + [(10, "linear")],
                   WIDTH, loss="mse")
    daemon.stop()
    daemon.start()
    client = daemon.client
    before = status_of(daemon, "VmRSS")
    spec = dict(epochs=3, batch_size=batch, optimizer=optimizer)
    told = client.ok("POST", "/v1/jobs?dry_run=true", 200, json_body={
        "network": "net", "dataset": "rows", **spec})["memory_bytes"]
    job = client.submit("net", "rows", **spec)
    wait_until(lambda: client.job(job)["status"] == "succeeded", 120)
    taken = status_of(daemon, "VmHWM") - before
    # The store's caches and the model that is published come on top.
    assert 0.6 * told < taken < told + 24 * MIB, (told / MIB, taken / MIB)


# --- answers -------------------------------------------------------------------

LIMIT, WIDE = 64, 10000


def taken(client, use="jobs"):
    """By jobs and all others that are no model."""
    text = client.get("/metrics", check=False).body.decode()
    return float(re.search(
        rf'^backpropd_memory_bytes{{use="{use}"}} (\S+)$', text,
        re.MULTILINE).group(1))


@pytest.fixture
def wide(new_daemon):
    """A short body asks it for a long answer."""
    daemon = new_daemon("--memory-mib", str(LIMIT), "--workers", "1").start()
    daemon.client.network("n", [(WIDE, "tanh")], 1, loss="mse")
    return daemon


def too_much(answer):
    assert answer.status == 422 and answer.json["code"] == "too_much_memory"
    assert "memory_mib" in answer.json["detail"], answer
    assert str(LIMIT * MIB) in answer.json["detail"], answer


def ask(client, rows, query="", **rest):
    return client.post(f"/v1/networks/n/predict{query}",
                       {"inputs": [[0.5]] * rows}, **rest)


BINARY = dict(headers={"Accept": "application/octet-stream"}, check=False)


@contextlib.contextmanager
def unread(client, method, path, body=b""):
    """A connection whose answer nobody reads yet."""
    with client.connect() as link:
        link.sendall((f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n"
                      "Connection: close\r\nContent-Type: application/json\r\n"
                      f"Content-Length: {len(body)}\r\n\r\n").encode() + body)
        yield link


def drain(link):
    """How many bytes come until the other side closes."""
    return sum(map(len, iter(lambda: link.recv(1 << 20), b"")))


def test_a_short_body_gets_no_answer_larger_than_all_memory(wide):
    client = wide.client
    ask(client, 1)
    before = status_of(wide, "VmRSS")
    too_much(ask(client, 3000))
    too_much(ask(client, 1000, **BINARY))
    too_much(ask(client, 200, "?top=5000"))
    for path, body in (("/v1/models/n:predict", {"instances": [[1]] * 3000}),
                       ("/v2/models/n/infer", {"inputs": [{
                           "name": "i", "shape": [3000, 1], "datatype": "FP32",
                           "data": [1] * 3000}]})):
        answer = client.post(path, body)
        assert answer.status == 400 and "memory_mib" in answer.json["error"]
    # What fits is answered, again and again: two of them would not, and one
    # is given back a moment after its last byte has gone.
    for _ in range(3):
        assert ask(client, 300, check=False).status == 200
        wait_until(lambda: taken(client) == 0, 10)
        assert len(ask(client, 700, **BINARY).body) == 4 * 700 * WIDE
        wait_until(lambda: taken(client) == 0, 10)
    assert ask(client, 300, "?top=1000", check=False).status == 200
    wait_until(lambda: taken(client) == 0, 10)
    if SLOW == 1:  # a sanitizer's memory is its own
        peak = status_of(wide, "VmHWM") - before
        assert peak < (LIMIT + 24) * MIB, peak / MIB


def test_an_answer_is_counted_until_it_is_read(wide):
    client = wide.client
    body = json.dumps({"inputs": [[0.5]] * 300}).encode()
    with unread(client, "POST", "/v1/networks/n/predict", body) as link:
        wait_until(lambda: 24 * MIB < taken(client) < 40 * MIB, 20)
        answer = ask(client, 300)
        assert answer.status == 503 and answer.json["code"] == "memory_full"
        assert int(answer.headers["Retry-After"]) >= 1
        assert ask(client, 10).status == 200
        assert drain(link) > 300 * WIDE * 8
    wait_until(lambda: ask(client, 300, check=False).status == 200, 10)
    # A client that goes without reading it gives it back as well.
    with unread(client, "POST", "/v1/networks/n/predict", body):
        wait_until(lambda: taken(client) > 24 * MIB, 20)
    wait_until(lambda: taken(client) == 0, 20)


@pytest.mark.parametrize("form, share", [("json", 3), ("safetensors", 1)])
def test_weights_are_counted_until_they_are_read(new_daemon, form, share):
    client = new_daemon("--memory-mib", str(LIMIT)).start().client
    client.network("n", [(1500, "tanh"), (1500, "tanh")], 1, loss="mse")
    size = 4 * 1500 * 1500
    with unread(client, "GET",
                f"/v1/networks/n/versions/0/weights?format={form}") as link:
        wait_until(lambda: share * size < taken(client)
                   < (share + 0.2) * size, 20)
        assert drain(link) > size
    wait_until(lambda: taken(client) == 0, 10)


@pytest.mark.skipif(SLOW > 1, reason="a sanitizer's memory is its own")
def test_what_answers_took_goes_back_to_the_system(new_daemon):
    """Answers of some 27 MiB, by whichever thread, leave nothing behind."""
    daemon = new_daemon().start()
    client = daemon.client
    client.network("n", [(WIDE, "tanh")], 1, loss="mse")

    ask(client, 1)
    before = status_of(daemon, "VmRSS")
    for _ in range(8):
        assert ask(client, 700, **BINARY).status == 200
    wait_until(lambda: status_of(daemon, "VmRSS") < before + 16 * MIB, 5)


# --- updates -------------------------------------------------------------------

def update(client, optimizer, rows=1):
    return client.post("/v1/networks/n/train_on_batch", {
        "inputs": [[0.5]] * rows, "targets": [[0.5]] * rows,
        "optimizer": {"type": optimizer}})


def test_an_update_takes_all_that_it_uses(new_daemon):
    """A net of 10 MB, with Adam: its bytes, the gradient, two numbers a weight
    and those on their way to the store are 70."""
    daemon = new_daemon("--memory-mib", str(LIMIT)).start()
    client = daemon.client
    client.network("n", [(1580, "tanh"), (1580, "tanh"), (1, "linear")], 1)
    too_much(update(client, "adam"))
    for _ in range(2):
        assert update(client, "sgd").status == 200
    client.ok("DELETE", "/v1/networks/n", 204)
    client.network("n", [(1400, "tanh"), (1400, "tanh"), (1, "linear")], 1)
    before = status_of(daemon, "VmRSS")
    for _ in range(3):  # the state of the one before takes nothing on top
        assert update(client, "adam").status == 200
    assert taken(client) == 0
    if SLOW == 1:  # a sanitizer's memory is its own
        peak = status_of(daemon, "VmHWM") - before
        assert peak < (LIMIT + 24) * MIB, peak / MIB


@pytest.mark.skipif(SLOW > 1, reason="a sanitizer's memory is its own")
def test_a_stored_state_is_counted_before_it_is_read(new_daemon):
    daemon = new_daemon("--memory-mib", "128").start()
    client = daemon.client
    client.network("n", [(1580, "tanh"), (1580, "tanh"), (1, "linear")], 1)
    assert update(client, "adam").status == 200
    daemon.stop()
    daemon.arguments = ("--memory-mib", "32")  # 20 of the net, 20 of the state
    client = daemon.start().client
    assert client.get("/v1/networks/n").status == 200
    before = status_of(daemon, "VmRSS")
    answer = update(client, "adam")
    assert answer.status == 422 and answer.json["code"] == "too_much_memory"
    peak = status_of(daemon, "VmHWM") - before
    assert peak < 27 * MIB, peak / MIB
