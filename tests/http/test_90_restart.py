"""kill -9: what was acknowledged is there, and a job ends with the same bytes."""

import http.client
import random
import sqlite3
import threading
import time

import pytest

from support import HEAVY, line_data, two_groups, wait_until

GONE = (OSError, http.client.HTTPException)


class Writer(threading.Thread):
    """Writes until the daemon dies; remembers what was acknowledged."""

    def __init__(self, daemon, round_number, number):
        super().__init__()
        self.client = daemon.client
        self.prefix = f"r{round_number}.w{number}"
        self.networks = {}  # name -> the answer to its creation
        self.deleted = set()
        self.datasets = {}
        self.jobs = {}
        self.versions = {}  # (network, version) -> sha256
        self.failure = None

    def run(self):
        try:
            for i in range(100000):
                self.step(i)
        except GONE:
            pass
        except Exception as failure:  # pylint: disable=broad-except
            self.failure = failure

    def step(self, i):
        client, name = self.client, f"{self.prefix}.{i}"
        self.networks[name] = client.network(name, [(2, "tanh"),
                                                    (1, "linear")], 1, seed=i)
        self.datasets[name] = client.dataset(name, line_data(4 + i % 50))
        version = client.put_weights(name, [([[i], [1]], [0, i]),
                                            ([[1, 2]], [3])])
        self.versions[name, 1] = version["sha256"]
        job = client.submit(name, name, epochs=2)
        self.jobs[job] = name
        if i % 3 == 0:
            other = f"{name}.gone"
            client.network(other, [(1, "linear")], 1)
            client.ok("DELETE", f"/v1/networks/{other}", 204)
            self.deleted.add(other)

    def verify(self, client):
        for name, answer in self.networks.items():
            found = client.ok("GET", f"/v1/networks/{name}", 200)
            for member in ("layers", "loss", "seed", "created_at"):
                assert found[member] == answer[member]
        for name in self.deleted:
            assert client.get(f"/v1/networks/{name}").status == 404
        for name, answer in self.datasets.items():
            assert client.ok("GET", f"/v1/datasets/{name}", 200) == answer
        for (name, version), digest in self.versions.items():
            assert client.version(name, version)["sha256"] == digest
        for job, name in self.jobs.items():
            found = client.job(job)
            assert found["network"] == name
            assert found["status"] in ("queued", "running", "succeeded")


def check_database(path):
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as link:
        assert link.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    link.close()


def test_every_acknowledged_write_survives(new_daemon):
    """Clients write, the daemon is killed at a random moment, again and again."""
    rng = random.Random(20)
    daemon = new_daemon("--log-level", "error").start()
    writers, acknowledged = [], 0
    for round_number in range(60 if HEAVY else 20):
        now = [Writer(daemon, round_number, k) for k in range(3)]
        for writer in now:
            writer.start()
        # Not a way to synchronise: the moment of the kill is the experiment.
        time.sleep(rng.uniform(0.0, 0.4))
        daemon.kill()
        for writer in now:
            writer.join()
            assert writer.failure is None, repr(writer.failure)
        daemon.check_log()
        check_database(daemon.directory / "test.db")
        daemon.start()
        for writer in now:
            writer.verify(daemon.client)
            acknowledged += (len(writer.networks) + len(writer.datasets)
                             + len(writer.jobs) + len(writer.versions))
        writers += now
    assert acknowledged > 200
    # In the end every job has run, once, and left one version.
    client = daemon.client
    for writer in writers:
        writer.verify(client)
        for job, name in writer.jobs.items():
            found = client.succeeded(job, 120)
            assert found["result"]["version"] == 2
            assert [r["epoch"] for r in client.history(job)] == [1, 2]


def losses(rows):
    """What does not depend on the clock."""
    return [{k: v for k, v in row.items()
             if k not in ("seconds", "samples_per_second")} for row in rows]


SPEC = dict(epochs=400, batch_size=7, seed=3,
            optimizer={"type": "adam", "learning_rate": 0.003},
            validation={"fraction": 0.2}, scale_inputs="standard")


def prepare(client):
    client.dataset("data", two_groups(600))
    client.network("net", [(24, "tanh"), (2, "softmax")], 2,
                   loss="cross_entropy", seed=5)
    return client.submit("net", "data", **SPEC)


@pytest.mark.parametrize("spec", [
    {}, {"optimizer": {"type": "sgd", "learning_rate": 0.05,
                       "momentum": 0.9}, "keep": "last"}],
    ids=["adam", "momentum"])
