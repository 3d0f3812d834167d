"""Keys: who may do what, on the wire and by the program's own commands."""

import json
import os
import re
import subprocess

import pytest

from support import DAEMON, SLOW, wait_until

KEY = re.compile(r"bpk_[0-9a-f]{64}")


def command(directory, *arguments):
    """backpropd key …; the result."""
    return subprocess.run([DAEMON, "key", *arguments, "--database", "test.db"],
                          cwd=directory, capture_output=True, text=True,
                          timeout=20 * SLOW, env={"PATH": "/bin"})


def make_key(directory, name, scope):
    result = command(directory, "create", "--name", name, "--scope", scope)
    assert result.returncode == 0, result
    key = result.stdout.strip()
    assert KEY.fullmatch(key) and key not in result.stderr
    return key


def bearer(key):
    return {"Authorization": f"Bearer {key}"}


@pytest.fixture
def guarded(new_daemon):
    """A daemon that asks for keys, and one key of each scope."""
    daemon = new_daemon("--require-keys")
    daemon.keys = {scope: make_key(daemon.directory, f"the-{scope}", scope)
                   for scope in ("predict", "train", "admin")}
    return daemon.start()


@pytest.fixture(scope="module")
def routes():
    return [line.split()[:2] for line in subprocess.run(
        [DAEMON, "--print-routes"], capture_output=True, text=True,
        check=True).stdout.splitlines()]


def path_of(pattern):
    return re.sub(r"\{\w+\}", "1", pattern)


def test_every_route_but_health_asks_for_a_key(guarded, routes):
    public = set()
    for method, pattern in routes:
        answer = guarded.client.request(method, path_of(pattern), check=False)
        if answer.status != 401:
            public.add(pattern)
            continue
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        if pattern.startswith("/v1/jobs"): # other protocols have other errors
            assert answer.json["code"] == "no_key"
    assert {"/healthz", "/readyz"} <= public
    assert not any(pattern.startswith(("/v1/", "/v2/m")) for pattern in public)


def test_scopes_include_the_ones_before(guarded):
    client = guarded.client

    def status(scope, method, path, **rest):
        return client.request(method, path, headers=bearer(
            guarded.keys[scope]), **rest).status
    body = {"name": "n", "input_shape": [1], "loss": "mse",
            "layers": [{"type": "dense", "units": 1}]}
    assert status("predict", "GET", "/v1/networks") == 200
    assert status("predict", "POST", "/v1/networks", json_body=body) == 403
    assert status("train", "POST", "/v1/networks", json_body=body) == 201
    assert status("predict", "POST", "/v1/networks/n/predict",
                  json_body={"inputs": [[1]]}) == 200
    assert status("train", "GET", "/v1/networks") == 200
    assert status("train", "GET", "/v1/keys") == 403
    assert status("admin", "GET", "/v1/keys") == 200
    assert status("admin", "DELETE", "/v1/networks/n") == 204
    answer = client.get("/v1/keys", headers=bearer(guarded.keys["train"]))
    assert "admin" in answer.json["detail"]
    assert "the-train" in answer.json["detail"]


@pytest.mark.parametrize("value", [
    "", "Bearer", "Bearer ", "Basic dXNlcjpwYXNz", "bpk_" + "0" * 64,
    "Bearer bpk_" + "0" * 64, "Bearer \xe9\xff", "Bearer  {key}",
    "Bearer {key}x", "Bearer {key} ", "Bearer{key}", "Bearer {upper}",
    "Token {key}", "Bearer {key},Bearer {key}"])
