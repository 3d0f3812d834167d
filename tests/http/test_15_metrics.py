"""GET /metrics: Prometheus' text, with figures that are true."""

import pathlib
import re
import shutil
import subprocess

import pytest

from support import XOR, wait_until

CONFIG = pathlib.Path(__file__).parents[2] / "config"

SAMPLE = re.compile(r'([a-z_]+)(?:\{((?:[a-z_]+="(?:[^"\\]|\\.)*",?)*)\})? '
                    r'(-?[0-9.]+(?:e[+-]?[0-9]+)?|\+Inf|NaN)')


def scrape(client):
    """{(name, labels): value}; every line must be one of the format's."""
    answer = client.get("/metrics", check=False)
    assert answer.status == 200, answer
    assert answer.headers["Content-Type"].startswith(
        "text/plain; version=0.0.4")
    found, kinds = {}, {}
    for line in answer.body.decode().splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name not in kinds, f"{name} is announced twice"
            kinds[name] = kind
        elif not line.startswith("# HELP "):
            match = SAMPLE.fullmatch(line)
            assert match, line
            name, labels, value = match.groups()
            family = re.sub("_(bucket|sum|count)$", "", name)
            assert (kinds.get(name) or kinds.get(family)), f"{name} unannounced"
            key = name, labels or ""
            assert key not in found, f"{key} twice"
            found[key] = float(value)
    return found


def total(figures, name, part=""):
    return sum(value for (n, labels), value in figures.items()
               if n == name and part in labels)


def test_requests_are_counted_by_pattern_and_status(client):
    def counted():
        figures = scrape(client)
        return [total(figures, "backpropd_http_requests_total",
                      f'method="GET",route="{route}",status="{status}"')
                for route, status in (("/v1/networks/{name}", 404),
                                      ("/healthz", 200))]
    before = counted()
    client.get("/v1/networks/nobody-has-this-name")
    client.get("/v1/networks/nobody-has-that-name")
    client.get("/healthz")
    # A request is counted when its last byte is out, which we may outrun.
    wait_until(lambda: counted() == [before[0] + 2, before[1] + 1])


def test_a_histogram_adds_up(client):
    client.get("/healthz")
    figures = scrape(client)
    name = "backpropd_http_request_duration_seconds"
    route = 'method="GET",route="/healthz"'
    buckets = [value for (n, labels), value in figures.items()
               if n == name + "_bucket" and labels.startswith(route)]
    assert len(buckets) > 10
    assert buckets == sorted(buckets)
    assert buckets[-1] == total(figures, name + "_count", route) > 0
    assert total(figures, name + "_sum", route) >= 0


def test_predictions_and_rows_by_network(client, name):
    client.network(name, [(2, "tanh")], 2)
    before = scrape(client)
    client.predict(name, [[0, 1], [1, 0], [1, 1]])
    client.predict(name, [[0, 1]])
    client.post(f"/v1/networks/{name}/predict", {"inputs": [[0]]})  # refused
    after = scrape(client)
    label = f'network="{name}"'
    assert total(after, "backpropd_predictions_total", label) == 2
    assert total(after, "backpropd_prediction_rows_total", label) == 4
    for figure, more in (("_count", 2), ("_sum", 4)):
        key = "backpropd_prediction_batch_rows" + figure
        assert total(after, key) == total(before, key) + more


def test_a_job_shows_while_it_runs_and_is_counted(new_daemon):
    client = new_daemon().start().client
    client.network("n", [(4, "tanh"), (1, "sigmoid")], 2)
    client.dataset("d", XOR)
    job = client.submit("n", "d", epochs=10**8)
    client.running(job)
    figures = scrape(client)
    assert figures["backpropd_jobs", 'status="running"'] == 1
    assert figures["backpropd_job_loss", f'job="{job}"'] > 0
    assert figures["backpropd_job_epoch", f'job="{job}"'] >= 1
    epochs = total(figures, "backpropd_training_epochs_total")
    assert epochs >= 1
    assert total(figures, "backpropd_training_samples_total") >= 4 * epochs - 4
    wait_until(lambda: total(scrape(client), "backpropd_checkpoint_bytes") > 0)
    assert total(scrape(client), 'backpropd_memory_bytes', 'use="jobs"') > 0
    client.ok("POST", f"/v1/jobs/{job}/cancel", 200)
    figures = scrape(client)
    assert figures["backpropd_jobs", 'status="cancelled"'] == 1
    assert ("backpropd_job_loss", f'job="{job}"') not in figures
    assert total(figures, "backpropd_store_commit_duration_seconds_count") > 0
    assert total(figures, "backpropd_store_read_duration_seconds_count") > 0


def test_a_refused_connection_is_counted(new_daemon):
    daemon = new_daemon("--connections", "4").start()
    held = [daemon.client.connect() for _ in range(8)]
    # HTTP_OPEN routes are answered beyond the limit, others are not.
    wait_until(lambda: daemon.client.get("/v1/jobs").status == 503)
    figures = scrape(daemon.client)
    assert figures["backpropd_limits_hit_total", 'limit="connections"'] >= 1
    assert total(figures, "backpropd_http_connections_max") == 4
    for link in held:
        link.close()


def test_the_build_is_told(client):
    figures = scrape(client)
    (labels,) = [labels for name, labels in figures
                 if name == "backpropd_build_info"]
    assert re.search(r'version="\d+\.\d+\.\d+",kernel="\w+"', labels)
    assert figures["process_resident_memory_bytes", ""] > 2**20


def test_promtool_finds_nothing(client, name):
    if shutil.which("promtool") is None:
        pytest.skip("no promtool (Debian: prometheus)")
    client.network(name, [(2, "tanh")], 2)
    client.predict(name, [[0, 1]])
    text = client.get("/metrics", check=False).body
    told = subprocess.run(["promtool", "check", "metrics"], input=text,
                          capture_output=True)
    assert told.returncode == 0, told.stderr.decode()
    assert told.stdout + told.stderr == b""


def named(text):
    """The metrics of ours that a text of queries names."""
    return {re.sub("_(bucket|sum|count)$", "", name)
            for name in re.findall(r"\bbackpropd_[a-z_]+", text)}


@pytest.mark.parametrize("file", ["grafana.json", "backpropd.rules.yml"])
def test_what_config_asks_for_is_there(new_daemon, file):
    """A panel or an alert with a misspelt name would just stay empty."""
    client = new_daemon().start().client
    client.network("n", [(4, "tanh"), (1, "sigmoid")], 2)
    client.dataset("d", XOR)
    job = client.submit("n", "d", epochs=10**8)
    wait_until(lambda: total(scrape(client), "backpropd_checkpoint_bytes") > 0)
    client.ok("POST", f"/v1/jobs/{job}/cancel", 200)
    told = set(re.findall(r"^# TYPE (backpropd_\w+)", client.get(
        "/metrics").body.decode(), re.MULTILINE))
    asked = named((CONFIG / file).read_text())
    assert len(asked) >= 4
    assert asked <= told, asked - told


def test_promtool_likes_the_configuration():
    if shutil.which("promtool") is None:
        pytest.skip("no promtool (Debian: prometheus)")
    for what, file in (("config", "prometheus.yml"),
                       ("rules", "backpropd.rules.yml")):
        told = subprocess.run(["promtool", "check", what, CONFIG / file],
                              capture_output=True)
        assert told.returncode == 0, told.stderr.decode()
