"""Told to stop: what is under way is finished or kept, and the exit is 0."""

import json
import signal
import threading
import time

import pytest

from support import HEAVY, SLOW, line_data

FOREVER = 100000000


def timed_stop(daemon, number=signal.SIGTERM, seconds=3):
    began = time.monotonic()
    daemon.signal(number)
    assert daemon.wait() == 0, daemon.log_text()[-3000:]
    assert time.monotonic() - began < seconds * SLOW
    daemon.check_log()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_daemon_stops_at_once(new_daemon, number):
    daemon = new_daemon().start()
    assert daemon.client.get("/healthz").status == 200
    timed_stop(daemon, number, 1)


def train(client):
    client.network("net", [(8, "tanh"), (1, "linear")], 1)
    client.dataset("data", line_data())
    job = client.submit("net", "data", epochs=FOREVER)
    client.running(job)
    return job


def half_upload(client):
    link = client.connect()
    link.sendall(b"PUT /v1/datasets/half HTTP/1.1\r\nHost: localhost\r\n"
                 b"Content-Type: text/csv\r\nContent-Length: 1000000\r\n\r\n"
                 b"x,y\n1,a\n")
    return link


def test_a_running_job_goes_on_after_the_restart(new_daemon):
    daemon = new_daemon().start()
    job = train(daemon.client)
    timed_stop(daemon)
    client = daemon.start().client
    now = client.running(job)
    assert now["resumes"] >= 0 and now["progress"]["epoch"] >= 1
    epochs = [r["epoch"] for r in client.history(job)]
    assert epochs == list(range(1, len(epochs) + 1))


def test_with_everything_open_at_once(new_daemon):
    """A job, an upload, an idle connection, one that sent half a request."""
    daemon = new_daemon().start()
    client = daemon.client
    train(client)
    idle = client.connect()
    half = client.connect()
    half.sendall(b"GET /healthz HT")
    upload = half_upload(client)
    stopping = threading.Event()

    def hammer():
        while not stopping.is_set():
            try:
                client.predict("net", [[1.0]])
            except (AssertionError, OSError):
                return
    threads = [threading.Thread(target=hammer) for _ in range(4)]
    for thread in threads:
        thread.start()
    timed_stop(daemon)
    stopping.set()
    for thread in threads:
        thread.join()
    for link in (idle, half, upload):
        link.close()
    client = daemon.start().client
    assert client.get("/v1/datasets/half").status == 404
    assert client.get("/v1/networks/net").status == 200


def test_a_request_under_way_is_answered(new_daemon):
    """The body is complete when the signal comes: the answer is owed."""
    daemon = new_daemon().start()
    client = daemon.client
    client.network("net", [(2048, "tanh"), (1, "linear")], 256)
    body = json.dumps({"inputs": [[0.5] * 256] * 4000}).encode()
    with client.connect() as link:
        link.sendall(b"POST /v1/networks/net/predict HTTP/1.1\r\n"
                     b"Host: localhost\r\nContent-Type: application/json\r\n"
                     b"Content-Length: %d\r\n\r\n" % len(body) + body)
        daemon.signal(signal.SIGTERM)
        first = link.recv(100)
        # Answered, or refused in plain words because it came too late.
        assert first.startswith((b"HTTP/1.1 200", b"HTTP/1.1 503")), first
        while link.recv(1 << 20):
            pass
    assert daemon.wait() == 0
    daemon.check_log()


def test_many_times_with_a_job_running(new_daemon):
    daemon = new_daemon().start()
    job = train(daemon.client)
    for _ in range(20 if HEAVY else 4):
        timed_stop(daemon)
        daemon.start()
        daemon.client.running(job, epochs=0)
    daemon.client.ok("POST", f"/v1/jobs/{job}/cancel", 200)


def test_signals_that_mean_nothing(new_daemon):
    daemon = new_daemon().start()
    daemon.signal(signal.SIGPIPE)
    assert daemon.client.get("/healthz").status == 200
