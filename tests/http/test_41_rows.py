"""Which rows train, how much each counts, and how gradients are held back."""

import pytest

from support import XOR, close, two_groups


def lopsided(n_many=90, n_few=10):
    """Two overlapping classes, of which one is rare; no split is right for all."""
    rows = ["x,kind\n"]
    rows += [f"{(i * 37 % 100) / 100},many\n" for i in range(n_many)]
    rows += [f"{0.4 + (i * 61 % 100) / 100},few\n" for i in range(n_few)]
    return "".join(rows)


def logistic(client, name, inputs=1):
    """Without hidden units the loss has one minimum, whatever the seed."""
    client.network(name, [(2, "softmax")], inputs, loss="cross_entropy")


def settle(client, network, dataset, **spec):
    """Train until nothing moves; the weights, flat."""
    job = client.train(network, dataset, epochs=3000, batch_size="full",
                       keep="last", start_from="initial",
                       optimizer={"type": "adam", "learning_rate": 0.05},
                       **spec)
    layer = client.weights(network, job["result"]["version"])["layers"][0]
    # A softmax does not change when both its inputs do: compare differences.
    return [a - b for a, b in zip(*layer["weight"])] + [
        layer["bias"][0] - layer["bias"][1]]


def test_class_weights_are_rows_repeated(client, name):
    """A class of weight 3 trains as one whose rows are there three times."""
    logistic(client, name)
    text = lopsided()
    client.dataset(name, text)
    few = [r for r in text.splitlines() if r.endswith("few")]
    client.dataset(f"{name}.thrice", text + "\n".join(few + few) + "\n")
    weighted = settle(client, name, name, class_weights={"few": 3})
    repeated = settle(client, name, f"{name}.thrice")
    plain = settle(client, name, name)
    assert weighted == pytest.approx(repeated, rel=1e-3)
    assert weighted != pytest.approx(plain, rel=1e-1)


def test_balanced_is_what_scikit_learn_computes(client, name):
    """rows / (classes * rows of the class): 100 / (2 * 90) and 100 / (2 * 10)."""
    logistic(client, name)
    client.dataset(name, lopsided())
    balanced = settle(client, name, name, class_weights="balanced")
    given = settle(client, name, name,
                   class_weights={"many": 100 / 180, "few": 5})
    assert balanced == pytest.approx(given, rel=1e-4)


def test_class_weights_weigh_the_loss(client, name):
    """A rate of almost nothing: the first epoch's loss is that of the start."""
    logistic(client, name)
    client.dataset(name, "x,kind\n0,a\n0,a\n0,a\n0,b\n")
    spec = dict(epochs=1, batch_size="full", start_from="initial",
                optimizer={"type": "sgd", "learning_rate": 1e-9})
    plain = client.train(name, name, **spec)["metrics"]["loss"]
    twice = client.train(name, name, class_weights={"a": 2, "b": 2}, **spec)
    assert close(twice["metrics"]["loss"], 2 * plain)
    # Input 0 and biases 0: every row's loss is ln 2.
    some = client.train(name, name, class_weights={"a": 0, "b": 4}, **spec)
    assert close(some["metrics"]["loss"], plain)


def test_class_weights_are_shown(client, name):
    logistic(client, name)
    client.dataset(name, lopsided())
    job = client.train(name, name, epochs=1, class_weights={"few": 2.5})
    assert job["class_weights"] == {"few": 2.5}
    assert client.train(name, name, epochs=1,
                        class_weights="balanced")["class_weights"] == "balanced"
    plain = client.train(name, name, epochs=1)
    assert plain["class_weights"] is None and plain["sample_weight"] is None
    assert plain["clip_norm"] is None and plain["clip_value"] is None
    assert plain["restarts"] == 1 and plain["learning_rate_test"] is None


