"""Predictions in every form of body, and their answers likewise."""

import base64
import json
import random
import struct

import pytest

from support import close, float32, npy, two_groups, wait_until

BINARY = "application/octet-stream"
NPY = "application/x-npy"


@pytest.fixture
def wide(client, name):
    """Three inputs of their own, four outputs, initial weights."""
    client.network(name, [(5, "tanh"), (4, "softmax")], 3,
                   loss="cross_entropy", seed=3)
    return name


ROWS = [[0.1, -2.5, 3e-7], [1e9, -0.0, 0.30000000000000004], [1, 2, 3]]
FLAT = [x for row in ROWS for x in row]


def ask(client, name, body, kind="application/json", accept=None, query="",
        **rest):
    headers = {"Content-Type": kind}
    if accept is not None:
        headers["Accept"] = accept
    return client.request("POST", f"/v1/networks/{name}/predict{query}",
                          body=body, headers=headers, check=accept is None,
                          **rest)


def read_npy(data):
    """Shape and values, by NumPy's format specification."""
    assert data[:8] == b"\x93NUMPY\x01\x00"
    length = struct.unpack("<H", data[8:10])[0]
    assert (10 + length) % 64 == 0 and data[9 + length:10 + length] == b"\n"
    head = eval(data[10:10 + length])  # the specification says so
    assert head["descr"] == "<f4" and head["fortran_order"] is False
    rest = data[10 + length:]
    return head["shape"], struct.unpack(f"<{len(rest) // 4}f", rest)


def test_all_forms_are_the_same_rows(client, wide):
    expected = client.predict(wide, ROWS)
    packed = struct.pack("<9f", *FLAT)
    for kind, body in (
            (BINARY, packed),
            (NPY, npy((3, 3), FLAT)),
            ("application/json",
             json.dumps({"inputs": {"b64": base64.b64encode(packed).decode()}})),
            ("application/json", json.dumps(
                {"inputs": ROWS}, separators=(",", ":"))),
            ("application/json", json.dumps({"inputs": ROWS}, indent=2)),
            ("application/json", json.dumps({"version": 0, "inputs": ROWS})),
            ("application/json", json.dumps({"inputs": ROWS, "version": 0}))):
        answer = ask(client, wide, body, kind)
        assert answer.status == 200 and answer.json == expected, (kind, answer)


def test_the_answer_is_what_is_accepted(client, wide):
    outputs = client.predict(wide, ROWS)["outputs"]
    flat = [y for row in outputs for y in row]
    body = json.dumps({"inputs": ROWS})

    answer = ask(client, wide, body, accept=BINARY)
    assert answer.status == 200
    assert answer.headers["Content-Type"] == BINARY
    assert answer.headers["X-Model-Version"] == "0"
    assert list(struct.unpack("<12f", answer.body)) == [float32(y) for y in flat]

    answer = ask(client, wide, body, accept=f"{NPY}, */*;q=0.1")
    assert answer.headers["Content-Type"] == NPY
    shape, values = read_npy(answer.body)
    assert shape == (3, 4) and list(values) == [float32(y) for y in flat]

    answer = ask(client, wide, struct.pack("<9f", *FLAT), BINARY, accept="*/*")
    assert answer.json["outputs"] == outputs
    assert ask(client, wide, body, accept="text/html").status == 406


@pytest.mark.parametrize("kind, code", [
    ("<f8", "d"), ("<i8", "q"), ("<i4", "i"), ("|u1", "B")])
def test_npy_of_other_numbers(client, wide, kind, code):
    answer = ask(client, wide, npy((2, 3), [1, 2, 3, 4, 5, 6], kind), NPY)
    assert answer.json == client.predict(wide, [[1, 2, 3], [4, 5, 6]]), code


def test_npy_of_one_row_needs_no_dimension_of_rows(client, wide):
    answer = ask(client, wide, npy((3,), [1, 2, 3]).replace(b"(3,)", b"(3,)"),
                 NPY)
    assert answer.json == client.predict(wide, [[1, 2, 3]])


def test_npy_is_nested_as_the_input_shape(client, name):
    client.ok("POST", "/v1/networks", 201, json_body={
        "name": name, "input_shape": [6], "seed": 1,
        "layers": [{"type": "dense", "units": 2}], "loss": "mse"})
    answer = ask(client, name, npy((1, 2, 3), [1, 2, 3, 4, 5, 6]), NPY)
    assert answer.json == client.predict(name, [[1, 2, 3, 4, 5, 6]])


def b64(data):
    return json.dumps({"inputs": {"b64": base64.b64encode(data).decode()}})


