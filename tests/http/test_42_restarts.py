"""Several initialisations, of which the best is kept; the learning rate found."""

import pytest

from support import XOR, line_data, two_groups


@pytest.fixture
def groups(client, name):
    client.network(name, [(6, "tanh"), (2, "softmax")], 2,
                   loss="cross_entropy", seed=4)
    client.dataset(name, two_groups())
    return name


def by_restart(rows):
    out = {}
    for row in rows:
        out.setdefault(row["restart"], []).append(row)
    return out


# --- restarts ------------------------------------------------------------------------

def test_all_restarts_are_in_the_history(client, groups):
    job = client.train(groups, groups, epochs=7, restarts=3, seed=11,
                       optimizer={"type": "adam", "learning_rate": 0.01})
    rows = client.history(job["id"])
    assert [r["epoch"] for r in rows] == list(range(1, 22))
    assert [r["restart"] for r in rows] == [1] * 7 + [2] * 7 + [3] * 7
    assert job["progress"]["epoch"] == job["progress"]["epochs"] == 21
    assert job["progress"]["fraction"] == 1 and job["restarts"] == 3
    result = job["result"]
    assert [r["restart"] for r in result["restarts"]] == [1, 2, 3]
    for told, mine in zip(result["restarts"], by_restart(rows).values()):
        assert told["epochs"] == 7 and told["stop_reason"] == "epochs"
        best = min(mine, key=lambda r: r["loss"])
        assert told["best_epoch"] == best["epoch"]
        assert told["loss"] == best["loss"]


def test_the_best_of_them_is_kept(client, groups):
    job = client.train(groups, groups, epochs=5, restarts=4, seed=2,
                       validation={"fraction": 0.25},
                       optimizer={"type": "sgd", "learning_rate": 0.05})
    best = min(client.history(job["id"]), key=lambda r: r["val_loss"])
    result = job["result"]
    assert (result["restart"], result["best_epoch"]) == (best["restart"],
                                                         best["epoch"])
    version = client.version(groups, result["version"])
    assert version["metrics"]["val_loss"] == best["val_loss"]
    assert version["metrics"]["loss"] == best["loss"]
    # Which one that is, is luck: the first is not better by being the first.
    won = {client.train(groups, groups, epochs=3, restarts=4, seed=seed,
                        start_from="initial")["result"]["restart"]
           for seed in range(8)}
    assert len(won) > 1, won


def test_the_first_restart_is_the_job_without_restarts(client, groups):
    spec = dict(epochs=4, seed=5, start_from="initial", batch_size=7)
    alone = client.history(client.train(groups, groups, **spec)["id"])
    several = client.history(
        client.train(groups, groups, restarts=2, **spec)["id"])
    assert all("restart" not in r for r in alone)
    assert [r["loss"] for r in several[:4]] == [r["loss"] for r in alone]
    # The second starts elsewhere, and has an order of rows of its own.
    assert several[4]["loss"] != alone[0]["loss"]


def test_each_restart_stops_by_itself(client, groups):
    job = client.train(groups, groups, epochs=400, restarts=3,
                       optimizer={"type": "adam", "learning_rate": 0.03},
                       stop_when={"loss_below": 0.05})
    told = job["result"]["restarts"]
    assert [r["stop_reason"] for r in told] == ["loss_below"] * 3
    rows = by_restart(client.history(job["id"]))
    for restart, mine in rows.items():
        assert mine[-1]["loss"] < 0.05
        assert all(r["loss"] >= 0.05 for r in mine[:-1])
        assert told[restart - 1]["epochs"] == len(mine) < 400
    assert job["progress"]["epoch"] == sum(len(r) for r in rows.values())
    assert job["progress"]["fraction"] == 1


def test_schedule_and_validation_begin_anew(client, groups):
    job = client.train(groups, groups, epochs=4, restarts=2,
                       optimizer={"type": "sgd", "learning_rate": 0.8},
                       schedule={"type": "step", "every_epochs": 2,
                                 "factor": 0.5},
                       validation={"fraction": 0.25, "every_epochs": 3})
    rows = client.history(job["id"])
    assert [r["learning_rate"] for r in rows] == pytest.approx(
        [0.8, 0.8, 0.4, 0.4] * 2)
    assert [i for i, r in enumerate(rows) if "val_loss" in r] == [2, 3, 6, 7]


