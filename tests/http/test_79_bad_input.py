"""A catalogue of bad input, a row each, every row with ten neighbours.

A row makes a request from a Pick.  The first Pick gives the catalogue's own
values, the ten others draw neighbours of them, always the same ones.  Whatever
comes, the answer is one of the row's statuses, never a 5xx but 501, never two
answers, every problem is whole, and the daemon is alive afterwards.
"""

import json
import pathlib
import random
import re
import struct

import pytest

from support import (SLOW, check_problem, gzipped, line_data, read_all,
                     wait_until)

NEIGHBOURS = 10
HERE = pathlib.Path(__file__).parent
ROWS = {}

# Rows that are no single request: where their tests are.
ELSEWHERE = {
    31: "test_75_framing.py::test_who_stops_in_the_middle_is_hung_up_on",
    35: "test_70_protocol.py::test_pipelined_requests_are_answered_in_order",
    34: "test_70_protocol.py::test_a_client_that_goes_away_is_no_trouble",
    37: "test_77_keys.py::test_what_is_no_key",
    38: "test_77_keys.py::test_odd_ways_to_show_a_key",
    39: "test_77_keys.py::test_scopes_include_the_ones_before",
    36: "test_77_keys.py::test_every_route_but_health_asks_for_a_key",
    91: "test_78_browser.py::test_no_page_is_trusted_by_default",
    94: "test_77_keys.py::test_wrong_keys_are_slowed_and_right_ones_are_not",
    96: "test_77_keys.py::test_metrics_are_open_where_that_is_said",
    97: "test_80_config.py::test_a_bad_file",
    98: "test_80_config.py::test_a_database_that_is_taken",
    99: "test_80_config.py::test_it_works_in_a_strange_place",
}


class Pick:
    """The catalogue's value the first time, then a neighbour."""

    def __init__(self, number, turn):
        self.first = turn == 0
        self.turn = turn
        self.random = random.Random(f"{number}.{turn}")

    def one(self, own, *others):
        return own if self.first else self.random.choice((own, *others))

    def number(self, own, low, high):
        return own if self.first else self.random.randint(low, high)

    def case(self, word):
        """The word, letters in any case."""
        return word if self.first else "".join(
            self.random.choice((c.lower(), c.upper())) for c in word)

    def damage(self, data):
        """The bytes with one of them changed, where this is a neighbour."""
        if self.first or not data:
            return data
        at = self.random.randrange(len(data))
        return (data[:at] + bytes([self.random.randrange(256)])
                + data[at + 1:])


def row(number, *statuses):
    def add(make):
        assert number not in ROWS
        ROWS[number] = make, statuses
        return make
    return add


def raw(line, *headers, body=b"", host="localhost"):
    """A request as bytes."""
    head = [line, *([f"Host: {host}"] if host else []), *headers]
    return "\r\n".join([*head, "", ""]).encode("latin-1") + body


def post(path, body, kind="application/json", method="POST", **headers):
    if not isinstance(body, (bytes, str)):
        body = json.dumps(body)
    return {"method": method, "path": path, "body": body,
            "headers": {"Content-Type": kind, **headers}}


def get(path, **headers):
    return {"method": "GET", "path": path, "headers": headers}


NEW = {"name": "bad", "input_shape": [2], "loss": "mse",
       "layers": [{"type": "dense", "units": 2}]}


def network(**change):
    return post("/v1/networks", {**NEW, **change})


def job(**change):
    return post("/v1/jobs", {"network": "bad-net", "dataset": "bad-data",
                             "epochs": 1, **change})


def csv(p, text, query=""):
    name = f"csv-{p.turn}-{p.random.randrange(10**9)}"
    return post(f"/v1/datasets/{name}{query}", text, "text/csv", "PUT")


# --- the framing of requests ------------------------------------------------------

