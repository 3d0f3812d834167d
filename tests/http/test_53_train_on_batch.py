"""Learning while serving: one update a request, durable when it answers."""

import http.client
import json
import math
import random
import threading

import pytest

from support import SLOW, close, two_groups

RATE = {"type": "sgd", "learning_rate": 0.5}


def update(client, name, inputs, targets, **rest):
    return client.ok("POST", f"/v1/networks/{name}/train_on_batch", 200,
                     json_body={"inputs": inputs, "targets": targets, **rest})


def refuse(client, name, status, body, pointer=None):
    answer = client.post(f"/v1/networks/{name}/train_on_batch", body)
    assert answer.status == status, answer
    if pointer is not None:
        assert pointer in answer.pointers, answer
    return answer


@pytest.fixture
def line(client, name):
    """y = w x + b, from w = 1, b = 0; E = (t - y)^2 / 2."""
    client.network(name, [(1, "linear")], 1)
    client.put_weights(name, [([[1]], [0])])
    return name


def test_one_update_is_the_textbooks(client, line):
    """w += eta (t - y) x, b += eta (t - y)."""
    answer = update(client, line, [[2]], [[5]], optimizer=RATE)
    assert answer == {"loss": 4.5, "version": 2}
    layer = client.weights(line, 2)["layers"][0]
    assert layer["weight"] == [[1 + 0.5 * 3 * 2]]
    assert layer["bias"] == [0.5 * 3]
    assert client.predict(line, [[1]]) == {
        "network": line, "version": 2, "outputs": [[5.5]]}


def test_weights_of_rows_multiply_their_loss(client, line):
    """The mean over two rows, one of them with a negative weight."""
    answer = update(client, line, [[1], [2]], [0, 0],
                    sample_weights=[1, -0.5], optimizer=RATE)
    assert answer["loss"] == (0.5 * 1 - 0.5 * 0.5 * 4) / 2
    # dE/dw = mean of s (y - t) x: (1 - 0.5 * 4) / 2; dE/db = (1 - 0.5 * 2) / 2
    layer = client.weights(line, answer["version"])["layers"][0]
    assert layer["weight"] == [[1 - 0.5 * (1 - 2) / 2]]
    assert layer["bias"] == [0]


def momentum(client, name, steps):
    for _ in range(steps):
        last = update(client, name, [[1]], [[0]], optimizer={
            "type": "sgd", "learning_rate": 0.1, "momentum": 0.9})
    return last


def by_hand(steps):
    w, b, vw, vb = 1.0, 0.0, 0.0, 0.0
    for _ in range(steps):
        d = w + b
        vw, vb = 0.9 * vw - 0.1 * d, 0.9 * vb - 0.1 * d
        w, b = w + vw, b + vb
    return w, b


def test_the_optimisers_state_stays(client, line):
    momentum(client, line, 5)
    layer = client.weights(line, 6)["layers"][0]
    w, b = by_hand(5)
    assert close(layer["weight"][0][0], w, 1e-6)
    assert close(layer["bias"][0], b, 1e-6)


def test_the_optimiser_need_not_be_said_again(client, line):
    momentum(client, line, 4)
    update(client, line, [[1]], [[0]])
    assert close(client.weights(line, 6)["layers"][0]["weight"][0][0],
                 by_hand(5)[0], 1e-6)


def test_it_is_durable_when_it_answers(new_daemon):
    daemon = new_daemon().start()
    client = daemon.client
    client.network("line", [(1, "linear")], 1)
    client.put_weights("line", [([[1]], [0])])
    momentum(client, "line", 3)
    daemon.kill()
    daemon.start()
    client = daemon.client
    assert client.predict("line", [[0]])["version"] == 4
    momentum(client, "line", 2)
    assert close(client.weights("line", 6)["layers"][0]["weight"][0][0],
                 by_hand(5)[0], 1e-6)


def test_updates_do_not_pile_up(client, line):
    for _ in range(10):
        update(client, line, [[1]], [[0]])
    versions = [v["version"] for v in client.ok(
        "GET", f"/v1/networks/{line}/versions", 200)["data"]]
    assert versions == [0, 1, 11]  # initial, uploaded, live
    client.put_weights(line, [([[3]], [0])])
    update(client, line, [[1]], [[0]])
    versions = [v["version"] for v in client.ok(
        "GET", f"/v1/networks/{line}/versions", 200)["data"]]
    assert versions == [0, 1, 11, 12, 13]


def test_each_prediction_sees_the_last_update(client, line):
    for i in range(2, 30):
        version = update(client, line, [[1]], [[0]], optimizer={
            "type": "sgd", "learning_rate": 0.01})["version"]
        assert version == i
        assert client.predict(line, [[1]])["version"] == version


