"""Requests that would smuggle another one past a proxy, and plain garbage.

What must hold: no second answer, the connection closed, the daemon alive.
"""

import contextlib
import time

import pytest

from support import SLOW, wait_until

HIDDEN = (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
          b"X-Request-Id: smuggled\r\n\r\n")
POST = b"POST /v1/networks HTTP/1.1\r\nHost: localhost\r\n"
JSON = b"Content-Type: application/json\r\n"
LENGTH = b"Content-Length: %d\r\n" % len(HIDDEN)


@pytest.fixture(autouse=True)
def alive(client):
    yield
    assert client.get("/healthz").status == 200


def statuses(raw):
    return [int(line.split(b" ")[1]) for line in raw.split(b"\r\n")
            if line.startswith(b"HTTP/1.1 ") or line.startswith(b"HTTP/1.0 ")]


@pytest.mark.parametrize("request_bytes, status", [
    (b"GET /healthz HTTP/1.1\r\n\r\n" + HIDDEN, 400),
    (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n"
     + HIDDEN, 400),
    (POST + JSON + LENGTH + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
     + HIDDEN, 400),
    (POST + JSON + b"Transfer-Encoding: chunked\r\n" + LENGTH
     + b"\r\n0\r\n\r\n" + HIDDEN, 400),
    (POST + JSON + b"Content-Length: 2\r\n" + LENGTH + b"\r\n{}" + HIDDEN,
     400),
    (POST + JSON + LENGTH + LENGTH + b"\r\n" + HIDDEN + HIDDEN, 400),
    (POST + JSON + b"Content-Length : %d\r\n\r\n" % len(HIDDEN) + HIDDEN, 400),
    (POST + JSON + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + HIDDEN,
     400),
    (POST + JSON + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + HIDDEN,
     501),
    (POST + JSON + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"
     + HIDDEN, 501),
    (POST + JSON + b"Transfer-Encoding: identity\r\n\r\n" + HIDDEN, 501),
    (POST + JSON + b"Transfer-Encoding: chunked\r\n"
     b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + HIDDEN, 400),
    (b"GET /health%00z HTTP/1.1\r\nHost: localhost\r\n\r\n" + HIDDEN, 400),
    (b"GET http://evil.example/x HTTP/1.1\r\nHost: localhost\r\n\r\n"
     + HIDDEN, 400),
], ids=["no-host", "two-hosts", "length+chunked", "chunked+length",
        "two-lengths", "same-length-twice", "space-before-colon",
        "space-before-colon-te", "unknown-te", "te-list", "te-identity",
        "te-twice", "nul-in-path", "absolute-uri"])
def test_nothing_is_smuggled(client, request_bytes, status):
    raw = client.raw(request_bytes)
    assert statuses(raw)[:1] == [status], raw
    assert len(statuses(raw)) == 1, raw
    assert b"smuggled" not in raw
    assert b"application/problem+json" in raw
    assert b"onnection: close" in raw


@pytest.mark.parametrize("request_bytes, wanted", [
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200), ()),
    (bytes(range(256)) * 4, ()),
    (b"GET /healthz\r\n\r\n", (400,)),
    (b"GET /healthz HTTP/2.0\r\nHost: localhost\r\n\r\n", (400, 505)),
    (POST + JSON + b"Content-Length: -1\r\n\r\n" + HIDDEN, (400,)),
    (POST + JSON + b"Content-Length: +5\r\n\r\n" + HIDDEN, (400,)),
    (POST + JSON + b"Content-Length: 5, 5\r\n\r\n" + HIDDEN, (400,)),
    (POST + JSON + b"Content-Length: 0x5\r\n\r\n" + HIDDEN, (400,)),
    (POST + JSON + b"Content-Length: 18446744073709551616\r\n\r\n" + HIDDEN,
     (400, 413)),
    (POST + JSON + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n{}\r\n0\r\n\r\n"
     + HIDDEN, (400,)),
    (POST + JSON + b"Transfer-Encoding: chunked\r\n\r\n"
     b"11111111111111111\r\n{}\r\n0\r\n\r\n" + HIDDEN, (400, 413)),
    (POST + JSON + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}XX0\r\n\r\n"
     + HIDDEN, (400,)),
    (b"GET /" + b"a" * 30000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
     (414, 431)),
    (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Long: " + b"a" * 30000
     + b"\r\n\r\n", (431,)),
    (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
     + b"".join(b"X-%d: y\r\n" % i for i in range(2000)) + b"\r\n", (431,)),
    (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nno colon here\r\n\r\n",
     (400,)),
    (b"CONNECT a:1 HTTP/1.1\r\nHost: localhost\r\n\r\n", (400, 405)),
    (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nExpect: 200-nope\r\n\r\n",
     (417,)),
    (b"GET /healthz HTTP/1.1\rHost: localhost\r\r", ()),
], ids=lambda x: repr(x[:40]) if isinstance(x, bytes) else "")
def test_garbage_is_refused(client, request_bytes, wanted):
    """Closed without a word, or one refusal; never a second answer.  (What
    libmicrohttpd 0.9 refuses by itself it may head twice.)"""
    raw = client.raw(request_bytes, half_close=not wanted)
    found = set(statuses(raw))
    assert b"smuggled" not in raw
    assert len(found) <= 1, raw
    if wanted:
        assert found <= set(wanted) and found, raw
    else:
        assert all(400 <= status < 600 for status in found), raw


