"""Networks: created complete, listed in pages, refused with pointers."""

import copy
import threading

import pytest

from support import TIME

XOR_NET = {
    "name": "to be replaced", "input_shape": [2],
    "layers": [{"type": "dense", "units": 3, "activation": "sigmoid"},
               {"type": "dense", "units": 1, "activation": "sigmoid"}],
    "loss": "squared_error", "seed": 7,
}


def spec(name, **change):
    return {**copy.deepcopy(XOR_NET), "name": name, **change}


def test_create_answers_all_there_is_to_know(client, name):
    answer = client.post("/v1/networks", spec(name))
    assert answer.status == 201
    assert answer.headers["Location"] == f"/v1/networks/{name}"
    network = answer.json
    assert network["name"] == name
    assert network["input_shape"] == [2]
    assert network["output_shape"] == [1]
    assert network["loss"] == "squared_error"
    assert network["seed"] == 7
    assert network["parameters"] == 2 * 3 + 3 + 3 + 1
    assert network["latest_version"] == 0
    assert "serving_version" in network
    assert TIME.match(network["created_at"])
    first, last = network["layers"]
    assert (first["type"], first["units"]) == ("dense", 3)
    assert first["activation"] == "sigmoid"
    assert first["output_shape"] == [3] and first["parameters"] == 9
    assert last["output_shape"] == [1] and last["parameters"] == 4
    assert client.ok("GET", f"/v1/networks/{name}", 200) == network


def test_defaults_are_shown(client, name):
    network = client.ok("POST", "/v1/networks", 201, json_body={
        "name": name, "input_shape": [4], "loss": "squared_error",
        "layers": [{"type": "dense", "units": 2},
                   {"type": "dense", "units": 2, "activation": "relu"}]})
    assert network["seed"] == 0
    linear, relu = network["layers"]
    assert linear["activation"] == "linear"
    assert linear["use_bias"] is True
    assert "glorot" in str(linear["init"])
    assert "he_" in str(relu["init"])


def test_without_bias_there_are_fewer_parameters(client, name):
    network = client.ok("POST", "/v1/networks", 201, json_body=spec(
        name, layers=[{"type": "dense", "units": 3, "use_bias": False}]))
    assert network["parameters"] == 6


@pytest.mark.parametrize("init", [
    "glorot_uniform", "glorot_normal", "he_uniform", "he_normal",
    "lecun_normal", "uniform", "normal", "zeros",
    {"type": "uniform", "limit": 0.01}, {"type": "normal", "stddev": 0.5}])
def test_every_initialisation_is_kept(client, name, init):
    network = client.ok("POST", "/v1/networks", 201, json_body=spec(
        name, layers=[{"type": "dense", "units": 50, "init": init}]))
    shown = network["layers"][0]["init"]
    asked = init if isinstance(init, str) else init["type"]
    assert asked in (shown, shown["type"] if isinstance(shown, dict) else None)
    weight = client.weights(name, 0)["layers"][0]["weight"]
    values = [x for row in weight for x in row]
    if init == "zeros":
        assert set(values) == {0.0}
    else:
        assert len(set(values)) > 90
    if isinstance(init, dict) and "limit" in init:
        assert max(map(abs, values)) <= 0.01


@pytest.mark.parametrize("activation",
                         ["linear", "sigmoid", "tanh", "relu", "softmax"])
def test_every_activation_is_there(client, name, activation):
    network = client.network(name, [(3, activation)], 2)
    assert network["layers"][0]["activation"] == activation


@pytest.mark.parametrize("loss, activation", [
    ("squared_error", "tanh"), ("mse", "linear"),
    ("binary_cross_entropy", "sigmoid"), ("cross_entropy", "softmax")])
def test_every_loss_is_there(client, name, loss, activation):
    assert client.network(name, [(3, activation)], 2,
                          loss=loss)["loss"] == loss


def test_the_same_seed_gives_the_same_bytes(client, name):
    digests = []
    for suffix, seed in (("a", 5), ("b", 5), ("c", 6)):
        client.network(name + suffix, [(8, "relu"), (2, "linear")], 3,
                       seed=seed)
        digests.append(client.version(name + suffix, 0)["sha256"])
    assert digests[0] == digests[1] != digests[2]


def test_a_seed_of_53_bits_comes_back_exactly(client, name):
    assert client.network(name, [(1, "linear")], 1,
                          seed=2**53 - 1)["seed"] == 2**53 - 1


