"""Jobs: submitted complete, followed, stopped, told apart from their failures."""

import math
import threading

import pytest

from support import HEAVY, TIME, XOR, line_data, two_groups, wait_until

FOREVER = 100000000


@pytest.fixture
def line(client, name):
    """A network and a dataset of one name: y = 2 x - 1."""
    client.network(name, [(1, "linear")], 1)
    client.dataset(name, line_data())
    return name


@pytest.fixture
def groups(client, name):
    client.network(name, [(8, "relu"), (2, "softmax")], 2,
                   loss="cross_entropy")
    client.dataset(name, two_groups())
    return name


# --- submitted ----------------------------------------------------------------------

def test_submit_answers_the_spec_complete(client, line):
    answer = client.post("/v1/jobs", {"network": line, "dataset": line})
    assert answer.status == 202, answer
    job = answer.json
    assert answer.headers["Location"] == f"/v1/jobs/{job['id']}"
    assert job["status"] in ("queued", "running", "succeeded")
    assert (job["network"], job["dataset"]) == (line, line)
    assert job["epochs"] == 10 and job["batch_size"] == 32
    assert job["shuffle"] is True and job["seed"] == 0
    assert job["scale_inputs"] == "none"
    assert job["keep"] == "best" and job["start_from"] == "latest"
    optimizer = job["optimizer"]
    assert optimizer["type"] == "adam"
    assert optimizer["learning_rate"] == pytest.approx(0.001, rel=1e-6)
    assert job["progress"]["epochs"] == 10
    assert job["resumes"] == 0
    assert TIME.match(job["created_at"])
    client.succeeded(job["id"])


def test_a_job_that_succeeded_tells_how(client, line):
    job = client.train(line, line, epochs=5, seed=3,
                       optimizer={"type": "sgd", "learning_rate": 0.1})
    assert job["result"]["version"] == 1
    assert 1 <= job["result"]["best_epoch"] <= 5
    assert isinstance(job["result"]["stop_reason"], str)
    assert job["error"] is None
    assert job["progress"]["epoch"] == 5
    assert job["progress"]["fraction"] == 1
    assert job["metrics"]["loss"] >= 0
    assert job["created_at"] <= job["started_at"] <= job["finished_at"]
    assert job["optimizer"]["momentum"] == 0


def test_its_version_tells_where_it_is_from(client, line):
    job = client.train(line, line, epochs=2)
    version = client.version(line, 1)
    dataset = client.ok("GET", f"/v1/datasets/{line}", 200)
    assert version["job"] == job["id"]
    assert version["dataset"] == line
    assert version["dataset_sha256"] == dataset["sha256"]
    assert version["metrics"]["loss"] >= 0
    assert client.ok("GET", f"/v1/networks/{line}", 200)["latest_version"] == 1


def test_it_learns(client, line):
    client.train(line, line, epochs=300, batch_size=8,
                 optimizer={"type": "sgd", "learning_rate": 0.3})
    got = client.predict(line, [[0.0], [0.5], [1.0]])["outputs"]
    for (y,), expected in zip(got, [-1, 0, 1]):
        assert y == pytest.approx(expected, abs=1e-3)


# --- history --------------------------------------------------------------------------

def test_history_is_a_row_an_epoch(client, groups):
    job = client.train(groups, groups, epochs=7)
    rows = client.history(job["id"])
    assert [r["epoch"] for r in rows] == list(range(1, 8))
    for row in rows:
        assert row["loss"] > 0 and 0 <= row["accuracy"] <= 1
        assert row["gradient_norm"] > 0 and row["seconds"] >= 0
        assert row["learning_rate"] == pytest.approx(0.001, rel=1e-6)
        assert "val_loss" not in row
    assert rows[-1]["loss"] < rows[0]["loss"]
    assert job["metrics"]["loss"] == rows[-1]["loss"]


def test_history_of_a_regression_has_no_accuracy(client, line):
    job = client.train(line, line, epochs=2)
    assert all("accuracy" not in r for r in client.history(job["id"]))


