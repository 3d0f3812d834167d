"""Versions come and go under load: each answer is exactly one version's."""

import http.client
import json
import threading
import time

import pytest

from support import HEAVY, SLOW, float32

# One in the quick run is a thousand in the heavy one.
PREDICTIONS = 1_000_000 if HEAVY else 10_000
CHANGES = 1_000 if HEAVY else 60
ROWS = 50  # of a request, each a prediction


def weight_of(version):
    return float32(1 + version / 7)


class Asker(threading.Thread):
    """Predicts until told to stop; counts what is not as it must be."""

    def __init__(self, client, name, stop, pinned):
        super().__init__()
        self.client, self.name, self.stop, self.pinned = (client, name, stop,
                                                          pinned)
        self.n = 0
        self.wrong = []
        self.seen = set()

    def run(self):
        link = http.client.HTTPConnection(
            self.client.host, self.client.port, timeout=60 * SLOW)
        body = json.dumps({"inputs": [[1]] * ROWS})
        if self.pinned is not None:
            body = json.dumps({"inputs": [[1]] * ROWS, "version": self.pinned})
        while not self.stop.is_set() and len(self.wrong) < 5:
            link.request("POST", f"/v1/networks/{self.name}/predict", body,
                         {"Content-Type": "application/json"})
            response = link.getresponse()
            data = response.read()
            self.n += ROWS
            if response.status != 200:
                self.wrong.append((response.status, data))
                continue
            answer = json.loads(data)
            expected = weight_of(answer["version"])
            self.seen.add(answer["version"])
            outputs = {float32(y) for y, in answer["outputs"]}
            if outputs != {expected} or len(answer["outputs"]) != ROWS or \
                    self.pinned not in (None, answer["version"]):
                self.wrong.append(answer)
        link.close()


def test_each_answer_is_one_versions(new_daemon):
    """Uploads, pins, deletes, and models that leave the memory for others."""
    daemon = new_daemon("--memory-mib", "5").start()
    client = daemon.client
    client.network("swap", [(1, "linear")], 1)
    for i in range(12):  # more than there is room for
        client.network(f"other-{i}", [(100, "relu"), (1, "linear")], 100)
    client.put_weights("swap", [([[weight_of(1)]], [0])])
    stop = threading.Event()
    askers = [Asker(client, "swap", stop, pinned)
              for pinned in (None, None, 1)]
    for asker in askers:
        asker.start()
    latest = 1
    try:
        while (latest < CHANGES or sum(a.n for a in askers) < PREDICTIONS) \
                and all(a.is_alive() for a in askers):
            if latest < CHANGES:
                latest = client.put_weights("swap", [
                    ([[weight_of(latest + 1)]], [0])])["version"]
            if latest % 5 == 0:
                client.ok("PATCH", "/v1/networks/swap", 200, json_body={
                    "serving_version": latest - 1})
                client.ok("PATCH", "/v1/networks/swap", 200, json_body={
                    "serving_version": None})
            if latest % 7 == 0 and latest > 10:
                client.request("DELETE",
                               f"/v1/networks/swap/versions/{latest - 3}")
            # 503 where there is no room beside those that are in use.
            assert client.post(f"/v1/networks/other-{latest % 12}/predict", {
                "inputs": [[0] * 100]}).status in (200, 503)
    finally:
        stop.set()
        for asker in askers:
            asker.join()
    for asker in askers:
        assert not asker.wrong, asker.wrong[:2]
    assert sum(a.n for a in askers) >= PREDICTIONS
    assert len(askers[0].seen | askers[1].seen) > 3
    assert client.predict("swap", [[1]])["version"] == CHANGES


def rss_kib(daemon):
    with open(f"/proc/{daemon.process.pid}/status") as status:
        return next(int(line.split()[1]) for line in status
                    if line.startswith("VmRSS"))


@pytest.mark.skipif(SLOW > 1, reason="sanitizers have memory of their own")
def test_a_small_model_needs_little_memory(new_daemon):
    daemon = new_daemon("--workers", "1").start()
    daemon.client.network("iris", [(10, "tanh"), (3, "softmax")], 4,
                          loss="cross_entropy")
    for _ in range(100):
        daemon.client.predict("iris", [[1, 2, 3, 4]])
    assert rss_kib(daemon) < 12 * 1024


def test_networks_cost_nothing_until_used(new_daemon):
    """The same memory with many in the store as with one."""
    count = 10_000 if HEAVY else 300
    daemon = new_daemon("--workers", "1").start()
    client = daemon.client
    link = http.client.HTTPConnection(client.host, client.port,
                                      timeout=60 * SLOW)
    for i in range(count):
        link.request("POST", "/v1/networks", json.dumps({
            "name": f"net-{i}", "input_shape": [4], "loss": "mse", "seed": i,
            "layers": [{"type": "dense", "units": 50}]}),
            {"Content-Type": "application/json"})
        assert link.getresponse().read()
    link.close()
    daemon.stop()
    daemon.start()
    models = [line for line in daemon.client.request(
        "GET", "/metrics", check=False).body.decode().splitlines()
        if line.startswith("backpropd_models_loaded")]
    assert models == ["backpropd_models_loaded 0"], models
    assert daemon.client.predict(f"net-{count - 1}", [[1, 2, 3, 4]])
    if SLOW == 1:
        assert rss_kib(daemon) < 13 * 1024


@pytest.mark.skipif(SLOW > 1, reason="sanitizers take time of their own")
def test_the_first_prediction_comes_soon(new_daemon):
    """30 ms from exec on, with 100 networks stored."""
    daemon = new_daemon().start()
    for i in range(100):
        daemon.client.network(f"net-{i}", [(10, "tanh"), (3, "linear")], 4)
    daemon.stop()
    spent = []
    for i in range(5):
        began = time.monotonic()
        daemon.start()
        daemon.client.predict(f"net-{i}", [[1, 2, 3, 4]])
        spent.append(time.monotonic() - began)
        daemon.stop()
    assert min(spent) < 0.03, spent
