#!/usr/bin/env python3
"""Rows a second of a dataset four times the memory budget, and in memory.

usage: bench_larger.py BACKPROPD [ROWS]    ROWS x 20 numbers, 10 million
"""
import json
import os
import random
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request

WIDTH, EPOCHS = 20, 3


def npy(path, shape, pieces):
    head = (f"{{'descr': '|u1', 'fortran_order': False, "
            f"'shape': {tuple(shape)!r}, }}").encode()
    head += b" " * (-(len(head) + 11) % 64) + b"\n"
    with open(path, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head)
        for piece in pieces:
            file.write(piece)


def call(url, method, path, body=None):
    request = urllib.request.Request(
        url + path, method=method, data=json.dumps(body).encode() if body
        else None, headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def run(program, directory, rows, memory_mib):
    daemon = subprocess.Popen(
        [program, "--listen", "127.0.0.1:0", "--database",
         os.path.join(directory, f"{memory_mib}.db"), "--memory-mib",
         str(memory_mib), "--workers", "1"], stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL)
    try:
        url = daemon.stdout.readline().decode().split()[-1]
        subprocess.run(["curl", "-fsS", "-o", "/dev/null", "-X", "PUT", "-F",
                        f"inputs=@{directory}/x.npy", "-F",
                        f"targets=@{directory}/t.npy",
                        url + "/v1/datasets/d"], check=True)
        call(url, "POST", "/v1/networks", {
            "name": "n", "dataset": "d", "layers": [
                {"type": "dense", "units": 32, "activation": "relu"},
                {"type": "dense"}]})
        job = call(url, "POST", "/v1/jobs", {
            "network": "n", "dataset": "d", "epochs": EPOCHS,
            "batch_size": 256, "scale_inputs": "standard"})["id"]
        while call(url, "GET", f"/v1/jobs/{job}")["status"] not in (
                "succeeded", "failed"):
            time.sleep(0.5)
        rows = call(url, "GET", f"/v1/jobs/{job}/history")["data"]
        own = next(line for line in open(f"/proc/{daemon.pid}/status")
                   if line.startswith("RssAnon"))
        return max(r["samples_per_second"] for r in rows), own.split()[1]
    finally:
        daemon.terminate()
        daemon.wait()


def main():
    program = sys.argv[1]
    rows = int(sys.argv[2]) if len(sys.argv) > 2 else 10_000_000
    table = rows * (WIDTH + 1) * 4 >> 20
    rng = random.Random(1)
    with tempfile.TemporaryDirectory(dir=os.path.dirname(program)) as directory:
        def inputs():
            for at in range(0, rows, 1 << 16):
                yield rng.randbytes(min(1 << 16, rows - at) * WIDTH)
        npy(f"{directory}/x.npy", [rows, WIDTH], inputs())
        npy(f"{directory}/t.npy", [rows], [b"\x00\x01" * (rows // 2)])
        small, small_own = run(program, directory, rows, max(16, table // 4))
        large, large_own = run(program, directory, rows, 4 * table)
        print(f"{rows} rows x {WIDTH}, {table} MiB: in {table // 4} MiB "
              f"{small:,.0f} rows/s (own memory {int(small_own) >> 10} MiB), in "
              f"memory {large:,.0f} ({int(large_own) >> 10} MiB): "
              f"{100 * small / large:.0f} %")


if __name__ == "__main__":
    main()
