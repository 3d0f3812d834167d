"""The Open Inference Protocol with a tensor a column, as KServe's and MLServer's
clients send a table that has words in it."""

import json
import struct

import pytest

HEADER = "Inference-Header-Content-Length"
COLUMNS = ["size", "colour", "day", "loud", "zip", "note"]
ROWS = [
    [1.5, "red", "2024-02-29 17:30:15", "yes", "1", "a small note"],
    [-0.1, "bläu", "1999-01-01", "no", "20", ""],
    [1e-7, "never seen", "2031-12-31", "yes", "7", "naïve ☃"],
]


@pytest.fixture
def table(client, name):
    """A column of each type; one size is missing, so any may be."""
    client.dataset(name, "size,colour,day,loud,zip,note,kind\n" + "".join(
        f"{i % 5 if i != 3 else ''},{('red', 'bläu', 'green')[i % 3]},"
        f"20{i % 30 + 10}-0{i % 9 + 1}-1{i % 10},{('yes', 'no')[i % 2]},"
        f"{(1, 20, 300)[i % 3]},word{i % 4} note,{'ab'[i % 2]}\n"
        for i in range(60)), "?types=zip:class,note:text&text_size=16")
    client.ok("POST", "/v1/networks", 201, json_body={
        "name": name, "dataset": name, "loss": "cross_entropy", "layers": [
            {"type": "dense", "units": 6, "activation": "tanh"},
            {"type": "dense", "units": 2, "activation": "softmax"}]})
    client.train(name, name, epochs=5, scale_inputs="standard")
    return name


@pytest.fixture
def numbers(client, name):
    name += "n"
    client.dataset(name, "x,y,kind\n" + "".join(
        f"{i % 5},{i % 7},{'ab'[i % 2]}\n" for i in range(40)))
    client.network(name, [(2, "softmax")], 2, loss="cross_entropy")
    client.train(name, name, epochs=5)
    return name


def infer(client, name, body, headers=None):
    if isinstance(body, dict):
        body = json.dumps(body)
    return client.request("POST", f"/v2/models/{name}/infer", body=body,
                          headers=headers, check=False)


def error_of(answer, *words):
    assert answer.status == 400, answer
    assert set(answer.json) == {"error"}, answer
    for word in words:
        assert word in answer.json["error"], answer
    return answer.json["error"]


def tensors(rows=None, shape=1):
    """As MLServer's PandasCodec encodes a frame."""
    rows = rows or ROWS
    return [{"name": name, "shape": [len(rows), 1][:shape],
             "datatype": "FP64" if name == "size" else "BYTES",
             "parameters": {"content_type": "str"},
             "data": [row[i] for row in rows]}
            for i, name in enumerate(COLUMNS)]


def bytes_of(texts):
    """tritonclient's serialize_byte_tensor()."""
    texts = [x if isinstance(x, bytes) else x.encode() for x in texts]
    return b"".join(struct.pack("<I", len(x)) + x for x in texts)


def binary(inputs, **data):
    """The same inputs as binary tensors, or those bytes; and the headers."""
    head, tail = [], b""
    for t in inputs:
        part = data.get(t["name"])
        if part is None and t["datatype"] == "BYTES":
            part = bytes_of(t["data"])
        elif part is None:
            part = struct.pack(f"<{len(t['data'])}d", *t["data"])
        tail += part
        head.append({"name": t["name"], "shape": t["shape"],
                     "datatype": t["datatype"],
                     "parameters": {"binary_data_size": len(part)}})
    head = json.dumps({"inputs": head}).encode()
    return head + tail, {HEADER: str(len(head)),
                         "Content-Type": "application/octet-stream"}


def outputs_of(answer):
    assert answer.status == 200, answer
    return answer.json["outputs"][0]


def expected(client, name, rows=None):
    """What /predict says to rows by name, as a tensor."""
    outputs = client.predict(name, [
        {k: v for k, v in zip(COLUMNS, row) if v is not None}
        for row in rows or ROWS])["outputs"]
    return {"name": "output", "datatype": "FP32",
            "shape": [len(outputs), len(outputs[0])],
            "data": [y for row in outputs for y in row]}


