"""Server-sent events, and the same as lines: nothing missed, nothing twice."""

import concurrent.futures
import contextlib
import http.client
import json
import signal

from support import SLOW, XOR, line_data, wait_until

FINAL = ("succeeded", "failed", "cancelled")


@contextlib.contextmanager
def listening(client, path, **headers):
    """The response, its body unread."""
    link = http.client.HTTPConnection(client.host, client.port,
                                      timeout=30 * SLOW)
    with contextlib.closing(link):
        link.request("GET", path, headers={
            name.replace("_", "-"): value for name, value in headers.items()})
        yield link.getresponse()


def events(response, number=True):
    """(id or None, name, data) of a stream of server-sent events."""
    found, lost = {}, None
    while True:
        try:
            line = response.readline().decode()
        except (ConnectionError, http.client.IncompleteRead) as error:
            lost = error
            line = ""
        if not line or lost:
            return
        line = line.rstrip("\n")
        if line == "":
            if "event" in found:
                at = found.get("id")
                yield (int(at) if at is not None and at.isdigit() and number
                       else at, found["event"], json.loads(found["data"]))
            found = {}
        elif not line.startswith(":"):
            name, value = line.split(": ", 1)
            found[name] = value


def train(client, name, **spec):
    client.network(name, [(4, "tanh"), (1, "sigmoid")], 2)
    client.dataset(name, XOR)
    return client.submit(name, name, batch_size="full",
                         optimizer={"type": "adam"}, **spec)


def not_learning(client, network, dataset):
    """A job that gets a warning."""
    client.network(network, [(1, "sigmoid")], 2)
    return client.submit(network, dataset, epochs=300, batch_size="full",
                         optimizer={"type": "sgd", "learning_rate": 1e-9})


def told(got, kind):
    return [data for _, name, data in got if name == kind]


def check_order(got):
    ids = [id for id, _, _ in got if id is not None]
    assert ids == sorted(ids) and len(set(ids)) == len(ids), ids


def test_a_job_from_its_first_epoch_to_its_end(client, name):
    job = train(client, name, epochs=1000)
    with listening(client, f"/v1/jobs/{job}/events",
                   Last_Event_ID="0") as response:
        assert response.status == 200
        assert response.headers["Content-Type"] == "text/event-stream"
        assert response.headers["Cache-Control"] == "no-store"
        got = list(events(response))
    check_order(got)
    assert [x["status"] for x in told(got, "status")] == [
        "queued", "running", "succeeded"]
    assert [x["epoch"] for x in told(got, "epoch")] == list(range(1, 1001))
    assert got[-1][1] == "status"
    rows = [{k: v for k, v in x.items() if k != "job"}
            for x in told(got, "epoch")]
    assert rows == client.history(job)
    # Who has heard "succeeded" finds the version.
    assert client.ok("GET", f"/v1/networks/{name}", 200)["latest_version"] == 1


def test_every_id_is_a_place_to_go_on_from(client, name):
    job = train(client, name, epochs=300)
    client.succeeded(job)
    with listening(client, f"/v1/jobs/{job}/events?after=0") as response:
        whole = list(events(response))
    for i in range(0, len(whole), 17):
        with listening(client, f"/v1/jobs/{job}/events",
                       Last_Event_ID=str(whole[i][0])) as response:
            assert list(events(response)) == whole[i + 1:]


def test_without_a_place_the_stream_begins_now(client, name):
    job = train(client, name, epochs=200)
    client.succeeded(job)
    for headers in ({}, {"Last_Event_ID": "nonsense"},
                    {"Last_Event_ID": "-1"}, {"Last_Event_ID": "9" * 40}):
        with listening(client, f"/v1/jobs/{job}/events",
                       **headers) as response:
            got = list(events(response))
        assert [(kind, data["status"]) for _, kind, data in got] == [
            ("status", "succeeded")]


