"""What can be asked of a job on its way: its log, pause, cancel, more epochs."""

import ctypes
import http.client
import json
import pathlib
import signal

import pytest

from support import TIME, gzipped, line_data, two_groups, wait_until

SPEC = dict(batch_size=7, seed=3, scale_inputs="standard",
            optimizer={"type": "adam", "learning_rate": 0.003},
            validation={"fraction": 0.2})


def log(client, job):
    return client.ok("GET", f"/v1/jobs/{job}/log?limit=1000", 200)["data"]


def statuses(client, job):
    return [(x["status"], x["reason"]) for x in log(client, job)]


def ask(client, job, what, status=200, **rest):
    return client.ok("POST", f"/v1/jobs/{job}/{what}", status, **rest)


def losses(rows):
    """What does not depend on the clock."""
    return [{k: v for k, v in row.items()
             if k not in ("seconds", "samples_per_second")} for row in rows]


def prepare(client, name, seed=3):
    client.dataset(name, line_data(40))
    client.network(name, [(4, "tanh"), (1, "linear")], 1, seed=seed)


def classes(client, name, rows=600):
    client.dataset(name, two_groups(rows))
    client.network(name, [(24, "tanh"), (2, "softmax")], 2,
                   loss="cross_entropy", seed=5)


# --- the log -----------------------------------------------------------------

def test_every_change_of_status_is_told_with_time_and_reason(client, name):
    prepare(client, name)
    job = client.submit(name, name, epochs=3)
    client.succeeded(job)
    events = log(client, job)
    assert [(x["status"], x["reason"], x["epoch"]) for x in events] == [
        ("queued", "submitted", 0), ("running", "started", 0),
        ("succeeded", "epochs", 3)]
    assert all(x["job"] == job and TIME.match(x["at"]) for x in events)
    assert sorted(x["event"] for x in events) == [x["event"] for x in events]


def test_the_log_comes_in_pages(client, name):
    prepare(client, name)
    job = client.submit(name, name, epochs=1)
    client.succeeded(job)
    whole = log(client, job)
    page = client.ok("GET", f"/v1/jobs/{job}/log?limit=2", 200)
    assert page["data"] == whole[:2] and page["next"] == whole[1]["event"]
    page = client.ok("GET", f"/v1/jobs/{job}/log?after={page['next']}", 200)
    assert page["data"] == whole[2:] and page["next"] is None


@pytest.mark.parametrize("what", ["log", "pause", "resume", "cancel",
                                  "continue", "verify"])
def test_nothing_can_be_asked_of_no_job(client, what):
    for job in ("999999", "x", "-1", "01"):
        path = f"/v1/jobs/{job}/{what}"
        if what == "log":
            assert client.get(path).status == 404
            assert client.post(path).status == 405
        else:
            body = {"epochs": 3} if what == "continue" else None
            assert client.post(path, json_body=body).status == 404
            assert client.get(path).status == 405


def test_actions_take_an_empty_object(client, name):
    prepare(client, name)
    job = client.submit(name, name, epochs=10**6)
    for body in ("", "{}", " {\r\n\t} \n"):
        for kind in ("application/json", "application/x-www-form-urlencoded"):
            headers = {"Content-Type": kind}
            ask(client, job, "pause", body=body, headers=headers)
            assert client.job(job)["status"] == "paused"
            ask(client, job, "resume", body=body, headers=headers)
            assert client.job(job)["status"] in ("queued", "running")
    ask(client, job, "cancel", body="{}")
    answer = client.post(f"/v1/jobs/{job}/pause", body=gzipped(b"{}"),
                         headers={"Content-Encoding": "gzip"})
    assert answer.status == 409, answer  # it has ended, but was asked well


@pytest.mark.parametrize("body", [
    "{", "}{", "{}{}", "{}x", "[]", "null", '{"a": 1}', "0", "\0", "{}\0",
    "{\0}", "x" * 1024])
