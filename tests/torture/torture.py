#!/usr/bin/env python3
"""Kill the daemon again and again while clients use it; nothing may be lost.

    torture.py [--kills N] [--seed S]        BACKPROPD names the daemon

Four clients upload, submit, pause, resume, cancel and delete, and write down
what was acknowledged (a Thing's `may_be`: the states it may be found in).  At
random moments the process is killed.  After every start each Thing must be in a
state that it may be in, and the file must be whole.  In the end every job is in
one final state, its history has every epoch once, and what succeeded has the
weights and losses of a run that nobody disturbed.
"""

import argparse
import http.client
import pathlib
import random
import sqlite3
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "http"))

from support import SLOW, Daemon, two_groups, wait_until  # noqa: E402

GONE = (OSError, http.client.HTTPException)
ENDED = ("succeeded", "failed", "cancelled")

# Short and long jobs, of all that a state holds: the same seeds, always.
KINDS = [
    dict(epochs=400, batch_size=8, optimizer={"type": "adam"}),
    dict(epochs=1500, batch_size=16, validation={"fraction": 0.2},
         stop_when={"patience": 900},
         optimizer={"type": "sgd", "learning_rate": 0.05, "momentum": 0.9}),
    dict(epochs=100, batch_size=1, checkpoint_seconds=0.1, keep="last",
         optimizer={"type": "sgd", "learning_rate": 0.01}),
    dict(epochs=400, batch_size=8, scale_inputs="standard", restarts=2,
         optimizer={"type": "rmsprop", "learning_rate": 0.001}),
]


class Thing:
    """A network, a dataset or a job, and the states it may be found in."""

    def __init__(self, path, *may_be):
        self.path = path
        self.may_be = set(may_be)
        self.kind = None  # of a job

    def change(self, ask, *then):
        """Ask for a change: until it is acknowledged both states may be."""
        before = set(self.may_be)
        self.may_be |= set(then)
        answer = ask()
        self.may_be = set(then) if answer.status < 300 else before
        return answer


class User(threading.Thread):
    """Does what it likes until the daemon dies."""

    def __init__(self, torture, seed):
        super().__init__()
        self.torture, self.client = torture, torture.daemon.client
        self.rng = random.Random(seed)
        self.failure = None

    def run(self):
        try:
            while True:
                self.rng.choice((self.submit, self.upload, self.change_job,
                                 self.change_job, self.change_job))()
        except GONE:
            pass
        except Exception as failure:  # pylint: disable=broad-except
            self.failure = failure

    def upload(self):
        name = self.torture.new_name("d")
        data = Thing(f"/v1/datasets/{name}", "absent")
        self.torture.add(data)
        text = two_groups(self.rng.randrange(2, 4000))
        data.change(lambda: self.client.put(
            data.path, body=text, headers={"Content-Type": "text/csv"}),
            "there")
        if self.rng.random() < 0.5:
            data.change(lambda: self.client.delete(data.path), "absent")

    def submit(self):
        if not self.torture.may_submit():
            time.sleep(0.01)  # others go on
            return
        name = self.torture.new_name("n")
        kind = self.rng.randrange(len(KINDS))
        net = Thing(f"/v1/networks/{name}", "absent")
        self.torture.add(net)
        net.change(lambda: self.client.post(
            "/v1/networks", json_body=network(name)), "there")
        # Sent again with its key when the answer was lost: see send_again().
        self.torture.unanswered[name] = kind
        job = submit(self.client, name, kind)
        self.torture.answered(name, job)

    def change_job(self):
        job = self.torture.some_job(self.rng)
        if job is None:
            return
        what, *then = self.rng.choices(
            (("pause", "paused"), ("resume", "queued", "running", *ENDED),
             ("cancel", "cancelled")), weights=(30, 68, 2))[0]
        job.change(lambda: self.client.post(
            f"{job.path}/{what}", json_body={"keep": True}
            if what == "cancel" and self.rng.random() < 0.5 else None), *then)
        self.torture.give_back(job)


def network(name):
    return {"name": name, "input_shape": [2], "seed": 5,
            "loss": "cross_entropy", "layers": [
                {"type": "dense", "units": 24, "activation": "tanh"},
                {"type": "dense", "units": 2, "activation": "softmax"}]}


def submit(client, name, kind):
    answer = client.post("/v1/jobs", headers={"Idempotency-Key": name},
                         json_body={"network": name, "dataset": "data",
                                    "seed": 3, **KINDS[kind]})
    assert answer.status == 202, answer
    return answer.json["id"]


def results(client, job):
    """What does not depend on the clock: digest, metrics, losses."""
    version = client.version(job["network"], 1)
    return (version["sha256"], version["metrics"],
            [(x["epoch"], x["loss"], x.get("val_loss"))
             for x in client.history(job["id"])])


