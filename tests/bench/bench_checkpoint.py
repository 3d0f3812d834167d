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
import json
import os
import random
import statistics
import struct
import subprocess
import tempfile
import time
import urllib.request

TICK = os.sysconf("SC_CLK_TCK")
NEVER, OFTEN = 3600, 0.1


def npy(kind, shape, data):
    head = repr({"descr": kind, "fortran_order": False, "shape": shape})
    head += " " * (63 - (len(head) + 10) % 64) + "\n"
    return (b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) +
            head.encode() + data)


class Daemon:
    def __init__(self, program, threads, directory):
        self.process = subprocess.Popen(
            [program, "--listen", "127.0.0.1:0", "--threads", str(threads),
             "--log-level", "error", "--database", f"{directory}/{threads}.db"],
            stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().split()[-1]

    def ask(self, method, path, body=None, kind="application/json"):
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, body,
                                         {"Content-Type": kind}, method=method)
        with urllib.request.urlopen(request) as answer:
            return answer.read().decode()

    def prepare(self, rows):
        data = random.Random(1)
        body = b""
        for name, array in (
                ("inputs", npy("|u1", (rows, 784), data.randbytes(rows * 784))),
                ("targets", npy("|u1", (rows,),
                                bytes(i * 7 % 10 for i in range(rows))))):
            body += (f'--b\r\nContent-Disposition: form-data; name="{name}"; '
                     f'filename="{name}.npy"\r\n\r\n').encode() + array + b"\r\n"
        self.ask("PUT", "/v1/datasets/rows", body + b"--b--\r\n",
                 "multipart/form-data; boundary=b")
        self.ask("POST", "/v1/networks", {
            "name": "n3", "input_shape": [784], "loss": "cross_entropy",
            "layers": [{"type": "dense", "units": 1024, "activation": "relu"},
                       {"type": "dense", "units": 1024, "activation": "relu"},
                       {"type": "dense", "units": 10,
                        "activation": "softmax"}]})

    def processor_seconds(self):
        with open(f"/proc/{self.process.pid}/stat") as file:
            field = file.read().rsplit(")", 1)[1].split()
        return (int(field[11]) + int(field[12])) / TICK

    def writes(self):
        return int(next(line.split()[1]
                        for line in self.ask("GET", "/metrics").splitlines()
                        if line.startswith(
                            "backpropd_store_writes_total")))

    def train(self, checkpoint_seconds):
        """Seconds of the epoch, processor time, writes."""
        before, writes = self.processor_seconds(), self.writes()
        job = json.loads(self.ask("POST", "/v1/jobs", {
            "network": "n3", "dataset": "rows", "epochs": 1, "seed": 1,
            "batch_size": 128, "start_from": "initial",
            "scale_inputs": "min_max",
            "optimizer": {"type": "sgd", "learning_rate": 0.01,
                          "momentum": 0.9},
            "checkpoint_seconds": checkpoint_seconds}))["id"]
        while json.loads(self.ask("GET", f"/v1/jobs/{job}"))["status"] in (
                "queued", "running"):
            time.sleep(0.02)
        row, = json.loads(self.ask("GET", f"/v1/jobs/{job}/history"))["data"]
        return (row["seconds"], self.processor_seconds() - before,
                self.writes() - writes)


def pair(daemon):
    """The price of one checkpoint, the epoch without any, and how many."""
    quiet, busy = daemon.train(NEVER), daemon.train(OFTEN)
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
            daemon = Daemon(a.backpropd, threads, directory)
            try:
                daemon.prepare(a.rows)
                daemon.train(NEVER)  # the first finds no page in memory
                seen = [pair(daemon) for _ in range(a.pairs)]
                state = next(line.split()[1] for line in
                             daemon.ask("GET", "/metrics").splitlines()
                             if line.startswith("backpropd_checkpoint_bytes"))
            finally:
                daemon.process.terminate()
                daemon.process.wait()
            longer, processor, epoch, n = (statistics.median(x)
                                           for x in zip(*seen))
            whole = epoch * 60000 / a.rows
            print(f"{threads} thread{'s' * (threads > 1)}: state "
                  f"{float(state) / 1e6:.0f} MB; a checkpoint ({n:.0f} in an "
                  f"epoch of {epoch:.2f} s) delays by {longer * 1e3:.0f} ms "
                  f"and takes {processor * 1e3:.0f} ms of processor time: "
                  f"every 10 s {longer * 10:.2f} % of the time, "
                  f"{processor * 10 / threads:.2f} % of the processors; after "
                  f"each epoch of 60000 rows ({whole:.1f} s) "
                  f"{longer / whole * 100:.2f} % and "
                  f"{processor / whole / threads * 100:.2f} %")


main()
