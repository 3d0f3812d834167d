"""From a file to predictions by name in four requests, whatever is in it."""

import csv
import math
import re

import pytest


def upload(client, name, path, query):
    with open(path, "rb") as file:
        return client.ok("PUT", f"/v1/datasets/{name}?{query}", 201,
                         body=file.read(), headers={"Content-Type": "text/csv"})


def made_for(client, name, units=16, **members):
    return client.ok("POST", "/v1/networks", 201, json_body={
        "name": name, "dataset": name, "seed": 1,
        "layers": [{"type": "dense", "units": units, "activation": "relu"},
                   {"type": "dense"}], **members})


def test_iris(client, name, shared_data):
    upload(client, name, shared_data / "iris.csv",
           "target=target&types=split:ignored")
    net = made_for(client, name)
    assert net["input_shape"] == [4] and net["output_shape"] == [3]
    assert net["layers"][1]["activation"] == "softmax"
    assert net["loss"] == "cross_entropy"
    client.train(name, name, epochs=100, scale_inputs="standard",
                 optimizer={"type": "adam", "learning_rate": 0.01})
    answer = client.predict(name, [
        {"petal_length": 1.4, "petal_width": 0.2, "sepal_length": 5.1,
         "sepal_width": 3.5},
        {"petal_length": 6.0, "petal_width": 2.5, "sepal_length": 6.3,
         "sepal_width": 3.3}])
    assert answer["labels"] == ["0", "2"]


def test_breast_cancer(client, name, shared_data):
    """Trained on its training rows, right on 0.95 of the others."""
    with open(shared_data / "breast_cancer.csv", newline="") as file:
        head, *rows = csv.reader(file)
    at = head.index("split")
    for part in ("train", "test"):
        client.dataset(f"{name}.{part}", "\n".join(
            ",".join(row) for row in [head] + [r for r in rows
                                                if r[at] == part]) + "\n",
            "?target=target&types=split:ignored")
    net = client.ok("POST", "/v1/networks", 201, json_body={
        "name": name, "dataset": f"{name}.train", "seed": 1,
        "layers": [{"type": "dense", "units": 32, "activation": "relu"},
                   {"type": "dense"}]})
    assert net["input_shape"] == [30] and net["output_shape"] == [1]
    assert net["layers"][1]["activation"] == "sigmoid"
    assert net["loss"] == "binary_cross_entropy"
    client.train(name, f"{name}.train", epochs=60, scale_inputs="robust",
                 keep="last")
    assert client.evaluate(name, f"{name}.test")["accuracy"] >= 0.95


def test_diabetes(client, name, shared_data):
    """Targets of 25 to 346: scaled for training, and turned back."""
    upload(client, name, shared_data / "diabetes.csv",
           "target=target&types=split:ignored,sex:categorical")
    net = made_for(client, name)
    assert net["input_shape"] == [11] and net["output_shape"] == [1]
    assert (net["layers"][1]["activation"], net["loss"]) == ("linear", "mse")
    client.train(name, name, epochs=60, scale_inputs="standard",
                 scale_targets="standard",
                 optimizer={"type": "adam", "learning_rate": 0.01})
    found = client.evaluate(name, name)
    assert found["r2"] > 0.5, found
    page = client.ok("GET", f"/v1/datasets/{name}/rows?limit=1000", 200)["data"]
    targets = [row.pop("target") for row in page]
    outputs = [y[0] for y in client.predict(name, page)["outputs"]]
    assert all(20 < y < 400 for y in outputs)
    left = sorted(t - y for t, y in zip(targets, outputs))
    assert found["mae"] == pytest.approx(
        sum(map(abs, left)) / len(left), rel=1e-4)
    assert found["residual_quantiles"]["0.5"] == pytest.approx(
        (left[220] + left[221]) / 2, abs=1e-2)
    worst = found["worst"][0]
    assert worst["said"] == pytest.approx([outputs[worst["row"]]], rel=1e-5)
    assert worst["actual"] == pytest.approx([targets[worst["row"]]])


# --- missing values, words and dates --------------------------------------------

