"""XOR, the problem that made hidden layers famous, from twenty starts."""

from support import XOR

ROWS = [[0, 0], [0, 1], [1, 0], [1, 1]]


def test_xor_from_twenty_seeds(client, name):
    """2-4-1, the textbook's rule with momentum: every start must get there."""
    client.dataset(name, XOR)
    jobs = {}
    for seed in range(20):
        net = f"{name}.{seed}"
        client.network(net, [(4, "sigmoid"), (1, "sigmoid")], 2, seed=seed)
        jobs[net] = client.submit(
            net, name, epochs=3000, batch_size="full",
            optimizer={"type": "sgd", "learning_rate": 2.0, "momentum": 0.9},
            stop_when={"loss_below": 0.005})
    for net, job in jobs.items():
        ended = client.succeeded(job)
        found = client.evaluate(net, name)
        assert found["accuracy"] == 1.0, (net, ended["metrics"])
        assert client.predict(net, ROWS)["labels"] == ["0", "1", "1", "0"]