def test_metadata_has_a_tensor_a_column(client, table, numbers):
    inputs = client.get(f"/v2/models/{table}").json["inputs"]
    assert inputs == [
        {"name": name, "datatype": "FP32" if name == "size" else "BYTES",
         "shape": [-1, 1]} for name in COLUMNS]
    config = client.get(f"/v2/models/{table}/config").json["input"]
    assert config == [
        {"name": name, "dims": [-1, 1],
         "data_type": "TYPE_FP32" if name == "size" else "TYPE_STRING"}
        for name in COLUMNS]
    assert client.get(f"/v2/models/{numbers}").json["inputs"] == [
        {"name": "input", "datatype": "FP32", "shape": [-1, 2]}]


def test_three_ways_give_the_same_bits(client, table):
    same = expected(client, table)
    assert len({tuple(same["data"][i:i + 2]) for i in (0, 2, 4)}) == 3
    for shape in (1, 2):
        inputs = tensors(shape=shape)
        assert outputs_of(infer(client, table, {"inputs": inputs})) == same
        inputs.reverse()
        assert outputs_of(infer(client, table, {"inputs": inputs})) == same
        body, headers = binary(inputs)
        assert outputs_of(infer(client, table, body, headers)) == same
    nested = [{**t, "data": [[x] for x in t["data"]]}
              for t in tensors(shape=2)]
    assert outputs_of(infer(client, table, {"inputs": nested})) == same


def test_binary_and_json_in_one_request(client, table):
    """A tensor with data takes none of the bytes behind the JSON."""
    inputs = tensors()
    head = [{k: v for k, v in t.items() if k != "data"} for t in inputs]
    tail = b""
    for i in (1, 5):
        part = bytes_of(inputs[i]["data"])
        head[i]["parameters"] = {"binary_data_size": len(part)}
        tail += part
    for i in (0, 2, 3, 4):
        head[i]["data"] = inputs[i]["data"]
    head = json.dumps({"inputs": head}).encode()
    answer = infer(client, table, head + tail, {HEADER: str(len(head))})
    assert outputs_of(answer) == expected(client, table)


def test_labels_come_along(client, table):
    answer = infer(client, table, {
        "inputs": tensors(), "outputs": [{"name": "label"}]})
    rows = [dict(zip(COLUMNS, row)) for row in ROWS]
    assert outputs_of(answer)["data"] == client.predict(table, rows)["labels"]


@pytest.mark.parametrize("column", range(len(COLUMNS)))
def test_null_is_a_missing_value(client, table, column):
    rows = [list(row) for row in ROWS]
    rows[1][column] = None
    answer = infer(client, table, {"inputs": tensors(rows)})
    assert outputs_of(answer) == expected(client, table, rows)


def test_a_number_that_is_none_is_missing(client, table):
    rows = [list(row) for row in ROWS]
    rows[1][0] = None
    body, headers = binary(tensors(), size=struct.pack(
        "<3d", ROWS[0][0], float("nan"), ROWS[2][0]))
    assert outputs_of(infer(client, table, body, headers)) == expected(
        client, table, rows)


@pytest.mark.parametrize("kind, code", [("INT64", "q"), ("UINT16", "H"),
                                        ("FP32", "f")])
def test_codes_and_booleans_may_be_numbers(client, table, kind, code):
    """pandas makes int64 and bool of them."""
    inputs = tensors()
    zips, loud = [int(row[4]) for row in ROWS], [True, False, True]
    inputs[4].update(datatype=kind, data=zips)
    inputs[3].update(datatype="BOOL", data=loud)
    same = expected(client, table)
    assert outputs_of(infer(client, table, {"inputs": inputs})) == same
    body, headers = binary(inputs, zip=struct.pack(f"<3{code}", *zips),
                           loud=struct.pack("<3?", *loud))
    assert outputs_of(infer(client, table, body, headers)) == same


def test_numbers_may_come_by_column(client, numbers):
    """Models of numbers take one tensor, and a tensor a column as well."""
    plain = client.predict(numbers, [[1, 0.1], [3, 4]])["outputs"]
    answer = infer(client, numbers, {"inputs": [
        {"name": "y", "shape": [2], "datatype": "FP32", "data": [0.1, 4]},
        {"name": "x", "shape": [2, 1], "datatype": "INT8", "data": [1, 3]}]})
    assert outputs_of(answer)["data"] == [y for row in plain for y in row]
    error_of(infer(client, numbers, {"inputs": [
        {"name": "y", "shape": [1], "datatype": "FP32", "data": [4]},
        {"name": "z", "shape": [1], "datatype": "FP32", "data": [1]}]}), "'z'")


