"""k folds: each held out once, and a final model of all rows."""

import statistics

import pytest

from support import line_data, two_groups, wait_until

CLOCK = ("seconds", "samples_per_second")


@pytest.fixture
def groups(client, name):
    return made(client, name)


def made(client, name, n=60, units=6):
    client.network(name, [(units, "tanh"), (2, "softmax")], 2,
                   loss="cross_entropy", seed=4)
    client.dataset(name, two_groups(n))
    return name


def by_fold(rows):
    out = {}
    for row in rows:
        out.setdefault(row.get("fold"), []).append(row)
    return out


def digest(client, network, job):
    return client.version(network, job["result"]["version"])["sha256"]


def test_each_fold_and_all_of_them(client, groups):
    job = client.train(groups, groups, epochs=4, validation={"folds": 5},
                       scale_inputs="standard", keep="last")
    assert job["validation"] == {"folds": 5, "every_epochs": 1}
    assert job["start_from"] == "initial"
    assert job["progress"]["epoch"] == job["progress"]["epochs"] == 24
    rows = client.history(job["id"])
    assert [r["epoch"] for r in rows] == list(range(1, 25))
    assert [r.get("fold") for r in rows] == [
        f for f in (1, 2, 3, 4, 5, None) for _ in range(4)]
    assert all(("val_loss" in r) == ("fold" in r) for r in rows)

    result = job["result"]
    assert [f["fold"] for f in result["folds"]] == [1, 2, 3, 4, 5]
    for told in result["folds"]:
        last = by_fold(rows)[told["fold"]][-1]
        assert told["epochs"] == 4 and told["stop_reason"] == "epochs"
        assert told["metrics"] == {k: last[k] for k in told["metrics"]}
    assert set(told["metrics"]) == {"loss", "accuracy", "val_loss",
                                    "val_accuracy"}
    for figure in told["metrics"]:
        values = [f["metrics"][figure] for f in result["folds"]]
        assert result["mean"][figure] == pytest.approx(
            statistics.mean(values), rel=1e-9)
        assert result["deviation"][figure] == pytest.approx(
            statistics.stdev(values), rel=1e-6, abs=1e-12)
    assert len({f["metrics"]["val_loss"] for f in result["folds"]}) == 5


def test_the_final_model_is_a_job_on_all_rows(client, groups):
    spec = dict(seed=9, batch_size=8, start_from="initial",
                scale_inputs="standard",
                optimizer={"type": "adam", "learning_rate": 0.02})
    folds = client.train(groups, groups, epochs=5, keep="last",
                         validation={"folds": 3}, **spec)
    plain = client.train(groups, groups, epochs=5, keep="last", **spec)
    assert digest(client, groups, folds) == digest(client, groups, plain)


def test_it_takes_as_many_epochs_as_the_folds_did(client, name):
    """Noise that is learnt by heart: the best epoch of a fold comes early."""
    client.network(name, [(24, "tanh"), (1, "linear")], 2, seed=2, loss="mse")
    client.dataset(name, "a,b,y\n" + "".join(
        f"{i * 7 % 13},{i * 5 % 11},{(i * i * 37 % 101) / 50}\n"
        for i in range(40)))
    spec = dict(seed=3, batch_size=10, start_from="initial",
                scale_inputs="standard",
                optimizer={"type": "adam", "learning_rate": 0.03})
    job = client.train(name, name, epochs=300, validation={"folds": 4},
                       stop_when={"patience": 8}, **spec)
    folds, began, best = job["result"]["folds"], 0, []
    for fold in folds:
        assert fold["stop_reason"] == "patience"
        best.append(fold["best_epoch"] - began)
        began += fold["epochs"]
    final = by_fold(client.history(job["id"]))[None]
    assert len(final) == int(statistics.mean(best) + 0.5) < 290
    assert job["progress"]["fraction"] == 1
    plain = client.train(name, name, epochs=len(final), keep="last", **spec)
    assert digest(client, name, job) == digest(client, name, plain)


def test_each_fold_begins_alike(client, name):
    """Of rows that are all the same, each fold is the same training."""
    client.network(name, [(3, "tanh"), (1, "linear")], 2, seed=1)
    client.dataset(name, "a,b,y\n" + "1,2,0.5\n" * 30, "?task=regression")
    job = client.train(name, name, epochs=3, batch_size=4,
                       validation={"folds": 3},
                       optimizer={"type": "adam", "learning_rate": 0.01})
    folds = by_fold(client.history(job["id"]))
    for figure in ("loss", "val_loss", "gradient_norm"):
        first = [r[figure] for r in folds[1]]
        assert first == [r[figure] for r in folds[2]]
        assert first == [r[figure] for r in folds[3]]
    assert first[2] < first[0]


