"""What is told of a training that goes wrong, and that a healthy one is let be."""

import gzip
import json
import pathlib
import struct

import pytest

from support import XOR, line_data, multipart, two_groups, wait_until

FASHION = pathlib.Path("/usr/share/datasets/fashion-mnist")


def told(job):
    return [(w["code"], w.get("layer")) for w in job["warnings"]]


def check(job):
    """What holds for every warning."""
    for warning in job["warnings"]:
        assert set(warning) <= {"code", "epoch", "layer", "advice"}
        assert 1 <= warning["epoch"] <= job["progress"]["epoch"]
        assert len(warning["advice"]) > 40
    epochs = [w["epoch"] for w in job["warnings"]]
    assert epochs == sorted(epochs)
    assert len(set(told(job))) == len(job["warnings"]), "raised once each"


# --- each is provoked -----------------------------------------------------------------

def test_loss_diverging(client, name):
    """w grows by a factor of -1.1 an epoch: 2.1 times what 1 / x^2 allows."""
    client.network(name, [(1, "linear")], 1)
    client.dataset(name, "x,y\n1,3.5\n-1,-2.5\n")
    job = client.train(name, name, epochs=20, batch_size="full",
                       optimizer={"type": "sgd", "learning_rate": 2.1})
    assert told(job) == [("loss_diverging", None)], job["warnings"]
    rows = client.history(job["id"])
    first = rows[0]["loss"]
    over = [r["epoch"] for r in rows if r["loss"] > 1.5 * first]
    assert job["warnings"][0]["epoch"] == over[0] + 1  # two in a row
    check(job)


def test_vanishing_gradient(client, name):
    """Ten layers of sigmoids: each passes on a quarter of what it gets, at best."""
    client.network(name, [(6, "sigmoid")] * 10 + [(2, "softmax")], 2,
                   loss="cross_entropy")
    client.dataset(name, two_groups())
    job = client.train(name, name, epochs=8)
    vanished = [layer for code, layer in told(job)
                if code == "vanishing_gradient"]
    assert 0 in vanished and 1 in vanished and 10 not in vanished
    assert vanished == sorted(vanished)
    assert {w["epoch"] for w in job["warnings"]
            if w["layer"] == 0} == {3}  # three in a row
    check(job)


def test_exploding_gradient(client, name):
    client.ok("POST", "/v1/networks", 201, json_body={
        "name": name, "input_shape": [1], "loss": "squared_error",
        "layers": [{"type": "dense", "units": 8, "activation": "linear",
                    "init": {"type": "normal", "stddev": 3}}] * 5
        + [{"type": "dense", "units": 1, "activation": "linear"}]})
    client.dataset(name, line_data())
    job = client.train(name, name, epochs=3,
                       optimizer={"type": "sgd", "learning_rate": 1e-12})
    assert ("exploding_gradient", 0) in told(job)
    assert {w["epoch"] for w in job["warnings"]} == {2}
    check(job)


def test_dead_units(client, name):
    """Five of eight relus look at positive inputs with negative weights."""
    client.network(name, [(8, "relu"), (1, "linear")], 1, loss="mse")
    client.dataset(name, line_data())
    client.put_weights(name, [([[-1.0]] * 5 + [[1.0]] * 3, [-0.1] * 5 + [0.1] * 3),
                              ([[0.1] * 8], [0.0])])
    job = client.train(name, name, epochs=4)
    assert told(job) == [("dead_units", 0)]
    assert job["warnings"][0]["epoch"] == 1
    check(job)


def test_half_dead_is_not_told(client, name):
    client.network(name, [(8, "relu"), (1, "linear")], 1, loss="mse")
    client.dataset(name, line_data())
    client.put_weights(name, [([[-1.0]] * 4 + [[1.0]] * 4, [-0.1] * 4 + [0.1] * 4),
                              ([[0.1] * 8], [0.0])])
    assert told(client.train(name, name, epochs=4)) == []


