"""A full disk: what must write says so, all else goes on, and so do jobs later."""

import contextlib
import os
import subprocess

import pytest

from support import Daemon, line_data, two_groups, wait_until

CLASSES = [(24, "tanh"), (2, "softmax")]


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 8 MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs",
                           str(place)], capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"no file system can be mounted: {done.stderr.strip()}")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.fixture
def cramped(small_disk, tmp_path):
    """A daemon with its database there, and its log elsewhere."""
    daemon = Daemon(small_disk, "--workers", "2")
    daemon.log = tmp_path / "log"
    yield daemon.start()
    daemon.stop()


def fill(place):
    """Not one byte is left."""
    with open(place / "filler", "wb", buffering=0) as filler:
        with contextlib.suppress(OSError):
            while True:
                filler.write(b"x" * 65536)
        with contextlib.suppress(OSError):
            while True:
                filler.write(b"x")
        os.fsync(filler.fileno())


def prepare(client, name="n"):
    client.dataset(name, two_groups(400))
    client.network(name, CLASSES, 2, loss="cross_entropy", seed=5)


def is_full(answer):
    return answer.status == 507 and answer.json["code"] == "disk_full"


def writes(client):
    """Everything that must write, each with something that fills pages."""
    body = [{"type": "dense", "units": 300, "activation": "tanh"}] * 2
    yield client.post("/v1/networks", json_body={
        "name": "big", "input_shape": [300], "loss": "mse", "layers": body})
    yield client.put("/v1/datasets/big", body=line_data(20000),
                     headers={"Content-Type": "text/csv"})


def test_a_full_disk_is_told_and_all_else_goes_on(cramped, small_disk):
    client = cramped.client
    prepare(client)
    client.train("n", "n", epochs=3)
    job = client.submit("n", "n", epochs=10000000)
    client.running(job, 5)
    fill(small_disk)
    for answer in writes(client):
        assert is_full(answer), answer
    # What is there can be read, and what is known can be asked.
    assert client.ok("GET", "/v1/networks/n", 200)["latest_version"] == 1
    assert client.predict("n", [[0.5, 0.5]])["version"] == 1
    client.evaluate("n", "n")
    client.weights("n", 1)
    client.ok("GET", "/v1/jobs", 200)
    client.ok("GET", "/readyz", 200)
    epoch = client.job(job)["progress"]["epoch"]
    wait_until(lambda: client.job(job)["progress"]["epoch"] > epoch)
    assert client.get("/v1/networks/big").status == 404
    assert client.get("/v1/datasets/big").status == 404
    # Room again: nobody has to start anything anew.
    (small_disk / "filler").unlink()
    assert [x.status for x in writes(client)] == [201, 201]
    client.ok("POST", f"/v1/jobs/{job}/cancel", 200)


def test_jobs_wait_for_room_and_end_with_the_same_bytes(cramped, small_disk,
                                                        new_daemon):
    spec = dict(epochs=3000, seed=2, batch_size=20,
                optimizer={"type": "adam", "learning_rate": 0.003})
    calm = new_daemon().start().client
    prepare(calm)
    expected = calm.submit("n", "n", **spec)

    client = cramped.client
    prepare(client)
    job = client.submit("n", "n", **spec)
    client.running(job, 20)
    fill(small_disk)
    # It trains on, to its end, which cannot be written.
    wait_until(lambda: client.job(job)["progress"]["epoch"] == 3000, 120)
    assert client.job(job)["status"] in ("queued", "running")
    assert client.get("/v1/networks/n/versions/1").status == 404
    (small_disk / "filler").unlink()
    client.succeeded(job, 60)
    calm.succeeded(expected, 120)
    assert (client.version("n", 1)["sha256"]
            == calm.version("n", 1)["sha256"])
    assert ([x["epoch"] for x in client.history(job)]
            == list(range(1, 3001)))
    assert ([x["loss"] for x in client.history(job)]
            == [x["loss"] for x in calm.history(expected)])


def test_a_daemon_that_is_killed_on_a_full_disk_loses_nothing(cramped,
                                                              small_disk):
    prepare(cramped.client)
    before = cramped.client.ok("GET", "/v1/networks/n", 200)
    job = cramped.client.submit("n", "n", epochs=10000000)
    cramped.client.running(job, 20)
    fill(small_disk)
    for answer in writes(cramped.client):
        assert is_full(answer), answer
    cramped.kill()
    (small_disk / "filler").unlink()
    client = cramped.start().client
    assert client.ok("GET", "/v1/networks/n", 200) == before
    client.running(job, 1)
    client.ok("POST", f"/v1/jobs/{job}/cancel", 200)


def put_csv(client, name, body):
    return client.put(f"/v1/datasets/{name}", body=body,
                      headers={"Content-Type": "text/csv"})


def fill_by_uploads(client):
    """Until there is no room for even the least; how many there are."""
    body, n = line_data(20000), 0
    while True:
        answer = put_csv(client, f"d{n}", body)
        if answer.status == 201:
            n += 1
            continue
        assert is_full(answer), answer
        if len(body) < 1000:
            return n
        body = body[:body.rindex("\n", 0, len(body) // 2) + 1]


def test_what_filled_the_disk_can_be_deleted(cramped):
    client = cramped.client
    n = fill_by_uploads(client)
    assert n > 0
    for i in range(n):
        client.ok("DELETE", f"/v1/datasets/d{i}", 204)
    assert put_csv(client, "again", line_data(20000)).status == 201


def test_a_daemon_starts_on_the_disk_that_it_filled(cramped):
    n = fill_by_uploads(cramped.client)
    cramped.kill()
    client = cramped.start().client
    for i in range(n):
        client.ok("DELETE", f"/v1/datasets/d{i}", 204)
    assert put_csv(client, "again", line_data(20000)).status == 201
    cramped.stop()
    assert len(cramped.start().client.ok("GET", "/v1/datasets", 200)[
        "data"]) == 1


def test_there_is_no_room_for_a_copy(cramped, small_disk):
    prepare(cramped.client)
    fill(small_disk)
    assert is_full(cramped.client.get("/v1/backup"))
    assert not list(small_disk.glob("*.backup*"))
    (small_disk / "filler").unlink()
    answer = cramped.client.request("GET", "/v1/backup", check=False)
    assert answer.status == 200
