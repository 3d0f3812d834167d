"""Weights as safetensors, both ways; by the format's description."""

import json
import struct

import pytest

from support import float32, weights_sha256

TYPE = {"Content-Type": "application/octet-stream"}


@pytest.fixture
def net(client, name):
    client.network(name, [(3, "tanh"), (1, "linear")], 2, seed=4)
    return name


def get(client, name, version=0, query="?format=safetensors", accept=None):
    return client.get(f"/v1/networks/{name}/versions/{version}/weights{query}",
                      headers={"Accept": accept} if accept else {},
                      check=False)


def parse(data):
    """Header and the tensors' numbers."""
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + length])
    body = data[8 + length:]
    used = 0
    tensors = {}
    for tensor, about in header.items():
        begin, end = about["data_offsets"]
        used += end - begin
        tensors[tensor] = (about["shape"],
                           struct.unpack(f"<{(end - begin) // 4}f",
                                         body[begin:end]))
        assert about["dtype"] == "F32"
    assert used == len(body) and length % 8 == 0
    return tensors


def build(tensors, header=None, length=None):
    about, body = {}, b""
    for tensor, (shape, values) in tensors.items():
        data = struct.pack(f"<{len(values)}f", *values)
        about[tensor] = {"dtype": "F32", "shape": shape,
                         "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    if header is not None:
        header(about)
    text = json.dumps(about).encode()
    return struct.pack("<Q", len(text) if length is None else length) \
        + text + body


def put(client, name, data):
    return client.put(f"/v1/networks/{name}/weights", body=data, headers=TYPE)


GOOD = {"0.weight": ([3, 2], [1, 2, 3, 4, 5, 6]), "0.bias": ([3], [7, 8, 9]),
        "1.weight": ([1, 3], [1, 0, 0.1]), "1.bias": ([1], [-1])}


def test_what_is_read_is_the_weights(client, net):
    answer = get(client, net)
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert f"{net}-0.safetensors" in answer.headers["Content-Disposition"]
    tensors = parse(answer.body)
    weights = client.weights(net, 0)
    assert set(tensors) == set(GOOD)
    for layer in weights["layers"]:
        shape, values = tensors[f"{layer['index']}.weight"]
        assert shape == [len(layer["weight"]), len(layer["weight"][0])]
        assert list(values) == [float32(x) for row in layer["weight"]
                                for x in row]
        assert list(tensors[f"{layer['index']}.bias"][1]) == [
            float32(x) for x in layer["bias"]]


def test_accept_asks_for_it_too(client, net):
    expected = get(client, net).body
    for accept in ("application/octet-stream", "application/safetensors"):
        assert get(client, net, query="", accept=accept).body == expected
    assert get(client, net, query="", accept="application/json").json["layers"]
    assert get(client, net, query="", accept="text/html").status == 406
    assert get(client, net, query="?format=npz").status == 400


def test_what_is_put_is_what_predicts(client, net):
    answer = put(client, net, build(GOOD))
    assert answer.status == 201 and answer.json["version"] == 1
    assert parse(get(client, net, 1).body) == {
        t: (s, tuple(float32(x) for x in v)) for t, (s, v) in GOOD.items()}
    assert answer.json["sha256"] == weights_sha256(client.weights(net, 1))


def test_back_and_forth_is_the_same_bytes(client, net):
    data = get(client, net).body
    assert put(client, net, data).status == 201
    assert get(client, net, 1).body == data
    assert client.version(net, 0)["sha256"] == client.version(net, 1)["sha256"]


def test_order_and_metadata_are_free(client, net):
    backward = dict(reversed(GOOD.items()))
    data = build(backward, lambda h: h.update(
        __metadata__={"format": "pt"}))
    assert put(client, net, data).status == 201
    client.put_weights(net, [([[1, 2], [3, 4], [5, 6]], [7, 8, 9]),
                             ([[1, 0, 0.1]], [-1])])
    assert client.version(net, 1)["sha256"] == client.version(net, 2)["sha256"]


def change(tensor, **members):
    return lambda header: header[tensor].update(members)


@pytest.mark.parametrize("header, pointer", [
    (change("0.bias", shape=[4]), "/0.bias/shape"),
    (change("0.bias", shape=[3, 1]), "/0.bias/shape"),
    (change("0.bias", shape="3"), "/0.bias/shape"),
    (change("0.bias", dtype="F16"), "/0.bias/dtype"),
    (change("0.bias", data_offsets=[24, 35]), "/0.bias/data_offsets"),
    (change("0.bias", data_offsets=[36, 24]), "/0.bias/data_offsets"),
    (change("0.bias", data_offsets=[-12, 0]), "/0.bias/data_offsets"),
    (change("0.bias", data_offsets=[1 << 63, (1 << 63) + 12]),
     "/0.bias/data_offsets"),
    (change("0.bias", data_offsets=[24]), "/0.bias/data_offsets"),
    (change("0.bias", data_offsets=None), "/0.bias/data_offsets"),
    (change("0.bias", more=1), "/0.bias/more"),
    (lambda h: h.pop("0.bias"), "/0.bias"),
    (lambda h: h.update({"2.bias": h["0.bias"]}), "/2.bias"),
    (lambda h: h.update({"0.bias": 7}), "/0.bias"),
])
def test_a_wrong_tensor_is_named(client, net, header, pointer):
    answer = put(client, net, build(GOOD, header))
    assert answer.status == 422, answer
    assert pointer in answer.pointers, answer


OVERLAP = build(GOOD, change("0.bias", data_offsets=[12, 24]))
HOLE = build(GOOD, lambda h: [x.update(data_offsets=[
    x["data_offsets"][0] + 4, x["data_offsets"][1] + 4]) for x in h.values()])


@pytest.mark.parametrize("data, status", [
    (OVERLAP, 422), (HOLE, 422),
    (build(GOOD)[:-1], 422), (build(GOOD) + b"x", 422),
    (build(GOOD)[:40], 422), (b"1234567", 422),
    (struct.pack("<Q", 4 << 30) + b"{}" + b" " * 90, 422),
    (struct.pack("<Q", (1 << 64) - 1) + b"{}", 422),
    (struct.pack("<Q", 0), 422),
    (struct.pack("<Q", 2) + b"[]", 422),
    (struct.pack("<Q", 2) + b"{]", 400),
    (build({**GOOD, "0.bias": ([3], [1, float("nan"), 3])}), 422),
    (build({**GOOD, "0.bias": ([3], [1, 2, float("inf")])}), 422)])
def test_hostile_bytes_are_refused(client, net, data, status):
    answer = put(client, net, data)
    assert answer.status == status, answer
    assert client.get(f"/v1/networks/{net}").json["latest_version"] == 0


def test_pieces_of_any_size(client, net):
    """A byte a chunk: the reader sees it in pieces."""
    data = build(GOOD)
    head = (f"PUT /v1/networks/{net}/weights HTTP/1.1\r\n"
            f"Host: {client.host}:{client.port}\r\nConnection: close\r\n"
            "Content-Type: application/octet-stream\r\n"
            "Transfer-Encoding: chunked\r\n\r\n").encode()
    body = b"".join(b"1\r\n" + data[i:i + 1] + b"\r\n"
                    for i in range(len(data)))
    answer = client.raw(head + body + b"0\r\n\r\n")
    assert b" 201 " in answer.split(b"\r\n")[0], answer
