#!/usr/bin/python3
"""train.py torch|sklearn NET THREADS SECONDS DIRECTORY ROWS: samples a second of
one peer, on the first rows of what bench_train.py unpacked there."""

import sys
import time

import numpy

NETS = {  # sizes, batch, optimiser, rate, momentum
    "N1": ([784, 128, 10], 32, "sgd", 0.1, 0.0),
    "N2": ([784, 256, 128, 10], 64, "adam", 0.001, 0.0),
    "N3": ([784, 1024, 1024, 10], 128, "sgd", 0.01, 0.9),
}
peer, net, threads, seconds, directory, rows = (
    sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]),
    sys.argv[5], int(sys.argv[6]))
sizes, batch, optimizer, rate, momentum = NETS[net]
x = numpy.fromfile(f"{directory}/inputs.f32", "<f4",
                   rows * sizes[0]).reshape(rows, sizes[0])
t = numpy.fromfile(f"{directory}/labels.u8", "u1", rows).astype("i8")


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
    x, t = torch.from_numpy(x), torch.from_numpy(t)
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

    from sklearn.neural_network import MLPClassifier

    warnings.filterwarnings("ignore")
    model = MLPClassifier(sizes[1:-1], solver=optimizer, batch_size=batch,
                          learning_rate_init=rate, momentum=momentum,
                          nesterovs_momentum=False, alpha=0)

    def epoch():
        model.partial_fit(x, t, classes=range(sizes[-1]))

measure(epoch)