def test_history_goes_on_after_what_is_known(client, line):
    job = client.train(line, line, epochs=10)["id"]
    page = client.ok("GET", f"/v1/jobs/{job}/history?after=4&limit=3", 200)
    assert [r["epoch"] for r in page["data"]] == [5, 6, 7]
    assert page["next"] == 7
    page = client.ok("GET", f"/v1/jobs/{job}/history?after=7", 200)
    assert [r["epoch"] for r in page["data"]] == [8, 9, 10]
    assert page["next"] is None
    assert client.ok("GET", f"/v1/jobs/{job}/history?after=10", 200) == {
        "data": [], "next": None}


def test_polling_a_running_job_misses_and_repeats_nothing(client, line):
    job = client.submit(line, line, epochs=2000, batch_size=1)
    seen = []

    def poll():
        ended = client.job(job)["status"] == "succeeded"
        after = seen[-1] if seen else 0
        while after is not None:
            page = client.ok("GET", f"/v1/jobs/{job}/history?after={after}",
                             200)
            seen.extend(r["epoch"] for r in page["data"])
            after = page["next"]
        return ended
    wait_until(poll, 60, "the job")
    assert seen == list(range(1, 2001))


# --- lists ------------------------------------------------------------------------------

def test_jobs_are_listed_by_network_and_status(client, line):
    ids = [client.train(line, line, epochs=1)["id"] for _ in range(3)]
    listed = client.ok("GET", f"/v1/jobs?network={line}", 200)
    assert [j["id"] for j in listed["data"]] == ids
    assert listed["next"] is None
    page = client.ok("GET", f"/v1/jobs?network={line}&limit=2", 200)
    assert [j["id"] for j in page["data"]] == ids[:2]
    rest = client.ok(
        "GET", f"/v1/jobs?network={line}&after={page['next']}", 200)
    assert [j["id"] for j in rest["data"]] == ids[2:]

    def count(status):
        return len(client.ok(
            "GET", f"/v1/jobs?network={line}&status={status}", 200)["data"])
    assert count("succeeded") == 3
    assert count("failed") == count("queued") == count("running") == 0
    assert client.ok("GET", "/v1/jobs?network=not-there", 200)["data"] == []


@pytest.mark.parametrize("after", [2**63 - 1, 2**63, 2**64 - 1])
def test_nothing_comes_after_the_largest_number(client, line, after):
    job = client.train(line, line, epochs=1)["id"]
    for path in ("/v1/jobs", f"/v1/jobs/{job}/log", f"/v1/jobs/{job}/history",
                 f"/v1/networks/{line}/versions", f"/v1/datasets/{line}/rows"):
        page = client.ok("GET", f"{path}?after={after}", 200)
        assert page == {"data": [], "next": None}, path
    client.ok("GET", f"/v1/datasets/{line}/rows?revision={after}", 404)


@pytest.mark.parametrize("query", [
    "status=done", "status=", "after=x", "limit=0", "colour=red"])
def test_a_bad_query_is_malformed(client, query):
    assert client.get(f"/v1/jobs?{query}").status == 400


@pytest.mark.parametrize("job", [
    "0", "-1", "01", "1e3", "abc", "999999999", "9223372036854775808",
    "1" * 300])
def test_a_job_that_cannot_be_is_not_found(client, job):
    for path in ("", "/history"):
        assert client.get(f"/v1/jobs/{job}{path}").status == 404
    assert client.post(f"/v1/jobs/{job}/cancel").status == 404
    assert client.delete(f"/v1/jobs/{job}").status == 404


# --- refused ----------------------------------------------------------------------------