def test_overfitting(client, name):
    """Classes drawn by lot: what is learnt is the training rows, and no more."""
    rows = ["a,b,c,kind\n"]
    for i in range(60):
        x = [((i + 1) * k % 101) / 50 - 1 for k in (37, 61, 83)]
        lot = (i * i * 7 + i * 3) % 11 % 2
        rows.append(",".join(map(str, x)) + f",{'ab'[lot]}\n")
    client.dataset(name, "".join(rows))
    client.network(name, [(64, "tanh"), (2, "softmax")], 3,
                   loss="cross_entropy")
    job = client.train(name, name, epochs=400,
                       validation={"fraction": 0.5},
                       optimizer={"type": "adam", "learning_rate": 0.03})
    assert told(job) == [("overfitting", None)], job["warnings"]
    # Five validations in a row above 1.25 times the least.
    rows = client.history(job["id"])[:job["warnings"][0]["epoch"]]
    least = min(r["val_loss"] for r in rows)
    assert all(r["val_loss"] > 1.25 * least for r in rows[-5:])
    check(job)


def retrained(client, name, before, after):
    client.dataset(name, line_data(40))
    client.network(name, [(4, "tanh"), (1, "linear")], 1)
    client.train(name, name, epochs=2, **before)
    return client.train(name, name, epochs=2, **after)


@pytest.mark.parametrize("before, after, advice", [
    ({"scale_inputs": "standard"}, {},
     'scale_inputs "standard", this job with scale_inputs "none"'),
    ({}, {"scale_inputs": "min_max", "scale_targets": "robust",
          "start_from": 1},
     'scale_inputs "none", scale_targets "none", this job with scale_inputs '
     '"min_max", scale_targets "robust"'),
    ({"missing": {"value": 2}}, {"missing": {"value": 0.5}},
     'missing {"value": 2}, this job with missing {"value": 0.5}'),
    ({"missing": "median"}, {"missing": {"value": 3}, "restarts": 2},
     'missing "median", this job with missing {"value": 3}'),
])
def test_encoding_changed(client, name, before, after, advice):
    """The weights go on behind other numbers than they were trained behind."""
    job = retrained(client, name, before, after)
    assert told(job) == [("encoding_changed", None)], job["warnings"]
    assert job["warnings"][0]["epoch"] == 1
    assert job["warnings"][0]["advice"] == (
        f"Version 1 was trained with {advice}, so its weights begin behind "
        'other numbers: give the same, or "start_from": "initial".')
    check(job)


@pytest.mark.parametrize("after", [
    {"scale_inputs": "standard"}, {"start_from": "initial"}, {"start_from": 0}])
def test_an_encoding_that_is_the_same_or_begins_anew(client, name, after):
    assert told(retrained(client, name, {"scale_inputs": "standard"},
                          after)) == []


def test_encoding_changed_is_still_told_after_a_kill(new_daemon):
    daemon = new_daemon().start()
    client = daemon.client
    client.dataset("n", line_data(40))
    client.network("n", [(4, "tanh"), (1, "linear")], 1)
    client.train("n", "n", epochs=2, scale_inputs="standard")
    job = client.submit("n", "n", epochs=10**7)
    client.running(job, 100)
    wait_until(lambda: told(client.job(job)))
    daemon.kill()
    client = daemon.start().client
    client.running(job, 1000)
    client.ok("POST", f"/v1/jobs/{job}/cancel", 200, json_body={"keep": True})
    now = client.job(job)
    assert now["resumes"] == 1
    assert told(now)[0] == ("encoding_changed", None)


def test_not_learning(client, name):
    client.network(name, [(8, "tanh"), (2, "softmax")], 2,
                   loss="cross_entropy")
    client.dataset(name, two_groups())
    job = client.train(name, name, epochs=200,
                       optimizer={"type": "sgd", "learning_rate": 1e-9})
    assert told(job) == [("not_learning", None)]
    assert job["warnings"][0]["epoch"] == 20  # a tenth of them
    check(job)


def test_what_has_learnt_need_not_learn_more(client, name):
    """The loss does not fall, and is far below that of the mean."""
    client.network(name, [(1, "linear")], 1)
    client.dataset(name, line_data())
    client.train(name, name, epochs=500, keep="last",
                 optimizer={"type": "sgd", "learning_rate": 0.5})
    job = client.train(name, name, epochs=20,
                       optimizer={"type": "sgd", "learning_rate": 1e-9})
    assert told(job) == []


