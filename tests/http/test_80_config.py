"""Configuration: flag over environment over file over default."""

import pathlib
import re
import subprocess

import pytest

from support import DAEMON, SLOW

pytestmark = pytest.mark.skipif(
    not DAEMON, reason="needs BACKPROPD, the daemon's path")

CONFIG = pathlib.Path(__file__).parents[2] / "config" / "backpropd.conf"


def run(*arguments, cwd=None, **environment):
    return subprocess.run([DAEMON, *arguments], capture_output=True, text=True,
                          timeout=20 * SLOW, env={"PATH": "/bin", **environment},
                          cwd=cwd)


def settings(text):
    return dict(re.findall(r"^(\w+) *= *(.*?) *$", text, re.MULTILINE))


def refused(result, *words):
    """Exit 2 with one line that names the option."""
    assert result.returncode == 2, result
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert len(lines) == 1, lines
    for word in words:
        assert word in lines[0], lines


def test_help_lists_every_option():
    result = run("--help")
    assert result.returncode == 0 and result.stderr == ""
    for option in ("listen", "database", "workers", "config", "log-level",
                   "no-auth", "print-config", "version", "help"):
        assert f"--{option}" in result.stdout


def test_version_tells_version_and_compiler():
    result = run("--version")
    assert result.returncode == 0
    assert re.match(r"backpropd \d+\.\d+\.\d+", result.stdout)


def test_print_config_can_be_read_again(tmp_path):
    first = run("--print-config", "--workers", "3", "--log-level", "debug")
    assert first.returncode == 0
    file = tmp_path / "again.conf"
    file.write_text(first.stdout)
    assert run("--print-config", "--config", str(file)).stdout == first.stdout
    assert settings(first.stdout)["workers"] == "3"


def test_the_file_we_ship_has_the_defaults():
    shipped = run("--print-config", "--config", str(CONFIG))
    assert shipped.returncode == 0, shipped.stderr
    assert shipped.stdout == run("--print-config").stdout
    assert set(settings(CONFIG.read_text())) == set(settings(shipped.stdout))


def test_flag_over_environment_over_file_over_default(tmp_path):
    file = tmp_path / "one.conf"
    file.write_text("workers = 5\nconnections = 50\nlog_level = warn\n")
    seen = settings(run("--print-config", "--config", str(file),
                        "--workers", "7", BACKPROPD_WORKERS="6",
                        BACKPROPD_CONNECTIONS="60").stdout)
    assert seen["workers"] == "7"
    assert seen["connections"] == "60"
    assert seen["log_level"] == "warn"
    assert seen["database"] == "backprop.db"


def test_the_environment_may_name_the_file(tmp_path):
    file = tmp_path / "one.conf"
    file.write_text("workers = 5\n")
    seen = settings(run("--print-config", BACKPROPD_CONFIG=str(file)).stdout)
    assert seen["workers"] == "5"


def test_a_flag_with_an_equals_sign():
    assert settings(run("--print-config", "--workers=9").stdout)[
        "workers"] == "9"


@pytest.mark.parametrize("arguments, word", [
    (["--wrokers", "1"], "--wrokers"), (["extra"], "extra"),
    (["--workers"], "--workers"), (["--workers", "many"], "--workers"),
    (["--workers", "-1"], "--workers"), (["--workers", "100000"], "--workers"),
    (["--log-level", "loud"], "--log-level"), (["--listen", ""], "--listen"),
    (["--database", ""], "--database"), (["--connections", "0"],
                                         "--connections"),
    (["--config", "/nowhere/at/all"], "config"), (["-x"], "-x"),
    (["--no-auth=perhaps"], "--no-auth"), (["--database", "x" * 10000],
                                           "--database")])
def test_a_bad_flag(arguments, word):
    refused(run(*arguments), word)


@pytest.mark.parametrize("listen", [
    "nowhere", "18434", "127.0.0.1", "127.0.0.1:", "127.0.0.1:70000", ":8080",
    "127.0.0.1:-1", "127.0.0.1:http", "[::1:8080"])
def test_a_bad_address(tmp_path, listen):
    for flags in ((), ("--no-auth",), ("--check",)):
        refused(run("--listen", listen, *flags, cwd=tmp_path),
                "listen: must be ADDRESS:PORT, such as 127.0.0.1:8080",
                f"got '{listen}'")
    assert not list(tmp_path.iterdir())


def test_a_bad_environment():
    refused(run(BACKPROPD_WORKERS="many"), "BACKPROPD_WORKERS", "many")


@pytest.mark.parametrize("text, word", [
    ("colour = red\n", "colour"), ("workers = many\n", "workers"),
    ("[server]\nworkers = 1\n", "server"), ("workers\n", "line 1"),
    ("help = true\n", "help")])
def test_a_bad_file(tmp_path, text, word):
    file = tmp_path / "bad.conf"
    file.write_text(text)
    refused(run("--config", str(file)), word, "bad.conf")


@pytest.mark.parametrize("listen", ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"])
def test_an_address_others_can_reach_must_be_meant(tmp_path, listen):
    refused(run("--listen", listen, cwd=tmp_path), "listen", "--no-auth")
    assert not list(tmp_path.iterdir())


def test_it_can_be_meant(new_daemon):
    daemon = new_daemon("--listen", "0.0.0.0:0", "--no-auth").start()
    port = daemon.url.rsplit(":", 1)[1]
    daemon.client.host = "127.0.0.1"
    assert port != "0"
    assert daemon.client.get("/healthz").status == 200


def test_a_port_that_is_taken(new_daemon, tmp_path):
    daemon = new_daemon().start()
    result = run("--listen", daemon.url[len("http://"):], cwd=tmp_path)
    assert result.returncode == 69, result
    assert len(result.stderr.splitlines()) >= 1


def test_a_database_that_is_taken(new_daemon):
    daemon = new_daemon().start()
    result = run("--listen", "127.0.0.1:0", "--database", "test.db",
                 cwd=daemon.directory)
    assert result.returncode == 75, result
    assert "test.db" in result.stderr
    assert daemon.client.get("/readyz").status == 200


@pytest.mark.parametrize("content", [
    b"this is no database, but it is long enough to look at " * 100,
    b"SQLite format 3\x00" + bytes(84) + b"x" * 4000])
def test_a_file_that_is_no_database_is_left_alone(tmp_path, content):
    file = tmp_path / "notes.txt"
    file.write_bytes(content)
    result = run("--listen", "127.0.0.1:0", "--database", "notes.txt",
                 cwd=tmp_path)
    assert result.returncode == 75, result
    assert "notes.txt" in result.stderr
    assert file.read_bytes() == content


def test_a_directory_that_is_not_there(tmp_path):
    result = run("--listen", "127.0.0.1:0", "--database", "no/such/x.db",
                 cwd=tmp_path)
    assert result.returncode == 75, result


def test_it_works_in_a_strange_place(new_daemon):
    """Another locale, no home, stdin closed: the same numbers."""
    daemon = new_daemon(LANG="de_DE.UTF-8", LC_ALL="de_DE.UTF-8", TZ="XYZ-7",
                        HOME="/nowhere").start()
    client = daemon.client
    client.network("n", [(1, "linear")], 1)
    client.put_weights("n", [([[0.5]], [0.25])])
    assert client.predict("n", [[1.5]])["outputs"] == [[1.0]]
    assert client.ok("GET", "/v1/networks/n", 200)["created_at"].endswith("Z")