def deliveries(n=240):
    """Late on Mondays, when heavy and not express; note says some of it."""
    rows = ["ordered;express;kind;weight;note;late"]
    for i in range(n):
        day, kind, weight = i % 28 + 1, ("book", "bike", "lamp")[i % 3], i % 7
        express = i * 5 % 3 == 0
        late = day % 7 == 1 or (weight > 3 and not express)
        rows.append(";".join((
            f"2024-01-{day:02d} {8 + i % 9:02d}:30",
            "" if i % 11 == 0 else "yes" if express else "no",
            "" if i % 13 == 0 else kind,
            "" if i % 17 == 0 else f"{weight}.5",
            f"order {i % 5} " + ("please hurry now" if late else "no hurry"),
            "late" if late else "in time")))
    return "\n".join(rows) + "\n"


def test_missing_values_words_and_dates(new_daemon, name):
    # Of a daemon with hundreds of networks the metrics name only some.
    client = new_daemon().start().client
    dataset = client.dataset(name, deliveries(), "?types=note:text&"
                             "text_size=64&text_words=1-2")
    assert [c["type"] for c in dataset["columns"]] == [
        "datetime", "boolean", "categorical", "numeric", "text", "categorical"]
    net = made_for(client, name, missing="indicator")
    # The date is always there; kind and note have no indicator.
    assert net["input_shape"] == [5 + 2 + 3 + 2 + 64]
    client.train(name, name, epochs=60, scale_inputs="standard",
                 missing="indicator",
                 optimizer={"type": "adam", "learning_rate": 0.01})
    assert client.evaluate(name, name)["accuracy"] > 0.95
    row = {"ordered": "2024-01-09 09:30", "express": True, "kind": "book",
           "weight": 1.5, "note": "order 1 no hurry"}
    answer = client.predict(name, [
        row, {**row, "note": "please hurry now", "ordered": "2024-01-08",
              "express": "no", "weight": 6},
        {**row, "kind": "never seen", "weight": None}, {"note": "no hurry"},
        ["2024-01-09 09:30", "yes", "book", 1.5, "order 1 no hurry"]])
    assert answer["labels"][:2] == ["in time", "late"]
    assert (f'backpropd_prediction_unseen_categories_total{{network="{name}"}} 1'
            in client.get("/metrics").body.decode())
    assert answer["outputs"][4] == answer["outputs"][0]
    assert all(0 <= y <= 1 and not math.isnan(y)
               for (y,) in answer["outputs"])


@pytest.fixture
def model(client, name):
    client.dataset(name, deliveries(40), "?types=note:text&text_size=8")
    made_for(client, name)
    client.train(name, name, epochs=1)
    return name


@pytest.mark.parametrize("member, value, word", [
    ("wieght", 1, "unknown column"), ("weight", "heavy", "a number"),
    ("ordered", "soon", "a date"), ("ordered", 5, "a string"),
    ("note", 5, "a string"), ("note", ["a"], "one value"),
    ("weight", True, "a number"), ("kind", {"a": 1}, "object")])
def test_what_is_wrong_with_a_row(client, model, member, value, word):
    answer = client.post(f"/v1/networks/{model}/predict", json_body={
        "inputs": [{}, {member: value}]})
    assert answer.status == 422, answer
    assert answer.pointers == [f"/inputs/1/{member}"]
    assert word in str(answer.json)


# --- networks made for a dataset ------------------------------------------------

def test_what_is_said_stands(client, name):
    client.dataset(name, "a,b,y\n1,2,n\n3,4,y\n5,6,n\n7,8,y\n")
    layers = [{"type": "dense", "activation": "softmax"}]
    net = made_for(client, name, layers=layers)
    assert net["output_shape"] == [2] and net["loss"] == "cross_entropy"
    net = made_for(client, name + ".2", dataset=name, loss="squared_error",
                   layers=[{"type": "dense", "units": 1,
                            "activation": "tanh"}])
    assert (net["loss"], net["output_shape"]) == ("squared_error", [1])


@pytest.mark.parametrize("members, pointer", [
    ({"dataset": "nobody"}, "/dataset"), ({"missing": "never"}, "/missing"),
    ({"missing": {"value": "x"}}, "/missing/value"),
    ({"layers": []}, "/layers"), ({"dataset": 5}, "/dataset")])
def test_mistakes_of_a_network_for_a_dataset(client, name, members, pointer):
    client.dataset(name, "a,b,y\n1,2,n\n3,4,y\n")
    answer = client.post("/v1/networks", json_body={
        "name": name, "dataset": name, "layers": [{"type": "dense"}],
        **members})
    assert answer.status == 422, answer
    assert pointer in answer.pointers