def test_restarts_find_what_one_start_does_not(client, name):
    """2-2-1 nets on XOR are caught in local minima from some starts."""
    client.network(name, [(2, "tanh"), (1, "sigmoid")], 2,
                   loss="binary_cross_entropy", seed=0)
    client.dataset(name, XOR)
    spec = dict(epochs=400, batch_size="full", start_from="initial",
                optimizer={"type": "adam", "learning_rate": 0.05})
    job = client.train(name, name, restarts=12, **spec)
    losses = [r["loss"] for r in job["result"]["restarts"]]
    assert max(losses) > 0.3 and min(losses) < 0.05, losses
    assert job["result"]["restart"] == 1 + losses.index(min(losses))
    got = client.predict(name, [[0, 0], [0, 1], [1, 0], [1, 1]])["outputs"]
    assert [round(y) for (y,) in got] == [0, 1, 1, 0]


def test_a_restart_that_blows_up_does_not_fail_the_others(client, name):
    """Some starts of this net blow up at this rate, and some do not."""
    client.network(name, [(3, "linear"), (3, "linear"), (1, "linear")], 1,
                   loss="mse", seed=3)
    client.dataset(name, line_data())
    job = client.train(name, name, epochs=200, batch_size="full", restarts=12,
                       seed=1, optimizer={"type": "sgd", "learning_rate": 0.3})
    reasons = [r["stop_reason"] for r in job["result"]["restarts"]]
    assert {"loss_not_finite", "epochs"} <= set(reasons), reasons
    kept = job["result"]["restarts"][job["result"]["restart"] - 1]
    assert kept["stop_reason"] == "epochs"
    rows = client.history(job["id"])
    assert [r["epoch"] for r in rows] == list(range(1, len(rows) + 1))
    for told in job["result"]["restarts"]:
        assert told["epochs"] == sum(r["restart"] == told["restart"]
                                     for r in rows)


def test_when_all_blow_up_the_job_fails(client, name):
    client.network(name, [(1, "linear")], 1)
    client.dataset(name, "x,y\n10,20.5\n-10,-19.5\n")
    job = client.ended(client.submit(
        name, name, epochs=500, restarts=3,
        optimizer={"type": "sgd", "learning_rate": 10}))
    assert job["status"] == "failed"
    assert job["error"]["code"] == "loss_not_finite"
    network = client.ok("GET", f"/v1/networks/{name}", 200)
    assert network["latest_version"] == 0


def test_a_cancelled_job_can_keep_the_best_of_its_restarts(client, groups):
    job = client.submit(groups, groups, epochs=20, restarts=100, batch_size=1,
                        optimizer={"type": "sgd", "learning_rate": 1e-3})
    client.running(job, 70)
    now = client.ok("POST", f"/v1/jobs/{job}/cancel", 200,
                    json_body={"keep": True})
    assert now["status"] == "cancelled"
    rows = client.history(job)
    best = min(rows, key=lambda r: r["loss"])
    result = now["result"]
    assert (result["restart"], result["best_epoch"]) == (best["restart"],
                                                         best["epoch"])
    # The one under way may not have done an epoch yet.
    assert len(result["restarts"]) - rows[-1]["restart"] in (0, 1)
    assert rows[-1]["restart"] >= 4
    assert result["restarts"][-1]["stop_reason"] == "cancelled"
    # Why the job ended, not why the restart did that is kept.
    log = client.ok("GET", f"/v1/jobs/{job}/log", 200)["data"]
    assert now["reason"] == log[-1]["reason"] == "cancelled"
    assert result["stop_reason"] in ("epochs", "cancelled")
    version = client.version(groups, result["version"])
    assert version["metrics"]["loss"] == best["loss"]




def test_a_job_with_everything_is_verified(client, groups):
    job = client.train(groups, groups, epochs=3, restarts=3, batch_size=7,
                       optimizer={"type": "adam", "learning_rate": "auto"})
    again = client.ok("POST", f"/v1/jobs/{job['id']}/verify", 202)
    assert client.succeeded(again["id"])["result"]["equal"] is True


@pytest.mark.parametrize("value", [0, 101, 1.5, "2", None])
def test_restarts_that_are_none(client, groups, value):
    answer = client.post("/v1/jobs", {"network": groups, "dataset": groups,
                                      "restarts": value})
    assert answer.status == 422 and answer.pointers == ["/restarts"], answer