@pytest.mark.parametrize("place, change, says", [
    (1, {"name": "hue"}, ["'hue'", "'size'"]),
    (1, {"name": None}, ["/inputs/1/name"]),
    (1, {"name": "size"}, ["'size'", "twice"]),
    (1, {"datatype": "FP32"}, ["'colour'", "BYTES"]),
    (2, {"datatype": "INT64"}, ["'day'", "BYTES"]),
    (5, {"datatype": None}, ["'note'", "BYTES"]),
    (0, {"datatype": "BYTES"}, ["'size'", "FP32"]),
    (0, {"datatype": "FP99"}, ["'size'", "FP32"]),
    (1, {"shape": [2]}, ["'colour'"]),
    (1, {"shape": [2], "data": ["a", "b"]}, ["'colour'", "2 rows", "3"]),
    (1, {"shape": [3, 2]}, ["'colour'", "[rows, 1] or [rows]"]),
    (1, {"shape": [0]}, ["'colour'", "[rows]"]),
    (1, {"shape": [-3]}, ["'colour'", "[rows]"]),
    (1, {"shape": []}, ["'colour'", "[rows]"]),
    (1, {"shape": "3"}, ["'colour'", "[rows]"]),
    (1, {"shape": [3, 1 << 62, 8]}, ["'colour'", "[rows]"]),
    (1, {"data": "red"}, ["'colour'", "3 values"]),
    (1, {"data": ["a", "b"]}, ["'colour'", "3 values"]),
    (1, {"data": ["a", "b", "c", "d"]}, ["'colour'", "3 values"]),
    (1, {"data": ["a", ["b", "c"], "d"]}, ["'colour'", "more"]),
    (1, {"data": ["a", [], "b"]}, ["'colour'", "2 values"]),
    (1, {"data": ["a", 1, "b"]}, ["/inputs/1/data/1", "'colour'", "string"]),
    (1, {"data": ["a", {}, "b"]}, ["/inputs/1/data/1", "string"]),
    (0, {"data": [1, 2, "3"]}, ["/inputs/0/data/2", "'size'", "number"]),
    (0, {"data": [1, 1e39, 3]}, ["/inputs/0/data/1", "'size'", "float"]),
    (2, {"data": ["2024-01-01", "2024-02-30", "2024-01-01"]},
     ["/inputs/2/data/1", "'day'", "date"]),
    (1, {"data": None}, ["'colour'"]),
])
def test_a_wrong_tensor_is_named(client, table, place, change, says):
    inputs = tensors()
    inputs[place].update(change)
    error_of(infer(client, table, {"inputs": inputs}), *says)


def test_every_column_must_come(client, table):
    for i, name in enumerate(COLUMNS):
        inputs = tensors()
        del inputs[i]
        error_of(infer(client, table, {"inputs": inputs}), f"'{name}'",
                 "missing", "[rows, 1]")
    for inputs in (None, [], {}, [1], "x"):
        error_of(infer(client, table, {"inputs": inputs}))
    rows = [ROWS[0]] * 100001
    inputs = tensors()
    inputs[0].update(shape=[len(rows)], data=[1])
    assert infer(client, table, {"inputs": inputs}).status == 413


@pytest.mark.parametrize("colour, says", [
    (b"", "at least 4"), (b"\0" * 11, "at least 4"), (b"\0" * 13, "behind"),
    (bytes_of(["red", "red"]) + b"\1\0\0\0", "data/2"),
    (bytes_of(["red", "red"]) + b"\xff\xff\xff\xff" + b"red", "data/2"),
    (bytes_of(["red", "red", "red"]) + b"\0", "behind"),
    (bytes_of(["red", b"r\xffd", "red"]), "data/1"),
    (bytes_of(["red", b"re\xcc", "red"]), "data/1"),
    (bytes_of(["red\0", "red", "red"]), "data/0"),
])
def test_wrong_bytes_are_refused(client, table, colour, says):
    body, headers = binary(tensors(), colour=colour)
    error_of(infer(client, table, body, headers), "'colour'", says)


def test_wrong_lengths_are_refused(client, table):
    body, headers = binary(tensors())
    error_of(infer(client, table, body + b"\0", headers), "1 byte")
    error_of(infer(client, table, body[:-1], headers), "'note'")
    for size in (struct.pack("<2d", 1, 2), struct.pack("<4d", 1, 2, 3, 4)):
        error_of(infer(client, table, *binary(tensors(), size=size)), "'size'")
    body, headers = binary(tensors(), size=struct.pack(
        "<3d", 1, float("inf"), 3))
    error_of(infer(client, table, body, headers), "/inputs/0/data/1", "'size'",
             "infinity")
