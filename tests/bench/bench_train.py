#!/usr/bin/python3
"""Samples trained on a second, ours beside others', in one run.

usage: bench_train.py BACKPROPD BENCH_CORE [--repeats N] [--seconds S]

N1 to N3 train on Fashion-MNIST, float32 in memory: `core` is nn/ alone, over the
rows as they lie, `job` the same network through the daemon's job API, in an
order drawn anew each epoch, as the peers do it.  All take turns, N times, and
medians are shown; before and after each run of ours a loop of fused
multiply-adds tells what the machine could do just then.
"""

import argparse
import contextlib
import gzip
import io
import os
import pathlib
import platform
import statistics
import subprocess
import tempfile

import numpy

from daemon import LIMIT, Daemon

HERE = pathlib.Path(__file__).resolve().parent
FASHION = pathlib.Path(os.environ.get("FASHION_MNIST",
                                      "/usr/share/datasets/fashion-mnist"))
NETS = {  # layers, rows, batch, optimiser, flop a sample
    "N1": ([128, 10], 60000, 32, {"type": "sgd", "learning_rate": 0.1},
           4 * 784 * 128 + 6 * 128 * 10),
    "N2": ([256, 128, 10], 60000, 64, {"type": "adam"},
           4 * 784 * 256 + 6 * (256 * 128 + 128 * 10)),
    "N3": ([1024, 1024, 10], 6400, 128,
           {"type": "sgd", "learning_rate": 0.01, "momentum": 0.9},
           4 * 784 * 1024 + 6 * (1024 * 1024 + 1024 * 10)),
}
TINY = {"XOR": (2, 2, 1), "iris": (4, 10, 3)}
TINY_ROWS = 100000


