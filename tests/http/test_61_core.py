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


# --- layers of every kind ------------------------------------------------------

ALL_LAYERS = [
    {"type": "batch_norm"}, {"type": "flatten"},
    {"type": "dense", "units": 12, "activation": "gelu", "l1": 1e-4,
     "l2": 1e-3, "max_norm": 2},
    {"type": "batch_norm", "momentum": 0.2, "epsilon": 1e-3},
    {"type": "activation", "activation": "silu"},
    {"type": "dropout", "rate": 0.2},
    {"type": "dense", "units": 8, "activation": "leaky_relu", "slope": 0.1},
    {"type": "layer_norm"},
    {"type": "dense", "units": 2, "activation": "softmax"},
]


def all_layers(client, name):
    return client.ok("POST", "/v1/networks", 201, json_body={
        "name": name, "input_shape": [1, 2], "loss": "cross_entropy",
        "layers": ALL_LAYERS, "seed": 3})


def test_layers_are_shown_complete(client, name):
    made = all_layers(client, name)
    norm, flatten, dense, second, activation, dropout = made["layers"][:6]
    assert (norm["momentum"], norm["epsilon"]) == (0.1, 1e-5)
    assert norm["parameters"] == 8 and norm["output_shape"] == [1, 2]
    assert flatten["output_shape"] == [2] and flatten["parameters"] == 0
    assert (dense["l1"], dense["l2"], dense["max_norm"]) == (1e-4, 1e-3, 2)
    assert (second["momentum"], second["epsilon"]) == (0.2, 1e-3)
    assert activation["activation"] == "silu"
    assert dropout["rate"] == 0.2
    weights = client.weights(name, 0)["layers"]
    assert [x["index"] for x in weights] == [0, 2, 3, 6, 7, 8]
    assert set(weights[2]) == {"index", "weight", "bias", "running_mean",
                               "running_var"}
    assert weights[2]["running_var"] == [1.0] * 12


@pytest.mark.parametrize("layer, pointer", [
    ({"type": "dropout"}, "/layers/0/rate"),
    ({"type": "dropout", "rate": 1}, "/layers/0/rate"),
    ({"type": "activation"}, "/layers/0/activation"),
    ({"type": "activation", "activation": "softmax"}, "/layers/0/activation"),
    ({"type": "batch_norm", "momentum": 0}, "/layers/0/momentum"),
    ({"type": "layer_norm", "momentum": 0.1}, "/layers/0/momentum"),
    ({"type": "flatten", "units": 2}, "/layers/0/units"),
    ({"type": "dense", "units": 2, "l2": -1}, "/layers/0/l2"),
])
def test_a_wrong_layer_is_told(client, name, layer, pointer):
    answer = client.post("/v1/networks", {
        "name": name, "input_shape": [2], "loss": "mse",
        "layers": [layer, {"type": "dense", "units": 1}]})
    assert answer.status == 422
    assert answer.pointers == [pointer]


def test_dense_after_an_image_says_flatten(client, name):
    answer = client.post("/v1/networks", {
        "name": name, "input_shape": [1, 2, 2], "loss": "mse",
        "layers": [{"type": "dense", "units": 1}]})
    assert answer.status == 422
    assert "flatten" in answer.json["errors"][0]["detail"]


def test_every_layer_survives_weights_and_a_restart(new_daemon):
    """Trained, downloaded, uploaded, stopped, started: the same bits."""
    daemon = new_daemon()
    daemon.start()
    client, name = daemon.client, "all"
    all_layers(client, name)
    client.dataset(name, two_groups())
    job = client.train(name, name, epochs=8, seed=5, batch_size=16,
                       optimizer={"type": "adam", "learning_rate": 0.01})
    assert client.evaluate(name, name)["accuracy"] > 0.9, job
    rows = [[0.1 * i, 2 - 0.2 * i] for i in range(20)]
    before = client.predict(name, rows)["outputs"]

    all_layers(client, "copy")
    body = client.get(f"/v1/networks/{name}/versions/1/weights").body
    assert client.put("/v1/networks/copy/weights", body=body).status == 201
    assert client.predict("copy", rows)["outputs"] == before
    assert (client.version("copy", 1)["sha256"]
            == client.version(name, 1)["sha256"])

    daemon.stop()
    daemon.start()
    client = daemon.client
    assert client.predict(name, rows)["outputs"] == before
    assert client.predict("copy", rows)["outputs"] == before


def test_the_same_seed_drops_the_same(client, name):
    """Dropout and batch_norm too: two jobs alike, a third with its own seed."""
    client.dataset(name, two_groups())
    digests = []
    for i, seed in enumerate((5, 5, 6)):
        net = f"{name}.{i}"
        all_layers(client, net)
        client.train(net, name, epochs=3, seed=seed, batch_size=16,
                     shuffle=False)
        digests.append(client.version(net, 1)["sha256"])
    assert digests[0] == digests[1] != digests[2]


def test_an_image_is_normalised_whole(client, name):
    """layer_norm of an image has weights of three dimensions."""
    client.ok("POST", "/v1/networks", 201, json_body={
        "name": name, "input_shape": [2, 2, 3], "loss": "mse",
        "layers": [{"type": "layer_norm"}, {"type": "flatten"},
                   {"type": "dense", "units": 1}]})
    weights = client.weights(name, 0)
    assert weights["layers"][0]["weight"] == [[[1.0] * 3] * 2] * 2
    weights["layers"][0]["weight"][1][0][2] = 7.0
    client.ok("PUT", f"/v1/networks/{name}/weights", 201, json_body=weights)
    assert client.weights(name, 1) == weights
    ragged = weights["layers"][0]["weight"]
    ragged[0].append(ragged[1].pop())
    answer = client.put(f"/v1/networks/{name}/weights", json_body=weights)
    assert answer.status == 422
    assert answer.pointers == ["/layers/0/weight"]


@pytest.mark.parametrize("last", [
    {"type": "activation", "activation": "tanh"}, {"type": "flatten"},
    {"type": "dropout", "rate": 0.1}, {"type": "layer_norm"},
    {"type": "batch_norm"}])
def test_any_layer_may_be_the_last(client, name, last):
    client.rows(name, [[i, -i] for i in range(8)],
                [[i % 2, -i] for i in range(8)])
    client.ok("POST", "/v1/networks", 201, json_body={
        "name": name, "input_shape": [2], "loss": "mse",
        "layers": [{"type": "dense", "units": 2}, last]})
    job = client.train(name, name, epochs=2)
    assert job["result"]["version"] == 1


def test_softmax_may_be_a_layer_of_its_own(client, name):
    client.dataset(name, "a,b\n" + "\n".join(
        f"{i % 2},{'yes' if i % 2 else 'no'}" for i in range(20)))
    client.ok("POST", "/v1/networks", 201, json_body={
        "name": name, "input_shape": [1], "loss": "cross_entropy",
        "layers": [{"type": "dense", "units": 2},
                   {"type": "activation", "activation": "softmax"}]})
    job = client.train(name, name, epochs=60, optimizer={
        "type": "adam", "learning_rate": 0.1})
    assert job["metrics"]["accuracy"] == 1