def test_what_is_known_before_the_first_epoch_is_told_with_it(client, name):
    client.succeeded(train(client, name, epochs=1, scale_inputs="standard"))
    job = client.submit(name, name, epochs=3)
    client.succeeded(job)
    with listening(client, f"/v1/jobs/{job}/events?after=0") as response:
        got = [(kind, data) for _, kind, data in events(response)]
    warnings = [data for kind, data in got if kind == "warning"]
    assert warnings == [{**client.job(job)["warnings"][0], "job": job}]
    assert warnings[0]["code"] == "encoding_changed"


def test_lines_are_the_same_events(client, name):
    job = train(client, name, epochs=100)
    client.succeeded(job)
    with listening(client, f"/v1/jobs/{job}/events?after=0") as response:
        sse = list(events(response))
    with listening(client, f"/v1/jobs/{job}/events?after=0",
                   Accept="application/x-ndjson") as response:
        assert response.headers["Content-Type"] == "application/x-ndjson"
        lines = [json.loads(line) for line in response.read().splitlines()]
    assert [(x.get("id"), x["event"], x["data"]) for x in lines] == sse


def test_progress_of_a_long_job_and_its_cancel(client, name):
    job = train(client, name, epochs=10**8)
    with listening(client, f"/v1/jobs/{job}/events") as response:
        stream = events(response)
        seen = next(data for _, kind, data in stream if kind == "progress")
        assert seen["job"] == job
        assert seen["progress"]["epochs"] == 10**8
        assert 0 <= seen["progress"]["fraction"] < 1
        client.ok("POST", f"/v1/jobs/{job}/cancel", 200)
        rest = list(stream)
    assert rest[-1][1] == "status" and rest[-1][2]["status"] == "cancelled"


def test_progress_is_what_the_job_shows(client, name):
    """All of it: which restart is under way, too."""
    job = train(client, name, epochs=10**7, restarts=3)
    client.running(job)
    with listening(client, f"/v1/jobs/{job}/events") as response:
        seen = next(data for _, kind, data in events(response)
                    if kind == "progress")
        shown = client.job(job)["progress"]
        client.ok("POST", f"/v1/jobs/{job}/cancel", 200)
    assert set(seen["progress"]) == set(shown)
    assert seen["progress"]["restart"] == 1


def test_the_stream_goes_on_after_kill_9(new_daemon):
    daemon = new_daemon().start()
    daemon.client.network("n", [(256, "tanh"), (64, "tanh"), (1, "linear")], 1)
    daemon.client.dataset("d", line_data(256))
    job = daemon.client.submit("n", "d", epochs=600, batch_size=8)
    got = []
    with listening(daemon.client, f"/v1/jobs/{job}/events?after=0") as response:
        for event in events(response):
            got.append(event)
            if event[1] == "epoch" and event[2]["epoch"] >= 50:
                break
        daemon.kill()
        got += events(response)
    last = max(id for id, _, _ in got if id is not None)
    assert told(got, "status")[-1]["status"] == "running"
    daemon.start()
    with listening(daemon.client, f"/v1/jobs/{job}/events",
                   Last_Event_ID=str(last)) as response:
        got += events(response)
    got = [x for x in got if x[1] != "progress"]
    check_order(got)
    assert [x["epoch"] for x in told(got, "epoch")] == list(range(1, 601))
    assert [x["status"] for x in told(got, "status")] == [
        "queued", "running", "queued", "running", "succeeded"]


def all_events(response):
    """Those of all jobs: their ids are places, not numbers."""
    return events(response, number=False)


def lasting(got):
    return [x for x in got if x[1] != "progress"]


def of_job(got, job):
    """What a job's own stream tells of it, without ids."""
    return [(kind, data) for _, kind, data in lasting(got)
            if data["job"] == job]


