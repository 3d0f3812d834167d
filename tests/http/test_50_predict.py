"""Predictions: raw records in, answers out, one version at a time."""

import math
import threading
import time

import pytest

from support import SLOW, close, line_data, two_groups

FOREVER = 100000000


@pytest.fixture
def known(client, name):
    """2-2-1 with weights one can compute by hand."""
    client.network(name, [(2, "relu"), (1, "linear")], 2)
    client.put_weights(name, [([[1, 2], [3, -4]], [0.5, 0]), ([[2, 5]], [-1])])
    return name


@pytest.mark.parametrize("row, expected", [
    ([1, 1], 2 * 3.5 + 5 * 0 - 1),
    ([1, 0.5], 2 * 2.5 + 5 * 1 - 1),
    ([-1, -1], 2 * 0 + 5 * 1 - 1),
    ([0, 0], 2 * 0.5 - 1)])
def test_the_numbers_are_right(client, known, row, expected):
    assert client.predict(known, [row]) == {
        "network": known, "version": 1, "outputs": [[expected]]}


@pytest.mark.parametrize("activation, function", [
    ("linear", lambda x: x),
    ("sigmoid", lambda x: 1 / (1 + math.exp(-x))),
    ("tanh", math.tanh),
    ("relu", lambda x: max(x, 0.0))])
def test_every_activation_is_what_the_book_says(client, name, activation,
                                                function):
    client.network(name, [(1, activation)], 1)
    client.put_weights(name, [([[1]], [0])])
    rows = [-20.0, -3.5, -1.0, -0.125, 0.0, 0.125, 1.0, 3.5, 20.0]
    got = client.predict(name, [[x] for x in rows])["outputs"]
    for x, (y,) in zip(rows, got):
        assert close(y, function(x), 1e-6, 1e-9), (x, y)


def test_softmax_is_a_distribution(client, name):
    client.network(name, [(3, "softmax")], 1, loss="cross_entropy")
    client.put_weights(name, [([[1], [2], [3]], [0, 0, 0])])
    for x in (0, 1, 30, -30):
        row = client.predict(name, [[x]])["outputs"][0]
        e = [math.exp(k * x - max(3 * x, x)) for k in (1, 2, 3)]
        for y, expected in zip(row, e):
            assert close(y, expected / sum(e), 1e-5, 1e-12)


def test_initial_weights_predict_at_once(client, name):
    client.network(name, [(2, "tanh")], 3)
    answer = client.predict(name, [[1, 2, 3]])
    assert answer["version"] == 0 and len(answer["outputs"][0]) == 2
    assert "labels" not in answer


def test_many_rows_are_each_like_one(client, name):
    client.network(name, [(16, "tanh"), (3, "softmax")], 4,
                   loss="cross_entropy")
    rows = [[math.sin(i * 4 + k) for k in range(4)] for i in range(257)]
    together = client.predict(name, rows)["outputs"]
    assert len(together) == 257
    for i in (0, 1, 128, 256):
        assert client.predict(name, [rows[i]])["outputs"] == [together[i]]


def test_another_version_can_be_asked(client, known):
    client.put_weights(known, [([[0, 0], [0, 0]], [0, 0]), ([[0, 0]], [42])])
    assert client.predict(known, [[1, 1]])["outputs"] == [[42.0]]
    old = client.predict(known, [[1, 1]], version=1)
    assert old["version"] == 1 and old["outputs"] == [[6.0]]
    assert client.post(f"/v1/networks/{known}/predict", {
        "inputs": [[1, 1]], "version": 9}).status == 404


# --- what is refused -------------------------------------------------------------------

