"""Weights and versions: both ways without losing a bit."""

import copy
import json
import time

import pytest

from support import (TIME, float32, wait_until, weights_body,
                     weights_sha256)


@pytest.fixture
def net(client, name):
    """3-2-1, version 0."""
    client.network(name, [(2, "tanh"), (1, "linear")], 3)
    return name


GOOD = [([[1, 2, 3], [4, 5, 6]], [7, 8]), ([[9, 10]], [11])]


def test_the_shape_is_one_row_a_unit(client, net):
    layers = client.weights(net, 0)["layers"]
    assert [x["index"] for x in layers] == [0, 1]
    assert [len(row) for row in layers[0]["weight"]] == [3, 3]
    assert [len(row) for row in layers[1]["weight"]] == [2]
    assert layers[0]["bias"] == [0, 0] and layers[1]["bias"] == [0]


def test_the_digest_is_of_the_float32_in_order(client, net):
    assert (weights_sha256(client.weights(net, 0))
            == client.version(net, 0)["sha256"])


def test_weights_put_back_are_the_same_bytes(client, net):
    body = client.get(f"/v1/networks/{net}/versions/0/weights").body
    answer = client.put(f"/v1/networks/{net}/weights", body=body)
    assert answer.status == 201, answer
    assert answer.headers["Location"] == f"/v1/networks/{net}/versions/1"
    assert answer.json["version"] == 1
    assert answer.json["sha256"] == client.version(net, 0)["sha256"]
    assert client.get(
        f"/v1/networks/{net}/versions/1/weights").body == body


@pytest.mark.parametrize("value", [
    0.1, 1 / 3, 16777217, 1e-45, 1.17549435e-38, 3.4028234e38, -0.0, 1e-60,
    123456.789, 2**-149, 0.30000001192092896])
def test_a_number_comes_back_as_its_float32(client, name, value):
    client.network(name, [(1, "linear")], 1)
    client.put_weights(name, [([[value]], [0.0])])
    back = client.weights(name, 1)["layers"][0]["weight"][0][0]
    assert float32(back) == float32(value)
    assert str(float32(back)) == str(float32(value))  # the sign of zero too


def test_a_version_tells_where_it_is_from(client, net):
    version = client.put_weights(net, GOOD)
    assert version == client.version(net, 1)
    assert version["bytes"] == (6 + 2 + 2 + 1) * 4
    assert version["job"] is None and version["dataset"] is None
    assert TIME.match(version["created_at"])


def test_versions_are_listed_in_pages(client, net):
    for _ in range(3):
        client.put_weights(net, GOOD)
    page = client.ok("GET", f"/v1/networks/{net}/versions?limit=3", 200)
    assert [v["version"] for v in page["data"]] == [0, 1, 2]
    rest = client.ok(
        "GET", f"/v1/networks/{net}/versions?after={page['next']}", 200)
    assert [v["version"] for v in rest["data"]] == [3]
    assert rest["next"] is None
    assert client.ok("GET", f"/v1/networks/{net}", 200)["latest_version"] == 3


@pytest.mark.parametrize("version", [
    "7", "-1", "01", "abc", "1.0", "1e0", "+1", "99999999999999999999"])
def test_a_version_that_cannot_be_is_not_found(client, net, version):
    assert client.get(f"/v1/networks/{net}/versions/{version}").status == 404
    assert client.get(
        f"/v1/networks/{net}/versions/{version}/weights").status == 404


def test_members_in_any_order_are_fine(client, net):
    layers = weights_body(GOOD)["layers"]
    body = {"layers": [dict(reversed(x.items())) for x in reversed(layers)]}
    client.ok("PUT", f"/v1/networks/{net}/weights", 201, json_body=body)
    assert client.weights(net, 1)["layers"][1]["bias"] == [11]


def test_one_byte_at_a_time(client, net):
    body = json.dumps(weights_body(GOOD)).encode()
    chunks = (body[i:i + 1] for i in range(len(body)))
    answer = client.put(f"/v1/networks/{net}/weights", body=chunks)
    assert answer.status == 201, answer
    assert client.weights(net, 1)["layers"][0]["weight"] == GOOD[0][0]


def broken(change):
    body = copy.deepcopy(weights_body(GOOD))
    change(body)
    return body


