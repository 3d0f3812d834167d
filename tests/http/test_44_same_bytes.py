"""The same seed gives the same bytes, with everything there is switched on."""

import os

import pytest

from support import two_groups, wait_until

# Of a job, what the clock has no part in.
FIGURES = ("metrics", "result", "warnings", "learning_rate_test")

LAYERS = [{"type": "dense", "units": 24, "activation": "relu", "l2": 1e-4},
          {"type": "batch_norm"}, {"type": "dropout", "rate": 0.2},
          {"type": "dense", "units": 12, "activation": "linear",
           "max_norm": 2},
          {"type": "layer_norm"}, {"type": "activation", "activation": "gelu"},
          {"type": "dense", "units": 2, "activation": "softmax"}]

PLAIN = dict(epochs=3, seed=7, batch_size=16)
EVERYTHING = dict(
    PLAIN, restarts=3, clip_norm=0.9, clip_value=0.5,
    class_weights="balanced", sample_weight="weight",
    scale_inputs="standard", validation={"column": "part"},
    schedule={"type": "cosine", "restart_epochs": 2, "warmup_epochs": 1})
SPECS = {
    # So many epochs that a kill comes before the last, whatever else runs.
    "plain": dict(PLAIN, epochs=12,
                  optimizer={"type": "sgd", "learning_rate": 0.05}),
    "auto": dict(EVERYTHING, optimizer={"type": "sgd", "momentum": 0.9,
                                        "learning_rate": "auto"}),
    "plateau": dict(EVERYTHING, keep="last", epochs=5,
                    optimizer={"type": "adam", "learning_rate": "auto"},
                    schedule={"type": "plateau", "patience": 1},
                    stop_when={"patience": 2, "min_delta": 0.01}),
}


def make(client, name, n=6000):
    """A network and a dataset with columns for weights and parts."""
    head, *rows = two_groups(n).splitlines()
    text = [head.replace("colour", "weight,part,colour")]
    for i, row in enumerate(rows):
        a, b, colour = row.split(",")
        a = float(a) * 3 - (i * 7 % 31) / 10  # so that it is no matter of course
        part = ("train", "train", "train", "val", "test")[i * 3 % 5]
        text.append(f"{a:.6g},{b},{1 + i % 3},{part},{colour}")
    client.dataset(name, "\n".join(text) + "\n",
                   "?target=colour&types=colour:categorical")
    client.ok("POST", "/v1/networks", 201, json_body={
        "name": name, "input_shape": [2], "loss": "cross_entropy",
        "layers": LAYERS, "seed": 3})


def outcome(client, name, job):
    """All that must be the same."""
    ended = client.succeeded(job, 120)
    page = client.ok("GET", f"/v1/jobs/{job}/history?detail=layers&limit=1000",
                     200)
    rows = [{k: v for k, v in row.items()
             if k not in ("seconds", "samples_per_second")}
            for row in page["data"]]
    version = client.version(name, ended["result"]["version"])
    return {"sha256": version["sha256"], "version": version["metrics"],
            "rows": rows, **{k: ended[k] for k in FIGURES}}




@pytest.fixture(scope="module")
def undisturbed(request):
    """What each spec gives on an idle daemon, computed once."""
    client, known = request.getfixturevalue("client"), {}

    def get(kind):
        if kind not in known:
            name = f"alone-{os.getpid()}.{kind}"
            make(client, name)
            known[kind] = outcome(client, name, submit(client, name, kind))
        return known[kind]
    return get


def submit(client, name, kind):
    spec = dict(SPECS[kind])
    if kind == "plain":  # weight and part are inputs unless they are used
        spec.update(sample_weight="weight", validation={"column": "part"})
    return client.submit(name, name, **spec)


@pytest.mark.parametrize("kind", SPECS)
def test_again_and_beside_others(client, name, undisturbed, kind):
    expected = undisturbed(kind)
    names = [f"{name}.{i}" for i in range(4)]
    for one in names:
        make(client, one)
    jobs = [submit(client, one, kind) for one in names]
    for one, job in zip(names, jobs):
        assert outcome(client, one, job) == expected


@pytest.mark.parametrize("kind", SPECS)
def test_after_kill_9(new_daemon, undisturbed, kind):
    """Killed in the test of rates, and after each epoch it gets to."""
    expected = undisturbed(kind)
    daemon = new_daemon("--workers", "1").start()
    make(daemon.client, "net")
    job = submit(daemon.client, "net", kind)

    def beyond(epoch):
        now = daemon.client.job(job)
        return now["status"] == "succeeded" or (
            now["status"] == "running" and now["progress"]["epoch"] >= epoch)
    kills = 0
    for epoch in range(len(expected["rows"])):
        wait_until(lambda epoch=epoch: beyond(epoch), 60)
        if daemon.client.job(job)["status"] == "succeeded":
            break
        daemon.kill()
        daemon.start()
        kills += 1
    assert kills > 0
    assert outcome(daemon.client, "net", job) == expected