# --- what is refused ----------------------------------------------------------

def dense(**members):
    return {"type": "dense", "units": 2, **members}


@pytest.mark.parametrize("change, pointer", [
    ({"layerz": []}, "/layerz"),
    ({"input_shape": []}, "/input_shape"),
    ({"input_shape": [0]}, "/input_shape/0"),
    ({"input_shape": [-2]}, "/input_shape/0"),
    ({"input_shape": [2.5]}, "/input_shape/0"),
    ({"input_shape": ["2"]}, "/input_shape/0"),
    ({"input_shape": 2}, "/input_shape"),
    ({"input_shape": [1, 1, 1, 1, 1]}, "/input_shape"),
    ({"input_shape": [4294967296, 4294967296]}, "/input_shape/1"),
    ({"layers": []}, "/layers"),
    ({"layers": {}}, "/layers"),
    ({"layers": [dense()] * 65}, "/layers"),
    ({"layers": [7]}, "/layers/0"),
    ({"layers": [{}]}, "/layers/0/type"),
    ({"layers": [{"type": "densest"}]}, "/layers/0/type"),
    ({"layers": [{"type": 1}]}, "/layers/0/type"),
    ({"layers": [{"type": "dense"}]}, "/layers/0/units"),
    ({"layers": [dense(units=0)]}, "/layers/0/units"),
    ({"layers": [dense(units=-1)]}, "/layers/0/units"),
    ({"layers": [dense(units=65537)]}, "/layers/0/units"),
    ({"layers": [dense(units=2**63)]}, "/layers/0/units"),
    ({"layers": [dense(units=3.5)]}, "/layers/0/units"),
    ({"layers": [dense(units=True)]}, "/layers/0/units"),
    ({"layers": [dense(units="3")]}, "/layers/0/units"),
    ({"layers": [dense(units=None)]}, "/layers/0/units"),
    ({"layers": [dense(unit=3)]}, "/layers/0/unit"),
    ({"layers": [dense(activation="RELU")]}, "/layers/0/activation"),
    ({"layers": [dense(activation="relu ")]}, "/layers/0/activation"),
    ({"layers": [dense(activation="<script>")]}, "/layers/0/activation"),
    ({"layers": [dense(activation="x" * 10000)]}, "/layers/0/activation"),
    ({"layers": [dense(use_bias=1)]}, "/layers/0/use_bias"),
    ({"layers": [dense(init="ones")]}, "/layers/0/init"),
    ({"layers": [dense(init={"type": "uniform", "limit": -1})]},
     "/layers/0/init/limit"),
    ({"layers": [dense(activation="softmax"), dense()]},
     "/layers/0/activation"),
    ({"loss": "cross_entropy"}, "/loss"),
    ({"loss": "squared"}, "/loss"),
    ({"loss": None}, "/loss"),
    ({"seed": -1}, "/seed"),
    ({"seed": 1.5}, "/seed"),
    ({"seed": 2**64}, "/seed"),
    ({"name": ""}, "/name"),
    ({"name": "-a"}, "/name"),
    ({"name": "Upper"}, "/name"),
    ({"name": "a b"}, "/name"),
    ({"name": "../../etc"}, "/name"),
    ({"name": "a" * 64}, "/name"),
    ({"name": "ä"}, "/name"),
    ({"name": 3}, "/name"),
])
def test_a_mistake_is_named(client, name, change, pointer):
    answer = client.post("/v1/networks", {**spec(name), **change})
    assert answer.status == 422, answer
    assert pointer in answer.pointers, answer
    assert client.get(f"/v1/networks/{name}").status == 404


@pytest.mark.parametrize("member", ["name", "input_shape", "layers"])
def test_a_missing_member_is_named(client, name, member):
    body = spec(name)
    del body[member]
    answer = client.post("/v1/networks", body)
    assert answer.status == 422
    assert f"/{member}" in answer.pointers, answer


def test_all_mistakes_are_told_at_once(client, name):
    answer = client.post("/v1/networks", spec(
        name, seed=-1, colour="red",
        layers=[dense(units=0), dense(activation="none")]))
    assert answer.status == 422
    assert {"/seed", "/colour", "/layers/0/units",
            "/layers/1/activation"} <= set(answer.pointers), answer