THREE = "a,b,c,y\n1,2,p,n\n3,,q,m\n5,6,p,k\n"  # four inputs, three classes


@pytest.mark.parametrize("table, members, pointer, numbers", [
    (THREE, {"input_shape": [3]}, "/input_shape", (3, 4)),
    (THREE, {"input_shape": [2, 3], "layers": [
        {"type": "flatten"}, {"type": "dense"}]}, "/input_shape", (6, 4)),
    (THREE, {"input_shape": [5], "missing": "mean"}, "/input_shape", (5, 4)),
    (THREE, {"layers": [{"type": "dense", "units": 8, "activation": "relu"},
                        {"type": "dense", "units": 4}]}, "/layers/1/units",
     (4, 3)),
    (THREE, {"layers": [{"type": "dense", "units": 1, "activation": "tanh"}]},
     "/layers/0/units", (1, 3)),
    (THREE, {"layers": [{"type": "dense", "units": 2},
                        {"type": "activation", "activation": "softmax"}]},
     "/layers/0/units", (2, 3)),
    ("a,y\n1,n\n2,m\n3,n\n", {"layers": [{"type": "dense", "units": 3}]},
     "/layers/0/units", (3, 2)),
    ("a,y\n1,0.5\n2,1.5\n", {"layers": [{"type": "dense", "units": 2}]},
     "/layers/0/units", (2, 1))])
def test_a_network_that_contradicts_its_dataset(client, name, table, members,
                                                pointer, numbers):
    """No job on this dataset could use it: said now, not then."""
    client.dataset(name, table)
    answer = client.post("/v1/networks", json_body={
        "name": name, "dataset": name, "layers": [{"type": "dense"}],
        **members})
    assert answer.status == 422 and answer.pointers == [pointer], answer
    said = answer.json["errors"][0]["detail"].replace(f'"{name}"', "")
    assert tuple(map(int, re.findall(r"\d+", said)[:2])) == numbers, said
    assert client.get(f"/v1/networks/{name}").status == 404


def test_both_contradictions_are_told(client, name):
    client.dataset(name, THREE)
    answer = client.post("/v1/networks", json_body={
        "name": name, "dataset": name, "input_shape": [9],
        "layers": [{"type": "dense", "units": 7}]})
    assert answer.status == 422
    assert answer.pointers == ["/input_shape", "/layers/0/units"]


@pytest.mark.parametrize("table, members", [
    (THREE, {"input_shape": [4]}), (THREE, {"input_shape": [2, 2]}),
    # The job may tell what is missing: the network need not say so.
    (THREE, {"input_shape": [5]}),
    (THREE, {"input_shape": [5], "missing": "indicator"}),
    (THREE, {"input_shape": [3], "sample_weight": "a"}),
    (THREE, {"loss": "cross_entropy", "layers": [
        {"type": "dense", "units": 3},
        {"type": "activation", "activation": "softmax"}]}),
    ("a,y\n1,n\n2,m\n", {"layers": [{"type": "dense", "units": 1}]}),
    ("a,y\n1,n\n2,m\n", {"layers": [{"type": "dense", "units": 2}]})])
def test_a_network_that_says_what_its_dataset_says(client, name, table,
                                                   members):
    client.dataset(name, table)
    layers = members.get("layers", [{"type": "dense"}])
    if len(members.get("input_shape", [1])) > 1:
        layers = [{"type": "flatten"}, *layers]
    client.ok("POST", "/v1/networks", 201, json_body={
        "name": name, "dataset": name, **members, "layers": layers})
    job = {k: v for k, v in members.items() if k == "sample_weight"}
    if members.get("input_shape") == [5]:
        job["missing"] = "indicator"
    client.train(name, name, epochs=1, **job)