@pytest.mark.parametrize("change, pointer", [
    ({"network": "not-there"}, "/network"),
    ({"network": 1}, "/network"),
    ({"dataset": "not-there"}, "/dataset"),
    ({"dataset": None}, "/dataset"),
    ({"epochs": 0}, "/epochs"),
    ({"epochs": -5}, "/epochs"),
    ({"epochs": 1.5}, "/epochs"),
    ({"epochs": 10**18}, "/epochs"),
    ({"epochs": "10"}, "/epochs"),
    ({"batch_size": 0}, "/batch_size"),
    ({"batch_size": "all"}, "/batch_size"),
    ({"batch_size": 2**40}, "/batch_size"),
    ({"shuffle": "no"}, "/shuffle"),
    ({"seed": -1}, "/seed"),
    ({"seed": 2**64}, "/seed"),
    ({"optimizer": "adam"}, "/optimizer"),
    ({"optimizer": {}}, "/optimizer/type"),
    ({"optimizer": {"type": "adamant"}}, "/optimizer/type"),
    ({"optimizer": {"type": "sgd", "learning_rate": 0}},
     "/optimizer/learning_rate"),
    ({"optimizer": {"type": "sgd", "learning_rate": -1}},
     "/optimizer/learning_rate"),
    ({"optimizer": {"type": "sgd", "learning_rate": 1e39}},
     "/optimizer/learning_rate"),
    ({"optimizer": {"type": "sgd", "learning_rate": None}},
     "/optimizer/learning_rate"),
    ({"optimizer": {"type": "sgd", "momentum": 1.0}}, "/optimizer/momentum"),
    ({"optimizer": {"type": "sgd", "momentum": -0.1}}, "/optimizer/momentum"),
    ({"optimizer": {"type": "adam", "momentum": 0.5}}, "/optimizer/momentum"),
    ({"optimizer": {"type": "adam", "beta_1": 1}}, "/optimizer/beta_1"),
    ({"optimiser": {"type": "adam"}}, "/optimiser"),
    ({"learning_rate": 0.1}, "/learning_rate"),
    ({"scale_inputs": "log"}, "/scale_inputs"),
    ({"scale_inputs": True}, "/scale_inputs"),
    ({"validation": 0.1}, "/validation"),
    ({"validation": {"fraction": 1}}, "/validation/fraction"),
    ({"validation": {"fraction": -0.1}}, "/validation/fraction"),
    ({"validation": {"dataset": "not-there"}}, "/validation/dataset"),
    ({"validation": {"fraction": 0.1, "part": 1}}, "/validation/part"),
    ({"stop_when": {"loss": 1}}, "/stop_when/loss"),
    ({"stop_when": {"patience": -1}}, "/stop_when/patience"),
    ({"stop_when": {"accuracy_above": 2}}, "/stop_when/accuracy_above"),
    ({"stop_when": {"seconds": -1}}, "/stop_when/seconds"),
    ({"keep": "worst"}, "/keep"),
    ({"start_from": "middle"}, "/start_from"),
    ({"start_from": 7}, "/start_from"),
    ({"start_from": -1}, "/start_from"),
    ({"colour": "red"}, "/colour"),
])
def test_a_mistake_is_named(client, line, change, pointer):
    answer = client.post("/v1/jobs", {"network": line, "dataset": line,
                                      **change})
    assert answer.status == 422, answer
    assert pointer in answer.pointers, answer
    assert client.ok("GET", f"/v1/jobs?network={line}", 200)["data"] == []


def test_all_mistakes_are_told_at_once(client, line):
    answer = client.post("/v1/jobs", {
        "network": line, "dataset": line, "epochs": 0, "batch_size": 0,
        "optimizer": {"type": "sgd", "learning_rate": -1}, "colour": "red"})
    assert answer.status == 422
    assert {"/epochs", "/batch_size", "/optimizer/learning_rate",
            "/colour"} <= set(answer.pointers), answer


@pytest.mark.parametrize("change, pointers", [
    ({"network": "nope", "dataset": "nope"}, ["/network", "/dataset"]),
    ({"network": "nope", "dataset": "nope", "epochs": 0},
     ["/epochs", "/network", "/dataset"]),
    ({"start_from": 7, "sample_weight": "w", "validation": {"dataset": "nope"}},
     ["/start_from", "/validation/dataset", "/sample_weight"]),
    # What is not known says nothing of what hangs on it.
    ({"network": "nope", "class_weights": "balanced",
      "stop_when": {"accuracy_above": 0.9}}, ["/network", "/class_weights"]),
    ({"network": 3, "dataset": "nope"}, ["/network", "/dataset"]),
    ({"dataset": "nope", "start_from": 7, "sample_weight": "w", "keep": 1},
     ["/keep", "/start_from", "/dataset"]),
    ({"start_from": 7, "validation": {"column": "w"}, "seed": -1},
     ["/seed", "/start_from", "/validation/column"]),
])
def test_a_mistake_hides_no_other(client, line, change, pointers):
    body = {"network": line, "dataset": line, **change}
    answer = client.post("/v1/jobs", json_body=body)
    assert answer.status == 422 and answer.pointers == pointers, answer
    dry = client.ok("POST", "/v1/jobs?dry_run=true", 200, json_body=body)
    assert [x["pointer"] for x in dry["errors"]] == pointers