@pytest.mark.parametrize("body, pointer", [
    ({}, "/inputs"),
    ({"inputs": 1}, "/inputs"),
    ({"inputs": []}, "/inputs"),
    ({"inputs": [1, 2]}, "/inputs/0"),
    ({"inputs": [[1]]}, "/inputs/0"),
    ({"inputs": [[1, 2], [1, 2, 3]]}, "/inputs/1"),
    ({"inputs": [[1, 2], []]}, "/inputs/1"),
    ({"inputs": [[1, "2"]]}, "/inputs/0/1"),
    ({"inputs": [[1, 2], [None, 2]]}, "/inputs/1/0"),
    ({"inputs": [[1, True]]}, "/inputs/0/1"),
    ({"inputs": [[1, 1e39]]}, "/inputs/0/1"),
    ({"inputs": [[1, [2]]]}, "/inputs/0/1"),
    ({"inputs": [[1, 2]], "version": "1"}, "/version"),
    ({"inputs": [[1, 2]], "version": -1}, "/version"),
    ({"inputs": [[1, 2]], "versions": 1}, "/versions"),
])
def test_a_mistake_is_named(client, known, body, pointer):
    answer = client.post(f"/v1/networks/{known}/predict", body)
    assert answer.status == 422, answer
    assert any(p.startswith(pointer) for p in answer.pointers), answer


@pytest.mark.parametrize("body", [
    "", "{", '{"inputs": [[1, NaN]]}', '{"inputs": [[1, 2]]} x',
    '{"inputs": [[1, 2]], "inputs": [[1, 2]]}', "[" * 100000])
def test_what_is_not_json_is_malformed(client, known, body):
    assert client.post(f"/v1/networks/{known}/predict",
                       body=body).status == 400


def test_nobody_predicts_for_what_is_not_there(client):
    assert client.post("/v1/networks/not-there/predict",
                       {"inputs": [[1]]}).status == 404


def test_what_overflows_is_null_and_never_nan(client, name):
    client.network(name, [(1, "linear")], 2)
    client.put_weights(name, [([[3e38, 3e38]], [0])])
    answer = client.post(f"/v1/networks/{name}/predict",
                         {"inputs": [[3e38, 3e38], [0, 0]]})
    assert answer.status == 200, answer  # check_answer saw no NaN
    assert answer.json["outputs"] == [[None], [0]]
    assert [note["pointer"] for note in answer.json["notes"]] == [
        "/outputs/0/0"]


# --- raw records -----------------------------------------------------------------------

@pytest.fixture
def mixed(client, name):
    """Numbers and categories in, names out."""
    rows = ["size,colour,weight,kind"]
    for i in range(60):
        green = i % 2
        rows.append(f"{i % 10},{'green' if green else 'red'},"
                    f"{5 + i % 3},{'pear' if green else 'apple'}")
    client.dataset(name, "\n".join(rows))
    client.network(name, [(8, "relu"), (2, "softmax")], 4,
                   loss="cross_entropy")
    client.train(name, name, epochs=150, scale_inputs="standard",
                 optimizer={"type": "adam", "learning_rate": 0.02})
    return name


def test_a_row_is_as_the_dataset_wrote_it(client, mixed):
    answer = client.predict(mixed, [[3, "green", 6], [3, "red", 6]])
    assert answer["labels"] == ["pear", "apple"]


def test_a_row_may_be_an_object(client, mixed):
    as_array = client.predict(mixed, [[3, "green", 6]])
    assert client.predict(mixed, [
        {"weight": 6, "colour": "green", "size": 3}]) == as_array


def test_a_missing_number_is_the_training_mean(client, mixed):
    mean = client.predict(mixed, [[4.5, "green", 6]])["outputs"][0]
    for row in ([None, "green", 6], {"colour": "green", "weight": 6,
                                     "size": None}):
        got = client.predict(mixed, [row])["outputs"][0]
        assert got == pytest.approx(mean, abs=1e-5)


def test_a_category_never_seen_is_all_zeros(client, mixed):
    unseen = client.predict(mixed, [[3, "blue", 6]])["outputs"]
    assert unseen == client.predict(mixed, [[3, None, 6]])["outputs"]