class Torture:
    def __init__(self, directory, kills, seed):
        self.rng = random.Random(seed)
        self.kills = kills
        (directory / "calm").mkdir()
        (directory / "tortured").mkdir()
        self.calm = Daemon(directory / "calm", "--log-level", "error")
        self.daemon = Daemon(directory / "tortured", "--log-level", "error")
        self.lock = threading.Lock()
        self.things, self.jobs, self.busy = [], {}, set()
        self.unanswered = {}  # network -> kind of the job asked for
        self.names = 0
        self.round = 0

    # -- what the users share --

    def new_name(self, prefix):
        with self.lock:
            self.names += 1
            return f"{prefix}{self.names}"

    def add(self, thing):
        with self.lock:
            self.things.append(thing)

    def may_submit(self):
        with self.lock:
            return len(self.jobs) + len(self.unanswered) < 6 + self.round

    def answered(self, name, job):
        with self.lock:
            kind = self.unanswered.pop(name)
            assert job not in self.jobs, "one key, two jobs"
            thing = Thing(f"/v1/jobs/{job}", "queued", "running", *ENDED)
            thing.kind, thing.network = kind, name
            self.jobs[job] = thing
            self.things.append(thing)

    def some_job(self, rng):
        """A job that nobody else is changing just now."""
        with self.lock:
            free = [x for x in self.jobs.values() if x not in self.busy
                    and not x.may_be <= {"cancelled"}]
            if not free:
                return None
            job = rng.choice(free[-12:])
            self.busy.add(job)
            return job

    def give_back(self, job):
        with self.lock:
            self.busy.discard(job)

    # -- the story --

    def run(self):
        expected = self.undisturbed()
        self.daemon.start().client.dataset("data", two_groups(400))
        for self.round in range(self.kills):
            self.one_life()
        self.settle()
        return self.judge(expected)

    def undisturbed(self):
        client = self.calm.start().client
        client.dataset("data", two_groups(400))
        found = []
        for kind in range(len(KINDS)):
            client.ok("POST", "/v1/networks", 201,
                      json_body=network(f"k{kind}"))
            job = client.succeeded(submit(client, f"k{kind}", kind), 120)
            found.append(results(client, job))
        self.calm.stop()
        return found

    def one_life(self):
        users = [User(self, self.rng.random()) for _ in range(4)]
        for user in users:
            user.start()
        # Not a way to synchronise: the moment of the kill is the experiment.
        time.sleep(self.rng.uniform(0.0, 0.8))
        self.daemon.kill()
        for user in users:
            user.join()
            assert user.failure is None, repr(user.failure)
        self.busy.clear()
        self.daemon.check_log()
        self.check_file()
        self.daemon.start()
        self.check_things()
        for name, kind in list(self.unanswered.items()):
            self.send_again(name, kind)

    def send_again(self, name, kind):
        """The answer was lost: the same key gives the same job, or the one."""
        client = self.daemon.client
        if client.get(f"/v1/networks/{name}").status == 404:
            del self.unanswered[name]
        else:
            self.answered(name, submit(client, name, kind))

    def check_file(self):
        path = self.daemon.directory / "test.db"
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as link:
            assert link.execute("PRAGMA integrity_check").fetchall() == [
                ("ok",)]
            assert link.execute("PRAGMA foreign_key_check").fetchall() == []
        link.close()

    def check_things(self):
        found = {}
        for what in ("networks", "datasets", "jobs"):
            after = ""
            while after is not None:
                page = self.daemon.client.ok(
                    "GET", f"/v1/{what}?limit=1000{after}", 200)
                for x in page["data"]:
                    key = x["id"] if what == "jobs" else x["name"]
                    found[f"/v1/{what}/{key}"] = x.get("status", "there")
                after = page["next"] and f"&after={page['next']}"
        for thing in self.things:
            state = found.get(thing.path, "absent")
            assert state in thing.may_be, (thing.path, state, thing.may_be)
            if thing.kind is None or state in ("paused", *ENDED):
                thing.may_be = {state}  # it is known now

    def settle(self):
        client = self.daemon.client
        for thing in self.jobs.values():
            if thing.may_be == {"paused"}:
                client.ok("POST", f"{thing.path}/resume", 200)
                thing.may_be = set(ENDED)
        for job in self.jobs:
            wait_until(lambda: client.job(job)["status"] in ENDED, 300,
                       f"job {job}")

    def judge(self, expected):
        client, tally = self.daemon.client, {x: 0 for x in ENDED}
        for job, thing in self.jobs.items():
            found = client.job(job)
            tally[found["status"]] += 1
            assert found["status"] in thing.may_be, (found, thing.may_be)
            epochs = [x["epoch"] for x in client.history(job)]
            assert epochs == list(range(1, len(epochs) + 1)), (job, epochs)
            log = client.ok("GET", f"/v1/jobs/{job}/log?limit=1000", 200)
            last = [x["status"] for x in log["data"]]
            assert last[-1] == found["status"]
            assert sum(x in ENDED for x in last) == 1  # ended once
            if found["status"] == "succeeded":
                assert results(client, found) == expected[thing.kind]
        resumes = sum(client.job(job)["resumes"] for job in self.jobs)
        self.daemon.stop()
        assert tally["failed"] == 0 and tally["succeeded"] > 0, tally
        return (f"{self.kills} kills, {len(self.things)} networks, datasets "
                f"and jobs, {resumes} resumes: {tally['succeeded']} jobs "
                f"succeeded, {tally['cancelled']} cancelled, all as if "
                "nothing had happened")


def run(directory, kills, seed):
    torture = Torture(pathlib.Path(directory), kills, seed)
    try:
        return torture.run()
    finally:
        for daemon in (torture.calm, torture.daemon):
            if daemon.process is not None and daemon.process.poll() is None:
                daemon.kill()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        began = time.monotonic()
        print(run(place, asked.kills, asked.seed))
        print(f"in {time.monotonic() - began:.0f} s (slowness {SLOW})")