@pytest.mark.parametrize("change, pointers", [
    ({"layers": [dense(activation="softmax"), dense(units=0)]},
     ["/layers/1/units", "/layers/0/activation"]),
    ({"name": "BAD", "layers": [dense(units=3, slope=0.1), dense(units=2)],
      "loss": "cross_entropy"}, ["/name", "/layers/0/slope", "/loss"]),
    ({"input_shape": [0], "loss": "cross_entropy"},
     ["/input_shape/0", "/loss"]),
    # The sizes are right: so are shapes that do not fit each other told.
    ({"name": "BAD", "input_shape": [2, 2]}, ["/name", "/layers/0"]),
    # What could not be read says nothing of what hangs on it.
    ({"layers": [{"type": "dance"}, {"type": "dance"}],
      "loss": "cross_entropy"}, ["/layers/0/type", "/layers/1/type"]),
    ({"layers": [dense(activation="leaky", slope=0.1), dense(activation="soft")],
      "loss": "cross_entropy"},
     ["/layers/0/activation", "/layers/1/activation"]),
    ({"layers": [dense(unit=3)] * 2, "input_shape": [2, 2]},
     ["/layers/0/unit", "/layers/1/unit"]),
    ({"layers": [3, dense()]}, ["/layers/0"]),
])
def test_a_mistake_hides_no_other(client, name, change, pointers):
    answer = client.post("/v1/networks", {**spec(name), **change})
    assert answer.status == 422 and answer.pointers == pointers, answer


def test_more_mistakes_than_are_told(client, name):
    answer = client.post("/v1/networks", spec(name, layers=[4] * 40))
    assert answer.status == 422 and len(answer.pointers) == 16, answer


def test_the_detail_tells_range_and_value(client, name):
    answer = client.post("/v1/networks", spec(name, layers=[dense(units=0)]))
    detail = answer.json["errors"][0]["detail"]
    assert "1" in detail and "65536" in detail and "0" in detail


def test_too_many_parameters_are_refused_before_memory_is_taken(client, name):
    answer = client.post("/v1/networks", spec(
        name, input_shape=[65536], layers=[dense(units=65536)] * 3))
    assert answer.status in (413, 422), answer


@pytest.mark.parametrize("body", [
    "{}", "[]", "null", "1", '"x"', "true"])
def test_json_of_another_kind_is_refused(client, body):
    answer = client.post("/v1/networks", body=body)
    assert answer.status in (400, 422), answer
    if body == "{}":
        assert answer.status == 422
        assert {"/name", "/input_shape", "/layers"} <= set(answer.pointers)


@pytest.mark.parametrize("body", [
    b"", b"{", b'{"name": "x",}', b"{'name': 1}", b'{"name": NaN}',
    b'{"seed": Infinity}', b'{"seed": 01}', b'{"seed": 1} x',
    b'{"seed": 1, "seed": 2}', b'/* */ {}', b"\xef\xbb\xbf{}",
    b'{"name": "a\x00b"}', b'{"name": "\xff"}', b'{"name": "\xc0\xaf"}',
    b'{"name": "\\ud800"}', b'{"seed": 1e999}', b'{"seed": 1}\x00',
    b"[" * 100000, b'{"a":' * 40 + b"1" + b"}" * 40,
    b"[" + b"{}," * 300000 + b"{}]"],
    ids=lambda body: repr(body[:24]))
def test_what_is_not_json_is_malformed(client, body):
    answer = client.post("/v1/networks", body=body)
    assert answer.status == 400, answer


@pytest.mark.parametrize("text", [
    "a", "0", "a.b_c-d", "9lives", "a" * 63, "a..", "a-"])
def test_names_that_are_fine(client, text):
    assert client.post("/v1/networks", spec(text)).status in (201, 409)
    assert client.ok("GET", f"/v1/networks/{text}", 200)["name"] == text
    client.ok("DELETE", f"/v1/networks/{text}", 204)


def test_a_taken_name_is_a_conflict(client, name):
    client.ok("POST", "/v1/networks", 201, json_body=spec(name))
    answer = client.post("/v1/networks", spec(name, seed=8))
    assert answer.status == 409
    assert answer.json["code"] == "name_taken"
    assert client.ok("GET", f"/v1/networks/{name}", 200)["seed"] == 7