@pytest.mark.parametrize("weights, pointer", [
    ({"few": -1}, "/class_weights/few"),
    ({"few": "2"}, "/class_weights/few"),
    ({"few": 1e39}, "/class_weights/few"),
    ({}, "/class_weights"),
    ("even", "/class_weights"),
    (2, "/class_weights"),
    ({"rare": 2}, "/class_weights/rare"),
    ({"few": 1, "a/b~c": 2}, "/class_weights/a~1b~0c"),
])
def test_class_weights_that_are_none(client, name, weights, pointer):
    logistic(client, name)
    client.dataset(name, lopsided())
    answer = client.post("/v1/jobs", {"network": name, "dataset": name,
                                      "class_weights": weights})
    assert answer.status == 422 and answer.pointers == [pointer], answer


def test_class_weights_need_classes(client, name):
    client.network(name, [(1, "linear")], 1)
    client.dataset(name, "x,y\n1,1.5\n2,2.5\n3,3.25\n")
    answer = client.post("/v1/jobs", {"network": name, "dataset": name,
                                      "class_weights": "balanced"})
    assert answer.status == 422 and answer.pointers == ["/class_weights"]


# --- a column of weights -----------------------------------------------------------

WEIGHTED = "x,n,y\n0,1,0\n1,1,2\n2,4,3\n3,0,900\n"


def test_sample_weight_is_rows_repeated(client, name):
    """Weighted least squares; the row of weight 0 counts for nothing."""
    client.network(name, [(1, "linear")], 1)
    client.dataset(name, WEIGHTED, "?target=y&task=regression")
    client.dataset(f"{name}.rows", "x,y\n0,0\n1,2\n2,3\n2,3\n2,3\n2,3\n",
                   "?task=regression")

    def line(dataset, **spec):
        client.train(name, dataset, epochs=3000, batch_size="full",
                     keep="last", start_from="initial",
                     optimizer={"type": "adam", "learning_rate": 0.02}, **spec)
        return client.predict(name, [[0], [10]])["outputs"]
    weighted = line(name, sample_weight="n")
    repeated = line(f"{name}.rows")
    for (a,), (b,) in zip(weighted, repeated):
        assert a == pytest.approx(b, rel=1e-3, abs=1e-3)


def test_sample_weight_is_no_input(client, name):
    client.network(name, [(1, "linear")], 2)
    client.dataset(name, WEIGHTED, "?target=y&task=regression")
    client.train(name, name, epochs=1)
    answer = client.post("/v1/jobs", {"network": name, "dataset": name,
                                      "sample_weight": "n"})
    assert answer.status == 422 and answer.pointers == ["/dataset"], answer
    assert "1 inputs" in answer.json["errors"][0]["detail"]


@pytest.mark.parametrize("column", ["y", "word", "gone"])
def test_sample_weight_that_is_none(client, name, column):
    client.network(name, [(1, "linear")], 1)
    client.dataset(name, "x,word,y\n1,a,1\n2,b,2\n", "?target=y")
    answer = client.post("/v1/jobs", {"network": name, "dataset": name,
                                      "sample_weight": column})
    assert answer.status == 422 and "/sample_weight" in answer.pointers, answer


@pytest.mark.parametrize("column, told", [
    ("negative", "goes down to -1.5"), ("code", "goes down to -2"),
    ("missing", "no number in 1 of the rows"), ("day", "holds no numbers"),
])
def test_weights_that_are_none(client, name, column, told):
    """What is sure to fail is not taken, nor passes a dry run."""
    client.network(name, [(1, "linear")], 4)
    client.dataset(name, "negative,code,missing,day,y\n"
                   "1,-2,1,2020-01-01,1\n-1.5,0,,2020-01-02,2\n"
                   "1,1,2,2020-01-03,2\n",
                   "?target=y&types=code:class")
    body = {"network": name, "dataset": name, "sample_weight": column}
    answer = client.post("/v1/jobs", body)
    assert answer.status == 422 and answer.pointers[0] == "/sample_weight"
    assert told in answer.json["errors"][0]["detail"], answer
    dry = client.ok("POST", "/v1/jobs?dry_run=true", 200, json_body=body)
    assert dry["errors"] == answer.json["errors"]
    assert dry["memory_bytes"] is None


# --- a column that says which rows train -------------------------------------------