def test_after_kill_9_in_each_fold(new_daemon, client, name):
    spec = dict(epochs=8, seed=5, batch_size=4, validation={"folds": 4},
                class_weights="balanced", scale_inputs="standard",
                keep="last",
                optimizer={"type": "adam", "learning_rate": "auto"})
    made(client, name, 5000, 200)
    alone = client.train(name, name, **spec)

    daemon = new_daemon("--workers", "1").start()
    made(daemon.client, name, 5000, 200)
    job = daemon.client.submit(name, name, **spec)
    for run in range(5):  # each fold and the final model, once it has begun
        def beyond(run=run):
            now = daemon.client.job(job)
            return now["status"] in ("succeeded", "failed") or (
                now["status"] == "running"
                and now["progress"]["epoch"] > 8 * run)
        wait_until(beyond, 60)
        if daemon.client.job(job)["status"] == "running":
            daemon.kill()
            daemon.start()
    again = daemon.client.succeeded(job)
    assert again["resumes"] >= 3
    assert again["result"] == alone["result"]
    assert digest(daemon.client, name, again) == digest(client, name, alone)
    rows = [[{k: v for k, v in row.items() if k not in CLOCK}
             for row in c.history(j["id"])]
            for c, j in ((client, alone), (daemon.client, again))]
    assert rows[0] == rows[1]


def test_paused_in_a_fold_and_cancelled(client, groups):
    job = client.submit(groups, groups, epochs=30000, validation={"folds": 3})
    client.running(job, 5)
    now = client.ok("POST", f"/v1/jobs/{job}/pause", 200)
    assert now["status"] == "paused"
    client.ok("POST", f"/v1/jobs/{job}/resume", 200)
    client.running(job, now["progress"]["epoch"] + 5)
    progress = client.job(job)["progress"]
    assert progress["epochs"] == 120000 and progress["fold"] == 1
    ended = client.ok("POST", f"/v1/jobs/{job}/cancel", 200,
                      json_body={"keep": True})
    assert ended["status"] == "cancelled"
    assert [f["stop_reason"] for f in ended["result"]["folds"]] == ["cancelled"]
    client.predict(groups, [[0.5, 0.5]])


def test_a_fold_that_blows_up_is_told(client, name):
    client.network(name, [(1, "linear")], 1)
    client.dataset(name, line_data())
    job = client.ended(client.submit(
        name, name, epochs=500, validation={"folds": 2},
        optimizer={"type": "sgd", "learning_rate": 1e6}))
    assert job["status"] == "failed"
    assert job["error"]["code"] == "loss_not_finite"


def test_verified_and_not_continued(client, groups):
    job = client.train(groups, groups, epochs=2, validation={"folds": 3})
    again = client.ok("POST", f"/v1/jobs/{job['id']}/verify", 202)
    assert client.succeeded(again["id"])["result"]["equal"] is True
    answer = client.post(f"/v1/jobs/{job['id']}/continue", {"epochs": 9})
    assert answer.status == 409 and "folds" in answer.json["detail"]


def test_a_dry_run_counts_all_of_it(client, groups):
    def dry(**rest):
        return client.ok("POST", "/v1/jobs?dry_run=true", 200, json_body={
            "network": groups, "dataset": groups, "epochs": 1000, **rest})
    folds = dry(validation={"folds": 10})
    # Of what is measured, the one that nobody disturbed.
    plain = min((dry() for _ in range(5)), key=lambda x: x["estimated_seconds"])
    assert folds["errors"] == []
    assert folds["memory_bytes"] >= plain["memory_bytes"]
    assert folds["estimated_seconds"] > 4 * plain["estimated_seconds"]


@pytest.mark.parametrize("change, pointer, word", [
    ({"validation": {"folds": 1}}, "/validation/folds", "2"),
    ({"validation": {"folds": 100}}, "/validation/folds", "99"),
    ({"validation": {"folds": "5"}}, "/validation/folds", "number"),
    ({"validation": {"folds": 61}}, "/validation/folds", "60"),
    ({"validation": {"folds": 5, "fraction": 0.5}}, "/validation", "one of"),
    ({"validation": {"folds": 5}, "restarts": 2}, "/restarts", "1"),
    ({"validation": {"folds": 5}, "stop_when": {"seconds": 5}},
     "/stop_when/seconds", "null"),
])
def test_what_cannot_be(client, groups, change, pointer, word):
    answer = client.post("/v1/jobs", {"network": groups, "dataset": groups,
                                      **change})
    assert answer.status == 422 and answer.pointers == [pointer], answer
    assert word in answer.json["errors"][0]["detail"]
