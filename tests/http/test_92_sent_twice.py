"""A request that is sent again with its Idempotency-Key, whatever has become
of what it asked for."""

import pytest

from support import line_data


def prepare(client, name):
    client.dataset(name, line_data(40))
    client.network(name, [(4, "tanh"), (1, "linear")], 1, seed=3)
    return {"network": name, "dataset": name, "epochs": 2}


def send(client, body, key, path="/v1/jobs"):
    return client.post(path, json_body=body, headers={"Idempotency-Key": key})


def jobs(client):
    return [x["id"] for x in client.ok("GET", "/v1/jobs?limit=1000", 200)["data"]]


@pytest.mark.parametrize("gone", ["datasets", "networks", "versions"])
def test_the_first_answer_comes_again(client, name, gone):
    body = prepare(client, name)
    if gone == "versions":
        client.train(name, name, epochs=1)
        body["start_from"] = 1
    first = send(client, body, name)
    client.succeeded(first.json["id"])
    path = {"versions": f"/v1/networks/{name}/versions/1"}
    client.ok("DELETE", path.get(gone, f"/v1/{gone}/{name}"), 204)
    again = send(client, body, name)
    assert (again.status, again.json) == (202, first.json), again
    assert again.headers["Location"] == first.headers["Location"]
    other = send(client, {**body, "epochs": 3}, name)
    assert other.status == 422
    assert other.json["code"] == "idempotency_key_reused"
    assert send(client, {"not": "a job"}, name).json["code"] == (
        "idempotency_key_reused")


def test_a_deleted_job_is_not_made_again(new_daemon):
    daemon = new_daemon().start()
    client = daemon.client
    body = prepare(client, "n")
    job = send(client, body, "k").json["id"]
    client.succeeded(job)
    client.ok("DELETE", f"/v1/jobs/{job}", 204)
    for _ in range(2):
        before = jobs(client)
        again = send(client, body, "k")
        assert again.status == 409 and again.json["code"] == "job_deleted"
        assert f"job {job}," in again.json["detail"]
        assert jobs(client) == before
        daemon.kill()
        client = daemon.start().client
    assert send(client, body, "k-2").status == 202


@pytest.mark.parametrize("what", ["continue", "verify"])
def test_what_comes_of_another_job_is_answered_again_too(client, name, what):
    prepare(client, name)
    job = client.train(name, name, epochs=2)["id"]
    path = f"/v1/jobs/{job}/{what}"
    body = {"epochs": 3} if what == "continue" else None
    first = send(client, body, name, path)
    assert first.status == 202, first
    client.succeeded(first.json["id"])
    client.ok("DELETE", f"/v1/datasets/{name}", 204)
    again = send(client, body, name, path)
    assert (again.status, again.json) == (202, first.json), again
    client.ok("DELETE", f"/v1/jobs/{first.json['id']}", 204)
    again = send(client, body, name, path)
    assert again.status == 409 and again.json["code"] == "job_deleted"


def test_what_it_continued_may_be_gone(client, name):
    prepare(client, name)
    job = client.train(name, name, epochs=2)["id"]
    first = send(client, {"epochs": 5}, name, f"/v1/jobs/{job}/continue")
    assert first.json["progress"]["epoch"] == 2
    client.succeeded(first.json["id"])
    client.ok("DELETE", f"/v1/jobs/{job}", 204)
    again = send(client, {"epochs": 5}, name, f"/v1/jobs/{job}/continue")
    assert again.status == 202
    # What that job's metrics were went with it.
    assert again.json == {**first.json, "metrics": None}


@pytest.mark.parametrize("body", [{}, {"network": "n", "dataset": "nope"}])
def test_a_key_that_is_none_is_told_first(client, body):
    for key in ("a b", "k" * 256, ""):
        assert send(client, body, key).status == 400


def test_a_dry_run_is_not_remembered(client, name):
    body = prepare(client, name)
    path = "/v1/jobs?dry_run=true"
    assert send(client, body, name, path).status == 200
    job = send(client, body, name)
    assert job.status == 202
    assert send(client, body, name, path).status == 200
    client.succeeded(job.json["id"])