def test_actions_take_no_other_body(client, body):
    link = http.client.HTTPConnection(client.host, client.port, timeout=20)
    sockets = set()
    for path in ("/v1/jobs/0/pause", "/v1/jobs/0/resume", "/v1/jobs/0/verify"):
        link.request("POST", path, body=body,
                     headers={"Content-Type": "application/json"})
        sockets.add(link.sock)
        response = link.getresponse()
        problem = json.loads(response.read())
        assert response.status == 400, problem
        assert "{}" in problem["detail"]
    assert len(sockets) == 1  # it was read: the connection goes on
    link.close()


def test_a_long_body_of_an_action_is_not_read(client):
    answer = client.post("/v1/jobs/0/pause", body=" " * 1025)
    assert answer.status == 413 and answer.json["code"] == "too_large"


# --- pause and resume --------------------------------------------------------

def test_a_paused_job_ends_with_the_same_bytes(client, name):
    calm, other = f"{name}-a", f"{name}-b"
    classes(client, calm)
    client.network(other, [(24, "tanh"), (2, "softmax")], 2,
                   loss="cross_entropy", seed=5)
    expected = client.train(calm, calm, epochs=300, **SPEC)
    job = client.submit(other, calm, epochs=300, **SPEC)
    for epochs in (3, 40):
        client.running(job, epochs)
        now = ask(client, job, "pause")
        assert now["status"] == "paused"
        assert ask(client, job, "pause")["status"] == "paused"
        assert ask(client, job, "resume")["status"] in ("queued", "running")
        ask(client, job, "resume")
    found = client.succeeded(job)
    assert found["resumes"] == 0  # nothing happened to it
    assert (client.version(other, 1)["sha256"]
            == client.version(calm, 1)["sha256"])
    assert losses(client.history(job)) == losses(
        client.history(expected["id"]))
    assert statuses(client, job) == [
        ("queued", "submitted"), ("running", "started"),
        ("paused", "requested"), ("queued", "resumed"),
        ("running", "went_on"), ("paused", "requested"),
        ("queued", "resumed"), ("running", "went_on"),
        ("succeeded", "epochs")]


# Seen by these, what two_groups() teaches is wrong from the first epoch on.
TURNED = "a,b,colour\n" + "0,0,blue\n2.5,2.5,red\n" * 40


def append(client, dataset, text):
    return client.ok("POST", f"/v1/datasets/{dataset}/rows", 201, body=text,
                     headers={"Content-Type": "text/csv"})


def test_rows_appended_for_validation_change_no_job(client, name):
    """Neither one that is paused meanwhile, nor one that is trained again."""
    calm, other, held = f"{name}-a", f"{name}-b", f"{name}-v"
    classes(client, calm)
    client.network(other, [(24, "tanh"), (2, "softmax")], 2,
                   loss="cross_entropy", seed=5)
    client.dataset(held, two_groups(20))
    spec = {**SPEC, "epochs": 300, "validation": {"dataset": held}}
    expected = client.train(calm, calm, **spec)
    assert expected["validation"] == {
        "dataset": held, "dataset_revision": 1, "every_epochs": 1}
    job = client.submit(other, calm, **spec)
    client.running(job, 3)
    assert ask(client, job, "pause")["status"] == "paused"
    assert append(client, held, TURNED)["revision"] == 2
    ask(client, job, "resume")
    found = client.succeeded(job)
    assert found["result"]["sha256"] == expected["result"]["sha256"]
    assert found["result"]["best_epoch"] == expected["result"]["best_epoch"]
    assert losses(client.history(job)) == losses(
        client.history(expected["id"]))
    again = client.succeeded(ask(client, expected["id"], "verify", 202)["id"])
    assert again["result"]["equal"] is True, again["result"]
    more = ask(client, expected["id"], "continue", 202,
               json_body={"epochs": 301})
    assert more["validation"] == expected["validation"]