# --- healthy runs ---------------------------------------------------------------------

@pytest.mark.parametrize("units, activation, rate", [
    (2, "sigmoid", 0.5), (4, "tanh", 0.5), (16, "relu", 0.1)])
@pytest.mark.parametrize("seed", range(5))
def test_xor_is_let_be(client, name, units, activation, rate, seed):
    """The textbook's net stands still for long before it falls."""
    client.network(name, [(units, activation), (1, "sigmoid")], 2, seed=seed)
    client.dataset(name, XOR)
    job = client.train(name, name, epochs=3000, batch_size=1,
                       optimizer={"type": "sgd", "learning_rate": rate})
    assert told(job) == []


@pytest.mark.parametrize("table, layers, epochs", [
    ("iris", (4, 10, 3), 200), ("wine", (13, 16, 3), 40),
    ("breast_cancer", (30, 32, 2), 20), ("digits", (64, 64, 10), 20)])
@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_tables_are_let_be(client, name, shared_data, table, layers, epochs,
                           activation):
    inputs, hidden, outputs = layers
    text = (shared_data / f"{table}.csv").read_text()
    client.dataset(name, text.replace(",test\n", ",val\n"),
                   "?target=target&task=classification")
    client.network(name, [(hidden, activation), (hidden, activation),
                          (outputs, "softmax")], inputs, loss="cross_entropy")
    job = client.train(name, name, epochs=epochs, scale_inputs="standard",
                       validation={"column": "split"})
    assert job["metrics"]["accuracy"] > 0.9
    assert told(job) == []


def test_fashion_is_let_be(client, name):
    """Six thousand photographs of clothes, deep and shallow."""
    if not FASHION.is_dir():
        pytest.skip(f"no Fashion-MNIST in {FASHION}")
    n, parts = 6000, []
    for part, kind, head in (("inputs", "images-idx3", 16),
                             ("targets", "labels-idx1", 8)):
        with gzip.open(FASHION / f"train-{kind}-ubyte.gz") as file:
            top = bytearray(file.read(head))
            top[4:8] = struct.pack(">I", n)
            parts.append((part, bytes(top) + file.read(
                n * (784 if part == "inputs" else 1))))
    kind, body = multipart(*parts)
    client.ok("PUT", f"/v1/datasets/{name}", 201, body=body,
              headers={"Content-Type": kind})
    for depth in (1, 3):
        net = f"{name}.{depth}"
        client.network(net, [(64, "relu")] * depth + [(10, "softmax")], 784,
                       loss="cross_entropy")
        job = client.train(net, name, epochs=6, batch_size=64,
                           scale_inputs="min_max", validation={"fraction": 0.2})
        assert job["metrics"]["val_accuracy"] > 0.8
        assert told(job) == []


# --- where they are shown ---------------------------------------------------------------

def test_layers_are_told_where_asked(client, name):
    client.network(name, [(4, "tanh"), (2, "softmax")], 2,
                   loss="cross_entropy")
    client.dataset(name, two_groups())
    job = client.train(name, name, epochs=3, batch_size=60, restarts=2)["id"]
    plain = client.ok("GET", f"/v1/jobs/{job}/history", 200)["data"]
    assert all("layers" not in r for r in plain)
    rows = client.ok("GET", f"/v1/jobs/{job}/history?detail=layers", 200)["data"]
    assert [r["epoch"] for r in rows] == [1, 2, 3, 4, 5, 6]
    for row in rows:
        assert [x["layer"] for x in row["layers"]] == [0, 1]
        assert all(0 < x["update_ratio"] < 1 for x in row["layers"])
        # One batch: the norm of the whole is that of its parts.
        assert row["gradient_norm"] ** 2 == pytest.approx(
            sum(x["gradient_norm"] ** 2 for x in row["layers"]))
    page = client.ok("GET", f"/v1/jobs/{job}/history?detail=layers&after=2"
                            "&limit=1", 200)
    assert page["data"] == rows[2:3] and page["next"] == 3