def test_a_dataset_that_does_not_fit_hides_no_version(client, name, line):
    client.network(f"{name}.wide", [(1, "linear")], 3)
    answer = client.post("/v1/jobs", json_body={
        "network": f"{name}.wide", "dataset": line, "start_from": 7})
    assert answer.status == 422
    assert answer.pointers == ["/start_from", "/dataset"], answer


def test_an_empty_object_lacks_network_and_dataset(client):
    answer = client.post("/v1/jobs", {})
    assert answer.status == 422
    assert {"/network", "/dataset"} <= set(answer.pointers)


def test_sizes_that_do_not_fit_are_told_with_both_numbers(client, name):
    client.network(name, [(1, "linear")], 5)
    client.dataset(name, line_data())
    answer = client.post("/v1/jobs", {"network": name, "dataset": name})
    assert answer.status == 422, answer
    text = answer.body.decode()
    assert "/dataset" in answer.pointers or "/network" in answer.pointers
    assert "5" in text and "1" in text


def test_outputs_that_do_not_fit_the_classes(client, name):
    client.network(name, [(5, "softmax")], 2, loss="cross_entropy")
    client.dataset(name, two_groups())
    answer = client.post("/v1/jobs", {"network": name, "dataset": name})
    assert answer.status == 422, answer
    assert "/dataset" in answer.pointers, answer


# --- cancelled, deleted, in use ------------------------------------------------------------

def test_cancel_stops_a_running_job(client, line):
    job = client.submit(line, line, epochs=FOREVER)
    client.running(job)
    cancelled = client.ok("POST", f"/v1/jobs/{job}/cancel", 200)
    assert cancelled["status"] == "cancelled"
    assert TIME.match(cancelled["finished_at"])
    again = client.ok("POST", f"/v1/jobs/{job}/cancel", 200)
    assert again["status"] == "cancelled"
    epochs = [r["epoch"] for r in client.history(job)]
    assert epochs == list(range(1, len(epochs) + 1)) and epochs


def test_cancel_stops_within_a_long_epoch(client, name):
    """An epoch of minutes; the answer comes after a few batches."""
    client.network(name, [(1024, "relu"), (1, "linear")], 1)
    client.dataset(name, line_data(20000))
    job = client.submit(name, name, epochs=FOREVER, batch_size=1)
    client.running(job, epochs=0)
    assert client.ok("POST", f"/v1/jobs/{job}/cancel",
                     200)["status"] == "cancelled"


def test_a_finished_job_cannot_be_cancelled(client, line):
    job = client.train(line, line, epochs=1)["id"]
    answer = client.post(f"/v1/jobs/{job}/cancel")
    assert answer.status == 409, answer


def test_what_is_in_use_cannot_be_deleted(client, line):
    job = client.submit(line, line, epochs=FOREVER)
    client.running(job)
    assert client.delete(f"/v1/jobs/{job}").status == 409
    answer = client.delete(f"/v1/networks/{line}")
    assert (answer.status, answer.json["code"]) == (409, "network_busy")
    answer = client.delete(f"/v1/datasets/{line}")
    assert (answer.status, answer.json["code"]) == (409, "dataset_busy")
    client.ok("POST", f"/v1/jobs/{job}/cancel", 200)
    client.ok("DELETE", f"/v1/datasets/{line}", 204)
    client.ok("DELETE", f"/v1/networks/{line}", 204)
    client.ok("DELETE", f"/v1/jobs/{job}", 204)
    assert client.get(f"/v1/jobs/{job}").status == 404
    assert client.get(f"/v1/jobs/{job}/history").status == 404


