"""Real data: as good as another program with the same network.

The bounds are those of scikit-learn's MLPClassifier over ten seeds; a mean
below the worst of them would be a mistake of ours.
"""

import csv
import io

import pytest


def split(path):
    """The table's training and test part, without the column that says so."""
    parts = {"train": io.StringIO(), "test": io.StringIO()}
    with open(path, newline="") as file:
        rows = csv.reader(file)
        head = next(rows)
        column = head.index("split")
        del head[column]
        out = {part: csv.writer(text) for part, text in parts.items()}
        for writer in out.values():
            writer.writerow(head)
        for row in rows:
            part = row.pop(column)
            out[part].writerow(row)
    return {part: text.getvalue() for part, text in parts.items()}


@pytest.mark.parametrize("table, layers, worst, epochs, rate, seeds", [
    ("iris", (4, 10, 3), 0.868, 150, 0.01, 10),
    ("wine", (13, 16, 3), 0.956, 100, 0.01, 10),
    ("breast_cancer", (30, 32, 2), 0.965, 200, 0.003, 10),
    ("digits", (64, 64, 10), 0.967, 60, 0.001, 3),
])
def test_classification(client, name, shared_data, table, layers, worst,
                        epochs, rate, seeds):
    for part, text in split(shared_data / f"{table}.csv").items():
        client.dataset(f"{name}.{part}", text, "?task=classification")
    inputs, hidden, outputs = layers
    jobs = {}
    for seed in range(seeds):
        net = f"{name}.{seed}"
        client.network(net, [(hidden, "relu"), (outputs, "softmax")], inputs,
                       loss="cross_entropy", seed=seed)
        jobs[net] = client.submit(
            net, f"{name}.train", epochs=epochs, batch_size=32, seed=seed,
            scale_inputs="standard", keep="last",
            optimizer={"type": "adam", "learning_rate": rate})
    found = []
    for net, job in jobs.items():
        client.succeeded(job, 120)
        found.append(client.evaluate(net, f"{name}.test")["accuracy"])
    assert sum(found) / len(found) >= worst, found


def test_regression(client, name, shared_data):
    """Diabetes, raw targets: R2 of 0.465 to 0.524; a straight line has 0.485."""
    for part, text in split(shared_data / "diabetes.csv").items():
        client.dataset(f"{name}.{part}", text, "?task=regression")
    found = []
    for seed in range(6):
        net = f"{name}.{seed}"
        client.network(net, [(16, "relu"), (1, "linear")], 10, seed=seed,
                       loss="mse")
        client.train(net, f"{name}.train", epochs=120, batch_size=32,
                     seed=seed, scale_inputs="standard", keep="last",
                     optimizer={"type": "adam", "learning_rate": 0.01})
        found.append(client.evaluate(net, f"{name}.test")["r2"])
    assert sum(found) / len(found) >= 0.465, found
