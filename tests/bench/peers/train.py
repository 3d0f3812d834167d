#!/usr/bin/python3
"""train.py torch|sklearn NET THREADS SECONDS: samples a second of one peer."""

import sys
import time

NETS = {  # sizes, batch, optimiser, rate, momentum, rows
    "N1": ([784, 128, 10], 32, "sgd", 0.1, 0.0, 3200),
    "N2": ([784, 256, 128, 10], 64, "adam", 0.001, 0.0, 3200),
    "N3": ([784, 1024, 1024, 10], 128, "sgd", 0.01, 0.9, 1280),
}
peer, net, threads, seconds = (sys.argv[1], sys.argv[2], int(sys.argv[3]),
                               float(sys.argv[4]))
sizes, batch, optimizer, rate, momentum, rows = NETS[net]


def measure(epoch):
    epoch()  # not counted
    began, done = time.monotonic(), 0
    while time.monotonic() - began < seconds:
        epoch()
        done += rows
    print(done / (time.monotonic() - began))


if peer == "torch":
    import torch

    torch.set_num_threads(threads)
    torch.manual_seed(1)
    x = torch.rand(rows, sizes[0]) - 0.5
    t = torch.arange(rows) * 7 % sizes[-1]
    layers = []
    for a, b in zip(sizes, sizes[1:]):
        layers += [torch.nn.Linear(a, b), torch.nn.ReLU()]
    model = torch.nn.Sequential(*layers[:-1])
    loss_of = torch.nn.CrossEntropyLoss()
    step = (torch.optim.Adam(model.parameters(), lr=rate)
            if optimizer == "adam" else
            torch.optim.SGD(model.parameters(), lr=rate, momentum=momentum))

    def epoch():
        order = torch.randperm(rows)
        for i in range(0, rows, batch):
            these = order[i:i + batch]
            step.zero_grad()
            loss_of(model(x[these]), t[these]).backward()
            step.step()
else:
    import warnings

    import numpy
    from sklearn.neural_network import MLPClassifier

    warnings.filterwarnings("ignore")
    generator = numpy.random.default_rng(1)
    x = generator.random((rows, sizes[0]), dtype=numpy.float32) - 0.5
    t = numpy.arange(rows) * 7 % sizes[-1]
    model = MLPClassifier(sizes[1:-1], solver=optimizer, batch_size=batch,
                          learning_rate_init=rate, momentum=momentum,
                          nesterovs_momentum=False, alpha=0)

    def epoch():
        model.partial_fit(x, t, classes=range(sizes[-1]))

measure(epoch)
