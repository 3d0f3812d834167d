"""What the daemon takes, and that a job takes what was told of it before."""

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


@pytest.mark.skipif(SLOW > 1, reason="a sanitizer's memory is its own")
def test_what_answers_took_goes_back_to_the_system(new_daemon):
    """Answers of some 27 MiB, by whichever thread, leave nothing behind."""
    daemon = new_daemon().start()
    client = daemon.client
    client.network("n", [(10000, "tanh")], 1, loss="mse")

    def ask(rows):
        assert client.post(
            "/v1/networks/n/predict", {"inputs": [[0.5]] * rows}, check=False,
            headers={"Accept": "application/octet-stream"}).status == 200
    ask(1)
    before = status_of(daemon, "VmRSS")
    for _ in range(8):
        ask(700)
    wait_until(lambda: status_of(daemon, "VmRSS") < before + 16 * MIB, 5)
