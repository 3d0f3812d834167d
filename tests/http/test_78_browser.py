"""What a browser can be made to send: other sites' pages, other names."""

import pytest

PAGE = "https://app.example"
ASK = {"Access-Control-Request-Method": "DELETE",
       "Access-Control-Request-Headers": "authorization, x-odd"}


def cors(answer):
    return {name.lower() for name in answer.headers
            if name.lower().startswith("access-control")}


@pytest.fixture(scope="module")
def trusting(tmp_path_factory):
    from support import Daemon
    one = Daemon(tmp_path_factory.mktemp("trusting"), "--cors-origins",
                 f"https://other.example, {PAGE}").start()
    yield one.client
    one.stop()


ORIGINS = ["https://evil.example", "http://app.example", "null", "",
           "https://app.example.evil.example", "https://app.example:8443",
           "https://app.exampl", "HTTPS://app.example/", "*"]


@pytest.mark.parametrize("origin", [PAGE, *ORIGINS])
def test_no_page_is_trusted_by_default(client, origin):
    for method in ("GET", "OPTIONS"):
        answer = client.request(method, "/v1/networks",
                                headers={"Origin": origin, **ASK})
        assert answer.status in (200, 204) and not cors(answer)


@pytest.mark.parametrize("origin", ORIGINS)
def test_only_the_exact_origin_is_trusted(trusting, origin):
    for method in ("GET", "OPTIONS"):
        answer = trusting.request(method, "/v1/networks",
                                  headers={"Origin": origin, **ASK})
        assert not cors(answer)
        assert answer.headers["Vary"] == "Origin"


def test_a_trusted_page_reads_answers_and_problems(trusting):
    for path, status in (("/v1/networks", 200), ("/nowhere", 404)):
        answer = trusting.get(path, headers={"Origin": PAGE})
        assert answer.status == status
        assert answer.headers["Access-Control-Allow-Origin"] == PAGE
        assert answer.headers["Vary"] == "Origin"
        assert "Retry-After" in answer.headers["Access-Control-Expose-Headers"]
        assert "Access-Control-Allow-Credentials" not in answer.headers


def test_a_trusted_page_asks_first(trusting):
    answer = trusting.request("OPTIONS", "/v1/networks/x",
                              headers={"Origin": PAGE, **ASK})
    assert answer.status == 204
    assert answer.headers["Access-Control-Allow-Origin"] == PAGE
    assert "DELETE" in answer.headers["Access-Control-Allow-Methods"]
    allowed = answer.headers["Access-Control-Allow-Headers"].lower()
    assert "authorization" in allowed and "x-odd" not in allowed
    assert trusting.request("DELETE", "/v1/networks/x",
                            headers={"Origin": PAGE}).status == 404


@pytest.mark.parametrize("origin", ["https://evil.example", "null",
                                    "http://localhost", "http://127.0.0.1:1"])
def test_a_foreign_page_changes_nothing(client, name, origin):
    """A browser sends a request without a body before it asks us."""
    client.network(name, [(1, "linear")], 1)
    for method, path in (("DELETE", f"/v1/networks/{name}"),
                         ("POST", "/v1/jobs/1/cancel")):
        answer = client.request(method, path, headers={"Origin": origin})
        assert answer.status == 403, answer
        assert answer.json["code"] == "foreign_origin"
    assert client.get(f"/v1/networks/{name}").status == 200


def test_our_own_page_is_no_foreign_one(client, name):
    for host in (f"127.0.0.1:{client.port}", f"localhost:{client.port}"):
        for scheme in ("http", "https"):
            answer = client.delete(f"/v1/networks/{name}", headers={
                "Host": host, "Origin": f"{scheme}://{host}"})
            assert answer.status == 404


def test_a_key_in_the_preflight_is_not_needed(new_daemon):
    daemon = new_daemon("--listen", "0.0.0.0:0", "--no-auth",
                        "--cors-origins", PAGE)
    client = daemon.start().client
    client.host = "127.0.0.1"
    assert client.request("OPTIONS", "/v1/jobs", headers={
        "Origin": PAGE, **ASK}).status == 204


@pytest.mark.parametrize("listen, allowed, host, status", [
    ("127.0.0.1:0", "gpu.example", "gpu.example", 200),
    ("127.0.0.1:0", "gpu.example", "GPU.example:8080", 200),
    ("127.0.0.1:0", "gpu.example", "localhost", 200),
    ("127.0.0.1:0", "gpu.example", "evil.example", 421),
    ("127.0.0.1:0", "gpu.example", "gpu.example.evil.example", 421),
    ("127.0.0.1:0", "gpu.example", "pu.example", 421),
    ("0.0.0.0:0", "a.example, [2001:db8::1]", "[2001:db8::1]:8080", 200),
    ("0.0.0.0:0", "a.example, [2001:db8::1]", "a.example", 200),
    ("0.0.0.0:0", "a.example, [2001:db8::1]", "b.example", 421),
    ("0.0.0.0:0", "", "anything.example", 200)])
def test_the_names_we_answer_to(new_daemon, listen, allowed, host, status):
    client = new_daemon("--listen", listen, "--no-auth", "--allowed-hosts",
                        allowed).start().client
    client.host = "127.0.0.1"
    assert client.get("/healthz", headers={"Host": host}).status == status


@pytest.mark.parametrize("path", ["/healthz", "/v1/networks", "/nowhere"])
def test_security_headers(client, path):
    for method in ("GET", "HEAD", "DELETE", "OPTIONS"):
        headers = client.request(method, path, check=False).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "Set-Cookie" not in headers and "Server" not in headers