def until_ended(stream, jobs):
    """Events up to the end of all these jobs."""
    got, left = [], set(jobs)
    while left:
        got.append(next(stream))
        if got[-1][1] == "status" and got[-1][2]["status"] in FINAL:
            left.discard(got[-1][2]["job"])
    return got


def test_all_jobs_tell_what_each_tells_alone(new_daemon):
    client = new_daemon().start().client
    with listening(client, "/v1/events") as response:
        jobs = [train(client, f"n{i}", epochs=500) for i in range(3)]
        jobs.append(not_learning(client, "line", "n0"))
        got = until_ended(all_events(response), jobs)
    assert told(got, "warning")
    for job in jobs:
        with listening(client, f"/v1/jobs/{job}/events?after=0") as response:
            alone = [(kind, data) for _, kind, data in events(response)]
        assert of_job(got, job) == alone
        assert [x["epoch"] for kind, x in alone if kind == "epoch"]
    # The same again for who begins at the beginning, and as lines.
    with listening(client, "/v1/events?after=0") as response:
        again = until_ended(all_events(response), jobs)
    with listening(client, "/v1/events?after=0",
                   Accept="application/x-ndjson") as response:
        lines = [json.loads(response.readline()) for _ in again]
    assert [(x.get("id"), x["event"], x["data"]) for x in lines] == again
    for job in jobs:
        assert of_job(again, job) == of_job(got, job)