def test_a_job_names_the_revision_it_validates_with(client, name):
    classes(client, name, 60)
    held = f"{name}-v"
    client.dataset(held, two_groups(20))
    append(client, held, TURNED)

    def train(**validation):
        job = client.train(name, name, epochs=1, start_from="initial",
                           validation={"dataset": held, **validation})
        return (job["validation"]["dataset_revision"],
                job["metrics"]["val_loss"])
    new, old = train(), train(dataset_revision=1)
    assert (new[0], old[0]) == (2, 1) and new[1] != old[1]
    assert train(dataset_revision=2) == new
    for validation in ({"dataset": held, "dataset_revision": 3},
                       {"dataset": held, "dataset_revision": 0},
                       {"fraction": 0.1, "dataset_revision": 1}):
        answer = client.post("/v1/jobs", {
            "network": name, "dataset": name, "validation": validation})
        assert answer.status == 422, answer
        assert answer.pointers == ["/validation/dataset_revision"], answer


def test_a_paused_job_leaves_its_worker_to_others(new_daemon):
    client = new_daemon("--workers", "1").start().client
    prepare(client, "n")
    slow = client.submit("n", "n", epochs=10000000)
    client.running(slow)
    ask(client, slow, "pause")
    client.train("n", "n", epochs=1)
    assert client.job(slow)["status"] == "paused"
    queued = ask(client, slow, "resume")
    assert queued["id"] == slow
    client.running(slow)
    assert ask(client, slow, "cancel")["status"] == "cancelled"


def test_a_paused_job_stays_paused_over_a_restart(new_daemon):
    daemon = new_daemon().start()
    classes(daemon.client, "n")
    job = daemon.client.submit("n", "n", epochs=1000000, **SPEC)
    daemon.client.running(job, 5)
    epoch = ask(daemon.client, job, "pause")["progress"]["epoch"]
    daemon.kill()
    client = daemon.start().client
    now = client.job(job)
    assert (now["status"], now["progress"]["epoch"]) == ("paused", epoch)
    ask(client, job, "cancel")


def test_what_has_ended_is_neither_paused_nor_resumed(client, name):
    prepare(client, name)
    job = client.train(name, name, epochs=1)["id"]
    for what in ("pause", "resume", "cancel"):
        assert client.post(f"/v1/jobs/{job}/{what}").status == 409


# --- cancel ------------------------------------------------------------------

def test_a_cancelled_job_can_keep_its_best(client, name):
    prepare(client, name)
    job = client.submit(name, name, epochs=10000000)
    client.running(job, 5)
    now = ask(client, job, "cancel", json_body={"keep": True})
    assert now["status"] == "cancelled"
    assert now["result"]["version"] == 1
    version = client.version(name, 1)
    assert version["job"] == job and version["metrics"]["loss"] > 0
    assert client.predict(name, [[0.5]])["version"] == 1
    ask(client, job, "cancel", json_body={"keep": True})  # once is twice
    assert client.get(f"/v1/networks/{name}/versions/2").status == 404


@pytest.mark.parametrize("keep", ["best", "last"])
def test_a_paused_job_can_keep_its_best(client, name, keep):
    classes(client, name)
    job = client.submit(name, name, epochs=10000000, **SPEC, keep=keep)
    client.running(job, 5)
    ask(client, job, "pause")
    history = client.history(job)
    now = ask(client, job, "cancel", json_body={"keep": True})
    assert now["status"] == "cancelled" and now["result"]["version"] == 1
    version = client.version(name, 1)
    assert version["job"] == job and version["origin"]["spec"]["seed"] == 3
    if keep == "best":
        best = min(history, key=lambda x: x["val_loss"])
        assert version["metrics"]["val_loss"] == best["val_loss"]
        told = client.evaluate(name, name)
        assert told["rows"] == 600
    assert client.predict(name, [[0.5, 0.5]])["version"] == 1


def test_a_queued_job_can_keep_its_best(new_daemon):
    """And is never seen paused: whoever kills the daemon in the middle would
    find it so, and nobody asked for that."""
    client = new_daemon("--workers", "1").start().client
    prepare(client, "n")
    job = client.submit("n", "n", epochs=10000000)
    client.running(job, 5)
    ask(client, job, "pause")
    running = client.submit("n", "n", epochs=10000000)
    client.running(running)
    ask(client, job, "resume")
    now = ask(client, job, "cancel", json_body={"keep": True})
    assert now["status"] == "cancelled" and now["result"]["version"] == 1
    assert client.predict("n", [[0.5]])["version"] == 1
    log = client.ok("GET", f"/v1/jobs/{job}/log", 200)["data"]
    assert [x["status"] for x in log] == [
        "queued", "running", "paused", "queued", "cancelled"]
    ask(client, running, "cancel")


