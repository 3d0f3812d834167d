"""The tests once more, through nginx and through haproxy: nothing is lost on the
way, and nothing is smuggled past them."""

import os
import pathlib
import re
import subprocess
import sys

import pytest

from support import SLOW, Client, wait_until
from test_79_bad_input import ROWS, Pick
from test_81_service import start_proxy

pytestmark = pytest.mark.heavy
HERE = pathlib.Path(__file__).parent

# Those whose tests ask a daemon of theirs, or look into one, have no proxy.
FILES = ["test_10_health.py", "test_20_networks.py", "test_25_weights.py",
         "test_30_datasets.py", "test_50_predict.py", "test_55_evaluate.py",
         "test_60_textbook.py"]


@pytest.fixture(params=["nginx", "haproxy"])
def through(request, tmp_path, new_daemon, monkeypatch):
    """The example we ship, without TLS, so that a test sees every byte."""
    daemon = new_daemon().start()
    process, port = start_proxy(request.param, tmp_path, daemon, plain=True)
    client = Client(f"http://127.0.0.1:{port}")

    def answers():
        assert process.poll() is None, (tmp_path / "proxy.log").read_text()
        try:
            return client.get("/healthz", check=False).status == 200
        except OSError:
            return False
    try:
        wait_until(answers, 20, "the proxy")
        yield client, daemon
    finally:
        process.terminate()
        process.wait(timeout=20)


def test_the_tests_through_a_proxy(through):
    client, _ = through
    environment = {k: v for k, v in os.environ.items()
                   if k not in ("BACKPROPD", "HEAVY_TESTS")}
    told = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider",
         *[str(HERE / file) for file in FILES]], cwd=HERE, text=True,
        capture_output=True, timeout=600 * SLOW,
        env={**environment, "BACKPROPD_URL": client.url})
    assert told.returncode == 0, told.stdout[-6000:]
    assert int(re.search(r"(\d+) passed", told.stdout).group(1)) > 150


# Requests that a proxy may read in another way than we do.
FRAMING = [4, 5, 7, 8, 9, 10, 11, 14, 19, 21, 23, 24]


@pytest.mark.parametrize("number", FRAMING)
def test_nothing_is_smuggled(through, number):
    """Both proxies give each request that they see an id of theirs.  One that
    the daemon sees under its own was taken for a part of another."""
    client, daemon = through
    for turn in range(6):
        data = ROWS[number][0](Pick(number, turn))
        # The same once more, as the body of what has a plain length.
        head, _, rest = data.partition(b"\r\n\r\n")
        for sent in (data, head + b"\r\nContent-Length: %d\r\n\r\n" % len(rest)
                     + rest):
            client.raw(sent, seconds=1)
    client.ok("GET", "/readyz", 200)
    assert "request_id=smuggled" not in daemon.log_text()