# --- "learning_rate": "auto" --------------------------------------------------------

def test_auto_says_what_it_chose_and_why(client, groups):
    job = client.train(groups, groups, epochs=30,
                       optimizer={"type": "sgd", "learning_rate": "auto"})
    assert job["optimizer"]["learning_rate"] == "auto"
    test = job["learning_rate_test"]
    rates = [p["learning_rate"] for p in test["points"]]
    losses = [p["loss"] for p in test["points"]]
    assert 10 < len(rates) <= 100
    growth = [b / a for a, b in zip(rates, rates[1:])]
    assert growth == pytest.approx([growth[0]] * len(growth), rel=1e-6)
    least = rates[losses.index(min(losses))]
    assert test["chosen"] == pytest.approx(least / 10, rel=0.06)
    assert "least" in test["reason"]
    assert all(r["learning_rate"] == pytest.approx(test["chosen"], rel=1e-6)
               for r in client.history(job["id"]))
    assert job["metrics"]["loss"] < 0.1


def test_auto_trains_from_the_start_weights_it_tested(client, groups):
    """The test leaves no trace: the rate it chose, given, gives the same."""
    spec = dict(epochs=6, seed=3, batch_size=9, start_from="initial",
                schedule={"type": "exponential", "factor": 0.9})
    auto = client.train(groups, groups,
                        optimizer={"type": "adam", "learning_rate": "auto"},
                        **spec)
    rate = auto["learning_rate_test"]["chosen"]
    given = client.train(groups, groups,
                         optimizer={"type": "adam", "learning_rate": rate},
                         **spec)
    digests = [client.version(groups, j["result"]["version"])["sha256"]
               for j in (auto, given)]
    assert digests[0] == digests[1]


def test_auto_is_the_same_for_the_same_seed(client, groups):
    def tested(seed):
        return client.train(
            groups, groups, epochs=1, seed=seed, start_from="initial",
            batch_size=8, optimizer={"type": "sgd", "learning_rate": "auto"},
        )["learning_rate_test"]
    assert tested(1) == tested(1)
    assert tested(1)["points"] != tested(2)["points"]


def test_auto_falls_back_where_nothing_helps(client, name):
    """Targets that are the outputs already: no rate lowers a loss of 0."""
    client.ok("POST", "/v1/networks", 201, json_body={
        "name": name, "input_shape": [1], "loss": "squared_error",
        "layers": [{"type": "dense", "units": 1, "activation": "linear",
                    "init": "zeros"}]})
    client.dataset(name, "x,y\n0.5,0\n1.5,0\n2.5,0\n", "?task=regression")
    job = client.train(name, name, epochs=1,
                       optimizer={"type": "adam", "learning_rate": "auto"})
    assert job["learning_rate_test"]["chosen"] == pytest.approx(0.001)
    assert "default" in job["learning_rate_test"]["reason"]


def test_auto_with_restarts_is_tested_once(client, groups):
    job = client.train(groups, groups, epochs=3, restarts=3,
                       optimizer={"type": "sgd", "learning_rate": "auto"})
    rates = {r["learning_rate"] for r in client.history(job["id"])}
    assert len(rates) == 1


@pytest.mark.parametrize("value", ["Auto", "", "0.1"])
def test_a_rate_that_is_none(client, groups, value):
    answer = client.post("/v1/jobs", {
        "network": groups, "dataset": groups,
        "optimizer": {"type": "sgd", "learning_rate": value}})
    assert answer.status == 422
    assert answer.pointers == ["/optimizer/learning_rate"], answer
    assert "auto" in answer.json["errors"][0]["detail"]


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_auto_learns_digits(client, name, shared_data, optimizer):
    """Nobody chose a rate, and it is as good as scikit-learn's worst of ten."""
    text = (shared_data / "digits.csv").read_text()
    client.dataset(name, text.replace(",test\n", ",valid\n"),
                   "?target=target&task=classification")
    client.network(name, [(64, "relu"), (10, "softmax")], 64,
                   loss="cross_entropy", seed=1)
    job = client.train(name, name, epochs=40, scale_inputs="standard",
                       optimizer={"type": optimizer, "learning_rate": "auto"},
                       validation={"column": "split"})
    best = max(r["val_accuracy"] for r in client.history(job["id"]))
    assert best >= 0.967, job