def test_a_job_that_waits_for_memory_can_keep_its_best(new_daemon):
    """A worker has claimed it, and nothing of it is loaded."""
    daemon = new_daemon("--workers", "2").start()
    client = daemon.client
    client.dataset("d", line_data(40))
    for net in ("a", "b"):
        client.network(net, [(600, "tanh"), (600, "tanh"), (1, "linear")], 1)
    one = client.ok("POST", "/v1/jobs?dry_run=true", 200, json_body={
        "network": "a", "dataset": "d"})["memory_bytes"]
    daemon.stop()
    daemon.arguments += ("--memory-mib", str(int(1.5 * one / 2**20)))
    client = daemon.start().client
    job = client.submit("a", "d", epochs=10000000)
    client.running(job, 3)
    ask(client, job, "pause")
    other = client.submit("b", "d", epochs=10000000)
    client.running(other, 1)
    ask(client, job, "resume")
    wait_until(lambda: client.job(job)["status"] == "running", 10, "a claim")
    now = ask(client, job, "cancel", json_body={"keep": True})
    assert now["status"] == "cancelled" and now["result"]["version"] == 1
    assert client.version("a", 1)["job"] == job
    assert client.predict("a", [[0.5]])["version"] == 1
    ask(client, other, "cancel")


def test_a_verification_keeps_nothing(client, name):
    """It repeats what there is; what it made would serve at once."""
    classes(client, name)
    job = client.train(name, name, epochs=3000, **SPEC)["id"]
    again = client.ok("POST", f"/v1/jobs/{job}/verify", 202)["id"]
    client.running(again, 5)
    ask(client, again, "pause")
    now = ask(client, again, "cancel", json_body={"keep": True})
    assert now["status"] == "cancelled", now
    shown = client.ok("GET", f"/v1/networks/{name}", 200)
    assert shown["latest_version"] == shown["serving_version"] == 1


def test_a_job_that_never_ran_has_nothing_to_keep(new_daemon):
    client = new_daemon("--workers", "1").start().client
    prepare(client, "n")
    running = client.submit("n", "n", epochs=10000000)
    client.running(running)
    queued = client.submit("n", "n", epochs=3)
    now = ask(client, queued, "cancel", json_body={"keep": True})
    assert now["status"] == "cancelled" and now["result"] is None
    ask(client, running, "cancel")


def test_a_cancelled_job_keeps_nothing_unasked(client, name):
    prepare(client, name)
    for body in (None, {}, {"keep": False}):
        job = client.submit(name, name, epochs=10000000)
        client.running(job, 2)
        assert ask(client, job, "cancel", json_body=body)["result"] is None
    assert client.get(f"/v1/networks/{name}/versions/1").status == 404


def test_a_cancel_that_asks_for_nonsense(client, name):
    prepare(client, name)
    job = client.submit(name, name, epochs=10000000)
    path = f"/v1/jobs/{job}/cancel"
    answer = client.post(path, json_body={"keep": "best", "why": 1})
    assert answer.status == 422 and answer.pointers == ["/keep", "/why"]
    assert client.post(path, body="{", headers={}).status == 400
    ask(client, job, "cancel")


# --- the queue ---------------------------------------------------------------

def test_urgent_jobs_come_first(new_daemon):
    client = new_daemon("--workers", "1").start().client
    prepare(client, "n")
    first = client.submit("n", "n", epochs=10000000)
    client.running(first)
    jobs = {p: client.submit("n", "n", epochs=1, priority=p)
            for p in (0, 7, 100, 50)}
    ask(client, first, "cancel")
    for job in jobs.values():
        client.succeeded(job)
    order = sorted(jobs, key=lambda p: client.job(jobs[p])["result"]["version"])
    assert order == [100, 50, 7, 0]