def parts(validation="validation", extra=""):
    """y = x to train on, y = 2 to validate with, nonsense to leave out."""
    rows = [f"{i / 8},{i / 8},train\n" for i in range(8)]
    rows += [f"{i / 8},2,{validation}\n" for i in range(4)]
    rows += ["0,1000,test\n"]
    return "x,y,part\n" + "".join(rows) + extra


@pytest.mark.parametrize("word", ["validation", "val", "valid"])
def test_validation_by_a_column(client, name, word):
    client.network(name, [(1, "linear")], 1)
    client.dataset(name, parts(word), "?target=y")
    job = client.train(name, name, epochs=500, batch_size=8, keep="last",
                       optimizer={"type": "sgd", "learning_rate": 0.5},
                       validation={"column": "part", "every_epochs": 100})
    assert job["validation"] == {"column": "part", "every_epochs": 100}
    # Trained on y = x alone, and measured against y = 2 alone.
    assert job["metrics"]["loss"] < 1e-8
    expected = sum((2 - i / 8) ** 2 / 2 for i in range(4)) / 4
    assert job["metrics"]["val_loss"] == pytest.approx(expected, rel=1e-3)
    validated = [r["epoch"] for r in client.history(job["id"])
                 if "val_loss" in r]
    assert validated == [100, 200, 300, 400, 500]
    # The column is no input, so predictions do without.
    assert client.predict(name, [[0.5]])["outputs"][0][0] == pytest.approx(
        0.5, abs=1e-3)


def test_the_encoder_sees_training_rows_only(client, name):
    client.network(name, [(1, "linear")], 1)
    client.dataset(name, "x,y,part\n0,0,train\n2,2,train\n"
                   "1000,1,val\n-5000,1,test\n", "?target=y")
    client.train(name, name, epochs=200, scale_inputs="min_max", keep="last",
                 optimizer={"type": "sgd", "learning_rate": 0.5},
                 validation={"column": "part"})
    got = client.predict(name, [[0], [2]])["outputs"]
    assert got[0][0] == pytest.approx(0, abs=1e-2)
    assert got[1][0] == pytest.approx(2, abs=1e-2)


@pytest.mark.parametrize("spec, pointer", [
    ({"column": "gone"}, "/validation/column"),
    ({"column": "y"}, "/validation/column"),
    ({"column": "x"}, "/validation/column"),
    ({"column": ""}, "/validation/column"),
    ({"column": 3}, "/validation/column"),
    ({"column": "part", "fraction": 0.1}, "/validation"),
    ({}, "/validation"),
])
def test_a_column_that_tells_nothing(client, name, spec, pointer):
    client.network(name, [(1, "linear")], 1)
    client.dataset(name, parts(), "?target=y")
    answer = client.post("/v1/jobs", {"network": name, "dataset": name,
                                      "validation": spec})
    assert answer.status == 422 and pointer in answer.pointers, answer


def refused(client, name, validation, dataset=None):
    """The mistakes of a job that is sure to fail, by dry run and by POST."""
    body = {"network": name, "dataset": dataset or name,
            "validation": validation}
    answer = client.post("/v1/jobs", body)
    assert answer.status == 422, answer
    dry = client.ok("POST", "/v1/jobs?dry_run=true", 200, json_body=body)
    assert dry["errors"] == answer.json["errors"]
    return [(x["pointer"], x["detail"]) for x in dry["errors"]]


@pytest.mark.parametrize("words, told", [
    (["train", "test"], 'column "part" has "train", "test": rows to validate '
     'with say "validation", "val" or "valid"'),
    (["val"], 'column "part" has "val": rows to train on say "train"'),
    (["train", "val", "trian"], 'column "part" has "trian"; expected "train", '
     '"validation" ("val", "valid") or "test"'),
    (["train", "val", ""], 'column "part" says nothing in 2 of the rows; '
     'expected "train", "validation" or "test" in each'),
])
def test_parts_that_are_none(client, name, words, told):
    client.network(name, [(1, "linear")], 1)
    client.dataset(name, "x,y,part\n" + "".join(
        f"{i},{i / 8},{word}\n" for i in range(2) for word in words),
        "?target=y&task=regression")
    assert refused(client, name, {"column": "part"}) == [
        ("/validation/column", told)]


