"""Runs that blow up end as loss_not_finite and leave the weights there were."""

import pytest

from support import line_data, two_groups


def end_well(client, net, job):
    """Failed for that reason with nothing changed, or succeeded; every answer
    was looked through for NaN on its way."""
    rows = client.history(job["id"])
    for row in rows:
        assert row["loss"] is not None
    if job["status"] == "failed":
        assert job["error"]["code"] == "loss_not_finite"
        assert job["error"]["detail"]
        assert client.ok("GET", f"/v1/networks/{net}", 200)[
            "latest_version"] == 0
    else:
        assert job["status"] == "succeeded"
        client.weights(net, 1)
    return job["status"]


@pytest.mark.parametrize("optimizer", ["sgd", "rmsprop", "adagrad", "adam",
                                       "adamw"])
@pytest.mark.parametrize("loss, output", [
    ("squared_error", "linear"), ("mae", "linear"), ("huber", "relu"),
    ("cross_entropy", "softmax"), ("binary_cross_entropy", "sigmoid")])
def test_a_rate_of_1e30(client, name, optimizer, loss, output):
    client.network(name, [(4, "relu"), (2, output)], 2, loss=loss)
    client.dataset(name, two_groups())
    before = client.predict(name, [[0.5, 0.25]])
    job = client.ended(client.submit(
        name, name, epochs=50, optimizer={"type": optimizer,
                                          "learning_rate": 1e30}))
    if end_well(client, name, job) == "failed":
        assert client.predict(name, [[0.5, 0.25]]) == before
    else:
        # A network whose units all died has finite weights, and stays.
        answer = client.post(f"/v1/networks/{name}/predict",
                             {"inputs": [[0.5, 0.25]]})
        assert answer.status in (200, 422)


def test_a_linear_run_at_1e30_fails(client, name):
    client.network(name, [(1, "linear")], 1)
    client.dataset(name, line_data())
    before = client.predict(name, [[1.0]])
    job = client.ended(client.submit(name, name, epochs=50, optimizer={
        "type": "sgd", "learning_rate": 1e30}))
    assert end_well(client, name, job) == "failed"
    assert client.predict(name, [[1.0]]) == before


@pytest.mark.parametrize("activation", ["relu", "gelu", "silu", "softplus",
                                        "softsign", "tanh"])
def test_inputs_of_1e38(client, name, activation):
    client.network(name, [(4, activation), (1, "linear")], 2)
    client.dataset(name, "a,b,y\n" + "".join(
        f"{i % 3}e38,-{i % 2}e38,{i % 5}\n" for i in range(40)), "?task=regression")
    job = client.ended(client.submit(name, name, epochs=5))
    end_well(client, name, job)
    # Scaled, the same data trains.
    client.network(f"{name}.2", [(4, activation), (1, "linear")], 2)
    assert client.train(f"{name}.2", name, epochs=5,
                        scale_inputs="min_max")["metrics"]["loss"] < 10


@pytest.mark.parametrize("scaling", ["none", "standard", "min_max"])
@pytest.mark.parametrize("norm", ["batch_norm", "layer_norm"])
def test_constant_columns(client, name, scaling, norm):
    client.ok("POST", "/v1/networks", 201, json_body={
        "name": name, "input_shape": [2], "loss": "mse", "seed": 1,
        "layers": [{"type": norm}, {"type": "dense", "units": 3,
                                    "activation": "elu"},
                   {"type": norm}, {"type": "dense", "units": 1}]})
    client.dataset(name, "a,b,y\n" + "5,-7,1.5\n" * 30, "?task=regression")
    job = client.train(name, name, epochs=20, scale_inputs=scaling,
                       optimizer={"type": "adam", "learning_rate": 0.1})
    assert end_well(client, name, job) == "succeeded"
    assert client.predict(name, [[5, -7], [6, 0]])["outputs"]