def test_a_job_outlives_its_network(client, line):
    job = client.train(line, line, epochs=1)
    client.ok("DELETE", f"/v1/networks/{line}", 204)
    client.ok("DELETE", f"/v1/datasets/{line}", 204)
    assert client.job(job["id"]) == job


def test_a_queue_longer_than_the_workers(new_daemon):
    client = new_daemon("--workers", "1").start().client
    client.network("net", [(1, "linear")], 1)
    client.dataset("data", line_data())
    first = client.submit("net", "data", epochs=FOREVER)
    client.running(first)
    waiting = [client.submit("net", "data", epochs=3) for _ in range(10)]
    assert {client.job(j)["status"] for j in waiting} == {"queued"}
    cancelled = client.ok("POST", f"/v1/jobs/{waiting[4]}/cancel", 200)
    assert cancelled["status"] == "cancelled"
    client.ok("POST", f"/v1/jobs/{first}/cancel", 200)
    ended = [client.ended(j) for j in waiting if j != waiting[4]]
    assert [j["status"] for j in ended] == ["succeeded"] * 9
    # In the order of their submission, each with a version of its own.
    assert [j["result"]["version"] for j in ended] == list(range(1, 10))
    starts = [j["started_at"] for j in ended]
    assert starts == sorted(starts)


def test_jobs_from_many_clients_at_once(client, line):
    count = 40 if HEAVY else 12
    ids = []
    threads = [threading.Thread(target=lambda: ids.append(
        client.submit(line, line, epochs=3))) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(ids)) == count
    versions = {client.succeeded(j)["result"]["version"] for j in ids}
    assert versions == set(range(1, count + 1))


# --- stop_when, validation, keep -------------------------------------------------------------

def test_stop_when_the_loss_is_low(client, line):
    job = client.train(line, line, epochs=100000, batch_size=8,
                       optimizer={"type": "sgd", "learning_rate": 0.3},
                       stop_when={"loss_below": 0.001})
    rows = client.history(job["id"])
    assert rows[-1]["loss"] < 0.001 <= rows[-2]["loss"]
    assert job["result"]["stop_reason"] == "loss_below"


def test_stop_when_the_accuracy_is_high(client, groups):
    job = client.train(groups, groups, epochs=100000,
                       stop_when={"accuracy_above": 0.98})
    rows = client.history(job["id"])
    assert rows[-1]["accuracy"] > 0.98 >= rows[-2]["accuracy"]
    assert job["result"]["stop_reason"] == "accuracy_above"


def test_stop_when_it_gets_no_better(client, groups):
    """Rows that contradict each other: the loss stays at ln 2."""
    client.dataset(groups + ".c", "a,b,colour\n0,0,red\n0,0,blue\n"
                   "1,1,red\n1,1,blue\n")
    job = client.train(groups, groups + ".c", epochs=100000, batch_size=1,
                       optimizer={"type": "sgd", "learning_rate": 0.5},
                       stop_when={"patience": 4})
    best = job["result"]["best_epoch"]
    assert job["result"]["stop_reason"] == "patience"
    assert job["progress"]["epoch"] == best + 4


def test_stop_when_the_time_is_over(client, line):
    job = client.train(line, line, epochs=FOREVER,
                       stop_when={"seconds": 0.5})
    assert job["result"]["stop_reason"] == "seconds"
    assert job["progress"]["epoch"] < FOREVER


def test_without_a_reason_it_runs_to_the_end(client, line):
    job = client.train(line, line, epochs=3)
    assert job["progress"]["epoch"] == 3
    assert job["result"]["stop_reason"] == "epochs"


# --- schedules and Prechelt's criteria ---------------------------------------------------

def rates(client, groups, schedule, epochs, **more):
    job = client.train(groups, groups, epochs=epochs, schedule=schedule,
                       optimizer={"type": "sgd", "learning_rate": 0.5}, **more)
    return [r["learning_rate"] for r in client.history(job["id"])]


def cosine(k, period, low):
    return low + (0.5 - low) * (1 + math.cos(math.pi * k / period)) / 2


