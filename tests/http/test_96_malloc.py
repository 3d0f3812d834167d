"""The n-th allocation fails, for every n, at every endpoint."""

import http.client
import mmap
import os
import pathlib
import struct

import pytest

from support import DAEMON, HEAVY, XOR, Answer, Client, check_problem

SHIM = pathlib.Path(DAEMON).parent / "tests" / "fault" / "malloc_fault.so"
GONE = (OSError, http.client.HTTPException)
CSV = {"Content-Type": "text/csv"}

pytestmark = pytest.mark.skipif(not SHIM.exists(), reason=f"there is no {SHIM}")


class Memory:
    """Says which allocation of the daemon fails."""

    def __init__(self, path):
        path.write_bytes(bytes(24))
        with open(path, "r+b") as file:
            self.map = mmap.mmap(file.fileno(), 24)

    def fail(self, n, for_ever):
        self.map[8:24] = struct.pack("<qq", for_ever, 0)
        self.map[0:8] = struct.pack("<q", n)

    def mend(self):
        """How many failed."""
        self.map[0:8] = bytes(8)
        return struct.unpack("<q", self.map[16:24])[0]


@pytest.fixture
def starved(new_daemon, tmp_path):
    memory = Memory(tmp_path / "memory")
    daemon = new_daemon("--workers", "1", LD_PRELOAD=str(SHIM),
                        MALLOC_FAULT=str(tmp_path / "memory")).start()
    client = daemon.client
    client.dataset("xor", XOR, "?task=classification")
    client.network("net", [(4, "tanh"), (2, "softmax")], 2,
                   loss="cross_entropy")
    client.train("net", "xor", epochs=3)
    daemon.memory = memory
    return daemon


NETWORK = {"name": "new", "input_shape": [2], "loss": "mse",
           "layers": [{"type": "dense", "units": 3, "activation": "tanh"}]}
WEIGHTS = {"layers": [
    {"index": 0, "weight": [[1, 2]] * 4, "bias": [0] * 4},
    {"index": 1, "weight": [[1, 2, 3, 4]] * 2, "bias": [0, 1]}]}
JOB = {"network": "net", "dataset": "xor", "epochs": 2}

# What is asked, and what undoes it.
SCENARIOS = {
    "GET /healthz": {},
    "GET /readyz": {},
    "GET /metrics": {},
    "POST /v1/networks": {"json_body": NETWORK,
                          "undo": ("DELETE", "/v1/networks/new")},
    "GET /v1/networks": {},
    "GET /v1/networks/net": {},
    "PATCH /v1/networks/net": {"json_body": {"serving_version": None}},
    "GET /v1/networks/net/versions": {},
    "GET /v1/networks/net/versions/1": {},
    "GET /v1/networks/net/versions/1/weights": {},
    "PUT /v1/networks/net/weights": {"json_body": WEIGHTS},
    "PUT /v1/datasets/new": {"body": XOR, "headers": CSV,
                             "undo": ("DELETE", "/v1/datasets/new")},
    "GET /v1/datasets": {},
    "GET /v1/datasets/xor": {},
    "POST /v1/jobs": {"json_body": JOB},
    "POST /v1/jobs?dry_run=true": {"json_body": JOB},
    "GET /v1/jobs": {},
    "GET /v1/jobs/1": {},
    "GET /v1/jobs/1/history": {},
    "GET /v1/jobs/1/history?points=10": {},
    "GET /v1/jobs/1/log": {},
    "POST /v1/jobs/1/pause": {"refused": 409},
    "POST /v1/jobs/1/continue": {"json_body": {"epochs": 4}, "refused": 409},
    "POST /v1/jobs/1/verify": {},
    "POST /v1/jobs/1/cancel": {"refused": 409},
    "POST /v1/networks/net/predict": {"json_body": {"inputs": [[0, 1]]}},
    "POST /v1/networks/net/evaluate": {"json_body": {"dataset": "xor"}},
    "GET /v1/backup": {},
    "GET /v1/nothing": {"refused": 404},
}


def ask(client, name, json_body=None, body=None, headers=None, undo=None,
        refused=None):
    """The answer; None where the line was cut for want of one."""
    del undo, refused
    method, path = name.split(" ")
    try:
        return client.request(method, path, body=body, headers=headers,
                              json_body=json_body, check=False)
    except GONE:
        return None


@pytest.mark.parametrize("for_ever", [False, True], ids=["once", "for ever"])
@pytest.mark.parametrize("name", SCENARIOS)
def test_every_allocation_fails_once(starved, name, for_ever):
    scenario = SCENARIOS[name]
    stride, n, told = 1 if HEAVY else 9, 1, set()
    while True:
        client = Client(starved.url, timeout=20)
        starved.memory.fail(n, for_ever)
        answer = ask(client, name, **scenario)
        failed = starved.memory.mend()
        assert starved.process.poll() is None, (
            f"dead after allocation {n}: {starved.log_text()[-2000:]}")
        # It answered what is true, or that it had no memory, or not at all.
        if answer is not None:
            told.add(answer.status)
            done = answer.status == scenario.get("refused") or (
                200 <= answer.status < 300)
            assert done or answer.status == 503, (
                n, answer, starved.log_text()[-600:])
            # Where there was none for the answer either, a general one is
            # sent that was made at the start.
            if not done and "request_id" in answer.json:
                check_problem(answer)
        whole(client, scenario)
        if not failed:
            assert done, answer
            break
        n += stride
    # And at the end as if there had always been enough.
    final = ask(client, name, **scenario)
    assert isinstance(final, Answer), final
    assert 200 <= final.status < 300 or final.status == scenario["refused"]
    whole(client, scenario)


def whole(client, scenario):
    """What was made is there or not, and nothing else has changed."""
    client.ok("GET", "/healthz", 200)
    assert client.predict("net", [[0, 1]], version=1)["version"] == 1
    if "undo" in scenario:
        method, path = scenario["undo"]
        there = client.get(path)
        assert there.status in (200, 404)
        if there.status == 200:
            client.ok(method, path, 204)


def test_the_shim_works(tmp_path):
    assert os.access(SHIM, os.R_OK) and Memory(tmp_path / "m").mend() == 0