def test_a_full_queue_asks_to_wait(new_daemon):
    client = new_daemon("--workers", "1", "--queue-max", "2").start().client
    prepare(client, "n")
    jobs = [client.submit("n", "n", epochs=10000000)]
    client.running(jobs[0])
    jobs += [client.submit("n", "n", epochs=1) for _ in range(2)]
    answer = client.post("/v1/jobs", json_body={"network": "n", "dataset": "n"})
    assert answer.status == 429 and answer.json["code"] == "queue_full"
    assert len(client.ok("GET", "/v1/jobs", 200)["data"]) == 3
    ask(client, jobs[0], "cancel")
    client.succeeded(jobs[2])
    client.train("n", "n", epochs=1)


def test_a_request_with_a_key_may_be_sent_twice(new_daemon):
    daemon = new_daemon().start()
    prepare(daemon.client, "n")
    body = {"network": "n", "dataset": "n", "epochs": 2}
    key = {"Idempotency-Key": "6f1d-9"}

    def send(body, key=key):
        return daemon.client.post("/v1/jobs", json_body=body, headers=key)
    first = send(body)
    assert first.status == 202
    daemon.client.succeeded(first.json["id"])
    daemon.kill()
    daemon.start()
    again = send(body)
    assert (again.status, again.json) == (202, first.json)
    assert again.headers["Location"] == first.headers["Location"]
    other = send({**body, "epochs": 3})
    assert other.status == 422
    assert other.json["code"] == "idempotency_key_reused"
    assert send(body, {"Idempotency-Key": "x"}).json["id"] != first.json["id"]
    assert send(body, {"Idempotency-Key": "a b"}).status == 400
    assert send(body, {"Idempotency-Key": "k" * 256}).status == 400


# --- dry runs ----------------------------------------------------------------

def test_a_dry_run_tells_the_price_and_does_nothing(client, name):
    classes(client, name)
    before = client.ok("GET", "/v1/jobs?limit=1000", 200)["data"]
    body = {"network": name, "dataset": name, "epochs": 200, **SPEC}
    told = client.ok("POST", "/v1/jobs?dry_run=true", 200, json_body=body)
    assert set(told) == {"memory_bytes", "estimated_seconds", "errors"}
    assert told["memory_bytes"] > 600 * 4 * 4 and told["errors"] == []
    more = client.ok("POST", "/v1/jobs?dry_run=true", 200,
                     json_body={**body, "epochs": 2000000})
    assert more["estimated_seconds"] > 100 * told["estimated_seconds"] > 0
    assert client.ok("GET", "/v1/jobs?limit=1000", 200)["data"] == before


def test_a_dry_run_tells_what_is_wrong(client, name):
    classes(client, name)
    told = client.ok("POST", "/v1/jobs?dry_run=true", 200, json_body={
        "network": name, "dataset": name, "epochs": 0, "batch": 3})
    assert [x["pointer"] for x in told["errors"]] == ["/epochs", "/batch"]
    assert told["memory_bytes"] is None and told["estimated_seconds"] is None
    told = client.ok("POST", "/v1/jobs?dry_run=true", 200, json_body={
        "network": name, "dataset": "not.there"})
    assert [x["pointer"] for x in told["errors"]] == ["/dataset"]
    assert client.post("/v1/jobs?dry_run=true", body="{").status == 400
    assert client.post("/v1/jobs?dry_run=1", json_body={}).status == 400


# --- from one job to the next ------------------------------------------------

@pytest.mark.parametrize("spec", [{}, {"keep": "last", "optimizer": {
    "type": "sgd", "learning_rate": 0.05, "momentum": 0.9}}],
    ids=["adam", "momentum"])