@pytest.mark.parametrize("row, pointer", [
    ({"colour": "red", "size": 1, "weight": 5, "smell": 2},
     "/inputs/0/smell"),
    ([1, 2, 3, 4], "/inputs/0"),
    ([1, "red"], "/inputs/0"),
    (["big", "red", 5], "/inputs/0/0"),
    ({"size": "big", "colour": "red", "weight": 1}, "/inputs/0/size"),
])
def test_a_bad_record_is_named(client, mixed, row, pointer):
    answer = client.post(f"/v1/networks/{mixed}/predict", {"inputs": [row]})
    assert answer.status == 422, answer
    assert any(p.startswith(pointer) for p in answer.pointers), answer


def test_all_bad_records_are_named(client, mixed):
    """Rows behind a wrong one are read for what is wrong with them too."""
    answer = client.post(f"/v1/networks/{mixed}/predict", {"inputs": [
        {"sise": 1, "colour": "red", "weight": 5},
        {"size": [[1], {"a": 2}], "colour": ["red"], "weight": "x"},
        7, [1, "red"], [1, "red", 5, {"a": [1]}, 6], [{"a": 1}, "red", True],
        {"weight": 1, "colour": "red", "size": 2}]})
    assert answer.status == 422, answer
    assert set(answer.pointers) == {
        "/inputs/0/sise", "/inputs/1/size", "/inputs/1/colour",
        "/inputs/1/weight", "/inputs/2", "/inputs/3",
        "/inputs/4/3", "/inputs/4", "/inputs/5/0", "/inputs/5/2"}, answer
    wrong = {e["pointer"]: e["detail"] for e in answer.json["errors"]}
    assert wrong["/inputs/0/sise"] == (
        'unknown column; did you mean "size"? '
        'known here: size, colour, weight')


def test_mistakes_around_rows_hide_none_in_them(client, known):
    answer = client.post(f"/v1/networks/{known}/predict", body=(
        '{"foo": [{"a": 1}], "inputs": [["x", 1]], "version": {"v": 1}, '
        '"bar": 2}'))
    assert answer.status == 422
    assert answer.pointers == ["/foo", "/inputs/0/0", "/version", "/bar"]
    answer = client.post(f"/v1/networks/{known}/predict",
                         {"inputs": {"a": [1]}, "version": 1})
    assert answer.pointers == ["/inputs"]


def test_a_wrong_date_is_one_mistake(client, name):
    client.dataset(name, "d,a,y\n2024-01-02,1,2\n2024-01-03,2,3\n")
    client.network(name, [(1, "linear")], 
                   client.ok("GET", f"/v1/datasets/{name}", 200)["input_shape"][0])
    client.train(name, name, epochs=1)
    for row in ([{"a": [1]}, 5], [["2024-01-02"], 5], [7, 5]):
        answer = client.post(f"/v1/networks/{name}/predict", {"inputs": [row]})
        assert answer.pointers == ["/inputs/0/0"], answer


def test_a_target_comes_once(client, mixed):
    body = ('{"inputs": [{"size": 1, "kind": "pear", "kind": "apple"}]}')
    answer = client.post(f"/v1/networks/{mixed}/predict", body=body)
    assert answer.status == 400 and answer.pointers == ["/inputs/0/kind"]


def test_columns_of_arrays_are_told_each(client, name):
    client.rows(name, [[1, 2]] * 4, [[1]] * 4)
    client.network(name, [(1, "linear")], 2)
    client.train(name, name, epochs=1)
    answer = client.post(f"/v1/networks/{name}/predict", {
        "inputs": [{"inputs": [1, 2, 3]}, {"inputs": [[1], ["x"]]},
                   {"inputs": [1]}]})
    assert answer.pointers == ["/inputs/0/inputs", "/inputs/1/inputs",
                               "/inputs/2/inputs"], answer
    assert "has 3 numbers, expected 2" in str(answer)


