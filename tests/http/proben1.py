"""Prechelt's Proben1 (1994): its sets, its recipe, and the table it published.

Table 10 has the squared error percentage on the test set of networks without
shortcuts, mean and standard deviation over 60 runs.  Run as a program this
trains all sets through a daemon of its own and prints our figures beside them.
"""

import contextlib
import csv
import pathlib
import sys
import tempfile

from support import Client, Daemon

FOLDER = pathlib.Path(__file__).parents[3] / "shared" / "data" / "proben1"

# The hidden layers of the best network of each set, as the report has them.
SETS = {"cancer1": (4, 2), "cancer2": (8, 4), "cancer3": (16, 8),
        "card1": (32,), "diabetes1": (32,), "gene1": (4, 2),
        "glass1": (16, 8), "heart1": (32,), "heartc1": (16, 8),
        "horse1": (16, 8), "soybean1": (16, 8), "thyroid1": (16, 8)}

# Full-batch RPROP; every fifth epoch is validated; GL5, or P5 below 0.1, or
# 3000 epochs; the network of least validation error.
RECIPE = dict(
    epochs=3000, keep="best", start_from="initial",
    optimizer={"type": "rprop", "eta_plus": 1.2, "eta_minus": 0.5,
               "delta_0": 0.01, "delta_min": 0, "delta_max": 50},
    stop_when={"generalization_loss_above": 5, "progress_below": 0.1,
               "strip_epochs": 5})


def published(name):
    """Mean and standard deviation of the test error, and of the wrong classes."""
    with open(FOLDER / "published_table10.csv", newline="") as file:
        for row in csv.DictReader(file):
            if row["dataset"] == name:
                return tuple(float(row[k]) for k in (
                    "test_E", "test_sd", "test_class_err_pct",
                    "test_class_err_sd"))
    raise KeyError(name)


def read(name):
    """The three parts, each a list of inputs and a list of targets."""
    lines = (FOLDER / f"{name}.dt").read_text().splitlines()
    head = {k: int(v) for k, v in (x.split("=") for x in lines[:7])}
    n_in = head["bool_in"] + head["real_in"]
    rows = [[float(x) for x in line.split()] for line in lines[7:]]
    parts = {}
    for part in ("training", "validation", "test"):
        n = head[f"{part}_examples"]
        parts[part] = [r[:n_in] for r in rows[:n]], [r[n_in:] for r in rows[:n]]
        rows = rows[n:]
    assert not rows
    return parts


def upload(client, name, prefix=""):
    parts = read(name)
    for part, (inputs, targets) in parts.items():
        client.rows(f"{prefix}{name}.{part}", inputs, targets)
    return parts


def wrong_classes(client, network, inputs, targets):
    """Winner takes all, in percent."""
    outputs = client.predict(network, inputs)["outputs"]
    wrong = sum(y.index(max(y)) != t.index(max(t))
                for y, t in zip(outputs, targets))
    return 100 * wrong / len(targets)


def train(client, name, seeds, prefix=""):
    """Test errors and wrong classes in percent, one a seed."""
    data = f"{prefix}{name}"
    parts = upload(client, name, prefix)
    inputs, targets = parts["test"]
    jobs = {}
    for seed in range(seeds):
        network = f"{data}.{seed}"
        uniform = {"type": "uniform", "limit": 0.01}
        layers = [{"type": "dense", "units": n, "activation": "softsign",
                   "init": uniform} for n in SETS[name]]
        layers.append({"type": "dense", "units": len(targets[0]),
                       "activation": "linear", "init": uniform})
        client.ok("POST", "/v1/networks", 201, json_body={
            "name": network, "input_shape": [len(inputs[0])], "seed": seed,
            "loss": "squared_error", "layers": layers})
        jobs[network] = client.submit(
            network, f"{data}.training", seed=seed,
            validation={"dataset": f"{data}.validation", "every_epochs": 5},
            **RECIPE)
    errors, wrong = [], []
    for network, job in jobs.items():
        client.succeeded(job, 300)
        errors.append(100 * client.evaluate(network, f"{data}.test")["mse"])
        wrong.append(wrong_classes(client, network, inputs, targets))
    return errors, wrong


def mean_and_deviation(x):
    mean = sum(x) / len(x)
    return mean, (sum((v - mean) ** 2 for v in x) / (len(x) - 1)) ** 0.5


def is_within(name, errors):
    """One published standard deviation around the published mean."""
    mean, deviation = published(name)[:2]
    return abs(mean_and_deviation(errors)[0] - mean) <= deviation


def main(seeds=10):
    hits = 0
    print("| set | hidden | test error %, ours | published | within 1 sd "
          "| wrong classes %, ours | published |\n"
          "|---|---|---|---|---|---|---|")
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        daemon = Daemon(folder, "--log-level", "warn").start()
        stack.callback(daemon.stop)
        for name, hidden in SETS.items():
            errors, wrong = train(Client(daemon.url), name, seeds)
            told = published(name)
            hits += is_within(name, errors)
            print("| {} | {} | {:.2f} ± {:.2f} | {} ± {} | {} "
                  "| {:.2f} ± {:.2f} | {} ± {} |".format(
                      name, "+".join(map(str, hidden)),
                      *mean_and_deviation(errors), *told[:2],
                      "yes" if is_within(name, errors) else "no",
                      *mean_and_deviation(wrong), *told[2:]), flush=True)
    print(f"\n{hits} of {len(SETS)} sets within one standard deviation, "
          f"{seeds} seeds each")
    return 0 if hits >= 7 else 1


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
