"""More rows than memory: they lie in a file, and training is as exact."""

import random
import re

import pytest

from support import SLOW, multipart, npy, wait_until

ROWS, WIDTH, MEMORY = 200000, 80, 16  # 64 MB of float32, in 16 MiB
SPEC = dict(epochs=4, seed=3, batch_size=64, scale_inputs="standard",
            validation={"fraction": 0.1},
            optimizer={"type": "adam", "learning_rate": 0.01})


def make(client, name="net"):
    inputs = random.Random(7).randbytes(ROWS * WIDTH)
    targets = bytes(inputs[i * WIDTH] > inputs[i * WIDTH + 1]
                    for i in range(ROWS))
    kind, body = multipart(("inputs", npy([ROWS, WIDTH], inputs, "|u1")),
                           ("targets", npy([ROWS], targets, "|u1")))
    answer = client.put(f"/v1/datasets/{name}", body=body,
                        headers={"Content-Type": kind})
    assert answer.status == 201, answer
    client.network(name, [(8, "tanh"), (2, "softmax")], WIDTH,
                   loss="cross_entropy", seed=1)


def outcome(client, job, name="net"):
    ended = client.succeeded(job, 120)
    rows = [{k: v for k, v in row.items()
             if k not in ("seconds", "samples_per_second")}
            for row in client.history(job)]
    return client.version(name, ended["result"]["version"])["sha256"], rows


def test_it_trains_and_is_exact_after_kill_9(new_daemon, client, name):
    daemon = new_daemon("--memory-mib", str(MEMORY), "--workers", "1").start()
    make(daemon.client)
    dry = daemon.client.ok("POST", "/v1/jobs?dry_run=true", 200, json_body={
        "network": "net", "dataset": "net", **SPEC})
    assert dry["errors"] == [] and dry["memory_bytes"] < MEMORY << 20
    whole = daemon.client.submit("net", "net", start_from="initial", **SPEC)
    sha256, rows = outcome(daemon.client, whole)
    assert rows[-1]["val_accuracy"] > 0.9 and len(rows) == 4

    job = daemon.client.submit("net", "net", start_from="initial", **SPEC)
    for epoch in (1, 2):
        wait_until(lambda epoch=epoch: (
            daemon.client.job(job)["status"] == "succeeded" or
            daemon.client.job(job)["progress"]["epoch"] >= epoch), 60)
        daemon.kill()
        daemon.start()
    assert outcome(daemon.client, job) == (sha256, rows)
    # In memory it is another order of rows, and as good.
    make(client, name)
    _, large = outcome(client, client.submit(
        name, name, start_from="initial", **SPEC), name)
    assert large[-1]["val_accuracy"] == pytest.approx(
        rows[-1]["val_accuracy"], abs=0.03)
    assert [r["loss"] for r in large] != [r["loss"] for r in rows]


@pytest.mark.skipif(SLOW > 1, reason="sanitizers have memory of their own")
def test_memory_stays_small(new_daemon):
    daemon = new_daemon("--memory-mib", str(MEMORY), "--workers", "1").start()
    make(daemon.client)
    job = daemon.client.submit("net", "net", **{**SPEC, "epochs": 1000})
    daemon.client.running(job, 3)
    with open(f"/proc/{daemon.process.pid}/status", encoding="ascii") as file:
        own = int(re.search(r"RssAnon:\s+(\d+) kB", file.read()).group(1))
    daemon.client.ok("POST", f"/v1/jobs/{job}/cancel", 200)
    assert own < 48 << 10, own  # the table alone is 64 MB


def test_folds_and_weights(new_daemon):
    daemon = new_daemon("--memory-mib", str(MEMORY), "--workers", "1").start()
    make(daemon.client)
    job = daemon.client.train("net", "net", 120, **{
        **SPEC, "epochs": 1,
        "class_weights": "balanced", "validation": {"folds": 2}})
    assert len(job["result"]["folds"]) == 2
    assert job["result"]["mean"]["val_accuracy"] > 0.8
