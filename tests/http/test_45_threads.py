"""One job, many threads: the same weights; and the choice of kernels."""

import subprocess

import pytest

from support import DAEMON

pytestmark = pytest.mark.skipif(
    not DAEMON, reason="needs BACKPROPD, the daemon's path")

ROWS, COLUMNS = 300, 120


def table():
    """Large enough that a batch is worth sharing."""
    head = ",".join(f"x{i}" for i in range(COLUMNS)) + ",y\n"
    return head + "".join(
        ",".join(str((r * 31 + c * 17 + r * c) % 23 / 23)
                 for c in range(COLUMNS)) + f",{r % 3 / 3}\n" for r in range(ROWS))


def digest(client, name):
    client.dataset(name, table())
    client.network(name, [(150, "relu"), (40, "tanh"), (1, "linear")], COLUMNS)
    client.train(name, name, epochs=3, batch_size=128,
                 optimizer={"type": "adam"})
    return client.ok("GET", f"/v1/networks/{name}/versions/1", 200)["sha256"]


def test_threads_do_not_change_a_bit(daemon, name, new_daemon):
    with_all = digest(daemon.client, name)
    with_one = digest(new_daemon("--threads", "1").start().client, name)
    with_three = digest(new_daemon("--threads", "3").start().client, name)
    assert with_all == with_one == with_three


def version(*flags):
    return subprocess.run([DAEMON, *flags, "--version"], text=True,
                          capture_output=True, timeout=60)


def test_the_kernel_can_be_chosen():
    line = version().stdout.splitlines()[1]
    assert line.startswith("kernels: ") and line.count("(in use)") == 1
    for kernel in line.removeprefix("kernels: ").replace(" (in use)",
                                                         "").split():
        assert f"{kernel} (in use)" in version("--kernel", kernel).stdout


def test_an_unknown_kernel_is_refused():
    refused = version("--kernel", "abacus")
    assert refused.returncode == 2 and "kernel" in refused.stderr