@pytest.mark.parametrize("rows, fraction, told", [
    ("0,1.5\n1,2.5\n2,3.5\n3,4.5\n", 0.1,
     "0.1 of 4 rows leaves none to validate with: it takes 1/8 at least"),
    ("0,1.5\n", 0.9,
     "leaves none to validate with: the only row has to train"),
    # The rows of each class are drawn from apart.
    ("0,a\n1,a\n2,b\n3,b\n4,b\n", 0.15,
     "0.15 of each class (3 rows at most) leaves none to validate with: it "
     "takes 1/6 at least"),
    ("0,a\n1,b\n", 0.9, "leaves none to validate with: no class has more than "
     "one row, which has to train"),
])
def test_too_few_rows_to_validate_with(client, name, rows, fraction, told):
    client.dataset(name, "x,y\n" + rows, "?target=y")
    client.ok("POST", "/v1/networks", 201, json_body={
        "name": name, "dataset": name, "layers": [{"type": "dense"}]})
    assert refused(client, name, {"fraction": fraction}) == [
        ("/validation/fraction", told)]


@pytest.mark.parametrize("rows, fraction", [
    ("0,1.5\n1,2.5\n2,3.5\n3,4.5\n", 0.125),
    ("0,a\n1,a\n2,b\n3,b\n4,b\n", 0.17),
])
def test_just_enough_rows_to_validate_with(client, name, rows, fraction):
    client.dataset(name, "x,y\n" + rows, "?target=y")
    client.ok("POST", "/v1/networks", 201, json_body={
        "name": name, "dataset": name, "layers": [{"type": "dense"}]})
    job = client.train(name, name, epochs=1, validation={"fraction": fraction})
    assert "val_loss" in job["metrics"]


def test_rows_to_validate_with_that_are_of_another_kind(client, name):
    client.network(name, [(1, "linear")], 2)
    client.dataset(name, "a,b,y\n1,2,1.5\n2,3,2.5\n", "?target=y")
    client.dataset(f"{name}.v", "a,c,y\nred,2,1.5\nblue,3,\n",
                   "?task=regression&target=c")
    assert refused(client, name, {"dataset": f"{name}.v"}) == [
        ("/validation/dataset", "column 'a' is categorical, the network was "
         "trained on numbers"),
        ("/validation/dataset", "the dataset has no column 'b', which is an "
         "input of the network")]
    client.dataset(f"{name}.w", "a,b,y,z\n1,2,1.5,1\n1,3,,2\n",
                   "?task=regression&target=z")
    assert refused(client, name, {"dataset": f"{name}.w"}) == [
        ("/validation/dataset", "1 of its rows have no value in column 'y', "
         "which is a target of the network")]


# --- several outputs, several labels ------------------------------------------------

def test_multi_label_reports_the_share_of_right_answers(client, name):
    """Three questions a row: is x > 0, is y > 0, are both."""
    def row(i):
        x, y = (i * 37 % 100) / 50 - 0.99, (i * 61 % 100) / 50 - 0.99
        return [x, y], [float(x > 0), float(y > 0), float(x > 0 and y > 0)]
    rows = [row(i) for i in range(100)]
    client.rows(name, [x for x, _ in rows], [t for _, t in rows])
    client.network(name, [(16, "tanh"), (3, "sigmoid")], 2,
                   loss="binary_cross_entropy")
    job = client.train(name, name, epochs=300, keep="last",
                       validation={"fraction": 0.2},
                       optimizer={"type": "adam", "learning_rate": 0.01},
                       stop_when={"accuracy_above": 0.999,
                                  "monitor": "val_accuracy"})
    assert job["metrics"]["accuracy"] > 0.95
    assert job["metrics"]["val_accuracy"] > 0.9
    first = client.history(job["id"])[0]
    # Of 80 rows with 3 questions each, the share that was right.
    assert first["accuracy"] * 240 == pytest.approx(
        round(first["accuracy"] * 240), abs=1e-6)


# --- clipping -------------------------------------------------------------------------