NAN = struct.pack("<3f", 1, float("nan"), 3)
INF = struct.pack("<3f", 1, 2, float("-inf"))


@pytest.mark.parametrize("kind, body, pointer", [
    (BINARY, b"abcdefghijklm", "/inputs"),
    (BINARY, struct.pack("<4f", 1, 2, 3, 4), "/inputs"),
    (BINARY, NAN, "/inputs/0/1"),
    (BINARY, INF, "/inputs/0/2"),
    (NPY, npy((1, 3), [1, 2, float("nan")]), "/inputs/0/2"),
    (NPY, npy((2, 4), range(8)), "/inputs"),
    (NPY, npy((0, 3), []), "/inputs"),
    ("application/json", b64(NAN), "/inputs/0/1"),
    ("application/json", b64(b"1234"), "/inputs"),
    ("application/json", b64(b""), "/inputs"),
    ("application/json", '{"inputs": {"b64": "A*AA"}}', "/inputs/b64"),
    ("application/json", '{"inputs": {"b64": "AAAAA"}}', "/inputs/b64"),
    ("application/json", '{"inputs": {"b64": "AAAA", "x": 1}}', "/inputs"),
    ("application/json", '{"inputs": {"b64": 7}}', "/inputs"),
])
def test_a_mistake_is_named(client, wide, kind, body, pointer):
    answer = ask(client, wide, body, kind)
    assert answer.status == 422, answer
    assert answer.pointers == [pointer], answer


@pytest.mark.parametrize("body", [
    b"\x93NUMPY", b"\x93NUMPY\x01\x00\xff\xff{", b"not an array at all",
    npy((1, 3), [1, 2, 3])[:-1], npy((1, 3), [1, 2, 3]) + b"x",
    npy((3, 3), [1, 2, 3]),
    npy((1, 3), [1, 2, 3]).replace(b"<f4", b"<c8"),
    npy((2, 3), range(6)).replace(b"False", b"True "),
    npy((1 << 62, 3), [1, 2, 3]),
    npy((1 << 40, 3), [1, 2, 3])])
def test_hostile_npy_is_refused(client, wide, body):
    assert ask(client, wide, body, NPY).status == 422


def test_missing_numbers_may_come_as_nan(client, name):
    client.dataset(name, "a,b,y\n1,2,3\n2,,5\n3,4,7\n4,5,9\n")
    client.network(name, [(1, "linear")], 2)
    client.train(name, name, epochs=1)
    missing = client.predict(name, [[2, None]])
    got = ask(client, name, struct.pack("<2f", 2, float("nan")), BINARY)
    assert got.json == missing


def test_words_are_for_json(client, name):
    client.dataset(name, "colour,kind\nred,a\nblue,b\nred,a\nblue,b\n")
    client.network(name, [(2, "softmax")], 2, loss="cross_entropy")
    client.train(name, name, epochs=1)
    answer = ask(client, name, struct.pack("<f", 1), BINARY)
    assert answer.status == 422 and "words" in answer.json["detail"]
    assert client.predict(name, [["red"]])["labels"]


def test_long_numbers_and_short_ones(client, wide):
    """Digits as many programs write them give the float32 nearest to them."""
    draw = random.Random(7)
    rows = [[draw.uniform(-1, 1) * 10.0 ** draw.randint(-9, 9)
             for _ in range(3)] for _ in range(300)]
    exact = [[float32(x) for x in row] for row in rows]
    assert client.predict(wide, rows) == client.predict(wide, exact)
    texts = json.dumps({"inputs": exact})
    assert ask(client, wide, texts).json == client.predict(wide, rows)
    binary = struct.pack("<900f", *(x for row in rows for x in row))
    assert ask(client, wide, binary, BINARY).json == client.predict(wide, rows)


def test_digits_read_back_as_the_same_float(client, name):
    """What JSON says and what the bytes say is one number."""
    client.network(name, [(64, "sigmoid"), (64, "linear")], 2, seed=5)
    draw = random.Random(1)
    rows = [[draw.gauss(0, 5), draw.gauss(0, 5)] for _ in range(64)]
    body = json.dumps({"inputs": rows})
    binary = ask(client, name, body, accept=BINARY).body
    outputs = ask(client, name, body).json["outputs"]
    flat = [y for row in outputs for y in row]
    assert struct.pack(f"<{len(flat)}f", *flat) == binary


# --- the best classes ---------------------------------------------------------