def test_a_million_mistakes_are_soon_told(client, name):
    """Of most it is enough that there are more."""
    n = 1000
    columns = [f"sensor_temperature_{i:04}" for i in range(n)]
    client.dataset(name, ",".join(columns + ["y"]) + "\n" + "\n".join(
        ",".join(str(i + k) for k in range(n + 1)) for i in range(3)))
    client.network(name, [(1, "linear")], n)
    client.train(name, name, epochs=1)
    row = '{"sensor_temperatura_0001":1}'
    began = time.monotonic()
    answer = client.post(f"/v1/networks/{name}/predict", body=(
        '{"inputs":[' + ",".join([row] * 30000) + "]}"))
    assert answer.status == 422 and len(answer.pointers) == 16
    assert time.monotonic() - began < 2 * SLOW


def test_a_row_may_have_its_target(client, mixed):
    """As the table had it, which rows of a dataset are."""
    row = {"size": 3, "colour": "green", "weight": 6}
    want = client.predict(mixed, [row, row])
    for target in ("pear", None, 5, ["x", {"y": [1]}], {"z": [2, {}]}):
        assert client.predict(mixed, [{"kind": target, **row},
                                      {**row, "kind": target}]) == want


def test_a_column_comes_once(client, mixed):
    body = ('{"inputs": [{"size": 1, "colour": "red", "weight": 5}, '
            '{"size": 1, "colour": "red", "size": 2}]}')
    answer = client.post(f"/v1/networks/{mixed}/predict", body=body)
    assert answer.status == 400, answer
    assert answer.pointers == ["/inputs/1/size"], answer


def test_pointers_are_json_pointers(client, name):
    client.dataset(name, "a/b,c~d,t\n1,2,3\n2,3,4\n")
    client.network(name, [(1, "linear")], 2)
    client.train(name, name, epochs=1)
    answer = client.post(f"/v1/networks/{name}/predict",
                         {"inputs": [{"a/b": "x", "c~d": "y", "/~": 1}]})
    assert answer.pointers == ["/inputs/0/a~1b", "/inputs/0/c~0d",
                               "/inputs/0/~1~0"], answer


def test_labels_of_a_single_output(client, name):
    client.dataset(name, two_groups())
    client.network(name, [(4, "tanh"), (1, "sigmoid")], 2,
                   loss="binary_cross_entropy")
    client.train(name, name, epochs=200, optimizer={
        "type": "adam", "learning_rate": 0.05})
    answer = client.predict(name, [[0.5, 0.5], [2.5, 2.5]])
    assert answer["labels"] == ["red", "blue"]
    assert answer["outputs"][0][0] > 0.5 > answer["outputs"][1][0]


# --- serving while training -------------------------------------------------------------

def test_predictions_go_on_while_it_trains(client, name):
    """Each answer is of one version, whole, and versions never go back."""
    client.network(name, [(8, "tanh"), (1, "linear")], 1)
    client.dataset(name, line_data())
    row = [[0.25]]
    seen, failures = [], []
    done = threading.Event()

    def ask():
        last = -1
        while not done.is_set():
            answer = client.predict(name, row)
            if answer["version"] < last:
                failures.append((last, answer))
            last = answer["version"]
            seen.append((answer["version"], answer["outputs"][0][0]))
    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(8):
        client.train(name, name, epochs=40)
    done.set()
    for thread in threads:
        thread.join()
    assert not failures
    by_version = dict(seen)
    assert len(seen) > 50 / SLOW
    for version, y in set(seen):
        assert client.predict(name, row,
                              version=version)["outputs"][0][0] == y
    assert by_version


def test_a_new_version_serves_at_once(client, name):
    client.network(name, [(1, "linear")], 1)
    for i in range(1, 20):
        client.put_weights(name, [([[i]], [0])])
        assert client.predict(name, [[1]])["outputs"] == [[i]]
