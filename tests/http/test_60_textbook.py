"""The worked examples of the textbooks, to the last place of a float32.

Start weights go in by PUT, one pattern is trained for one epoch, and the new
weights are compared with the published ones, recomputed in double precision.
"""

import pytest

from support import close


def one_step(client, name, layers, x, t, rate, activation="sigmoid", epochs=1):
    client.network(name, [(len(bias), activation) for _, bias in layers],
                   len(x))
    client.put_weights(name, layers)
    client.rows(name, [x], [t], "?task=regression")
    return client.train(
        name, name, epochs=epochs, batch_size=1, shuffle=False, keep="last",
        optimizer={"type": "sgd", "learning_rate": rate})


def compare(found, expected, relative=2e-7):
    """Nested lists of numbers; says which one differs."""
    if isinstance(expected, list):
        assert len(found) == len(expected)
        for a, b in zip(found, expected):
            compare(a, b, relative)
    else:
        assert close(found, expected, relative), (found, expected)


def layers_of(client, name, version):
    return [[x["weight"], x["bias"]]
            for x in client.weights(name, version)["layers"]]


# Mazur 2015, "A step by step backpropagation example": 2-2-2, rate 0.5; the
# biases are trained too, which the article leaves out.
MAZUR = [([[0.15, 0.20], [0.25, 0.30]], [0.35, 0.35]),
         ([[0.40, 0.45], [0.50, 0.55]], [0.60, 0.60])]


def test_mazur(client, name):
    job = one_step(client, name, MAZUR, [0.05, 0.10], [0.01, 0.99], 0.5)
    assert close(client.history(job["id"])[0]["loss"], 0.2983711087600027)
    compare(layers_of(client, name, 2), [
        [[[0.1497807161327628, 0.19956143226552567],
          [0.24975114363236958, 0.29950228726473915]],
         [0.3456143226552565, 0.3450228726473914]],
        [[[0.35891647971788465, 0.4086661860762334],
          [0.5113012702387375, 0.5613701211079891]],
         [0.5307507191857215, 0.6190491182582781]]])
    compare(client.predict(name, [[0.05, 0.10]], version=1)["outputs"],
            [[0.7513650695523157, 0.7729284653214625]])
    compare(client.predict(name, [[0.05, 0.10]])["outputs"],
            [[0.7284417622337656, 0.7783769203009705]])


def test_mazur_ten_thousand_times(client, name):
    """Rounding adds up over the steps: a tolerance for 10000 of them."""
    one_step(client, name, MAZUR, [0.05, 0.10], [0.01, 0.99], 0.5,
             epochs=10000)
    compare(client.predict(name, [[0.05, 0.10]])["outputs"],
            [[0.011587527390870083, 0.9884589350256716]], relative=1e-3)
    weights = layers_of(client, name, 2)
    compare(weights[1][0], [[-1.450012594107061, -1.403312449216215],
                            [1.5220676561032973, 1.5729703483198136]],
            relative=1e-3)


def test_han_and_kamber(client, name):
    """Data Mining, "Classification by backpropagation": 3-2-1, rate 0.9."""
    job = one_step(client, name,
                   [([[0.2, 0.4, -0.5], [-0.3, 0.1, 0.2]], [-0.4, 0.2]),
                    ([[-0.3, -0.2]], [0.1])],
                   [1, 0, 1], [1], 0.9)
    assert close(client.predict(name, [[1, 0, 1]], version=1)["outputs"][0][0],
                 0.47388889882398544)
    assert close(client.history(job["id"])[0]["loss"],
                 0.5 * (1 - 0.47388889882398544) ** 2, 3e-7)
    compare(layers_of(client, name, 2), [
        [[[0.19214789423111006, 0.4, -0.50785210576889],
          [-0.30588787655775207, 0.1, 0.19411212344224793]],
         [-0.40785210576888997, 0.19411212344224793]],
        [[[-0.26082884634154524, -0.13802506750700472]],
         [0.21805217039291008]]])


def test_negnevitsky(client, name):
    """Artificial Intelligence, the XOR network's first step: 2-2-1, rate 0.1.
    The book writes thresholds: a bias is their negative."""
    one_step(client, name,
             [([[0.5, 0.4], [0.9, 1.0]], [-0.8, 0.1]),
              ([[-1.2, 1.1]], [-0.3])],
             [1, 1], [0], 0.1)
    compare(layers_of(client, name, 2), [
        [[[0.5038119477996761, 0.40381194779967616],
          [0.8985288179209052, 0.9985288179209052]],
         [-0.796188052200324, 0.09852881792090515]],
        [[[-1.2066873347075837, 1.0887801554606653]],
         [-0.3127382853779363]]])