def test_top_is_the_best_first(client, wide):
    outputs = client.predict(wide, ROWS)["outputs"]
    answer = ask(client, wide, json.dumps({"inputs": ROWS}), query="?top=2").json
    assert set(answer) == {"network", "version", "top"}
    for row, best in zip(outputs, answer["top"]):
        order = sorted(range(4), key=lambda i: -row[i])[:2]
        assert best == [{"index": i, "probability": row[i]} for i in order]
    everything = ask(client, wide, json.dumps({"inputs": ROWS}),
                     query="?top=99").json
    assert [len(row) for row in everything["top"]] == [4, 4, 4]


def test_top_has_names_and_one_output_is_two_classes(client, name):
    client.dataset(name, two_groups())
    client.network(name, [(4, "tanh"), (1, "sigmoid")], 2,
                   loss="binary_cross_entropy")
    client.train(name, name, epochs=200, optimizer={
        "type": "adam", "learning_rate": 0.05})
    body = json.dumps({"inputs": [[0.5, 0.5], [2.5, 2.5]]})
    top = ask(client, name, body, query="?top=2").json["top"]
    assert [row[0]["label"] for row in top] == ["red", "blue"]
    for row in top:
        assert row[0]["probability"] > 0.5 > row[1]["probability"]
        assert close(row[0]["probability"] + row[1]["probability"], 1, 1e-6)


def test_top_is_refused_where_it_makes_no_sense(client, wide, name):
    body = json.dumps({"inputs": [[1, 2, 3]]})
    for query in ("?top=0", "?top=-1", "?top=x", "?top="):
        assert ask(client, wide, body, query=query).status == 400
    assert ask(client, wide, body, query="?bottom=1").status == 400
    client.network(name + "r", [(1, "linear")], 3)
    assert ask(client, name + "r", body, query="?top=1").status == 422


# --- versions -----------------------------------------------------------------------

def test_versions_by_number_stay_in_memory_and_leave_with_their_network(
        client, name):
    client.network(name, [(1, "linear")], 1)
    for i in range(1, 6):
        client.put_weights(name, [([[i]], [0])])
    for _ in range(3):
        for i in range(1, 6):
            assert client.predict(name, [[1]], version=i) == {
                "network": name, "version": i, "outputs": [[i]]}
    client.ok("DELETE", f"/v1/networks/{name}", 204)
    for i in range(6):
        assert client.post(f"/v1/networks/{name}/predict", {
            "inputs": [[1]], "version": i}).status == 404
    client.network(name, [(1, "linear")], 1)
    client.put_weights(name, [([[9]], [0])])
    assert client.predict(name, [[1]], version=1)["outputs"] == [[9]]


# --- a job under way ----------------------------------------------------------------

def test_a_running_jobs_checkpoint_can_be_asked(client, name):
    client.dataset(name, two_groups())
    client.network(name, [(4, "tanh"), (2, "softmax")], 2,
                   loss="cross_entropy")
    job = client.submit(name, name, epochs=100000000)
    body = json.dumps({"inputs": [[0.5, 0.5], [2.5, 2.5]]})

    def look():
        answer = ask(client, name, body, query=f"?job={job}")
        assert answer.status in (200, 409), answer
        return answer.status == 200 and answer.json
    first = wait_until(look, what="a checkpoint")
    assert first["job"] == job and first["epoch"] >= 1
    assert len(first["outputs"]) == 2 and len(first["labels"]) == 2
    assert "version" not in first
    assert client.predict(name, [[0.5, 0.5]])["version"] == 0
    wait_until(lambda: look()["epoch"] > first["epoch"], what="a later one")
    # In every form that a version answers in.
    best = ask(client, name, body, query=f"?job={job}&top=1").json
    assert best["job"] == job and [len(row) for row in best["top"]] == [1, 1]
    answer = client.post(f"/v1/networks/{name}/predict?job={job}",
                         json.loads(body), check=False,
                         headers={"Accept": "application/octet-stream"})
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert len(answer.body) == 2 * 2 * 4
    assert "X-Model-Version" not in answer.headers
    assert ask(client, name, body,
               query=f"?job={job}&top=no").status == 400
    assert ask(client, name, json.dumps({
        "inputs": [[0, 0]], "version": 0}), query=f"?job={job}").status == 422
    client.ok("POST", f"/v1/jobs/{job}/cancel", 200)
    assert ask(client, name, body, query=f"?job={job}").status == 409
    assert ask(client, name, body, query="?job=999999999").status == 404
    assert ask(client, name, body, query="?job=x").status == 404
    client.network(name + "o", [(2, "softmax")], 2, loss="cross_entropy")
    assert ask(client, name + "o", body, query=f"?job={job}").status == 404
