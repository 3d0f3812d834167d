#!/usr/bin/python3
"""What checkpoints cost a job: N3 (784-1024-1024-10, momentum, batch 128).

usage: bench_checkpoint.py BACKPROPD [--pairs N] [--rows R]

Jobs of one epoch take turns: one with no checkpoint before its end, and one
with as many as there is time for.  Their difference, by the number of
checkpoints, is the price of one: in time that the job takes longer, and in
processor time of all threads.  Medians over pairs; shares are of 10 s (the
default interval) and of an epoch of Fashion-MNIST's 60,000 rows.
"""

import argparse
import os
import random
import statistics
import tempfile

from daemon import Daemon, npy_head

TICK = os.sysconf("SC_CLK_TCK")
NEVER, OFTEN = 3600, 0.1


def prepare(daemon, rows):
    daemon.upload("rows", npy_head("|u1", (rows, 784)) +
                  random.Random(1).randbytes(rows * 784),
                  npy_head("|u1", (rows,)) +
                  bytes(i * 7 % 10 for i in range(rows)))
    daemon.network("n3", 784, [1024, 1024, 10], "relu", "softmax",
                   "cross_entropy")


def processor_seconds(daemon):
    with open(f"/proc/{daemon.process.pid}/stat") as file:
        field = file.read().rsplit(")", 1)[1].split()
    return (int(field[11]) + int(field[12])) / TICK


def metric(daemon, name):
    return next(float(line.split()[1])
                for line in daemon.ask("GET", "/metrics").splitlines()
                if line.startswith(f"backpropd_{name} "))


def train(daemon, checkpoint_seconds):
    """Seconds of the epoch, processor time, writes."""
    spent = processor_seconds(daemon)
    wrote = metric(daemon, "store_writes_total")
    row, = daemon.train(
        network="n3", dataset="rows", epochs=1, seed=1, batch_size=128,
        start_from="initial", scale_inputs="min_max",
        optimizer={"type": "sgd", "learning_rate": 0.01, "momentum": 0.9},
        checkpoint_seconds=checkpoint_seconds)
    return (row["seconds"], processor_seconds(daemon) - spent,
            metric(daemon, "store_writes_total") - wrote)


def pair(daemon):
    """The price of one checkpoint, the epoch without any, and how many."""
    quiet, busy = train(daemon, NEVER), train(daemon, OFTEN)
    n = busy[2] - quiet[2]
    return [(busy[i] - quiet[i]) / n for i in (0, 1)] + [quiet[0], n]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("backpropd")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--rows", type=int, default=20000)
    a = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        for threads in (1, 2):
            with Daemon(a.backpropd, f"{directory}/{threads}.db", "--threads",
                        str(threads), "--training-nice", "0") as daemon:
                prepare(daemon, a.rows)
                train(daemon, NEVER)  # the first finds no page in memory
                seen = [pair(daemon) for _ in range(a.pairs)]
                state = metric(daemon, "checkpoint_bytes")
            longer, processor, epoch, n = (statistics.median(x)
                                           for x in zip(*seen))
            whole = epoch * 60000 / a.rows
            print(f"{threads} thread{'s' * (threads > 1)}: state "
                  f"{state / 1e6:.0f} MB; a checkpoint ({n:.0f} in an "
                  f"epoch of {epoch:.2f} s) delays by {longer * 1e3:.0f} ms "
                  f"and takes {processor * 1e3:.0f} ms of processor time: "
                  f"every 10 s {longer * 10:.2f} % of the time, "
                  f"{processor * 10 / threads:.2f} % of the processors; after "
                  f"each epoch of 60000 rows ({whole:.1f} s) "
                  f"{longer / whole * 100:.2f} % and "
                  f"{processor / whole / threads * 100:.2f} %")


main()