HIDDEN = raw("GET /healthz HTTP/1.1", "X-Request-Id: smuggled")
POST = "POST /v1/networks HTTP/1.1"
JSON = "Content-Type: application/json"


@row(1, None, 400)
def tls(p):
    return bytes([22, 3, p.number(1, 0, 4)]) + bytes(
        p.random.randrange(256) for _ in range(200))


@row(2, 400)
def http_0_9(p):
    return f"GET {p.one('/x', '/', '/healthz', '/v1/networks')}\r\n\r\n".encode()


@row(3, 505, 400, None)
def http_2(p):
    return raw(f"GET /healthz HTTP/{p.one('2.0', '3.0', '9.9', '0.3', '2', '1.2x')}")


@row(4, 400)
def no_host(p):
    return raw(f"GET {p.one('/healthz', '/x', '/v1/jobs?limit=1')} HTTP/1.1",
               host=None) + HIDDEN


@row(5, 400)
def two_hosts(p):
    return raw("GET /healthz HTTP/1.1", f"{p.case('Host')}: "
               + p.one("localhost", "evil", "", "127.0.0.1")) + HIDDEN


@row(6, 421)
def strange_host(p):
    return get("/healthz", Host=p.one(
        "evil.example", "localhost.evil", "127.0.0.1.nip.io", "0.0.0.0",
        "[::2]", "localhos", "10.0.0.1:8080", "127.0.0.1@evil"))


@row(7, 400)
def coding_and_length(p):
    both = ["Transfer-Encoding: " + p.case("chunked"),
            f"Content-Length: {p.number(4, 0, 50)}"]
    p.random.shuffle(both)
    return raw(POST, JSON, *both, body=b"0\r\n\r\n" + HIDDEN)


@row(8, 400)
def two_lengths(p):
    return raw(POST, JSON, "Content-Length: 2",
               f"{p.case('Content-Length')}: {p.number(44, 0, 60)}",
               body=b"{}" + HIDDEN)


@row(9, 400)
def blank_before_the_colon(p):
    return raw(POST, JSON, f"{p.case('Content-Length')}"
               f"{p.one(' ', chr(9), '  ')}: {len(HIDDEN)}", body=HIDDEN)


@row(10, 501, 400)
def unknown_coding(p):
    return raw(POST, JSON, "Transfer-Encoding: " + p.one(
        "xchunked", "gzip, chunked", "identity", "chunked, gzip", "chunke",
        "chunked;a=b", '"chunked"', "chunked,"), body=b"0\r\n\r\n" + HIDDEN)


@row(11, 400)
def length_that_is_none(p):
    return raw(POST, JSON, "Content-Length: " + p.one(
        "-1", "+5", "5, 5", "0x5", "5 5", "5.0", "1e1", "five", "5;"),
        body=b"{}" + HIDDEN)


@row(12, 413, 400)
def length_beyond_64_bits(p):
    return raw(POST, JSON, f"Content-Length: {p.number(2**64, 2**64, 2**80)}",
               body=b"{}")


@row(13, 413)
def length_beyond_the_limit(p):
    return raw(POST, JSON,
               f"Content-Length: {p.number(2**63 - 1, 2**20 + 1, 2**63 - 1)}",
               body=b"12345")


@row(14, 400, 413)
def bad_chunk(p):
    return raw(POST, JSON, "Transfer-Encoding: chunked", body=p.one(
        b"ZZ\r\n{}\r\n0\r\n\r\n", b"11111111111111111\r\n{}\r\n0\r\n\r\n",
        b"2\r\n{}XX0\r\n\r\n", b"-2\r\n{}\r\n0\r\n\r\n",
        b"0x2\r\n{}\r\n0\r\n\r\n", b"\r\n{}\r\n0\r\n\r\n") + HIDDEN)


@row(15, 400, 422)
def tiny_chunks(p):
    n = p.number(20000, 1000, 20000)
    return raw(POST, JSON, "Transfer-Encoding: chunked", "Connection: close",
               body=b"1\r\n \r\n" * n + b"0\r\n\r\n")


