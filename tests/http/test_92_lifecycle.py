"""What can be asked of a job on its way: its log."""

from support import TIME, line_data


def log(client, job):
    return client.ok("GET", f"/v1/jobs/{job}/log?limit=1000", 200)["data"]


def prepare(client, name, **spec):
    client.dataset(name, line_data(40))
    client.network(name, [(4, "tanh"), (1, "linear")], 1, seed=3)
    return client.submit(name, name, **spec)


def test_every_change_of_status_is_told_with_time_and_reason(client, name):
    job = prepare(client, name, epochs=3)
    client.succeeded(job)
    events = log(client, job)
    assert [(x["status"], x["reason"], x["epoch"]) for x in events] == [
        ("queued", "submitted", 0), ("running", "started", 0),
        ("succeeded", "epochs", 3)]
    assert all(x["job"] == job and TIME.match(x["at"]) for x in events)
    assert sorted(x["event"] for x in events) == [x["event"] for x in events]


def test_the_log_comes_in_pages(client, name):
    job = prepare(client, name, epochs=1)
    client.succeeded(job)
    whole = log(client, job)
    page = client.ok("GET", f"/v1/jobs/{job}/log?limit=2", 200)
    assert page["data"] == whole[:2] and page["next"] == whole[1]["event"]
    page = client.ok("GET", f"/v1/jobs/{job}/log?after={page['next']}", 200)
    assert page["data"] == whole[2:] and page["next"] is None


def test_the_log_of_no_job(client):
    assert client.get("/v1/jobs/999999/log").status == 404
    assert client.get("/v1/jobs/x/log").status == 404
    assert client.get("/v1/jobs/1/log?limit=0").status == 400
    assert client.post("/v1/jobs/1/log").status == 405
