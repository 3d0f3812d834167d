"""The real daemon over real HTTP: fixtures."""

import itertools
import os
import pathlib

import pytest

pytest.register_assert_rewrite("support")

from support import DAEMON, HEAVY, Client, Daemon  # noqa: E402


def pytest_configure(config):
    config.addinivalue_line("markers", "heavy: only where HEAVY_TESTS=1")
    if not DAEMON and "BACKPROPD_URL" not in os.environ:
        raise pytest.UsageError("set BACKPROPD to the daemon's path, or "
                                "BACKPROPD_URL to a running one's address")


def pytest_make_parametrize_id(val):
    """Every process that runs tests must name them alike; bytes may hold a
    clock (gzip's do), and name nothing to a reader."""
    return f"{len(val)} bytes" if isinstance(val, bytes) else None


def pytest_collection_modifyitems(items):
    if not HEAVY:
        skip = pytest.mark.skip(reason="slow: HEAVY_TESTS=1 runs it")
        for item in items:
            if item.get_closest_marker("heavy"):
                item.add_marker(skip)


@pytest.fixture(scope="session")
def daemon(tmp_path_factory):
    """The one that most tests share; names keep them apart."""
    if "BACKPROPD_URL" in os.environ:
        pytest.skip("needs a daemon of its own, not BACKPROPD_URL")
    one = Daemon(tmp_path_factory.mktemp("daemon")).start()
    yield one
    one.stop()


@pytest.fixture(scope="session")
def client(request):
    if "BACKPROPD_URL" in os.environ:
        return Client(os.environ["BACKPROPD_URL"])
    return request.getfixturevalue("daemon").client


@pytest.fixture
def new_daemon(tmp_path):
    """Makes daemons (arguments, environment) and sees that they end well."""
    if not DAEMON:
        pytest.skip("needs BACKPROPD, the daemon's path")
    made = []

    def make(*arguments, **environment):
        directory = tmp_path / f"daemon-{len(made)}"
        directory.mkdir()
        made.append(Daemon(directory, *arguments, **environment))
        return made[-1]
    yield make
    for one in made:
        one.stop()


_number = itertools.count(1)


@pytest.fixture
def name(request):
    """A name nobody else has."""
    return f"{os.getpid()}-{next(_number)}." + "".join(
        c if c.isalnum() else "-" for c in request.node.name.lower())[:40]


@pytest.fixture(scope="session")
def shared_data():
    """The folder of data sets that are not in the repository."""
    folder = pathlib.Path(__file__).parents[3] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no data sets in {folder}")
    return folder