@pytest.mark.parametrize("schedule, expected", [
    ({"type": "constant"}, [0.5] * 6),
    ({"type": "constant", "warmup_epochs": 3}, [0.125, 0.25, 0.375] + [0.5] * 3),
    ({"type": "step", "every_epochs": 2, "factor": 0.5},
     [0.5, 0.5, 0.25, 0.25, 0.125, 0.125]),
    ({"type": "exponential", "factor": 0.5},
     [0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015625]),
    ({"type": "exponential", "factor": 0.5, "warmup_epochs": 1},
     [0.25, 0.5, 0.25, 0.125, 0.0625, 0.03125]),
    ({"type": "cosine", "min_rate": 0.1}, [cosine(k, 6, 0.1) for k in range(6)]),
    ({"type": "cosine", "restart_epochs": 3},
     [cosine(k % 3, 3, 0) for k in range(6)]),
])
def test_a_schedule_moves_the_rate(client, groups, schedule, expected):
    assert rates(client, groups, schedule, 6) == pytest.approx(expected, rel=1e-6)


def test_a_plateau_lowers_the_rate(client, groups):
    """Rows that contradict each other cannot get better for long."""
    client.dataset(groups + ".c", "a,b,colour\n0,0,red\n0,0,blue\n"
                   "1,1,red\n1,1,blue\n")
    job = client.train(groups, groups + ".c", epochs=60, batch_size=1,
                       optimizer={"type": "sgd", "learning_rate": 0.5},
                       schedule={"type": "plateau", "patience": 3,
                                 "factor": 0.5, "min_rate": 0.1})
    rows = client.history(job["id"])
    assert rows[0]["learning_rate"] == 0.5
    best, waited, rate = math.inf, 0, 0.5
    for row in rows:
        assert row["learning_rate"] == pytest.approx(max(rate, 0.1), rel=1e-6)
        better = row["loss"] < best
        best = min(best, row["loss"])
        waited = 0 if better else waited + 1
        if waited == 3:
            rate, waited = rate / 2, 0
    assert rate < 0.5, "the rate never fell: the test proves nothing"


@pytest.mark.parametrize("schedule, pointer", [
    ({"type": "linear"}, "/schedule/type"),
    ({"factor": 0.5}, "/schedule/type"),
    ({"type": "step", "every_epochs": 0}, "/schedule/every_epochs"),
    ({"type": "step", "factor": 0}, "/schedule/factor"),
    ({"type": "cosine", "factor": 0.5}, "/schedule/factor"),
    ({"type": "constant", "warmup_epochs": 6}, "/schedule/warmup_epochs"),
    ("cosine", "/schedule"),
])
def test_a_mistake_in_a_schedule_is_named(client, groups, schedule, pointer):
    answer = client.post("/v1/jobs", {"network": groups, "dataset": groups,
                                      "epochs": 6, "schedule": schedule})
    assert answer.status == 422
    assert answer.pointers == [pointer], answer


def test_stop_when_it_generalises_worse(client, groups):
    """Validation rows that say the opposite get worse at once."""
    client.dataset(groups + ".o", "a,b,colour\n0,0,blue\n3,3,red\n")
    job = client.train(groups, groups, epochs=1000,
                       validation={"dataset": groups + ".o"},
                       stop_when={"generalization_loss_above": 5})
    rows = client.history(job["id"])
    assert job["result"]["stop_reason"] == "generalization_loss"
    least = math.inf
    for row in rows:
        least = min(least, row["val_loss"])
        gl = 100 * (row["val_loss"] / least - 1)
        assert (gl > 5) == (row is rows[-1]), row


def test_stop_when_progress_is_small(client, groups):
    job = client.train(groups, groups, epochs=100000,
                       optimizer={"type": "sgd", "learning_rate": 0.3},
                       validation={"fraction": 0.2, "every_epochs": 3},
                       stop_when={"progress_below": 20, "strip_epochs": 4})
    rows = client.history(job["id"])
    assert job["result"]["stop_reason"] == "progress"
    for i, row in enumerate(rows):
        strip = [r["loss"] for r in rows[max(0, i - 3):i + 1]]
        p = 1000 * (sum(strip) / len(strip) / min(strip) - 1)
        stops = len(strip) == 4 and "val_loss" in row and p < 20
        assert stops == (row is rows[-1]), row