def one_step(client, name, **spec):
    """How far weight and bias move in one step of sgd at rate 1."""
    client.train(name, name, epochs=1, batch_size="full", keep="last",
                 start_from="initial",
                 optimizer={"type": "sgd", "learning_rate": 1}, **spec)
    layer = client.weights(name, client.ok(
        "GET", f"/v1/networks/{name}", 200)["latest_version"])["layers"][0]
    return -layer["weight"][0][0], -layer["bias"][0]


def test_gradients_are_clipped_by_norm_and_by_value(client, name):
    """From zeros, E = (t - wx - b)^2 / 2 at x = 4, t = 3: gradient (-12, -3)."""
    client.ok("POST", "/v1/networks", 201, json_body={
        "name": name, "input_shape": [1], "loss": "squared_error",
        "layers": [{"type": "dense", "units": 1, "activation": "linear",
                    "init": "zeros"}]})
    client.dataset(name, "x,y\n4,3\n4,3\n")
    assert one_step(client, name) == (-12, -3)
    norm = 153 ** 0.5
    assert one_step(client, name, clip_norm=1) == pytest.approx(
        (-12 / norm, -3 / norm), rel=1e-5)
    assert one_step(client, name, clip_norm=100) == (-12, -3)
    assert one_step(client, name, clip_value=5) == (-5, -3)
    assert one_step(client, name, clip_norm=1, clip_value=0.5) == pytest.approx(
        (-0.5, -3 / norm), rel=1e-5)
    # What is told is the norm before it was clipped.
    job = client.train(name, name, epochs=1, clip_norm=1, start_from="initial")
    assert client.history(job["id"])[0]["gradient_norm"] == pytest.approx(norm)
    assert job["clip_norm"] == 1 and job["clip_value"] is None


@pytest.mark.parametrize("member", ["clip_norm", "clip_value"])
@pytest.mark.parametrize("value", [0, -1, "1", True])
def test_clipping_that_is_none(client, name, member, value):
    client.network(name, [(1, "linear")], 2)
    client.dataset(name, XOR)
    answer = client.post("/v1/jobs", {"network": name, "dataset": name,
                                      member: value})
    assert answer.status == 422 and answer.pointers == [f"/{member}"], answer


def test_clipping_saves_a_run_that_would_blow_up(client, name):
    client.network(name, [(1, "linear")], 1)
    client.dataset(name, "x,y\n10,20.5\n-10,-19.5\n")
    spec = dict(epochs=200, batch_size="full", start_from="initial",
                optimizer={"type": "sgd", "learning_rate": 0.1})
    failed = client.ended(client.submit(name, name, **spec))
    assert failed["status"] == "failed"
    assert failed["error"]["code"] == "loss_not_finite"
    saved = client.train(name, name, clip_norm=0.5, **spec)
    assert saved["metrics"]["loss"] < 1


# --- rprop -------------------------------------------------------------------------

def test_rprop_takes_all_rows_at_once(client, name):
    client.network(name, [(4, "tanh"), (1, "sigmoid")], 2)
    client.dataset(name, XOR)
    job = client.train(name, name, epochs=200,
                       optimizer={"type": "rprop", "delta_0": 0.01})
    assert job["batch_size"] == "full"
    assert "learning_rate" not in job["optimizer"]
    assert job["optimizer"]["eta_plus"] == pytest.approx(1.2)
    assert job["metrics"]["loss"] < 0.01
    assert all("learning_rate" not in r for r in client.history(job["id"]))
    client.train(name, name, epochs=1, batch_size="full",
                 optimizer={"type": "rprop"})


@pytest.mark.parametrize("spec, pointer", [
    ({"batch_size": 32}, "/batch_size"),
    ({"schedule": {"type": "cosine"}}, "/schedule"),
    ({"optimizer": {"type": "rprop", "learning_rate": "auto"}},
     "/optimizer/learning_rate"),
])
def test_what_rprop_has_no_use_for(client, name, spec, pointer):
    client.network(name, [(1, "sigmoid")], 2)
    client.dataset(name, XOR)
    answer = client.post("/v1/jobs", {"network": name, "dataset": name,
                                      "optimizer": {"type": "rprop"}, **spec})
    assert answer.status == 422 and answer.pointers == [pointer], answer
