"""Under a service manager: what it is told, what it hands over, the files for it."""

import json
import os
import pathlib
import re
import shutil
import socket
import subprocess

import pytest

from support import DAEMON, SLOW, Client, wait_until

CONFIG = pathlib.Path(__file__).parents[2] / "config"


@pytest.fixture
def manager(tmp_path):
    """The socket that a service manager listens on."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as link:
        link.bind(str(tmp_path / "notify"))
        link.settimeout(20 * SLOW)
        yield link


def test_the_manager_is_told(new_daemon, manager, tmp_path):
    daemon = new_daemon(NOTIFY_SOCKET=str(tmp_path / "notify")).start()
    assert manager.recv(100) == b"READY=1"
    assert daemon.client.get("/readyz").status == 200
    assert manager.recv(100) == b"WATCHDOG=1"
    daemon.stop()
    told = b""
    while told != b"STOPPING=1":
        assert told in (b"", b"WATCHDOG=1")
        told = manager.recv(100)


def test_a_manager_with_a_name_in_no_directory(new_daemon):
    name = f"backpropd-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as link:
        link.bind("\0" + name)
        link.settimeout(20 * SLOW)
        new_daemon(NOTIFY_SOCKET="@" + name).start()
        assert link.recv(100) == b"READY=1"


@pytest.mark.parametrize("path", ["/nowhere/at/all", "relative", "", "/" + "x" * 300])
def test_a_manager_that_is_not_there(new_daemon, path):
    new_daemon(NOTIFY_SOCKET=path).start()


def handed_over(directory, link, *arguments, first=3):
    """The daemon with a socket as descriptor 3, as systemd starts it."""
    return subprocess.Popen(
        ["sh", "-c", 'export LISTEN_PID=$$; exec "$@"', "sh", DAEMON,
         "--database", "test.db", *arguments], cwd=directory,
        env={"PATH": "/bin", "LISTEN_FDS": "1"}, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, pass_fds=(first,), text=True,
        preexec_fn=lambda: os.dup2(link.fileno(), first, inheritable=True))


def test_a_socket_that_is_handed_over(tmp_path):
    """A request that came before the daemon is answered."""
    with socket.create_server(("127.0.0.1", 0)) as link:
        port = link.getsockname()[1]
        early = socket.create_connection(("127.0.0.1", port), timeout=20 * SLOW)
        early.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        process = handed_over(tmp_path, link)
        try:
            line = process.stdout.readline()
            assert line == f"backpropd: listening on http://127.0.0.1:{port}\n"
            assert early.recv(4096).startswith(b"HTTP/1.1 200")
            early.close()
            assert Client(f"http://127.0.0.1:{port}").get(
                "/v1/networks").status == 200
        finally:
            process.terminate()
            _, log = process.communicate(timeout=20 * SLOW)
        assert process.returncode == 0, log
        # The manager's own socket still listens: nobody is refused meanwhile.
        socket.create_connection(("127.0.0.1", port), timeout=5).close()


def test_a_handed_over_socket_that_others_reach_asks_for_keys(tmp_path):
    with socket.create_server(("0.0.0.0", 0)) as link:
        process = handed_over(tmp_path, link)
        _, log = process.communicate(timeout=20 * SLOW)
    assert process.returncode == 2 and "backpropd key create" in log


def test_what_is_handed_over_must_be_a_socket(tmp_path):
    with socket.socket(socket.AF_UNIX) as link:
        process = handed_over(tmp_path, link)
        _, log = process.communicate(timeout=20 * SLOW)
    assert process.returncode == 2 and "listen" in log


# --- the files -----------------------------------------------------------------------

def tool(*command, **rest):
    if shutil.which(command[0]) is None:
        pytest.skip(f"there is no {command[0]}")
    return subprocess.run(command, capture_output=True, text=True, timeout=60,
                          **rest)


def test_the_unit_may_do_little():
    told = tool("systemd-analyze", "security", "--offline=yes", "--no-pager",
                "--threshold=15", str(CONFIG / "backpropd.service"))
    level = re.search(r"exposure level for \S+: ([0-9.]+)", told.stdout)
    assert level and float(level.group(1)) <= 1.5, told.stdout[-2000:]
    assert told.returncode == 0


@pytest.mark.parametrize("unit", ["backpropd.service", "backpropd.socket"])
def test_the_units_are_understood(unit):
    told = tool("systemd-analyze", "verify", "--man=no",
                str(CONFIG / unit))
    mistakes = [line for line in told.stderr.splitlines()
                if "not executable" not in line and CONFIG.name in line]
    assert not mistakes, told.stderr


def test_the_user_and_its_directory():
    if shutil.which("systemd-sysusers") is None:
        pytest.skip("there is no systemd-sysusers")
    root = tool("mktemp", "-d").stdout.strip()
    try:
        pathlib.Path(root, "etc").mkdir()
        for name, file in (("systemd-sysusers", "sysusers"),
                           ("systemd-tmpfiles", "tmpfiles")):
            told = tool(name, f"--root={root}",
                        *(["--create"] if file == "tmpfiles" else []),
                        str(CONFIG / f"backpropd.{file}"))
            assert told.returncode == 0, told
        assert re.search(r"^backpropd:", pathlib.Path(
            root, "etc/passwd").read_text(), re.MULTILINE)
        state = pathlib.Path(root, "var/lib/backpropd").stat()
        assert state.st_mode & 0o777 == 0o700
    finally:
        shutil.rmtree(root)


def options():
    told = subprocess.run([DAEMON, "--help"], capture_output=True, text=True,
                          check=True).stdout
    found = re.findall(r"^  (--[a-z-]+)", told, re.MULTILINE)
    assert len(found) > 10
    return found


def test_the_manual_knows_every_option():
    manual = CONFIG / "backpropd.8"
    text = manual.read_text()
    told = re.findall(r"^\.It Fl Fl (\S+)", text, re.MULTILINE)
    assert [f"--{name}" for name in told] == options()
    told = tool("mandoc", "-T", "lint", "-W", "warning", str(manual))
    assert told.returncode == 0, told.stdout


def test_the_shell_completes_every_option():
    file = CONFIG / "backpropd.bash"
    script = (f'. "{file}"; COMP_WORDS=(backpropd --); COMP_CWORD=1; '
              '_backpropd; printf "%s\\n" "${COMPREPLY[@]}"')
    told = tool("bash", "-c", script, env={
        "PATH": f"{pathlib.Path(DAEMON).parent}:/usr/bin:/bin"})
    assert told.returncode == 0, told.stderr
    assert sorted(told.stdout.split()) == sorted(options())


def test_kubernetes(new_daemon):
    yaml = pytest.importorskip("yaml")
    things = {}
    for file in sorted((CONFIG / "kubernetes").glob("*.yaml")):
        for thing in yaml.safe_load_all(file.read_text()):
            assert thing["apiVersion"] and thing["metadata"]["name"], file
            things[thing["kind"]] = thing
    assert set(things) >= {"Deployment", "Service", "PersistentVolumeClaim",
                           "PodDisruptionBudget", "ServiceMonitor"}
    deployment = things["Deployment"]["spec"]
    pod = deployment["template"]["spec"]
    labels = deployment["template"]["metadata"]["labels"]
    container = pod["containers"][0]
    # One writer: two of them never run at once.
    assert deployment["replicas"] == 1
    assert deployment["strategy"]["type"] == "Recreate"
    for selector in (deployment["selector"]["matchLabels"],
                     things["Service"]["spec"]["selector"],
                     things["PodDisruptionBudget"]["spec"]["selector"][
                         "matchLabels"]):
        assert selector.items() <= labels.items()
    assert things["ServiceMonitor"]["spec"]["selector"][
        "matchLabels"].items() <= things["Service"]["metadata"][
            "labels"].items()
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["automountServiceAccountToken"] is False
    client = new_daemon().start().client
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert client.get(
            container[probe]["httpGet"]["path"]).status == 200, probe
    claims = {v["persistentVolumeClaim"]["claimName"] for v in pod["volumes"]
              if "persistentVolumeClaim" in v}
    assert claims == {things["PersistentVolumeClaim"]["metadata"]["name"]}
    told = subprocess.run([DAEMON, "--print-config"], capture_output=True,
                          text=True, check=True).stdout
    known = {f"BACKPROPD_{name.upper()}" for name in re.findall(
        r"^(\w+) =", told, re.MULTILINE)}
    assert {e["name"] for e in container["env"]} <= known


def test_operations_know_every_metric(new_daemon):
    told = (CONFIG / "OPERATIONS.md").read_text()
    client = new_daemon().start().client
    client.dataset("d", "x,y\n1,2\n2,4\n3,6\n")
    client.network("n", [(1, "linear")], 1)
    client.train("n", "d", epochs=2)  # with a checkpoint
    shown = client.get("/metrics").body.decode()
    names = re.findall(r"^# HELP (\S+) ", shown, re.MULTILINE)
    assert len(names) > 30
    assert not [name for name in names if f"`{name}" not in told]


def test_operations_know_every_option_and_limit(new_daemon):
    told = (CONFIG / "OPERATIONS.md").read_text()
    section = told.split("## Limits\n")[1].split("\n## ")[0]
    words = set(re.findall(r"`(\w+)`", section))
    shown = subprocess.run([DAEMON, "--print-config"], capture_output=True,
                           text=True, check=True).stdout
    defaults = dict(re.findall(r"^(\w+) = (.*)$", shown, re.MULTILINE))
    assert not set(defaults) - words
    metrics = new_daemon().start().client.get("/metrics").body.decode()
    limits = set(re.findall(r'limits_hit_total{limit="(\w+)"}', metrics))
    assert len(limits) > 20 and not limits - words
    # The defaults in the table are the program's.
    rows = re.findall(r"^\| (`.*?) \| (.*?) \|", section, re.MULTILINE)
    assert len(rows) > 15
    for names, values in rows:
        names = re.findall(r"`(\w+)`", names)
        values = re.findall(r"\d+", values)
        values *= len(names) if len(values) == 1 else 1
        assert [defaults[name] for name in names] == values, names


def test_operations_know_every_code():
    """The words that err_named() and err_code_slug() are given."""
    told = (CONFIG / "OPERATIONS.md").read_text()
    source = CONFIG.parent / "src"
    codes = set(re.findall(r'return "([a-z_]+)";',
                           (source / "base" / "err.c").read_text()))
    for file in source.rglob("*.c"):
        for call in file.read_text().split("err_named(")[1:]:
            statement = call.split(";")[0]
            codes.update(re.findall(r'"([a-z][a-z0-9_]*)"\)$', statement))
    assert len(codes) > 35
    codes -= {"ok", "unknown", "would_block"}  # nobody is answered these
    assert not sorted(c for c in codes if f"`{c}`" not in told)


# --- a proxy with TLS in front ------------------------------------------------------------

def certificate(directory):
    told = tool("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes",
                "-subj", "/CN=localhost", "-days", "2", "-keyout",
                str(directory / "key.pem"), "-out",
                str(directory / "cert.pem"),
                "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1")
    assert told.returncode == 0, told.stderr
    (directory / "both.pem").write_text(
        (directory / "cert.pem").read_text()
        + (directory / "key.pem").read_text())
    return directory


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as link:
        return link.getsockname()[1]


PROXIES = {
    "nginx": (["nginx", "-p", "{dir}", "-e", "stderr", "-c", "{file}"],
              "nginx.conf"),
    "haproxy": (["haproxy", "-db", "-f", "{file}"], "haproxy.cfg"),
    "caddy": (["caddy", "run", "--adapter", "caddyfile", "--config", "{file}"],
              "Caddyfile"),
}


def start_proxy(kind, directory, daemon, plain=False):
    """The example we ship, with this machine's ports and a certificate, or
    without TLS."""
    command, name = PROXIES[kind]
    if shutil.which(command[0]) is None:
        pytest.skip(f"there is no {command[0]}")
    certificate(directory)
    port = free_port()
    text = (CONFIG / "proxy" / name).read_text()
    changes = {"backpropd.example": "localhost", "443": str(port),
               "127.0.0.1:8080": f"127.0.0.1:{daemon.client.port}",
               "/etc/ssl/backpropd": str(directory), "/run/": f"{directory}/"}
    assert all(old in text or old == "/run/" for old in changes), name
    # In one pass: a port may hold another's digits.
    text = re.sub("|".join(map(re.escape, changes)),
                  lambda found: changes[found.group()], text)
    if plain:
        text = re.sub(r" ssl http2;| ssl crt .*", lambda found:
                      ";" if found.group().endswith(";") else "", text)
    file = directory / name
    file.write_text(text)
    with open(directory / "proxy.log", "wb") as log:
        process = subprocess.Popen(
            [part.format(dir=directory, file=file) for part in command],
            cwd=directory, stdout=log, stderr=log, env={
                "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
                "HOME": str(directory)})
    return process, port


@pytest.fixture(params=sorted(PROXIES))
def proxied(request, tmp_path, new_daemon):
    daemon = new_daemon().start()
    process, port = start_proxy(request.param, tmp_path, daemon)

    def answers():
        assert process.poll() is None, (tmp_path / "proxy.log").read_text()
        return curl(tmp_path, port, "/healthz").returncode == 0
    try:
        wait_until(answers, 20, "the proxy")
        yield tmp_path, port, daemon
    finally:
        process.terminate()
        process.wait(timeout=20)


def curl(directory, port, path, *arguments):
    return tool("curl", "-sS", "--fail-with-body", "--cacert",
                str(directory / "cert.pem"), *arguments,
                f"https://localhost:{port}{path}")


def test_a_proxy_with_tls(proxied):
    directory, port, daemon = proxied
    told = curl(directory, port, "/v1/networks", "-H",
                "Content-Type: application/json", "-d", json.dumps({
                    "name": "n", "input_shape": [1], "loss": "mse",
                    "layers": [{"type": "dense", "units": 1}]}))
    assert told.returncode == 0, told
    told = curl(directory, port, "/v1/networks/n/predict", "-H",
                "Content-Type: application/json", "-d", '{"inputs": [[1]]}')
    assert json.loads(told.stdout)["version"] == 0
    # What is refused is refused by us, with a problem.
    told = curl(directory, port, "/v1/networks/nobody")
    assert json.loads(told.stdout)["code"] == "not_found"
    # An upload is passed on as it comes, not kept by the proxy.
    big = directory / "big.csv"
    big.write_text("x,y\n" + "1,2\n" * 1000000)
    told = curl(directory, port, "/v1/datasets/big", "-T", str(big), "-H",
                "Content-Type: text/csv")
    assert json.loads(told.stdout)["rows"] == 1000000, told
    assert daemon.client.get("/v1/datasets/big").status == 200