@pytest.mark.parametrize("name_", ["generalization_loss_above", "progress_below"])
def test_prechelt_needs_a_validation(client, groups, name_):
    answer = client.post("/v1/jobs", {"network": groups, "dataset": groups,
                                      "stop_when": {name_: 5}})
    assert answer.status == 422
    assert answer.pointers == [f"/stop_when/{name_}"], answer


def test_min_delta_is_what_counts_as_better(client, groups):
    job = client.train(groups, groups, epochs=1000,
                       stop_when={"patience": 2, "min_delta": 1000})
    assert job["result"]["stop_reason"] == "patience"
    assert job["result"]["best_epoch"] == 1
    assert job["progress"]["epoch"] == 3


# --- validation --------------------------------------------------------------------------

def test_validation_by_a_fraction(client, groups):
    job = client.train(groups, groups, epochs=6,
                       validation={"fraction": 0.25, "every_epochs": 2})
    rows = client.history(job["id"])
    assert [r["epoch"] for r in rows if "val_loss" in r] == [2, 4, 6]
    assert [r["epoch"] for r in rows if "val_accuracy" in r] == [2, 4, 6]
    # A quarter of each class, to the nearest row: 8 of 30, twice.
    for row in rows[1::2]:
        assert row["val_accuracy"] * 16 == pytest.approx(
            round(row["val_accuracy"] * 16), abs=1e-3)


def test_validation_by_a_dataset(client, groups):
    client.dataset(groups + ".v", "a,b,colour\n0,0,red\n3,3,blue\n1,1,red\n")
    job = client.train(groups, groups, epochs=80,
                       validation={"dataset": groups + ".v"})
    rows = client.history(job["id"])
    assert all("val_loss" in r for r in rows)
    best = min(rows, key=lambda r: r["val_loss"])
    assert job["result"]["best_epoch"] == best["epoch"]


def test_the_best_epoch_is_kept_or_the_last(client, name):
    """A rate so large that the loss jumps: best and last are not the same."""
    client.dataset(name, two_groups())
    digests = {}
    for keep in ("best", "last"):
        net = f"{name}.{keep}"
        client.network(net, [(4, "tanh"), (2, "softmax")], 2,
                       loss="cross_entropy")
        job = client.train(net, name, epochs=30, keep=keep, seed=2,
                           optimizer={"type": "sgd", "learning_rate": 20.0})
        rows = client.history(job["id"])
        if keep == "best":
            assert job["result"]["best_epoch"] == min(
                rows, key=lambda r: r["loss"])["epoch"]
        digests[keep] = client.version(net, 1)["sha256"]
    assert digests["best"] != digests["last"]


# --- failing -----------------------------------------------------------------------------------

def test_a_loss_that_is_no_number_fails_the_job(client, name):
    client.network(name, [(4, "relu"), (1, "linear")], 1)
    client.dataset(name, line_data())
    before = client.predict(name, [[1.0]])
    job = client.ended(client.submit(
        name, name, epochs=1000, optimizer={"type": "sgd",
                                            "learning_rate": 1e6}))
    assert job["status"] == "failed", job
    assert job["error"]["code"] == "loss_not_finite"
    assert job["error"]["detail"]
    assert TIME.match(job["finished_at"])
    # What served before serves on.
    assert client.predict(name, [[1.0]]) == before
    assert client.ok("GET", f"/v1/networks/{name}", 200)["latest_version"] == 0


def test_a_failed_job_leaves_the_daemon_working(client, line):
    client.ended(client.submit(line, line, epochs=100, optimizer={
        "type": "sgd", "learning_rate": 1e6}))
    assert client.train(line, line, epochs=2)["status"] == "succeeded"


# --- the same bytes -----------------------------------------------------------------------------

def test_the_same_seed_gives_the_same_bytes_alone_or_in_company(client, name):
    client.dataset(name, two_groups())

    def submit(i, seed):
        net = f"{name}.{i}"
        client.network(net, [(16, "tanh"), (2, "softmax")], 2,
                       loss="cross_entropy", seed=9)
        return net, client.submit(net, name, epochs=20, batch_size=7,
                                  seed=seed)

    def digest(net, job):
        client.succeeded(job)
        return client.version(net, 1)["sha256"]
    alone = digest(*submit("alone", 4))
    together = [submit(i, 4) for i in range(6)]
    assert {digest(*pair) for pair in together} == {alone}
    assert digest(*submit("other", 5)) != alone