@pytest.mark.parametrize("request_bytes", [
    b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-A: b\r\n"
    b" Content-Length: 50\r\n\r\n",
    b"GET /healthz HTTP/1.1\nHost: localhost\n\n",
    b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-A: b\x00c\r\n\r\n",
], ids=["folded-line", "bare-lf", "nul-in-header"])
def test_odd_but_harmless(client, request_bytes):
    """One request is one answer, whatever it is."""
    raw = client.raw(request_bytes)
    assert len(statuses(raw)) <= 1, raw


@pytest.mark.heavy
@pytest.mark.parametrize("part", [
    b"G", b"GET /hea", b"GET /healthz HTTP/1.1\r\nHost: loc"])
def test_who_stops_in_the_middle_is_hung_up_on(client, part):
    with client.connect(15) as link:
        link.sendall(part)
        began = time.monotonic()
        assert link.recv(1000) == b""
        assert time.monotonic() - began < 15 * SLOW


@pytest.mark.heavy
def test_who_drips_is_cut(client):
    """Silence is never long, and still it ends: 10 s for a head, and for a body
    the time of a whole request, or 1 KiB/s."""
    with client.connect(90) as head, client.connect(90) as body:
        head.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: ")
        body.sendall(b"PUT /v1/datasets/drip HTTP/1.1\r\nHost: localhost\r\n"
                     b"Content-Type: text/csv\r\nContent-Length: 9999\r\n\r\n")
        began, left = time.monotonic(), {head: 15, body: 35}
        while left and time.monotonic() - began < 60:
            for link in list(left):
                try:
                    link.send(b"a")
                    link.settimeout(0.25)
                    answer = link.recv(4096)
                except TimeoutError:
                    continue
                except ConnectionError:
                    answer = b""
                assert link is head or answer[:12] in (b"", b"HTTP/1.1 408")
                assert time.monotonic() - began < left.pop(link) * SLOW
        assert not left


@pytest.mark.heavy
def test_who_never_reads_is_cut(daemon, client, name):
    """An answer larger than what the kernel holds, and nobody takes it."""
    client.network(name, [(1000, "linear")], 1000)
    with client.connect(120) as link:
        link.sendall(f"GET /v1/networks/{name}/versions/0/weights HTTP/1.1\r\n"
                     "Host: localhost\r\nX-Request-Id: never-read\r\n\r\n"
                     .encode())
        began = time.monotonic()
        wait_until(lambda: "request_id=never-read" in daemon.log_text(), 60)
        assert time.monotonic() - began < 45 * SLOW


def test_tens_of_thousands_of_tiny_chunks(client, name):
    """Memory per chunk would show here (Triton had it)."""
    rows = b"x,y\n" + b"1,a\n2,b\n" * 5000
    with client.connect(60) as link:
        link.sendall(f"PUT /v1/datasets/{name} HTTP/1.1\r\nHost: localhost\r\n"
                     "Content-Type: text/csv\r\nConnection: close\r\n"
                     "Transfer-Encoding: chunked\r\n\r\n".encode())
        link.sendall(b"".join(b"1\r\n%c\r\n" % byte for byte in rows)
                     + b"0\r\n\r\n")
        raw = b""
        with contextlib.suppress(ConnectionError):
            while piece := link.recv(65536):
                raw += piece
    assert statuses(raw) == [201], raw