def test_a_killed_job_ends_with_the_same_bytes(new_daemon, monkeypatch, spec):
    monkeypatch.setattr(f"{__name__}.SPEC", {**SPEC, **spec})
    calm = new_daemon().start().client
    expected = calm.succeeded(prepare(calm), 120)
    rng = random.Random(7)

    daemon = new_daemon().start()
    job = prepare(daemon.client)
    kills = 0
    while kills < (20 if HEAVY else 6):
        before = daemon.client.job(job)
        if before["status"] == "succeeded":
            break
        # Somewhere within the next epochs.
        target = min(before["progress"]["epoch"] + rng.randint(1, 12), 399)
        wait_until(lambda: daemon.client.job(job)["progress"]["epoch"]
                   >= target, 60, f"epoch {target}")
        daemon.kill()
        kills += 1
        daemon.start()
    found = daemon.client.succeeded(job, 120)
    assert found["resumes"] >= 3
    assert (daemon.client.version("net", 1)["sha256"]
            == calm.version("net", 1)["sha256"])
    assert losses(daemon.client.history(job)) == losses(
        calm.history(expected["id"]))
    assert found["result"]["best_epoch"] == expected["result"]["best_epoch"]


def test_a_stopped_job_ends_with_the_same_bytes(new_daemon):
    calm = new_daemon().start().client
    expected = prepare(calm)
    daemon = new_daemon().start()
    job = prepare(daemon.client)
    for epochs in (3, 20, 50):
        daemon.client.running(job, epochs)
        daemon.stop()
        daemon.start()
    assert daemon.client.succeeded(job, 120)["resumes"] == 3
    calm.succeeded(expected, 120)
    assert (daemon.client.version("net", 1)["sha256"]
            == calm.version("net", 1)["sha256"])
    assert losses(daemon.client.history(job)) == losses(calm.history(expected))


def test_an_upload_that_died_with_the_daemon_leaves_its_name_free(new_daemon):
    daemon = new_daemon().start()
    link = daemon.client.connect()
    rows = b"".join(b"%d,a\n" % i for i in range(300000))
    link.sendall(b"PUT /v1/datasets/half HTTP/1.1\r\nHost: localhost\r\n"
                 b"Content-Type: text/csv\r\nContent-Length: %d\r\n\r\n"
                 b"x,y\n" % (4 * len(rows)) + rows)
    daemon.kill()
    link.close()
    client = daemon.start().client
    assert client.get("/v1/datasets/half").status == 404
    client.dataset("half", "x,y\n1,a\n2,b\n")


def test_predictions_are_the_same_after_a_restart(new_daemon):
    daemon = new_daemon().start()
    prepare(daemon.client)
    daemon.client.succeeded(1, 120)
    rows = [[0.1 * i, 0.2 * i] for i in range(20)]
    before = daemon.client.predict("net", rows)
    daemon.kill()
    assert daemon.start().client.predict("net", rows) == before


# --- inside of an epoch -------------------------------------------------------

LONG = dict(epochs=2, batch_size=1, seed=3, checkpoint_seconds=0.1,
            optimizer={"type": "adam", "learning_rate": 0.003},
            validation={"fraction": 0.2})


def prepare_long(client):
    """Epochs of a second or so, in many blocks of rows: several checkpoints."""
    rows = 24000
    client.rows("data", [[(i * j % 97) / 97 for j in range(1, 41)]
                         for i in range(rows)],
                [[(i * 7 % 13) / 10] for i in range(rows)])
    client.network("net", [(96, "tanh"), (96, "tanh"), (1, "linear")], 40,
                   seed=5)
    return client.submit("net", "data", **LONG)


def position(client, job):
    return client.job(job)["progress"]["fraction"] * LONG["epochs"]


def test_a_job_killed_inside_an_epoch_goes_on_inside_it(new_daemon):
    calm = new_daemon("--workers", "1").start().client
    expected = prepare_long(calm)
    daemon = new_daemon("--workers", "1").start()
    job = prepare_long(daemon.client)
    for part in (0.4, 0.7, 1.4, 1.7):
        # Ten times a second it is stored, which is a part of an epoch, and the
        # disk may lag behind a bit.
        wait_until(lambda: position(daemon.client, job) >= part, 60)
        daemon.kill()
        daemon.start()
        # Until it has loaded, whole epochs are all that is known of it.
        found = wait_until(lambda: position(daemon.client, job) % 1, 60)
        assert found > 0.1
    done = daemon.client.succeeded(job, 120)
    calm.succeeded(expected, 120)
    assert done["resumes"] == 4
    assert (daemon.client.version("net", 1)["sha256"]
            == calm.version("net", 1)["sha256"])
    assert losses(daemon.client.history(job)) == losses(calm.history(expected))
    metrics = daemon.client.version("net", 1)["metrics"]
    assert metrics == calm.version("net", 1)["metrics"]


def test_a_pause_inside_an_epoch_loses_nothing(new_daemon):
    daemon = new_daemon("--workers", "1").start()
    client = daemon.client
    job = prepare_long(client)
    wait_until(lambda: position(client, job) >= 0.2, 60)
    client.ok("POST", f"/v1/jobs/{job}/pause", 200)
    with sqlite3.connect(f"file:{daemon.directory}/test.db?mode=ro",
                         uri=True) as link:
        assert link.execute("SELECT count(*) FROM checkpoint").fetchone()[0]
    link.close()
    client.ok("POST", f"/v1/jobs/{job}/resume", 200)
    # The first thing that is seen of it is behind where it was paused.
    assert wait_until(lambda: position(client, job), 60) >= 0.2
    client.ok("POST", f"/v1/jobs/{job}/cancel", 200)