@pytest.mark.parametrize("batch", [1, 7, 60, 1000, "full"])
def test_any_batch_size(client, groups, batch):
    job = client.train(groups, groups, epochs=2, batch_size=batch)
    assert job["batch_size"] == batch
    assert len(client.history(job["id"])) == 2


@pytest.mark.parametrize("optimizer", [
    {"type": "sgd", "learning_rate": 0.1},
    {"type": "sgd", "learning_rate": 0.1, "momentum": 0.9},
    {"type": "adam", "learning_rate": 0.01, "beta_1": 0.8, "beta_2": 0.99,
     "epsilon": 1e-6}])
def test_every_optimiser_learns(client, groups, optimizer):
    job = client.train(groups, groups, epochs=60, optimizer=optimizer)
    rows = client.history(job["id"])
    assert rows[-1]["loss"] < rows[0]["loss"] / 2
    for member, value in optimizer.items():
        shown = job["optimizer"][member]
        assert shown == value or shown == pytest.approx(value, rel=1e-6)


def test_where_a_job_starts_from(client, line):
    def digest_of(start):
        version = client.train(line, line, epochs=2, start_from=start,
                               seed=1)["result"]["version"]
        return version, client.version(line, version)["sha256"]
    first = digest_of("latest")[1]                 # version 1, from 0
    assert digest_of("initial")[1] == first        # version 2
    assert digest_of(0)[1] == first                # version 3
    second = digest_of("latest")[1]                # version 4, from 3
    assert second != first
    assert digest_of(1)[1] == second               # version 5, from 1


def test_scaling_is_part_of_the_model(client, name):
    """Inputs around a million: without scaling nothing could be learnt."""
    rows = "".join(f"{1000000 + i},{i / 32 - 1}\n" for i in range(64))
    client.dataset(name, "x,y\n" + rows)
    for scaling in ("standard", "min_max"):
        net = f"{name}.{scaling}"
        client.network(net, [(1, "linear")], 1)
        client.train(net, name, epochs=400, batch_size=8,
                     scale_inputs=scaling,
                     optimizer={"type": "sgd", "learning_rate": 0.2})
        y = client.predict(net, [[1000032]])["outputs"][0][0]
        assert y == pytest.approx(0, abs=0.01)


def test_a_table_of_one_row_is_enough(client, name):
    client.network(name, [(1, "sigmoid")], 2)
    client.rows(name, [[1, 2]], [[0.5]], "?task=regression")
    assert client.train(name, name, epochs=3)["status"] == "succeeded"


def test_xor_as_the_readme_has_it(client, name):
    client.network(name, [(4, "tanh"), (1, "sigmoid")], 2,
                   loss="binary_cross_entropy", seed=1)
    client.dataset(name, XOR)
    client.train(name, name, epochs=2000, batch_size="full", optimizer={
        "type": "adam", "learning_rate": 0.05},
        stop_when={"loss_below": 0.01})
    answer = client.predict(name, [[0, 0], [0, 1], [1, 0], [1, 1]])
    assert answer["labels"] == ["0", "1", "1", "0"]


@pytest.mark.parametrize("member, meant", [
    ("validation_split", "validation"), ("epoch", "epochs"),
    ("Batch_Size", "batch_size"), ("shcedule", "schedule"), ("xyz", None)])
def test_an_unknown_member_is_told_what_it_could_be(client, name, member,
                                                    meant):
    answer = client.post("/v1/jobs", {"network": name, "dataset": name,
                                      member: 1})
    told = {e["pointer"]: e["detail"] for e in answer.json["errors"]}
    detail = told[f"/{member}"]
    assert detail.startswith(
        f'unknown member; did you mean "{meant}"? known here: network'
        if meant else "unknown member; known here: network"), detail
    known = detail.split("known here: ")[1].split(", ")
    assert {"scale_inputs", "validation", "stop_when", "keep",
            "start_from"} <= set(known)
    assert len(known) == len(set(known))
