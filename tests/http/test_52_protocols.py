"""Other servers' clients: requests and answers as their protocols describe."""

import json
import struct

import pytest

from support import float32, two_groups

HEADER = "Inference-Header-Content-Length"


@pytest.fixture
def known(client, name):
    """Two inputs, y = (a + 2 b, 3 a - b)."""
    client.network(name, [(2, "linear")], 2)
    client.put_weights(name, [([[1, 2], [3, -1]], [0, 0])])
    return name


@pytest.fixture
def classes(client, name):
    name += "c"
    client.dataset(name, two_groups())
    client.network(name, [(8, "tanh"), (2, "softmax")], 2,
                   loss="cross_entropy")
    client.train(name, name, epochs=200, optimizer={
        "type": "adam", "learning_rate": 0.05})
    return name


def ask(client, method, path, body=None, headers=None):
    if isinstance(body, (dict, list)):
        body = json.dumps(body)
    return client.request(method, path, body=body, headers=headers, check=False)


def error_of(answer, status):
    """tritonclient and TensorFlow's clients read a string."""
    assert answer.status == status, answer
    assert set(answer.json) == {"error"} and answer.json["error"], answer
    return answer.json["error"]


# --- Open Inference Protocol ----------------------------------------------------

def infer(client, name, body, version="", headers=None):
    return ask(client, "POST", f"/v2/models/{name}{version}/infer", body,
               headers)


def tensor(rows, kind="FP32", **rest):
    return {"name": "input", "shape": [len(rows), len(rows[0])],
            "datatype": kind, "data": rows, **rest}


def test_the_server_and_its_health(client):
    for path in ("/v2", "/v2/"):
        about = ask(client, "GET", path).json
        assert about["name"] == "backpropd" and about["version"]
        assert "binary_tensor_data" in about["extensions"]
    assert ask(client, "GET", "/v2/health/live").json == {"live": True}
    assert ask(client, "GET", "/v2/health/ready").json == {"ready": True}


def test_metadata(client, known, classes):
    about = ask(client, "GET", f"/v2/models/{known}").json
    assert about == {
        "name": known, "versions": ["0", "1"], "platform": "backpropd",
        "inputs": [{"name": "input", "datatype": "FP32", "shape": [-1, 2]}],
        "outputs": [{"name": "output", "datatype": "FP32", "shape": [-1, 2]}]}
    one = ask(client, "GET", f"/v2/models/{known}/versions/0").json
    assert one["versions"] == ["0"]
    outputs = ask(client, "GET", f"/v2/models/{classes}").json["outputs"]
    assert {"name": "label", "datatype": "BYTES", "shape": [-1]} in outputs
    for path in ("", "/versions/1"):
        config = ask(client, "GET", f"/v2/models/{known}{path}/config").json
        assert config["name"] == known and config["max_batch_size"] == 0
        assert config["input"] == [{
            "name": "input", "data_type": "TYPE_FP32", "dims": [-1, 2]}]
        assert config["output"][0]["dims"] == [-1, 2]
    for path in ("", "/versions/1"):
        assert ask(client, "GET", f"/v2/models/{known}{path}/ready").json == {
            "name": known, "ready": True}


@pytest.mark.parametrize("data", [[[1, 2], [3, 4]], [1, 2, 3, 4]])
@pytest.mark.parametrize("version", ["", "/versions/1"])
def test_infer_as_the_specification_has_it(client, known, data, version):
    answer = infer(client, known, {
        "id": "42", "inputs": [{"name": "x", "shape": [2, 2],
                                "datatype": "FP32", "data": data}],
        "outputs": [{"name": "output"}]}, version)
    assert answer.json == {
        "model_name": known, "model_version": "1", "id": "42",
        "outputs": [{"name": "output", "datatype": "FP32", "shape": [2, 2],
                     "data": [5, 1, 11, 5]}]}
    assert HEADER not in answer.headers