@pytest.mark.parametrize("change, where", [
    (lambda b: b["layers"][0]["weight"].pop(), "/layers/0/weight"),
    (lambda b: b["layers"][0]["weight"][1].pop(), "/layers/0/weight"),
    (lambda b: b["layers"][0]["weight"][0].append(1), "/layers/0/weight"),
    (lambda b: b["layers"][0]["weight"].append([1, 2, 3]), "/layers/0/weight"),
    (lambda b: b["layers"][1]["bias"].append(1), "/layers/1/bias"),
    (lambda b: b["layers"][1].pop("bias"), "/layers/1/bias"),
    (lambda b: b["layers"].pop(), "/layers/1"),
    (lambda b: b["layers"].append({"index": 2, "weight": [], "bias": []}),
     "/layers/2"),
    (lambda b: b["layers"][1].update(index=0), "/layers"),
    (lambda b: b["layers"][0]["bias"].__setitem__(0, "x"), "/layers/0/bias/0"),
    (lambda b: b["layers"][0]["bias"].__setitem__(0, None), "/layers/0/bias/0"),
    (lambda b: b["layers"][0]["bias"].__setitem__(1, 1e39), "/layers/0/bias/1"),
    (lambda b: b["layers"][0]["weight"][0].__setitem__(2, [1]),
     "/layers/0/weight"),
    (lambda b: b["layers"][0].update(scale=1), "/layers/0/scale"),
    (lambda b: b.update(version=1), "/version"),
    (lambda b: b.update(layers={}), "/layers"),
    (lambda b: b.pop("layers"), "/layers"),
])
def test_a_wrong_tensor_is_named(client, net, change, where):
    answer = client.put(f"/v1/networks/{net}/weights",
                        json_body=broken(change))
    assert answer.status == 422, answer
    assert any(p.startswith(where) for p in answer.pointers), answer
    assert client.ok("GET", f"/v1/networks/{net}", 200)["latest_version"] == 0


@pytest.mark.parametrize("body", [
    "", "{", '{"layers": [', '{"layers": []} x', '{"layers": [NaN]}',
    "[" * 5000, json.dumps(weights_body(GOOD))[:-1]])
def test_what_is_not_json_is_malformed(client, net, body):
    answer = client.put(f"/v1/networks/{net}/weights", body=body)
    assert answer.status == 400, answer


def test_weights_for_nobody(client):
    assert client.put("/v1/networks/not-there/weights",
                      weights_body(GOOD)).status == 404


def test_weights_are_not_another_networks(client, net):
    """The network is deleted on their way, and its name taken by another."""
    body = json.dumps(weights_body(GOOD)).encode()

    def pieces():
        yield body[:20]
        time.sleep(0.1)  # it has begun by now, mostly
        client.ok("DELETE", f"/v1/networks/{net}", 204)
        client.network(net, [(1, "linear")], 1)
        yield body[20:]

    def refused():
        answer = client.put(f"/v1/networks/{net}/weights", body=pieces())
        assert client.ok("GET", f"/v1/networks/{net}", 200)[
            "latest_version"] == 0
        if answer.status == 404:
            return True
        assert answer.status == 422, answer  # it began with the new one
        client.ok("DELETE", f"/v1/networks/{net}", 204)
        client.network(net, [(2, "tanh"), (1, "linear")], 3)
        return False
    wait_until(refused, 20, "an upload that begins before the deletion")


def test_another_media_type_is_refused(client, net):
    assert client.put(f"/v1/networks/{net}/weights", body="1,2",
                      headers={"Content-Type": "text/csv"}).status == 415


def test_weights_carry_the_encoder_of_the_latest(client, name):
    """Not of the one that serves: read and put back they predict the same."""
    client.dataset(name, "x,y\n" + "\n".join(
        f"{x},{3 * x}" for x in range(40)))
    client.network(name, [(1, "linear")], 1)
    client.train(name, name, epochs=20, scale_inputs="standard")
    client.ok("PATCH", f"/v1/networks/{name}", 200,
              json_body={"serving_version": 0})
    weights = client.weights(name, 1)
    client.ok("PUT", f"/v1/networks/{name}/weights", 201,
              json_body={"layers": weights["layers"]})
    assert (client.predict(name, [[3]], version=2)["outputs"] ==
            client.predict(name, [[3]], version=1)["outputs"])