@row(16, 413, None)
def chunks_beyond_the_limit(p):
    n = p.number(2 << 20, (1 << 20) + 1, 2 << 20)
    return raw(POST, JSON, "Transfer-Encoding: chunked",
               body=b"%x\r\n" % n + b" " * n + b"\r\n0\r\n\r\n")


@row(17, 414, 431)
def long_heads(p):
    n = p.number(30000, 20000, 100000)
    return p.one(raw("GET /" + "a" * n + " HTTP/1.1"),
                 raw("GET /healthz HTTP/1.1", "X-A: " + "a" * n),
                 raw("GET /healthz HTTP/1.1", *["X-A: b"] * (n // 10)))


@row(18, 400)
def no_colon(p):
    return raw("GET /healthz HTTP/1.1", p.one("no colon", "x", "Host", "{}"))


@row(19, 200, 400, None)
def odd_lines(p):
    return p.one(b"GET /healthz HTTP/1.1\nHost: localhost\n\n",
                 b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: y\r\n z\r\n\r\n",
                 b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: y\r\n"
                 b"\tContent-Length: 50\r\n\r\n")


@row(20, None, 400)
def bare_cr(p):
    return p.one(b"GET /healthz HTTP/1.1\rHost: localhost\r\r",
                 b"GET /healthz\rHTTP/1.1\r\r", b"\r\r\r\r")


@row(21, 400)
def nul_in_the_path(p):
    return raw(f"GET {p.one('/x%00y', '/%00', '/healthz%00', '/v1/jobs?a=%00')}"
               " HTTP/1.1") + HIDDEN


@row(22, 404)
def other_spellings_of_a_path(p):
    return get(p.one("/v1/%2e%2e%2fx", "//v1/networks", "/v1/../healthz",
                     "/v1/networks/%zz", "/v1/./networks", "/v1/networks/..",
                     "/%76%31/networks", "/v1;x/networks", "/v1/networks%2fa",
                     "/V1/networks", "/v1/networks/"))


@row(23, 404, 200, 400, None)
def raw_nul(p):
    return p.one(b"GET /heal\0thz HTTP/1.1\r\nHost: localhost\r\n\r\n",
                 b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: a\0b\r\n\r\n",
                 b"GET /healthz HTTP/1.1\r\nHo\0st: localhost\r\n\r\n")


@row(24, 400, 405)
def absolute_targets(p):
    return raw(p.one("GET http://evil/x", "CONNECT a:1", "GET https://a/",
                     "GET healthz", "GET ftp://a", "POST http://localhost/")
               + " HTTP/1.1")


@row(25, 501)
def unknown_methods(p):
    return raw(f"{p.one('FOO', 'get', 'GETT', 'PROPFIND', 'X' * 200, 'G-T')}"
               " /healthz HTTP/1.1")


@row(26, 204)
def options_for_all(p):
    return {"method": "OPTIONS", "path": p.one("*", "/v1/networks", "/healthz",
                                               "/v1/jobs/1")}


@row(27, 405)
def trace(p):
    return {"method": "TRACE", "path": p.one("/healthz", "/v1/networks",
                                             "/v1/jobs/1")}


@row(28, 200)
def head(p):
    return {"method": "HEAD", "path": p.one("/healthz", "/v1/networks",
                                            "/v1/networks/bad-net", "/v1/jobs",
                                            "/readyz")}


@row(29, 400)
def get_with_a_body(p):
    return post(p.one("/healthz", "/v1/networks", "/v1/jobs"),
                p.one("{}", "x", "[" * 1000), method="GET")


@row(30, 417)
def expectations(p):
    return get("/healthz", Expect=p.one("200-nope", "100-continued", "later",
                                        "100-continue, x"))


# --- the address of things ---------------------------------------------------------

@row(40, 404)
def what_is_not_there(p):
    return get(p.one("/v1/jobs/999999", "/v1/networks/nobody",
                     "/v1/datasets/nobody", "/v1/networks/bad-net/versions/77",
                     "/v1/jobs/999999/history"))


@row(41, 404)
def ids_that_are_none(p):
    return get("/v1/jobs/" + p.one("0", "-1", "1e3", "9223372036854775808",
                                   "abc", "1" * 5000, "+1", "01", "1.0", "0x1",
                                   "%31", "١"))


@row(42, 400)
def bad_queries(p):
    return get("/v1/jobs?" + p.one(
        "colour=red", "limit=0", "limit=-1", "limit=1e9", "limit=abc",
        "limit=+5", "limit=%205", "limit=1&limit=1", "limit=1001", "limit=",
        "limit", "limit=5.0", "%zz=1", "status=1&status=2"))


@row(43, 400)
def bad_cursors(p):
    return get("/v1/jobs?after=" + p.one("x", "-1", "1e3", "99999999999999999999",
                                         "%00", "1;2", "0x10"))


# --- bodies -------------------------------------------------------------------------

@row(44, 415)
def media_types(p):
    return post("/v1/networks", "{}", p.one(
        "text/plain", "multipart/form-data; boundary=x", "text/html",
        "application/json; charset=latin1", "application/jsonx", "json",
        "application/x-www-form-urlencoded", "application/", "/"))


@row(45, 400, 415)
def codings(p):
    return post("/v1/networks", p.one(
        b"{}", gzipped(b"{}")[:-5], b"\x1f\x8b" + bytes(20)),
        **{"Content-Encoding": p.one("gzip", "x-gzip", "br", "deflate",
                                     "gzip, gzip", "zstd")})


@row(46, 406, 200)
def accepts(p):
    return get("/v1/networks", Accept=p.one("text/html", "image/png",
                                            "application/xml", "text/*;q=0.5"))


@row(47, 400)
def empty_bodies(p):
    return post(p.one("/v1/networks", "/v1/jobs", "/v1/keys",
                      "/v1/networks/bad-net/predict",
                      "/v1/networks/bad-net/evaluate"), "")


@row(48, 422)
def empty_objects(p):
    return post(p.one("/v1/networks", "/v1/jobs", "/v1/keys",
                      "/v1/networks/bad-net/predict",
                      "/v1/networks/bad-net/evaluate"), "{}")


@row(49, 400, 422)
def no_objects(p):
    return post(p.one("/v1/networks", "/v1/jobs",
                      "/v1/networks/bad-net/predict"),
                p.one("[]", "null", "1", '"x"', "true", "[{}]", "1.5"))


@row(50, 400)
def no_json(p):
    return post("/v1/networks", p.one(
        b'{"a": 1,}', b"{} // x", b"{'a': 1}", b"\xef\xbb\xbf{}", b'{"a": NaN}',
        b'{"a": Infinity}', b'{"a": 01}', b"{}]", b'{"a" 1}', b'{"a": .5}',
        b'{"a": 5.}', b'{"a": +1}', b'{"a": 0x1}', b"{", b'{"a": tru}'))


@row(51, 400)
def nul_in_json(p):
    return post("/v1/networks", p.one(b"[1\0]", b"{}\0", b"\0{}",
                                      b'{"a\0": 1}', b'{"a": "\0"}'))


@row(52, 400)
def bad_utf8(p):
    return post("/v1/networks", b'{"name": "' + p.one(
        b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\\ud800", b"\\u0000",
        b"\xf5\x80\x80\x80", b"\xe2\x28\xa1", b"\x80", b"\x01", b"\n") + b'"}')


@row(53, 400)
def a_name_twice(p):
    return post("/v1/networks", p.one('{"name": "a", "name": "b"}',
                                      '{"x": 1, "x": 1}', '{"": 0, "": 0}',
                                      '{"a": {"b": 1, "b": 2}}'))


@row(54, 422)
def unknown_members(p):
    return network(**{p.one("layerz", "Name", "name ", "", "__proto__",
                            "x" * 1000, "é"): 1})


@row(55, 400)
def deep_json(p):
    depth = p.number(33, 33, 100000)
    open_, close = p.one(("[", "]"), ('{"a":', "}"))
    return post("/v1/networks", open_ * depth + "1" + close * depth)


@row(56, 400, 422)
def wide_json(p):
    n = p.number(340000, 100000, 340000)
    return post("/v1/networks", "[" + p.one("{}", "[]", '""', "1") + (
        "," + p.one("{}", "[]", "1")) * n + "]")


@row(57, 400, 422)
def numbers_too_large(p):
    return network(input_shape=[2], seed=p.number(
        10**400, 10**309, 10**500))


@row(58, 422, 400)
def counts_too_large(p):
    return network(layers=[{"type": "dense", "units": p.number(
        2**63, 2**63, 2**70)}])


@row(59, 422)
def counts_that_are_none(p):
    return network(layers=[{"type": "dense", "units": p.one(
        True, "3", 3.5, 3.0, None, [3], {}, -1, 0)}])


@row(60, 422)
def layers_that_cannot_be(p):
    dense = {"type": "dense", "units": 1}
    return network(layers=p.one(
        [], [4], [[dense]], "dense", [{}], [{"type": "dense"}],
        [{"type": "danse", "units": 1}], [dense] * 1000, None))


@row(61, 422)
def networks_too_large(p):
    n = p.number(2**32, 2**20, 2**40)
    return network(layers=[{"type": "dense", "units": n}] * p.number(2, 2, 8),
                   input_shape=[p.one(65536, n)])


@row(62, 422)
def words_that_are_none(p):
    return network(layers=[{"type": "dense", "units": 1, "activation": p.one(
        "relu ", "RELU", "<script>", "x" * 10000, "", "rélu", 1, None)}])


@row(63, 422, 400)
def learning_rates(p):
    return job(optimizer={"type": "sgd", "learning_rate": p.one(
        0, -1, 1e308, None, "fast", True, [0.1], -1e-300)})


@row(64, 422)
def epochs(p):
    return job(epochs=p.one(0, -5, 10**18, 1.5, "10", None, True, -2**63))


@row(65, 422)
def batch_sizes(p):
    return job(batch_size=p.one(0, -1, "half", 1.5, None, 2**40, "", [8]))


@row(66, 422, 400)
def seeds(p):
    return network(seed=p.one(-1, 2**64, 1.5, "1", None, -2**63, 2**70))


@row(67, 422)
def fractions(p):
    return p.one(
        job(validation={"fraction": p.one(1.0, -0.1, 2, "0.1", None)}),
        job(optimizer={"type": "sgd", "momentum": p.one(1.0, -0.5, 7)}),
        job(validation={"fraction": p.number(1, 1, 10**6)}))


@row(68, 422)
def names(p):
    return network(name=p.one("", "x" * 1000000, "a\u0007b", "../../etc",
                              "';DROP TABLE network", "\u202eabc", "🙂",
                              "A", "a b", "-a", ".a", "x" * 64))


@row(69, 409)
def names_that_are_taken(p):
    return p.one(network(name="bad-net"), post(
        "/v1/datasets/bad-data", "x,y\n1,2\n", "text/csv", "PUT"))


@row(71, 404, 422)
def references_to_nothing(p):
    return p.one(job(network="nobody"), job(dataset="nobody"),
                 post("/v1/networks/nobody/predict", {"inputs": [[1]]}),
                 post("/v1/networks/bad-net/evaluate", {"dataset": "nobody"}))


@row(72, 422)
def widths_that_do_not_fit(p):
    return p.one(job(network="bad-wide"), post(
        "/v1/networks/bad-wide/evaluate", {"dataset": "bad-data"}))


@row(73, 422)
def data_without_rows(p):
    return csv(p, p.one("x,y\n", "x,y", "\n", "x\n", ",\n"))


@row(75, 409, 404)
def what_the_state_forbids(p):
    return post(f"/v1/jobs/{p.one('{job}', '999999')}/cancel", None, method=None)


@row(76, 422)
def bad_csv(p):
    return csv(p, p.one(
        b"x,y\n1,2\n1,2,3\n", b"x,y\n1\n", b'x,y\n"1,2\n', b'x,y\n"1"2,3\n',
        b"x,x\n1,2\n", b"\xff\xfex\0,\0y\0\n\0", b"x,y\n1,2\n3,\xff\n",
        b"x,y\n" + b"1" * (2 << 20) + b"\n", b'x,y\n1,"2\n'))


@row(77, 422)
def bad_numbers_in_csv(p):
    return csv(p, "x,y\n1,2\n" + p.one(
        "inf", "1e999", "0x1p3", "1_000", "1;2", "--1", "1e", "1e+", "∞")
        + ",2\n", "?types=x:numeric")


@row(78, 400, 422)
def bad_ndjson(p):
    name = f"nd-{p.turn}-{p.random.randrange(10**9)}"
    return post(f"/v1/datasets/{name}", p.one(
        '{"x": 1, "y": 2}\n{"x": 1}\n[1, 2]\n', '{"x": 1,}\n', "1\n", "null\n",
        '{"x": [1], "y": 2}\n', '{"x": {"a": 1}, "y": 2}\n', '{"x": 1\n}\n',
        '{"x": NaN, "y": 1}\n'), "application/x-ndjson", "PUT")


@row(79, 400, 415, 422)
def bad_floats(p):
    return post("/v1/networks/bad-net/predict", p.one(
        bytes(5), struct.pack("<2f", float("nan"), 1.0),
        struct.pack("<2f", float("inf"), 1.0), bytes(4), bytes(12 + 1), b""),
        "application/octet-stream")


@row(83, 400, 413, 422)
def bad_predictions(p):
    return post("/v1/networks/bad-net/predict", {"inputs": p.one(
        [[1]], [], [[1, 2, 3]], [["1", "2"]], [[[1, 2]] * 2], [[None, 1]],
        [[True, 1]], [[1, 2], [1]], "x", None, {}, [[]], [1, 2, 3],
        [[1e308, "a"]])})


@row(84, 404, 422)
def predictions_of_nothing(p):
    return post(f"/v1/networks/{p.one('nobody', 'bad-net')}/predict",
                {"inputs": [[1, 2]], "version": p.number(99, 5, 2**40)})


@row(86, 404, 409, 412, 405)
def preconditions(p):
    return {"method": "DELETE", "path": "/v1/networks/nobody",
            "headers": {"If-Match": p.one('"x"', "*", 'W/"x"', "")}}


@row(87, 200, 431)
def many_tags(p):
    n = p.number(10000, 10, 10000)
    return get("/v1/networks", **{"If-None-Match": ", ".join(
        f'"{i}"' for i in range(n))})


@row(88, 200, 206, 416)
def ranges(p):
    return get("/v1/networks/bad-net/versions/0/weights", Range=p.one(
        "bytes=0-9", "bytes=9-0", "bytes=-1", "lines=1-2", "bytes=0-,0-,0-",
        "bytes=99999999-"))


@row(89, 422, 400)
def bad_weights(p):
    good = {"layers": [{"index": 0, "weight": [[1, 2], [3, 4]],
                        "bias": [1, 2]}]}
    text = json.dumps(good).encode()
    return post("/v1/networks/bad-net/weights", p.one(
        b"{}", b'{"layers": []}', text[:-p.random.randrange(1, 40)],
        json.dumps({"layers": [{"index": 0, "weight": [[1, 2]],
                                "bias": [1, 2]}]}),
        json.dumps({"layers": [{"index": 1, "weight": [[1, 2], [3, 4]],
                                "bias": [1, 2]}]}),
        text.replace(b"3", b"1e999"), text.replace(b"3", b"null"),
        text.replace(b"bias", b"bios")), method="PUT")


@row(90, 200, 400, 404)
def last_event_ids(p):
    return get("/v1/jobs/999999/events", **{"Last-Event-ID": p.one(
        "junk", "-1", "9" * 30, "", "1e3", "0x1")})


@row(92, 200)
def request_ids(p):
    return get("/healthz", **{"X-Request-Id": p.one(
        "a\tb", "x" * 10000, "", "a b", '"; rm -rf /', "é", "%0d%0aX: y")})


@row(93, 200)
def forwarded_for(p):
    return get("/v1/networks", **{
        p.one("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"):
        p.one("127.0.0.1", "evil", "for=127.0.0.1", "1" * 1000)})


# Rows about a state that needs a daemon of its own, or that another file made
# with what it tests; named so that none of the hundred is forgotten.
ELSEWHERE.update({
    32: "test_75_framing.py::test_who_drips_is_cut",
    33: "test_75_framing.py::test_who_never_reads_is_cut",
    70: "test_79_bad_input.py::test_twice_the_same_request",
    74: "test_40_jobs.py::test_what_is_in_use_cannot_be_deleted",
    80: "test_79_bad_input.py::test_an_upload_cut_at_every_byte",
    81: "test_79_bad_input.py::test_two_uploads_of_one_name",
    82: "test_79_bad_input.py::test_an_upload_beyond_its_limit",
    85: "test_50_predict.py::test_predictions_go_on_while_it_trains",
    95: "../unit/http_server.c::a_full_queue_is_busy",
    100: "test_79_bad_input.py::test_another_century",
})


# --- sending them --------------------------------------------------------------------

@pytest.fixture(scope="module")
def world(client):
    """A network, one too wide for the data, data, and a job that has ended."""
    client.network("bad-net", [(2, "linear")], 2)
    client.network("bad-wide", [(2, "linear")], 7)
    client.network("bad-line", [(1, "linear")], 1)
    client.dataset("bad-data", line_data())
    return client.train("bad-line", "bad-data", epochs=1)["id"]


def statuses_of(data):
    return [int(line.split(b" ")[1]) for line in data.split(b"\r\n")
            if re.match(rb"HTTP/1\.[01] \d\d\d ", line)]


def send_raw(client, data, seconds):
    with client.connect(seconds) as link:
        try:
            link.sendall(data)
            link.shutdown(1)
        except OSError:
            pass
        return read_all(link)


def check_raw(got, wanted):
    # What libmicrohttpd refuses by itself it may head twice.
    told = set(statuses_of(got))
    assert b"smuggled" not in got, got
    assert len(told) <= 1, got
    if not told:
        assert None in wanted, "no answer"
        assert got == b"" or not got.startswith(b"HTTP/1.1 200"), got
        return
    assert told <= set(wanted), got


@pytest.mark.parametrize("number", sorted(ROWS))
def test_row(client, world, number):
    make, wanted = ROWS[number]
    for turn in range(1 + NEIGHBOURS):
        request = make(Pick(number, turn))
        if isinstance(request, bytes):
            # Who hears nothing need not wait until the line is cut.
            check_raw(send_raw(client, request, 1 if None in wanted else 20),
                      wanted)
            continue
        if request["method"] is None: # a POST without a body
            request = {"method": "POST",
                       "path": request["path"].replace("{job}", str(world))}
        request["headers"] = {
            name: value.encode("utf-8") for name, value in
            request.get("headers", {}).items()}
        request["path"] = "".join(
            c if ord(c) < 128 else "%%%02x" % b
            for c in request["path"] for b in c.encode()[:1])
        try:
            answer = client.request(check=False, **request)
        except ConnectionError:
            assert None in wanted or 413 in wanted, request
            continue
        assert answer.status in wanted, (turn, request, answer)
        if answer.status >= 400 and answer.body and answer.status not in (
                413, 414, 431):
            check_problem(answer)
    assert client.get("/healthz").status == 200


def test_none_of_the_hundred_is_forgotten():
    assert sorted(set(ROWS) | set(ELSEWHERE)) == list(range(1, 101))
    assert not set(ROWS) & set(ELSEWHERE)
    for place in ELSEWHERE.values():
        file, _, function = place.partition("::")
        text = (HERE / file).read_text()
        assert f"{function}(" in text or f"({function})" in text, place


# --- rows that are more than one request -----------------------------------------------

def test_twice_the_same_request(client, name):
    body = {**NEW, "name": name}
    assert client.post("/v1/networks", body).status == 201
    assert client.post("/v1/networks", body).status == 409
    assert client.delete(f"/v1/networks/{name}").status == 204
    assert client.delete(f"/v1/networks/{name}").status == 404


def test_an_upload_cut_at_every_byte(client, name):
    body = b"x,y\n1,2\n3,4\n"
    head = (f"PUT /v1/datasets/{name} HTTP/1.1\r\nHost: localhost\r\n"
            f"Content-Type: text/csv\r\nContent-Length: {len(body)}\r\n\r\n"
            ).encode()
    for cut in range(len(body)):
        with client.connect() as link:
            link.sendall(head + body[:cut])

    def again():
        return client.put(f"/v1/datasets/{name}", body=body, headers={
            "Content-Type": "text/csv"}).status == 201
    wait_until(again, 20, "the name of the uploads that were cut")
    assert client.get(f"/v1/datasets/{name}").json["rows"] == 2


def test_two_uploads_of_one_name(client, name):
    head = (f"PUT /v1/datasets/{name} HTTP/1.1\r\nHost: localhost\r\n"
            "Content-Type: text/csv\r\nContent-Length: 12\r\n\r\n").encode()
    with client.connect() as link:
        link.sendall(head + b"x,y\n")
        wait_until(lambda: client.put(
            f"/v1/datasets/{name}", body="x,y\n1,2\n",
            headers={"Content-Type": "text/csv"}).status == 409, 20)
        link.sendall(b"1,2\n3,4\n")
        assert b"201 Created" in link.recv(65536)
    assert client.get(f"/v1/datasets/{name}").json["rows"] == 2


def test_an_upload_beyond_its_limit(client, name):
    data = (f"PUT /v1/datasets/{name} HTTP/1.1\r\nHost: localhost\r\n"
            "Content-Type: text/csv\r\nContent-Length: 99999999999999\r\n\r\n"
            ).encode()
    assert statuses_of(client.raw(data))[:1] == [413]
    assert client.get(f"/v1/datasets/{name}").status == 404


FAKETIME = pathlib.Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")


@pytest.mark.parametrize("year", ["1970-01-02", "2038-01-20", "2106-02-08"])
def test_another_century(new_daemon, year):
    """Durations are of the steady clock; order is that of numbers."""
    if not FAKETIME.exists():
        pytest.skip(f"there is no {FAKETIME} (Debian: faketime)")
    if SLOW > 1:
        pytest.skip("sanitizers and faketime do not go together")
    client = new_daemon(LD_PRELOAD=str(FAKETIME), TZ="UTC",
                        FAKETIME=f"@{year} 00:00:00",
                        FAKETIME_DONT_FAKE_MONOTONIC="1").start().client
    client.network("n", [(1, "linear")], 1)
    client.dataset("d", line_data())
    done = client.train("n", "d", epochs=3)
    assert done["created_at"].startswith(year)
    # Not their order: two threads see a faked clock some milliseconds apart.
    assert all(0 <= row["seconds"] < 60 for row in client.history(done["id"]))
    assert client.predict("n", [[1]])["version"] == 1