def test_negnevitskys_final_weights_solve_xor(client, name):
    client.network(name, [(2, "sigmoid"), (1, "sigmoid")], 2)
    client.put_weights(name, [
        ([[4.7621, 4.7618], [6.3917, 6.3917]], [-7.3061, -2.8441]),
        ([[-10.3788, 9.7691]], [-4.5589])])
    compare(client.predict(name, [[1, 1], [0, 1], [1, 0], [0, 0]])["outputs"],
            [[0.015515890994855189], [0.9849483325198776],
             [0.9849452155823636], [0.017486421370632527]], relative=2e-6)


def test_the_symmetry_detector_of_1986(client, name):
    """Rumelhart, Hinton & Williams, Nature 323: 6-2-1."""
    row = [-14.2, 3.6, -7.2, 7.2, -3.6, 14.2]
    client.network(name, [(2, "sigmoid"), (1, "sigmoid")], 6)
    client.put_weights(name, [([row, [-w for w in row]], [-1.1, -1.1]),
                              ([[-9.4, -9.4]], [6.4])])
    patterns = [[i >> k & 1 for k in range(6)] for i in range(64)]
    outputs = [y for y, in client.predict(name, patterns)["outputs"]]
    symmetric = [y for y, p in zip(outputs, patterns) if p == p[::-1]]
    others = [y for y, p in zip(outputs, patterns) if p != p[::-1]]
    assert len(symmetric) == 8
    assert min(symmetric) == pytest.approx(0.84617231651818, rel=1e-5)
    assert max(others) == pytest.approx(0.09563264328296052, rel=1e-5)


def test_xor_of_1986_with_inputs_that_go_past(client, name):
    """Rumelhart, Hinton & Williams: one hidden unit, and the inputs go on to
    the output.  In a chain of layers two more units carry them: sigmoid(x ln 3)
    is 1/2 at 0 and 3/4 at 1, of which the output makes the input again."""
    past = 1.0986122886681098
    client.network(name, [(3, "sigmoid"), (1, "sigmoid")], 2)
    client.put_weights(name, [
        ([[-6.4, -6.4], [past, 0], [0, past]], [2.2, 0, 0]),
        ([[-9.4, -4.2 * 4, -4.2 * 4]], [6.3 + 4.2 * 4])])
    compare(client.predict(name, [[0, 0], [0, 1], [1, 0], [1, 1]])["outputs"],
            [[0.1031832142028104], [0.8766545545799762], [0.8766545545799762],
             [0.10907405982714498]], relative=5e-6)


def test_momentum_by_hand(client, name):
    """y = w x, E = (t - y)^2 / 2: three steps anyone can follow on paper."""
    client.network(name, [(1, "linear")], 1)
    client.put_weights(name, [([[1.0]], [0.0])])
    client.rows(name, [[1]], [[0]], "?task=regression")
    client.train(name, name, epochs=3, batch_size=1, keep="last",
                 optimizer={"type": "sgd", "learning_rate": 0.125,
                            "momentum": 0.5})
    w, b, vw, vb = 1.0, 0.0, 0.0, 0.0
    for _ in range(3):
        g = w + b
        vw, vb = 0.5 * vw - 0.125 * g, 0.5 * vb - 0.125 * g
        w, b = w + vw, b + vb
    compare(layers_of(client, name, 2), [[[[w]], [b]]])


def test_a_batch_is_the_mean_of_its_samples(client, name):
    """Two rows at once move as the mean of their gradients."""
    client.network(name, [(1, "linear")], 1)
    client.put_weights(name, [([[1.0]], [0.0])])
    client.rows(name, [[1], [3]], [[0], [1]], "?task=regression")
    job = client.train(name, name, epochs=1, batch_size="full", keep="last",
                       optimizer={"type": "sgd", "learning_rate": 0.5})
    # dE/dw: (1 - 0) * 1 and (3 - 1) * 3; dE/db: 1 and 2.
    compare(layers_of(client, name, 2),
            [[[[1 - 0.5 * (1 + 6) / 2]], [-0.5 * (1 + 2) / 2]]])
    assert close(client.history(job["id"])[0]["loss"], (0.5 + 2) / 2)