def test_update_ratio_is_how_far_an_update_moved_the_weights(client, name):
    """From w = 2, b = 0: the gradient at x = 1, t = 0 is (2, 2), the rate 0.1."""
    client.network(name, [(1, "linear")], 1)
    client.dataset(name, "x,y\n1,0\n1,0\n", "?task=regression")
    client.put_weights(name, [([[2.0]], [0.0])])
    job = client.train(name, name, epochs=1, batch_size="full",
                       optimizer={"type": "sgd", "learning_rate": 0.1})["id"]
    row = client.ok("GET", f"/v1/jobs/{job}/history?detail=layers", 200)["data"]
    layer = row[0]["layers"][0]
    assert layer["gradient_norm"] == pytest.approx(8 ** 0.5)
    assert layer["update_ratio"] == pytest.approx(0.1 * 8 ** 0.5 / 2, rel=1e-5)


def test_layers_of_a_long_job_thin_out(client, name):
    """All of 512 epochs, then every second, then every fourth."""
    client.network(name, [(1, "linear")], 1)
    client.dataset(name, "x,y\n1,0\n2,1\n3,1\n", "?task=regression")
    job = client.train(name, name, epochs=2100, batch_size="full")["id"]
    have, after = [], 0
    while after is not None:
        page = client.ok("GET", f"/v1/jobs/{job}/history?detail=layers"
                                f"&limit=1000&after={after}", 200)
        have += [r["epoch"] for r in page["data"] if "layers" in r]
        after = page["next"]
    assert have == (list(range(1, 513)) + list(range(514, 1025, 2))
                    + list(range(1028, 2049, 4)) + list(range(2056, 2101, 8)))


def test_a_detail_that_is_none(client, name):
    client.network(name, [(1, "linear")], 1)
    client.dataset(name, line_data())
    job = client.train(name, name, epochs=1)["id"]
    answer = client.get(f"/v1/jobs/{job}/history?detail=units")
    assert answer.status == 400 and answer.json["code"] == "malformed"


def test_warnings_are_told_while_it_runs(client, name):
    client.network(name, [(2, "relu"), (1, "linear")], 1, loss="mse")
    client.dataset(name, line_data())
    client.put_weights(name, [([[-1.0], [-1.0]], [-0.1, -0.1]),
                              ([[0.1, 0.1]], [0.0])])
    job = client.submit(name, name, epochs=100000000)
    now = wait_until(lambda: (now := client.job(job))["warnings"] and now)
    assert now["status"] == "running"
    assert ("dead_units", 0) in told(now)
    client.ok("POST", f"/v1/jobs/{job}/cancel", 200)
    assert ("dead_units", 0) in told(client.job(job))


def test_warnings_are_raised_once_over_all_restarts(client, name):
    client.network(name, [(8, "tanh"), (2, "softmax")], 2,
                   loss="cross_entropy")
    client.dataset(name, two_groups())
    job = client.train(name, name, epochs=12, restarts=3,
                       optimizer={"type": "sgd", "learning_rate": 1e-9})
    assert told(job) == [("not_learning", None)]
    assert job["warnings"][0]["epoch"] == 10


def test_warnings_and_restarts_are_told_as_events(client, name):
    client.network(name, [(8, "tanh"), (2, "softmax")], 2,
                   loss="cross_entropy")
    client.dataset(name, two_groups())
    job = client.train(name, name, epochs=12, restarts=2,
                       optimizer={"type": "sgd", "learning_rate": 1e-9})
    stream = client.get(f"/v1/jobs/{job['id']}/events", check=False,
                        headers={"Last-Event-ID": "0"}).body.decode()
    events = [dict(line.split(": ", 1) for line in event.splitlines())
              for event in stream.split("\n\n") if "event: " in event]
    said = [json.loads(e["data"]) for e in events if e["event"] == "warning"]
    assert len(said) == 1
    assert {k: said[0][k] for k in ("code", "epoch", "advice")} == {
        k: job["warnings"][0][k] for k in ("code", "epoch", "advice")}
    rows = [json.loads(e["data"]) for e in events if e["event"] == "epoch"]
    assert [r["restart"] for r in rows] == [1] * 12 + [2] * 12
