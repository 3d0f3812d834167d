"""Every activation, loss and optimiser of the contract, through the API."""

import math

import pytest

from support import close, line_data, two_groups

ACTIVATIONS = {
    "linear": lambda z: z,
    "sigmoid": lambda z: 1 / (1 + math.exp(-z)),
    "tanh": math.tanh,
    "relu": lambda z: max(z, 0),
    "leaky_relu": lambda z: z if z > 0 else 0.01 * z,
    "elu": lambda z: z if z > 0 else math.expm1(z),
    "gelu": lambda z: z * math.erfc(-z / math.sqrt(2)) / 2,
    "silu": lambda z: z / (1 + math.exp(-z)),
    "softplus": lambda z: math.log1p(math.exp(z)),
    "softsign": lambda z: z / (1 + abs(z)),
}
ZS = [-3.5, -1.0, -0.25, 0.0, 0.125, 0.75, 2.0, 6.0]


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_an_activation_is_its_formula(client, name, activation):
    client.network(name, [(1, activation)], 1)
    client.put_weights(name, [([[1.0]], [0.0])])
    for z, (y,) in zip(ZS, client.predict(name, [[z] for z in ZS])["outputs"]):
        assert close(y, ACTIVATIONS[activation](z), 5e-7), z


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_trains(client, name, activation):
    client.network(name, [(8, activation), (1, "linear")], 1)
    client.dataset(name, line_data(64))
    job = client.train(name, name, epochs=60,
                       optimizer={"type": "adam", "learning_rate": 0.02})
    history = client.history(job["id"])
    assert history[-1]["loss"] < history[0]["loss"] / 2


def test_a_slope_is_kept_and_shown(client, name):
    layer = {"type": "dense", "units": 1, "activation": "leaky_relu"}
    made = client.ok("POST", "/v1/networks", 201, json_body={
        "name": name, "input_shape": [1], "loss": "mse",
        "layers": [layer, {**layer, "slope": 0.25},
                   {"type": "dense", "units": 1}]})
    assert [x.get("slope") for x in made["layers"]] == [0.01, 0.25, None]
    client.put_weights(name, [([[1.0]], [0.0])] * 3)
    assert close(client.predict(name, [[-4.0]])["outputs"][0][0], -0.01)

    answer = client.post("/v1/networks", {
        "name": f"{name}.2", "input_shape": [1], "loss": "mse",
        "layers": [{**layer, "activation": "relu", "slope": 0.25}]})
    assert answer.status == 422
    assert answer.pointers == ["/layers/0/slope"]
    assert "leaky_relu" in answer.json["errors"][0]["detail"]


LOSSES = [
    ("mse", "mse", "linear"), ("mae", "mae", "linear"),
    ("squared_error", "squared_error", "linear"),
    ("huber", {"type": "huber", "delta": 1}, "linear"),
    ({"type": "huber", "delta": 0.5}, {"type": "huber", "delta": 0.5},
     "linear"),
    ("cross_entropy", "cross_entropy", "softmax"),
    ({"type": "cross_entropy"}, "cross_entropy", "softmax"),
    ({"type": "cross_entropy", "label_smoothing": 0.1},
     {"type": "cross_entropy", "label_smoothing": 0.1}, "softmax"),
    ({"type": "binary_cross_entropy", "label_smoothing": 0.25},
     {"type": "binary_cross_entropy", "label_smoothing": 0.25}, "sigmoid"),
]


@pytest.mark.parametrize("asked, shown, output", LOSSES)
def test_a_loss_is_a_word_or_an_object(client, name, asked, shown, output):
    made = client.network(name, [(2, output)], 2, loss=asked)
    assert made["loss"] == shown
    assert client.ok("GET", f"/v1/networks/{name}", 200)["loss"] == shown
    client.dataset(name, two_groups())
    job = client.train(name, name, epochs=5)
    assert client.history(job["id"])[-1]["loss"] > 0


@pytest.mark.parametrize("loss, pointer", [
    ({"type": "huber", "delta": 0}, "/loss/delta"),
    ({"type": "mse", "delta": 1}, "/loss/delta"),
    ({"delta": 1}, "/loss/type"), ("hubert", "/loss"),
    ({"type": "cross_entropy", "label_smoothing": 1}, "/loss/label_smoothing"),
])
def test_a_wrong_loss_is_told(client, name, loss, pointer):
    answer = client.post("/v1/networks", {
        "name": name, "input_shape": [2], "loss": loss,
        "layers": [{"type": "dense", "units": 2, "activation": "softmax"}]})
    assert answer.status == 422
    assert answer.pointers == [pointer]


OPTIMIZERS = [
    {"type": "sgd", "learning_rate": 0.1},
    {"type": "sgd", "learning_rate": 0.05, "momentum": 0.9},
    {"type": "sgd", "learning_rate": 0.05, "momentum": 0.9, "nesterov": True},
    {"type": "sgd", "learning_rate": 0.1, "weight_decay": 0.001},
    {"type": "rmsprop", "learning_rate": 0.01},
    {"type": "adagrad", "learning_rate": 0.1},
    {"type": "adam", "learning_rate": 0.02},
    {"type": "adamw", "learning_rate": 0.02, "weight_decay": 0.01},
    {"type": "rprop"},
    {"type": "rprop", "eta_plus": 1.1, "eta_minus": 0.6, "delta_0": 0.01,
     "delta_min": 0, "delta_max": 10},
]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_trains(client, name, optimizer):
    client.network(name, [(8, "tanh"), (1, "linear")], 1)
    client.dataset(name, line_data(64))
    full = optimizer["type"] == "rprop"
    job = client.train(name, name, epochs=60, optimizer=optimizer,
                       batch_size="full" if full else 8)
    assert optimizer.items() <= job["optimizer"].items()
    history = client.history(job["id"])
    assert history[-1]["loss"] < history[0]["loss"] / 2


def test_what_does_not_go_together_is_told(client, name):
    client.network(name, [(1, "linear")], 1)
    client.dataset(name, line_data(8))
    answer = client.post("/v1/jobs", {
        "network": name, "dataset": name, "epochs": 1,
        "optimizer": {"type": "sgd", "nesterov": True}})
    assert answer.status == 422
    assert answer.pointers == ["/optimizer/nesterov"]