def without_tuning():
    """Peers at their best: OpenBLAS finds the machine out by itself."""
    return {k: v for k, v in os.environ.items()
            if k not in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")}


def rate(command, threads=1):
    environment = dict(without_tuning(), OMP_NUM_THREADS=str(threads),
                       OPENBLAS_NUM_THREADS=str(threads))
    done = subprocess.run([str(c) for c in command], env=environment,
                          text=True, capture_output=True, check=True,
                          timeout=LIMIT)
    return [float(word) for word in done.stdout.split()]


def npy(array):
    file = io.BytesIO()
    numpy.save(file, array)
    return file.getvalue()


def unpack(directory):
    """The training set as files of numbers: pixels 0 to 1, labels 0 to 9."""
    if not FASHION.is_dir():
        raise SystemExit("bench_train: needs Fashion-MNIST (Debian: "
                         "dataset-fashion-mnist), or FASHION_MNIST=directory")

    def read(name, offset):
        with gzip.open(FASHION / f"train-{name}-ubyte.gz") as file:
            return numpy.frombuffer(file.read(), numpy.uint8, offset=offset)

    (read("images-idx3", 16) / numpy.float32(255)).tofile(
        f"{directory}/inputs.f32")
    read("labels-idx1", 8).tofile(f"{directory}/labels.u8")


def prepare(daemon, directory):
    generator = numpy.random.default_rng(1)

    def some(*shape):
        return npy(generator.random(shape, dtype=numpy.float32))

    inputs = numpy.fromfile(f"{directory}/inputs.f32", "<f4").reshape(-1, 784)
    labels = numpy.fromfile(f"{directory}/labels.u8", "u1")
    for rows in {net[1] for net in NETS.values()}:
        daemon.upload(f"rows-{rows}", npy(inputs[:rows]), npy(labels[:rows]))
    for name, (units, *_) in NETS.items():
        daemon.network(name.lower(), 784, units, "relu", "softmax",
                       "cross_entropy")
    for name, (n_in, *units) in TINY.items():
        daemon.upload(name.lower(), some(TINY_ROWS, n_in),
                      some(TINY_ROWS, units[-1]))
        daemon.network(name.lower(), n_in, units, "sigmoid", "sigmoid",
                       "squared_error")


def job_rate(daemon, name, seconds):
    """The median epoch of a job that runs for so long, the first left out."""
    if name in NETS:
        _, n_rows, batch_size, optimizer, _ = NETS[name]
        how = {"dataset": f"rows-{n_rows}", "batch_size": batch_size,
               "optimizer": optimizer}
    else:
        how = {"dataset": name.lower(), "batch_size": 1,
               "optimizer": {"type": "sgd", "learning_rate": 0.1}}
    rows = daemon.train(network=name.lower(), epochs=1000000, seed=1,
                        stop_when={"seconds": seconds + 0.5}, **how)
    return statistics.median(row["samples_per_second"]
                             for row in rows[1:] or rows)


def peers(directory):
    """Those that are installed: a name and a command for (net, threads)."""
    found = {}
    for name in ("torch", "sklearn"):
        if subprocess.run(["/usr/bin/python3", "-c", f"import {name}"],
                          capture_output=True).returncode == 0:
            found[name] = name
    fann = pathlib.Path(directory, "train_fann")
    if subprocess.run(["cc", "-O3", "-march=native", "-o", fann,
                       HERE / "peers" / "train_fann.c", "-lfann", "-lm"],
                      capture_output=True).returncode == 0:
        found["FANN"] = fann
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("backpropd")
    parser.add_argument("bench_core")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2)
    a = parser.parse_args()
    seen, peak = {}, {1: [], 2: []}

    def note(net, threads, who, value):
        seen.setdefault((net, threads), {}).setdefault(who, []).append(value)

    def core(net, threads):
        data = (directory, NETS[net][1]) if net in NETS else ()
        value, before, after = rate([a.bench_core, "rate", net, threads,
                                     a.seconds, *data], threads)
        peak[threads] += [before, after]
        note(net, threads, "core", value)

    with (tempfile.TemporaryDirectory() as directory,
          contextlib.ExitStack() as stack):
        unpack(directory)
        others = peers(directory)
        daemons = {}
        for n in (1, 2):
            daemons[n] = stack.enter_context(Daemon(
                a.backpropd, f"{directory}/{n}.db", "--threads", str(n),
                "--training-nice", "0"))
            prepare(daemons[n], directory)
        for _ in range(a.repeats):
            for net in NETS:
                for threads in (1, 2):
                    core(net, threads)
                    note(net, threads, "job",
                         job_rate(daemons[threads], net, a.seconds))
                    for peer in ("torch", "sklearn"):
                        if peer in others:
                            note(net, threads, peer, rate(
                                ["/usr/bin/python3",
                                 HERE / "peers" / "train.py", peer, net,
                                 threads, a.seconds, directory, NETS[net][1]],
                                threads)[0])
            for net in TINY:
                core(net, 1)
                note(net, 1, "job", job_rate(daemons[1], net, a.seconds))
                if "FANN" in others:
                    note(net, 1, "FANN",
                         rate([others["FANN"], net, a.seconds])[0])

    cpu = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo")
                if line.startswith("model name")), platform.machine())
    version = subprocess.run([a.backpropd, "--version"], text=True,
                             capture_output=True).stdout.splitlines()
    print(f"{cpu}; {'; '.join(version)}; {a.repeats} x {a.seconds:g} s")
    peaks = {n: statistics.median(p) for n, p in peak.items()}
    print(f"FMA peak, GFLOP/s: 1 thread {peaks[1]:.1f}, 2 threads "
          f"{peaks[2]:.1f} ({peaks[2] / peaks[1]:.2f} x)")
    names = ["core", "job", "torch", "sklearn", "FANN"]
    print("\nsamples a second" + "".join(f"{n:>12}" for n in names) +
          "   of peak  job/core   core")
    for (net, threads), values in seen.items():
        median = {n: statistics.median(v) for n, v in values.items()}
        line = f"{net:<5}{threads} thread" + ("s" if threads > 1 else " ")
        line += "   " + "".join(f"{median[n]:12,.0f}" if n in median else
                                f"{'-':>12}" for n in names)
        if net in NETS:
            share = median["core"] * NETS[net][4] / peaks[threads] / 1e9
            line += f"{100 * share:9.1f}%"
        else:
            line += " " * 10
        line += f"{median['job'] / median['core']:10.3f}"
        for peer in ("torch", "FANN"):
            if peer in median:
                line += f"{median['core'] / median[peer]:9.2f} x {peer}"
        print(line)


main()
