"""Evaluation: the figures a person would compute from the predictions."""

import math

import pytest

from support import line_data, two_groups


@pytest.fixture
def colours(client, name):
    """Trained a little, so that it is right and wrong at times."""
    client.dataset(name, two_groups())
    client.network(name, [(2, "softmax")], 2, loss="cross_entropy", seed=3)
    client.train(name, name, epochs=3, optimizer={"type": "sgd",
                                                  "learning_rate": 0.02})
    return name


def rows_of(text):
    return [line.split(",") for line in text.strip().split("\n")[1:]]


def test_classification_by_hand(client, colours):
    rows = rows_of(two_groups())
    answer = client.predict(colours, [[float(a), float(b)]
                                      for a, b, _ in rows])
    found = client.evaluate(colours, colours)
    assert found["rows"] == len(rows)
    right = sum(label == row[2] for label, row in zip(answer["labels"], rows))
    assert found["accuracy"] == pytest.approx(right / len(rows), rel=1e-6)

    classes = ["blue", "red"]
    matrix = [[sum(row[2] == actual and label == said for row, label
                   in zip(rows, answer["labels"])) for said in classes]
              for actual in classes]
    assert found["confusion_matrix"] == matrix

    loss = -sum(math.log(y[classes.index(row[2])]) for y, row
                in zip(answer["outputs"], rows)) / len(rows)
    assert found["loss"] == pytest.approx(loss, rel=1e-4)

    # The area under the curve is the chance that a red one scores higher.
    score = {c: [y[1] for y, row in zip(answer["outputs"], rows)
                 if row[2] == c] for c in classes}
    pairs = [(r > b) + 0.5 * (r == b)
             for r in score["red"] for b in score["blue"]]
    assert found["auc"] == pytest.approx(sum(pairs) / len(pairs), rel=1e-6)


    assert found["log_loss"] == pytest.approx(loss, rel=1e-4)


def test_the_curve_and_the_worst_rows(client, colours):
    rows = rows_of(two_groups())
    answer = client.predict(colours, [[float(a), float(b)]
                                      for a, b, _ in rows])
    found = client.evaluate(colours, colours)
    curve = found["roc"]
    assert curve[0] == {"false_positive_rate": 0, "true_positive_rate": 0,
                        "threshold": None}
    assert curve[-1]["false_positive_rate"] == 1
    assert curve[-1]["true_positive_rate"] == 1
    for point in curve[1:]:
        said = [y[1] >= point["threshold"] * (1 - 1e-6)
                for y in answer["outputs"]]
        red = [row[2] == "red" for row in rows]
        assert point["true_positive_rate"] == pytest.approx(
            sum(s and r for s, r in zip(said, red)) / sum(red))
        assert point["false_positive_rate"] == pytest.approx(
            sum(s and not r for s, r in zip(said, red)) / red.count(False))

    classes = ["blue", "red"]
    p = [y[classes.index(row[2])] for y, row in zip(answer["outputs"], rows)]
    assert len(found["worst"]) == 10
    assert [w["probability"] for w in found["worst"]] == pytest.approx(
        sorted(p)[:10], rel=1e-5)
    for worst in found["worst"]:
        page = client.ok("GET", f"/v1/datasets/{colours}/rows?limit=1&after="
                                f"{worst['row']}", 200)
        assert page["data"][0]["colour"] == worst["actual"]
        assert worst["said"] == answer["labels"][worst["row"]]


def test_figures_of_each_class(client, colours):
    found = client.evaluate(colours, colours)
    matrix = found["confusion_matrix"]
    for i, figures in enumerate(found["classes"]):
        said = sum(row[i] for row in matrix)
        recall = matrix[i][i] / sum(matrix[i])
        assert figures["recall"] == pytest.approx(recall, rel=1e-6)
        if said:
            precision = matrix[i][i] / said
            assert figures["precision"] == pytest.approx(precision, rel=1e-6)
            if precision + recall:
                assert figures["f1"] == pytest.approx(
                    2 * precision * recall / (precision + recall), rel=1e-6)


def test_regression_by_hand(client, name):
    client.dataset(name, line_data())
    client.network(name, [(1, "linear")], 1)
    client.train(name, name, epochs=3)
    rows = [[float(x) for x in row] for row in rows_of(line_data())]
    outputs = client.predict(name, [[x] for x, _ in rows])["outputs"]
    errors = [y[0] - t for y, (_, t) in zip(outputs, rows)]
    mean = sum(t for _, t in rows) / len(rows)
    mse = sum(e * e for e in errors) / len(rows)
    found = client.evaluate(name, name)
    assert found["rows"] == len(rows)
    assert found["mse"] == pytest.approx(mse, rel=1e-4)
    assert found["rmse"] == pytest.approx(math.sqrt(mse), rel=1e-4)
    assert found["mae"] == pytest.approx(
        sum(map(abs, errors)) / len(rows), rel=1e-4)
    assert found["r2"] == pytest.approx(
        1 - mse * len(rows) / sum((t - mean) ** 2 for _, t in rows), rel=1e-3)
    assert "accuracy" not in found


def test_a_version_can_be_asked(client, colours):
    old = client.evaluate(colours, colours)
    client.train(colours, colours, epochs=100)
    new = client.evaluate(colours, colours)
    assert new["loss"] < old["loss"]
    assert client.evaluate(colours, colours, version=1) == old


def test_columns_are_found_by_name(client, colours):
    text = two_groups()
    turned = "colour,b,a\n" + "".join(
        f"{c},{b},{a}\n" for a, b, c in rows_of(text))
    client.dataset(colours + ".t", turned, "?target=colour")
    a, b = (client.evaluate(colours, colours + suffix)
            for suffix in ("", ".t"))
    for figure in ("rows", "loss", "accuracy", "confusion_matrix"):
        assert a[figure] == b[figure]


@pytest.mark.parametrize("body, statuses", [
    ({}, (422,)), ({"dataset": 1}, (422,)),
    ({"dataset": "not-there"}, (404, 422)),
    ({"dataset": "x", "rows": 1}, (422,)), (None, (400,))])
def test_what_is_refused(client, colours, body, statuses):
    answer = client.post(f"/v1/networks/{colours}/evaluate", body)
    assert answer.status in statuses, answer


def test_data_of_another_width(client, colours, name):
    client.dataset(name + ".x", line_data())
    answer = client.post(f"/v1/networks/{colours}/evaluate",
                         {"dataset": name + ".x"})
    assert answer.status == 422, answer


def why(found):
    return {note["pointer"]: note["detail"] for note in found["notes"]}


def test_a_figure_that_is_null_says_why(client, colours, name):
    assert "notes" not in client.evaluate(colours, colours)
    rows = two_groups().strip().split("\n")
    client.dataset("one-" + name[:40], "\n".join(
        rows[:1] + [r for r in rows[1:] if r.endswith("red")]))
    found = client.evaluate(colours, "one-" + name[:40])
    assert found["auc"] is None and "both classes" in why(found)["/auc"]

    line = "line-" + name[:40]
    client.dataset(line, line_data())
    client.dataset("flat-" + name[:40], "x,y\n1,2\n2,2\n3,2\n")
    client.network(line, [(1, "linear")], 1)
    client.train(line, line, epochs=1)
    found = client.evaluate(line, "flat-" + name[:40])
    assert found["r2"] is None and "all the same" in why(found)["/r2"]
    client.put_weights(line, [([[3e38]], [3e38])])
    found = client.evaluate(line, "flat-" + name[:40])
    assert found["loss"] is None and "32-bit" in why(found)["/loss"]