def test_more_epochs_are_as_if_they_had_been_asked_for(client, name, spec):
    classes(client, name)
    once = client.train(name, name, epochs=30, **{**SPEC, **spec})
    client.network(f"{name}-c", [(24, "tanh"), (2, "softmax")], 2,
                   loss="cross_entropy", seed=5)
    half = client.train(f"{name}-c", name, epochs=12, **{**SPEC, **spec})
    answer = client.post(f"/v1/jobs/{half['id']}/continue",
                         json_body={"epochs": 30})
    assert answer.status == 202
    more = answer.json["id"]
    assert answer.headers["Location"] == f"/v1/jobs/{more}"
    assert answer.json["continues"] == half["id"]
    found = client.succeeded(more)
    assert (client.version(f"{name}-c", 2)["sha256"]
            == client.version(name, 1)["sha256"])
    assert (losses(client.history(half["id"]) + client.history(more))
            == losses(client.history(once["id"])))
    assert found["result"]["best_epoch"] == once["result"]["best_epoch"]


def test_what_cannot_be_continued(client, name):
    classes(client, name)
    job = client.train(name, name, epochs=3, **SPEC)["id"]
    path = f"/v1/jobs/{job}/continue"
    assert client.post(path, json_body={}).pointers == ["/epochs"]
    assert client.post(path, json_body={"epochs": 3}).pointers == ["/epochs"]
    answer = client.post(path, json_body={"epochs": 9, "batch_size": 3})
    assert answer.status == 422 and answer.pointers == ["/batch_size"]
    client.train(name, name, epochs=1)
    answer = client.post(path, json_body={"epochs": 9})
    assert answer.status == 409 and answer.json["code"] == "state_gone"


def test_what_stopped_early_must_be_told_when_to_stop_now(client, name):
    classes(client, name)
    job = client.train(name, name, epochs=50, **SPEC,
                       stop_when={"loss_below": 100})["id"]
    path = f"/v1/jobs/{job}/continue"
    answer = client.post(path, json_body={"epochs": 60})
    assert answer.status == 422 and answer.pointers == ["/stop_when"]
    more = client.ok("POST", path, 202,
                     json_body={"epochs": 60, "stop_when": {}})["id"]
    assert client.succeeded(more)["progress"]["epoch"] == 60


def test_a_verified_job_gives_the_same_bytes_and_no_version(client, name):
    classes(client, name)
    client.train(name, name, epochs=4, **SPEC)
    job = client.train(name, name, epochs=7, **SPEC)["id"]  # from version 1
    client.train(name, name, epochs=2, **SPEC)
    check = ask(client, job, "verify", 202)["id"]
    found = client.succeeded(check)
    assert found["verifies"] == job
    result = found["result"]
    assert result["equal"] is True and result["version"] is None
    assert result["verified_version"] == 2
    assert result["sha256"] == client.version(name, 2)["sha256"]
    assert client.ok("GET", f"/v1/networks/{name}", 200)["latest_version"] == 3
    assert losses(client.history(check)) == losses(client.history(job))
    assert client.post(f"/v1/jobs/{check}/verify").status == 409


def test_what_retention_took_can_be_verified(client, name):
    """The result is known by its digest, and what the newest was trained from
    stays as long as it does."""
    client.network(name, [(24, "tanh"), (2, "softmax")], 2, keep_versions=1,
                   loss="cross_entropy", seed=5)
    client.dataset(name, two_groups(200))
    jobs = [client.train(name, name, epochs=n, **SPEC)["id"] for n in (3, 4, 5)]
    digests = [client.job(x)["result"]["sha256"] for x in jobs]
    assert [x["version"] for x in client.ok(
        "GET", f"/v1/networks/{name}/versions", 200)["data"]] == [0, 2, 3]
    for i in (0, 2):  # from version 0; from version 2, which is kept for it
        found = client.succeeded(ask(client, jobs[i], "verify", 202)["id"])
        assert found["result"]["equal"] is True
        assert found["result"]["verified_version"] == i + 1
        assert found["result"]["sha256"] == digests[i]
    answer = client.post(f"/v1/jobs/{jobs[1]}/verify")
    assert answer.status == 409 and answer.json["code"] == "origin_gone"
    # What began anew needs no version to start from.
    job = client.train(name, name, epochs=2, start_from="initial", **SPEC)["id"]
    client.train(name, name, epochs=2, start_from="initial", **SPEC)
    assert [x["version"] for x in client.ok(
        "GET", f"/v1/networks/{name}/versions", 200)["data"]] == [0, 5]
    found = client.succeeded(ask(client, job, "verify", 202)["id"])
    assert found["result"]["equal"] is True


