"""Gradients against central differences in double, on the client's rows."""

import pytest

from support import two_groups

ROWS = [[0.1, -0.4], [0.9, 0.3], [-0.7, 0.2], [0.0, 0.0]]


def check(client, name, status=200, **body):
    return client.ok("POST", f"/v1/networks/{name}/gradient_check", status,
                     json_body=body)


def network(client, name, layers, loss="mse", inputs=2):
    return client.ok("POST", "/v1/networks", 201, json_body={
        "name": name, "input_shape": [inputs], "loss": loss, "seed": 3,
        "layers": layers})


def test_it_tells_each_layer_and_the_worst_parameter(client, name):
    client.network(name, [(3, "tanh"), (2, "sigmoid")], 2)
    found = check(client, name, inputs=ROWS, targets=[[0, 1]] * 4)
    assert found["network"] == name and found["version"] == 0
    assert found["rows"] == 4 and found["passed"] is True
    assert 0 < found["largest_relative_error"] < 1e-4
    assert abs(found["loss"] - found["exact_loss"]) < 1e-6
    first, last = found["layers"]
    assert (first["index"], first["type"]) == (0, "dense")
    assert (first["parameters"], first["checked"]) == (9, 9)
    assert (last["parameters"], last["checked"]) == (8, 8)
    worst = max(found["layers"], key=lambda x: x["largest_relative_error"])
    assert worst["largest_relative_error"] == found["largest_relative_error"]
    assert worst["at"] == found["at"]
    for layer in found["layers"]:
        tensor, index = layer["at"]["tensor"], layer["at"]["index"]
        assert tensor.startswith(f"{layer['index']}.")
        shape = {"0.weight": [3, 2], "0.bias": [3], "1.weight": [2, 3],
                 "1.bias": [2]}[tensor]
        assert len(index) == len(shape)
        assert all(i < size for i, size in zip(index, shape))
        assert abs(layer["gradient"] - layer["difference"]) < 1e-5


@pytest.mark.parametrize("activation", [
    "linear", "sigmoid", "tanh", "relu", "leaky_relu", "elu", "gelu", "silu",
    "softplus", "softsign"])
def test_every_activation_passes_at_its_kink_too(client, name, activation):
    """Zeros in, zero biases: each z of the last row is 0, where relu bends."""
    network(client, name, [
        {"type": "dense", "units": 5, "activation": activation, "l1": 0.01},
        {"type": "batch_norm"}, {"type": "dropout", "rate": 0.5},
        {"type": "dense", "units": 4, "activation": activation},
        {"type": "layer_norm"}, {"type": "dense", "units": 2}],
        loss={"type": "huber", "delta": 0.5})
    found = check(client, name, inputs=ROWS,
                  targets=[[1, 0], [0, 2], [1, 1], [0, 0]])
    assert found["passed"] is True, found
    assert [x["checked"] for x in found["layers"]] == [15, 10, 0, 24, 8, 10]


def test_dead_units_and_weights_of_zero_are_no_alarm(client, name):
    client.network(name, [(2, "relu"), (1, "linear")], 2, loss="mae")
    client.put_weights(name, [([[0, 0], [1, 1]], [0, -50]), ([[0, 3]], [0])])
    found = check(client, name, inputs=ROWS, targets=[0, 1, 2, 3])
    assert found["passed"] is True


def test_raw_rows_and_names_of_classes(client, name):
    """As predict: scaled by the version's encoder, targets by their names."""
    client.network(name, [(4, "tanh"), (2, "softmax")], 2,
                   loss="cross_entropy")
    classes = client.dataset(name, two_groups())["classes"]
    client.train(name, name, epochs=3, scale_inputs="standard")
    found = check(client, name, inputs=[[0.5, 0.5], {"a": 2.5, "b": 2.5}],
                  targets=["red", "blue"])
    assert found["version"] == 1 and found["passed"] is True
    one_hot = [[float(c == colour) for c in classes]
               for colour in ("red", "blue")]
    same = check(client, name, inputs=[[0.5, 0.5], [2.5, 2.5]], version=1,
                 targets=one_hot)
    assert found == same
    assert check(client, name, inputs=[[0, 0]], targets=[[1, 0]],
                 version=0)["version"] == 0


def test_a_large_network_is_sampled_and_says_so(client, name):
    client.network(name, [(300, "relu"), (10, "softmax")], 100,
                   loss="cross_entropy")
    rows = [[(i * j % 7) / 7 for j in range(100)] for i in range(32)]
    targets = [[float(k == i % 10) for k in range(10)] for i in range(32)]
    found = check(client, name, inputs=rows, targets=targets)
    layer = found["layers"][0]
    assert layer["parameters"] == 30300
    assert 50 < layer["checked"] < 30300
    assert found["passed"] is True
    assert check(client, name, inputs=rows, targets=targets) == found


@pytest.mark.parametrize("body, pointers", [
    ({}, ["/inputs", "/targets"]),
    ({"inputs": ROWS}, ["/targets"]),
    ({"inputs": ROWS, "targets": [[0, 1]] * 3}, ["/targets"]),
    ({"inputs": ROWS, "targets": [[0, 1], [0], [0, "x"], 7]},
     ["/targets/1", "/targets/2/1", "/targets/3"]),
    ({"inputs": ROWS, "targets": [[0, 1]] * 4, "epochs": 3}, ["/epochs"]),
    ({"inputs": [[1, 2], [3]], "targets": [[0, 1]] * 2}, ["/inputs/1"]),
    ({"inputs": [[1, 2]], "targets": ["red"]}, ["/targets/0"]),
    ({"inputs": [[0, 0]] * 257, "targets": [[0, 1]] * 257},
     ["/inputs", "/targets"]),
    ({"inputs": [], "targets": []}, ["/inputs", "/targets"]),
    ({"inputs": ROWS, "targets": [[0, 1]] * 4, "version": -1}, ["/version"]),
])
def test_mistakes_are_told(client, name, body, pointers):
    client.network(name, [(3, "tanh"), (2, "sigmoid")], 2)
    answer = client.post(f"/v1/networks/{name}/gradient_check", body)
    assert answer.status == 422
    assert answer.pointers == pointers


def test_what_is_not_there(client, name):
    body = {"inputs": [[0, 0]], "targets": [[0, 1]]}
    answer = client.post(f"/v1/networks/{name}/gradient_check", body)
    assert answer.status == 404
    client.network(name, [(2, "linear")], 2)
    answer = client.post(f"/v1/networks/{name}/gradient_check",
                         {**body, "version": 7})
    assert answer.status == 404
    answer = client.post(f"/v1/networks/{name}/gradient_check", body="{")
    assert answer.status in (400, 415)
    assert client.get(f"/v1/networks/{name}/gradient_check").status == 405


def test_a_loss_that_is_no_number(client, name):
    client.network(name, [(1, "linear")], 1, loss="squared_error")
    client.put_weights(name, [([[3e38]], [3e38])])
    answer = client.post(f"/v1/networks/{name}/gradient_check",
                         {"inputs": [[3e38]], "targets": [[0]]})
    assert answer.status == 422
    assert answer.json["code"] == "loss_not_finite"
