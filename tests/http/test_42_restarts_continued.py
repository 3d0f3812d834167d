"""More epochs for the best of several restarts: as if it had been the job."""

import pytest

from support import two_groups, wait_until

CLOCK = ("seconds", "samples_per_second")
LABELS = ("epoch", "restart")
SPEC = dict(restarts=4, seed=2, batch_size=7, start_from="initial",
            validation={"fraction": 0.25},
            optimizer={"type": "adam", "learning_rate": 0.01})


def make(client, name, rows=60, hidden=((6, "tanh"),)):
    client.network(name, [*hidden, (2, "softmax")], 2, loss="cross_entropy",
                   seed=4)
    client.dataset(name, two_groups(rows))


@pytest.fixture
def groups(client, name):
    make(client, name)
    return name


def go_on(client, job, **body):
    return client.ok("POST", f"/v1/jobs/{job}/continue", 202, json_body=body)


def figures(rows, without=CLOCK + LABELS):
    return [{k: v for k, v in row.items() if k not in without} for row in rows]


def digest(client, name, job):
    return client.version(name, job["result"]["version"])["sha256"]


KINDS = {
    "best": {},
    "last, momentum": {"keep": "last", "optimizer": {
        "type": "sgd", "learning_rate": 0.05, "momentum": 0.9}},
    "auto": {"optimizer": {"type": "adam", "learning_rate": "auto"}},
    "plateau": {"schedule": {"type": "plateau", "patience": 2, "factor": 0.5},
                "optimizer": {"type": "sgd", "learning_rate": 0.9}},
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_winner_goes_on_as_if_it_had_never_stopped(client, groups, kind):
    """A job of as many epochs at once has every restart's later epochs."""
    spec = {**SPEC, **KINDS[kind]}
    winners = set()
    for seed in range(6):
        spec["seed"] = seed
        once = client.train(groups, groups, epochs=12, **spec)
        half = client.train(groups, groups, epochs=7, **spec)
        winner = half["result"]["restart"]
        winners.add(winner)
        more = go_on(client, half["id"], epochs=12)
        assert more["continues"] == half["id"] and more["restarts"] == 1
        assert more["progress"]["epoch"] == 7 and more["metrics"] is None
        found = client.succeeded(more["id"])
        expected = [r for r in client.history(once["id"])
                    if r["restart"] == winner]
        rows = client.history(more["id"])
        assert figures(rows) == figures(expected[7:])
        assert [r["epoch"] for r in rows] == list(range(8, 13))
        assert all("restart" not in r for r in rows)
        assert found["progress"]["epoch"] == found["progress"]["epochs"] == 12
        assert not {"restart", "restarts"} & set(found["result"])
        best = min(expected, key=lambda r: r["val_loss"])
        assert (found["result"]["best_epoch"]
                == best["epoch"] - 12 * (winner - 1))
        assert found["learning_rate_test"] is None
        if once["result"]["restart"] == winner:
            assert digest(client, groups, found) == digest(client, groups, once)
    assert winners - {1, 4}, winners  # neither the first nor the last


@pytest.mark.parametrize("restarts", [1, 3])
def test_a_continuation_sent_twice_is_answered_twice_the_same(
        client, groups, restarts):
    """As it was submitted, not as far as it has come by then."""
    spec = {**SPEC, "restarts": restarts}
    half = client.train(groups, groups, epochs=3, **spec)
    key = {"Idempotency-Key": groups}
    path, body = f"/v1/jobs/{half['id']}/continue", {"epochs": 5}
    first = client.ok("POST", path, 202, json_body=body, headers=key)
    assert first["progress"]["epoch"] == 3 and first["status"] == "queued"
    assert (first["metrics"] is None) == (restarts > 1)
    client.succeeded(first["id"])
    again = client.ok("POST", path, 202, json_body=body, headers=key)
    assert again == first


def test_what_was_continued_is_continued(client, groups):
    once = client.train(groups, groups, epochs=15, **SPEC)
    job = client.train(groups, groups, epochs=5, **SPEC)
    winner = job["result"]["restart"]
    for epochs in (9, 15):
        job = client.succeeded(go_on(client, job["id"], epochs=epochs)["id"])
    expected = [r for r in client.history(once["id"])
                if r["restart"] == winner]
    assert figures(client.history(job["id"])) == figures(expected[9:])


def test_epochs_are_the_winners_own(client, groups):
    job = client.train(groups, groups, epochs=7, **SPEC)["id"]
    answer = client.post(f"/v1/jobs/{job}/continue", {"epochs": 7})
    assert answer.status == 422 and answer.pointers == ["/epochs"], answer
    assert "7 epochs" in answer.json["errors"][0]["detail"]
    answer = client.post(f"/v1/jobs/{job}/continue",
                         {"epochs": 12, "restarts": 2})
    assert answer.status == 422 and answer.pointers == ["/restarts"], answer


def test_patience_goes_on_where_the_winner_was(client, groups):
    def stop(patience):
        return {"patience": patience, "monitor": "val_accuracy"}
    job = client.train(groups, groups, epochs=300, stop_when=stop(6), **SPEC)
    winner = job["result"]["restarts"][job["result"]["restart"] - 1]
    assert winner["stop_reason"] == "patience", job["result"]
    assert winner["val_accuracy"] == 1  # nothing is better
    path = f"/v1/jobs/{job['id']}/continue"
    answer = client.post(path, {"epochs": 400})
    assert answer.status == 422 and answer.pointers == ["/stop_when"], answer
    more = client.succeeded(go_on(client, job["id"], epochs=400,
                                  stop_when=stop(9))["id"])
    first = winner["epochs"] + 1  # after six in vain: three more
    assert [r["epoch"] for r in client.history(more["id"])] == list(
        range(first, first + 3))
    assert more["result"]["stop_reason"] == "patience"


def verify(client, job):
    return client.ok("POST", f"/v1/jobs/{job}/verify", 202)["id"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("restarts", [1, 4])
def test_what_was_continued_is_verified(client, groups, restarts, kind):
    """All that it continued is trained again, with what each was asked."""
    spec = {**SPEC, **KINDS[kind], "restarts": restarts}
    first = client.train(groups, groups, epochs=20,
                         stop_when={"loss_below": 0.6}, **spec)["id"]
    more = client.succeeded(go_on(client, first, epochs=30,
                                  stop_when={"patience": 3})["id"])
    last = client.succeeded(go_on(client, more["id"], epochs=33,
                                  stop_when={})["id"])
    for job in (last, more):
        found = client.succeeded(verify(client, job["id"]))
        result = found["result"]
        assert result["equal"] is True, result
        assert result["sha256"] == job["result"]["sha256"]
        assert result["best_epoch"] == job["result"]["best_epoch"]
        # What it had to train before leaves no trace.
        assert (figures(client.history(found["id"]), CLOCK)
                == figures(client.history(job["id"]), CLOCK))
        assert found["progress"]["epoch"] == job["progress"]["epoch"]
    # A verification leaves no state behind, and takes none away.
    client.succeeded(go_on(client, last["id"], epochs=34)["id"])


def test_what_continued_a_deleted_job_is_not_verified(new_daemon):
    client = new_daemon("--workers", "1").start().client
    make(client, "net")
    first = client.train("net", "net", epochs=3, **SPEC)["id"]
    more = client.succeeded(go_on(client, first, epochs=5)["id"])["id"]
    last = client.succeeded(go_on(client, more, epochs=6)["id"])["id"]
    busy = client.submit("net", "net", epochs=10000000)
    client.running(busy)
    waits = verify(client, last)
    client.ok("DELETE", f"/v1/jobs/{first}", 204)
    for job in (more, last):  # which job it is about, and why
        answer = client.post(f"/v1/jobs/{job}/verify")
        assert answer.status == 409 and answer.json["code"] == "origin_gone"
        detail = answer.json["detail"]
        assert (f'job {more} "continues" job {first}, which has been deleted'
                in detail)
    # One that was in the queue finds out when it is to begin.
    client.ok("POST", f"/v1/jobs/{busy}/cancel", 200)
    found = client.ended(waits)
    assert found["status"] == "failed"
    assert found["error"]["code"] == "origin_gone", found["error"]
    assert f"job {first}" in found["error"]["detail"]


def test_a_verification_is_killed_and_paused_on_its_way(new_daemon):
    """While it trains what came before, and in its own epochs."""
    daemon = new_daemon("--workers", "1").start()
    make(daemon.client, "net", 4000, [(160, "relu"), (160, "tanh")])
    spec = {**SPEC, "restarts": 2, "batch_size": 64}
    first = daemon.client.train("net", "net", epochs=8, **spec)["id"]
    more = daemon.client.succeeded(
        go_on(daemon.client, first, epochs=24)["id"])
    job = verify(daemon.client, more["id"])

    def before(times):
        wait_until(lambda: daemon.log_text().count(
            f"job {job} trains job {first} again") == times)
        assert daemon.client.job(job)["progress"]["epoch"] == 0
    before(1)
    daemon.kill()
    daemon.start()
    before(2)
    now = daemon.client.ok("POST", f"/v1/jobs/{job}/pause", 200)
    assert now["status"] == "paused" and daemon.client.history(job) == []
    daemon.client.ok("POST", f"/v1/jobs/{job}/resume", 200)
    before(3)
    daemon.client.running(job, 12)
    daemon.kill()
    daemon.start()
    found = daemon.client.succeeded(job)
    assert found["resumes"] == 2 and found["result"]["equal"] is True
    before_it = daemon.log_text().count(f"job {job} trains job {first} again")
    assert before_it == 3  # its own checkpoint is what it went on from
    assert (figures(daemon.client.history(job), CLOCK)
            == figures(daemon.client.history(more["id"]), CLOCK))


def lived(new_daemon, threads, spec, kills):
    """The job and its continuation: their results, rows and weights.  Killed in
    its second and last restart, and twice in what comes after."""
    daemon = new_daemon("--workers", "1", "--threads", threads).start()
    make(daemon.client, "net", 8000, [(160, "relu"), (160, "tanh")])

    def killed(job, epochs):
        for epoch in epochs if kills else []:
            def beyond(job=job, epoch=epoch):
                now = daemon.client.job(job)
                return now["status"] == "succeeded" or (
                    now["status"] == "running"
                    and now["progress"]["epoch"] >= epoch)
            wait_until(beyond, 60)
            assert daemon.client.job(job)["status"] == "running"
            daemon.kill()
            daemon.start()
        return daemon.client.succeeded(job)
    job = killed(daemon.client.submit("net", "net", epochs=10, **spec),
                 (14, 21))
    more = killed(go_on(daemon.client, job["id"], epochs=22)["id"], (10, 14))
    assert not kills or (job["resumes"], more["resumes"]) == (2, 2)
    rows = [figures(daemon.client.history(j["id"]), CLOCK) for j in (job, more)]
    return (job["result"], more["result"], rows,
            digest(daemon.client, "net", more))


def test_after_kill_9_and_for_any_number_of_threads(new_daemon):
    spec = {**SPEC, "restarts": 3, "seed": 7, "batch_size": 64,
            "optimizer": {"type": "adam", "learning_rate": 1e-5}}
    alone = lived(new_daemon, "1", spec, kills=False)
    assert alone[0]["restart"] != 3, "the winner is to outlive another restart"
    assert lived(new_daemon, "3", spec, kills=True) == alone
    assert lived(new_daemon, "3", spec, kills=False) == alone
    assert lived(new_daemon, "1", spec, kills=True) == alone