def test_of_many_at_once_one_gets_the_name(client, name):
    statuses = []
    threads = [threading.Thread(target=lambda: statuses.append(
        client.post("/v1/networks", spec(name)).status)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [201] + [409] * 7


# --- lists ----------------------------------------------------------------------

def walk(client, path, limit, key):
    """All pages; each is as long as asked, but for the last."""
    seen, after = [], ""
    while True:
        page = client.ok("GET", f"{path}?limit={limit}{after}", 200)
        seen += [row[key] for row in page["data"]]
        if page["next"] is None:
            return seen
        assert len(page["data"]) == limit
        assert page["next"] == page["data"][-1][key]
        after = f"&after={page['next']}"


def test_pages_neither_miss_nor_repeat(client, name):
    mine = [f"{name}.{i}" for i in range(5)]
    for one in mine:
        client.ok("POST", "/v1/networks", 201, json_body=spec(one))
    seen = walk(client, "/v1/networks", 2, "name")
    assert seen == sorted(seen) and len(seen) == len(set(seen))
    assert set(mine) <= set(seen)


@pytest.mark.parametrize("query", [
    "limit=0", "limit=-1", "limit=1001", "limit=abc", "limit=", "limit=+5",
    "limit=1&limit=2", "colour=red", "limit=1e2", "limit=99999999999999999999"])
def test_a_bad_query_is_malformed(client, query):
    assert client.get(f"/v1/networks?{query}").status == 400


def test_after_the_last_there_is_nothing(client):
    assert client.ok("GET", "/v1/networks?after=zzzzzzzzzz", 200) == {
        "data": [], "next": None}


# --- serving version, deletion ----------------------------------------------------

def test_pinning_chooses_what_predicts(client, name):
    client.network(name, [(1, "linear")], 1)
    client.put_weights(name, [([[2.0]], [0.0])])
    client.put_weights(name, [([[3.0]], [0.0])])
    assert client.predict(name, [[1]])["outputs"] == [[3.0]]

    pinned = client.ok("PATCH", f"/v1/networks/{name}", 200,
                       json_body={"serving_version": 1})
    assert pinned["serving_version"] == 1 and pinned["latest_version"] == 2
    answer = client.predict(name, [[1]])
    assert answer["outputs"] == [[2.0]] and answer["version"] == 1

    client.ok("PATCH", f"/v1/networks/{name}", 200,
              json_body={"serving_version": None})
    assert client.predict(name, [[1]])["version"] == 2


def test_a_pinned_network_stays_where_it_is(client, name):
    client.network(name, [(1, "linear")], 1)
    client.ok("PATCH", f"/v1/networks/{name}", 200,
              json_body={"serving_version": 0})
    client.put_weights(name, [([[3.0]], [0.0])])
    assert client.predict(name, [[1]])["version"] == 0


@pytest.mark.parametrize("body, status", [
    ({"serving_version": 9}, (404, 422)), ({"serving_version": -1}, (422,)),
    ({"serving_version": "1"}, (422,)), ({"serving_version": 0.5}, (422,)),
    ({}, (422,)), ({"serving_version": 0, "name": "x"}, (422,))])
def test_a_bad_pin_is_refused(client, name, body, status):
    client.network(name, [(1, "linear")], 1)
    assert client.patch(f"/v1/networks/{name}", body).status in status


def test_pinning_what_is_not_there(client):
    assert client.patch("/v1/networks/not-there",
                        {"serving_version": 0}).status == 404


def test_delete_forgets(client, name):
    client.network(name, [(1, "linear")], 1)
    client.ok("DELETE", f"/v1/networks/{name}", 204)
    assert client.get(f"/v1/networks/{name}").status == 404
    assert client.get(f"/v1/networks/{name}/versions").status == 404
    assert client.post(f"/v1/networks/{name}/predict",
                       {"inputs": [[1]]}).status == 404
    assert client.delete(f"/v1/networks/{name}").status == 404


def test_a_deleted_name_can_be_used_again(client, name):
    client.network(name, [(1, "linear")], 1)
    client.put_weights(name, [([[5.0]], [0.0])])
    assert client.predict(name, [[1]])["version"] == 1
    client.ok("DELETE", f"/v1/networks/{name}", 204)
    client.network(name, [(2, "linear")], 3)
    answer = client.predict(name, [[1, 2, 3]])
    assert answer["version"] == 0 and len(answer["outputs"][0]) == 2