@pytest.mark.parametrize("members, pointers", [
    ({"name": "BAD", "dataset": "nope", "loss": "xx",
      "layers": [{"type": "dense", "units": 0}]},
     ["/dataset", "/name", "/layers/0/units", "/loss"]),
    ({"dataset": "nope"}, ["/dataset"]),
    # Nothing is said of what would have followed from its columns.
    ({"dataset": "nope", "loss": "cross_entropy",
      "layers": [{"type": "flatten"}, {"type": "dense"}]}, ["/dataset"]),
    ({"dataset": "nope", "input_shape": [], "colour": 1,
      "layers": [{"type": "dense", "units": 2, "activation": "softmax"},
                 {"type": "dense"}]},
     ["/dataset", "/input_shape", "/colour", "/layers/0/activation"]),
    ({"sample_weight": "w", "validation": {"column": "y"}, "seed": -1},
     ["/validation/column", "/sample_weight", "/seed"]),
])
def test_a_mistake_of_the_dataset_hides_no_other(client, name, members,
                                                 pointers):
    client.dataset(name, "a,b,y\n1,2,n\n3,4,y\n")
    answer = client.post("/v1/networks", json_body={
        "name": name, "dataset": name, "layers": [{"type": "dense"}],
        **members})
    assert answer.status == 422 and answer.pointers == pointers, answer


def test_missing_needs_a_dataset(client, name):
    answer = client.post("/v1/networks", json_body={
        "name": name, "missing": "mean", "input_shape": [1], "loss": "mse",
        "layers": [{"type": "dense", "units": 1, "activation": "linear"}]})
    assert answer.status == 422 and answer.pointers == ["/missing"]


@pytest.mark.parametrize("members, pointer", [
    ({"scale_targets": "standard"}, "/scale_targets"),
    ({"scale_inputs": "Robust"}, "/scale_inputs"),
    ({"missing": {"value": 1e39}}, "/missing/value"),
    ({"missing": {"number": 1}}, "/missing/number")])
def test_mistakes_of_an_encoding(client, name, members, pointer):
    client.dataset(name, "a,b,y\n1,2,n\n3,4,y\n")
    made_for(client, name)
    answer = client.post("/v1/jobs", json_body={
        "network": name, "dataset": name, **members})
    assert answer.status == 422, answer
    assert pointer in answer.pointers


def test_the_encoding_is_shown(client, name):
    client.dataset(name, "a,b,y\n1,2,0.5\n3,,2.5\n")
    made_for(client, name)
    job = client.train(name, name, epochs=1, missing={"value": -1},
                       scale_targets="min_max")
    assert job["missing"] == {"value": -1}
    assert (job["scale_inputs"], job["scale_targets"]) == ("none", "min_max")


def test_a_network_for_a_table_with_a_split(client, name):
    """The column that splits is no input, if the network is told of it."""
    rows = "".join(f"{i % 7},{i % 3},{('train', 'train', 'val', 'test')[i % 4]},"
                   f"{1 + i % 2},{'ab'[i % 7 > 3]}\n" for i in range(80))
    client.dataset(name, "p,q,split,w,c\n" + rows)
    aside = {"validation": {"column": "split"}, "sample_weight": "w"}
    layers = [{"type": "dense", "units": 4, "activation": "tanh"},
              {"type": "dense"}]
    whole = client.ok("POST", "/v1/networks", 201, json_body={
        "name": name, "dataset": name, "layers": layers})
    assert whole["input_shape"] == [6]  # p, q, three of split, w
    answer = client.post("/v1/jobs", {"network": name, "dataset": name, **aside})
    assert answer.status == 422 and answer.pointers == ["/dataset"]
    said = answer.json["errors"][0]["detail"]
    assert "2 inputs" in said and "takes 6" in said and '"w"' in said
    fits = client.ok("POST", "/v1/networks", 201, json_body={
        "name": name + ".2", "dataset": name, "layers": layers, **aside})
    assert fits["input_shape"] == [2]
    client.train(name + ".2", name, epochs=3, **aside)
    client.predict(name + ".2", [{"p": 3, "q": 1}])


@pytest.mark.parametrize("aside, pointer", [
    ({"validation": {"column": "nobody"}}, "/validation/column"),
    ({"validation": {"column": 3}}, "/validation/column"),
    ({"validation": {"fraction": 0.1}}, "/validation/column"),
    ({"validation": "p"}, "/validation"),
    ({"sample_weight": "y"}, "/sample_weight"),
    ({"sample_weight": 1}, "/sample_weight"),
])
def test_columns_that_cannot_be_set_aside(client, name, aside, pointer):
    client.dataset(name, "p,q,y\n1,2,3.5\n2,3,4.5\n")
    answer = client.post("/v1/networks", {
        "name": name, "dataset": name, "layers": [{"type": "dense"}], **aside})
    assert answer.status == 422 and pointer in answer.pointers, answer