@pytest.mark.parametrize("flat", [True, False])
def test_as_many_numbers_as_the_body_may_have(client, known, flat):
    rows = [[i, i % 7 / 8] for i in range(70000)]
    data = [x for row in rows for x in row] if flat else rows
    answer = infer(client, known, {"inputs": [
        {"name": "x", "shape": [70000, 2], "datatype": "FP32", "data": data}]})
    assert answer.status == 200, answer
    outputs = answer.json["outputs"][0]
    assert outputs["shape"] == [70000, 2]
    assert outputs["data"][-2:] == [69999 + 2 * (69999 % 7 / 8),
                                    3 * 69999 - 69999 % 7 / 8]
    answer = ask(client, "POST", f"/v1/models/{known}:predict",
                 {"inputs": rows})
    assert answer.status == 200, answer
    assert answer.json["outputs"][-1] == outputs["data"][-2:]
    answer = infer(client, known, {"inputs": [
        {"name": "x", "shape": [70001, 2], "datatype": "FP32", "data": data}]})
    assert "140000" in error_of(answer, 400)


def test_no_content_type_is_needed(client, known):
    """tritonclient sends none."""
    body = json.dumps({"inputs": [tensor([[1, 2]])]}).encode()
    answer = client.raw(
        f"POST /v2/models/{known}/infer HTTP/1.1\r\n"
        f"Host: {client.host}:{client.port}\r\nConnection: close\r\n"
        f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
    assert b" 200 " in answer.split(b"\r\n")[0], answer


CODES = {"FP32": "f", "FP64": "d", "INT8": "b", "INT16": "h", "INT32": "i",
         "INT64": "q", "UINT8": "B", "UINT16": "H", "UINT32": "I",
         "UINT64": "Q"}


@pytest.mark.parametrize("kind", CODES)
def test_binary_tensors_both_ways(client, known, kind):
    """As tritonclient does by default."""
    data = struct.pack(f"<4{CODES[kind]}", 1, 2, 3, 4)
    head = json.dumps({
        "inputs": [{"name": "input", "shape": [2, 2], "datatype": kind,
                    "parameters": {"binary_data_size": len(data)}}],
        "parameters": {"binary_data_output": True}}).encode()
    answer = infer(client, known, head + data, headers={
        HEADER: str(len(head)), "Content-Type": "application/octet-stream"})
    assert answer.status == 200, answer
    assert answer.headers["Content-Type"] == "application/octet-stream"
    length = int(answer.headers[HEADER])
    outputs = json.loads(answer.body[:length])["outputs"]
    assert outputs == [{"name": "output", "datatype": "FP32", "shape": [2, 2],
                        "parameters": {"binary_data_size": 16}}]
    assert struct.unpack("<4f", answer.body[length:]) == (5, 1, 11, 5)


def test_an_output_may_be_binary_by_itself(client, known):
    answer = infer(client, known, {
        "inputs": [tensor([[1, 2]])],
        "outputs": [{"name": "output", "parameters": {"binary_data": True}}]})
    length = int(answer.headers[HEADER])
    assert struct.unpack("<2f", answer.body[length:]) == (5, 1)


def test_labels_and_classification(client, classes):
    rows = [[0.5, 0.5], [2.5, 2.5]]
    plain = client.predict(classes, rows)
    answer = infer(client, classes, {"inputs": [tensor(rows)], "outputs": [
        {"name": "label"}, {"name": "output"}]}).json["outputs"]
    assert answer[0] == {"name": "label", "datatype": "BYTES", "shape": [2],
                         "data": plain["labels"]}
    assert answer[1]["data"] == [y for row in plain["outputs"] for y in row]

    answer = infer(client, classes, {"inputs": [tensor(rows)], "outputs": [
        {"name": "output", "parameters": {"classification": 1}}]})
    best = answer.json["outputs"][0]
    assert best["datatype"] == "BYTES" and best["shape"] == [2, 1]
    for text, row, label in zip(best["data"], plain["outputs"],
                                plain["labels"]):
        value, index, name = text.split(":")
        assert float32(float(value)) == float32(max(row)) and name == label
        assert row[int(index)] == max(row)

    head = json.dumps({"inputs": [tensor(rows)], "outputs": [
        {"name": "label", "parameters": {"binary_data": True}}]})
    answer = infer(client, classes, head)
    data = answer.body[int(answer.headers[HEADER]):]
    labels = []
    while data:
        n = struct.unpack("<I", data[:4])[0]
        labels.append(data[4:4 + n].decode())
        data = data[4 + n:]
    assert labels == plain["labels"]


@pytest.mark.parametrize("change", [
    {"shape": [2, 3]}, {"shape": [1, 2, 2]}, {"shape": [-1, 2]},
    {"shape": []}, {"shape": None}, {"shape": [1 << 40, 1 << 40]},
    {"datatype": "BYTES"}, {"datatype": 7}, {"data": [1, 2, 3]},
    {"data": [1, 2, 3, 4, 5]}, {"data": [1, 2, "3", 4]}, {"data": 1},
    {"data": [1, 2, None, 4]},
    {"data": None, "parameters": {"binary_data_size": 16}},
])
def test_a_wrong_tensor_is_refused_in_their_words(client, known, change):
    body = {"inputs": [{**tensor([[1, 2], [3, 4]]), **change}]}
    error_of(infer(client, known, body), 400)


def test_what_else_is_refused(client, known):
    error_of(infer(client, known, "{"), 400)
    error_of(infer(client, known, {}), 400)
    error_of(infer(client, known, {"inputs": []}), 400)
    error_of(infer(client, known, {"inputs": [tensor([[1, 2]])],
                                   "outputs": [{"name": "more"}]}), 400)
    error_of(infer(client, known, {"inputs": [tensor([[1, 2]])],
                                   "outputs": [{"name": "label"}]}), 400)
    body = {"inputs": [tensor([[1, 2]])]}
    error_of(infer(client, "not-there", body), 404)
    error_of(infer(client, known, body, "/versions/9"), 404)
    error_of(infer(client, known, body, "/versions/x"), 404)
    for size in ("-1", "x", "99999", ""):
        error_of(infer(client, known, body, headers={HEADER: size}), 400)
    head = json.dumps({"inputs": [{
        "name": "i", "shape": [1, 2], "datatype": "FP32",
        "parameters": {"binary_data_size": 8}}]}).encode()
    for data in (b"", b"1234567", b"123456789"):
        error_of(infer(client, known, head + data,
                       headers={HEADER: str(len(head))}), 400)
    error_of(ask(client, "GET", "/v2/models/not-there"), 404)
    error_of(ask(client, "GET", "/v2/models/not-there/ready"), 404)


def test_statistics_and_repository(client, known):
    for _ in range(3):
        infer(client, known, {"inputs": [tensor([[1, 2], [3, 4]])]})
    for path in (f"/v2/models/{known}/stats", f"/v2/models/{known}/versions/1/stats"):
        stats = ask(client, "GET", path).json["model_stats"]
        assert len(stats) == 1 and stats[0]["name"] == known
        assert stats[0]["version"] == "1"
        assert stats[0]["inference_count"] == 6
        assert stats[0]["execution_count"] == 3
        assert stats[0]["last_inference"] > 0
        assert stats[0]["inference_stats"]["success"]["count"] == 3
    for version in ("7", "abc", "x%2fy", "-1"):
        path = f"/v2/models/{known}/versions/{version}/stats"
        assert client.get(path, check=False).status == 404, version
    names = [m["name"] for m in ask(client, "GET", "/v2/models/stats")
             .json["model_stats"]]
    assert known in names
    index = ask(client, "POST", "/v2/repository/index", "{}").json
    assert {"name": known, "version": "1", "state": "READY",
            "reason": ""} in index
    for verb in ("load", "unload", "load"):
        answer = ask(client, "POST",
                     f"/v2/repository/models/{known}/{verb}", "{}")
        assert answer.status == 200 and answer.body == b""
        error_of(ask(client, "POST",
                     f"/v2/repository/models/not-there/{verb}", "{}"), 404)
    assert infer(client, known,
                 {"inputs": [tensor([[1, 2]])]}).status == 200


# --- TensorFlow Serving, KServe V1 ----------------------------------------------

def predict(client, name, body, version="", headers=None):
    return ask(client, "POST", f"/v1/models/{name}{version}:predict", body,
               headers)


def test_rows_and_columns(client, known):
    rows = [[1, 2], [3, 4]]
    expected = [[5, 1], [11, 5]]
    assert predict(client, known, {"instances": rows}).json == {
        "predictions": expected}
    assert predict(client, known, {
        "signature_name": "serving_default", "instances": rows}).json == {
        "predictions": expected}
    assert predict(client, known, {"inputs": rows}).json == {
        "outputs": expected}
    assert predict(client, known, {"inputs": {"input": rows}}).json == {
        "outputs": expected}
    assert predict(client, known, {"instances": [
        {"input": row} for row in rows]}).json == {"predictions": expected}
    assert predict(client, known, {"instances": rows},
                   "/versions/1").json == {"predictions": expected}


def test_the_colon_may_be_encoded(client, known):
    body = json.dumps({"instances": [[1, 2]]})
    for path in (f"{known}%3Apredict", f"{known}%3apredict",
                 f"{known}/versions/1%3Apredict"):
        assert ask(client, "POST", f"/v1/models/{path}", body).json == {
            "predictions": [[5, 1]]}
    for path in (known, f"{known}%3Aclassify", "%3Apredict"):
        error_of(ask(client, "POST", f"/v1/models/{path}", body), 404)


def test_half_plus_two(client, name):
    """The example of TensorFlow Serving's own documentation, sent as curl
    does."""
    client.network(name, [(1, "linear")], 1)
    client.put_weights(name, [([[0.5]], [2])])
    answer = predict(client, name, '{"instances": [1.0, 2.0, 5.0]}', headers={
        "Content-Type": "application/x-www-form-urlencoded"})
    assert answer.json == {"predictions": [[2.5], [3.0], [4.5]]}


def test_columns_by_name_and_words(client, name):
    client.dataset(name, "size,colour,kind\n" + "".join(
        f"{i % 5},{'red' if i % 2 else 'blue'},{'a' if i % 2 else 'b'}\n"
        for i in range(40)))
    client.network(name, [(2, "softmax")], 3, loss="cross_entropy")
    client.train(name, name, epochs=20)
    expected = client.predict(name, [[1, "red"], [2, "blue"]])["outputs"]
    assert predict(client, name, {"instances": [
        {"size": 1, "colour": "red"},
        {"colour": "blue", "size": 2}]}).json == {"predictions": expected}
    assert predict(client, name, {"inputs": {
        "colour": ["red", "blue"], "size": [1, 2]}}).json == {
        "outputs": expected}
    error_of(predict(client, name, {"inputs": {
        "colour": ["red", "blue"], "size": [1]}}), 400)


@pytest.mark.parametrize("body", [
    "{", "[]", {}, {"instances": []}, {"instances": 1}, {"instances": [[1]]},
    {"instances": [["a", "b"]]}, {"instances": [[1, 2]], "inputs": [[1, 2]]},
    {"inputs": {}}, {"inputs": "x"}, {"instances": [[1, 2]], "version": 1}])
def test_a_mistake_is_a_string(client, known, body):
    error_of(predict(client, known, body), 400)


def test_there_is_no_such_model(client, known):
    body = {"instances": [[1, 2]]}
    error_of(predict(client, "not-there", body), 404)
    error_of(predict(client, known, body, "/versions/9"), 404)
    error_of(ask(client, "GET", "/v1/models/not-there"), 404)
    error_of(ask(client, "GET", f"/v1/models/{known}/versions/9"), 404)
    error_of(ask(client, "GET", "/v1/models/not-there/metadata"), 404)


def test_status_and_metadata(client, known):
    for path in ("", "/versions/1"):
        status = ask(client, "GET", f"/v1/models/{known}{path}").json
        assert status["name"] == known and status["ready"] is True
        assert status["id"] == known and status["object"] == "model"
        assert status["model_version_status"] == [{
            "version": "1", "state": "AVAILABLE",
            "status": {"error_code": "OK", "error_message": ""}}]
    about = ask(client, "GET", f"/v1/models/{known}/metadata").json
    assert about["model_spec"] == {
        "name": known, "signature_name": "", "version": "1"}
    signature = about["metadata"]["signature_def"]["signature_def"][
        "serving_default"]
    assert signature["inputs"]["input"]["dtype"] == "DT_FLOAT"
    assert [d["size"] for d in signature["inputs"]["input"]["tensor_shape"][
        "dim"]] == ["-1", "2"]
    assert signature["method_name"] == "tensorflow/serving/predict"


def test_the_list_is_for_all_of_them(client, known):
    answer = ask(client, "GET", "/v1/models").json
    assert known in answer["models"]                    # KServe V1
    assert answer["object"] == "list"                   # OpenAI
    entry = next(x for x in answer["data"] if x["id"] == known)
    assert entry["object"] == "model" and entry["created"] > 1.6e9
