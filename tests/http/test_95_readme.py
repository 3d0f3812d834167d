"""The README is true: its walk works, its table is the program's."""

import pathlib
import re
import shutil
import subprocess

import pytest

from support import DAEMON, SLOW

TOP = pathlib.Path(__file__).parents[2]
README = (TOP / "README.md").read_text()
HERE = "URL=http://127.0.0.1:8080\n"


def section(title):
    """The text under a heading."""
    return re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", README,
                     re.MULTILINE | re.DOTALL).group(1)


def walk():
    """The blocks of the walk, each a string."""
    return re.findall(r"^```sh\n(.*?)^```", section("A walk in five minutes"),
                      re.MULTILINE | re.DOTALL)


def run_walk(daemon, directory, script):
    for tool in ("curl", "jq"):
        if shutil.which(tool) is None:
            pytest.skip(f"there is no {tool}")
    assert script.startswith(HERE)
    return subprocess.run(
        ["sh", "-euxc", script.replace(HERE, f"URL={daemon.url}\n")],
        cwd=directory, capture_output=True, text=True, timeout=60 * SLOW)


def test_the_walk_works(new_daemon, tmp_path):
    script = "".join(walk())
    assert len(walk()) >= 5
    # -f would keep the reason of a refusal to itself.
    assert script.count("curl -sS") == script.count("curl ")
    result = run_walk(new_daemon().start(), tmp_path, script)
    assert result.returncode == 0, result.stderr
    assert '["no","yes","yes","no"]' in result.stdout.replace(" ", "")
    # What it says will come does come, in this order.
    told = re.findall(r"^# ([\[{].*)$", script, re.MULTILINE)
    assert len(told) >= 8
    lines = iter(result.stdout.splitlines())
    for line in told:
        pattern = re.escape(line).replace("…", r"[\d.e-]*")
        assert any(re.fullmatch(pattern, x) for x in lines), (
            line, result.stdout)


def test_the_walk_shows_mistakes_and_ends(new_daemon, tmp_path):
    """Whoever mistypes a body reads why; a job that fails ends the waiting."""
    blocks = [b for b in walk() if '"name": "xor"' in b or '"epochs": 1000' in b]
    assert len(blocks) == 2
    wait = re.search("^until .*$", "".join(walk()), re.MULTILINE).group()
    script = (walk()[0] + blocks[0].replace('"units": 8', '"units": 0')
              + blocks[1] + wait)
    result = run_walk(new_daemon().start(), tmp_path, script)
    assert result.returncode == 0, result.stderr
    assert '"pointer":"/layers/0/units"' in result.stdout
    assert "there is no network" in result.stdout


def test_what_it_has_is_what_the_program_knows(client):
    schemas = client.ok("GET", "/openapi.json", 200)["components"]["schemas"]

    def types(choice):
        names = [x["$ref"].rpartition("/")[2] for x in schemas[choice]["oneOf"]
                 if "$ref" in x]
        return [schemas[n]["properties"]["type"]["const"] for n in names]
    has = section("What it has, and has not")
    for what, known in (("Layers", types("Layer")),
                        ("Activations", schemas["Activation"]["enum"]),
                        ("Losses", types("Loss")),
                        ("Optimisers", types("Optimizer")),
                        ("Schedules", types("Schedule"))):
        row = re.search(rf"^- \*\*{what}\*\*(.*)$", has, re.MULTILINE).group(1)
        assert re.findall(r"`(\w+)`", row) == known


def test_five_lines_with_a_key(new_daemon):
    """From an image to a trained model: what the README shows."""
    if shutil.which("curl") is None:
        pytest.skip("there is no curl")
    lines = re.search(r"^```sh\n(.*?)^```", section("In a container"),
                      re.MULTILINE | re.DOTALL).group(1)
    assert len(re.findall("curl", lines)) == 5
    daemon = new_daemon("--require-keys")
    key = subprocess.run(
        [DAEMON, "key", "create", "--name", "me", "--scope", "train",
         "--database", "test.db"], cwd=daemon.directory, text=True,
        capture_output=True, check=True).stdout.strip()
    result = subprocess.run(
        ["sh", "-euc", lines], capture_output=True, text=True,
        timeout=60 * SLOW, env={"PATH": "/usr/bin:/bin", "KEY": key,
                                "URL": daemon.start().url})
    assert result.returncode == 0, result.stderr
    assert '["yes","no"]' in result.stdout.splitlines()[-1].replace(" ", "")


def test_the_table_of_endpoints_is_the_programs():
    if not DAEMON:
        pytest.skip("needs BACKPROPD, the daemon's path")
    told = re.findall(r"^\| `([A-Z]+) (/\S*)` \|", section("Endpoints"),
                      re.MULTILINE)
    routes = [tuple(line.split()[:2]) for line in subprocess.run(
        [DAEMON, "--print-routes"], capture_output=True, text=True,
        check=True).stdout.splitlines()]
    assert told == routes


def test_the_table_names_what_a_network_shows(client, name):
    row = re.search(r"^\| `GET /v1/networks/\{name\}` \| (.*) \|$",
                    section("Endpoints"), re.MULTILINE).group(1)
    told = re.findall(r"`(\w+)`", row)
    assert {"layers", "serving_version"} <= set(told)
    assert "versions" not in row
    assert set(told) <= set(client.network(name, [(1, "sigmoid")], 2))


def test_every_floor_is_in_the_tour():
    floors = {p.name for p in (TOP / "src").iterdir() if p.is_dir()}
    assert floors == set(re.findall(r"`(\w+)/`", section("Where everything is")
                                    .split("Outside `src/`")[0]))


def test_what_it_links_to_is_there():
    for link in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (TOP / link).exists(), link


def test_operations_are_what_they_say(tmp_path):
    """Every command of config/OPERATIONS.md, one after the other."""
    import os
    import socket
    if shutil.which("curl") is None:
        pytest.skip("there is no curl")
    text = (TOP / "config" / "OPERATIONS.md").read_text()
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 7 and text.count("```") == 2 * len(blocks)
    with socket.create_server(("127.0.0.1", 0)) as link:
        port = link.getsockname()[1]
    # The daemon of the first block ends with the script, as of a restore.
    script = ("".join(blocks) + "kill -TERM $!; wait $!\n"
              "backpropd --check --database restored.db\n")
    result = subprocess.run(
        ["sh", "-euxc", script], cwd=tmp_path, capture_output=True, text=True,
        timeout=120 * SLOW, env={
            "PATH": f"{os.path.dirname(DAEMON)}:/usr/bin:/bin",
            "DB": "there.db", "PORT": str(port)})
    assert result.returncode == 0, result.stderr[-3000:]
    assert "prometheus-2" in result.stdout
    assert (tmp_path / "backup.db").stat().st_size > 4096


def test_operations_name_what_is_there():
    text = (TOP / "config" / "OPERATIONS.md").read_text()
    for path in re.findall(r"`((?:config|docker)/[a-z./]*)`", text):
        assert (TOP / path).exists(), path
    sources = "".join(p.read_text() for p in (TOP / "src").rglob("*.c"))
    for codes in re.findall(r"^\| \d\d\d (`.*?) \|", text, re.MULTILINE):
        for code in re.findall(r"`(\w+)`", codes):
            assert f'"{code}"' in sources, code
    for metric in re.findall(r"`(backpropd_\w+)", text):
        assert metric[len("backpropd_"):] in sources, metric