def test_every_id_of_all_jobs_is_a_place_to_go_on_from(new_daemon):
    client = new_daemon("--workers", "2").start().client
    client.dataset("d", line_data(256))
    for network in "nm":
        client.network(network, [(64, "tanh"), (64, "tanh"), (1, "linear")], 1)
    with listening(client, "/v1/events") as response:
        jobs = [client.submit(network, "d", epochs=10**6, batch_size=8)
                for network in "nm"]
        stream = all_events(response)
        whole = []
        while {x["job"] for x in told(whole, "epoch")
               if x["epoch"] >= 50} != set(jobs):
            whole += [next(stream)]
        # Both run, and both have a place in the last id.
        assert all(f".{job}-" in whole[-1][0] for job in jobs)
    done = {}
    for job in jobs:
        client.ok("POST", f"/v1/jobs/{job}/cancel", 200)
        done[job] = client.ended(job)["progress"]["epoch"]
    places = [i for i, x in enumerate(whole) if x[0] is not None]
    for i in places[:8] + places[8::len(places) // 16]:
        with listening(client, "/v1/events",
                       Last_Event_ID=whole[i][0]) as response:
            rest = until_ended(all_events(response), jobs)
        for job in jobs:
            mine = of_job(whole[:i + 1], job) + of_job(rest, job)
            assert [x["epoch"] for kind, x in mine if kind == "epoch"] == list(
                range(1, done[job] + 1))
            assert [x["status"] for kind, x in mine if kind == "status"] == [
                "queued", "running", "cancelled"]


def test_all_jobs_go_on_after_kill_9(new_daemon):
    daemon = new_daemon("--workers", "2").start()
    daemon.client.network("n", [(256, "tanh"), (64, "tanh"), (1, "linear")], 1)
    daemon.client.network("m", [(200, "tanh"), (64, "tanh"), (1, "linear")], 1)
    daemon.client.dataset("d", line_data(256))
    jobs = [daemon.client.submit(network, "d", epochs=400, batch_size=8)
            for network in "nm"]
    got = []
    with listening(daemon.client, "/v1/events?after=0") as response:
        for event in all_events(response):
            got.append(event)
            if {x["job"] for x in told(got, "epoch")
                    if x["epoch"] >= 20} == set(jobs):
                break
        daemon.kill()
        got += all_events(response)
    last = [at for at, _, _ in got if at is not None][-1]
    daemon.start()
    with listening(daemon.client, "/v1/events", Last_Event_ID=last) as response:
        got += until_ended(all_events(response), jobs)
    for job in jobs:
        mine = of_job(got, job)
        assert [x["epoch"] for kind, x in mine if kind == "epoch"] == list(
            range(1, 401))
        assert [x["status"] for kind, x in mine if kind == "status"] == [
            "queued", "running", "queued", "running", "succeeded"]


def test_a_pause_stands_between_its_epochs(new_daemon):
    client = new_daemon().start().client
    job = train(client, "n", epochs=10**8)
    for _ in range(3):
        client.running(job)
        client.ok("POST", f"/v1/jobs/{job}/pause", 200)
        client.ok("POST", f"/v1/jobs/{job}/resume", 200)
    client.running(job)
    client.ok("POST", f"/v1/jobs/{job}/cancel", 200)
    with listening(client, "/v1/events?after=0") as response:
        got = until_ended(all_events(response), [job])
    epoch = 0
    for kind, data in of_job(got, job):
        if kind == "epoch":
            assert data["epoch"] == epoch + 1
            epoch += 1
        elif kind == "status":
            assert data["epoch"] == epoch


def test_who_comes_now_hears_of_what_runs(new_daemon):
    client = new_daemon().start().client
    job = train(client, "n", epochs=10**8)
    wait_until(lambda: client.ok("GET", f"/v1/jobs/{job}/history?after=500"
                                        "&limit=1", 200)["data"])
    for headers in ({}, {"Last_Event_ID": "nonsense"},
                    {"Last_Event_ID": "1.2"}, {"Last_Event_ID": "1.2-x"},
                    {"Last_Event_ID": "1.2-3.1-" + "9" * 30}):
        with listening(client, "/v1/events", **headers) as response:
            first = next(x for _, kind, x in all_events(response)
                         if kind == "epoch")
        assert first["job"] == job
        # Not from the first: what the disk had when he came.
        assert first["epoch"] > 500
    client.ok("POST", f"/v1/jobs/{job}/cancel", 200)


def test_places_of_deleted_jobs_take_no_room(new_daemon):
    client = new_daemon().start().client
    job = train(client, "n", epochs=10**8)
    client.running(job)
    gone = "".join(f".{other}-0" for other in range(1000, 1256))
    with listening(client, "/v1/events?types=epoch,status",
                   Last_Event_ID="1" + gone) as response:
        stream = all_events(response)
        at, data = next((at, data) for at, kind, data in stream
                        if kind == "epoch")
        assert (data["job"], data["epoch"]) == (job, 1)
        assert at.split(".")[1:] == [f"{job}-1"]
        # One that is deleted while somebody listens.
        client.ok("POST", f"/v1/jobs/{job}/cancel", 200)
        client.ok("DELETE", f"/v1/jobs/{job}", 204)
        other = client.submit("n", "n", epochs=10**8, batch_size="full",
                              optimizer={"type": "adam"})
        at = next(at for at, kind, data in stream if kind == "epoch"
                  and data["job"] == other and data["epoch"] > 600)
        assert f".{job}-" not in at
    client.ok("POST", f"/v1/jobs/{other}/cancel", 200)


def test_as_many_jobs_as_there_may_be_workers(new_daemon):
    client = new_daemon("--workers", "66").start().client
    client.network("n", [(64, "tanh"), (64, "tanh"), (1, "linear")], 1)
    client.dataset("d", line_data(512))
    with listening(client, "/v1/events?types=epoch,status") as response:
        jobs = [client.submit("n", "d", epochs=10**6, batch_size=4)
                for _ in range(66)]
        stream = all_events(response)
        got = []
        while not got or got[-1][0].count(".") < len(jobs):
            got.append(next(stream))
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            list(pool.map(lambda job: client.ok(
                "POST", f"/v1/jobs/{job}/cancel", 200), jobs))
        got += until_ended(stream, jobs)
    for job in jobs:
        assert [x["epoch"] for kind, x in of_job(got, job)
                if kind == "epoch"] == [
                    x["epoch"] for x in client.history(job)]


def test_only_the_types_that_are_asked_for(new_daemon):
    client = new_daemon().start().client
    client.dataset("d", XOR)
    job = not_learning(client, "line", "d")
    client.succeeded(job)
    for path in (f"/v1/jobs/{job}/events", "/v1/events"):
        whole = {}
        for types in ("status", "warning,status", "epoch,status"):
            with listening(client, f"{path}?after=0&types={types}") as response:
                whole[types] = until_ended(all_events(response), [job])
            assert {kind for _, kind, _ in whole[types]} == set(
                types.split(","))
        assert len(told(whole["epoch,status"], "epoch")) == 300
        assert told(whole["warning,status"], "warning") == [
            {**w, "job": job} for w in client.job(job)["warnings"]]
        assert told(whole["status"], "status") == told(
            whole["epoch,status"], "status")
        if path == "/v1/events":  # no epoch to go on from: no place in the id
            assert all(at.isdigit() for at, _, _ in whole["status"])
        for wrong in ("", "epochs", "status,", "status,nothing"):
            answer = client.get(f"{path}?types={wrong}")
            assert answer.status == 400
            assert "epoch and warning" in answer.json["detail"]


def test_a_deleted_job_ends_its_stream_and_an_unknown_one_is_404(client, name):
    assert client.get("/v1/jobs/999999/events").status == 404
    assert client.get("/v1/jobs/none/events").status == 404
    job = train(client, name, epochs=10)
    client.succeeded(job)
    answer = client.get(f"/v1/jobs/{job}/events",
                        headers={"Accept": "application/json"})
    assert answer.status == 406
    client.ok("DELETE", f"/v1/jobs/{job}", 204)
    assert client.get(f"/v1/jobs/{job}/events").status == 404


def test_listeners_are_bounded_and_leave_room_when_they_go(new_daemon):
    client = new_daemon().start().client
    with contextlib.ExitStack() as held:
        for _ in range(256):
            response = held.enter_context(listening(client, "/v1/events"))
            assert response.status == 200
        answer = client.get("/v1/events")
        assert answer.status == 503
        assert answer.json["code"] == "too_many_listeners"
        assert client.get("/healthz").status == 200

    # Their leaving shows when something is written to them.
    train(client, "n", epochs=1)

    def open_again():
        with listening(client, "/v1/events") as response:
            return response.status == 200
    wait_until(open_again)


def test_sigterm_ends_streams_at_once(new_daemon):
    daemon = new_daemon().start()
    job = train(daemon.client, "n", epochs=10**8)
    daemon.client.running(job)
    with listening(daemon.client, f"/v1/jobs/{job}/events") as one, \
            listening(daemon.client, "/v1/events") as other:
        next(events(one))
        daemon.signal(signal.SIGTERM)
        list(events(one))
        list(events(other))
        assert daemon.wait(3) == 0


def test_head_of_a_stream_is_only_its_head(client):
    answer = client.request("HEAD", "/v1/events", check=False)
    assert answer.status == 200 and answer.body == b""


def test_polling_costs_nothing_where_nothing_changed(client, name):
    job = train(client, name, epochs=10)
    client.succeeded(job)
    for path in (f"/v1/jobs/{job}", f"/v1/jobs/{job}/history"):
        first = client.get(path)
        tag = first.headers["ETag"]
        assert first.status == 200 and first.headers[
            "Cache-Control"] == "no-cache"
        for ask in (tag, f'"other", W/{tag}', "*"):
            again = client.request("GET", path, check=False,
                                   headers={"If-None-Match": ask})
            assert (again.status, again.body) == (304, b"")
            assert again.headers["ETag"] == tag
        other = client.get(path, headers={"If-None-Match": '"something"'})
        assert (other.status, other.body) == (200, first.body)
    page = client.get(f"/v1/jobs/{job}/history?after=5")
    assert page.headers["ETag"] != tag