def test_what_is_no_key(guarded, value):
    key = guarded.keys["admin"]
    value = value.replace("{key}", key).replace("{upper}", key.upper())
    raw = guarded.client.raw(
        b"GET /v1/networks HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        b"Authorization: " + value.encode("latin-1") + b"\r\n\r\n")
    # Blanks at the end of a header are not part of it.
    status = b"200" if value == f"Bearer {key} " else b"401"
    assert raw.startswith(b"HTTP/1.1 " + status), raw


def test_odd_ways_to_show_a_key(guarded):
    key, client = guarded.keys["admin"], guarded.client
    assert client.get("/v1/networks", headers={
        "authorization": f"bearer {key}"}).status == 200
    assert client.get(f"/v1/networks?key={key}").status == 401
    assert client.get(f"/v1/networks?access_token={key}",
                      headers=bearer(key)).status == 400
    line = f"Authorization: Bearer {key}\r\n"
    raw = client.raw(("GET /v1/networks HTTP/1.1\r\nHost: localhost\r\n"
                      + line + line + "\r\n").encode())
    assert raw.startswith(b"HTTP/1.1 400"), raw
    assert client.get("/v1/networks", check=False, headers=bearer(
        "x" * 100000)).status == 431


def test_keys_over_http(guarded):
    client, admin = guarded.client, bearer(guarded.keys["admin"])
    answer = client.post("/v1/keys", {"name": "ci", "scope": "train"},
                         headers=admin)
    assert answer.status == 201
    assert answer.headers["Location"] == "/v1/keys/ci"
    made = answer.json
    assert set(made) == {"name", "scope", "key", "created_at"}
    assert KEY.fullmatch(made["key"])
    assert client.get("/v1/jobs", headers=bearer(made["key"])).status == 200
    assert client.post("/v1/keys", {"name": "ci", "scope": "admin"},
                       headers=admin).status == 409
    listed = client.get("/v1/keys", headers=admin).json
    assert [x["name"] for x in listed["data"]] == [
        "ci", "the-admin", "the-predict", "the-train"]
    assert all(set(x) == {"name", "scope", "created_at"}
               for x in listed["data"])
    page = client.get("/v1/keys?limit=1&after=ci", headers=admin).json
    assert [x["name"] for x in page["data"]] == ["the-admin"]
    assert page["next"] == "the-admin"
    assert client.delete("/v1/keys/ci", headers=admin).status == 204
    assert client.delete("/v1/keys/ci", headers=admin).status == 404
    assert client.get("/v1/jobs", headers=bearer(made["key"])).status == 401


@pytest.mark.parametrize("body, pointers", [
    ({}, {"/name", "/scope"}), ({"name": "A b", "scope": "root"},
                                {"/name", "/scope"}),
    ({"name": "a", "scope": "train", "key": "mine"}, {"/key"}),
    ({"name": "../x", "scope": 1}, {"/name", "/scope"})])
def test_a_key_that_cannot_be(guarded, body, pointers):
    answer = guarded.client.post("/v1/keys", body,
                                 headers=bearer(guarded.keys["admin"]))
    assert answer.status == 422 and set(answer.pointers) == pointers


def test_the_running_daemon_notices_the_commands(guarded):
    key = make_key(guarded.directory, "late", "predict")

    def status():
        return guarded.client.get("/v1/jobs", headers=bearer(key)).status
    wait_until(lambda: status() == 200, 10)
    listed = command(guarded.directory, "list").stdout
    assert re.search(r"^late +predict +20\d\d-", listed, re.MULTILINE), listed
    assert command(guarded.directory, "revoke", "late").returncode == 0
    wait_until(lambda: status() == 401, 10)
    assert command(guarded.directory, "revoke", "late").returncode == 1


def test_keys_survive_a_restart_and_are_kept_nowhere(guarded):
    client, admin = guarded.client, bearer(guarded.keys["admin"])
    made = client.ok("POST", "/v1/keys", 201, headers=admin,
                     json_body={"name": "ci", "scope": "predict"})["key"]
    client.get("/v1/jobs", headers=bearer(made))
    client.get("/v1/jobs", headers=bearer(made + "x"))
    wait_until(lambda: "key=ci" in guarded.log_text(), 10)
    guarded.kill()
    guarded.start()
    assert guarded.client.get("/v1/jobs", headers=bearer(made)).status == 200
    guarded.stop()
    secrets = [key[4:24].encode() for key in
               [made, *guarded.keys.values()]]
    for file in guarded.directory.iterdir():
        content = file.read_bytes()
        assert not any(secret in content for secret in secrets), file
    assert (guarded.directory / "test.db.keys").stat().st_mode & 0o777 == 0o600


def test_wrong_keys_are_slowed_and_right_ones_are_not(guarded):
    client = guarded.client
    seen = [client.get("/v1/jobs", headers=bearer(f"bpk_{i:064x}"))
            for i in range(14)]
    statuses = [answer.status for answer in seen]
    assert statuses[:10] == [401] * 10
    assert statuses[-1] == 429
    assert seen[0].json["code"] == "bad_key"
    assert seen[-1].json["code"] == "too_many_wrong_keys"
    assert int(seen[-1].headers["Retry-After"]) >= 2
    assert client.get("/v1/jobs", headers=bearer(
        guarded.keys["predict"])).status == 200


def run(directory, *arguments):
    return subprocess.run([DAEMON, "--database", "test.db", *arguments],
                          cwd=directory, capture_output=True, text=True,
                          timeout=20 * SLOW, env={"PATH": "/bin"})


def test_it_does_not_start_where_keys_are_missing(tmp_path):
    for arguments in (["--listen", "0.0.0.0:0"],
                      ["--listen", "127.0.0.1:0", "--require-keys"]):
        result = run(tmp_path, *arguments)
        assert result.returncode == 2, result
        assert len(result.stderr.splitlines()) == 1
        assert "backpropd key create" in result.stderr
    assert "--no-auth" in run(tmp_path, "--listen", "0.0.0.0:0").stderr
    result = run(tmp_path, "--listen", "127.0.0.1:0", "--require-keys",
                 "--no-auth")
    assert result.returncode == 2 and "no_auth" in result.stderr


def test_another_address_asks_by_itself(new_daemon):
    daemon = new_daemon("--listen", "0.0.0.0:0")
    key = make_key(daemon.directory, "k", "predict")
    client = daemon.start().client
    client.host = "127.0.0.1"
    assert client.get("/healthz").status == 200
    assert client.get("/v1/jobs").status == 401
    assert client.get("/v1/jobs", headers=bearer(key)).status == 200


def test_metrics_are_open_where_that_is_said(new_daemon):
    for option, status in (("--open-metrics=false", 401),
                           ("--open-metrics=true", 200)):
        daemon = new_daemon("--require-keys", option)
        key = make_key(daemon.directory, "k", "predict")
        client = daemon.start().client
        answer = client.get("/metrics", check=False)
        assert answer.status == status
        assert client.get("/v1/jobs").status == 401
        client.get("/v1/jobs", headers=bearer("bpk_wrong"))
        text = client.get("/metrics", headers=bearer(key),
                          check=False).body.decode()
        assert "backpropd_wrong_keys_total 1\n" in text
        assert key not in text


def test_on_loopback_nobody_is_asked(client):
    assert client.get("/v1/jobs", headers=bearer("anything")).status == 200


@pytest.mark.parametrize("spoil", ["rubbish", "short", "mode", "scope"])
def test_a_file_of_keys_that_is_not_ours(new_daemon, spoil):
    daemon = new_daemon("--require-keys")
    make_key(daemon.directory, "k", "predict")
    file = daemon.directory / "test.db.keys"
    text = file.read_text()
    if spoil == "mode":
        os.chmod(file, 0o644)
    else:
        file.write_text({"rubbish": "k: secret\n", "short": text[:60],
                         "scope": text.replace("predict", "root")}[spoil])
    result = run(daemon.directory, "--listen", "127.0.0.1:0", "--require-keys")
    assert result.returncode == 2, result
    assert "test.db.keys" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_running_daemon_keeps_its_keys_when_the_file_is_spoilt(guarded):
    file = guarded.directory / "test.db.keys"
    file.write_text("rubbish\n")
    wait_until(lambda: "keys stay as they were" in guarded.log_text(), 10)
    assert guarded.client.get("/v1/jobs", headers=bearer(
        guarded.keys["predict"])).status == 200


@pytest.mark.parametrize("arguments, word", [
    ([], "create"), (["make"], "make"), (["create"], "--name"),
    (["create", "--name", "a"], "--scope"),
    (["create", "--name", "a", "--scope", "root"], "root"),
    (["create", "--name", "A", "--scope", "train"], "name"),
    (["create", "--name", "a", "--scope", "train", "--colour", "x"],
     "--colour"), (["revoke"], "NAME")])
def test_commands_that_are_mistaken(tmp_path, arguments, word):
    result = command(tmp_path, *arguments)
    assert result.returncode == 2, result
    assert len(result.stderr.splitlines()) == 1 and word in result.stderr
    assert not list(tmp_path.iterdir())


def test_many_commands_at_once_lose_no_key(tmp_path):
    running = [subprocess.Popen(
        [DAEMON, "key", "create", "--name", f"k{i}", "--scope", "train"],
        cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        for i in range(20)]
    for one in running:
        assert one.wait(timeout=30 * SLOW) == 0, one.stderr.read()
        one.stderr.close()
    listed = subprocess.run([DAEMON, "key", "list"], cwd=tmp_path,
                            capture_output=True, text=True, check=True).stdout
    assert {line.split()[0] for line in listed.splitlines()} == {
        f"k{i}" for i in range(20)}
    assert [p.name for p in tmp_path.iterdir()] == ["backprop.db.keys"]


def test_it_says_that_json_has_the_key_only_once(guarded):
    admin = bearer(guarded.keys["admin"])
    guarded.client.ok("POST", "/v1/keys", 201, headers=admin,
                      json_body={"name": "once", "scope": "predict"})
    text = json.dumps(guarded.client.get("/v1/keys", headers=admin).json)
    assert not KEY.search(text) and "sha256" not in text


def health(*arguments):
    return subprocess.run([DAEMON, "health", *arguments], capture_output=True,
                          text=True, timeout=20 * SLOW, env={"PATH": "/bin"})


def test_the_program_checks_its_own_health(new_daemon):
    daemon = new_daemon("--listen", "0.0.0.0:0", "--no-auth").start()
    address = daemon.url[len("http://"):]
    assert health("--listen", address).returncode == 0
    daemon.stop()
    result = health("--listen", address)
    assert result.returncode == 1 and address in result.stderr
    assert health("--listen", "nowhere").returncode == 1
    assert health("--colour", "red").returncode == 2