def test_updates_at_once_are_one_after_the_other(client, line):
    def many():
        for _ in range(10):
            update(client, line, [[0]], [[1]], optimizer={
                "type": "sgd", "learning_rate": 0.01})
    threads = [threading.Thread(target=many) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    answer = client.predict(line, [[0]])
    assert answer["version"] == 41
    assert close(answer["outputs"][0][0], 1 - 0.99 ** 40, 1e-5)


def test_raw_records_and_names_of_classes(client, name):
    client.dataset(name, two_groups())
    client.network(name, [(2, "softmax")], 2, loss="cross_entropy")
    client.train(name, name, epochs=1, scale_inputs="standard")
    row = [[1.5, 1.5]]
    before = client.predict(name, row)["outputs"][0]
    update(client, name, row, ["blue"], optimizer=RATE)
    after = client.predict(name, row)
    index = next(x["index"] for x in client.ok(
        "POST", f"/v1/networks/{name}/predict?top=2", 200,
        json_body={"inputs": row})["top"][0] if x["label"] == "blue")
    assert after["outputs"][0][index] > before[index]
    refuse(client, name, 422, {"inputs": row, "targets": ["green"]},
           "/targets/0")


@pytest.mark.parametrize("body, pointer", [
    ({"targets": [[1]]}, "/inputs"),
    ({"inputs": [[1]]}, "/targets"),
    ({"inputs": [[1], [2]], "targets": [[1]]}, "/targets"),
    ({"inputs": [[1]], "targets": [[1, 2]]}, "/targets/0"),
    ({"inputs": [[1]], "targets": [["x"]]}, "/targets/0/0"),
    ({"inputs": [[1]], "targets": ["x"]}, "/targets/0"),
    ({"inputs": [[1, 2]], "targets": [[1]]}, "/inputs/0"),
    ({"inputs": [[1]], "targets": [[1]], "sample_weights": [1, 2]},
     "/sample_weights"),
    ({"inputs": [[1]], "targets": [[1]], "sample_weights": ["a"]},
     "/sample_weights/0"),
    ({"inputs": [[1]], "targets": [[1e39]]}, "/targets/0/0"),
    ({"inputs": [[1]], "targets": [[1]], "optimizer": {"type": "magic"}},
     "/optimizer/type"),
    ({"inputs": [[1]], "targets": [[1]],
      "optimizer": {"type": "sgd", "learning_rate": "auto"}},
     "/optimizer/learning_rate"),
    ({"inputs": [[1]], "targets": [[1]], "more": 1}, "/more")])
def test_a_mistake_is_named(client, line, body, pointer):
    refuse(client, line, 422, body, pointer)
    assert client.predict(line, [[1]])["version"] == 1


def test_what_cannot_be_updated(client, line):
    body = {"inputs": [[1]], "targets": [[1]]}
    refuse(client, "not-there", 404, body)
    client.ok("PATCH", f"/v1/networks/{line}", 200,
              json_body={"serving_version": 0})
    assert refuse(client, line, 409, body).json["code"] == "version_pinned"
    client.ok("PATCH", f"/v1/networks/{line}", 200,
              json_body={"serving_version": None})
    answer = refuse(client, line, 409, {
        "inputs": [[1e30]], "targets": [[-1e30]],
        "optimizer": {"type": "sgd", "learning_rate": 1e30}})
    assert answer.json["code"] == "loss_not_finite"
    assert client.predict(line, [[1]])["outputs"] == [[1]]


# --- CartPole: a client that learns by trying ------------------------------------

class CartPole:
    """Barto, Sutton & Anderson 1983: a pole on a cart, pushed left or right."""

    def __init__(self, state):
        self.state = state

    def step(self, action):
        """False: it fell, or ran off the track."""
        x, xd, th, thd = self.state
        force = 10.0 if action else -10.0
        sin, cos = math.sin(th), math.cos(th)
        temp = (force + 0.05 * thd * thd * sin) / 1.1
        thacc = (9.8 * sin - cos * temp) / (0.5 * (4 / 3 - 0.1 * cos * cos
                                                   / 1.1))
        xacc = temp - 0.05 * thacc * cos / 1.1
        self.state = (x + 0.02 * xd, xd + 0.02 * xacc,
                      th + 0.02 * thd, thd + 0.02 * thacc)
        return abs(self.state[0]) <= 2.4 and \
            abs(self.state[2]) <= 12 * math.pi / 180


def test_cartpole_is_the_published_one():
    pole = CartPole((.01, -.02, .03, -.04))
    pole.step(1)
    for got, known in zip(pole.state, (0.0096, 0.17467919574755525, 0.0292,
                                       -0.32306871796000813)):
        assert close(got, known, 1e-12)
    for action in (0, 1, 1, 0, 0, 1, 0, 1, 1):
        pole.step(action)
    for got, known in zip(pole.state, (
            0.03306434840156223, 0.3687118497547738, -0.013406089546873787,
            -0.5915697373761108)):
        assert close(got, known, 1e-12)


def play(link, name, draw, n, limit=500, greedy=False):
    """n episodes side by side, one prediction for all of them a step: per
    episode its states and actions."""
    poles = [CartPole(tuple(draw.uniform(-.05, .05) for _ in range(4)))
             for _ in range(n)]
    episodes = [([], []) for _ in poles]
    alive = list(range(n))
    while alive:
        rows = [list(poles[i].state) for i in alive]
        left = []
        for i, row, (_, right) in zip(alive, rows, link.predict(name, rows)):
            action = int(right > 0.5 if greedy else draw.random() < right)
            episodes[i][0].append(row)
            episodes[i][1].append(action)
            if poles[i].step(action) and len(episodes[i][0]) < limit:
                left.append(i)
        alive = left
    return episodes


def advantages(episodes):
    """Discounted returns, standardised over the batch."""
    returns = []
    for states, _ in episodes:
        total, back = 0.0, []
        for _ in states:
            total = 1 + 0.99 * total
            back.append(total)
        returns += back[::-1]
    mean = sum(returns) / len(returns)
    std = math.sqrt(sum((r - mean) ** 2 for r in returns) / len(returns))
    return [(r - mean) / (std + 1e-8) for r in returns]


class Link:
    """One connection for the thousands of predictions of a game."""

    def __init__(self, client):
        self.link = http.client.HTTPConnection(client.host, client.port,
                                               timeout=60 * SLOW)

    def post(self, path, body):
        self.link.request("POST", path, json.dumps(body),
                          {"Content-Type": "application/json"})
        response = self.link.getresponse()
        answer = response.read()
        assert response.status == 200, answer
        return json.loads(answer)

    def predict(self, name, rows):
        return self.post(f"/v1/networks/{name}/predict",
                         {"inputs": rows})["outputs"]


@pytest.mark.heavy
def test_cartpole_is_learnt(client, name):
    """REINFORCE (Williams 1992), 8 episodes an update, through the API only:
    at least 475 of 500 steps in the mean of 100 games."""
    draw = random.Random(1)
    client.network(name, [(32, "tanh"), (2, "softmax")], 4,
                   loss="cross_entropy", seed=1)
    link = Link(client)
    before = sum(len(s) for s, _ in play(link, name, draw, 20)) / 20
    assert before < 60, before
    adam = {"type": "adam", "learning_rate": 0.01}
    for _ in range(400):
        episodes = play(link, name, draw, 8)
        states = [s for row, _ in episodes for s in row]
        actions = [a for _, row in episodes for a in row]
        link.post(f"/v1/networks/{name}/train_on_batch", {
            "inputs": states, "optimizer": adam,
            "targets": [[1 - a, a] for a in actions],
            "sample_weights": advantages(episodes)})
        if min(len(s) for s, _ in episodes) == 500:
            score = sum(len(s) for s, _ in play(link, name, draw, 100)) / 100
            if score >= 475:
                break
    assert score >= 475, score


def test_targets_are_those_of_the_dataset(client, name):
    """Where the version scales its targets, a batch's are scaled too."""
    rows = "\n".join(f"{x},{1000 + 10 * x}" for x in range(50))
    client.dataset(name, f"x,y\n{rows}")
    client.network(name, [(1, "linear")], 1)
    client.train(name, name, epochs=200, scale_inputs="standard",
                 scale_targets="standard", optimizer={
                     "type": "sgd", "learning_rate": 0.1})
    assert client.predict(name, [[30]])["outputs"][0][0] == pytest.approx(
        1300, rel=1e-4)
    answer = update(client, name, [{"x": 30}], [[1300]], optimizer=RATE)
    assert answer["loss"] < 1e-6, answer
    assert client.predict(name, [[30]])["outputs"][0][0] == pytest.approx(
        1300, rel=1e-4)
    check = client.ok("POST", f"/v1/networks/{name}/gradient_check", 200,
                      json_body={"inputs": [[30], [40]],
                                 "targets": [[1300], [1500]]})
    # (y - t) of the second row: 100 below, in units of the targets' std.
    std = 10 * math.sqrt((50 ** 2 - 1) / 12)
    assert abs(check["layers"][0]["gradient"]) < 2 * 100 / std
