"""Crowds: thousands that say nothing, or speak slowly, and the rest served."""

import contextlib
import json
import os
import resource
import shutil
import socket
import subprocess
import tempfile
import time

import pytest

from support import SLOW

pytestmark = pytest.mark.heavy


def percentile(values, share):
    return sorted(values)[int(len(values) * share)]


def milliseconds(client, n, method="GET", path="/healthz", body=b""):
    """How long n requests on one connection take, each."""
    request = (f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n"
               f"Content-Type: application/json\r\n"
               f"Content-Length: {len(body)}\r\n\r\n").encode() + body
    if method == "GET":
        request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    taken = []
    with client.connect() as link:
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(n):
            began = time.perf_counter()
            link.sendall(request)
            assert link.recv(65536).startswith(b"HTTP/1.1 200")
            taken.append(1000 * (time.perf_counter() - began))
            time.sleep(0.002)  # a client that thinks
    return taken


def resident_kib(daemon):
    with open(f"/proc/{daemon.process.pid}/status") as status:
        return next(int(line.split()[1]) for line in status
                    if line.startswith("VmRSS"))


def test_ten_thousand_that_are_idle(new_daemon, record_property):
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard < 20000:
        pytest.skip(f"{hard} open files are too few")
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        daemon = new_daemon("--connections", "10240", "--log-level",
                            "warn").start()
        client = daemon.client
        before = resident_kib(daemon)
        ask = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
        with contextlib.ExitStack() as stack:
            held = []
            for _ in range(10000):
                link = stack.enter_context(client.connect())
                link.sendall(ask)
                held.append(link)
            for link in held:
                assert link.recv(4096).startswith(b"HTTP/1.1 200")
            taken = milliseconds(client, 1000)
            grown = resident_kib(daemon) - before
            # Nobody was hung up on meanwhile.
            for link in held[::100]:
                link.sendall(ask)
                assert link.recv(4096).startswith(b"HTTP/1.1 200")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, soft)
    p99 = percentile(taken, 0.99)
    print(f"10000 idle: healthz p50 {percentile(taken, 0.5):.2f} ms, "
          f"p99 {p99:.2f} ms, {grown / 1024:.0f} MiB more")
    assert p99 <= 20 * SLOW
    # Each has a pool of 16 KiB, and a little beside it.
    assert grown <= 180 * 1024 * SLOW


@pytest.mark.parametrize("how", ["-H", "-B", "-X"])
def test_a_thousand_that_are_slow(new_daemon, how):
    if shutil.which("slowhttptest") is None:
        pytest.skip("there is no slowhttptest")
    daemon = new_daemon("--connections", "2000", "--log-level", "warn").start()
    client = daemon.client
    client.network("n", [(8, "tanh"), (2, "linear")], 4)
    body = json.dumps({"inputs": [[1, 2, 3, 4]]}).encode()
    with tempfile.TemporaryDirectory() as directory:
        slow = subprocess.Popen(
            ["slowhttptest", how, "-c", "1000", "-r", "500", "-i", "2",
             "-l", "25", "-p", "3", "-u", f"{client.url}/v1/networks",
             *(["-s", "8192", "-t", "POST"] if how == "-B" else [])],
            cwd=directory, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
            env={**os.environ, "TERM": "dumb"})
        try:
            time.sleep(4)  # until all of them are there
            taken = milliseconds(client, 2000, "POST",
                                 "/v1/networks/n/predict", body)
        finally:
            slow.kill()
            slow.wait()
    p99 = percentile(taken, 0.99)
    print(f"1000 slow ({how}): predict p50 {percentile(taken, 0.5):.2f} ms, "
          f"p99 {p99:.2f} ms")
    assert p99 < 50 * SLOW