def test_a_version_tells_its_origin(client, name):
    classes(client, name)
    client.train(name, name, epochs=4, **SPEC)
    job = client.train(name, name, epochs=2, **SPEC)
    origin = client.version(name, 2)["origin"]
    assert origin["program"].startswith("backpropd ")
    assert origin["base_version"] == 1
    for member, value in origin["spec"].items():
        assert job[member] == value
    assert client.version(name, 0)["origin"] is None


# --- jobs that bring the daemon down -----------------------------------------

def break_worker(daemon):
    """A worker's thread gets the signal of a failed assertion."""
    tasks = pathlib.Path(f"/proc/{daemon.process.pid}/task")

    def trainers():
        return [int(task.name) for task in tasks.iterdir()
                if (task / "comm").read_text().startswith("trainer")]
    for thread in trainers():
        ctypes.CDLL(None).syscall(234, daemon.process.pid, thread,
                                  int(signal.SIGABRT))  # tgkill
    return daemon.wait()


def test_a_job_that_brings_the_daemon_down_is_not_tried_for_ever(new_daemon):
    daemon = new_daemon("--workers", "1").start()
    client = daemon.client
    client.rows("big", [[float(i % 7), 1.0] for i in range(20000)],
                [[(i % 13) / 10] for i in range(20000)])
    client.network("n", [(300, "tanh"), (300, "tanh"), (1, "linear")], 2)
    job = client.submit("n", "big", epochs=1000, batch_size=1,
                        checkpoint_seconds=3600)
    other = client.submit("n", "big", epochs=1)
    for crashes in range(3):
        wait_until(lambda: daemon.log_text().count(f"job {job} trains")
                   > crashes)
        assert break_worker(daemon) != 0
        daemon.start()
    found = daemon.client.ended(job)
    assert found["status"] == "failed"
    assert found["error"]["code"] == "crash_loop"
    assert found["resumes"] == 3
    assert statuses(daemon.client, job)[-1] == ("failed", "crash_loop")
    daemon.client.succeeded(other)


def test_a_daemon_that_is_killed_is_no_fault_of_its_jobs(new_daemon):
    daemon = new_daemon("--workers", "1").start()
    daemon.client.dataset("d", line_data(2000))
    daemon.client.network("n", [(200, "tanh"), (200, "tanh"), (1, "linear")], 1)
    job = daemon.client.submit("n", "d", epochs=3, batch_size=1)
    for _ in range(4):
        wait_until(lambda: daemon.client.job(job)["status"] == "running")
        daemon.kill()
        daemon.start()
    assert daemon.client.succeeded(job, 120)["resumes"] == 4


# --- a long history in few points --------------------------------------------

def test_a_long_history_in_few_points(client, name):
    prepare(client, name)
    job = client.train(name, name, epochs=2000, validation={"fraction": 0.3},
                       optimizer={"type": "sgd", "learning_rate": 0.3})["id"]
    whole = client.history(job)
    path = f"/v1/jobs/{job}/history"
    shown = client.ok("GET", f"{path}?points=50", 200)
    assert shown["next"] is None and 48 <= len(shown["data"]) <= 50
    epochs = [x["epoch"] for x in shown["data"]]
    assert epochs == sorted(set(epochs))
    for member in ("loss", "val_loss"):
        least = min(whole, key=lambda x: x[member])
        assert least["epoch"] in epochs
    assert shown["data"][0] == whole[0] and shown["data"][-1] == whole[-1]
    assert client.ok("GET", f"{path}?points=5000", 200)["data"] == whole
    for query in ("points=3", "points=x", "points=50&after=3",
                  "points=50&limit=3", "points=10001"):
        assert client.get(f"{path}?{query}").status == 400, query
